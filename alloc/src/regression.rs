//! Correcting an estimate by what is known better than the sample tells (regression estimation: Cochran,
//! Sampling Techniques, 1977, chapter 7).
//!
//! The keys fall into groups by their hash, each a small sample of its own. How an effect varies with a
//! known quantity from group to group is the slope by which the whole estimate is corrected.

use std::ops::RangeInclusive;

/// A variable of which earlier ones explain all but this part of the variance tells nothing new.
const NEW_PART: f64 = 0.02;

/// Known quantities, to correct effects by.
#[derive(Clone, Debug, Default)]
pub(crate) struct Regression {
    variables: Vec<Variable>,
}

/// A known quantity, without what earlier ones explain of it.
#[derive(Clone, Debug)]
struct Variable {
    /// Of each group, about the mean.
    groups: Vec<f64>,
    square: f64,
    /// The true total less that of the sample.
    missing: f64,
    /// Standard error of the true total.
    error: f64,
    slopes: RangeInclusive<f64>,
}

/// What an effect is to be corrected by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Correction {
    /// To be added to the sum of the effects.
    pub(crate) sum: f64,
    /// Variance of the corrected sum from choosing the sample.
    pub(crate) variance: f64,
    /// Variance from not quite knowing the true totals.
    pub(crate) total_variance: f64,
}

impl Regression {
    /// Adds a quantity with its value in each group, its true total and the standard error of that.
    /// `slopes` are those that make sense.
    pub(crate) fn with(
        mut self,
        groups: &[f64],
        total: f64,
        error: f64,
        slopes: RangeInclusive<f64>,
    ) -> Self {
        let mut missing = total - groups.iter().sum::<f64>();
        let mut groups = about_mean(groups);
        let whole = dot(&groups, &groups);
        for earlier in &self.variables {
            let slope = if earlier.square > 0.0 {
                dot(&groups, &earlier.groups) / earlier.square
            } else {
                0.0
            };
            subtract(&mut groups, slope, &earlier.groups);
            missing -= slope * earlier.missing;
        }
        let square = dot(&groups, &groups);
        if self.variables.is_empty() || square > NEW_PART * whole {
            self.variables.push(Variable { groups, square, missing, error, slopes });
        }
        self
    }

    /// The correction of an effect that each group has.
    pub(crate) fn correct(&self, effects: &[f64]) -> Correction {
        let mut rest = about_mean(effects);
        let (mut sum, mut total_variance) = (0.0, 0.0);
        for variable in &self.variables {
            let (low, high) = (*variable.slopes.start(), *variable.slopes.end());
            let slope = if variable.square > 0.0 {
                (dot(&rest, &variable.groups) / variable.square).clamp(low, high)
            } else {
                high
            };
            subtract(&mut rest, slope, &variable.groups);
            sum += slope * variable.missing;
            total_variance += (slope * variable.error).powi(2);
        }
        let freedom = effects.len() as f64 - 1.0 - self.variables.len() as f64;
        let variance = dot(&rest, &rest) * effects.len() as f64 / freedom;
        Correction { sum, variance, total_variance }
    }
}

fn about_mean(values: &[f64]) -> Vec<f64> {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    values.iter().map(|value| value - mean).collect()
}

fn dot(values: &[f64], others: &[f64]) -> f64 {
    values.iter().zip(others).map(|(x, y)| x * y).sum()
}

fn subtract(values: &mut [f64], slope: f64, others: &[f64]) {
    values.iter_mut().zip(others).for_each(|(value, other)| *value -= slope * other);
}

#[cfg(test)]
mod tests {
    use super::Regression;

    const ANY: std::ops::RangeInclusive<f64> = f64::MIN..=f64::MAX;

    #[test]
    fn an_effect_that_depends_on_both_quantities_is_corrected_in_full() {
        let (reads, keys) = ([1.0, 4.0, 2.0, 8.0, 5.0], [3.0, 1.0, 4.0, 1.0, 5.0]);
        let effects: Vec<f64> = reads.iter().zip(&keys).map(|(x, y)| 0.5 * x - 2.0 * y).collect();
        let regression = Regression::default().with(&reads, 30.0, 0.0, ANY);
        let correction = regression.with(&keys, 10.0, 3.0, ANY).correct(&effects);
        // Ten reads too few were seen and four keys too many.
        assert!((correction.sum - (0.5 * 10.0 + 2.0 * 4.0)).abs() < 1e-9, "{correction:?}");
        assert!(correction.variance < 1e-9);
        assert!((correction.total_variance - 36.0).abs() < 1e-9);
    }

    #[test]
    fn a_quantity_that_tells_nothing_new_changes_nothing() {
        let reads = [1.0, 4.0, 2.0, 8.0, 5.0];
        let one = Regression::default().with(&reads, 30.0, 0.0, 0.0..=1.0);
        let two = one.clone().with(&reads.map(|reads| 3.0 * reads), 100.0, 5.0, ANY);
        let effects = [1.0, 0.0, 2.0, 3.0, 1.0];
        assert_eq!(one.correct(&effects), two.correct(&effects));
    }
}
