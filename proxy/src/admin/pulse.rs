//! Rates over the last seconds, from counters read once a second.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use crate::limits::Resource;
use crate::tenant::{Tenant, Tenants, Totals};

/// How often counters are read.
const BEAT: Duration = Duration::from_secs(1);
/// Beats that a rate looks back, at most.
const BEATS: usize = 10;
/// What `stats` looks back.
pub(super) const LONG: Duration = Duration::from_secs(10);

/// Recent counters of every tenant.
#[derive(Debug, Default)]
pub(super) struct Pulse {
    recent: Mutex<HashMap<u32, VecDeque<(Instant, Counted)>>>,
}

/// What is counted of a tenant since start.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counted {
    /// Requests, bytes, units.
    pub(super) totals: Totals,
    /// Waits for each limit, in the order of [`Resource::ALL`].
    pub(super) waits: [Waited; 3],
}

/// Waits for one limit.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Waited {
    /// How many requests waited.
    pub(super) count: u64,
    /// For how long, together.
    pub(super) time: Duration,
}

/// What was counted of a tenant lately.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Recent {
    /// The difference.
    pub(super) counted: Counted,
    /// The time in which it was counted; zero if nothing is known yet.
    pub(super) over: Duration,
}

impl Pulse {
    /// Reads the counters of all tenants once a second, until `stop`.
    pub(super) async fn beat(&self, tenants: &Tenants, stop: &CancellationToken) {
        let mut beats = tokio::time::interval(BEAT);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while stop.run_until_cancelled(beats.tick()).await.is_some() {
            let all = tenants.all();
            let mut recent = self.recent.lock();
            let present: HashSet<u32> = all.iter().map(|tenant| tenant.number).collect();
            recent.retain(|number, _| present.contains(number));
            for tenant in &all {
                note(recent.entry(tenant.number).or_default(), Instant::now(), Counted::of(tenant));
            }
        }
    }

    /// What was counted of a tenant in about the time `back`, ten seconds at most.
    pub(super) fn recent(&self, tenant: &Tenant, back: Duration) -> Recent {
        let (now, counted) = (Instant::now(), Counted::of(tenant));
        let recent = self.recent.lock();
        let Some(beats) = recent.get(&tenant.number) else { return Recent::default() };
        let is_within = |(at, _): &&(Instant, Counted)| now.saturating_duration_since(*at) <= back;
        // One that is too old is better than none: the machine may have stalled.
        let earlier = beats.iter().find(is_within).or(beats.back());
        earlier.map_or_else(Recent::default, |(at, earlier)| Recent {
            counted: counted.since(earlier),
            over: now.saturating_duration_since(*at),
        })
    }
}

impl Counted {
    /// The present counters of a tenant.
    pub(super) fn of(tenant: &Tenant) -> Self {
        let waits = Resource::ALL.map(|resource| {
            let stats = tenant.limits.limiter(resource).stats();
            Waited { count: stats.waits, time: stats.waited }
        });
        Self { totals: tenant.totals(), waits }
    }

    /// What was counted since `earlier`.
    pub(super) fn since(&self, earlier: &Self) -> Self {
        let mut waits = self.waits;
        for (now, earlier) in waits.iter_mut().zip(&earlier.waits) {
            now.count = now.count.saturating_sub(earlier.count);
            now.time = now.time.saturating_sub(earlier.time);
        }
        Self { totals: self.totals.since(&earlier.totals), waits }
    }
}

impl Recent {
    /// How often per second something was counted.
    pub(super) fn per_s(&self, count: u64) -> f64 {
        let seconds = self.over.as_secs_f64();
        if seconds > 0.0 { count as f64 / seconds } else { 0.0 }
    }

    /// Read units consumed per second.
    pub(super) fn read_units_per_s(&self) -> f64 {
        self.per_s(self.counted.totals.milli_read_units) / 1e3
    }

    /// Write units consumed per second.
    pub(super) fn write_units_per_s(&self) -> f64 {
        self.per_s(self.counted.totals.milli_write_units) / 1e3
    }

    /// Bytes to and from clients and storage per second.
    pub(super) fn net_bytes_per_s(&self) -> f64 {
        let totals = &self.counted.totals;
        self.per_s(totals.read_bytes + totals.written_bytes + totals.storage_bytes)
    }

    /// Hits over reads; `None` without reads.
    pub(super) fn hit_ratio(&self) -> Option<f64> {
        let totals = &self.counted.totals;
        (totals.reads > 0).then(|| totals.hits as f64 / totals.reads as f64)
    }
}

fn note(seen: &mut VecDeque<(Instant, Counted)>, now: Instant, counted: Counted) {
    if seen.len() >= BEATS {
        seen.pop_front();
    }
    seen.push_back((now, counted));
}
