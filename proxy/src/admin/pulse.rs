//! Rates over the last seconds, from counters read once a second.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use crate::tenant::{Tenant, Tenants, Totals};

/// How often counters are read.
const BEAT: Duration = Duration::from_secs(1);
/// Beats that a rate looks back.
const BEATS: usize = 10;

/// Recent counters of every tenant.
#[derive(Debug, Default)]
pub(super) struct Pulse {
    recent: Mutex<HashMap<u32, VecDeque<(Instant, Totals)>>>,
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
                note(recent.entry(tenant.number).or_default(), Instant::now(), tenant.totals());
            }
        }
        // The server decides when it is done.
        std::future::pending().await
    }

    /// What was counted of a tenant in about the last ten seconds, and over how long.
    pub(super) fn recent(&self, tenant: &Tenant) -> (Totals, Duration) {
        let (now, totals) = (Instant::now(), tenant.totals());
        let recent = self.recent.lock();
        match recent.get(&tenant.number).and_then(VecDeque::front) {
            Some((at, earlier)) => (totals.since(earlier), now.saturating_duration_since(*at)),
            None => (Totals::default(), Duration::ZERO),
        }
    }
}

fn note(seen: &mut VecDeque<(Instant, Totals)>, now: Instant, totals: Totals) {
    if seen.len() >= BEATS {
        seen.pop_front();
    }
    seen.push_back((now, totals));
}
