//! The last hour, a point every five seconds: of each tenant, and of all together.
//!
//! - `level`: a number in two bytes
//! - `latency`: the latencies of one interval
//! - `interval`: what happened in an interval, and a point of it
//! - `series`: the points of one tenant
//! - `views`: what the API shows of them
//!
//! It is kept in memory, at most [`BUDGET_BYTES`] of it, and ends with the process. With many tenants each keeps less than an
//! hour: about half of one with a thousand.

mod interval;
mod latency;
mod level;
mod series;
pub(super) mod views;

pub(super) use interval::amounts;
pub(super) use views::{BackParams, ShareSeries};

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use hare::Resources;
use parking_lot::Mutex;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use self::interval::{Before, Interval, KINDS};
use self::latency::Buckets;
use self::series::Series;
use crate::server::Shared;
use crate::tenant::Tenant;

/// How often a point is taken.
const TICK: Duration = Duration::from_secs(5);
/// Points kept: an hour.
const POINTS: usize = 720;
/// Memory for the points of all tenants.
const BUDGET_BYTES: usize = 17_000_000;

/// What is kept.
#[derive(Debug, Default)]
pub(super) struct History {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    /// When the last ticks were, in epoch ms; the last one is tick number `tick`.
    at_ms: VecDeque<u64>,
    tick: u64,
    totals: Series,
    tenants: HashMap<u32, Series>,
}

/// A point as it is read: its time, what happened, and the quota.
type Seen = (u64, Interval, Resources);

impl History {
    /// Takes a point of every tenant every five seconds, until `stop`.
    pub(super) async fn record(&self, shared: &Shared, stop: &CancellationToken) {
        let mut before: HashMap<u32, Before> = HashMap::new();
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut last: Option<Instant> = None;
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            let now = Instant::now();
            let over = last.replace(now).map(|last| now.saturating_duration_since(last));
            let tenants = shared.tenants.all();
            let taken = take(&tenants, &mut before, over);
            let bytes = self.kept.lock().add(crate::clock::unix_ms(), taken);
            shared.counts.admin_history_bytes.store(bytes, Ordering::Relaxed);
        }
    }

    /// The points of a tenant in the time `back`.
    fn of_tenant(&self, tenant: &Tenant, back: Duration) -> Vec<Seen> {
        let kept = self.kept.lock();
        kept.tenants.get(&tenant.number).map_or_else(Vec::new, |series| kept.read(series, back))
    }

    /// The points of all tenants together.
    fn of_all(&self, back: Duration) -> Vec<Seen> {
        let kept = self.kept.lock();
        kept.read(&kept.totals, back)
    }

    /// Times in the time `back`, and for each tenant what `read` makes of its points, which begin at the index given.
    pub(super) fn of_each<T>(
        &self,
        tenants: &[Arc<Tenant>],
        back: Duration,
        mut read: impl FnMut(usize, &mut dyn Iterator<Item = (Interval, Resources)>) -> T,
    ) -> (Vec<u64>, Vec<(Arc<str>, T)>) {
        let kept = self.kept.lock();
        let first = kept.first_within(back);
        let times = (first..=kept.tick).filter_map(|tick| kept.time_of(tick)).collect();
        let mut all = Vec::with_capacity(tenants.len());
        for tenant in tenants {
            let Some(series) = kept.tenants.get(&tenant.number) else { continue };
            let mut points = series.from(first).peekable();
            let begins = points.peek().map_or(0, |(tick, ..)| tick.saturating_sub(first));
            let mut points = points.map(|(_, interval, quota)| (interval, quota));
            let begins = usize::try_from(begins).unwrap_or(0);
            all.push((Arc::clone(&tenant.name), read(begins, &mut points)));
        }
        (times, all)
    }
}

/// A point of each tenant; those that are new have none yet. The time over which is `None` at the first tick.
fn take(
    tenants: &[Arc<Tenant>],
    before: &mut HashMap<u32, Before>,
    over: Option<Duration>,
) -> Taken {
    let mut taken = Taken::default();
    let mut sums: [Buckets; KINDS.len()] = Default::default();
    let mut present = HashMap::with_capacity(tenants.len());
    for tenant in tenants {
        let number = tenant.number;
        let Some((mut last, over)) = before.remove(&number).zip(over) else {
            present.insert(number, Before::of(tenant));
            continue;
        };
        let (interval, buckets) = last.step(tenant, over);
        let quota = tenant.quota();
        for (sum, buckets) in sums.iter_mut().zip(buckets.iter().flatten()) {
            sum.add(buckets);
        }
        taken.total.add(&interval);
        taken.total_quota = plus(&taken.total_quota, &quota);
        taken.tenants.push((number, interval, quota));
        present.insert(number, last);
    }
    taken.total.set_latencies(&sums);
    *before = present;
    taken
}

/// The points of one tick.
#[derive(Debug, Default)]
struct Taken {
    tenants: Vec<(u32, Interval, Resources)>,
    total: Interval,
    total_quota: Resources,
}

impl Kept {
    /// Adds a tick; returns the bytes that all is kept in.
    fn add(&mut self, at_ms: u64, taken: Taken) -> usize {
        if taken.tenants.is_empty() {
            return self.bytes();
        }
        self.tick += 1;
        self.at_ms.push_back(at_ms);
        while self.at_ms.len() > POINTS {
            self.at_ms.pop_front();
        }
        let room = (POINTS, BUDGET_BYTES / (taken.tenants.len() + 1));
        self.totals.push(self.tick, &taken.total, taken.total_quota, room);
        let mut earlier = std::mem::take(&mut self.tenants);
        for (number, interval, quota) in taken.tenants {
            let mut series = earlier.remove(&number).unwrap_or_default();
            series.push(self.tick, &interval, quota, room);
            self.tenants.insert(number, series);
        }
        self.bytes()
    }

    fn bytes(&self) -> usize {
        let series = self.tenants.values().map(Series::bytes).sum::<usize>();
        series + self.totals.bytes() + self.at_ms.capacity() * size_of::<u64>()
    }

    fn time_of(&self, tick: u64) -> Option<u64> {
        let ago = usize::try_from(self.tick.checked_sub(tick)?).ok()?;
        self.at_ms.get(self.at_ms.len().checked_sub(ago + 1)?).copied()
    }

    /// The first tick in the time `back`.
    fn first_within(&self, back: Duration) -> u64 {
        let back_ms = u64::try_from(back.as_millis()).unwrap_or(u64::MAX);
        let since_ms = self.at_ms.back().map_or(0, |last_ms| last_ms.saturating_sub(back_ms));
        let within = self.at_ms.iter().rev().take_while(|at_ms| **at_ms > since_ms).count();
        (self.tick + 1).saturating_sub(within as u64)
    }

    fn read(&self, series: &Series, back: Duration) -> Vec<Seen> {
        let points = series.from(self.first_within(back));
        points
            .filter_map(|(tick, point, quota)| Some((self.time_of(tick)?, point, quota)))
            .collect()
    }
}

fn plus(a: &Resources, b: &Resources) -> Resources {
    Resources {
        cache_bytes: a.cache_bytes.saturating_add(b.cache_bytes),
        read_units_per_s: a.read_units_per_s + b.read_units_per_s,
        write_units_per_s: a.write_units_per_s + b.write_units_per_s,
        net_bytes_per_s: a.net_bytes_per_s + b.net_bytes_per_s,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hare::Resources;

    use super::{Interval, Kept, POINTS, Taken};

    fn tick(tenants: u32, flow: f64, quota: u64) -> Taken {
        let quota = Resources { cache_bytes: quota, ..Resources::default() };
        let interval = Interval { flows: [flow; 6], ..Interval::default() };
        let tenants = (0..tenants).map(|number| (number, interval, quota)).collect();
        Taken { tenants, total: interval, total_quota: quota }
    }

    #[test]
    fn a_thousand_tenants_for_two_hours_take_less_than_20_mb() {
        let mut kept = Kept::default();
        let bytes: Vec<usize> = (0..1440_u64)
            .map(|at| kept.add(at * 5000, tick(1000, 1.0 + at as f64, 1 + at / 4)))
            .collect();
        let most = bytes.iter().max().unwrap();
        assert!(*most <= 20_000_000, "{most} bytes");
        let points = kept.tenants[&7].from(0).count();
        assert!(points >= 240, "{points} points are twenty minutes or more");
        println!("1000 tenants: {most} bytes at most, {points} points each");
    }

    #[test]
    fn few_tenants_keep_an_hour_and_who_is_gone_nothing() {
        let mut kept = Kept::default();
        for at in 0..1000 {
            kept.add(at * 5000, tick(3, 1.0, 1));
        }
        assert_eq!(kept.tenants[&1].from(0).count(), POINTS);
        kept.add(5_000_000, tick(2, 1.0, 1));
        assert!(!kept.tenants.contains_key(&2));
    }

    #[test]
    fn a_time_back_is_counted_from_the_last_tick() {
        let mut kept = Kept::default();
        for at in 1..=100 {
            kept.add(at * 5000, tick(1, at as f64, 1));
        }
        let seen = kept.read(&kept.totals, Duration::from_secs(50));
        assert_eq!((seen.len(), seen[0].0, seen[9].0), (10, 455_000, 500_000));
        assert_eq!(kept.read(&kept.totals, Duration::from_secs(3600)).len(), 100);
    }
}
