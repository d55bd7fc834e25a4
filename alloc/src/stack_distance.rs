//! LRU stack distances in bytes, of keys sampled at a rate that changes.
//!
//! Each touch of a key takes the next slot on a time line (`time_line`); the bytes in slots
//! after a key's own are the bytes used more recently. When the time line is full its live slots are
//! packed to the front. The time line also knows what deleted entries and changes of the rate do to
//! distances; with it the stack agrees with a byte-LRU cache of every size at once.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::sampler::Sampler;
use crate::slot_sums::MAX_SLOT;
pub use crate::time_line::Depth;
use crate::time_line::TimeLine;

/// An LRU stack that knows how deep each entry lies.
#[derive(Clone, Debug)]
pub struct LruStack {
    slot_of: HashMap<u64, u32, BuildHasherDefault<KeyHasher>>,
    line: TimeLine,
    /// The first slot of the current period.
    period_start: u32,
    /// Entries touched in this window.
    active: usize,
}

impl LruStack {
    /// An empty stack of keys that `sampler` watches.
    #[must_use]
    pub fn new(sampler: Sampler) -> Self {
        Self {
            slot_of: HashMap::default(),
            line: TimeLine::new(sampler),
            period_start: 0,
            active: 0,
        }
    }

    /// Puts a key on top with its present size (at least 1 byte, at most 4 MiB) and tells how deep
    /// it lay; `None` if it was not on the stack.
    #[inline]
    pub fn touch(&mut self, key_hash: u64, entry_bytes: u64) -> Option<Depth> {
        let bytes = u32::try_from(entry_bytes).unwrap_or(u32::MAX).clamp(1, MAX_SLOT);
        if self.line.is_full() {
            self.pack();
        }
        let slot = self.line.next();
        // A plain look-up first: it is cheaper than an entry that might be inserted.
        let Some(known) = self.slot_of.get_mut(&key_hash) else {
            self.slot_of.insert(key_hash, slot);
            self.active += 1;
            self.line.push_new(bytes);
            return None;
        };
        let previous = std::mem::replace(known, slot);
        self.active += usize::from(previous < self.period_start);
        Some(self.line.push_again(previous, bytes))
    }

    /// Puts a key on top with the size it has; with `entry_bytes` if it was not on the stack.
    pub fn touch_again(&mut self, key_hash: u64, entry_bytes: u64) -> Option<Depth> {
        let known = self.slot_of.get(&key_hash).map(|slot| u64::from(self.line.bytes(*slot)));
        self.touch(key_hash, known.unwrap_or(entry_bytes))
    }

    /// Takes a key off the stack and leaves a hole; returns whether it was touched in this period.
    pub fn remove(&mut self, key_hash: u64) -> bool {
        let slot = self.slot_of.remove(&key_hash);
        slot.inspect(|&slot| self.line.leave_hole(slot))
            .is_some_and(|slot| slot >= self.period_start)
    }

    /// The first slot that a cache of `reach_bytes` can hold; the newest entry is always within.
    #[must_use]
    pub fn first_within(&self, reach_bytes: u64) -> u32 {
        self.line.first_within(reach_bytes)
    }

    /// Forgets the entries in all slots before one.
    pub fn forget_before(&mut self, first: u32) {
        if first > 0 {
            self.slot_of.retain(|_, slot| *slot >= first);
            self.line.forget_before(first);
        }
    }

    /// Lowers the rate: forgets keys that `sampler` does not watch, everywhere, and names those among
    /// them that were touched in this period.
    pub fn thin(&mut self, sampler: Sampler, touched: impl FnMut(u64)) {
        self.keep_watched(sampler, self.known().min(sampler), touched);
    }

    /// Raises the rate: what is on the stack stays complete at its rate only (lowered to `old` first),
    /// and what is touched from now on is complete at that of `sampler`.
    pub fn raise(&mut self, sampler: Sampler, old: Sampler) {
        let old = self.known().min(old);
        self.keep_watched(old, old, |_| {});
        self.line.begin_era(sampler);
    }

    /// Keys whose absence from the stack tells something: all others may have been touched before
    /// they were watched.
    #[must_use]
    pub fn known(&self) -> Sampler {
        self.line.known()
    }

    /// Entries of the whole that a key stands for which is not on the stack.
    #[must_use]
    pub fn absent_scale(&self) -> f64 {
        self.line.absent_scale()
    }

    /// Starts a new window; returns how many distinct keys were touched in the last one, those of each
    /// of its periods.
    pub fn begin_window(&mut self) -> usize {
        self.begin_period();
        std::mem::take(&mut self.active)
    }

    /// Starts a new period of the window.
    pub fn begin_period(&mut self) {
        self.period_start = self.line.next();
    }

    /// The first slot of the present period.
    #[must_use]
    pub fn period_start(&self) -> u32 {
        self.period_start
    }

    /// Keys touched in this period that are still there, in no order.
    pub fn touched(&self) -> impl Iterator<Item = u64> + '_ {
        let touched = self.slot_of.iter().filter(|(_, slot)| **slot >= self.period_start);
        touched.map(|(key, _)| *key)
    }

    /// The keys of all entries with their bytes and the scaled bytes of entries and holes above them,
    /// most recent first.
    pub fn entries(&self) -> impl Iterator<Item = (u64, u64, f64)> + '_ {
        let mut keys = vec![None; self.line.next() as usize];
        for (&key, &slot) in &self.slot_of {
            keys[slot as usize] = Some(key);
        }
        let slots = self.line.newest_first();
        slots.filter_map(move |(slot, bytes, above)| {
            keys[slot as usize].map(|key| (key, bytes, above))
        })
    }

    /// Whether a key is on the stack.
    #[must_use]
    pub fn contains(&self, key_hash: u64) -> bool {
        self.slot_of.contains_key(&key_hash)
    }

    /// Entries on the stack.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slot_of.len()
    }

    /// Whether nothing is on the stack.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.slot_of.is_empty()
    }

    /// Bytes of all entries, not scaled.
    #[must_use]
    pub fn entry_bytes(&self) -> u64 {
        self.line.entry_bytes()
    }

    /// Memory held, in bytes; the hash table's part is an estimate.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        let buckets = (self.slot_of.capacity() * 8 / 7).next_power_of_two();
        self.line.memory_bytes() + buckets * 17
    }

    /// Keeps the keys that `recent` watches, and of those last touched before the mark what `old` does.
    fn keep_watched(&mut self, recent: Sampler, old: Sampler, mut touched: impl FnMut(u64)) {
        let period_start = self.period_start;
        let mark = self.line.mark();
        let mut gone = Vec::new();
        self.slot_of.retain(|&key, &mut slot| {
            let kept = if slot < mark { old } else { recent }.is_sampled(key);
            if !kept {
                gone.push(slot);
                if slot >= period_start {
                    touched(key);
                }
            }
            kept
        });
        self.line.set_rates(recent, old);
        self.line.clear(gone);
    }

    fn pack(&mut self) {
        let new_slot = self.line.pack();
        self.period_start = new_slot[self.period_start as usize];
        self.slot_of.values_mut().for_each(|slot| *slot = new_slot[*slot as usize]);
    }
}

/// Spreads key hashes over the table: sampled hashes share their top bits, which the table uses.
#[derive(Clone, Copy, Debug, Default)]
struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(u64::from(byte));
        }
    }

    fn write_u64(&mut self, key_hash: u64) {
        self.0 = (self.0 ^ key_hash).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }

    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }
}

#[cfg(test)]
mod tests {
    use super::{Depth, LruStack};
    use crate::sampler::Sampler;

    #[test]
    fn grows_past_the_first_time_line() {
        let mut stack = LruStack::new(Sampler::ALL);
        for key in 0..10_000 {
            assert_eq!(stack.touch(key, 10), None);
        }
        let bottom = Depth { newer_bytes: 99_990, own_bytes: 10, scale: 1.0 };
        assert_eq!(stack.touch(0, 10), Some(bottom));
    }

    #[test]
    fn a_distance_across_the_mark_is_the_sum_of_both_parts() {
        let (half, all) = (Sampler::one_in(2), Sampler::ALL);
        let mut stack = LruStack::new(half);
        stack.touch(1, 10);
        stack.touch(2, 10);
        stack.raise(all, half);
        assert_eq!((stack.known(), stack.absent_scale().round()), (half, 2.0));
        stack.touch(u64::MAX, 5);
        let depth = stack.touch(1, 10).unwrap();
        assert_eq!((depth.newer_bytes, depth.scale.round()), (25, 2.0));
        let depth = stack.touch(u64::MAX, 5).unwrap();
        assert_eq!((depth.newer_bytes, depth.scale.round()), (10, 1.0));
        stack.touch(2, 10);
        assert_eq!(stack.known(), all, "nothing is left from before the rise");
    }

    #[test]
    fn thinning_keeps_what_holes_stand_for() {
        let mut stack = LruStack::new(Sampler::ALL);
        for key in [1, 2, u64::MAX] {
            stack.touch(key, 100);
        }
        stack.remove(2);
        stack.thin(Sampler::one_in(4), |_| {});
        // A hole of 25 at one in four stands for the 100 that were removed.
        assert_eq!(stack.touch(1, 100).unwrap().newer_bytes, 100);
    }
}
