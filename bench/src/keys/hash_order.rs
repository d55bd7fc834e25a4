//! The order that scans go in: that of the keys' hashes, with new keys in between.

use std::collections::BTreeSet;
use std::ops::Bound::{Excluded, Unbounded};
use std::sync::{PoisonError, RwLock};

/// All offsets in the order of their hashes, and each offset's place in it.
#[derive(Debug)]
pub(super) struct HashOrder {
    order: Vec<u32>,
    place: Vec<u32>,
    /// Keys that came later, with their hashes.
    added: RwLock<BTreeSet<(u64, u64)>>,
}

impl HashOrder {
    pub(super) fn new(keys: u64) -> Self {
        let last = u32::try_from(keys).unwrap_or(u32::MAX);
        let mut order: Vec<u32> = (0..last).collect();
        order.sort_unstable_by_key(|&offset| hash(u64::from(offset)));
        let mut place = vec![0_u32; order.len()];
        for (at, &offset) in (0_u32..).zip(&order) {
            place[offset as usize] = at;
        }
        Self { order, place, added: RwLock::default() }
    }

    /// Those that were there from the beginning, in order.
    pub(super) fn offsets(&self) -> &[u32] {
        &self.order
    }

    /// The key after this one, of those that were there from the beginning.
    pub(super) fn after(&self, offset: u64) -> u64 {
        let at = usize::try_from(offset).ok().and_then(|offset| self.place.get(offset));
        let next = at.map_or(0, |&at| at as usize + 1);
        self.order.get(next).or(self.order.first()).map_or(0, |&offset| u64::from(offset))
    }

    /// Gives a new key its place.
    pub(super) fn add(&self, offset: u64) {
        let mut added = self.added.write().unwrap_or_else(PoisonError::into_inner);
        added.insert((hash(offset), offset));
    }

    /// Appends the `count` keys after this one, new ones among them.
    pub(super) fn run_after(&self, offset: u64, count: usize, out: &mut impl Extend<u64>) {
        let added = self.added.read().unwrap_or_else(PoisonError::into_inner);
        let from = (hash(offset), offset);
        let mut at = self.order.partition_point(|&offset| hashed(offset) <= from);
        let mut between = added.range((Excluded(from), Unbounded)).peekable();
        for _ in 0..count {
            if at == self.order.len() && between.peek().is_none() {
                at = 0;
                between = added.range(..).peekable();
            }
            let old = self.order.get(at).map(|&offset| hashed(offset));
            let new = between.peek().map(|&&new| new);
            let next = match (old, new) {
                (Some(old), Some(new)) => old.min(new),
                (Some(key), None) | (None, Some(key)) => key,
                (None, None) => return,
            };
            if Some(next) == new {
                between.next();
            } else {
                at += 1;
            }
            out.extend([next.1]);
        }
    }
}

fn hashed(offset: u32) -> (u64, u64) {
    (hash(u64::from(offset)), u64::from(offset))
}

/// A mixing of bits without a pattern that a key choice could fall in step with.
fn hash(value: u64) -> u64 {
    let word = (value ^ (value >> 31) ^ 0x5851_F42D_4C95_7F2D).wrapping_mul(0x7FB5_D329_728E_A185);
    let word = (word ^ (word >> 27)).wrapping_mul(0x81DA_DEF4_BC2D_D44D);
    word ^ (word >> 33)
}

#[cfg(test)]
mod tests {
    use super::{HashOrder, hash};
    use std::collections::BTreeSet;

    #[test]
    fn a_run_goes_round_once_in_hash_order_with_new_keys_in_their_places() {
        let order = HashOrder::new(40);
        (40..50).for_each(|offset| order.add(offset));
        let mut run = Vec::new();
        order.run_after(45, 50, &mut run);
        assert_eq!(run.last(), Some(&45), "where it came from is the last");
        assert_eq!(run.iter().collect::<BTreeSet<_>>().len(), 50, "each once: {run:?}");
        let falls = run.windows(2).filter(|pair| hash(pair[0]) > hash(pair[1])).count();
        assert!(falls <= 1, "in order but where it wraps: {run:?}");
    }

    #[test]
    fn without_new_keys_a_run_is_what_single_steps_give() {
        let order = HashOrder::new(100);
        let (mut run, mut steps, mut at) = (Vec::new(), Vec::new(), 7);
        order.run_after(7, 150, &mut run);
        for _ in 0..150 {
            at = order.after(at);
            steps.push(at);
        }
        assert_eq!(run, steps);
    }
}
