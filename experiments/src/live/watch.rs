//! The proxy's own counters and quotas, looked at once a second: only it knows what was a hit.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hopperkv_bench::admin::{Admin, Quota, Requests};
use hopperkv_bench::stop::Stop;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::servers::{Interruption, Servers};

/// Time between two looks.
const LOOK: Duration = Duration::from_secs(1);

/// Looks at every seat until it is ended or dropped.
#[derive(Debug)]
pub(super) struct Watch {
    task: JoinHandle<()>,
    is_over: Arc<AtomicBool>,
    lost: Arc<Lost>,
    samples: Arc<Mutex<Vec<Vec<Sample>>>>,
}

/// Whose Redis server was lost, if one was.
#[derive(Debug, Default)]
struct Lost {
    name: Mutex<Option<String>>,
    stop: Stop,
}

/// A look at one seat.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    /// By the run's clock.
    pub(super) at: Duration,
    pub(super) requests: Requests,
    pub(super) quota: Quota,
}

impl Watch {
    /// Begins; the run's clock is at `offset` at `start`. Seats that are not there at a look are left out of it.
    pub(super) fn begin(
        admin: &Admin,
        servers: &Servers,
        seats: Vec<String>,
        start: Instant,
        offset: Duration,
    ) -> Self {
        let samples = Arc::new(Mutex::new(vec![Vec::new(); seats.len()]));
        let is_over = Arc::<AtomicBool>::default();
        let told = Arc::clone(&is_over);
        let lost = Arc::<Lost>::default();
        let losing = Arc::clone(&lost);
        let (admin, servers, kept) = (admin.clone(), servers.clone(), Arc::clone(&samples));
        let task = tokio::spawn(async move {
            let mut looks = interval(LOOK);
            looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                looks.tick().await;
                servers.look();
                look((&admin, &servers), &seats, (start, offset), &kept, &losing).await;
                if told.load(Ordering::Acquire) {
                    return;
                }
            }
        });
        Self { task, is_over, lost, samples }
    }

    /// Resolves once a tenant's Redis server was lost: another was started, which is empty, and the run is none of warm caches.
    pub(super) async fn lost(&self) -> String {
        self.lost.stop.raised().await;
        self.lost.name.lock().unwrap_or_else(PoisonError::into_inner).clone().unwrap_or_default()
    }

    /// Ends it with a last look; what was seen of every seat, in order of time.
    pub(super) async fn end(mut self) -> Vec<Vec<Sample>> {
        self.is_over.store(true, Ordering::Release);
        let _ = (&mut self.task).await;
        std::mem::take(&mut self.samples.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn look(
    (admin, servers): (&Admin, &Servers),
    seats: &[String],
    (start, offset): (Instant, Duration),
    kept: &Mutex<Vec<Vec<Sample>>>,
    lost: &Lost,
) {
    for (index, seat) in seats.iter().enumerate() {
        let Ok((requests, interruptions)) = admin.requests_and_interruptions(seat).await else {
            continue;
        };
        if servers.judge(seat, interruptions) == Interruption::Lost {
            *lost.name.lock().unwrap_or_else(PoisonError::into_inner) = Some(seat.clone());
            lost.stop.raise();
        }
        let at = offset + start.elapsed();
        let Ok(quota) = admin.quota(seat).await else { continue };
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept[index].push(Sample { at, requests, quota });
    }
}

/// What one counter was at a moment, between the looks before and after.
pub(super) fn at(samples: &[Sample], moment: Duration, of: impl Fn(&Requests) -> u64) -> f64 {
    let after = samples.partition_point(|sample| sample.at <= moment);
    let before = after.checked_sub(1).and_then(|index| samples.get(index));
    match (before, samples.get(after)) {
        (Some(before), Some(after)) => {
            let (from, to) = (of(&before.requests) as f64, of(&after.requests) as f64);
            let part = (moment - before.at).as_secs_f64() / (after.at - before.at).as_secs_f64();
            from + (to - from) * part
        }
        (Some(only), None) | (None, Some(only)) => of(&only.requests) as f64,
        (None, None) => 0.0,
    }
}
