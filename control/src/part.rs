//! One tenant's part in a change: its way from the size and rates it has to those that are due.

use std::time::Duration;

use hare::{Rates, Resources};

use crate::course::{CacheLook, Look, Order, Pacing};

/// Reads before a miss ratio means anything.
const TELLING_READS: u64 = 500;

/// One tenant in a change.
#[derive(Debug)]
pub(crate) struct Part {
    number: u32,
    /// What is noted as its quota. Its cache size is that of the goal, but for a cache still to grow.
    pub(crate) quota: Resources,
    /// What it is to have after this round.
    pub(crate) goal: Resources,
    /// Rates that it has at least, until its cache is warm or this time has come.
    pub(crate) boost: Option<(Rates, Duration)>,
    /// What its Redis was last seen or told to hold.
    held_bytes: u64,
    seen: Option<CacheLook>,
    /// The last size it was told, and when.
    told: Option<(u64, Duration)>,
    warming: Option<Warming>,
    counted: (u64, u64),
}

/// A cache that has just grown.
#[derive(Debug, Clone, Copy)]
struct Warming {
    /// Reads and misses when it grew, or when they were last judged.
    before: (u64, u64),
    /// Memory in use from which on it counts as filled.
    full_bytes: u64,
    is_warm: bool,
}

impl Part {
    /// A tenant that stays where it is.
    pub(crate) fn new(number: u32, quota: Resources) -> Self {
        Self {
            number,
            quota,
            goal: quota,
            boost: None,
            held_bytes: quota.cache_bytes,
            seen: None,
            told: None,
            warming: None,
            counted: (0, 0),
        }
    }

    /// What it is to have from now on: rates hold at once, and so does the promise to shrink.
    pub(crate) fn set_goal(&mut self, goal: Resources) -> Option<Order> {
        self.goal = goal;
        self.warming = None;
        let rates = match self.boost {
            Some((least, _)) => goal.rates().zip(least, f64::max),
            None => goal.rates(),
        };
        let cache_bytes = self.quota.cache_bytes.min(goal.cache_bytes);
        self.note(Resources::new(cache_bytes, rates))
    }

    /// Stays with what is noted, without its boost.
    pub(crate) fn stop(&mut self) -> Option<Order> {
        let rates =
            if self.boost.take().is_some() { self.goal.rates() } else { self.quota.rates() };
        self.goal = Resources::new(self.quota.cache_bytes, rates);
        self.warming = None;
        self.note(self.goal)
    }

    /// Takes in what is seen of it.
    pub(crate) fn see(&mut self, look: &Look, pacing: &Pacing) {
        self.seen = look.cache;
        self.counted = (look.reads, look.misses);
        if let Some(cache) = look.cache {
            let limit_bytes = limit_of(&cache);
            self.held_bytes = limit_bytes.max(cache.used_bytes.saturating_sub(pacing.slack_bytes));
        }
        let Some(warming) = &mut self.warming else { return };
        let reads = look.reads.saturating_sub(warming.before.0);
        let misses = look.misses.saturating_sub(warming.before.1);
        let is_telling = reads >= TELLING_READS;
        let few_misses = is_telling && (misses as f64) < pacing.warm_miss_ratio * reads as f64;
        if is_telling {
            // The misses that filled it are not held against it for ever.
            warming.before = self.counted;
        }
        // One that is out of service warms nothing; nobody waits for it.
        let full = look.cache.is_none_or(|cache| cache.used_bytes >= warming.full_bytes);
        warming.is_warm |= few_misses || full;
    }

    /// The next step down, if one is due.
    pub(crate) fn shrink(&mut self, now: Duration, pacing: &Pacing) -> Option<Order> {
        let cache = self.seen?;
        let limit_bytes = limit_of(&cache);
        let goal_bytes = self.goal.cache_bytes;
        let is_late = self.told.is_none_or(|(_, at)| now >= at + pacing.step_deadline);
        let evicted = cache.used_bytes <= limit_bytes.saturating_add(pacing.slack_bytes);
        let obeyed = self.told.is_none_or(|(bytes, _)| bytes == limit_bytes);
        if limit_bytes <= goal_bytes || !(is_late || (evicted && obeyed)) {
            return None;
        }
        // From "no limit" there is no way down but one step.
        let next_bytes = match cache.maxmemory_bytes {
            0 => goal_bytes,
            bytes => bytes.saturating_sub(pacing.shrink_step_bytes).max(goal_bytes),
        };
        self.told = Some((next_bytes, now));
        Some(Order::Resize { number: self.number, bytes: next_bytes })
    }

    /// Grows into the room there is: the whole way, or when the round is late as far as that goes.
    pub(crate) fn grow(
        &mut self,
        now: Duration,
        room_bytes: &mut u64,
        is_late: bool,
        pacing: &Pacing,
    ) -> Vec<Order> {
        let in_force_bytes = self.seen.map_or(self.quota.cache_bytes, |cache| limit_of(&cache));
        let goal_bytes = self.goal.cache_bytes;
        let waits = self
            .told
            .is_some_and(|(bytes, at)| bytes == goal_bytes && now < at + pacing.step_deadline);
        if goal_bytes <= in_force_bytes {
            // It has that much already, as when it was to shrink further a moment ago.
            let bytes = self.quota.cache_bytes.max(goal_bytes);
            return self.note(Resources::new(bytes, self.quota.rates())).into_iter().collect();
        }
        if waits {
            return Vec::new();
        }
        let needed_bytes = goal_bytes.saturating_sub(self.held_bytes);
        let bytes = if needed_bytes <= *room_bytes {
            goal_bytes
        } else if is_late && *room_bytes >= pacing.slack_bytes {
            self.held_bytes.saturating_add(*room_bytes)
        } else {
            return Vec::new();
        };
        let taken_bytes = bytes.saturating_sub(self.held_bytes);
        *room_bytes = room_bytes.saturating_sub(taken_bytes);
        self.held_bytes = self.held_bytes.max(bytes);
        self.told = Some((bytes, now));
        let full_bytes =
            bytes - part_of(bytes.saturating_sub(in_force_bytes), 1.0 - pacing.warm_full);
        self.warming = Some(Warming { before: self.counted, full_bytes, is_warm: false });
        let note = self.note(Resources::new(bytes, self.quota.rates()));
        note.into_iter().chain([Order::Resize { number: self.number, bytes }]).collect()
    }

    /// Takes the extra rates back when the cache is warm, or when it is time.
    pub(crate) fn end_boost(&mut self, now: Duration) -> Option<Order> {
        let (_, until) = self.boost?;
        let is_warm = self.is_in_place() && self.is_warm();
        if !is_warm && now < until {
            return None;
        }
        self.boost = None;
        self.note(Resources::new(self.quota.cache_bytes, self.goal.rates()))
    }

    /// Its size is in force, and what it had above is evicted.
    pub(crate) fn is_in_place(&self) -> bool {
        let goal_bytes = self.goal.cache_bytes;
        self.seen.is_some_and(|cache| cache.maxmemory_bytes == goal_bytes)
            && self.held_bytes <= goal_bytes
            && self.quota.cache_bytes == goal_bytes
    }

    /// It is in place and nothing is left to wait for.
    pub(crate) fn is_done(&self) -> bool {
        self.is_in_place() && self.boost.is_none()
    }

    /// It was told a size a short while ago and is not there yet, so that a look soon may find it further.
    pub(crate) fn is_moving(&self, now: Duration, pacing: &Pacing) -> bool {
        let Some(cache) = self.seen else { return false };
        let is_there = |bytes| cache.maxmemory_bytes == bytes && self.held_bytes <= bytes;
        self.told.is_some_and(|(bytes, at)| !is_there(bytes) && now < at + pacing.step_deadline)
    }

    /// It did not grow, or what it grew by is filled or not needed.
    pub(crate) fn is_warm(&self) -> bool {
        self.warming.is_none_or(|warming| warming.is_warm)
    }

    /// What it holds: its limit or what it uses, whichever is more.
    pub(crate) fn held_bytes(&self) -> u64 {
        self.held_bytes
    }

    /// Cache that is due to it and not yet noted as its quota.
    pub(crate) fn missing_bytes(&self) -> u64 {
        self.goal.cache_bytes.saturating_sub(self.quota.cache_bytes)
    }

    fn note(&mut self, quota: Resources) -> Option<Order> {
        let changed = self.quota != quota;
        self.quota = quota;
        changed.then_some(Order::Note { number: self.number, quota })
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a size times a factor from 0 to 1"
)]
fn part_of(bytes: u64, factor: f64) -> u64 {
    (bytes as f64 * factor) as u64
}

/// The limit as a number that can be compared.
fn limit_of(cache: &CacheLook) -> u64 {
    if cache.maxmemory_bytes == 0 { u64::MAX } else { cache.maxmemory_bytes }
}
