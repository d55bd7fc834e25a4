//! Which keys are worth a near copy: those that were seen several times lately.
//!
//! Admitting costs a copy and a question to Redis, and puts something else out; so it is bounded whatever the traffic.
//! In each window of [`WINDOW`] lookups at most one in [`FILLING`] may be admitted while there is room, and one in
//! [`FULL`] when there is none. How often a key must have been seen goes up when that is used up and down when little of
//! it is, so that with a full cache the newcomers are those that beat the rest.
//!
//! A key that is granted, or whose copy was voided, begins anew: one that is written as often as it is read hardly ever
//! gets that far.

use super::sketch::{MOST, Sketch};

/// Lookups between two changes of what is asked of a key.
const WINDOW: u32 = 4096;
/// One in this many lookups may be admitted while there is room,
const FILLING: u32 = 8;
/// and when there is none.
const FULL: u32 = 512;
/// Least sightings: one is what every key has.
const LEAST: u8 = 2;

/// Decides which keys are admitted.
#[derive(Debug)]
pub(super) struct Admission {
    sketch: Sketch,
    asked: u8,
    lookups: u32,
    granted: u32,
    #[cfg(test)]
    granted_ever: u32,
}

impl Admission {
    /// For about `keys` keys that fit.
    pub(super) fn new(keys: usize) -> Self {
        Self {
            sketch: Sketch::new(keys),
            asked: LEAST,
            lookups: 0,
            granted: 0,
            #[cfg(test)]
            granted_ever: 0,
        }
    }

    /// Memory it takes.
    pub(super) fn bytes(&self) -> u64 {
        self.sketch.bytes()
    }

    /// A lookup found nothing, after `hits` that did; true if the key is to be admitted.
    pub(super) fn saw(&mut self, hash: u64, hits: u32, has_room: bool) -> bool {
        let most = WINDOW / if has_room { FILLING } else { FULL };
        self.lookups = self.lookups.saturating_add(hits).saturating_add(1);
        if self.lookups >= WINDOW {
            if self.granted >= most {
                self.asked = (self.asked + 1).min(MOST);
            } else if self.granted < most / 4 || has_room {
                self.asked = (self.asked - 1).max(LEAST);
            }
            (self.lookups, self.granted) = (0, 0);
        }
        let is_wanted = self.sketch.saw(hash) >= self.asked && self.granted < most;
        if is_wanted {
            self.granted += 1;
            #[cfg(test)]
            {
                self.granted_ever += 1;
            }
            self.sketch.forget(hash);
        }
        is_wanted
    }

    /// All that were admitted.
    #[cfg(test)]
    pub(super) fn granted_ever(&self) -> u32 {
        self.granted_ever
    }

    /// The copy of a key was of no use.
    pub(super) fn forget(&mut self, hash: u64) {
        self.sketch.forget(hash);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::of_key;

    fn hash(n: u32) -> u64 {
        of_key(&n.to_le_bytes())
    }

    #[test]
    fn one_sighting_is_not_enough_and_two_are() {
        let mut admission = Admission::new(1024);
        assert!(!admission.saw(hash(1), 0, true));
        assert!(admission.saw(hash(1), 0, true));
        assert!(!admission.saw(hash(1), 0, true), "granted a moment ago");
        assert!(admission.saw(hash(1), 0, true));
    }

    #[test]
    fn what_is_granted_is_bounded_whatever_comes() {
        let mut admission = Admission::new(1024);
        let lookups = 100 * WINDOW;
        // Everything is seen again and again.
        let granted = (0..lookups).filter(|n| admission.saw(hash(n % 3), 0, false)).count();
        assert!(granted <= (lookups / FULL) as usize + 1, "{granted} of {lookups}");
        let mut admission = Admission::new(1024);
        let granted = (0..lookups).filter(|n| admission.saw(hash(*n), 0, true)).count();
        assert!(granted < lookups as usize / 50, "{granted} of {lookups} that were seen once");
    }

    #[test]
    fn more_is_asked_of_a_key_when_too_many_would_come_and_less_when_few_do() {
        let mut admission = Admission::new(1024);
        for n in 0..40 * WINDOW {
            admission.saw(hash(n % 64), 0, false);
        }
        assert!(admission.asked > 8, "{}", admission.asked);
        for n in 0..40 * WINDOW {
            admission.saw(hash(n), 0, false);
        }
        assert!(admission.asked < 8, "{}", admission.asked);
    }
}
