//! The sampled ghost cache: what the hit ratio would be at every cache size at once.
//!
//! It keeps keys and sizes, no values, of a sampled part of the key space. A read's stack distance
//! among the sampled keys, scaled up by the sampling rate, is the smallest cache in which it would
//! have hit. Distances go into a histogram that the caller takes out once per epoch; entries stay.

use crate::history::CurveWindow;
use crate::sampler::Sampler;
use crate::stack_distance::LruStack;
use crate::units::whole_bytes;

/// No configuration tracks more keys than this.
const MOST_TRACKED_KEYS: usize = 1 << 28;

/// What happened to a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// A read, hit or miss: counted.
    Read,
    /// A write: refreshes the entry and its size, but says nothing about misses.
    Write,
    /// A delete or expiry: the entry is gone.
    Remove,
}

/// Shape and bounds of a ghost cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GhostConfig {
    /// Which keys are watched.
    pub sampler: Sampler,
    /// The largest cache size the curve covers, in modelled entry bytes; the paper uses 4 x base.
    pub max_bytes: u64,
    /// Points of the curve, evenly spaced up to `max_bytes`.
    pub ticks: usize,
    /// Keys remembered at most; the least recently used go first and count as misses when they return.
    pub max_tracked_keys: usize,
}

impl GhostConfig {
    /// The defaults for a curve up to `max_bytes`: 1 key in 32, 128 ticks, 65,536 keys.
    #[must_use]
    pub fn up_to(max_bytes: u64) -> Self {
        Self { sampler: Sampler::default(), max_bytes, ticks: 128, max_tracked_keys: 1 << 16 }
    }
}

/// Tracks the sampled keys of one tenant.
#[derive(Clone, Debug)]
pub struct GhostCache {
    config: GhostConfig,
    stack: LruStack,
    tick_bytes: u64,
    /// Bytes of the whole that one sampled byte stands for.
    scale: f64,
    /// Reads of this window by the first tick at which they hit.
    hits: Vec<u64>,
    sampled_reads: u64,
}

impl GhostCache {
    /// An empty ghost cache. Zero ticks, bytes or keys are taken as one.
    #[must_use]
    pub fn new(config: GhostConfig) -> Self {
        let ticks = config.ticks.max(1);
        let max_tracked_keys = config.max_tracked_keys.clamp(1, MOST_TRACKED_KEYS);
        Self {
            config: GhostConfig { max_tracked_keys, ..config },
            stack: LruStack::new(),
            tick_bytes: config.max_bytes.div_ceil(ticks as u64).max(1),
            scale: 1.0 / config.sampler.rate(),
            hits: vec![0; ticks],
            sampled_reads: 0,
        }
    }

    /// Records an access. `entry_bytes` is the modelled entry ([`crate::entry_footprint_bytes`]);
    /// it is ignored for removals. Keys that are not sampled are ignored, but callers on a hot path
    /// ask [`Self::sampler`] first.
    pub fn access(&mut self, key_hash: u64, entry_bytes: u64, access: Access) {
        if !self.config.sampler.is_sampled(key_hash) {
            return;
        }
        if access == Access::Remove {
            self.stack.remove(key_hash);
            return;
        }
        let depth = self.stack.touch(key_hash, entry_bytes);
        if access == Access::Read {
            self.sampled_reads += 1;
            if let Some(depth) = depth {
                self.count_hit(self.scaled(depth.newer_bytes).saturating_add(depth.own_bytes));
            }
        }
        self.drop_excess();
    }

    /// Takes the histogram out and starts a new one. `total_reads` counts all reads of the window,
    /// sampled or not; the window corrects for keys that were sampled too often or too rarely.
    #[must_use]
    pub fn take_window(&mut self, total_reads: u64) -> CurveWindow {
        let fresh = vec![0; self.hits.len()];
        let hits = std::mem::replace(&mut self.hits, fresh);
        let sampled_reads = std::mem::take(&mut self.sampled_reads);
        let expected_reads = total_reads as f64 * self.config.sampler.rate();
        CurveWindow::new(self.tick_bytes, hits, sampled_reads, expected_reads)
    }

    /// Changes the largest size the curve covers, for a tenant whose base share changed. Entries
    /// stay; counts of the current window are dropped, for their ticks no longer fit.
    pub fn set_max_bytes(&mut self, max_bytes: u64) {
        let config = GhostConfig { max_bytes, ..self.config };
        let stack = std::mem::take(&mut self.stack);
        *self = Self { stack, ..Self::new(config) };
        self.drop_excess();
    }

    /// The test for keys worth passing to [`Self::access`]; copy it out of the lock.
    #[must_use]
    pub fn sampler(&self) -> Sampler {
        self.config.sampler
    }

    /// Keys remembered now.
    #[must_use]
    pub fn tracked_keys(&self) -> usize {
        self.stack.len()
    }

    /// Mean modelled entry of the keys remembered now; NaN if there are none.
    #[must_use]
    pub fn mean_entry_bytes(&self) -> f64 {
        self.stack.total_bytes() as f64 / self.stack.len() as f64
    }

    /// Memory held, in bytes, roughly.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.stack.memory_bytes() + self.hits.len() * 8
    }

    fn count_hit(&mut self, distance_bytes: u64) {
        // A distance of exactly one tick hits at that tick.
        let tick = distance_bytes.saturating_sub(1) / self.tick_bytes;
        if let Some(hits) = usize::try_from(tick).ok().and_then(|tick| self.hits.get_mut(tick)) {
            *hits += 1;
        }
    }

    /// Forgets what lies deeper than the curve reaches, and what exceeds the bound on keys.
    fn drop_excess(&mut self) {
        let over = |ghost: &Self| {
            ghost.stack.len() > ghost.config.max_tracked_keys
                || (ghost.stack.len() > 1
                    && ghost.scaled(ghost.stack.total_bytes()) > ghost.config.max_bytes)
        };
        while over(self) && self.stack.drop_oldest() {}
    }

    fn scaled(&self, sampled_bytes: u64) -> u64 {
        whole_bytes(sampled_bytes as f64 * self.scale)
    }
}
