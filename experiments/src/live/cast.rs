//! Who is who: tenants of the spec are actors, tenants of the proxy are seats. Without partitions all actors have one seat.

use std::time::Duration;

use hare::Resources;
use hopperkv_bench::admin::Quota;
use hopperkv_bench::spec::{Phase, Workload};

use super::{LiveError, MOST_TENANTS, Storage};
use crate::spec::{Policy, Tenant, Traffic};

/// Offsets that an actor may use: keys have ten digits, and so 64 actors fit.
const OFFSETS: u64 = 150_000_000;
/// Name of the seat that all share.
const SHARED: &str = "everybody";

/// Everybody of a run.
#[derive(Debug)]
pub(super) struct Cast {
    pub(super) seats: Vec<Seat>,
    /// In the order of the spec.
    pub(super) actors: Vec<Actor>,
    pub(super) is_shared: bool,
}

/// A tenant of the proxy.
#[derive(Debug, Clone)]
pub(super) struct Seat {
    pub(super) name: String,
    pub(super) base: Resources,
    /// When it is added, from the start of the run.
    pub(super) arrives: Duration,
}

/// A tenant of the spec.
#[derive(Debug, Clone)]
pub(super) struct Actor {
    pub(super) name: String,
    /// Which of the seats it has.
    pub(super) seat: usize,
    /// Its keys moved to where no other actor has any.
    pub(super) workload: Workload,
    /// Requests per second of an open loop.
    pub(super) rate_per_s: Option<f64>,
    pub(super) arrives: Duration,
    pub(super) leaves: Option<Duration>,
}

impl Cast {
    /// # Errors
    /// If a tenant asks for what a live run does not have.
    pub(super) fn of(
        tenants: &[Tenant],
        policy: Policy,
        storage: &Storage,
    ) -> Result<Self, LiveError> {
        if tenants.len() > MOST_TENANTS {
            return Err(LiveError::Unable(format!(
                "{} tenants need as many Redis servers, and one machine has {MOST_TENANTS} at most; simulate it: --engine sim",
                tenants.len()
            )));
        }
        let is_shared = policy == Policy::NonPartitioned;
        let mut actors = Vec::new();
        for (number, tenant) in (0_u64..).zip(tenants) {
            let seat = if is_shared { 0 } else { actors.len() };
            actors.push(Actor::of(tenant, seat, number * OFFSETS, storage)?);
        }
        let seats = if is_shared {
            let base = tenants.iter().map(|tenant| tenant.base).sum();
            vec![Seat { name: SHARED.into(), base, arrives: Duration::ZERO }]
        } else {
            let seat = |tenant: &Tenant| Seat {
                name: tenant.name.clone(),
                base: tenant.base,
                arrives: tenant.arrives,
            };
            tenants.iter().map(seat).collect()
        };
        Ok(Self { seats, actors, is_shared })
    }

    /// Sizes of values by offset, as the proxy's `value_sizes` takes them.
    pub(super) fn value_sizes(&self) -> String {
        let sizes = self.actors.iter().map(|actor| {
            let phase = actor.first();
            format!("{}: {}", phase.first_key, phase.value_bytes)
        });
        sizes.collect::<Vec<_>>().join(", ")
    }
}

impl Seat {
    pub(super) fn password(&self) -> String {
        format!("{}-experiment", self.name)
    }

    /// Whether it is there from the first moment.
    pub(super) fn is_first(&self) -> bool {
        self.arrives.is_zero()
    }

    pub(super) fn base_quota(&self) -> Quota {
        quota_of(self.base)
    }
}

impl Actor {
    fn of(tenant: &Tenant, seat: usize, offset: u64, storage: &Storage) -> Result<Self, LiveError> {
        let unable = |what: &str| Err(LiveError::Unable(format!("tenant {}: {what}", tenant.name)));
        let workload = match &tenant.traffic {
            Traffic::Workload(workload) => workload,
            Traffic::Trace(_) => return unable("a trace cannot be run live; use --engine sim"),
        };
        let mut workload = workload.clone();
        if workload.max_keys() > OFFSETS {
            return unable(&format!("it has more than {OFFSETS} keys; use a smaller scale"));
        }
        for phase in &mut workload.phases {
            phase.first_key = offset;
        }
        let sizes = |phase: &Phase| (phase.value_bytes, phase.key_bytes);
        let first = workload.phases.first().map(sizes);
        let is_one_size = workload.phases.iter().all(|phase| Some(sizes(phase)) == first);
        if !is_one_size && matches!(storage, Storage::Synthetic { .. }) {
            return unable(
                "its values change their size, and synthetic storage has one size for each tenant; use --storage embedded",
            );
        }
        let (name, arrives, leaves) = (tenant.name.clone(), tenant.arrives, tenant.leaves);
        Ok(Self { name, seat, workload, rate_per_s: tenant.rate_per_s, arrives, leaves })
    }

    /// The phase it begins with.
    pub(super) fn first(&self) -> &Phase {
        // A workload has a phase, or it would not have parsed.
        &self.workload.phases[0]
    }

    /// What it asks for in `length` from its own start on; the last phase goes on for as long as needed.
    pub(super) fn within(&self, length: Duration) -> Workload {
        let mut left = length;
        let mut phases = Vec::new();
        for (index, phase) in self.workload.phases.iter().enumerate() {
            let is_last = index + 1 == self.workload.phases.len();
            let lasts = phase.duration.filter(|_| !is_last).unwrap_or(left).min(left);
            if !lasts.is_zero() || phases.is_empty() {
                phases.push(Phase { duration: Some(lasts), ..phase.clone() });
            }
            left -= lasts;
        }
        Workload { phases }
    }
}

pub(super) fn quota_of(share: Resources) -> Quota {
    Quota {
        cache_bytes: share.cache_bytes,
        read_units_per_s: share.read_units_per_s,
        write_units_per_s: share.write_units_per_s,
        net_bytes_per_s: share.net_bytes_per_s,
    }
}

pub(super) fn share_of(quota: Quota) -> Resources {
    Resources {
        cache_bytes: quota.cache_bytes,
        read_units_per_s: quota.read_units_per_s,
        write_units_per_s: quota.write_units_per_s,
        net_bytes_per_s: quota.net_bytes_per_s,
    }
}
