//! How many distinct keys were touched: by group of the tracked ones, and nearly, in a wider part of the
//! key space. The difference tells by how much the sample holds too many keys or too few.
//!
//! **Wider, but cheap.** The wider part is 8 to 16 times the tracked one. Of its other keys only a bit is
//! kept, in a bitmap by hash: as many keys hit `n` of `m` bits as `m ln(m / (m - n))` (linear counting:
//! Whang, Vander-Zanden and Taylor 1990). Each octave of the hashes has a bitmap of its own (Estan,
//! Varghese and Fisk, 2003): when the rate has halved, the highest octave leaves the wider part, and its
//! bitmap takes the keys that the tracked part loses.
//!
//! **Periods.** The count runs from the beginning of a window. It cannot forget single keys, so keys
//! that were removed stay in it: their hashes are kept, and count. Before there are too many of those,
//! or keys touched in this period sink too deep, the period ends, and both counts start over; a window's
//! counts are sums over its periods.

use std::collections::BTreeSet;

use crate::sampler::Sampler;

/// Groups of tracked keys; more would be noisier each, fewer a less certain slope.
pub(crate) const GROUPS: usize = 32;
/// Octaves that lie outside the tracked part, or partly so.
const OCTAVES: u8 = 4;
/// Bits per tracked key: as many as the highest octave has keys.
const BITS_PER_KEY: usize = 8;

/// The count of the period that is open, and the sums of those before.
#[derive(Clone, Debug)]
pub(crate) struct Census {
    /// One bit per key, by octave of the hash modulo their number.
    /// Empty until there are keys outside the tracked part.
    bitmaps: [Vec<u64>; OCTAVES as usize],
    /// Length of a bitmap.
    words: usize,
    /// The octave of the tracked part's limit, counted from the top; the wider part begins three higher.
    octave: u32,
    /// Tracked keys that were touched in this period and removed.
    removed: BTreeSet<u64>,
    most_removed: usize,
    counted: DistinctKeys,
}

/// Distinct keys touched, each tracked one counted as the number of keys it stands for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct DistinctKeys {
    /// Counted from the tracked part, by group.
    pub(crate) groups: Vec<f64>,
    /// Counted from the wider part.
    pub(crate) all: f64,
    /// Standard error of `all`.
    pub(crate) error: f64,
}

impl Census {
    /// Nothing counted; `most_tracked` is the largest number of tracked keys.
    pub(crate) fn new(most_tracked: usize) -> Self {
        Self {
            bitmaps: std::array::from_fn(|_| Vec::new()),
            words: (most_tracked * BITS_PER_KEY).next_power_of_two().div_ceil(64),
            octave: 0,
            removed: BTreeSet::new(),
            most_removed: most_tracked / 4,
            counted: DistinctKeys::none(),
        }
    }

    /// The wider part around the keys that `tracked` watches.
    #[inline]
    pub(crate) fn wider(tracked: Sampler) -> Sampler {
        Sampler::up_to(u64::MAX >> first_octave(octave_of(tracked.limit())))
    }

    /// A key outside the tracked part was touched.
    #[inline]
    pub(crate) fn touch(&mut self, key_hash: u64) {
        let octave = octave_of(key_hash);
        if octave < first_octave(self.octave) {
            return;
        }
        let bitmap = &mut self.bitmaps[place_of(octave)];
        if bitmap.is_empty() {
            bitmap.resize(self.words, 0);
        }
        // Not the highest bits, which the octave's keys share, nor the lowest, which choose the group.
        let bit = key_hash >> 8;
        let word = usize::try_from(bit / 64).unwrap_or(usize::MAX) & (bitmap.len() - 1);
        bitmap[word] |= 1 << (bit % 64);
    }

    /// A tracked key that was touched in this period is gone; false if the period must end.
    pub(crate) fn remove(&mut self, key_hash: u64) -> bool {
        self.removed.insert(key_hash);
        self.removed.len() <= self.most_removed
    }

    /// The tracked part becomes smaller. The caller then touches the keys of this period that it loses.
    pub(crate) fn narrow(&mut self, tracked: Sampler) {
        let octave = octave_of(tracked.limit());
        for new in (self.octave + 1..=octave).rev().take(usize::from(OCTAVES)) {
            self.bitmaps[place_of(new)].fill(0);
        }
        self.octave = octave;
        for key_hash in self.removed.split_off(&tracked.limit().saturating_add(1)) {
            self.touch(key_hash);
        }
    }

    /// Ends the period and begins the next; `touched` are the tracked keys of this one that are still there.
    pub(crate) fn end_period(&mut self, tracked: Sampler, touched: impl Iterator<Item = u64>) {
        let mut keys = 0.0;
        let scale = 1.0 / tracked.rate();
        let removed = std::mem::take(&mut self.removed);
        for key_hash in touched.filter(|key| !removed.contains(key)).chain(removed.iter().copied())
        {
            keys += 1.0;
            self.counted.groups[group_of(key_hash)] += scale;
        }
        let mut variance = 0.0;
        for bitmap in self.bitmaps.iter_mut().filter(|bitmap| !bitmap.is_empty()) {
            let zeros: u32 = bitmap.iter().map(|word| word.count_zeros()).sum();
            let bits = bitmap.len() as f64 * 64.0;
            let load = (bits / f64::from(zeros.max(1))).ln();
            keys += bits * load;
            variance += bits * (load.exp_m1() - load);
            bitmap.fill(0);
        }
        let rate = Self::wider(tracked).rate();
        variance += keys * (1.0 - rate);
        self.counted.all += keys / rate;
        self.counted.error += variance.sqrt() / rate;
    }

    /// The tracked part changes between two periods.
    pub(crate) fn set_tracked(&mut self, tracked: Sampler) {
        self.octave = octave_of(tracked.limit());
    }

    /// Takes the sums out, between two periods.
    pub(crate) fn take(&mut self) -> DistinctKeys {
        std::mem::replace(&mut self.counted, DistinctKeys::none())
    }

    /// Memory held, in bytes, roughly: tree nodes are about two thirds full.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.bitmaps.iter().map(|bitmap| bitmap.len() * 8).sum::<usize>()
            + self.removed.len() * 8 * 3 / 2
    }
}

impl DistinctKeys {
    fn none() -> Self {
        Self { groups: vec![0.0; GROUPS], all: 0.0, error: 0.0 }
    }

    /// These counts times `weight`.
    pub(crate) fn weighted(&self, weight: f64) -> Self {
        Self {
            groups: self.groups.iter().map(|keys| keys * weight).collect(),
            all: self.all * weight,
            error: self.error * weight,
        }
    }

    /// Adds what a later window counted. Both saw the same part of the key space, so errors add up.
    pub(crate) fn absorb(&mut self, later: &Self) {
        for (keys, more) in self.groups.iter_mut().zip(&later.groups) {
            *keys += more;
        }
        self.all += later.all;
        self.error += later.error;
    }
}

/// The group of a tracked key.
pub(crate) fn group_of(key_hash: u64) -> usize {
    usize::from(key_hash.to_le_bytes()[0]) % GROUPS
}

#[inline]
fn octave_of(key_hash: u64) -> u32 {
    key_hash.leading_zeros()
}

/// The first octave of the wider part.
#[inline]
fn first_octave(octave: u32) -> u32 {
    // A shift by 64 is none; so few keys are never all that is tracked.
    octave.min(63).saturating_sub(u32::from(OCTAVES) - 1)
}

/// Where the bitmap of an octave lies.
#[inline]
fn place_of(octave: u32) -> usize {
    octave as usize % usize::from(OCTAVES)
}

#[cfg(test)]
mod tests {
    use super::{Census, GROUPS};
    use crate::sampler::Sampler;

    fn hash(key: u64) -> u64 {
        let mixed = (key + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed ^ (mixed >> 27)
    }

    /// Touches the keys while the tracked part falls to `rate` in steps; returns the tracked keys.
    fn touch_and_narrow(census: &mut Census, keys: u64, rate: f64) -> (Sampler, Vec<u64>) {
        let mut tracked = Sampler::ALL;
        let mut there = Vec::new();
        for key in 0..keys {
            let key_hash = hash(key);
            if !tracked.is_sampled(key_hash) {
                census.touch(key_hash);
                continue;
            }
            there.push(key_hash);
            // Every third is removed, and stays counted.
            if key % 3 == 0 {
                there.pop();
                assert!(census.remove(key_hash));
            }
            if there.len() > 1000 && tracked.rate() > rate {
                tracked = tracked.scaled(15, 16);
                census.narrow(tracked);
                there.retain(|&key_hash| {
                    let kept = tracked.is_sampled(key_hash);
                    if !kept {
                        census.touch(key_hash);
                    }
                    kept
                });
            }
        }
        (tracked, there)
    }

    #[test]
    fn the_wider_part_counts_nearly_all_keys_whatever_the_rate_does() {
        for keys in [3_000, 10_000, 100_000] {
            let mut census = Census::new(4000);
            let (tracked, there) = touch_and_narrow(&mut census, keys, 1000.0 / keys as f64);
            census.end_period(tracked, there.into_iter());
            let counted = census.take();
            let off = counted.all / keys as f64 - 1.0;
            println!("{keys} keys: {off:.4} off, standard error {:.0}", counted.error);
            assert!((counted.all - keys as f64).abs() <= 3.0 * counted.error, "{counted:?}");
            assert!(counted.error < 0.02 * keys as f64, "{counted:?}");
            let sampled: f64 = counted.groups.iter().sum();
            assert!((sampled / keys as f64 - 1.0).abs() < 0.15, "{sampled} of {keys}");
        }
    }

    #[test]
    fn at_rate_one_both_counts_are_exact_and_periods_add_up() {
        let mut census = Census::new(100);
        for _ in 0..2 {
            assert!(census.remove(1));
            // Removed, and touched again.
            census.end_period(Sampler::ALL, [1, 2, 3].into_iter());
        }
        let counted = census.take();
        assert_eq!(counted.groups.len(), GROUPS);
        assert_eq!(counted.groups[..5], [0.0, 2.0, 2.0, 2.0, 0.0]);
        assert_eq!((counted.all, counted.error), (6.0, 0.0));
        assert_eq!(census.take().all.to_bits(), 0);
    }

    #[test]
    fn too_many_removed_keys_end_the_period() {
        let mut census = Census::new(40);
        assert!((0..10).all(|key| census.remove(key)));
        assert!(!census.remove(10));
    }

    #[test]
    fn the_wider_part_is_8_to_16_times_the_tracked_one() {
        for (part, wider) in
            [(1, 1.0), (8, 1.0), (16, 0.5), (17, 0.5), (30, 0.5), (1000, 1.0 / 64.0)]
        {
            assert!((Census::wider(Sampler::one_in(part)).rate() / wider - 1.0).abs() < 1e-9);
        }
        assert!(Census::wider(Sampler::up_to(0)).rate() > 0.0);
    }
}
