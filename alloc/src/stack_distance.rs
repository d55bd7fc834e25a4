//! Exact LRU stack distances in bytes.
//!
//! Each touch of a key takes the next slot on a time line; a Fenwick tree over the slots holds entry
//! bytes. The bytes in slots after a key's own are the bytes used more recently, found in O(log n).
//! When the time line is full its live slots are packed to the front, and it doubles if they fill
//! more than half.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Slots of a new time line.
const FIRST_SLOTS: usize = 1024;

/// An LRU stack that knows how deep each entry lies.
#[derive(Clone, Debug)]
pub struct LruStack {
    slot_of: HashMap<u64, u32, BuildHasherDefault<KeyHasher>>,
    /// Key of each slot, meaningful where `bytes` is not zero.
    keys: Vec<u64>,
    /// Entry bytes of each slot; zero marks an empty slot.
    bytes: Vec<u32>,
    /// Fenwick tree over `bytes`.
    sums: Vec<u64>,
    /// Slots before this one are empty.
    oldest: usize,
    /// The next slot to take.
    next: usize,
    total_bytes: u64,
}

/// Where an entry lay before it was touched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Depth {
    /// Bytes of all entries used more recently.
    pub newer_bytes: u64,
    /// Its own bytes, as they were.
    pub own_bytes: u64,
}

impl Default for LruStack {
    fn default() -> Self {
        Self::new()
    }
}

impl LruStack {
    /// An empty stack.
    #[must_use]
    pub fn new() -> Self {
        Self {
            slot_of: HashMap::default(),
            keys: vec![0; FIRST_SLOTS],
            bytes: vec![0; FIRST_SLOTS],
            sums: vec![0; FIRST_SLOTS],
            oldest: 0,
            next: 0,
            total_bytes: 0,
        }
    }

    /// Puts a key on top with its present size (at least 1 byte, at most `u32::MAX`) and tells how
    /// deep it lay; `None` if it was not on the stack.
    pub fn touch(&mut self, key_hash: u64, entry_bytes: u64) -> Option<Depth> {
        let entry_bytes = u32::try_from(entry_bytes).unwrap_or(u32::MAX).max(1);
        if self.next == self.bytes.len() {
            self.pack();
        }
        let slot = self.next;
        let previous = self.slot_of.insert(key_hash, as_slot(slot));
        let depth = previous.map(|slot| self.clear_slot(slot as usize));
        self.next += 1;
        self.keys[slot] = key_hash;
        self.bytes[slot] = entry_bytes;
        self.add(slot, u64::from(entry_bytes));
        self.total_bytes += u64::from(entry_bytes);
        depth
    }

    /// Takes a key off the stack; returns whether it was there.
    pub fn remove(&mut self, key_hash: u64) -> bool {
        let slot = self.slot_of.remove(&key_hash);
        slot.map(|slot| self.clear_slot(slot as usize)).is_some()
    }

    /// Drops the entry used longest ago; returns whether there was one.
    pub fn drop_oldest(&mut self) -> bool {
        while self.oldest < self.next {
            let slot = self.oldest;
            self.oldest += 1;
            if self.bytes[slot] > 0 {
                return self.remove(self.keys[slot]);
            }
        }
        false
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

    /// Bytes of all entries.
    #[must_use]
    pub fn total_bytes(&self) -> u64 {
        self.total_bytes
    }

    /// Memory held, in bytes; the hash table's part is an estimate.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.keys.len() * (8 + 4 + 8) + self.slot_of.capacity() * 8 / 7 * 17
    }

    /// Empties a slot and tells how deep it lay.
    fn clear_slot(&mut self, slot: usize) -> Depth {
        let own_bytes = u64::from(std::mem::take(&mut self.bytes[slot]));
        let newer_bytes = self.total_bytes - self.sum_through(slot);
        self.subtract(slot, own_bytes);
        self.total_bytes -= own_bytes;
        Depth { newer_bytes, own_bytes }
    }

    /// Moves live slots to the front in order, into a time line at least twice their number.
    fn pack(&mut self) {
        let live = self.slot_of.len();
        let slots =
            if live > self.bytes.len() / 2 { self.bytes.len() * 2 } else { self.bytes.len() };
        let mut packed = 0;
        for slot in self.oldest..self.next {
            if self.bytes[slot] > 0 {
                self.keys[packed] = self.keys[slot];
                self.bytes[packed] = self.bytes[slot];
                self.slot_of.insert(self.keys[packed], as_slot(packed));
                packed += 1;
            }
        }
        self.bytes[packed..].fill(0);
        self.keys.resize(slots, 0);
        self.bytes.resize(slots, 0);
        self.oldest = 0;
        self.next = packed;
        self.rebuild_sums();
    }

    fn rebuild_sums(&mut self) {
        self.sums.clear();
        self.sums.extend(self.bytes.iter().map(|&bytes| u64::from(bytes)));
        for node in 1..=self.sums.len() {
            let parent = node + lowest_bit(node);
            if parent <= self.sums.len() {
                self.sums[parent - 1] += self.sums[node - 1];
            }
        }
    }

    fn sum_through(&self, slot: usize) -> u64 {
        let mut node = slot + 1;
        let mut sum = 0;
        while node > 0 {
            sum += self.sums[node - 1];
            node -= lowest_bit(node);
        }
        sum
    }

    fn add(&mut self, slot: usize, amount: u64) {
        let mut node = slot + 1;
        while let Some(sum) = self.sums.get_mut(node - 1) {
            *sum += amount;
            node += lowest_bit(node);
        }
    }

    fn subtract(&mut self, slot: usize, amount: u64) {
        let mut node = slot + 1;
        while let Some(sum) = self.sums.get_mut(node - 1) {
            *sum -= amount;
            node += lowest_bit(node);
        }
    }
}

fn lowest_bit(node: usize) -> usize {
    node & node.wrapping_neg()
}

fn as_slot(slot: usize) -> u32 {
    u32::try_from(slot).expect("callers bound the stack far below 2^32 slots")
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
    use proptest::prelude::{ProptestConfig, prop, proptest};

    use super::{Depth, LruStack};

    /// Most recent first.
    #[derive(Default)]
    struct NaiveStack(Vec<(u64, u64)>);

    impl NaiveStack {
        fn remove(&mut self, key: u64) -> Option<Depth> {
            let at = self.0.iter().position(|entry| entry.0 == key)?;
            let newer_bytes = self.0[..at].iter().map(|entry| entry.1).sum();
            Some(Depth { newer_bytes, own_bytes: self.0.remove(at).1 })
        }

        fn touch(&mut self, key: u64, bytes: u64) -> Option<Depth> {
            let depth = self.remove(key);
            self.0.insert(0, (key, bytes));
            depth
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn agrees_with_a_list(
            steps in prop::collection::vec((0_u64..300, 1_u64..5000, 0_u8..12), 1..6000),
        ) {
            let mut stack = LruStack::new();
            let mut naive = NaiveStack::default();
            for (key, bytes, action) in steps {
                let key = key.wrapping_mul(0xD134_2543_DE82_EF95);
                match action {
                    0 => assert_eq!(stack.remove(key), naive.remove(key).is_some()),
                    1 => assert_eq!(stack.drop_oldest(), naive.0.pop().is_some()),
                    _ => assert_eq!(stack.touch(key, bytes), naive.touch(key, bytes)),
                }
                assert_eq!(stack.len(), naive.0.len());
                assert_eq!(stack.total_bytes(), naive.0.iter().map(|entry| entry.1).sum::<u64>());
            }
        }
    }

    #[test]
    fn grows_past_the_first_time_line() {
        let mut stack = LruStack::new();
        for key in 0..10_000 {
            assert_eq!(stack.touch(key, 10), None);
        }
        let bottom = Depth { newer_bytes: 99_990, own_bytes: 10 };
        assert_eq!(stack.touch(0, 10), Some(bottom));
    }
}
