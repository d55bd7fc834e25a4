//! Brings shares about: rates at once, cache by `maxmemory`, shrink before grow.
//!
//! A change is a [`Plan`] of rounds (`plan`, pure). A round sets rates, shrinks every cache that gives, and only then
//! grows those that get, so that the sum of all `maxmemory` never exceeds what it was before (`resize` talks to Redis).
//! A direct plan has one round. A gradual plan moves a bounded amount of cache per round and waits between rounds until
//! the caches that grew are warm, or until [`ROUND_DEADLINE`]; rates move in step with the cache, so nobody has given
//! cache away for rates that are still to come.
//!
//! A Redis that is down is not waited for: its size is noted in `quota_bytes`, which the keeper sets when Redis returns.

mod plan;
mod resize;

pub(crate) use plan::Move;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use hare::Resources;
use parking_lot::Mutex;
use tokio::sync::Mutex as TurnMutex;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::cache::control::Control;
use crate::tenant::{Tenant, Totals};

/// A gradual round that has not warmed its caches by then is followed by the next all the same.
const ROUND_DEADLINE: Duration = Duration::from_secs(30);
/// How often a gradual plan looks whether its caches are warm.
const LOOK: Duration = Duration::from_millis(500);
/// How long a caller waits for the first round; the round goes on after that.
const PATIENCE: Duration = Duration::from_secs(8);
/// A cache is warm when it is this full, or misses less than this part of its reads.
const WARM_FULL: f64 = 0.97;
const WARM_MISS_RATIO: f64 = 0.01;

/// A tenant and the share it is to have.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    /// Whom it concerns.
    pub(crate) tenant: Arc<Tenant>,
    /// What it is to have.
    pub(crate) share: Resources,
}

/// How a change is put in place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// All at once.
    Direct,
    /// At most this many bytes of cache per round.
    Gradual(u64),
}

/// Puts changes in place, one round at a time.
#[derive(Debug, Default)]
pub(crate) struct Applier {
    under_way: Mutex<Option<UnderWay>>,
    turn: TurnMutex<()>,
}

/// A plan with rounds to come.
#[derive(Debug)]
struct UnderWay {
    rounds: VecDeque<Vec<Change>>,
    target: Vec<Change>,
    growing: Vec<Growing>,
    since: Instant,
}

/// A cache that has just grown, and its counters then.
#[derive(Debug, Clone)]
struct Growing {
    tenant: Arc<Tenant>,
    before: Totals,
}

impl Applier {
    /// Replaces whatever is under way by this change. Returns when its first round is in place, or after [`PATIENCE`];
    /// a caller that goes away does not stop it.
    pub(crate) async fn change(self: &Arc<Self>, target: Vec<Change>, pace: Pace) {
        let applier = Arc::clone(self);
        let first_round = tokio::spawn(async move {
            let _turn = applier.turn.lock().await;
            applier.adopt(target, pace);
            applier.next_round().await;
        });
        // Past the patience, or if the task is lost at shutdown, the keeper still holds the target sizes.
        let _ = tokio::time::timeout(PATIENCE, first_round).await;
    }

    /// Drops the rounds to come; what is in place stays.
    pub(crate) fn cancel(&self) {
        *self.under_way.lock() = None;
    }

    /// What a tenant has, or is on its way to.
    pub(crate) fn destination(&self, tenant: &Tenant) -> Resources {
        let under_way = self.under_way.lock();
        let targets = under_way.iter().flat_map(|plan| &plan.target);
        let found = targets.into_iter().find(|change| change.tenant.number == tenant.number);
        found.map_or_else(|| tenant.quota(), |change| change.share)
    }

    /// Rounds of a gradual change that are still to come.
    pub(crate) fn rounds_to_come(&self) -> usize {
        self.under_way.lock().as_ref().map_or(0, |plan| plan.rounds.len())
    }

    /// Goes on with gradual changes until `stop`.
    pub(crate) async fn run(&self, stop: &CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
            if self.is_next_due().await {
                let _turn = self.turn.lock().await;
                self.next_round().await;
            }
        }
    }

    /// Makes sure that every Redis has the size it should have: one that was resized while the keeper brought it back,
    /// or that somebody else configured, may not.
    pub(crate) async fn reconcile(&self, tenants: &[Arc<Tenant>]) {
        let _turn = self.turn.lock().await;
        join_all(tenants.iter().map(|tenant| resize::reconcile(tenant))).await;
    }

    fn adopt(&self, target: Vec<Change>, pace: Pace) {
        let moves: Vec<Move> = target
            .iter()
            .map(|change| Move { from: change.tenant.quota(), to: change.share })
            .collect();
        let rounds = match pace {
            Pace::Direct => vec![moves.iter().map(|one| one.to).collect()],
            Pace::Gradual(step_bytes) => plan::rounds(&moves, step_bytes),
        };
        let tenants = || target.iter().map(|change| Arc::clone(&change.tenant));
        let rounds = rounds.into_iter().map(|shares: Vec<Resources>| {
            tenants().zip(shares).map(|(tenant, share)| Change { tenant, share }).collect()
        });
        let rounds = rounds.collect();
        *self.under_way.lock() =
            Some(UnderWay { rounds, target, growing: Vec::new(), since: Instant::now() });
    }

    /// Puts the next round in place. The caller holds the turn.
    async fn next_round(&self) {
        let round = self.under_way.lock().as_mut().and_then(|plan| plan.rounds.pop_front());
        let Some(round) = round else { return };
        let growing = put_in_place(&round).await;
        let mut under_way = self.under_way.lock();
        if let Some(plan) = under_way.as_mut() {
            if plan.rounds.is_empty() {
                *under_way = None;
            } else {
                (plan.growing, plan.since) = (growing, Instant::now());
            }
        }
    }

    async fn is_next_due(&self) -> bool {
        let (growing, since) = match &*self.under_way.lock() {
            Some(plan) if !plan.rounds.is_empty() => (plan.growing.clone(), plan.since),
            _ => return false,
        };
        if since.elapsed() >= ROUND_DEADLINE {
            return true;
        }
        let warm = join_all(growing.iter().map(is_warm)).await;
        warm.into_iter().all(|warm| warm)
    }
}

/// Rates at once, then shrink, then grow. Returns the caches that grew.
async fn put_in_place(round: &[Change]) -> Vec<Growing> {
    let live: Vec<&Change> =
        round.iter().filter(|change| !change.tenant.removed.is_cancelled()).collect();
    for change in &live {
        let now = change.tenant.quota();
        change.tenant.set_quota(Resources::new(now.cache_bytes, change.share.rates()));
    }
    let gives = |c: &&&Change| c.share.cache_bytes < c.tenant.quota().cache_bytes;
    let gets = |c: &&&Change| c.share.cache_bytes > c.tenant.quota().cache_bytes;
    let givers: Vec<_> = live.iter().filter(gives).collect();
    let getters: Vec<_> = live.iter().filter(gets).collect();
    join_all(givers.iter().map(|c| resize::shrink(&c.tenant, c.share.cache_bytes))).await;
    join_all(getters.iter().map(|c| resize::grow(&c.tenant, c.share.cache_bytes))).await;
    let growing = getters
        .iter()
        .map(|c| Growing { tenant: Arc::clone(&c.tenant), before: c.tenant.totals() });
    growing.collect()
}

async fn is_warm(growing: &Growing) -> bool {
    let counted = growing.tenant.totals().since(&growing.before);
    if counted.reads >= 100 && (counted.misses as f64) < WARM_MISS_RATIO * counted.reads as f64 {
        return true;
    }
    if !growing.tenant.cache.health.is_serving() {
        return true;
    }
    let Ok(mut control) = Control::open(&growing.tenant.cache.address).await else { return false };
    let Ok(memory) = control.memory_use().await else { return false };
    memory.used_bytes as f64 >= WARM_FULL * memory.maxmemory_bytes as f64
}
