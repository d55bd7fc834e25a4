//! What is learned of a tenant's traffic: its ghost cache, and its hottest keys.
//!
//! Both look at sampled requests only, so the lock is rarely taken and hardly ever contended.

use bytes::Bytes;
use hare::{Access, CurveHistory, GhostCache, GhostConfig, MissRatioCurve, Sampler};
use parking_lot::Mutex;

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
    sampler: Sampler,
    ghost: Mutex<GhostCache>,
    /// Epochs kept, and their windows.
    history: Mutex<(usize, CurveHistory)>,
    hot: Mutex<HotKeys>,
}

/// The curve of recent epochs and what it rests on.
#[derive(Debug, Clone)]
pub(crate) struct Learned {
    /// The curve over modelled entry bytes; `None` before the first sampled read.
    pub(crate) curve: Option<MissRatioCurve>,
    /// Sampled reads behind it.
    pub(crate) sampled_reads: u64,
    /// Mean modelled entry in bytes, NaN without entries.
    pub(crate) mean_entry_bytes: f64,
    /// Keys in the ghost cache.
    pub(crate) tracked_keys: usize,
}

impl Observer {
    /// An observer whose curve reaches `max_bytes`, sampling one key in `one_in`, smoothed over `epochs`.
    pub(crate) fn new(max_bytes: u64, one_in: u32, epochs: usize) -> Self {
        let sampler = Sampler::one_in(one_in);
        let config = GhostConfig { sampler, ..GhostConfig::up_to(max_bytes) };
        Self {
            sampler,
            ghost: Mutex::new(GhostCache::new(config)),
            history: Mutex::new((epochs, CurveHistory::new(epochs))),
            hot: Mutex::default(),
        }
    }

    /// True when requests on this key are to be shown to the ghost cache.
    pub(crate) fn is_sampled(&self, hash: u64) -> bool {
        self.sampler.is_sampled(hash)
    }

    /// A read of a sampled key; an absent value has length 0.
    pub(crate) fn read(&self, hash: u64, key_len: usize, value_len: usize) {
        self.ghost.lock().access(hash, entry_bytes(key_len, value_len), Access::Read);
    }

    /// A write of a sampled key.
    pub(crate) fn wrote(&self, hash: u64, key_len: usize, value_len: usize) {
        self.ghost.lock().access(hash, entry_bytes(key_len, value_len), Access::Write);
    }

    /// A deletion of a sampled key.
    pub(crate) fn removed(&self, hash: u64) {
        self.ghost.lock().access(hash, 0, Access::Remove);
    }

    /// Shows the `n`th read of a worker to the hot-key sketch, if it is its turn.
    pub(crate) fn saw_read(&self, n: u64, key: &[u8]) {
        if n.is_multiple_of(HOT_KEY_SAMPLE) {
            self.hot.lock().saw(key);
        }
    }

    /// The hottest keys, hottest first.
    pub(crate) fn hot_keys(&self, most: usize) -> Vec<HotKey> {
        self.hot.lock().top(most)
    }

    /// Closes the window of an epoch in which `total_reads` keys were read, and gives the curve over the last `epochs`.
    pub(crate) fn end_epoch(&self, total_reads: u64, epochs: usize) -> Learned {
        let window = self.ghost.lock().take_window(total_reads);
        {
            let mut history = self.history.lock();
            if history.0 != epochs {
                *history = (epochs, CurveHistory::new(epochs));
            }
            history.1.push(window);
        }
        self.learned()
    }

    /// What is known after the last epoch.
    pub(crate) fn learned(&self) -> Learned {
        let (mean_entry_bytes, tracked_keys) = {
            let ghost = self.ghost.lock();
            (ghost.mean_entry_bytes(), ghost.tracked_keys())
        };
        let history = &self.history.lock().1;
        let (curve, sampled_reads) = (history.curve(), history.sampled_reads());
        Learned { curve, sampled_reads, mean_entry_bytes, tracked_keys }
    }

    /// Changes how far the curve reaches.
    pub(crate) fn set_max_bytes(&self, max_bytes: u64) {
        self.ghost.lock().set_max_bytes(max_bytes);
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
        let observer = Observer::new(1 << 20, 1, 1);
        for i in 0..10_000_u64 {
            let key = if i % 3 == 0 { String::from("hot") } else { format!("cold{i}") };
            observer.saw_read(i * HOT_KEY_SAMPLE, key.as_bytes());
        }
        let top = observer.hot_keys(1);
        assert_eq!(top[0].key, "hot");
        assert!(top[0].reads >= 3_333 * HOT_KEY_SAMPLE);
    }
}
