//! What the search sees of a problem: how two loads fall as tenants get more cache.
//!
//! The load of a resource is the part of its total that is needed for everyone's target throughput.
//! Of the three rates only reads and net depend on the cache, and both fall in proportion to the
//! miss ratio: tenant `i` with miss ratio `m` adds `read * m` and `net * m`.

use crate::curve::MissRatioCurve;
use crate::optimum::hull::{Grid, Hull};

/// Sums of loads are exact to about this, relative to loads of 1.
pub(super) const ROUNDING: f64 = 1e-12;

/// Parts of the totals of read units and net.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Load {
    pub(super) read: f64,
    pub(super) net: f64,
}

impl Load {
    /// `weight` of the read load and the rest of the net load: for every weight from 0 to 1 no more
    /// than the greater of the two.
    pub(super) fn weighted(self, weight: f64) -> f64 {
        self.read * weight + self.net * (1.0 - weight)
    }

    pub(super) fn plus(self, other: Self, times: f64) -> Self {
        Self { read: self.read + other.read * times, net: self.net + other.net * times }
    }
}

/// One tenant of a [`Model`].
#[derive(Clone, Debug)]
pub(super) struct Row<'a> {
    pub(super) curve: &'a MissRatioCurve,
    pub(super) grid: Grid,
    pub(super) hull: Hull,
    /// Load at a miss ratio of 1.
    pub(super) load: Load,
    /// Lower miss ratios make no difference.
    pub(super) least_miss_ratio: f64,
}

impl Row<'_> {
    /// The miss ratio `steps` away from base, as far as it makes a difference.
    pub(super) fn miss_ratio_at(&self, steps: i64) -> f64 {
        self.curve.miss_ratio_at(self.grid.bytes_at(steps)).max(self.least_miss_ratio)
    }

    /// The hull of its miss ratios over the steps from `least` to `most`.
    pub(super) fn hull_between(&self, least: i64, most: i64) -> Hull {
        Hull::between(self.curve, &self.grid, (least, most), self.least_miss_ratio)
    }

    /// The fewest steps from 0 up that are as good as `steps`.
    fn useful_steps(&self, steps: i64) -> i64 {
        let miss_ratio = self.miss_ratio_at(steps);
        let (mut low, mut high) = (self.grid.least.max(0).min(steps), steps);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.miss_ratio_at(middle) <= miss_ratio {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        low
    }
}

/// Loads over whole-step splits of the cache.
#[derive(Clone, Debug)]
pub(super) struct Model<'a> {
    pub(super) rows: Vec<Row<'a>>,
    /// What does not depend on the cache.
    pub(super) fixed: Load,
    /// The load of write units, which no split changes.
    pub(super) write: f64,
    /// Whether all loads are of a size at which sums of them are exact to [`ROUNDING`].
    pub(super) is_exact: bool,
}

impl Model<'_> {
    /// The loads of a split.
    pub(super) fn load_of(&self, steps: &[i64]) -> Load {
        let rows = self.rows.iter().zip(steps);
        rows.fold(self.fixed, |sum, (row, &steps)| sum.plus(row.load, row.miss_ratio_at(steps)))
    }

    /// The caches of a split. Steps that make no difference to who gets them stay with those who
    /// would give them, in order.
    pub(super) fn cache_bytes(&self, steps: &[i64]) -> Vec<u64> {
        let mut steps = steps.to_vec();
        let missing = |row: &Row<'_>, steps: i64| (row.grid.most.min(0) - steps).max(0);
        let mut spare: i64 = self.rows.iter().zip(&steps).map(|(row, &at)| missing(row, at)).sum();
        let mut freed = 0;
        for (row, steps) in self.rows.iter().zip(&mut steps).filter(|(_, steps)| **steps > 0) {
            let given_back = (*steps - row.useful_steps(*steps)).min(spare);
            spare -= given_back;
            freed += given_back;
            *steps -= given_back;
        }
        for (row, steps) in self.rows.iter().zip(&mut steps) {
            let returned = missing(row, *steps).min(freed);
            freed -= returned;
            *steps += returned;
        }
        self.rows.iter().zip(steps).map(|(row, steps)| row.grid.bytes_at(steps)).collect()
    }

    /// The greatest load, which is what a split is judged by: everyone can grow to its inverse.
    pub(super) fn worst(&self, load: Load) -> f64 {
        load.read.max(load.net).max(self.write)
    }
}
