//! The demo's bars, and whether they were met.

use super::follow::Followed;
use super::meter::Measured;
use super::scenario::SWAPPED;

/// What both tenants must have at least with the allocator's shares, over their base, before and after
/// the change of roles. The optimum is above 1.5 for both.
pub(super) const GAIN_BAR: f64 = 1.2;
/// Below this part of its base throughput a tenant counts as worse off: the proxy promises 3 %.
pub(super) const BASE_BAR: f64 = 0.97;

/// Gains over base of both tenants.
#[derive(Debug, Clone, Copy)]
pub(super) struct Verdict {
    /// With the shares moved once.
    pub(super) before: [f64; 2],
    /// After the change of roles, with the allocator left to itself.
    pub(super) after: [f64; 2],
    /// Whole seconds below base after the change of roles, while the allocator followed.
    pub(super) seconds_below: [usize; 2],
    /// Seconds until both had reached the bar, if they did.
    pub(super) reached_after_s: Option<usize>,
}

impl Verdict {
    /// From the three measurements.
    pub(super) fn of(fixed: &[Measured; 2], moved: &[Measured; 2], followed: &Followed) -> Self {
        let gains = |index: usize| ratio(moved[index].requests_per_s, fixed[index].requests_per_s);
        let after = |index: usize| {
            ratio(followed.measured[index].requests_per_s, followed.bases_per_s[index])
        };
        Self {
            before: [gains(0), gains(1)],
            after: [after(0), after(1)],
            seconds_below: followed.seconds_below(BASE_BAR),
            reached_after_s: followed.reached(GAIN_BAR),
        }
    }

    /// Whether every bar is met.
    pub(super) fn is_met(&self) -> bool {
        self.before.iter().chain(&self.after).all(|gain| *gain >= GAIN_BAR)
    }

    /// What is to be said, a line each.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (index, tenant) in SWAPPED.iter().enumerate() {
            lines.push(format!(
                "{}: {:.2}x of base in its new role ({:.2}x in its old one), below base for {} s on the way",
                tenant.name, self.after[index], self.before[index], self.seconds_below[index],
            ));
        }
        let least = self.after[0].min(self.after[1]);
        lines.push(if least >= BASE_BAR {
            String::from("Nobody is below base.")
        } else {
            let worst = usize::from(self.after[1] < self.after[0]);
            format!("{} IS BELOW BASE.", SWAPPED[worst].name)
        });
        lines.push(match self.reached_after_s {
            Some(seconds) => format!("Both were at {GAIN_BAR}x {seconds} s after the change."),
            None => format!("They were never both at {GAIN_BAR}x after the change."),
        });
        let met = if self.is_met() { "met" } else { "MISSED" };
        lines.push(format!(
            "Bars: both at {GAIN_BAR}x of base or more, before the change and at the end: {met}."
        ));
        lines
    }
}

/// Throughput over that of the base share; 0 where nothing was served then.
pub(super) fn ratio(now_per_s: f64, base_per_s: f64) -> f64 {
    if base_per_s > 0.0 { now_per_s / base_per_s } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::Verdict;

    #[test]
    fn every_bar_counts_and_the_sentence_is_true() {
        let good = Verdict {
            before: [1.6, 1.5],
            after: [1.4, 1.3],
            seconds_below: [4, 0],
            reached_after_s: Some(12),
        };
        assert!(good.is_met());
        let lines = good.lines();
        assert_eq!(
            lines[0],
            "alpha: 1.40x of base in its new role (1.60x in its old one), below base for 4 s on the way"
        );
        assert_eq!(lines[2], "Nobody is below base.");
        assert_eq!(lines[3], "Both were at 1.2x 12 s after the change.");
        assert!(lines[4].ends_with("met."));
        let slow = Verdict { after: [1.4, 1.1], reached_after_s: None, ..good };
        assert!(!slow.is_met());
        assert_eq!(slow.lines()[2], "Nobody is below base.");
        let harmed = Verdict { after: [1.4, 0.9], ..good };
        assert!(!harmed.is_met());
        assert_eq!(harmed.lines()[2], "beta IS BELOW BASE.");
        assert!(!Verdict { before: [1.0, 1.5], ..good }.is_met());
        assert!(harmed.lines()[4].ends_with("MISSED."));
    }
}
