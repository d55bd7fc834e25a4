//! A tenant: its share, its limits, its cache, its table, and what is learned of its traffic.
//!
//! [`Tenant`] is shared by all threads. Workers read it on every request; the control runtime changes its quota.

mod counters;
mod cursors;
mod failures;
mod keyspace;
mod observer;
mod registry;
mod scripts;
mod watches;

pub(crate) use counters::{Counters, LatencyOf, Totals, empty_histogram};
pub(crate) use cursors::IDLE as CURSOR_IDLE;
pub(crate) use failures::{Failed, Failures};
pub(crate) use keyspace::Keyspace;
pub(crate) use observer::{HotKey, Observer};
pub(crate) use registry::{OpenTenantError, TenantSettings, Tenants, curve_max_bytes};
pub(crate) use scripts::Scripts;
pub(crate) use watches::{Mark, Watch, Watches};

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;
use hare::Resources;
use hdrhistogram::Histogram;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use crate::cache::{Spare, TenantCache};
use crate::command::ItemLimits;
use crate::config::{TenantConfig, Terms};
use crate::inflight::{Flights, KeyLocks};
use crate::limits::{Quota, Rate, TenantLimits};
use crate::near::Near;
use crate::service::FlightResult;
use crate::storage::{self, Storage, Table};

/// One tenant.
#[derive(Debug)]
pub(crate) struct Tenant {
    /// Distinguishes tenants in shared maps; never used twice in a run.
    pub(crate) number: u32,
    /// User name, metric label.
    pub(crate) name: Arc<str>,
    /// What was configured, or set at run time: password, port, base share.
    pub(crate) config: ArcSwap<TenantConfig>,
    /// Where its items are.
    pub(crate) storage: Storage,
    /// Its table.
    pub(crate) table: Table,
    /// Strongly consistent reads, which cost twice.
    pub(crate) consistent_reads: bool,
    /// Its Redis.
    pub(crate) cache: TenantCache,
    /// Its near cache, if it has one.
    pub(crate) near: Option<Near>,
    /// Computes while that cannot; one for all tenants.
    pub(crate) spare: Arc<Spare>,
    /// Read units, write units and bytes per second.
    pub(crate) limits: TenantLimits,
    /// Ghost cache and hot keys.
    pub(crate) observer: Observer,
    /// The last requests that were not served.
    pub(crate) failures: Failures,
    /// Open cursors, and what is known of all keys together.
    pub(crate) keyspace: Keyspace,
    /// Scripts that its clients have loaded.
    pub(crate) scripts: Scripts,
    /// Storage reads under way, of all tenants.
    pub(crate) flights: Arc<Flights<FlightResult>>,
    /// Keys being written, of all tenants.
    pub(crate) locks: Arc<KeyLocks>,
    /// Keys that clients watch.
    pub(crate) watches: Arc<Watches>,
    /// Cancelled when the tenant is removed.
    pub(crate) removed: CancellationToken,
    quota: ArcSwap<Resources>,
    pinned: AtomicBool,
    counters: Mutex<Vec<Arc<Counters>>>,
    at_reset: Mutex<Totals>,
}

impl Tenant {
    /// A fresh set of counters for one worker.
    pub(crate) fn new_counters(&self) -> Arc<Counters> {
        let counters = Arc::new(Counters::default());
        self.counters.lock().push(Arc::clone(&counters));
        counters
    }

    /// Whether a client has ever signed in.
    pub(crate) fn was_used(&self) -> bool {
        !self.counters.lock().is_empty()
    }

    /// All counters, summed over workers.
    pub(crate) fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        for counters in self.counters.lock().iter() {
            totals.add(counters);
        }
        totals
    }

    /// What was counted since the tenant's clients last reset it (CONFIG RESETSTAT): what INFO shows.
    pub(crate) fn totals_since_reset(&self) -> Totals {
        self.totals().since(&self.at_reset.lock())
    }

    /// Lets [`Self::totals_since_reset`] count from now.
    pub(crate) fn reset_stats(&self) {
        *self.at_reset.lock() = self.totals();
    }

    /// Latencies in microseconds since start, over all workers.
    pub(crate) fn latencies(&self, of: LatencyOf) -> Histogram<u64> {
        let mut sum = empty_histogram();
        for counters in self.counters.lock().iter() {
            counters.add_latencies(of, &mut sum);
        }
        sum
    }

    /// The share that it is entitled to.
    pub(crate) fn base(&self) -> Resources {
        base_of(&self.config.load())
    }

    /// Its part of an improvement, and the least and the most it may be given.
    pub(crate) fn terms(&self) -> Terms {
        self.config.load().terms
    }

    /// The share that it has now.
    pub(crate) fn quota(&self) -> Resources {
        **self.quota.load()
    }

    /// Sets the rates at once, has the near cache follow, and notes the size of Redis, which [`crate::apply`] brings
    /// about.
    pub(crate) fn set_quota(&self, quota: Resources) {
        self.limits.set_quota(rates_of(&quota));
        self.cache.quota_bytes.store(self.redis_part(quota.cache_bytes), Ordering::Relaxed);
        if let Some(near) = &self.near {
            near.set_quota(quota.cache_bytes);
        }
        self.quota.store(Arc::new(quota));
    }

    /// What of a cache quota is Redis's: all of it but for the near cache.
    pub(crate) fn redis_part(&self, quota_bytes: u64) -> u64 {
        self.near.as_ref().map_or(quota_bytes, |near| near.redis_part(quota_bytes))
    }

    /// Read units that reading such an item from storage costs.
    pub(crate) fn read_units(&self, key_len: usize, value_len: usize) -> f64 {
        let bytes = self.table.item_bytes(key_len, value_len, false);
        storage::read_units(bytes, self.consistent_reads)
    }

    /// What reading a missing item costs.
    pub(crate) fn least_read_units(&self) -> f64 {
        storage::read_units(0, self.consistent_reads)
    }

    /// What its table can hold.
    pub(crate) fn item_limits(&self) -> ItemLimits {
        let limits = ItemLimits::default();
        let room = usize::try_from(self.table.max_value_bytes(0)).unwrap_or(usize::MAX);
        ItemLimits { overhead_bytes: limits.max_item_bytes.saturating_sub(room), ..limits }
    }

    /// True while an operator's quota holds and the allocator keeps away.
    pub(crate) fn is_pinned(&self) -> bool {
        self.pinned.load(Ordering::Relaxed)
    }

    /// Pins or releases.
    pub(crate) fn set_pinned(&self, pinned: bool) {
        self.pinned.store(pinned, Ordering::Relaxed);
    }
}

/// The base share of a configuration.
pub(crate) fn base_of(config: &TenantConfig) -> Resources {
    Resources {
        cache_bytes: config.cache_bytes,
        read_units_per_s: config.read_units_per_s,
        write_units_per_s: config.write_units_per_s,
        net_bytes_per_s: config.net_bytes_per_s,
    }
}

/// The three rates of a share.
pub(crate) fn rates_of(quota: &Resources) -> Quota {
    Quota {
        read_units: Some(Rate::per_second(quota.read_units_per_s)),
        write_units: Some(Rate::per_second(quota.write_units_per_s)),
        net: Some(Rate::per_second(quota.net_bytes_per_s)),
    }
}
