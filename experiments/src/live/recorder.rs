//! What clients saw of one tenant, second by second.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hopperkv_bench::supervisor::{Observer, Tick};
use hopperkv_bench::tally::Tally;

/// A tick after the end that is longer than this belongs to what was still in flight.
const SLACK: Duration = Duration::from_millis(250);

/// Counts one tenant's requests. Clones share what they count.
#[derive(Debug, Clone)]
pub(super) struct Recorder {
    /// What is added to its own clock to have the run's.
    offset: Duration,
    /// The measurement, by the run's clock.
    from: Duration,
    until: Duration,
    seen: Arc<Mutex<Seen>>,
}

/// What was counted.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    pub(super) seconds: Vec<Second>,
    /// All of the measurement.
    pub(super) measured: Tally,
    /// How long that was.
    pub(super) measured_for: Duration,
}

/// A stretch of about a second.
#[derive(Debug, Clone, Copy)]
pub(super) struct Second {
    /// Its beginning and end, by the run's clock.
    pub(super) from: Duration,
    pub(super) until: Duration,
    pub(super) requests: u64,
}

impl Recorder {
    /// Counts a load that begins at `offset`; what comes between `from` and `until` is the measurement.
    pub(super) fn new(offset: Duration, from: Duration, until: Duration) -> Self {
        Self { offset, from, until, seen: Arc::default() }
    }

    /// What was counted so far.
    pub(super) fn seen(&self) -> Seen {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Observer for Recorder {
    fn tick(&mut self, tick: &Tick<'_>) {
        let until = self.offset + tick.elapsed;
        let from = until.saturating_sub(tick.interval);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if until > self.until + SLACK || tick.interval < SLACK {
            return;
        }
        seen.seconds.push(Second { from, until, requests: tick.recent.counts.requests() });
        if from + SLACK >= self.from {
            seen.measured.merge(tick.recent);
            seen.measured_for += tick.interval;
        }
    }
}
