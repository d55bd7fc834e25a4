//! Histogram windows and their sum: from counts of stack distances to a miss-ratio curve.
//!
//! Sampling by key gets the number of reads wrong when a few hot keys carry most of them. The
//! correction of SHARDS-adj (Waldspurger et al., FAST '15) credits the difference between expected
//! and actual sampled reads to the smallest distance, where hot keys live.

use std::collections::VecDeque;

use crate::curve::MissRatioCurve;

/// One epoch of a ghost cache.
#[derive(Clone, Debug, PartialEq)]
pub struct CurveWindow {
    tick_bytes: u64,
    hits: Vec<u64>,
    sampled_reads: u64,
    expected_reads: f64,
}

impl CurveWindow {
    /// Reads by first tick at which they hit (`hits[i]` at `(i + 1) * tick_bytes`), reads sampled,
    /// and reads that sampling should have seen.
    #[must_use]
    pub fn new(tick_bytes: u64, hits: Vec<u64>, sampled_reads: u64, expected_reads: f64) -> Self {
        Self { tick_bytes, hits, sampled_reads, expected_reads }
    }

    /// Reads the window was built from.
    #[must_use]
    pub fn sampled_reads(&self) -> u64 {
        self.sampled_reads
    }

    /// The curve of this window alone; `None` if it saw no reads.
    #[must_use]
    pub fn curve(&self) -> Option<MissRatioCurve> {
        if self.sampled_reads == 0 || self.expected_reads <= 0.0 {
            return None;
        }
        // Signed: sampling may have seen too many reads. The running sum is what must stay sane.
        let mut hits = self.expected_reads - self.sampled_reads as f64;
        let points = self.hits.iter().zip(1..).map(|(&tick_hits, tick)| {
            hits += tick_hits as f64;
            let miss_ratio = 1.0 - hits.max(0.0) / self.expected_reads;
            (self.tick_bytes.saturating_mul(tick), miss_ratio)
        });
        Some(MissRatioCurve::from_monotone_points(points))
    }

    fn absorb(&mut self, other: &Self) {
        for (hits, more) in self.hits.iter_mut().zip(&other.hits) {
            *hits += more;
        }
        self.sampled_reads += other.sampled_reads;
        self.expected_reads += other.expected_reads;
    }

    fn same_ticks(&self, other: &Self) -> bool {
        self.tick_bytes == other.tick_bytes && self.hits.len() == other.hits.len()
    }
}

/// The last few windows; their sum is a smoother curve.
#[derive(Clone, Debug)]
pub struct CurveHistory {
    windows: VecDeque<CurveWindow>,
    keep: usize,
}

impl CurveHistory {
    /// Keeps the last `keep` windows, at least one.
    #[must_use]
    pub fn new(keep: usize) -> Self {
        Self { windows: VecDeque::new(), keep: keep.max(1) }
    }

    /// Adds a window. Older windows over other ticks no longer add up and are dropped.
    pub fn push(&mut self, window: CurveWindow) {
        self.windows.retain(|kept| kept.same_ticks(&window));
        while self.windows.len() >= self.keep {
            self.windows.pop_front();
        }
        self.windows.push_back(window);
    }

    /// The curve over all kept windows; `None` while there were no reads.
    #[must_use]
    pub fn curve(&self) -> Option<MissRatioCurve> {
        let mut windows = self.windows.iter();
        let mut sum = windows.next()?.clone();
        windows.for_each(|window| sum.absorb(window));
        sum.curve()
    }

    /// Sampled reads the curve rests on.
    #[must_use]
    pub fn sampled_reads(&self) -> u64 {
        self.windows.iter().map(CurveWindow::sampled_reads).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::{CurveHistory, CurveWindow};

    #[test]
    fn credits_unseen_reads_to_the_smallest_distance() {
        // 100 reads expected, 60 seen: the 40 others were a hot key's.
        let curve = CurveWindow::new(10, vec![20, 20], 60, 100.0).curve().unwrap();
        assert_eq!(curve.bytes(), [10, 20]);
        assert!((curve.miss_ratios()[0] - 0.4).abs() < 1e-12);
        assert!((curve.miss_ratios()[1] - 0.2).abs() < 1e-12);
    }

    #[test]
    fn too_many_sampled_reads_never_turn_negative() {
        let curve = CurveWindow::new(10, vec![20, 20], 120, 50.0).curve().unwrap();
        assert_eq!(curve.miss_ratios(), [1.0, 1.0]);
    }

    #[test]
    fn nothing_seen_is_no_curve() {
        assert_eq!(CurveWindow::new(10, vec![0], 0, 5.0).curve(), None);
        assert_eq!(CurveWindow::new(10, vec![1], 1, 0.0).curve(), None);
        assert_eq!(CurveHistory::new(3).curve(), None);
    }

    #[test]
    fn history_sums_the_last_windows() {
        let mut history = CurveHistory::new(2);
        for hits in [0, 4, 8] {
            history.push(CurveWindow::new(10, vec![hits], 10, 10.0));
        }
        assert_eq!(history.sampled_reads(), 20);
        assert!((history.curve().unwrap().miss_ratios()[0] - 0.4).abs() < 1e-12);
        history.push(CurveWindow::new(20, vec![10], 10, 10.0));
        assert_eq!(history.sampled_reads(), 10);
    }
}
