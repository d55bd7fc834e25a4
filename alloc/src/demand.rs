//! What a tenant's requests cost, as a function of its miss ratio.
//!
//! | request | read units | write units | net, client side | net, storage side |
//! |---|---|---|---|---|
//! | GET hit | 0 | 0 | s | 0 |
//! | GET miss | units(s) | 0 | s | s |
//! | SET | 0 | units(s) | s | s |
//!
//! [`WindowUsage`] is the caller's counters over an epoch, all of them as if every read had missed:
//! the size of an item that hit is known too. [`Demand`] is their average per request.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

use crate::resources::Rates;
use crate::units::{Consistency, ItemBytes, read_units, whole_number, write_units};

/// Counters of one window, whole numbers so that atomics can hold them.
///
/// Counters only grow; [`Self::since`] gives the window between two snapshots. A read that joined
/// another's in-flight read counts as a hit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowUsage {
    /// Reads, hits and misses together; each key of a multi-key command is one.
    pub reads: u64,
    /// Reads that hit; needed for reports only, not for the demand.
    pub hits: u64,
    /// Writes.
    pub writes: u64,
    /// Half read units all reads would cost if all missed ([`crate::ReadUnits::halves`]).
    pub read_half_units_if_missed: u64,
    /// Write units of all writes.
    pub write_units: u64,
    /// Client-side bytes of reads.
    pub client_read_bytes: u64,
    /// Client-side bytes of writes.
    pub client_write_bytes: u64,
    /// Storage-side bytes all reads would move if all missed.
    pub storage_read_bytes_if_missed: u64,
    /// Storage-side bytes of writes.
    pub storage_write_bytes: u64,
}

impl WindowUsage {
    /// Counts one read of an item, whether it hit or missed.
    pub fn count_read(
        &mut self,
        hit: bool,
        item: ItemBytes,
        client_bytes: u64,
        consistency: Consistency,
    ) {
        self.reads += 1;
        self.hits += u64::from(hit);
        self.read_half_units_if_missed += read_units(item, consistency).halves();
        self.client_read_bytes += client_bytes;
        self.storage_read_bytes_if_missed += item.0;
    }

    /// Counts one write; `item` is the larger of the old and the new item where the old is known.
    pub fn count_write(&mut self, item: ItemBytes, client_bytes: u64) {
        self.writes += 1;
        self.write_units += write_units(item).0;
        self.client_write_bytes += client_bytes;
        self.storage_write_bytes += item.0;
    }

    /// Reads and writes.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.reads.saturating_add(self.writes)
    }

    /// Share of reads that missed; `None` without reads.
    #[must_use]
    pub fn miss_ratio(&self) -> Option<f64> {
        let misses = self.reads.saturating_sub(self.hits);
        (self.reads > 0).then(|| misses as f64 / self.reads as f64)
    }

    /// What happened after `earlier`, a snapshot of the same counters. Counters that went back
    /// (a worker restarted) give zero.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        self.zip(earlier, u64::saturating_sub)
    }

    /// These counters as if there had been `weight` times as many requests, rounded.
    #[must_use]
    pub fn weighted(&self, weight: f64) -> Self {
        self.zip(&Self::default(), |amount, _| whole_number(amount as f64 * weight))
    }

    /// Average demand per request. With `total_net`, net is client plus storage bytes and so depends
    /// on the miss ratio; without, it is client bytes only. No requests, no demand.
    #[must_use]
    pub fn demand(&self, total_net: bool) -> Demand {
        let requests = self.requests();
        if requests == 0 {
            return Demand::default();
        }
        let per_request = |amount: f64| amount / requests as f64;
        let client_bytes = self.client_read_bytes as f64 + self.client_write_bytes as f64;
        let (all_hit_bytes, refetched_bytes) = if total_net {
            (
                client_bytes + self.storage_write_bytes as f64,
                self.storage_read_bytes_if_missed as f64,
            )
        } else {
            (client_bytes, 0.0)
        };
        let all_missed_bytes = all_hit_bytes + refetched_bytes;
        Demand {
            read_units: per_request(self.read_half_units_if_missed as f64 / 2.0),
            write_units: per_request(self.write_units as f64),
            net_bytes: per_request(all_missed_bytes),
            net_alpha: if all_missed_bytes > 0.0 {
                refetched_bytes / all_missed_bytes
            } else {
                0.0
            },
        }
    }

    fn zip(&self, other: &Self, f: impl Fn(u64, u64) -> u64) -> Self {
        Self {
            reads: f(self.reads, other.reads),
            hits: f(self.hits, other.hits),
            writes: f(self.writes, other.writes),
            read_half_units_if_missed: f(
                self.read_half_units_if_missed,
                other.read_half_units_if_missed,
            ),
            write_units: f(self.write_units, other.write_units),
            client_read_bytes: f(self.client_read_bytes, other.client_read_bytes),
            client_write_bytes: f(self.client_write_bytes, other.client_write_bytes),
            storage_read_bytes_if_missed: f(
                self.storage_read_bytes_if_missed,
                other.storage_read_bytes_if_missed,
            ),
            storage_write_bytes: f(self.storage_write_bytes, other.storage_write_bytes),
        }
    }
}

impl AddAssign for WindowUsage {
    fn add_assign(&mut self, other: Self) {
        *self = self.zip(&other, u64::saturating_add);
    }
}

/// What an average request would use if every read missed. All zero for an idle tenant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Demand {
    /// Read units.
    pub read_units: f64,
    /// Write units.
    pub write_units: f64,
    /// Network bytes.
    pub net_bytes: f64,
    /// Share of `net_bytes` that hits would save: 1 - (bytes if all hit) / (bytes if all missed).
    /// Zero where net does not depend on the cache.
    pub net_alpha: f64,
}

impl Demand {
    /// What an average request uses at a miss ratio.
    #[must_use]
    pub fn at_miss_ratio(&self, miss_ratio: f64) -> RequestCost {
        RequestCost(Rates {
            read_units_per_s: self.read_units * miss_ratio,
            write_units_per_s: self.write_units,
            net_bytes_per_s: self.net_bytes * (1.0 - self.net_alpha + self.net_alpha * miss_ratio),
        })
    }
}

/// Cost of one request per second, so that a request rate times this is a use of [`Rates`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RequestCost(pub Rates);

impl RequestCost {
    /// Requests per second that `share` sustains: the tightest of share over cost. `None` if a
    /// request costs nothing, so that nothing limits it.
    #[must_use]
    pub fn throughput_per_s(&self, share: Rates) -> Option<f64> {
        let supported = |share: f64, cost: f64| {
            if cost > 0.0 { share / cost } else { f64::INFINITY }
        };
        let least = share.zip(self.0, supported).least();
        least.is_finite().then_some(least)
    }

    /// The rates that `requests_per_s` uses.
    #[must_use]
    pub fn rates_at(&self, requests_per_s: f64) -> Rates {
        self.0.zip(self.0, |cost, _| cost * requests_per_s)
    }
}

#[cfg(test)]
mod tests {
    use super::WindowUsage;
    use crate::resources::Rates;
    use crate::units::{Consistency, ItemBytes};

    #[test]
    fn half_reads_half_writes() {
        let mut usage = WindowUsage::default();
        usage.count_read(true, ItemBytes(500), 500, Consistency::Strong);
        usage.count_write(ItemBytes(500), 500);
        let demand = usage.demand(true);
        assert!((demand.read_units - 0.5).abs() < 1e-12);
        assert!((demand.write_units - 0.5).abs() < 1e-12);
        assert!((demand.net_bytes - 1000.0).abs() < 1e-12);
        // All hit moves 500 + 1000 bytes, all missed 2000.
        assert!((demand.net_alpha - 0.25).abs() < 1e-12);

        let cost = demand.at_miss_ratio(0.0).0;
        assert!((cost.net_bytes_per_s - 750.0).abs() < 1e-9);
    }

    #[test]
    fn client_net_ignores_the_cache() {
        let mut usage = WindowUsage::default();
        usage.count_read(false, ItemBytes(500), 400, Consistency::Eventual);
        let demand = usage.demand(false);
        assert!((demand.read_units - 0.5).abs() < 1e-12);
        assert!((demand.net_bytes - 400.0).abs() < 1e-12);
        assert!(demand.net_alpha.abs() < 1e-12);
    }

    #[test]
    fn windows_are_differences() {
        let mut usage = WindowUsage::default();
        usage.count_read(true, ItemBytes(1), 1, Consistency::Strong);
        let before = usage;
        usage.count_read(false, ItemBytes(1), 1, Consistency::Strong);
        let window = usage.since(&before);
        assert_eq!((window.reads, window.hits), (1, 0));
        assert_eq!(window.miss_ratio(), Some(1.0));
    }

    #[test]
    fn nothing_limits_an_idle_tenant() {
        let cost = WindowUsage::default().demand(true).at_miss_ratio(1.0);
        assert_eq!(cost.throughput_per_s(Rates::default()), None);
    }
}
