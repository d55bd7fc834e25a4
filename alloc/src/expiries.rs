//! When watched keys expire: their absolute times, soonest first.
//!
//! Holds nothing of keys without an expiry. A time that was changed stays in the queue and is skipped
//! when its turn comes; the queue is rebuilt before it holds half as many stale times as good ones.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

/// Stale times that are not worth a rebuild.
const FEW: usize = 64;

/// Expiry times of keys, in Unix milliseconds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Expiries {
    at_ms: HashMap<u64, u64>,
    queue: BinaryHeap<Reverse<(u64, u64)>>,
}

impl Expiries {
    /// Keys with an expiry.
    pub(crate) fn len(&self) -> usize {
        self.at_ms.len()
    }

    /// Sets or clears a key's expiry.
    pub(crate) fn set(&mut self, key_hash: u64, at_ms: Option<u64>) {
        let Some(at_ms) = at_ms else {
            if !self.at_ms.is_empty() {
                self.at_ms.remove(&key_hash);
            }
            return;
        };
        if self.at_ms.insert(key_hash, at_ms) != Some(at_ms) {
            let most = self.at_ms.len() * 3 / 2 + FEW;
            if self.queue.len() >= most {
                self.rebuild();
            } else {
                if self.queue.len() == self.queue.capacity() {
                    self.queue.reserve_exact(most - self.queue.len());
                }
                self.queue.push(Reverse((at_ms, key_hash)));
            }
        }
    }

    /// Takes out a key that has expired by `now_ms`.
    #[inline]
    pub(crate) fn pop_due(&mut self, now_ms: u64) -> Option<u64> {
        while let Some(&Reverse((at_ms, key_hash))) = self.queue.peek() {
            if at_ms > now_ms {
                return None;
            }
            self.queue.pop();
            if self.at_ms.get(&key_hash) == Some(&at_ms) {
                self.at_ms.remove(&key_hash);
                return Some(key_hash);
            }
        }
        None
    }

    /// Keeps the expiries of some keys only.
    pub(crate) fn retain(&mut self, keep: impl Fn(u64) -> bool) {
        self.at_ms.retain(|&key_hash, _| keep(key_hash));
        self.rebuild();
    }

    /// Memory held, in bytes, roughly.
    pub(crate) fn memory_bytes(&self) -> usize {
        let buckets = (self.at_ms.capacity() * 8 / 7).next_power_of_two();
        let buckets = if self.at_ms.capacity() == 0 { 0 } else { buckets };
        buckets * 17 + self.queue.capacity() * 16
    }

    fn rebuild(&mut self) {
        self.queue =
            self.at_ms.iter().map(|(&key_hash, &at_ms)| Reverse((at_ms, key_hash))).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::Expiries;

    #[test]
    fn the_last_word_on_a_key_counts() {
        let mut expiries = Expiries::default();
        expiries.set(1, Some(10));
        expiries.set(2, Some(20));
        expiries.set(1, Some(30));
        expiries.set(2, None);
        assert_eq!(expiries.pop_due(29), None);
        assert_eq!((expiries.pop_due(30), expiries.pop_due(30)), (Some(1), None));
        assert_eq!(expiries.len(), 0);
    }

    #[test]
    fn changing_one_key_often_stays_small() {
        let mut expiries = Expiries::default();
        for at_ms in 0..100_000 {
            expiries.set(7, Some(at_ms));
        }
        assert!(expiries.memory_bytes() < 8_000, "{}", expiries.memory_bytes());
        assert_eq!(expiries.pop_due(u64::MAX), Some(7));
    }
}
