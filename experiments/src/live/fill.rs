//! Fills caches at raised rates, so that what is measured is a cache as the workload leaves it, not one that is filling.
//!
//! Keys are read in the order in which they would last have been used after a long time of the workload, drawn as simulated
//! caches are and with the same seed ([`crate::popularity`]), and then the workload runs for a while. Without that order, LRU
//! would need many times the requests to forget how it was filled: what is read last, in any order that favours some keys,
//! stays for long.

use std::sync::Arc;
use std::time::Duration;

use hopperkv_bench::admin::{Quota, Requests};
use hopperkv_bench::client::Target;
use hopperkv_bench::closed_loop::Checks;
use hopperkv_bench::load::LoadPlan;
use hopperkv_bench::preload::{self, Fill, Order, Plan};
use hopperkv_bench::spec::{Phase, Workload};
use hopperkv_bench::stop::Stop;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::interval;

use super::cast::{Actor, Cast, Seat};
use super::drive::served;
use super::proxy::Proxy;
use super::servers::Interruption;
use super::{LiveError, Storage};
use crate::popularity::Keys;
use crate::runner::stream_seed;
use crate::spec::Spec;

/// Rates while caches are filled: no limit in practice.
const RAISED_UNITS_PER_S: f64 = 1e6;
const RAISED_NET_BYTES_PER_S: f64 = 1e10;
/// Connections of a tenant meanwhile, and requests in flight on each.
const CLIENTS: u64 = 4;
const DEPTH: usize = 32;
/// Least bytes that an entry takes in Redis besides key and value.
const ENTRY_OVERHEAD_BYTES: u64 = 70;
/// Requests after the preload are this part of the entries that fit the cache: enough for Redis to have evicted by its own
/// samples, and few enough for both engines to begin with nearly the same cache, which matters where tenants scan.
const TURN_PARTS: u64 = 2;
/// Sets their seeds apart from those of the requests to follow.
const OF_FILLING: u64 = 0x5A5A_0000_0000;

/// Entries that are read over those that fit at the most.
const SPARE: f64 = 1.25;
/// How long requests after the preload may take.
const LONGEST: Duration = Duration::from_secs(3600);
/// Rates over those of the run while all who share a cache fill it together, at first and at most; how much of them has to be
/// used for a limit to be what holds everybody back; how often that is looked at, and how long it may take.
const MINGLING: (f64, f64) = (8.0, 40.0);
const BINDING: f64 = 0.9;
const PACE: Duration = Duration::from_secs(3);
const LONGEST_MINGLING: Duration = Duration::from_secs(300);
/// Reads meanwhile, in entries that fit the cache, at the most.
const MOST_TURNS: u64 = 8;
/// How often it is tried, on a machine so busy that Redis does not answer for more than a second.
const TRIES: u32 = 3;
/// Between two looks at which Redis servers there are.
const LOOK: Duration = Duration::from_millis(200);

/// What is filled, from where.
#[derive(Debug, Clone, Copy)]
pub(super) struct Filling<'a> {
    pub(super) spec: &'a Spec,
    /// Whether curves are to be learned.
    pub(super) learns: bool,
    pub(super) cast: &'a Cast,
    pub(super) proxy: &'a Proxy,
    pub(super) storage: &'a Storage,
    pub(super) seed: u64,
    /// When, by the run's clock.
    pub(super) at: Duration,
    pub(super) stop: &'a Stop,
}

impl Filling<'_> {
    /// Brings keys in place, in the order of their last use, and then lets the workload run for a while; ends with the quotas given,
    /// one for each seat. `is_first`: storage that does not compute its values has none yet.
    pub(super) async fn run(&self, quotas: &[Quota], is_first: bool) -> Result<(), LiveError> {
        let here = |seat: &Seat| seat.is_first();
        for (seat, quota) in self.cast.seats.iter().zip(quotas).filter(|(seat, _)| here(seat)) {
            let raised = Quota {
                cache_bytes: quota.cache_bytes,
                read_units_per_s: RAISED_UNITS_PER_S,
                write_units_per_s: RAISED_UNITS_PER_S,
                net_bytes_per_s: RAISED_NET_BYTES_PER_S,
            };
            self.proxy.admin.set_quota(&seat.name, &raised).await?;
        }
        // What a Redis was asked to keep while it did not answer, it has not.
        let mut tries = TRIES;
        while let Some(seat) = self.once(quotas, is_first && tries == TRIES).await? {
            tries -= 1;
            if tries == 0 {
                let problem =
                    format!("the Redis server of tenant {seat} did not answer, {TRIES} times");
                return Err(self.proxy.failure(&problem).into());
            }
        }
        for (seat, quota) in self.cast.seats.iter().zip(quotas).filter(|(seat, _)| here(seat)) {
            self.proxy.admin.set_quota(&seat.name, quota).await?;
        }
        Ok(())
    }

    /// Fills everybody's cache; names a seat whose Redis did not answer for a while.
    async fn once(&self, quotas: &[Quota], is_first: bool) -> Result<Option<String>, LiveError> {
        let mut fills = JoinSet::new();
        let actors = (0_u64..).zip(&self.cast.actors);
        for (number, actor) in actors.filter(|(_, actor)| actor.arrives.is_zero()) {
            let cache_bytes = quotas.get(actor.seat).map_or(0, |quota| quota.cache_bytes);
            let seed = stream_seed(self.seed, number, self.at);
            fills.spawn(self.fill(actor, seed, cache_bytes, is_first));
        }
        let mut looks = interval(LOOK);
        loop {
            tokio::select! {
                filled = fills.join_next() => match filled {
                    Some(filled) => filled.map_err(|error| LiveError::Unable(error.to_string()))??,
                    None => break,
                },
                _ = looks.tick() => self.proxy.servers.look(),
            }
        }
        if self.stop.is_raised() {
            return Err(LiveError::Stopped);
        }
        if self.cast.is_shared {
            self.mingle(quotas).await?;
        }
        if self.stop.is_raised() {
            return Err(LiveError::Stopped);
        }
        let mut stalled = None;
        for seat in self.cast.seats.iter().filter(|seat| seat.is_first()) {
            let name = &seat.name;
            let (_, count) = self.proxy.admin.requests_and_interruptions(name).await?;
            match self.proxy.servers.judge(name, count) {
                Interruption::None => {}
                Interruption::Stall => stalled = Some(name.clone()),
                Interruption::Lost => {
                    let problem = format!("the Redis server of tenant {name} was lost meanwhile");
                    return Err(self.proxy.failure(&problem).into());
                }
            }
        }
        Ok(stalled)
    }

    fn fill(
        &self,
        actor: &Actor,
        seed: u64,
        cache_bytes: u64,
        is_first: bool,
    ) -> impl Future<Output = Result<(), LiveError>> + Send + 'static {
        let target = self.proxy.target(&self.cast.seats[actor.seat]);
        let computes = matches!(self.storage, Storage::Synthetic { .. });
        let fill = if is_first && !computes { Fill::Write } else { Fill::Read };
        let reach = self.reach(actor, cache_bytes, is_first);
        let is_alone = !self.cast.is_shared;
        let (actor, stop) = (actor.clone(), self.stop.clone());
        async move {
            let phase = actor.first();
            let (sizes, first_key, clients) = (LoadPlan::sizes(phase), phase.first_key, CLIENTS);
            if fill == Fill::Write {
                // What later phases ask for has to be in storage, too.
                let order = Order::LastFirst(actor.workload.max_keys());
                let plan = Plan { order, first_key, sizes, fill, clients };
                served(&actor.name, preload::run(&target, plan, stop.clone(), &mut []).await?)?;
            }
            let drawn = phase.clone();
            let order = spawn_blocking(move || last_used(&drawn, reach, seed)).await;
            let order = Order::Given(order.map_err(|error| LiveError::Unable(error.to_string()))?);
            let plan = Plan { order, first_key, sizes, fill: Fill::Read, clients };
            served(&actor.name, preload::run(&target, plan, stop.clone(), &mut []).await?)?;
            if !is_alone {
                return Ok(());
            }
            let turn = phase.keys.min(cache_bytes / entry_bytes(phase)).max(1);
            let plan = LoadPlan {
                clients: CLIENTS,
                depth: DEPTH,
                requests: Some(turn.div_ceil(TURN_PARTS)),
                ..steady(&actor, target, LONGEST, seed ^ OF_FILLING)
            };
            served(&actor.name, plan.run(stop, &mut []).await?)
        }
    }

    /// Keys that have to be read: those that fit, read last, and where a curve is to be learned those that its reach covers.
    fn reach(&self, actor: &Actor, cache_bytes: u64, is_first: bool) -> u64 {
        let learns = is_first && self.learns;
        let of_cache = if learns { self.spec.allocator.curve_max.max(1.0) } else { 1.0 };
        let entries = cache_bytes as f64 * of_cache * SPARE / entry_bytes(actor.first()) as f64;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a number of entries; the cast saturates"
        )]
        let entries = entries as u64;
        entries.max(1)
    }

    /// Lets all who share a cache run together, at raised rates, until everything in it has been replaced, or was read so often
    /// that what hardly ever misses need not be: who has how much of it follows from how fast each goes. That is as in the run as long as the same limit holds everybody back, and so rates
    /// are raised as far as the machine keeps up with them.
    async fn mingle(&self, quotas: &[Quota]) -> Result<(), LiveError> {
        let (Some(seat), Some(quota)) = (self.cast.seats.first(), quotas.first()) else {
            return Ok(());
        };
        let admin = &self.proxy.admin;
        let held = self.cast.actors.iter().map(|actor| entry_bytes(actor.first())).min();
        let held = quota.cache_bytes / held.unwrap_or(1);
        let mut factor = MINGLING.0;
        admin.set_quota(&seat.name, &times(quota, factor)).await?;
        let first = admin.requests(&seat.name).await?;
        let mut loads = JoinSet::new();
        let enough = Stop::default();
        for (number, actor) in (0_u64..).zip(&self.cast.actors) {
            if !actor.arrives.is_zero() {
                continue;
            }
            let seed = self.seed.wrapping_add(number);
            let plan = LoadPlan {
                clients: self.spec.connections,
                depth: self.spec.depth,
                ..steady(actor, self.proxy.target(seat), LONGEST_MINGLING, seed)
            };
            let (name, enough) = (actor.name.clone(), enough.clone());
            loads.spawn(async move { served(&name, plan.run(enough, &mut []).await?) });
        }
        let mut looks = interval(PACE);
        let (mut before, mut at) = (first, looks.tick().await);
        loop {
            tokio::select! {
                ended = loads.join_next() => match ended {
                    Some(ended) => ended.map_err(|error| LiveError::Unable(error.to_string()))??,
                    None => return Ok(()),
                },
                () = self.stop.raised(), if !enough.is_raised() => enough.raise(),
                now = looks.tick(), if !enough.is_raised() => {
                    self.proxy.servers.look();
                    let seen = admin.requests(&seat.name).await?;
                    let is_replaced = seen.misses >= first.misses + held;
                    let reads = |of: &Requests| of.hits + of.misses;
                    if is_replaced || reads(&seen) >= reads(&first) + MOST_TURNS * held {
                        enough.raise();
                        continue;
                    }
                    let used = used(&before, &seen, (now - at).as_secs_f64(), &times(quota, factor));
                    (before, at) = (seen, now);
                    let next = if used > BINDING { factor * 1.5 } else { factor / 1.5 };
                    factor = next.clamp(MINGLING.0 / 2.0, MINGLING.1);
                    admin.set_quota(&seat.name, &times(quota, factor)).await?;
                }
            }
        }
    }
}

/// The keys that would have been used last after a long time of a phase, at most so many, the last at the end.
fn last_used(phase: &Phase, most: u64, seed: u64) -> Arc<[u32]> {
    let mut used: Vec<(f64, u32)> = Vec::new();
    let keys = Keys::of(phase);
    keys.draw(f64::INFINITY, seed, |_| true, |key, ago, _| used.push((ago, key)));
    used.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    used.truncate(usize::try_from(most).unwrap_or(usize::MAX));
    used.iter().rev().map(|&(_, key)| key).collect()
}

/// The same cache, other rates.
fn times(quota: &Quota, factor: f64) -> Quota {
    Quota {
        cache_bytes: quota.cache_bytes,
        read_units_per_s: quota.read_units_per_s * factor,
        write_units_per_s: quota.write_units_per_s * factor,
        net_bytes_per_s: quota.net_bytes_per_s * factor,
    }
}

/// The part of the rate that is used most.
fn used(before: &Requests, seen: &Requests, took_s: f64, quota: &Quota) -> f64 {
    let bytes = |of: &Requests| of.read_bytes + of.written_bytes + of.storage_bytes;
    let rise = |of: &dyn Fn(&Requests) -> u64| of(seen).saturating_sub(of(before)) as f64;
    let per_s = [
        rise(&|of| of.milli_read_units) / 1e3 / quota.read_units_per_s,
        rise(&|of| of.milli_write_units) / 1e3 / quota.write_units_per_s,
        rise(&bytes) / quota.net_bytes_per_s,
    ];
    per_s.into_iter().fold(0.0, f64::max) / took_s.max(1e-3)
}

/// What an actor asks for at first, for as long as needed.
fn steady(actor: &Actor, target: Target, longest: Duration, seed: u64) -> LoadPlan {
    let phase = Phase { duration: None, ..actor.first().clone() };
    LoadPlan {
        target,
        workload: Workload { phases: vec![phase] },
        clients: CLIENTS,
        depth: DEPTH,
        rate: None,
        duration: Some(longest),
        requests: None,
        checks: Checks { nil_is_loss: true, ..Checks::default() },
        seed,
    }
}

/// What an entry of a phase takes in Redis, at the least.
fn entry_bytes(phase: &Phase) -> u64 {
    (phase.key_bytes + phase.value_bytes) as u64 + ENTRY_OVERHEAD_BYTES
}
