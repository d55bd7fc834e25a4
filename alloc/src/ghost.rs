//! The sampled ghost cache: what the hit ratio would be at every cache size at once.
//!
//! It keeps keys and sizes, no values, of a sampled part of the key space. A read's stack distance
//! among the sampled keys, scaled up by the sampling rate, is the smallest cache in which it would
//! have hit. Distances go into a histogram that the caller takes out once per epoch; entries stay.
//!
//! **The rate follows the tenant** (fixed-size SHARDS: Waldspurger et al., FAST '15). It starts at 1,
//! so a tenant of few keys is watched exactly. When more keys are tracked than the bound allows, keys
//! deeper than the curve reaches are forgotten; if that does not free enough, the sampler's limit
//! drops by a sixteenth and the keys above it are forgotten. What is left is what a sampler with the
//! lower limit would hold, so distances stay right at once, without restarting.
//!
//! **Counting across rates.** Each read counts for `1 / rate` reads, at the rate of its time: the
//! probability with which it was seen (Horvitz and Thompson 1952). A window in which the rate changed
//! is then still an unbiased sample of all its reads, with nothing to rescale and no need to know how
//! many of the total fell into which part: the weights of the reads seen estimate the total, and the
//! difference to the real total is what the correction in [`crate::window`] works on. (Fixed-size
//! SHARDS gets the same by rescaling what it has counted whenever the rate drops.)
//!
//! **Rising again.** When few of the keys were touched in each of several windows in a row (a scan
//! ended, a working set shrank), the rate rises. Keys that are watched from then on may have been used
//! before, so their first touch is unknown, not a miss. What *is* known: everything touched since the
//! rise is there at the new rate, everything older at the old rate. A read whose last touch came after
//! the rise was seen with the new rate's probability, whoever's it is; a read that reaches further back,
//! or finds nothing, is seen with the old rate's, among the keys watched then, and those alone speak
//! for it. Both are unbiased, and the old part ends by itself as its entries are touched or sink too
//! deep. Three windows in a row before a rise, and a rise that leaves the bound half empty, keep the
//! rate from going up and down.
//!
//! **Counting wider.** Of 8 to 16 times as many keys it is only counted how many are touched, in a bitmap
//! (`census`). So [`crate::window`] knows whether the sample holds too many keys or too few. It costs
//! about 2 ns per access, and callers pass more accesses on: an eighth to a quarter of all where one key
//! in 64 is tracked.
//!
//! **Time** is passed in. An entry with an expiry leaves when it is due ([`GhostCache::advance`]):
//! the next read misses at every size.

use crate::census::Census;
use crate::expiries::Expiries;
use crate::sampler::Sampler;
use crate::stack_distance::{Depth, LruStack};
use crate::window::{CurveWindow, Tally};

/// No configuration tracks more keys than this.
const MOST_TRACKED_KEYS: usize = 1 << 28;
/// The limit drops to 15/16 at a time: the sample stays near its bound.
const LOWER: (u64, u64) = (15, 16);
/// Windows in a row that must have been quiet before the rate rises.
const QUIET_WINDOWS: u32 = 3;
/// A window is quiet if it touched less than one in this many of the keys allowed.
const QUIET_PART: usize = 4;
/// The rate rises by at most this factor at once.
const MOST_RISE: usize = 64;

/// What happened to a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// A read, hit or miss, of a key that exists: counted.
    Read,
    /// A read that does not tell the size of the entry: a known one keeps its own, another is taken to have the bytes
    /// that are passed.
    ReadPart,
    /// A read of a key that does not exist: counted as a miss at every size, and nothing is kept.
    Absent,
    /// A write: refreshes the entry and its size, but says nothing about misses.
    Write,
    /// A delete: the entry is gone.
    Remove,
}

/// When an entry expires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// As it was; for hits, which do not tell.
    Keep,
    /// Never.
    Never,
    /// At this time, in Unix milliseconds.
    At(u64),
}

/// Shape and bounds of a ghost cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GhostConfig {
    /// The largest cache size the curve covers, in modelled entry bytes; the paper uses 4 x base.
    pub max_bytes: u64,
    /// Points of the curve, evenly spaced up to `max_bytes`.
    pub ticks: usize,
    /// Keys remembered at most; beyond, fewer keys are watched.
    pub max_tracked_keys: usize,
}

impl GhostConfig {
    /// Keys remembered at most, unless said otherwise.
    pub const TRACKED_KEYS: usize = 16_384;

    /// The defaults for a curve up to `max_bytes`: 128 ticks, 16,384 keys.
    #[must_use]
    pub fn up_to(max_bytes: u64) -> Self {
        Self { max_bytes, ticks: 128, max_tracked_keys: Self::TRACKED_KEYS }
    }
}

/// Tracks the sampled keys of one tenant.
#[derive(Clone, Debug)]
pub struct GhostCache {
    config: GhostConfig,
    /// Keys tracked now.
    sampler: Sampler,
    stack: LruStack,
    expiries: Expiries,
    tally: Tally,
    census: Census,
    /// Quiet windows in a row, and the most keys that one of them touched.
    quiet: (u32, usize),
}

impl GhostCache {
    /// An empty ghost cache. Zero ticks, bytes or keys are taken as one.
    #[must_use]
    pub fn new(config: GhostConfig) -> Self {
        let config = GhostConfig {
            ticks: config.ticks.max(1),
            max_tracked_keys: config.max_tracked_keys.clamp(1, MOST_TRACKED_KEYS),
            ..config
        };
        Self {
            config,
            sampler: Sampler::ALL,
            stack: LruStack::new(Sampler::ALL),
            expiries: Expiries::default(),
            tally: Tally::new(config.max_bytes, config.ticks),
            census: Census::new(config.max_tracked_keys),
            quiet: (0, 0),
        }
    }

    /// Records an access to a key without an expiry. `entry_bytes` is the modelled entry
    /// ([`crate::entry_footprint_bytes`]); it is ignored for removals and absent keys. Keys that are
    /// not sampled are ignored, but callers on a hot path ask [`Self::sampler`] first.
    #[inline]
    pub fn access(&mut self, key_hash: u64, entry_bytes: u64, access: Access) {
        let is_read = matches!(access, Access::Read | Access::ReadPart);
        let expiry = if is_read { Expiry::Keep } else { Expiry::Never };
        self.access_expiring(key_hash, entry_bytes, access, expiry);
    }

    /// Records an access and when the entry expires from now on. The caller passes the time first
    /// ([`Self::advance`]).
    #[inline]
    pub fn access_expiring(
        &mut self,
        key_hash: u64,
        entry_bytes: u64,
        access: Access,
        expiry: Expiry,
    ) {
        if self.sampler.is_sampled(key_hash) {
            self.access_tracked(key_hash, entry_bytes, access, expiry);
        } else if matches!(access, Access::Read | Access::ReadPart | Access::Write) {
            self.census.touch(key_hash);
        }
    }

    fn access_tracked(&mut self, key_hash: u64, entry_bytes: u64, access: Access, expiry: Expiry) {
        match access {
            Access::Remove => self.remove(key_hash),
            Access::Absent => {
                self.remove(key_hash);
                self.count_miss(key_hash);
            }
            Access::Read | Access::ReadPart | Access::Write => {
                let depth = if access == Access::ReadPart {
                    self.stack.touch_again(key_hash, entry_bytes)
                } else {
                    self.stack.touch(key_hash, entry_bytes)
                };
                if access != Access::Write {
                    self.count_read(key_hash, depth);
                }
                self.set_expiry(key_hash, expiry);
                if self.stack.len() > self.config.max_tracked_keys {
                    self.keep_bound();
                }
            }
        }
    }

    /// Removes what has expired by `now_ms` (Unix milliseconds); one compare if nothing has.
    #[inline]
    pub fn advance(&mut self, now_ms: u64) {
        while let Some(key_hash) = self.expiries.pop_due(now_ms) {
            self.forget(key_hash);
        }
    }

    /// Whether any entry may expire, so that the time is worth asking for.
    #[must_use]
    pub fn awaits_expiry(&self) -> bool {
        self.expiries.len() > 0
    }

    /// Takes the histogram out and starts a new one. `total_reads` counts all reads of the window,
    /// sampled or not; the window corrects for keys that were sampled too often or too rarely.
    #[must_use]
    pub fn take_window(&mut self, total_reads: u64) -> CurveWindow {
        self.end_period();
        self.forget_deeper();
        let keys = self.census.take();
        let window = self.tally.take(total_reads, keys, &self.stack);
        self.adapt_rate();
        self.census.set_tracked(self.sampler);
        window
    }

    /// Changes the largest size the curve covers, for a tenant whose base share changed. Entries
    /// stay; counts of the current window are dropped, for their ticks no longer fit.
    pub fn set_max_bytes(&mut self, max_bytes: u64) {
        if max_bytes != self.config.max_bytes {
            self.config.max_bytes = max_bytes;
            self.tally = Tally::begun_late(max_bytes, self.config.ticks);
            self.end_period();
            let _ = self.census.take();
            self.forget_deeper();
        }
    }

    /// The test for keys worth passing to [`Self::access`]: those that are tracked, and 8 to 16 times as
    /// many that are only counted. It may change with any access and with any window: copy it out of
    /// the lock each time.
    #[inline]
    #[must_use]
    pub fn sampler(&self) -> Sampler {
        Census::wider(self.sampler)
    }

    /// The fraction of keys that is tracked now, above 0 and at most 1.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.sampler.rate()
    }

    /// Keys remembered now.
    #[must_use]
    pub fn tracked_keys(&self) -> usize {
        self.stack.len()
    }

    /// Mean modelled entry of the keys remembered now; NaN if there are none.
    #[must_use]
    pub fn mean_entry_bytes(&self) -> f64 {
        self.stack.entry_bytes() as f64 / self.stack.len() as f64
    }

    /// Memory held, in bytes, roughly.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.stack.memory_bytes()
            + self.expiries.memory_bytes()
            + self.tally.memory_bytes()
            + self.census.memory_bytes()
    }

    fn remove(&mut self, key_hash: u64) {
        self.forget(key_hash);
        self.expiries.set(key_hash, None);
    }

    fn forget(&mut self, key_hash: u64) {
        if self.stack.remove(key_hash) && !self.census.remove(key_hash) {
            self.end_period();
        }
    }

    /// Forgets what lies deeper than the curve reaches.
    fn forget_deeper(&mut self) {
        let first = self.stack.first_within(self.config.max_bytes);
        if first > self.stack.period_start() {
            self.end_period();
        }
        self.stack.forget_before(first);
    }

    fn end_period(&mut self) {
        self.census.end_period(self.sampler, self.stack.touched());
        self.stack.begin_period();
    }

    #[inline]
    fn count_read(&mut self, key_hash: u64, depth: Option<Depth>) {
        match depth {
            Some(depth) => {
                let distance_bytes = depth.newer_bytes.saturating_add(depth.own_bytes);
                self.tally.count(key_hash, depth.scale, Some(distance_bytes));
            }
            None => self.count_miss(key_hash),
        }
    }

    fn count_miss(&mut self, key_hash: u64) {
        // Of other keys it is not known whether they were there.
        if self.stack.known().is_sampled(key_hash) {
            self.tally.count(key_hash, self.stack.absent_scale(), None);
        }
    }

    fn set_expiry(&mut self, key_hash: u64, expiry: Expiry) {
        match expiry {
            Expiry::Keep => {}
            Expiry::Never => self.expiries.set(key_hash, None),
            Expiry::At(at_ms) => {
                self.expiries.set(key_hash, Some(at_ms));
                if self.expiries.len() > self.config.max_tracked_keys {
                    // Keys that were forgotten keep their expiry, for it still holds, but not at any cost.
                    let stack = &self.stack;
                    self.expiries.retain(|key_hash| stack.contains(key_hash));
                }
            }
        }
    }

    /// Brings the number of keys back within its bound, and keeps the sample near it.
    #[cold]
    fn keep_bound(&mut self) {
        let bound = self.config.max_tracked_keys;
        self.forget_deeper();
        while self.stack.len() > bound - bound / 32 && self.stack.len() > 1 {
            self.sampler = self.sampler.scaled(LOWER.0, LOWER.1);
            self.census.narrow(self.sampler);
            let census = &mut self.census;
            self.stack.thin(self.sampler, |key_hash| census.touch(key_hash));
        }
    }

    /// Raises the rate if few keys were touched for several windows.
    fn adapt_rate(&mut self) {
        let bound = self.config.max_tracked_keys;
        let active = self.stack.begin_window();
        let is_quiet = active > 0 && active < bound / QUIET_PART && self.sampler != Sampler::ALL;
        self.quiet = if is_quiet { (self.quiet.0 + 1, self.quiet.1.max(active)) } else { (0, 0) };
        if self.quiet.0 < QUIET_WINDOWS {
            return;
        }
        let rise = (bound / 2 / self.quiet.1).clamp(2, MOST_RISE);
        // What lies idle makes room: with the active keys at the new rate it must fit the bound.
        let idle_room = bound / QUIET_PART;
        let old = if self.stack.len() > idle_room {
            self.sampler.scaled(idle_room as u64, self.stack.len() as u64)
        } else {
            self.sampler
        };
        self.sampler = self.sampler.scaled(rise as u64, 1);
        self.stack.raise(self.sampler, old);
        self.quiet = (0, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::{Access, GhostCache, GhostConfig};
    use crate::sampler::Sampler;

    fn ghost(max_tracked_keys: usize) -> GhostCache {
        GhostCache::new(GhostConfig { max_tracked_keys, ..GhostConfig::up_to(1 << 40) })
    }

    fn hash(key: u64) -> u64 {
        key.wrapping_mul(0x9E37_79B9_7F4A_7C15)
    }

    #[test]
    fn a_read_of_a_part_keeps_the_known_size() {
        let mut ghost = ghost(100);
        ghost.access(hash(1), 5_000, Access::Write);
        ghost.access(hash(1), 70, Access::ReadPart);
        assert!((ghost.mean_entry_bytes() - 5_000.0).abs() < 1e-9);
        ghost.access(hash(2), 70, Access::ReadPart);
        assert!((ghost.mean_entry_bytes() - 2_535.0).abs() < 1e-9);
        ghost.access(hash(1), 9_000, Access::Read);
        assert!((ghost.mean_entry_bytes() - 4_535.0).abs() < 1e-9);
        // Two reads of known keys, one of an unknown one: a hit where both entries fit, and one where the first does.
        let curve = ghost.take_window(3).curve().unwrap();
        assert!((curve.miss_ratio_at(1 << 40) - 1.0 / 3.0).abs() < 1e-9);
    }

    #[test]
    fn keys_deeper_than_the_curve_go_before_the_rate_does() {
        let config = GhostConfig { max_tracked_keys: 100, ..GhostConfig::up_to(5_000) };
        let mut ghost = GhostCache::new(config);
        for key in 0..1000 {
            ghost.access(hash(key), 100, Access::Read);
            assert!(ghost.tracked_keys() <= 100);
        }
        assert_eq!(ghost.sampler, Sampler::ALL);
    }

    #[test]
    fn the_rate_recovers_after_a_scan_and_then_stays() {
        let mut ghost = ghost(1000);
        for key in 0..100_000 {
            ghost.access(hash(key), 100, Access::Read);
        }
        let _ = ghost.take_window(100_000);
        let low = ghost.sampler;
        assert!((0.005..0.011).contains(&low.rate()), "{}", low.rate());
        let mut rates = Vec::new();
        for _ in 0..20 {
            for key in (0..200).cycle().take(6_000) {
                ghost.access(hash(key), 100, Access::Read);
            }
            let _ = ghost.take_window(6_000);
            assert!(ghost.tracked_keys() <= 1000);
            rates.push(ghost.rate());
        }
        let raised = rates.iter().position(|&rate| rate > low.rate());
        assert_eq!(raised, Some(2), "three quiet windows first: {rates:?}");
        let changes = rates.windows(2).filter(|pair| (pair[0] - pair[1]).abs() > 1e-12).count();
        assert!(changes <= 3, "it flaps: {rates:?}");
        assert!(rates[19] > 0.999, "200 keys fit: {rates:?}");
    }
}
