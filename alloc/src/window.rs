//! One epoch of a ghost cache: reads by stack distance, and the curve they estimate.
//!
//! **The estimate.** Let `H(c)` be the reads that hit at size `c`, counted from the sample with each
//! read worth `1 / rate`, and `T` all reads so counted. Sampling by key gets both wrong together: one
//! hot key in the sample too many, and both are too large. The real number of reads is known, so
//!
//! ```text
//! hits(c) = H(c) + beta(c) * (real reads - T)
//! ```
//!
//! SHARDS-adj (Waldspurger et al., FAST '15, section 5.1) is this with `beta = 1` at every size: it
//! credits the missing reads to the smallest distance. That is right where a few hot keys make the
//! difference, and wrong where all keys are alike: with uniform reads a sample of 1 % too many keys has
//! 1 % too many reads *and* distances 1 % too long, which cancel, and the correction would put the error
//! back. So `beta` is estimated from the sample, as in regression estimation (Cochran, Sampling
//! Techniques, 1977, chapter 7): the keys fall into groups by their hash, each group is a small sample of
//! its own, and `beta(c)` is the slope of the groups' effects on `H(c)` over their reads.
//!
//! The number of distinct keys touched is known better than the sample tells, too (`census`). It
//! is a second such variable: what it adds to the reads has a slope of its own. At 16,384 tracked keys
//! out of a million it takes a quarter off the mean error of zipf 0.6 (0.0035 to 0.0026) and of scans,
//! and leaves 7 % of hash seeds above 0.005 where 21 % were. Knowing the number exactly would leave 3 %;
//! 20,480 tracked keys would leave 5 %, for 15 % more time. The bytes of distinct keys as a third
//! variable, known exactly, made one load of mixed sizes 5 % better and another 6 % worse.
//!
//! A group acts on `H(c)` in two ways. Its own reads are in it; and its keys lie between the reads of all
//! groups and make their distances longer. If the group counted `1 + e` times, the distances around `c`
//! would grow by `e` times the group's part of the bytes above depth `c`, and `c * h(c)` reads per unit
//! of that would move out of reach, `h` being the density of `H`. So with `b` the group's part of the bytes,
//! its effect is `H_group(c) - c * h(c) * b`.
//!
//! **The error.** What the groups' effects scatter about the slope is the error of the estimate: their
//! sum over `G` groups has variance `G` times that of one (cluster sampling), less the part of the reads
//! that the sample covers; and the number of keys has an error of its own. At rate 1 it is zero.

use crate::census::{DistinctKeys, GROUPS, group_of};
use crate::curve::MissRatioCurve;
use crate::regression::Regression;
use crate::stack_distance::LruStack;
use crate::units::whole_number;

/// By how many times the relative error in the number of keys distances may be off: entries differ in
/// size.
const MOST_STRETCH: f64 = 3.0;
/// A place this near to a tick is that tick.
const ROUNDING: f64 = 1e-9;

/// Counts of the window that is open.
#[derive(Clone, Debug)]
pub(crate) struct Tally {
    tick_bytes: u64,
    counts: Counts,
    /// The window began before the tally, so that the number of all reads does not match.
    begun_late: bool,
}

/// Reads by group of keys, each worth as many as it stands for.
#[derive(Clone, Debug, PartialEq)]
struct Counts {
    /// Hits by tick, of group after group.
    hits: Vec<f64>,
    reads: Vec<f64>,
    sampled_reads: u64,
}

/// One epoch of a ghost cache.
#[derive(Clone, Debug, PartialEq)]
pub struct CurveWindow {
    tick_bytes: u64,
    counts: Counts,
    /// Part of each group in the bytes above each tick, of group after group.
    shares: Vec<f32>,
    total_reads: f64,
    keys: DistinctKeys,
}

/// A curve and how far it may be off.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Estimate {
    /// The curve.
    pub(crate) curve: MissRatioCurve,
    /// Standard error of its ratios from watching some keys only: root mean square over its ticks.
    pub(crate) sampling_error: f64,
}

impl Tally {
    /// Nothing counted yet, over `ticks` ticks up to `max_bytes`.
    pub(crate) fn new(max_bytes: u64, ticks: usize) -> Self {
        let counts =
            Counts { hits: vec![0.0; GROUPS * ticks], reads: vec![0.0; GROUPS], sampled_reads: 0 };
        let tick_bytes = max_bytes.div_ceil(ticks as u64).max(1);
        Self { tick_bytes, counts, begun_late: false }
    }

    /// The same in the middle of a window.
    pub(crate) fn begun_late(max_bytes: u64, ticks: usize) -> Self {
        Self { begun_late: true, ..Self::new(max_bytes, ticks) }
    }

    /// Counts a read that stands for `worth` reads, by its distance if it has one.
    #[inline]
    pub(crate) fn count(&mut self, key_hash: u64, worth: f64, distance_bytes: Option<u64>) {
        let group = group_of(key_hash);
        self.counts.sampled_reads += 1;
        self.counts.reads[group] += worth;
        let Some(distance_bytes) = distance_bytes else { return };
        // A distance of exactly one tick hits at that tick.
        let tick = distance_bytes.saturating_sub(1) / self.tick_bytes;
        let ticks = self.counts.hits.len() / GROUPS;
        if let Some(tick) = usize::try_from(tick).ok().filter(|&tick| tick < ticks) {
            self.counts.hits[group * ticks + tick] += worth;
        }
    }

    /// Takes the counts out and starts over. `stack` is as the window leaves it, `keys` what it touched.
    pub(crate) fn take(
        &mut self,
        total_reads: u64,
        keys: DistinctKeys,
        stack: &LruStack,
    ) -> CurveWindow {
        let ticks = self.counts.hits.len() / GROUPS;
        let fresh = Self::new(self.tick_bytes.saturating_mul(ticks as u64), ticks);
        let tick_bytes = self.tick_bytes;
        let Self { counts, begun_late, .. } = std::mem::replace(self, Self { tick_bytes, ..fresh });
        let total_reads = if begun_late { counts.reads.iter().sum() } else { total_reads as f64 };
        let shares = shares(stack, tick_bytes, ticks);
        CurveWindow { tick_bytes, counts, shares, total_reads, keys }
    }

    /// Memory held, in bytes.
    pub(crate) fn memory_bytes(&self) -> usize {
        (self.counts.hits.len() + self.counts.reads.len()) * 8
    }
}

impl CurveWindow {
    /// Sampled reads the window was built from.
    #[must_use]
    pub fn sampled_reads(&self) -> u64 {
        self.counts.sampled_reads
    }

    /// All reads of the window, sampled or not.
    pub(crate) fn total_reads(&self) -> f64 {
        self.total_reads
    }

    /// The curve of this window alone; `None` if it saw no reads.
    #[must_use]
    pub fn curve(&self) -> Option<MissRatioCurve> {
        self.estimate().map(|estimate| estimate.curve)
    }

    /// The curve and its error; `None` if the window saw no reads.
    pub(crate) fn estimate(&self) -> Option<Estimate> {
        if self.counts.sampled_reads == 0 || self.total_reads <= 0.0 {
            return None;
        }
        let counted: f64 = self.counts.reads.iter().sum();
        let uncovered = (1.0 - self.counts.sampled_reads as f64 / counted).max(0.0);
        let known = Regression::default()
            .with(&self.counts.reads, self.total_reads, 0.0, 0.0..=1.0)
            .with(&self.keys.groups, self.keys.all, self.keys.error, f64::MIN..=f64::MAX);
        let within = self.plausible();
        let ticks = self.counts.hits.len() / GROUPS;
        let mut hits = vec![0.0; GROUPS];
        let mut effects = vec![0.0; GROUPS];
        let mut squares = 0.0;
        let mut points = Vec::with_capacity(ticks);
        for tick in 0..ticks {
            for (group, hits) in hits.iter_mut().enumerate() {
                *hits += self.counts.hits[group * ticks + tick];
            }
            let moved = self.hits_per_growth(tick, ticks);
            for (group, effect) in effects.iter_mut().enumerate() {
                *effect = hits[group] - moved * f64::from(self.shares[group * ticks + tick]);
            }
            let correction = known.correct(&effects);
            let variance = correction.variance * uncovered + correction.total_variance;
            squares += variance / self.total_reads.powi(2);
            let all_hits = within(tick, hits.iter().sum::<f64>() + correction.sum);
            let bytes = self.tick_bytes.saturating_mul(tick as u64 + 1);
            points.push((bytes, 1.0 - all_hits / self.total_reads));
        }
        Some(Estimate {
            curve: MissRatioCurve::from_monotone_points(points),
            sampling_error: (squares / ticks as f64).sqrt(),
        })
    }

    /// Keeps the corrected hits at a tick to what can be: those counted at the distances that are as much
    /// shorter or longer as the number of keys is off, and the reads that are missing. At a cliff, where
    /// `h(c)` is large and hardly known, the regression alone would put hits where there are none.
    fn plausible(&self) -> impl Fn(usize, f64) -> f64 {
        let ticks = self.counts.hits.len() / GROUPS;
        let mut counted = 0.0;
        let up_to: Vec<f64> = (0..ticks)
            .map(|tick| {
                counted += self.hits_at(tick, ticks);
                counted
            })
            .collect();
        let keys: f64 = self.keys.groups.iter().sum();
        let off = if keys > 0.0 { (self.keys.all / keys - 1.0).abs() } else { 0.0 };
        let stretch = 1.0 + MOST_STRETCH * off;
        let missing = self.total_reads - self.counts.reads.iter().sum::<f64>();
        let total = self.total_reads;
        move |tick, hits| {
            let place = tick as f64 + 1.0;
            let shorter = whole_number((place / stretch + ROUNDING).floor());
            let longer = whole_number((place * stretch - ROUNDING).ceil());
            let at = |place: u64| usize::try_from(place).ok()?.checked_sub(1);
            let least = at(shorter).and_then(|tick| up_to.get(tick)).copied().unwrap_or(0.0);
            let most = at(longer).and_then(|tick| up_to.get(tick)).copied().unwrap_or(total);
            hits.max(least + missing.min(0.0)).min(most + missing.max(0.0))
        }
    }

    /// Adds another window over the same ticks; what is known of the stack is the later one's.
    pub(crate) fn absorb(&mut self, later: &Self) {
        for (hits, more) in self.counts.hits.iter_mut().zip(&later.counts.hits) {
            *hits += more;
        }
        for (reads, more) in self.counts.reads.iter_mut().zip(&later.counts.reads) {
            *reads += more;
        }
        self.counts.sampled_reads += later.counts.sampled_reads;
        self.shares.clone_from(&later.shares);
        self.total_reads += later.total_reads;
        self.keys.absorb(&later.keys);
    }

    /// The window as if it had had `weight` times as many reads.
    pub(crate) fn weighted(&self, weight: f64) -> Self {
        let mut window = self.clone();
        let counts = &mut window.counts;
        counts.hits.iter_mut().chain(&mut counts.reads).for_each(|reads| *reads *= weight);
        counts.sampled_reads = whole_number(counts.sampled_reads as f64 * weight);
        window.total_reads *= weight;
        window.keys = self.keys.weighted(weight);
        window
    }

    /// Whether two windows add up.
    pub(crate) fn same_ticks(&self, other: &Self) -> bool {
        self.tick_bytes == other.tick_bytes && self.counts.hits.len() == other.counts.hits.len()
    }

    /// Reads that would no longer hit at a tick per relative growth of all distances: `c * h(c)`.
    fn hits_per_growth(&self, tick: usize, ticks: usize) -> f64 {
        let around = [tick, (tick + 1).min(ticks - 1)];
        around.map(|tick| self.hits_at(tick, ticks)).iter().sum::<f64>() / 2.0 * (tick + 1) as f64
    }

    /// Reads that hit from this tick on.
    fn hits_at(&self, tick: usize, ticks: usize) -> f64 {
        (0..GROUPS).map(|group| self.counts.hits[group * ticks + tick]).sum()
    }
}

/// Part of each group in the bytes above each tick.
fn shares(stack: &LruStack, tick_bytes: u64, ticks: usize) -> Vec<f32> {
    let mut shares = vec![0.0; GROUPS * ticks];
    let mut above = [0.0_f64; GROUPS];
    let mut entries = stack.entries().peekable();
    for tick in 0..ticks {
        let depth = tick_bytes as f64 * (tick + 1) as f64;
        while let Some((key, bytes, _)) = entries.next_if(|entry| entry.2 < depth) {
            above[group_of(key)] += bytes as f64;
        }
        let sum: f64 = above.iter().sum();
        for (group, bytes) in above.iter().enumerate() {
            let share = if sum > 0.0 { bytes / sum } else { 0.0 };
            #[expect(
                clippy::cast_possible_truncation,
                reason = "a ratio; its last digits are noise"
            )]
            let share = share as f32;
            shares[group * ticks + tick] = share;
        }
    }
    shares
}
