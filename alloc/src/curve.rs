//! The miss-ratio curve: the share of reads that miss, as a function of cache size.
//!
//! Every policy prices cache through it. It is linear between ticks, 1 at zero bytes, and flat
//! beyond its last tick. LRU's inclusion property makes it non-increasing, and the type keeps it so.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::units::whole_number;

/// A rise this small between ticks is rounding and is flattened instead of refused.
const ROUNDING: f64 = 1e-9;

/// Miss ratio over cache bytes: at least one tick, bytes strictly increasing and above zero,
/// ratios within 0..=1 and non-increasing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Ticks", into = "Ticks")]
pub struct MissRatioCurve {
    bytes: Vec<u64>,
    miss_ratio: Vec<f64>,
}

/// Why a list of ticks is not a miss-ratio curve.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum CurveError {
    /// No tick at all.
    #[error("the curve has no ticks; give at least one (bytes, miss_ratio) pair")]
    Empty,
    /// The two lists differ in length.
    #[error("bytes has {bytes} entries and miss_ratio {ratios}; give one ratio per size")]
    Lengths {
        /// Entries in `bytes`.
        bytes: usize,
        /// Entries in `miss_ratio`.
        ratios: usize,
    },
    /// A tick at size zero.
    #[error("bytes[0] is 0; drop it, the miss ratio without cache is 1 by definition")]
    ZeroBytes,
    /// Sizes out of order.
    #[error("bytes[{index}] = {bytes} does not exceed the one before; sort, drop duplicates")]
    Unsorted {
        /// Position of the offending size.
        index: usize,
        /// The offending size.
        bytes: u64,
    },
    /// A ratio outside 0..=1, or not a number.
    #[error("miss_ratio[{index}] = {ratio} is outside 0..=1")]
    OutOfRange {
        /// Position of the offending ratio.
        index: usize,
        /// The offending ratio.
        ratio: f64,
    },
    /// More cache, more misses.
    #[error("miss_ratio[{index}] = {ratio} is above the one before; LRU curves never rise")]
    Rising {
        /// Position of the offending ratio.
        index: usize,
        /// The offending ratio.
        ratio: f64,
    },
}

impl MissRatioCurve {
    /// Checks and builds a curve.
    ///
    /// # Errors
    /// Names the first tick that breaks the type's rules.
    pub fn new(bytes: Vec<u64>, mut miss_ratio: Vec<f64>) -> Result<Self, CurveError> {
        if bytes.len() != miss_ratio.len() {
            return Err(CurveError::Lengths { bytes: bytes.len(), ratios: miss_ratio.len() });
        }
        match bytes.first() {
            None => return Err(CurveError::Empty),
            Some(0) => return Err(CurveError::ZeroBytes),
            Some(_) => {}
        }
        if let Some(i) = bytes.windows(2).position(|pair| pair[1] <= pair[0]) {
            return Err(CurveError::Unsorted { index: i + 1, bytes: bytes[i + 1] });
        }
        let mut previous = 1.0;
        for (index, ratio) in miss_ratio.iter_mut().enumerate() {
            if !(0.0..=1.0).contains(ratio) {
                return Err(CurveError::OutOfRange { index, ratio: *ratio });
            }
            if *ratio > previous + ROUNDING {
                return Err(CurveError::Rising { index, ratio: *ratio });
            }
            *ratio = ratio.min(previous);
            previous = *ratio;
        }
        Ok(Self { bytes, miss_ratio })
    }

    /// The curve of a tenant about which nothing is known: everything misses at every size.
    #[must_use]
    pub fn always_miss() -> Self {
        Self { bytes: vec![1], miss_ratio: vec![1.0] }
    }

    /// Builds from points already in order, dropping those whose bytes do not increase and holding
    /// ratios non-increasing within 0..=1.
    pub(crate) fn from_monotone_points(points: impl IntoIterator<Item = (u64, f64)>) -> Self {
        let mut curve = Self { bytes: Vec::new(), miss_ratio: Vec::new() };
        let mut last = (0, 1.0_f64);
        for (bytes, ratio) in points {
            if bytes > last.0 {
                last = (bytes, ratio.clamp(0.0, 1.0).min(last.1));
                curve.bytes.push(last.0);
                curve.miss_ratio.push(last.1);
            }
        }
        if curve.bytes.is_empty() { Self::always_miss() } else { curve }
    }

    /// The miss ratio with `cache_bytes` of cache.
    ///
    /// ```
    /// use hare::MissRatioCurve;
    /// let curve = MissRatioCurve::new(vec![100, 200], vec![0.5, 0.3])?;
    /// assert_eq!(curve.miss_ratio_at(0), 1.0);
    /// assert_eq!(curve.miss_ratio_at(50), 0.75);
    /// assert_eq!(curve.miss_ratio_at(1000), 0.3);
    /// # Ok::<(), hare::CurveError>(())
    /// ```
    #[must_use]
    pub fn miss_ratio_at(&self, cache_bytes: u64) -> f64 {
        let right = self.bytes.partition_point(|&tick| tick < cache_bytes);
        let (Some(&right_bytes), Some(&right_ratio)) =
            (self.bytes.get(right), self.miss_ratio.get(right))
        else {
            return self.miss_ratio.last().copied().unwrap_or(1.0);
        };
        let (left_bytes, left_ratio) = match right.checked_sub(1) {
            Some(left) => (self.bytes[left], self.miss_ratio[left]),
            None => (0, 1.0),
        };
        if cache_bytes == right_bytes {
            return right_ratio;
        }
        let along = (cache_bytes - left_bytes) as f64 / (right_bytes - left_bytes) as f64;
        left_ratio + (right_ratio - left_ratio) * along
    }

    /// The curve made `salt` worse at every tick (at most 1), against over-optimism.
    #[must_use]
    pub fn salted(&self, salt: f64) -> Self {
        let salted = self.points().map(|(bytes, ratio)| (bytes, ratio + salt));
        Self::from_monotone_points(salted)
    }

    /// The curve of a cache that holds no more than `bytes` whatever its size: flat from there on.
    #[must_use]
    pub fn flat_from(&self, bytes: u64) -> Self {
        let before = self.points().take_while(|&(tick, _)| tick < bytes);
        Self::from_monotone_points(before.chain([(bytes, self.miss_ratio_at(bytes))]))
    }

    /// The curve with every ratio put up or down by `by`, but to 1 at most and not down from `least` or further than there.
    #[must_use]
    pub fn shifted(&self, by: f64, least: f64) -> Self {
        let shifted =
            self.points().map(|(bytes, ratio)| (bytes, (ratio + by).max(ratio.min(least))));
        Self::from_monotone_points(shifted)
    }

    /// The least size from which on the miss ratio is at most `miss_ratio`; `None` if it never is.
    #[must_use]
    pub fn bytes_for(&self, miss_ratio: f64) -> Option<u64> {
        let right = self.miss_ratio.partition_point(|&ratio| ratio > miss_ratio);
        let (&right_bytes, &right_ratio) = (self.bytes.get(right)?, self.miss_ratio.get(right)?);
        let (left_bytes, left_ratio) = match right.checked_sub(1) {
            Some(left) => (self.bytes[left], self.miss_ratio[left]),
            None => (0, 1.0),
        };
        if left_ratio <= miss_ratio {
            return Some(left_bytes);
        }
        let along = (left_ratio - miss_ratio) / (left_ratio - right_ratio);
        let bytes = whole_number((right_bytes - left_bytes) as f64 * along);
        Some(left_bytes.saturating_add(bytes).min(right_bytes))
    }

    /// The ticks as `(bytes, miss ratio)`, in order.
    pub fn points(&self) -> impl ExactSizeIterator<Item = (u64, f64)> + '_ {
        self.bytes.iter().copied().zip(self.miss_ratio.iter().copied())
    }

    /// Tick positions in bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u64] {
        &self.bytes
    }

    /// Miss ratios at [`Self::bytes`].
    #[must_use]
    pub fn miss_ratios(&self) -> &[f64] {
        &self.miss_ratio
    }
}

/// A curve as it appears in JSON, not yet checked.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Ticks {
    /// Cache sizes.
    pub bytes: Vec<u64>,
    /// Miss ratio at each size.
    pub miss_ratio: Vec<f64>,
}

impl TryFrom<Ticks> for MissRatioCurve {
    type Error = CurveError;
    fn try_from(ticks: Ticks) -> Result<Self, CurveError> {
        Self::new(ticks.bytes, ticks.miss_ratio)
    }
}

impl From<MissRatioCurve> for Ticks {
    fn from(curve: MissRatioCurve) -> Self {
        Self { bytes: curve.bytes, miss_ratio: curve.miss_ratio }
    }
}

#[cfg(test)]
mod tests {
    use super::{CurveError, MissRatioCurve};

    #[test]
    fn refuses_what_is_not_a_curve() {
        let refused = |bytes: &[u64], ratios: &[f64]| {
            MissRatioCurve::new(bytes.to_vec(), ratios.to_vec()).unwrap_err()
        };
        assert_eq!(refused(&[], &[]), CurveError::Empty);
        assert_eq!(refused(&[0], &[1.0]), CurveError::ZeroBytes);
        assert_eq!(refused(&[1, 2], &[1.0]), CurveError::Lengths { bytes: 2, ratios: 1 });
        assert_eq!(refused(&[2, 2], &[1.0, 0.5]), CurveError::Unsorted { index: 1, bytes: 2 });
        assert_eq!(refused(&[1], &[1.5]), CurveError::OutOfRange { index: 0, ratio: 1.5 });
        assert_eq!(refused(&[1, 2], &[0.4, 0.5]), CurveError::Rising { index: 1, ratio: 0.5 });
        assert!(matches!(refused(&[1], &[f64::NAN]), CurveError::OutOfRange { .. }));
    }

    #[test]
    fn a_cache_that_holds_no_more_misses_no_less() {
        let curve = MissRatioCurve::new(vec![10, 20, 30], vec![0.8, 0.4, 0.2]).unwrap();
        let flat = curve.flat_from(15);
        for (bytes, ratio) in [(5, 0.9), (10, 0.8), (15, 0.6), (20, 0.6), (99, 0.6)] {
            assert!((flat.miss_ratio_at(bytes) - ratio).abs() < 1e-12, "{bytes}: {flat:?}");
        }
        assert_eq!(curve.flat_from(0), MissRatioCurve::always_miss());
    }

    #[test]
    fn the_size_for_a_miss_ratio_is_the_least() {
        let curve = MissRatioCurve::new(vec![10, 20, 30], vec![0.8, 0.4, 0.4]).unwrap();
        assert_eq!(
            [0.9, 0.6, 0.4].map(|ratio| curve.bytes_for(ratio)),
            [Some(5), Some(15), Some(20)]
        );
        assert_eq!((curve.bytes_for(1.0), curve.bytes_for(0.3)), (Some(0), None));
    }

    #[test]
    fn a_shift_leaves_the_least_and_stays_a_ratio() {
        let curve = MissRatioCurve::new(vec![10, 20], vec![0.9, 0.1]).unwrap();
        let near = |curve: MissRatioCurve, expected: [f64; 2]| {
            let ratios = curve.miss_ratios().iter().zip(expected);
            assert!(ratios.clone().all(|(got, want)| (got - want).abs() < 1e-12), "{curve:?}");
        };
        near(curve.shifted(0.2, 0.02), [1.0, 0.3]);
        near(curve.shifted(-0.2, 0.02), [0.7, 0.02]);
    }

    #[test]
    fn salt_is_clamped() {
        let curve = MissRatioCurve::new(vec![10, 20], vec![0.995, 0.5]).unwrap().salted(0.01);
        assert_eq!(curve.bytes(), [10, 20]);
        assert!((curve.miss_ratios()[0] - 1.0).abs() < 1e-12);
        assert!((curve.miss_ratios()[1] - 0.51).abs() < 1e-12);
    }

    #[test]
    fn json_is_checked() {
        let curve: MissRatioCurve =
            serde_json::from_str(r#"{"bytes":[1,2],"miss_ratio":[0.5,0.25]}"#).unwrap();
        assert_eq!(
            serde_json::to_string(&curve).unwrap(),
            r#"{"bytes":[1,2],"miss_ratio":[0.5,0.25]}"#
        );
        let error = serde_json::from_str::<MissRatioCurve>(r#"{"bytes":[],"miss_ratio":[]}"#);
        assert!(error.unwrap_err().to_string().contains("no ticks"));
    }
}
