//! What a limiter counts: cheap enough for the hot path, read by the admin API.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hopperkv_control::amount::Amount;

/// A reading of a limiter's counters. All but `waiting` only grow, except that `used` falls when
/// an over-estimate is credited back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LimiterStats {
    /// Requests waiting now.
    pub waiting: usize,
    /// Requests that had to wait, whether they were granted, throttled or cancelled.
    pub waits: u64,
    /// Time those requests waited, in total.
    pub waited: Duration,
    /// Requests that ended in [`Throttled`](super::Throttled).
    pub throttled: u64,
    /// What was granted, corrected by what was settled.
    pub used: Amount,
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    waits: AtomicU64,
    waited_ns: AtomicU64,
    throttled: AtomicU64,
    used_sub_units: AtomicU64,
}

impl Counters {
    pub(super) fn add_used(&self, amount: Amount) {
        self.used_sub_units.fetch_add(amount.sub_units(), Ordering::Relaxed);
    }

    pub(super) fn sub_used(&self, amount: Amount) {
        self.used_sub_units.fetch_sub(amount.sub_units(), Ordering::Relaxed);
    }

    pub(super) fn add_wait(&self, waited_ns: u64) {
        self.waits.fetch_add(1, Ordering::Relaxed);
        self.waited_ns.fetch_add(waited_ns, Ordering::Relaxed);
    }

    pub(super) fn add_throttled(&self) {
        self.throttled.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn read(&self, waiting: usize) -> LimiterStats {
        LimiterStats {
            waiting,
            waits: self.waits.load(Ordering::Relaxed),
            waited: Duration::from_nanos(self.waited_ns.load(Ordering::Relaxed)),
            throttled: self.throttled.load(Ordering::Relaxed),
            used: Amount::from_sub_units(self.used_sub_units.load(Ordering::Relaxed)),
        }
    }
}
