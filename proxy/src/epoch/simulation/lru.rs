//! A byte-exact LRU cache.

use std::collections::{BTreeMap, HashMap};

/// Keys and sizes, least recently used first to go.
#[derive(Debug, Default)]
pub(super) struct Lru {
    entries: HashMap<u64, (u64, u64)>,
    by_age: BTreeMap<u64, u64>,
    clock: u64,
    used_bytes: u64,
}

impl Lru {
    /// True if the key is there; it is then the most recently used.
    pub(super) fn touch(&mut self, key: u64) -> bool {
        let Some((age, _)) = self.entries.get_mut(&key) else { return false };
        self.clock += 1;
        self.by_age.remove(age);
        self.by_age.insert(self.clock, key);
        *age = self.clock;
        true
    }

    /// Puts a key on top.
    pub(super) fn insert(&mut self, key: u64, bytes: u64) {
        if !self.touch(key) {
            self.clock += 1;
            self.entries.insert(key, (self.clock, bytes));
            self.by_age.insert(self.clock, key);
            self.used_bytes += bytes;
        }
    }

    /// Evicts until at most `limit_bytes` are used, or `most_bytes` have gone.
    pub(super) fn evict(&mut self, limit_bytes: u64, most_bytes: u64) {
        let mut gone_bytes = 0;
        while self.used_bytes > limit_bytes && gone_bytes < most_bytes {
            let Some((_, key)) = self.by_age.pop_first() else { return };
            let (_, bytes) = self.entries.remove(&key).unwrap();
            self.used_bytes -= bytes;
            gone_bytes += bytes;
        }
    }

    pub(super) fn used_bytes(&self) -> u64 {
        self.used_bytes
    }

    pub(super) fn keys(&self) -> u64 {
        self.entries.len() as u64
    }
}
