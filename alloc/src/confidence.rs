//! How far a sampled curve can be trusted, and the curve that is safe to decide on.
//!
//! Three things make a curve wrong, and each gives a margin; they are independent, so they add up as
//! squares do.
//!
//! - **Few reads.** The ratio is a proportion of the reads seen. Wilson's score bound (Wilson 1927)
//!   stays within 0..=1 and honest for ratios near 0.
//! - **Few keys.** The reads of one key are seen together or not at all, so a sample of keys is worth less
//!   than its number of reads says. The scatter of groups of keys tells by how much ([`crate::window`]).
//! - **Change.** Traffic differs from epoch to epoch by the drift, which is measured.

use serde::{Deserialize, Serialize};

use crate::curve::MissRatioCurve;

/// One-sided 95 % of a normal distribution.
const Z: f64 = 1.645;

/// What a curve rests on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Confidence {
    /// Sampled reads behind the curve.
    pub sampled_reads: u64,
    /// Mean absolute difference between the last epoch's curve and the one before, 0..=1.
    pub drift: f64,
    /// Standard error of the ratios from watching some keys only; 0 if all were watched.
    pub sampling_error: f64,
    /// Epochs without any read since the curve was learned.
    pub age_epochs: u32,
}

impl Confidence {
    /// By how much a miss ratio of `ratio` may be too low.
    #[must_use]
    pub fn margin(&self, ratio: f64) -> f64 {
        let reads = self.sampled_reads.max(1) as f64;
        let z2 = Z * Z;
        let spread = (ratio * (1.0 - ratio) / reads + z2 / (4.0 * reads * reads)).sqrt();
        let upper = (ratio + z2 / (2.0 * reads) + Z * spread) / (1.0 + z2 / reads);
        let margin = (upper - ratio).hypot(Z * self.sampling_error).hypot(self.drift);
        // `max` and `min` pass over a NaN: what cannot be told is no promise at all.
        margin.min(1.0 - ratio).max(0.0)
    }

    /// The curve with every ratio raised by its margin: what is safe to promise on.
    #[must_use]
    pub fn pessimistic(&self, curve: &MissRatioCurve) -> MissRatioCurve {
        let points = curve.points().map(|(bytes, ratio)| (bytes, ratio + self.margin(ratio)));
        MissRatioCurve::from_monotone_points(points)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{ProptestConfig, any, prop, proptest};

    use super::Confidence;
    use crate::curve::MissRatioCurve;

    #[test]
    fn every_doubt_widens_the_margin() {
        let sure = Confidence { sampled_reads: 1_000_000, ..Confidence::default() };
        assert!(sure.margin(0.3) < 0.001);
        assert!(Confidence { sampled_reads: 100, ..sure }.margin(0.3) > 0.05);
        assert!((Confidence { drift: 0.1, ..sure }.margin(0.3) - 0.1).abs() < 0.001);
        assert!((Confidence { sampling_error: 0.1, ..sure }.margin(0.3) - 0.1645).abs() < 0.001);
    }

    #[test]
    fn nothing_known_promises_nothing() {
        let curve = MissRatioCurve::new(vec![10, 20], vec![0.5, 0.0]).unwrap();
        let doubtful = [
            Confidence { drift: f64::NAN, ..Confidence::default() },
            Confidence { sampling_error: f64::INFINITY, ..Confidence::default() },
        ];
        for confidence in doubtful {
            assert_eq!(confidence.pessimistic(&curve).miss_ratios(), [1.0, 1.0]);
        }
        let blind = Confidence::default().pessimistic(&curve);
        assert!(blind.miss_ratios()[1] > 0.7, "one read at most: {blind:?}");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_pessimistic_curve_is_a_curve_and_never_below(
            steps in prop::collection::vec(0.0_f64..1.0, 1..100),
            sampled_reads in any::<u64>(),
            drift in any::<f64>(),
            sampling_error in any::<f64>(),
        ) {
            let ratios = steps.iter().scan(1.0, |ratio, step| {
                *ratio *= step;
                Some(*ratio)
            });
            let bytes = (1..=steps.len() as u64).collect();
            let curve = MissRatioCurve::new(bytes, ratios.collect()).unwrap();
            let confidence = Confidence { sampled_reads, drift, sampling_error, age_epochs: 0 };
            let pessimistic = confidence.pessimistic(&curve);
            assert!(MissRatioCurve::new(
                pessimistic.bytes().to_vec(),
                pessimistic.miss_ratios().to_vec(),
            ).is_ok());
            for (low, high) in curve.miss_ratios().iter().zip(pessimistic.miss_ratios()) {
                assert!(high >= low, "{high} is below {low}");
            }
        }
    }
}
