//! The course of a change: which sizes and rates are due now, which caches have to shrink first, which are warm.
//!
//! Pure: the time and what is seen of the caches come from the caller, and what is to be done goes back to it as
//! [`Order`]s. The same code runs on a live proxy and in a simulation.
//!
//! What is held: a cache holds its `maxmemory` or what it uses, whichever is more. A cache grows only into room that is
//! really free: never is more held than the larger of what the tenants of the change had and are to have. A Redis that
//! cannot be reached holds what it was last seen with, so a shrink that fails keeps the others from growing, for as long as
//! it takes; rates and later rounds do not wait for it beyond [`Pacing::round_deadline`].

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::time::Duration;

use hare::{Rates, Resources};

use crate::part::Part;
use crate::plan::{self, Move};

/// A tenant's number and where its share goes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Leg {
    /// The tenant.
    pub number: u32,
    /// What it is entitled to.
    pub base: Resources,
    /// What it has and what it is to have.
    pub share: Move,
    /// Rates for the cache that it has, from now until it has that of `share`; `None` if those that it has will do.
    pub meanwhile: Option<Rates>,
}

/// How changes are to be put in place, as it is configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Apply {
    /// A bounded amount of cache per step, the next when the caches are warm.
    #[default]
    Gradual,
    /// All at once.
    Direct,
    /// All at once, but a tenant whose cache grows has at least its base rates until that cache is warm.
    Boost,
}

impl Apply {
    /// Every way and its name.
    pub const NAMES: &'static [(&'static str, Self)] =
        &[("gradual", Self::Gradual), ("direct", Self::Direct), ("boost", Self::Boost)];
}

impl fmt::Display for Apply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::NAMES.iter().find(|(_, apply)| apply == self).map_or("", |(name, _)| name);
        f.write_str(name)
    }
}

/// How a change is put in place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// All at once.
    Direct,
    /// All at once, but a tenant whose cache grows has at least its base rates until that cache is warm.
    Boost,
    /// At most this many bytes of cache per round.
    Gradual(u64),
}

/// Steps, bounds and what counts as warm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pacing {
    /// One `CONFIG SET maxmemory` takes at most this much away, so that evicting it does not hold Redis for long.
    pub shrink_step_bytes: u64,
    /// Memory in use above the limit that does not count: buffers come and go.
    pub slack_bytes: u64,
    /// How long one step may take to be evicted before the next is made all the same, and how long an order may go
    /// without effect before it is given again.
    pub step_deadline: Duration,
    /// A gradual round that is not in place with warm caches by then is followed by the next all the same.
    pub round_deadline: Duration,
    /// A boost ends by then.
    pub boost_deadline: Duration,
    /// A cache is warm when this part of what it grew by is filled,
    pub warm_full: f64,
    /// or misses less than this part of its reads.
    pub warm_miss_ratio: f64,
}

impl Default for Pacing {
    fn default() -> Self {
        Self {
            shrink_step_bytes: 16 << 20,
            slack_bytes: 1 << 20,
            step_deadline: Duration::from_secs(2),
            round_deadline: Duration::from_secs(30),
            boost_deadline: Duration::from_secs(60),
            warm_full: 0.97,
            warm_miss_ratio: 0.01,
        }
    }
}

/// What is seen of a tenant that a change concerns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Look {
    /// Its cache; `None` if it cannot be reached.
    pub cache: Option<CacheLook>,
    /// Reads since start.
    pub reads: u64,
    /// Those that missed.
    pub misses: u64,
}

/// What a Redis says of itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CacheLook {
    /// Its limit; 0 is none.
    pub maxmemory_bytes: u64,
    /// What it uses.
    pub used_bytes: u64,
}

/// What is to be done now.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Order {
    /// Note this as the tenant's quota: its rates hold at once, and a Redis that comes back gets the size.
    Note {
        /// The tenant.
        number: u32,
        /// Its quota from now on.
        quota: Resources,
    },
    /// Set the tenant's `maxmemory`.
    Resize {
        /// The tenant.
        number: u32,
        /// The size.
        bytes: u64,
    },
}

/// How far the present round is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Nothing is under way.
    Idle,
    /// Every size is in force; caches warm up, or boosts end, or both.
    InPlace,
    /// A cache is on its way to the size it was told: look again soon.
    Moving,
    /// What is missing takes time: a Redis that cannot be reached or is slow to evict, and those who wait for its memory.
    HeldUp,
}

/// A change under way; empty between changes.
#[derive(Debug, Default)]
pub struct Course {
    pacing: Pacing,
    parts: BTreeMap<u32, Part>,
    /// Shares of all parts after each round to come.
    rounds: VecDeque<BTreeMap<u32, Resources>>,
    /// Where the change ends.
    target: BTreeMap<u32, Resources>,
    /// The most that all parts together may hold.
    limit_bytes: u64,
    round_since: Duration,
}

impl Course {
    /// A course with other steps and bounds than the usual.
    pub fn with_pacing(pacing: Pacing) -> Self {
        Self { pacing, ..Self::default() }
    }

    /// Replaces what is under way by this change and begins its first round.
    pub fn begin(&mut self, legs: &[Leg], pace: Pace, now: Duration) -> Vec<Order> {
        let mut orders = self.stop();
        // One that is on its way already goes on from where it was stopped.
        let from = |leg: &Leg| self.parts.get(&leg.number).map_or(leg.share.from, |p| p.quota);
        let moves = legs.iter().map(|leg| {
            let from = from(leg);
            let rates = leg.meanwhile.unwrap_or_else(|| from.rates());
            Move { from: Resources::new(from.cache_bytes, rates), to: leg.share.to }
        });
        let moves: Vec<Move> = moves.collect();
        let rounds = match pace {
            Pace::Direct | Pace::Boost => vec![moves.iter().map(|one| one.to).collect()],
            Pace::Gradual(step_bytes) => plan::rounds(&moves, step_bytes),
        };
        let numbers = || legs.iter().map(|leg| leg.number);
        self.target = numbers().zip(moves.iter().map(|one| one.to)).collect();
        self.rounds = rounds.into_iter().map(|shares| numbers().zip(shares).collect()).collect();
        for (leg, share) in legs.iter().zip(&moves) {
            let part = self.parts.entry(leg.number);
            let part = part.or_insert_with(|| Part::new(leg.number, leg.share.from));
            if pace == Pace::Boost && share.to.cache_bytes > share.from.cache_bytes {
                part.boost = Some((leg.base.rates(), now + self.pacing.boost_deadline));
            }
        }
        let bystanders = self.parts.iter().filter(|(number, _)| !self.target.contains_key(number));
        let bystanders: u64 = bystanders.map(|(_, part)| part.quota.cache_bytes).sum();
        let had: u64 = moves.iter().map(|one| one.from.cache_bytes).sum();
        let due: u64 = moves.iter().map(|one| one.to.cache_bytes).sum();
        self.limit_bytes = bystanders.saturating_add(had.max(due));
        self.next_round(now, &mut orders);
        orders
    }

    /// Drops the rounds to come; what is in place stays, what shrinks goes on to the size it was told.
    pub fn stop(&mut self) -> Vec<Order> {
        self.rounds.clear();
        self.target.clear();
        let orders = self.parts.values_mut().filter_map(Part::stop);
        orders.collect()
    }

    /// Has a cache brought to its quota if it has another size: one that was resized while its keeper brought it back, or
    /// that somebody else configured, may.
    pub fn correct(&mut self, number: u32, quota: Resources, cache: CacheLook) {
        if cache.maxmemory_bytes == quota.cache_bytes || self.parts.contains_key(&number) {
            return;
        }
        self.limit_bytes = self.limit_bytes.saturating_add(quota.cache_bytes);
        self.parts.insert(number, Part::new(number, quota));
    }

    /// Goes on: what is to be done now, by what is seen of every tenant in [`Self::concerned`]. A tenant without a look has
    /// left.
    pub fn advance(&mut self, now: Duration, looks: &BTreeMap<u32, Look>) -> Vec<Order> {
        let mut orders = Vec::new();
        self.parts.retain(|number, _| looks.contains_key(number));
        for (number, part) in &mut self.parts {
            if let Some(look) = looks.get(number) {
                part.see(look, &self.pacing);
            }
        }
        for part in self.parts.values_mut() {
            orders.extend(part.shrink(now, &self.pacing));
        }
        let round_is_late = now >= self.round_since + self.pacing.round_deadline;
        let held: u64 = self.parts.values().map(Part::held_bytes).fold(0, u64::saturating_add);
        let mut room_bytes = self.limit_bytes.saturating_sub(held);
        for part in self.parts.values_mut() {
            orders.extend(part.grow(now, &mut room_bytes, round_is_late, &self.pacing));
        }
        for part in self.parts.values_mut() {
            orders.extend(part.end_boost(now));
        }
        let is_ready = self.parts.values().all(|part| part.is_in_place() && part.is_warm());
        if !self.rounds.is_empty() && (is_ready || round_is_late) {
            self.next_round(now, &mut orders);
        }
        if self.rounds.is_empty() && self.parts.values().all(Part::is_done) {
            self.parts.clear();
            self.target.clear();
            self.limit_bytes = 0;
        }
        orders
    }

    /// Tenants that a look is needed of.
    pub fn concerned(&self) -> impl Iterator<Item = u32> + '_ {
        self.parts.keys().copied()
    }

    /// Where a tenant's share goes; `None` if it stays.
    pub fn destination(&self, number: u32) -> Option<Resources> {
        self.target.get(&number).copied()
    }

    /// Rounds that are still to come, the present one included until its sizes are in force.
    pub fn rounds_to_come(&self) -> usize {
        let in_change = self.parts.iter().filter(|(number, _)| self.target.contains_key(number));
        let is_in_place = in_change.map(|(_, part)| part).all(Part::is_in_place);
        self.rounds.len() + usize::from(!is_in_place)
    }

    /// How far the present round is.
    pub fn standing(&self, now: Duration) -> Standing {
        let mut missing = self.parts.values().filter(|part| !part.is_in_place()).peekable();
        if self.parts.is_empty() {
            Standing::Idle
        } else if missing.peek().is_none() {
            Standing::InPlace
        } else if missing.any(|part| part.is_moving(now, &self.pacing)) {
            Standing::Moving
        } else {
            Standing::HeldUp
        }
    }

    /// True while nothing is to be done or waited for.
    pub fn is_idle(&self) -> bool {
        self.parts.is_empty()
    }

    /// Tenants that keep larger rates until their cache is warm, with what these are above the decided ones.
    pub fn boosted(&self) -> BTreeMap<u32, Rates> {
        let boosted = self.parts.iter().filter(|(_, part)| part.boost.is_some());
        boosted.map(|(&number, part)| (number, part.quota.rates() - part.goal.rates())).collect()
    }

    /// Cache that is due to tenants and waits for others to shrink, in bytes.
    pub fn held_back_bytes(&self) -> u64 {
        self.parts.values().map(Part::missing_bytes).sum()
    }

    fn next_round(&mut self, now: Duration, orders: &mut Vec<Order>) {
        let Some(goals) = self.rounds.pop_front() else { return };
        self.round_since = now;
        for (number, goal) in goals {
            if let Some(part) = self.parts.get_mut(&number) {
                orders.extend(part.set_goal(goal));
            }
        }
    }
}
