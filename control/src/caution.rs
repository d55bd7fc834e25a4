//! How much of a curve is believed: what is little known is neither taken from lightly nor given much.
//!
//! Raising every point of a curve by its margin does not do that. It makes a cache look worth less, so that taking it away
//! looks cheaper the less is known: from 0.5 to 0.6 is a fifth more misses, from 0.7 to 0.8 only a seventh. What a decision
//! turns on is the difference between a cache size and the base cache, which is itself a proportion of the sampled reads and
//! has a margin of its own: a loss is feared with its margin added, a gain believed with its margin taken off. Both are
//! scaled as a whole, so that the curve keeps its shape, its cliffs and its convexity. On top of that all points are raised
//! by the margin at the base cache and by what no sample tells: against gains that rest on hardly any misses at all, which
//! would leave a tenant with next to no read units the day that its working set grows.

use hare::{Confidence, MissRatioCurve};

/// How far Redis is from the LRU that curves assume, as a miss ratio: it evicts the oldest of a few, fills by misses, and
/// rounds its memory.
pub const MODEL_ERROR: f64 = 0.01;

/// How a curve is made safe to decide on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Caution {
    /// By what it rests on.
    Confidence,
    /// By this much at every point, as in the paper.
    Salt(f64),
}

/// A curve that is safe to decide on, and how much was put on and taken off.
#[derive(Debug, Clone, PartialEq)]
pub struct CautiousCurve {
    /// The curve.
    pub curve: MissRatioCurve,
    /// Added to the miss ratio at the base cache.
    pub margin: f64,
    /// Part of the fall of misses above the base cache that is believed, 0..=1.
    pub believed_gain: f64,
    /// By what the rise of misses below the base cache is multiplied, at least 1.
    pub feared_loss: f64,
}

impl Caution {
    /// The curve to decide on for a tenant whose base cache is `base_bytes`.
    pub fn over(
        self,
        curve: &MissRatioCurve,
        confidence: &Confidence,
        base_bytes: u64,
    ) -> CautiousCurve {
        match self {
            Self::Salt(salt) => CautiousCurve {
                curve: curve.salted(salt),
                margin: salt,
                believed_gain: 1.0,
                feared_loss: 1.0,
            },
            Self::Confidence => pivoted(curve, confidence, base_bytes),
        }
    }
}

fn pivoted(curve: &MissRatioCurve, confidence: &Confidence, base_bytes: u64) -> CautiousCurve {
    let at_base = curve.miss_ratio_at(base_bytes);
    let margin = confidence.margin(at_base).hypot(MODEL_ERROR);
    let lowest = curve.miss_ratios().last().copied().unwrap_or(1.0);
    let largest_gain = at_base - lowest;
    let largest_loss = 1.0 - at_base;
    let believed_gain = (1.0 - relative_margin(confidence, largest_gain)).max(0.0);
    let feared_loss = 1.0 + relative_margin(confidence, largest_loss);
    let level = (at_base + margin).min(1.0);
    let cautious = |ratio: f64| {
        let difference = ratio - at_base;
        let scale = if difference > 0.0 { feared_loss } else { believed_gain };
        (level + difference * scale).clamp(0.0, 1.0)
    };
    // The pivot is a tick of its own, or the kink would lie somewhere between two others.
    let mut points: Vec<(u64, f64)> = curve.points().collect();
    let place = points.partition_point(|&(bytes, _)| bytes < base_bytes);
    if base_bytes > 0 && points.get(place).is_some_and(|&(bytes, _)| bytes != base_bytes) {
        points.insert(place, (base_bytes, at_base));
    }
    let (bytes, ratios) = points.into_iter().map(|(bytes, r)| (bytes, cautious(r))).unzip();
    let curve = MissRatioCurve::new(bytes, ratios).unwrap_or_else(|_| curve.clone());
    CautiousCurve { curve, margin: level - at_base, believed_gain, feared_loss }
}

/// The margin of a difference of miss ratios, as a part of it.
fn relative_margin(confidence: &Confidence, difference: f64) -> f64 {
    if difference <= 0.0 { 0.0 } else { confidence.margin(difference) / difference }
}

#[cfg(test)]
mod tests {
    use hare::{Confidence, MissRatioCurve};

    use super::{Caution, MODEL_ERROR};

    fn curve() -> MissRatioCurve {
        MissRatioCurve::new(vec![100, 200, 300, 400], vec![0.8, 0.6, 0.3, 0.2]).unwrap()
    }

    fn gain_of(curve: &MissRatioCurve, from: u64, to: u64) -> f64 {
        curve.miss_ratio_at(from) / curve.miss_ratio_at(to)
    }

    #[test]
    fn the_less_is_known_the_dearer_a_loss_and_the_smaller_a_gain() {
        let mut last = (0.0, f64::INFINITY);
        for sampled_reads in [1_000_000, 10_000, 1_000, 100, 10] {
            let confidence = Confidence { sampled_reads, ..Confidence::default() };
            let cautious = Caution::Confidence.over(&curve(), &confidence, 200);
            let loss = 1.0 - gain_of(&cautious.curve, 200, 100);
            let gain = gain_of(&cautious.curve, 200, 400);
            assert!(gain <= last.1, "{sampled_reads}: gain {gain}");
            assert!(cautious.feared_loss >= 1.0 && cautious.believed_gain <= 1.0);
            assert!(cautious.feared_loss >= last.0, "{sampled_reads}: loss {loss}");
            last = (cautious.feared_loss, gain);
        }
        assert!(last.1 < 1.5, "ten reads are no ground for a gift: {}", last.1);
    }

    #[test]
    fn what_is_well_known_is_believed() {
        let confidence = Confidence { sampled_reads: 100_000_000, ..Confidence::default() };
        let cautious = Caution::Confidence.over(&curve(), &confidence, 250);
        for bytes in [100, 250, 333, 400, 1000] {
            let measured = (curve().miss_ratio_at(bytes) + MODEL_ERROR).min(1.0);
            let believed = cautious.curve.miss_ratio_at(bytes);
            assert!((believed - measured).abs() < 1e-3, "{bytes}: {believed} and {measured}");
        }
    }

    #[test]
    fn drift_counts_as_ignorance() {
        let steady = Confidence { sampled_reads: 1_000_000, ..Confidence::default() };
        let drifting = Confidence { drift: 0.2, ..steady };
        let gain = |confidence| {
            gain_of(&Caution::Confidence.over(&curve(), &confidence, 200).curve, 200, 400)
        };
        assert!(gain(drifting) < 0.7 * gain(steady), "{} {}", gain(drifting), gain(steady));
    }

    #[test]
    fn salt_is_as_in_the_paper() {
        let cautious = Caution::Salt(0.01).over(&curve(), &Confidence::default(), 200);
        assert_eq!(cautious.curve, curve().salted(0.01));
    }
}
