//! Counts one tenant's requests second by second; written by its load, read by the table.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::admin::Quota;
use crate::progress::per_second;
use crate::supervisor::{Observer, Tick};

/// One tenant's measurement.
#[derive(Debug, Clone, Copy)]
pub(super) struct Measured {
    pub(super) requests_per_s: f64,
    pub(super) hit_ratio: f64,
    pub(super) quota: Quota,
}

/// Progress of one tenant's load. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct Meter {
    settle: Duration,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Debug, Default)]
struct Seen {
    per_s: Vec<f64>,
    settled: Option<(Duration, u64)>,
    last: (Duration, u64),
}

impl Meter {
    /// A meter that measures what comes after `settle`.
    pub(super) fn new(settle: Duration) -> Self {
        Self { settle, seen: Arc::default() }
    }

    /// Requests/s of each second so far.
    pub(super) fn seconds(&self) -> Vec<f64> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).per_s.clone()
    }

    /// Requests/s of the last second.
    pub(super) fn latest_per_s(&self) -> f64 {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.per_s.last().copied().unwrap_or_default()
    }

    /// Requests/s over everything after `settle`.
    pub(super) fn measured_per_s(&self) -> f64 {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let (from, before) = seen.settled.unwrap_or_default();
        let (to, after) = seen.last;
        per_second(after.saturating_sub(before), to.saturating_sub(from))
    }
}

impl Observer for Meter {
    fn tick(&mut self, tick: &Tick<'_>) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let now = (tick.elapsed, tick.total.counts.requests());
        if tick.elapsed >= self.settle {
            seen.settled.get_or_insert(now);
        }
        // The last tick of a run may be any short time after the one before.
        if tick.interval > Duration::from_millis(500) {
            seen.per_s.push(per_second(tick.recent.counts.requests(), tick.interval));
        }
        seen.last = now;
    }
}
