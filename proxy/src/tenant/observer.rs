//! What is learned of a tenant's traffic: its ghost cache, and its hottest keys.
//!
//! The ghost cache looks at sampled keys only. It moves the sampling rate itself ([`hare::ghost`]); the
//! request path reads the present one from an atomic, so keys that are not watched cost one compare and
//! no lock. A pipelined batch of hits takes the lock once.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use hare::{Access, CurveHistory, Expiry, GhostCache, GhostConfig, Sampler};
use hopperkv_control::reading::Learned;
use parking_lot::{Mutex, MutexGuard};

/// Hot keys kept; the list shown is shorter, since the tail of the sketch is noise.
const HOT_KEYS: usize = 64;
/// One read in this many is shown to the hot-key sketch.
const HOT_KEY_SAMPLE: u64 = 32;

/// A frequently read key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HotKey {
    /// The key.
    pub(crate) key: Bytes,
    /// Estimated reads since start, never too low by more than the sampling.
    pub(crate) reads: u64,
}

/// Ghost cache and hot keys of one tenant.
#[derive(Debug)]
pub(crate) struct Observer {
    /// The ghost cache's [`Sampler::limit`]. Reading an old one is harmless: the ghost cache asks again.
    sampled_up_to: AtomicU64,
    now_ms: fn() -> u64,
    ghost: Mutex<GhostCache>,
    history: Mutex<CurveHistory>,
    hot: Mutex<HotKeys>,
}

impl Observer {
    /// An observer whose curve reaches `max_bytes`, tracking at most `max_tracked_keys`, smoothed over `epochs`.
    pub(crate) fn new(max_bytes: u64, max_tracked_keys: usize, epochs: usize) -> Self {
        let ghost =
            GhostCache::new(GhostConfig { max_tracked_keys, ..GhostConfig::up_to(max_bytes) });
        Self {
            sampled_up_to: AtomicU64::new(ghost.sampler().limit()),
            now_ms: crate::clock::unix_ms,
            ghost: Mutex::new(ghost),
            history: Mutex::new(CurveHistory::new(epochs)),
            hot: Mutex::default(),
        }
    }

    /// True when requests on this key are to be shown to the ghost cache.
    #[inline]
    pub(crate) fn is_sampled(&self, hash: u64) -> bool {
        Sampler::up_to(self.sampled_up_to.load(Ordering::Relaxed)).is_sampled(hash)
    }

    /// Starts showing requests to the ghost cache, which is locked from the first sampled one until the
    /// watch is dropped.
    pub(crate) fn watch(&self) -> Watch<'_> {
        Watch { observer: self, ghost: None }
    }

    /// Whether the `n`th read of a worker is to be shown to the hot-key sketch.
    #[inline]
    pub(crate) fn shows(n: u64) -> bool {
        n.is_multiple_of(HOT_KEY_SAMPLE)
    }

    /// Shows the `n`th read of a worker to the hot-key sketch, if it is its turn.
    pub(crate) fn saw_read(&self, n: u64, key: &[u8]) {
        if Self::shows(n) {
            self.hot.lock().saw(key);
        }
    }

    /// The hottest keys, hottest first.
    pub(crate) fn hot_keys(&self, most: usize) -> Vec<HotKey> {
        self.hot.lock().top(most)
    }

    /// Closes the window of an epoch in which `total_reads` keys were read, and gives the curve over the last `epochs`.
    pub(crate) fn end_epoch(&self, total_reads: u64, epochs: usize) -> Learned {
        let window = {
            let mut watch = self.watch();
            watch.ghost().take_window(total_reads)
        };
        {
            let mut history = self.history.lock();
            history.set_keep(epochs);
            history.push(window);
        }
        self.learned()
    }

    /// What is known after the last epoch.
    pub(crate) fn learned(&self) -> Learned {
        let (mean_entry_bytes, tracked_keys) = {
            let ghost = self.ghost.lock();
            (ghost.mean_entry_bytes(), ghost.tracked_keys())
        };
        let history = self.history.lock();
        let (curve, sampled_reads) = (history.curve(), history.sampled_reads());
        let confidence = history.confidence();
        Learned { curve, sampled_reads, mean_entry_bytes, tracked_keys, confidence }
    }

    /// Changes how far the curve reaches.
    pub(crate) fn set_max_bytes(&self, max_bytes: u64) {
        self.ghost.lock().set_max_bytes(max_bytes);
    }
}

/// Requests being shown to the ghost cache.
#[derive(Debug)]
pub(crate) struct Watch<'a> {
    observer: &'a Observer,
    ghost: Option<MutexGuard<'a, GhostCache>>,
}

impl Watch<'_> {
    /// A read that found a value. A hit does not know the item's expiry: it stays as it was.
    pub(crate) fn read(&mut self, hash: u64, key_len: usize, value_len: usize, expiry: Expiry) {
        self.access(hash, || entry_bytes(key_len, value_len), Access::Read, expiry);
    }

    /// A hit that showed a part of the value: a known entry keeps its size, another is taken for one with `typical_len`
    /// bytes of value.
    pub(crate) fn read_part(&mut self, hash: u64, key_len: usize, typical_len: usize) {
        let bytes = || entry_bytes(key_len, typical_len);
        self.access(hash, bytes, Access::ReadPart, Expiry::Keep);
    }

    /// A read that found nothing; the cache keeps no value for it, so the next is as cold.
    pub(crate) fn read_absent(&mut self, hash: u64) {
        self.access(hash, || 0, Access::Absent, Expiry::Never);
    }

    /// A write, which also tells when the item expires.
    pub(crate) fn wrote(&mut self, hash: u64, key_len: usize, value_len: usize, expiry: Expiry) {
        self.access(hash, || entry_bytes(key_len, value_len), Access::Write, expiry);
    }

    /// A deletion.
    pub(crate) fn removed(&mut self, hash: u64) {
        self.access(hash, || 0, Access::Remove, Expiry::Never);
    }

    fn access(
        &mut self,
        hash: u64,
        entry_bytes: impl FnOnce() -> u64,
        access: Access,
        expiry: Expiry,
    ) {
        if self.observer.is_sampled(hash) {
            self.ghost().access_expiring(hash, entry_bytes(), access, expiry);
        }
    }

    /// The ghost cache, without what has expired.
    fn ghost(&mut self) -> &mut GhostCache {
        let observer = self.observer;
        self.ghost.get_or_insert_with(|| {
            let mut ghost = observer.ghost.lock();
            if ghost.awaits_expiry() {
                ghost.advance((observer.now_ms)());
            }
            ghost
        })
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if let Some(ghost) = &self.ghost {
            // While the lock is held, so that an older limit never overwrites a newer one.
            self.observer.sampled_up_to.store(ghost.sampler().limit(), Ordering::Relaxed);
        }
    }
}

fn entry_bytes(key_len: usize, value_len: usize) -> u64 {
    hare::entry_footprint_bytes(key_len as u64, value_len as u64)
}

/// The space-saving sketch (Metwally et al., 2005): a newcomer takes the place and the count of the least counted key.
#[derive(Debug, Default)]
struct HotKeys {
    counts: Vec<(Bytes, u64)>,
}

impl HotKeys {
    fn saw(&mut self, key: &[u8]) {
        if let Some((_, count)) = self.counts.iter_mut().find(|(known, _)| known == key) {
            *count += 1;
        } else if self.counts.len() < HOT_KEYS {
            self.counts.push((Bytes::copy_from_slice(key), 1));
        } else if let Some(least) = self.counts.iter_mut().min_by_key(|(_, count)| *count) {
            *least = (Bytes::copy_from_slice(key), least.1 + 1);
        }
    }

    fn top(&self, most: usize) -> Vec<HotKey> {
        let mut sorted = self.counts.clone();
        sorted.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let keys = sorted.into_iter().take(most);
        keys.map(|(key, count)| HotKey { key, reads: count * HOT_KEY_SAMPLE }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hottest_key_stands_out_of_a_long_tail() {
        let observer = Observer::new(1 << 20, 1000, 1);
        for i in 0..10_000_u64 {
            let key = if i % 3 == 0 { String::from("hot") } else { format!("cold{i}") };
            observer.saw_read(i * HOT_KEY_SAMPLE, key.as_bytes());
        }
        let top = observer.hot_keys(1);
        assert_eq!(top[0].key, "hot");
        assert!(top[0].reads >= 3_333 * HOT_KEY_SAMPLE);
    }

    #[test]
    fn the_request_path_follows_the_rate() {
        let observer = Observer::new(1 << 40, 100, 1);
        let hashes = (0..10_000_u64).map(|key| key.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        for hash in hashes.clone() {
            observer.watch().read(hash, 10, 100, Expiry::Keep);
        }
        let sampled = hashes.filter(|hash| observer.is_sampled(*hash)).count();
        // 8 to 16 times as many as are tracked.
        assert!((400..=1_700).contains(&sampled), "{sampled} of 10,000 keys, 100 may be tracked");
        assert!(observer.end_epoch(10_000, 1).tracked_keys <= 100);
    }

    #[test]
    fn keys_that_expired_by_the_clock_are_cold() {
        static NOW_MS: AtomicU64 = AtomicU64::new(1000);
        let observer = Observer {
            now_ms: || NOW_MS.load(Ordering::Relaxed),
            ..Observer::new(1 << 20, 100, 1)
        };
        for hash in 0..10 {
            let expiry = if hash < 5 { Expiry::At(2000) } else { Expiry::Never };
            observer.watch().wrote(hash, 10, 100, expiry);
        }
        NOW_MS.store(2000, Ordering::Relaxed);
        for hash in 0..10 {
            observer.watch().read(hash, 10, 100, Expiry::Keep);
        }
        let curve = observer.end_epoch(10, 1).curve.expect("there were reads");
        assert!((curve.miss_ratio_at(1 << 20) - 0.5).abs() < 1e-9);
    }
}
