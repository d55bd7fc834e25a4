//! Warm-up: the workload's own reads until the cache holds what they ask for.
//!
//! Whether it does, only the server knows: a durable endpoint answers every GET, from its cache or not. Its `INFO` counts hits
//! and misses, as Redis's does, and those are watched second by second.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use crate::client::{Client, Target};
use crate::error::LoadError;
use crate::load::LoadPlan;
use crate::resp::Reply;
use crate::spec::Workload;
use crate::stop::Stop;
use crate::supervisor::{Observer, Outcome};

/// Requests per key at most, where no count is given.
const PER_KEY: u64 = 20;
/// Requests at most, at least, where no count is given.
const LEAST: u64 = 100_000;
/// How often the server is asked.
const LOOK: Duration = Duration::from_millis(500);
/// Reads that a window needs at least.
const WINDOW_READS: u64 = 1_000;
/// Windows that are compared with as many before them.
const WINDOWS: usize = 5;
/// Difference of hit ratios that counts as none.
const STEADY: f64 = 0.003;

/// A warm-up of the load that follows.
#[derive(Debug, Clone)]
pub struct WarmUp {
    /// What follows.
    pub load: LoadPlan,
    /// Requests at most.
    pub most: Option<u64>,
}

impl WarmUp {
    /// Reads until the hit ratio stays or the count is reached.
    ///
    /// # Errors
    /// If the endpoint cannot be reached, or says nothing of hits and there is no count.
    pub async fn run(
        self,
        stop: Stop,
        observers: &mut [Box<dyn Observer>],
    ) -> Result<Outcome, LoadError> {
        let mut probe = Probe::connect(&self.load.target).await?;
        let first = probe.lookups().await?;
        if first.is_none() && self.most.is_none() {
            return Err(LoadError::Usage(format!(
                "warm-up: INFO of {} has no keyspace_hits to watch; say how many requests: warm-up:100k",
                self.load.target.endpoint
            )));
        }
        let plan = self.plan();
        let (warm, ended) = (Stop::default(), Stop::default());
        let watch = watch(probe, warm.clone(), stop.clone(), ended.clone());
        let watching =
            tokio::spawn(async move { if first.is_some() { watch.await } else { Ok(()) } });
        let outcome = plan.run_until(stop, Some(warm), observers).await;
        ended.raise();
        if let Ok(Err(error)) = watching.await {
            return Err(error);
        }
        outcome
    }

    /// Reads only, of the first phase, without an end of their own.
    fn plan(&self) -> LoadPlan {
        let mut phase = self.load.workload.phases.first().cloned();
        let most = phase.as_ref().map_or(LEAST, |phase| phase.keys * PER_KEY).max(LEAST);
        if let Some(phase) = &mut phase {
            (phase.write_ratio, phase.insert_ratio, phase.modify_ratio) = (0.0, 0.0, 0.0);
            phase.duration = None;
        }
        LoadPlan {
            workload: Workload { phases: phase.into_iter().collect() },
            rate: None,
            duration: None,
            requests: Some(self.most.unwrap_or(most)),
            // Other choices than those of the run, or it would find what it asked for before.
            seed: self.load.seed ^ 0x5EED,
            ..self.load.clone()
        }
    }
}

/// Looks at the server until its hit ratio stays, and raises `warm` then.
async fn watch(mut probe: Probe, warm: Stop, stop: Stop, ended: Stop) -> Result<(), LoadError> {
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut last = probe.lookups().await?.unwrap_or_default();
    let mut windows: Vec<Lookups> = Vec::new();
    loop {
        tokio::select! {
            _ = looks.tick() => {}
            () = ended.raised() => return Ok(()),
            () = stop.raised() => return Ok(()),
        }
        let now = probe.lookups().await?.unwrap_or_default();
        let window = now.since(last);
        if window.all() >= WINDOW_READS {
            last = now;
            windows.push(window);
            if is_steady(&windows) {
                warm.raise();
                return Ok(());
            }
        }
    }
}

/// Whether the last windows hit as often as those before them, as far as so many reads can tell.
fn is_steady(windows: &[Lookups]) -> bool {
    let Some(at) = windows.len().checked_sub(2 * WINDOWS) else { return false };
    let [before, after] =
        [&windows[at..at + WINDOWS], &windows[at + WINDOWS..]].map(|windows| Lookups {
            hits: windows.iter().map(|window| window.hits).sum(),
            misses: windows.iter().map(|window| window.misses).sum(),
        });
    let ratio = after.ratio();
    let chance = ratio * (1.0 - ratio) * (1.0 / before.reads() + 1.0 / after.reads());
    (before.ratio() - ratio).abs() <= STEADY.max(2.0 * chance.sqrt())
}

/// Reads that a server counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Lookups {
    hits: u64,
    misses: u64,
}

impl Lookups {
    /// Those of an `INFO`, if it has them.
    fn parse(info: &str) -> Option<Self> {
        let field = |name: &str| {
            let value = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
            value.trim().parse().ok()
        };
        Some(Self { hits: field("keyspace_hits")?, misses: field("keyspace_misses")? })
    }

    fn since(self, before: Self) -> Self {
        Self {
            hits: self.hits.saturating_sub(before.hits),
            misses: self.misses.saturating_sub(before.misses),
        }
    }

    fn all(self) -> u64 {
        self.hits + self.misses
    }

    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
    fn reads(self) -> f64 {
        self.all().max(1) as f64
    }

    fn ratio(self) -> f64 {
        crate::progress::ratio(self.hits, self.all())
    }
}

/// A connection that asks for counters.
#[derive(Debug)]
struct Probe {
    client: Client,
}

impl Probe {
    async fn connect(target: &Target) -> Result<Self, LoadError> {
        Ok(Self { client: Client::connect(target).await? })
    }

    async fn lookups(&mut self) -> Result<Option<Lookups>, LoadError> {
        let (commands, _) = self.client.split();
        commands.push(&[b"INFO", b"stats"]);
        loop {
            self.client.exchange().await?;
            let (_, replies) = self.client.split();
            let found = match replies.next_reply() {
                Ok(None) => continue,
                Ok(Some(Reply::Bulk(text))) => Ok(Lookups::parse(&String::from_utf8_lossy(text))),
                Ok(Some(_)) => Ok(None),
                Err(error) => Err(error),
            };
            return found.map_err(|error| self.client.protocol_error(error));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Lookups, is_steady};

    /// Windows of so many reads, with so many hits of a thousand.
    fn windows(permille: impl IntoIterator<Item = u64>, reads: u64) -> Vec<Lookups> {
        let window =
            |hits| Lookups { hits: hits * reads / 1_000, misses: (1_000 - hits) * reads / 1_000 };
        permille.into_iter().map(window).collect()
    }

    #[test]
    fn a_hit_ratio_that_still_rises_is_not_steady() {
        let rising = std::iter::successors(Some(900), |misses| Some(misses * 9 / 10));
        assert!(!is_steady(&windows(rising.map(|misses| 1_000 - misses).take(20), 100_000)));
        assert!(!is_steady(&windows([800; 9], 100_000)), "too short a look");
        assert!(is_steady(&windows([800; 10], 100_000)));
        let noisy = [800, 820, 790, 810, 780, 800, 790, 830, 800, 790];
        assert!(is_steady(&windows(noisy, 1_000)), "as much as chance does");
    }

    #[test]
    fn counters_are_found_in_an_info() {
        let info = "# Stats\r\nkeyspace_hits:12\r\nkeyspace_misses:3\r\n";
        assert_eq!(Lookups::parse(info), Some(Lookups { hits: 12, misses: 3 }));
        assert_eq!(Lookups::parse("# Stats\r\nkeyspace_hits:12\r\n"), None);
    }
}
