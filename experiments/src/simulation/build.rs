//! Makes the stations of a run from its spec.

use std::sync::Arc;
use std::time::Duration;

use hare::Resources;

use super::cache::{Cache, MOST_KEYS};
use super::entries::EntryBytes;
use super::guest::{Guest, Loop};
use super::learner::Learner;
use super::recording::Recording;
use super::source::Source;
use super::station::Station;
use super::{Model, SimulationError};
use crate::popularity::KeyShelf;
use crate::runner::{Settings, stream_seed};
use crate::spec::{Policy, Spec, Tenant, Traffic};

/// Makes stations.
pub(super) struct Builder<'a> {
    spec: &'a Spec,
    policy: Policy,
    settings: &'a Settings,
    model: &'a Model,
    shelf: KeyShelf,
    tracked_keys: usize,
}

impl<'a> Builder<'a> {
    /// For this run.
    pub(super) fn new(
        spec: &'a Spec,
        policy: Policy,
        settings: &'a Settings,
        model: &'a Model,
    ) -> Self {
        Self { spec, policy, settings, model, shelf: KeyShelf::default(), tracked_keys: 0 }
    }

    /// One station for each tenant, or one for all where nothing is shared out.
    ///
    /// # Errors
    /// A trace that cannot be read, or too many keys.
    pub(super) fn stations(mut self, tenants: &[Tenant]) -> Result<Vec<Station>, SimulationError> {
        let usual = super::tracked_keys(self.spec, tenants.len());
        self.tracked_keys = self.model.tracked_keys.unwrap_or(usual);
        let mut guests = Vec::new();
        for (place, tenant) in tenants.iter().enumerate() {
            guests.push(self.guest(place, tenant)?);
        }
        if self.policy == Policy::NonPartitioned {
            let share = tenants.iter().map(|tenant| tenant.base).sum();
            return Ok(vec![self.station(guests, share)?]);
        }
        let stations = guests.into_iter().zip(tenants);
        stations.map(|(guest, tenant)| self.station(vec![guest], tenant.base)).collect()
    }

    fn guest(&mut self, place: usize, tenant: &Tenant) -> Result<Guest, SimulationError> {
        let number = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
        let traffic = match tenant.rate_per_s {
            Some(rate_per_s) => Loop::Open { rate_per_s },
            None => Loop::Closed {
                connections: number(self.spec.connections),
                depth: number(self.spec.depth as u64),
            },
        };
        let connections = match traffic {
            Loop::Closed { connections, .. } => connections,
            Loop::Open { .. } => 1,
        };
        let seed = stream_seed(self.settings.seed, place as u64, Duration::ZERO);
        let source = match &tenant.traffic {
            Traffic::Workload(workload) => {
                Source::drawn(workload, &mut self.shelf, connections, seed)
            }
            Traffic::Trace(path) => {
                let recording = Recording::read(path, self.settings.scale.factor())?;
                Source::recorded(Arc::new(recording))
            }
        };
        let learns = !matches!(self.policy, Policy::Static | Policy::NonPartitioned);
        let allocator = &self.spec.allocator;
        let reach = times(tenant.base.cache_bytes, allocator.curve_max);
        let windows = usize::try_from(allocator.smoothing).unwrap_or(1);
        let (most, seed) = (self.tracked_keys, self.settings.seed);
        let learner = learns.then(|| Learner::new(reach, windows, most, seed));
        Ok(Guest::new(place, source, traffic, learner, 0))
    }

    fn station(
        &self,
        mut guests: Vec<Guest>,
        share: Resources,
    ) -> Result<Station, SimulationError> {
        let mut keys = 0_u64;
        let mut ranges = Vec::new();
        let mut is_even = true;
        for guest in &mut guests {
            guest.first_key = u32::try_from(keys).unwrap_or(u32::MAX);
            let entry_bytes = guest.source.redis_bytes(self.model.jemalloc);
            is_even &= entry_bytes.is_some();
            ranges.push((guest.first_key, entry_bytes.unwrap_or(0)));
            keys += guest.source.keys();
        }
        if keys > MOST_KEYS {
            return Err(SimulationError::TooManyKeys { keys });
        }
        let keys = usize::try_from(keys).unwrap_or(usize::MAX);
        let entries =
            if is_even { EntryBytes::Ranges(ranges) } else { EntryBytes::PerKey(vec![0; keys]) };
        let place = guests.first().map_or(0, |guest| guest.tenant as u64);
        let seed = self.settings.seed.wrapping_mul(31).wrapping_add(place);
        let cache = Cache::new(keys, entries, self.model, seed);
        Ok(Station::new(cache, share, guests, self.model))
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a size times a positive factor; the cast saturates"
)]
fn times(bytes: u64, factor: f64) -> u64 {
    (bytes as f64 * factor) as u64
}
