//! Warm caches without waiting for them.
//!
//! What a cache holds after a long time of the same traffic is drawn ([`super::popularity`]): the keys that were used within
//! the last so many seconds, with the times of their last use. The seconds follow from the room for entries. Where several
//! tenants share a cache, how fast each goes depends on its misses and these on how fast each goes: both are found together.
//! Traces are run through the cache once instead.
//!
//! Live runs do not wait that long: they read every key once, the last first, and then make some requests. LRU has then not yet
//! forgotten that order, which favours the hottest keys, and hits more than it does for good. [`WarmUp::AfterFill`] is that state.

use rand::SeedableRng;
use rand::rngs::SmallRng;

use hare::{Resources, read_units, units::Consistency, units::ItemBytes, write_units};

use super::Model;
use super::entries::Jemalloc;
use super::guest::{Guest, Loop};
use super::source::{Part, Source};
use super::station::{BEGIN_S, Station};

/// Rounds in which speeds and what is held are brought to agree.
const ROUNDS: usize = 25;
/// Halvings of an interval.
const HALVINGS: usize = 60;
/// Longest time for which the last uses are told apart, in seconds: what is older is that old.
const LONGEST_S: f64 = 1e9;

/// What a cache holds when a run begins.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum WarmUp {
    /// What the traffic leaves in it for good.
    Steady,
    /// What every key read once, the last first, and then some requests leave in it. Tenants that share a cache are steady.
    AfterFill {
        /// Requests, in entries that the cache holds.
        turns: f64,
    },
}

impl Default for WarmUp {
    /// As live runs fill caches.
    fn default() -> Self {
        Self::AfterFill { turns: 2.0 }
    }
}

/// A guest whose requests are drawn.
struct Drawn<'a> {
    part: &'a Part,
    traffic: Loop,
    redis_bytes: f64,
}

impl Station {
    /// Fills the cache as it would be after a long time of the present traffic of the guests who are there, and shows
    /// learners that know nothing yet what was used before.
    pub(super) fn warm(&mut self, model: &Model, seed: u64, with_learners: bool) {
        self.cache.clear();
        let drawn: Vec<(usize, f64)> = self.speeds(model);
        let seconds = self.window_s(&drawn, model);
        let now_s = BEGIN_S.wrapping_add(u32::try_from(self.now_ns / 1_000_000_000).unwrap_or(0));
        let mut found: Vec<(f32, u32, u32)> = Vec::new();
        for &(index, per_s) in &drawn {
            let guest = &self.guests[index];
            let Some(part) = guest.source.part() else { continue };
            let seed = seed ^ (guest.tenant as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            let mut random = SmallRng::seed_from_u64(seed);
            let learner = guest.learner.as_ref().filter(|_| with_learners);
            let limit = learner.map(|learner| learner.warming_limit(part.keys.popularity().keys()));
            let own_key = part.first_key;
            let wanted = |key| {
                limit
                    .zip(learner)
                    .is_some_and(|(limit, learner)| learner.hash(own_key + key) <= limit)
            };
            let (entry_bytes, redis_bytes) = (part.entry_bytes(), part.redis_bytes(model.jemalloc));
            let first_key = guest.first_key + own_key;
            let keys = part.keys.popularity().keys();
            let made = match model.warm_up {
                WarmUp::AfterFill { turns } if drawn.len() == 1 => {
                    let held = self.cache.room_bytes() as f64 / f64::from(redis_bytes);
                    turns * held.min(f64::from(keys))
                }
                _ => f64::INFINITY,
            };
            let mut shown: Vec<(f32, u32)> = Vec::new();
            let cache = &mut self.cache;
            let window = (seconds * per_s).min(made);
            part.keys.popularity().draw(window, &mut random, wanted, |key, ago, held| {
                // Before the requests made, keys were read in turn, and the first last.
                let ago = if ago > made { made + 1.0 + f64::from(key) } else { ago };
                #[expect(clippy::cast_possible_truncation, reason = "seven digits of an age do")]
                let ago_s = (ago / per_s).min(LONGEST_S) as f32;
                if wanted(key) {
                    shown.push((ago_s, own_key + key));
                }
                if !held || cache.is_flying(first_key + key) {
                    return;
                }
                if cache.is_ordered() {
                    found.push((ago_s, first_key + key, redis_bytes));
                } else {
                    cache.place(first_key + key, second_before(now_s, ago_s), redis_bytes);
                }
            });
            if window < seconds * per_s {
                for key in 0..keys {
                    #[expect(clippy::cast_possible_truncation, reason = "seven digits will do")]
                    let ago_s = ((made + 1.0 + f64::from(key)) / per_s).min(LONGEST_S) as f32;
                    self.cache.place_absent(
                        first_key + key,
                        second_before(now_s, ago_s),
                        redis_bytes,
                    );
                }
            }
            shown.sort_by(|a, b| b.0.total_cmp(&a.0));
            if let Some(learner) = self.guests[index].learner.as_mut().filter(|_| with_learners) {
                learner.warm(shown.into_iter().map(|(_, key)| (key, entry_bytes)));
            }
        }
        found.sort_by(|a, b| b.0.total_cmp(&a.0));
        for (ago_s, key, redis_bytes) in found {
            self.cache.place(key, second_before(now_s, ago_s), redis_bytes);
        }
        self.cache.evict();
        self.replay(with_learners);
    }

    /// Runs recorded requests through the cache once.
    fn replay(&mut self, with_learners: bool) {
        for guest in self.guests.iter_mut().filter(|guest| guest.is_present()) {
            let Source::Recorded { recording, .. } = &guest.source else { continue };
            for step in &recording.steps {
                let key = guest.first_key + step.key;
                if !self.cache.is_flying(key) {
                    self.cache.put(key, step.key_bytes, step.value_bytes);
                }
            }
            if let Some(learner) = guest.learner.as_mut().filter(|_| with_learners) {
                learner.warm(recording.steps.iter().map(|step| (step.key, step.entry_bytes())));
            }
        }
    }

    /// Guests with drawn requests and how many per second each makes on a warm cache.
    fn speeds(&self, model: &Model) -> Vec<(usize, f64)> {
        let present = self.guests.iter().enumerate().filter(|(_, guest)| guest.is_present());
        let drawn: Vec<(usize, Drawn<'_>)> = present
            .filter_map(|(index, guest)| Some((index, Drawn::of(guest, model.jemalloc)?)))
            .collect();
        let share = self.share();
        let mut speeds: Vec<(usize, f64)> = drawn.iter().map(|(index, _)| (*index, 1.0)).collect();
        // Alone, a guest holds what it used in so many requests, however long these take.
        let rounds = if drawn.len() == 1 { 1 } else { ROUNDS };
        for _ in 0..rounds {
            let seconds = self.window_s(&speeds, model);
            let misses = drawn.iter().zip(&speeds).map(|((_, drawn), (_, per_s))| {
                drawn.part.keys.popularity().miss_ratio(seconds * per_s)
            });
            let guests: Vec<(&Drawn<'_>, f64)> =
                drawn.iter().map(|(_, drawn)| drawn).zip(misses).collect();
            let next = speeds_at(&guests, &share, model);
            for ((_, speed), next) in speeds.iter_mut().zip(next) {
                *speed = if rounds == 1 { next } else { (*speed * next).sqrt() };
            }
        }
        speeds
    }

    /// How long ago the oldest entry was used, when each guest makes so many requests per second; infinite if all fit.
    fn window_s(&self, speeds: &[(usize, f64)], model: &Model) -> f64 {
        let drawn: Vec<(Drawn<'_>, f64)> = speeds
            .iter()
            .filter_map(|&(index, per_s)| {
                Some((Drawn::of(&self.guests[index], model.jemalloc)?, per_s))
            })
            .collect();
        let room = self.cache.room_bytes() as f64;
        let held = |seconds: f64| -> f64 {
            let of = |(drawn, per_s): &(Drawn<'_>, f64)| {
                drawn.part.keys.popularity().held(seconds * per_s) * drawn.redis_bytes
            };
            drawn.iter().map(of).sum()
        };
        if held(f64::INFINITY) <= room {
            return f64::INFINITY;
        }
        let (mut low, mut high) = (0.0, 1.0);
        while held(high) < room && high < 1e15 {
            (low, high) = (high, high * 2.0);
        }
        for _ in 0..HALVINGS {
            let middle = f64::midpoint(low, high);
            if held(middle) < room { low = middle } else { high = middle }
        }
        high
    }
}

impl<'a> Drawn<'a> {
    fn of(guest: &'a Guest, jemalloc: Jemalloc) -> Option<Self> {
        let part = guest.source.part()?;
        Some(Self {
            part,
            traffic: guest.traffic,
            redis_bytes: f64::from(part.redis_bytes(jemalloc)),
        })
    }

    /// Requests per second with these waits for read units, write units and bytes.
    fn speed(&self, miss_ratio: f64, waits: [f64; 3], model: &Model) -> f64 {
        let (connections, depth) = match self.traffic {
            Loop::Open { rate_per_s } => return rate_per_s,
            Loop::Closed { connections, depth } => (f64::from(connections), f64::from(depth)),
        };
        let writes = self.part.writes();
        let misses = (1.0 - writes) * miss_ratio;
        let storage = model.storage.as_secs_f64();
        let takes = model.hit.as_secs_f64()
            + misses * (storage + waits[0])
            + writes * (storage + waits[1])
            + waits[2];
        connections * depth / takes
    }

    /// Read units, write units and bytes per request.
    fn costs(&self, miss_ratio: f64) -> [f64; 3] {
        let item = u64::from(self.part.item_bytes());
        let writes = self.part.writes();
        let (reads, misses) = (1.0 - writes, (1.0 - writes) * miss_ratio);
        let item_bytes = ItemBytes(item + 2);
        [
            misses * read_units(item_bytes, Consistency::Strong).as_f64(),
            writes * write_units(item_bytes).as_f64(),
            item as f64 * (reads + misses + 2.0 * writes),
        ]
    }
}

/// Requests per second of each guest: limits are waited for until nobody uses more than there is.
fn speeds_at(guests: &[(&Drawn<'_>, f64)], share: &Resources, model: &Model) -> Vec<f64> {
    let most = [share.read_units_per_s, share.write_units_per_s, share.net_bytes_per_s];
    let mut waits = [0.0; 3];
    let used = |waits: [f64; 3], resource: usize| -> f64 {
        let of = |(drawn, miss_ratio): &(&Drawn<'_>, f64)| {
            drawn.speed(*miss_ratio, waits, model) * drawn.costs(*miss_ratio)[resource]
        };
        guests.iter().map(of).sum()
    };
    for resource in [0, 1, 2, 0, 1, 2] {
        let with = |wait: f64| {
            let mut waits = waits;
            waits[resource] = wait;
            used(waits, resource)
        };
        if with(0.0) <= most[resource] {
            waits[resource] = 0.0;
            continue;
        }
        let (mut low, mut high) = (0.0, 1e4);
        for _ in 0..HALVINGS {
            let middle = f64::midpoint(low, high);
            if with(middle) > most[resource] { low = middle } else { high = middle }
        }
        waits[resource] = high;
    }
    guests.iter().map(|(drawn, miss_ratio)| drawn.speed(*miss_ratio, waits, model)).collect()
}

fn second_before(now_s: u32, ago_s: f32) -> u32 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a positive time, bounded before"
    )]
    now_s.wrapping_sub(ago_s as u32)
}
