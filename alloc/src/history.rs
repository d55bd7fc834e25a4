//! The last few windows of a ghost cache: their sum is a smoother curve, their difference its drift.
//!
//! A tenant whose working set has just outgrown its cache is served a fraction of what it was, so in a
//! plain sum the few reads of the new traffic would drown in the many of the old. No window therefore
//! counts for more than the newest ([`older_window_weight`]).

use std::collections::VecDeque;

use crate::confidence::Confidence;
use crate::curve::MissRatioCurve;
use crate::window::CurveWindow;

/// Requests of a window that say enough: it then counts as much as any before it. Fewer would only
/// make the sum noisier.
const ENOUGH_REQUESTS: f64 = 1000.0;

/// The last few windows, and what was last learned from them.
#[derive(Clone, Debug)]
pub struct CurveHistory {
    windows: VecDeque<CurveWindow>,
    keep: usize,
    /// The curve of the last window that had one.
    latest: Option<MissRatioCurve>,
    known: Option<(MissRatioCurve, Confidence)>,
}

impl CurveHistory {
    /// Keeps the last `keep` windows, at least one.
    #[must_use]
    pub fn new(keep: usize) -> Self {
        Self { windows: VecDeque::new(), keep: keep.max(1), latest: None, known: None }
    }

    /// Changes how many windows are kept; what was learned stays until the next one.
    pub fn set_keep(&mut self, keep: usize) {
        self.keep = keep.max(1);
    }

    /// Adds a window. Older windows over other ticks no longer add up and are dropped.
    pub fn push(&mut self, window: CurveWindow) {
        self.windows.retain(|kept| kept.same_ticks(&window));
        while self.windows.len() >= self.keep {
            self.windows.pop_front();
        }
        let latest = window.curve();
        self.windows.push_back(window);
        let drift = match (&latest, &self.latest) {
            (Some(latest), Some(before)) => Some(difference(latest, before)),
            _ => None,
        };
        let age_epochs = if latest.is_some() { 0 } else { self.age_epochs().saturating_add(1) };
        self.latest = latest.or(self.latest.take());
        let drift = drift.unwrap_or_else(|| self.known.as_ref().map_or(0.0, |known| known.1.drift));
        if let Some(estimate) = self.sum().and_then(|sum| sum.estimate()) {
            let (sampled_reads, sampling_error) = (self.sampled_reads(), estimate.sampling_error);
            let confidence = Confidence { sampled_reads, drift, sampling_error, age_epochs };
            self.known = Some((estimate.curve, confidence));
        } else if let Some((_, confidence)) = &mut self.known {
            confidence.age_epochs = age_epochs;
        }
    }

    /// The curve over all kept windows, or the last one known if they hold no reads; `None` before the
    /// first read.
    #[must_use]
    pub fn curve(&self) -> Option<MissRatioCurve> {
        self.known.as_ref().map(|known| known.0.clone())
    }

    /// What the curve rests on.
    #[must_use]
    pub fn confidence(&self) -> Confidence {
        self.known.as_ref().map_or_else(Confidence::default, |known| known.1)
    }

    /// Sampled reads in the kept windows.
    #[must_use]
    pub fn sampled_reads(&self) -> u64 {
        self.windows.iter().map(CurveWindow::sampled_reads).sum()
    }

    fn age_epochs(&self) -> u32 {
        self.confidence().age_epochs
    }

    fn sum(&self) -> Option<CurveWindow> {
        let newest = self.windows.back()?;
        let weighted = |window: &CurveWindow| {
            window.weighted(older_window_weight(newest.total_reads(), window.total_reads()))
        };
        let mut windows = self.windows.iter();
        let mut sum = weighted(windows.next()?);
        windows.for_each(|window| sum.absorb(&weighted(window)));
        Some(sum)
    }
}

/// What a window counts for when it is summed with the newest, which saw `newest` requests: it counts
/// for no more requests than that, or than 1,000 where the newest saw fewer.
#[must_use]
pub fn older_window_weight(newest: f64, older: f64) -> f64 {
    let most = newest.max(ENOUGH_REQUESTS);
    if older > most { most / older } else { 1.0 }
}

/// Mean absolute difference of two curves over the ticks of the first.
fn difference(curve: &MissRatioCurve, other: &MissRatioCurve) -> f64 {
    let differences =
        curve.points().map(|(bytes, ratio)| (ratio - other.miss_ratio_at(bytes)).abs());
    differences.sum::<f64>() / curve.bytes().len() as f64
}

#[cfg(test)]
mod tests {
    use super::{CurveHistory, older_window_weight};
    use crate::{Access, CurveWindow, GhostCache, GhostConfig};

    /// A window of `hits` hits and as many misses as make ten reads.
    fn window(max_bytes: u64, hits: u64) -> CurveWindow {
        let mut ghost = GhostCache::new(GhostConfig { ticks: 1, ..GhostConfig::up_to(max_bytes) });
        ghost.access(0, 10, Access::Write);
        for read in 0..10 {
            ghost.access(if read < hits { 0 } else { read + 1 }, 10, Access::Read);
        }
        ghost.take_window(10)
    }

    fn idle(max_bytes: u64) -> CurveWindow {
        GhostCache::new(GhostConfig { ticks: 1, ..GhostConfig::up_to(max_bytes) }).take_window(0)
    }

    #[test]
    fn history_sums_the_last_windows() {
        let mut history = CurveHistory::new(2);
        assert_eq!(history.curve(), None);
        for hits in [0, 4, 8] {
            history.push(window(1000, hits));
        }
        assert_eq!(history.sampled_reads(), 20);
        assert!((history.curve().unwrap().miss_ratios()[0] - 0.4).abs() < 1e-12);
        assert!((history.confidence().drift - 0.4).abs() < 1e-12);
        history.push(window(2000, 10));
        assert_eq!(history.sampled_reads(), 10);
    }

    #[test]
    fn no_window_counts_for_more_than_the_newest() {
        assert!((older_window_weight(4000.0, 8000.0) - 0.5).abs() < 1e-12);
        assert!((older_window_weight(10.0, 8000.0) - 0.125).abs() < 1e-12);
        assert!((older_window_weight(8000.0, 4000.0) - 1.0).abs() < 1e-12);
        assert!((older_window_weight(0.0, 10.0) - 1.0).abs() < 1e-12);
        // Every read hits, then every fourth and there are a tenth as many.
        let mut history = CurveHistory::new(2);
        for (reads, hit_every) in [(20_000, 1), (2_000, 4)] {
            let mut ghost = GhostCache::new(GhostConfig { ticks: 1, ..GhostConfig::up_to(1000) });
            ghost.access(0, 10, Access::Write);
            for read in 0..reads {
                let access = if read % hit_every == 0 { Access::Read } else { Access::Absent };
                ghost.access(0, 10, access);
                ghost.access(0, 10, Access::Write);
            }
            history.push(ghost.take_window(reads));
        }
        let ratio = history.curve().unwrap().miss_ratios()[0];
        assert!((ratio - 0.375).abs() < 1e-6, "half of 0 and half of 0.75, not {ratio}");
    }

    #[test]
    fn keeping_fewer_windows_forgets_the_oldest() {
        let mut history = CurveHistory::new(3);
        for hits in [0, 4, 8] {
            history.push(window(1000, hits));
        }
        history.set_keep(1);
        assert!((history.curve().unwrap().miss_ratios()[0] - 0.6).abs() < 1e-12);
        history.push(window(1000, 10));
        assert_eq!(history.sampled_reads(), 10);
        assert!(history.curve().unwrap().miss_ratios()[0] < 1e-12);
    }

    #[test]
    fn an_idle_tenant_keeps_its_curve_and_says_how_old_it_is() {
        let mut history = CurveHistory::new(2);
        history.push(idle(1000));
        assert_eq!(history.curve(), None);
        history.push(window(1000, 4));
        let known = history.curve();
        for age in 1..10 {
            history.push(idle(1000));
            assert_eq!(history.curve(), known);
            assert_eq!(history.confidence().age_epochs, age);
        }
        history.push(window(1000, 8));
        assert_eq!(history.confidence().age_epochs, 0);
    }
}
