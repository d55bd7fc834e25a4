//! Watches the workers of a run: ticks once a second, stops on request, gives up on stalls.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until};

use crate::error::LoadError;
use crate::stop::Stop;
use crate::tally::{SharedTally, Tally};

/// How often progress is reported.
const TICK: Duration = Duration::from_secs(1);
/// How long workers may take to finish what is in flight after being asked to stop.
const STOP_GRACE: Duration = Duration::from_secs(5);
/// How long they may take for it at the planned end: throttled servers answer slowly.
const END_GRACE: Duration = Duration::from_secs(30);

/// One second of a run.
#[derive(Debug)]
pub struct Tick<'a> {
    /// Time since the start.
    pub elapsed: Duration,
    /// Time since the tick before.
    pub interval: Duration,
    /// What happened since the tick before.
    pub recent: &'a Tally,
    /// What happened since the start.
    pub total: &'a Tally,
}

/// Something that is shown or written once a second.
pub trait Observer: Send {
    /// Called at each tick and once at the end.
    fn tick(&mut self, tick: &Tick<'_>);
}

/// How a run ended.
#[derive(Debug)]
pub struct Outcome {
    /// Everything that happened.
    pub total: Tally,
    /// How long it took.
    pub elapsed: Duration,
    /// Whether it was stopped before its end.
    pub interrupted: bool,
    /// What broke, if something did.
    pub failure: Option<LoadError>,
}

/// The workers of a run and their tallies.
#[derive(Debug)]
pub struct Supervisor {
    workers: JoinSet<Result<(), LoadError>>,
    /// Ended with the run.
    watches: JoinSet<()>,
    tallies: Vec<SharedTally>,
    stop: Stop,
    /// Raised when a worker fails, so that the others end too; not the user's stop.
    abandon: Stop,
}

impl Supervisor {
    /// A supervisor without workers; `stop` ends the run early.
    #[must_use]
    pub fn new(stop: Stop) -> Self {
        let (workers, watches, tallies) = (JoinSet::new(), JoinSet::new(), Vec::new());
        Self { workers, watches, tallies, stop, abandon: Stop::default() }
    }

    /// A tally that ticks and totals include.
    pub fn new_tally(&mut self) -> SharedTally {
        let tally = SharedTally::default();
        self.tallies.push(tally.clone());
        tally
    }

    /// What workers should check: raised by the user's stop and by another worker's failure.
    #[must_use]
    pub fn worker_stop(&self) -> Stop {
        self.abandon.clone()
    }

    /// Starts something that only lives as long as the run, and keeps it from nothing.
    pub(crate) fn spawn_watch(&mut self, watch: impl Future<Output = ()> + Send + 'static) {
        self.watches.spawn(watch);
    }

    /// Starts a worker.
    pub fn spawn(&mut self, worker: impl Future<Output = Result<(), LoadError>> + Send + 'static) {
        self.workers.spawn(worker);
    }

    /// Waits for all workers, telling `observers` every second. With `limit`, workers that are
    /// still busy a while after it are given up.
    pub async fn watch(
        mut self,
        limit: Option<Duration>,
        observers: &mut [Box<dyn Observer>],
    ) -> Outcome {
        let start = Instant::now();
        let mut give_up_at = limit.map(|limit| start + limit + END_GRACE);
        let mut ticks = interval_at(start + TICK, TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut total, mut last, mut failure) = (Tally::default(), start, None);
        while !self.workers.is_empty() {
            let far = start + Duration::from_secs(86_400 * 365);
            tokio::select! {
                Some(ended) = self.workers.join_next() => {
                    if let Ok(Err(error)) = ended {
                        self.abandon.raise();
                        give_up_at.get_or_insert(Instant::now() + STOP_GRACE);
                        failure.get_or_insert(error);
                    }
                }
                now = ticks.tick() => {
                    self.report(&mut total, start, last, now, observers);
                    last = now;
                }
                () = self.stop.raised(), if !self.abandon.is_raised() => {
                    self.abandon.raise();
                    let latest = Instant::now() + STOP_GRACE;
                    give_up_at = Some(give_up_at.map_or(latest, |at| at.min(latest)));
                }
                () = sleep_until(give_up_at.unwrap_or(far)) => {
                    let unfinished = self.workers.len();
                    self.workers.shutdown().await;
                    let grace = if self.abandon.is_raised() { STOP_GRACE } else { END_GRACE };
                    let waited_s = grace.as_secs();
                    failure.get_or_insert(LoadError::Stalled { unfinished, waited_s });
                }
            }
        }
        let now = Instant::now();
        self.report(&mut total, start, last, now, observers);
        let interrupted = self.stop.is_raised();
        Outcome { total, elapsed: now - start, interrupted, failure }
    }

    fn report(
        &self,
        total: &mut Tally,
        start: Instant,
        last: Instant,
        now: Instant,
        observers: &mut [Box<dyn Observer>],
    ) {
        let mut recent = Tally::default();
        for tally in &self.tallies {
            recent.merge(&tally.take());
        }
        total.merge(&recent);
        let tick = Tick { elapsed: now - start, interval: now - last, recent: &recent, total };
        for observer in observers {
            observer.tick(&tick);
        }
    }
}
