//! What a tenant's curve is learned from: its ghost cache, fed as the proxy's observer feeds it.

use std::hash::{BuildHasher as _, Hasher as _};

use foldhash::quality::FixedState;
use hare::{Access, CurveHistory, GhostCache, GhostConfig};
use hopperkv_control::reading::Learned;

/// Keys shown to a cold ghost cache to warm it, over those that it can track: enough for its rate to come down to what it
/// would be if all had been shown.
const SHOWN: f64 = 3.0;

/// Ghost cache and recent windows of one tenant.
#[derive(Debug)]
pub(super) struct Learner {
    ghost: GhostCache,
    history: CurveHistory,
    /// [`hare::Sampler::limit`] of the ghost cache.
    limit: u64,
    hasher: FixedState,
    tracked_keys: usize,
}

impl Learner {
    /// One whose curve reaches `max_bytes`, summed over `windows`, from at most `tracked_keys` keys.
    pub(super) fn new(max_bytes: u64, windows: usize, tracked_keys: usize, seed: u64) -> Self {
        let config = GhostConfig::up_to(max_bytes);
        let ghost = GhostCache::new(GhostConfig { max_tracked_keys: tracked_keys, ..config });
        let limit = ghost.sampler().limit();
        let history = CurveHistory::new(windows);
        Self { ghost, history, limit, hasher: FixedState::with_seed(seed), tracked_keys }
    }

    /// A request on a key.
    #[inline]
    pub(super) fn saw(&mut self, key: u32, entry_bytes: impl FnOnce() -> u32, access: Access) {
        let hash = self.hash(key);
        if hash <= self.limit {
            self.ghost.access(hash, u64::from(entry_bytes()), access);
            self.limit = self.ghost.sampler().limit();
        }
    }

    /// The largest hash of the keys that are to be shown to warm it, of a tenant with so many keys.
    pub(super) fn warming_limit(&self, keys: u32) -> u64 {
        let part = SHOWN * self.tracked_keys as f64 / f64::from(keys.max(1));
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a part of 2^64; the cast saturates"
        )]
        let limit = (part.min(1.0) * u64::MAX as f64) as u64;
        limit
    }

    /// Shows it the keys used before, the oldest first.
    pub(super) fn warm(&mut self, keys: impl Iterator<Item = (u32, u32)>) {
        for (key, entry_bytes) in keys {
            let hash = self.hash(key);
            self.ghost.access(hash, u64::from(entry_bytes), Access::Write);
        }
        self.limit = self.ghost.sampler().limit();
        let _ = self.ghost.take_window(0);
    }

    /// Closes a window in which there were so many reads; what is known then of the last `keep`.
    pub(super) fn close(&mut self, reads: u64, keep: usize) -> Learned {
        let window = self.ghost.take_window(reads);
        self.limit = self.ghost.sampler().limit();
        self.history.set_keep(keep);
        self.history.push(window);
        Learned {
            curve: self.history.curve(),
            sampled_reads: self.history.sampled_reads(),
            mean_entry_bytes: self.ghost.mean_entry_bytes(),
            tracked_keys: self.ghost.tracked_keys(),
            confidence: self.history.confidence(),
        }
    }

    #[inline]
    pub(super) fn hash(&self, key: u32) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write_u32(key);
        hasher.finish()
    }
}
