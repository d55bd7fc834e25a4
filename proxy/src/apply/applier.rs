//! The edge of a change: looks at tenants and their Redis, and carries out what the [`Course`] orders.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::join_all;
use hare::{Rates, Resources};
use parking_lot::Mutex;
use redis::RedisResult;
use tokio::sync::Mutex as TurnMutex;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::cache::control::Control;
use crate::tenant::Tenant;
use hopperkv_control::course::{CacheLook, Course, Leg, Look, Order, Pace, Standing};
use hopperkv_control::plan::Move;

/// How often a change is looked at while caches warm up or cannot be reached.
const LOOK: Duration = Duration::from_millis(500);
/// How often while a cache is on its way down.
const CLOSE_LOOK: Duration = Duration::from_millis(10);
/// How long a caller waits for the first round; it goes on after that.
const PATIENCE: Duration = Duration::from_secs(8);

/// A tenant and the share it is to have.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    /// Whom it concerns.
    pub(crate) tenant: Arc<Tenant>,
    /// What it is to have.
    pub(crate) share: Resources,
    /// Rates until its cache is that of `share`; `None` if those that it has will do.
    pub(crate) meanwhile: Option<Rates>,
}

/// Puts changes in place.
#[derive(Debug)]
pub(crate) struct Applier {
    started: Instant,
    under_way: Mutex<UnderWay>,
    /// Held while Redis is looked at and told: one at a time.
    turn: TurnMutex<()>,
}

#[derive(Debug, Default)]
struct UnderWay {
    course: Course,
    /// Those the course may concern.
    tenants: BTreeMap<u32, Arc<Tenant>>,
    /// Whose resizing has failed in this change; said once.
    failed: BTreeSet<u32>,
}

impl Default for Applier {
    fn default() -> Self {
        Self { started: Instant::now(), under_way: Mutex::default(), turn: TurnMutex::default() }
    }
}

impl Applier {
    /// Replaces whatever is under way by this change; its rates hold at once. Returns when the sizes of the first round are
    /// in force, or what is missing takes its time, or after [`PATIENCE`]; a caller that goes away does not stop it.
    pub(crate) async fn change(self: &Arc<Self>, target: Vec<Change>, pace: Pace) {
        let applier = Arc::clone(self);
        let first_round = tokio::spawn(async move {
            let _turn = applier.turn.lock().await;
            applier.begin(&target, pace);
            applier.drive(PATIENCE).await;
        });
        // If the task is lost at shutdown, the keeper still holds the sizes that were noted.
        let _ = tokio::time::timeout(PATIENCE, first_round).await;
    }

    /// Drops the rounds to come; what is in place stays.
    pub(crate) fn cancel(&self) {
        let mut under_way = self.under_way.lock();
        let orders = under_way.course.stop();
        note_quotas(&under_way.tenants, &orders);
    }

    /// What a tenant has, or is on its way to.
    pub(crate) fn destination(&self, tenant: &Tenant) -> Resources {
        let destination = self.under_way.lock().course.destination(tenant.number);
        destination.unwrap_or_else(|| tenant.quota())
    }

    /// Rounds of a gradual change that are still to come.
    pub(crate) fn rounds_to_come(&self) -> usize {
        self.under_way.lock().course.rounds_to_come()
    }

    /// True while nothing is to be done or waited for.
    pub(crate) fn is_settled(&self) -> bool {
        self.under_way.lock().course.is_idle()
    }

    /// Rates that a tenant has above those decided, while its cache warms up.
    pub(crate) fn boost_of(&self, tenant: &Tenant) -> Option<Rates> {
        self.under_way.lock().course.boosted().get(&tenant.number).copied()
    }

    /// Cache that is due to tenants and waits for others to shrink, in bytes.
    pub(crate) fn held_back_bytes(&self) -> u64 {
        self.under_way.lock().course.held_back_bytes()
    }

    /// Goes on with changes until `stop`.
    pub(crate) async fn run(&self, stop: &CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
            if !self.is_settled() {
                let _turn = self.turn.lock().await;
                self.drive(LOOK).await;
            }
        }
    }

    /// Makes sure that every Redis has the size it should have: one that was resized while the keeper brought it back, or
    /// that somebody else configured, may not.
    pub(crate) async fn reconcile(&self, tenants: &[Arc<Tenant>]) {
        let _turn = self.turn.lock().await;
        let looks = join_all(tenants.iter().map(|tenant| look(tenant, None))).await;
        for (tenant, (look, _)) in tenants.iter().zip(looks) {
            let Some(cache) = look.cache else { continue };
            let quota = tenant.quota();
            if cache.maxmemory_bytes != quota.cache_bytes {
                let mut under_way = self.under_way.lock();
                under_way.tenants.insert(tenant.number, Arc::clone(tenant));
                under_way.course.correct(tenant.number, quota, cache);
            }
        }
        self.drive(PATIENCE).await;
    }

    fn begin(&self, target: &[Change], pace: Pace) {
        let present = target.iter().filter(|change| !change.tenant.removed.is_cancelled());
        let leg = |change: &Change| Leg {
            number: change.tenant.number,
            base: change.tenant.base(),
            share: Move { from: change.tenant.quota(), to: change.share },
            meanwhile: change.meanwhile,
        };
        let legs: Vec<Leg> = present.clone().map(leg).collect();
        let mut under_way = self.under_way.lock();
        under_way.failed.clear();
        for change in present {
            under_way.tenants.insert(change.tenant.number, Arc::clone(&change.tenant));
        }
        let orders = under_way.course.begin(&legs, pace, self.started.elapsed());
        note_quotas(&under_way.tenants, &orders);
    }

    /// Looks and acts until there is nothing to be done soon. The caller holds the turn.
    async fn drive(&self, at_most: Duration) {
        let deadline = Instant::now() + at_most;
        let mut controls = BTreeMap::new();
        loop {
            let concerned: Vec<Arc<Tenant>> = self.under_way.lock().concerned();
            if concerned.is_empty() {
                return;
            }
            let seen = concerned.iter().map(|tenant| look(tenant, controls.remove(&tenant.number)));
            let seen = join_all(seen).await;
            let mut looks = BTreeMap::new();
            for (tenant, (look, control)) in concerned.iter().zip(seen) {
                looks.insert(tenant.number, look);
                controls.extend(control.map(|control| (tenant.number, control)));
            }
            let orders = {
                let mut under_way = self.under_way.lock();
                let orders = under_way.course.advance(self.started.elapsed(), &looks);
                note_quotas(&under_way.tenants, &orders);
                orders
            };
            let resized = self.resize(&orders, &concerned, &mut controls).await;
            let standing = self.under_way.lock().course.standing(self.started.elapsed());
            let soon = resized || standing == Standing::Moving;
            if !soon || Instant::now() >= deadline {
                return;
            }
            tokio::time::sleep(CLOSE_LOOK).await;
        }
    }

    /// Carries out the orders to Redis; true if there were any and Redis took one.
    async fn resize(
        &self,
        orders: &[Order],
        tenants: &[Arc<Tenant>],
        controls: &mut BTreeMap<u32, Control>,
    ) -> bool {
        let resizes = orders.iter().filter_map(|order| match *order {
            Order::Resize { number, bytes } => {
                let tenant = tenants.iter().find(|tenant| tenant.number == number)?;
                Some((tenant, controls.get(&number).cloned(), bytes))
            }
            Order::Note { .. } => None,
        });
        let results = resizes.map(|(tenant, control, bytes)| async move {
            let result = async {
                if tenant.cache.health.is_asleep() {
                    return Ok(());
                }
                let mut control = match control {
                    Some(control) => control,
                    None => Control::open(&tenant.cache.address).await?,
                };
                if let Some(near) = &tenant.near {
                    near.tells(bytes);
                }
                let bytes = tenant.redis_part(bytes);
                control.config_set(&[("maxmemory", bytes.to_string())]).await
            };
            (tenant, bytes, result.await)
        });
        let mut any_taken = false;
        for (tenant, bytes, result) in join_all(results).await {
            any_taken |= result.is_ok();
            self.report(tenant, bytes, result);
        }
        any_taken
    }

    fn report(&self, tenant: &Tenant, to_bytes: u64, result: RedisResult<()>) {
        if let Err(error) = result
            && tenant.cache.health.is_serving()
            && self.under_way.lock().failed.insert(tenant.number)
        {
            tracing::warn!(
                tenant = %tenant.name, %error, to_bytes,
                "cannot resize the cache now; it is tried again until it succeeds"
            );
        }
    }
}

impl UnderWay {
    fn concerned(&mut self) -> Vec<Arc<Tenant>> {
        self.tenants.retain(|_, tenant| !tenant.removed.is_cancelled());
        let concerned: BTreeSet<u32> = self.course.concerned().collect();
        self.tenants.retain(|number, _| concerned.contains(number));
        self.tenants.values().cloned().collect()
    }
}

fn note_quotas(tenants: &BTreeMap<u32, Arc<Tenant>>, orders: &[Order]) {
    for order in orders {
        if let Order::Note { number, quota } = order
            && let Some(tenant) = tenants.get(number)
        {
            tenant.set_quota(*quota);
        }
    }
}

/// What is seen of a tenant, and the connection to its Redis for the next look.
async fn look(tenant: &Tenant, control: Option<Control>) -> (Look, Option<Control>) {
    let totals = tenant.totals();
    let unreachable = Look { cache: None, reads: totals.reads, misses: totals.misses };
    let health = &tenant.cache.health;
    if health.is_asleep() {
        // Nothing to resize: it is started with the size that is noted, whenever that is.
        let maxmemory_bytes = tenant.cache.quota_bytes.load(Ordering::Relaxed);
        let cache = CacheLook { maxmemory_bytes, used_bytes: 0 };
        return (Look { cache: Some(cache), ..unreachable }, None);
    }
    // One that is being started is there in a moment, or never was.
    let decided = tokio::time::timeout(LOOK, health.until_decided()).await;
    if decided.is_err() || !health.is_serving() {
        return (unreachable, None);
    }
    let seen = async {
        let mut control = match control {
            Some(control) => control,
            None => Control::open(&tenant.cache.address).await?,
        };
        let memory = control.memory_use().await?;
        RedisResult::Ok((memory, control))
    };
    match seen.await {
        Ok((memory, control)) => {
            let cache = CacheLook {
                maxmemory_bytes: memory.maxmemory_bytes,
                used_bytes: memory.used_bytes,
            };
            let cache = with_near(tenant, cache);
            (Look { cache: Some(cache), ..unreachable }, Some(control))
        }
        Err(_) => (unreachable, None),
    }
}

/// A cache as the course counts it: Redis and the part of the quota that the near cache may take.
fn with_near(tenant: &Tenant, redis: CacheLook) -> CacheLook {
    let Some(near) = &tenant.near else { return redis };
    if redis.maxmemory_bytes == 0 {
        return redis;
    }
    let quota_bytes = near.quota_of(redis.maxmemory_bytes, tenant.quota().cache_bytes);
    let near_bytes = quota_bytes.saturating_sub(redis.maxmemory_bytes);
    let used_bytes = redis.used_bytes.saturating_add(near_bytes);
    CacheLook { maxmemory_bytes: quota_bytes, used_bytes }
}
