//! Warm caches without waiting for them.
//!
//! What a cache holds after a long time of the same traffic is drawn ([`super::popularity`]): the keys that were used within
//! the last so many seconds, with the times of their last use. The seconds follow from the room for entries, and from how
//! fast each tenant goes ([`super::speeds`]). Traces are run through the cache once instead.
//! Live runs read the same keys, drawn with the same seed, in the order of their last use, and then make some requests.

use std::time::Duration;

use super::Model;
use super::source::Source;
use super::speeds::Speed;
use super::station::{BEGIN_S, Station};
use crate::runner::stream_seed;

/// Longest time for which the last uses are told apart, in seconds: what is older is that old.
const LONGEST_S: f64 = 1e9;

impl Station {
    /// Fills the cache as it would be after a long time of the present traffic of the guests who are there, at these speeds,
    /// and shows learners that know nothing yet what was used before.
    /// `seed` is the run's, `at` its clock.
    pub(super) fn warm(
        &mut self,
        model: &Model,
        speeds: &[Speed],
        (seed, at): (u64, Duration),
        with_learners: bool,
    ) {
        self.cache.clear();
        let seconds = self.window_s(speeds, model);
        let now_s = BEGIN_S.wrapping_add(u32::try_from(self.now_ns / 1_000_000_000).unwrap_or(0));
        let mut found: Vec<(f32, u32, u32)> = Vec::new();
        for &Speed { guest: index, per_s } in speeds {
            let guest = &self.guests[index];
            let Some(part) = guest.source.part() else { continue };
            let seed = stream_seed(seed, guest.tenant as u64, at);
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
            let mut shown: Vec<(f32, u32)> = Vec::new();
            let cache = &mut self.cache;
            part.keys.draw(seconds * per_s, seed, wanted, |key, ago, held| {
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
}

fn second_before(now_s: u32, ago_s: f32) -> u32 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a positive time, bounded before"
    )]
    now_s.wrapping_sub(ago_s as u32)
}
