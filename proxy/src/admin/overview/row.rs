//! One tenant at a glance.

use std::sync::Arc;

use hare::Resources;
use hopperkv_control::decision::Role;
use hopperkv_control::run::Share;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::pulse::Recent;
use super::bottleneck::{Bottleneck, Signs};
use crate::limits::Resource;
use crate::tenant::Tenant;

/// One tenant at a glance.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Row {
    /// The tenant.
    #[schema(value_type = String)]
    pub(super) name: Arc<str>,
    /// Whether it was asked for anything in the last seconds.
    pub(super) active: bool,
    /// Its quota was set by hand: the allocator keeps away.
    pub(super) pinned: bool,
    /// Whether it took part in the allocator's last run; absent before that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) role: Option<Role>,
    /// Clients signed in.
    pub(super) clients: usize,
    /// Requests per second.
    pub(super) rates: FlowRates,
    /// What it has now.
    pub(super) quota: Share,
    /// What it is entitled to.
    pub(super) base: Share,
    /// What it uses: bytes in its cache as last seen, units and bytes per second.
    #[serde(rename = "use")]
    pub(super) used: Share,
    /// What it is short of, or what else sets its pace; absent while it is idle.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) bottleneck: Option<Bottleneck>,
    /// Requests that wait for each limit now.
    pub(super) waiting: PerLimit<usize>,
    /// Requests per second that had to wait for each limit.
    pub(super) waits_per_s: PerLimit<f64>,
    /// Throughput that the allocator's model gives with the present quota over that with the base share; absent before
    /// anything is known of its traffic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) gain: Option<f64>,
}

/// Requests per second.
#[derive(Debug, Clone, Copy, Default, Serialize, ToSchema)]
pub(super) struct FlowRates {
    /// Keys read.
    reads_per_s: f64,
    /// Reads answered by the cache.
    hits_per_s: f64,
    /// Reads that went to storage.
    misses_per_s: f64,
    /// Keys written.
    writes_per_s: f64,
    /// Requests refused by a limit.
    throttled_per_s: f64,
    /// Requests that ended in an error of storage or cache.
    errors_per_s: f64,
    /// Hits over reads; absent without reads.
    #[serde(skip_serializing_if = "Option::is_none")]
    hit_ratio: Option<f64>,
}

/// Something of each of the three limits.
#[derive(Debug, Clone, Copy, Default, Serialize, ToSchema)]
pub(super) struct PerLimit<T> {
    /// Read units.
    pub(super) read_units: T,
    /// Write units.
    pub(super) write_units: T,
    /// Bandwidth.
    pub(super) net: T,
}

impl Row {
    /// What is known of a tenant from its counters; role and gain are the allocator's to say.
    pub(super) fn of(tenant: &Tenant, recent: &Recent, clients: usize) -> Self {
        let totals = &recent.counted.totals;
        let stats = Resource::ALL.map(|resource| tenant.limits.limiter(resource).stats());
        let near_bytes = tenant.near.as_ref().map_or(0, |near| near.used().bytes);
        let used = Share {
            cache_bytes: tenant.cache.health.used_bytes().saturating_add(near_bytes),
            read_units_per_s: thousandths(recent.read_units_per_s()),
            write_units_per_s: thousandths(recent.write_units_per_s()),
            net_bytes_per_s: thousandths(recent.net_bytes_per_s()),
        };
        let quota = tenant.quota();
        let signs = Signs {
            recent,
            waiting: stats.map(|limit| limit.waiting),
            storage_waiting: tenant.table.read_batches().waiting
                + tenant.table.put_batches().waiting,
            is_cache_down: tenant.cache.health.is_down(),
            cache_fill: used.cache_bytes as f64 / (quota.cache_bytes as f64).max(1.0),
        };
        Self {
            name: Arc::clone(&tenant.name),
            active: totals.commands > 0,
            pinned: tenant.is_pinned(),
            role: None,
            clients,
            rates: FlowRates::of(recent),
            quota: share(&quota),
            base: share(&tenant.base()),
            used,
            bottleneck: Bottleneck::of(&signs),
            waiting: per_limit(stats.map(|limit| limit.waiting)),
            waits_per_s: per_limit(
                recent.counted.waits.map(|waited| thousandths(recent.per_s(waited.count))),
            ),
            gain: None,
        }
    }
}

impl FlowRates {
    fn of(recent: &Recent) -> Self {
        let totals = &recent.counted.totals;
        let per_s = |count| thousandths(recent.per_s(count));
        Self {
            reads_per_s: per_s(totals.reads),
            hits_per_s: per_s(totals.hits),
            misses_per_s: per_s(totals.misses),
            writes_per_s: per_s(totals.writes),
            throttled_per_s: per_s(totals.throttled),
            errors_per_s: per_s(totals.errors),
            hit_ratio: recent.hit_ratio().map(|ratio| (ratio * 1e5).round() / 1e5),
        }
    }

    /// Of several tenants together.
    pub(super) fn sum<'a>(of: impl Iterator<Item = &'a Self>) -> Self {
        let mut sum = Self::default();
        for rates in of {
            sum.reads_per_s += rates.reads_per_s;
            sum.hits_per_s += rates.hits_per_s;
            sum.misses_per_s += rates.misses_per_s;
            sum.writes_per_s += rates.writes_per_s;
            sum.throttled_per_s += rates.throttled_per_s;
            sum.errors_per_s += rates.errors_per_s;
        }
        sum.hit_ratio = (sum.reads_per_s > 0.0).then(|| sum.hits_per_s / sum.reads_per_s);
        sum
    }
}

fn share(resources: &Resources) -> Share {
    Share {
        cache_bytes: resources.cache_bytes,
        read_units_per_s: resources.read_units_per_s,
        write_units_per_s: resources.write_units_per_s,
        net_bytes_per_s: resources.net_bytes_per_s,
    }
}

fn per_limit<T>([read_units, write_units, net]: [T; 3]) -> PerLimit<T> {
    PerLimit { read_units, write_units, net }
}

/// As many digits as anybody looks at: of a thousand tenants they are most of what is sent.
fn thousandths(number: f64) -> f64 {
    (number * 1e3).round() / 1e3
}
