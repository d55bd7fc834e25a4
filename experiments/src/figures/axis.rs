//! Ranges of values, and round numbers on them.

use super::canvas::bytes;

/// A range of values with the places that are labelled.
#[derive(Debug, Clone)]
pub(super) struct Axis {
    /// What it shows, with unit; empty leaves it out.
    pub(super) name: String,
    pub(super) from: f64,
    pub(super) to: f64,
    pub(super) ticks: Vec<(f64, String)>,
}

impl Axis {
    /// From 0 to a round number above `largest`.
    pub(super) fn from_zero(name: &str, largest: f64, format: fn(f64) -> String) -> Self {
        let largest = if largest > 1e-12 && largest < 1e18 { largest } else { 1.0 };
        let step = round_step(largest);
        // Up to the next label, so that nothing stands above the last one.
        Self::with_step(name, (0.0, (largest * 1.02 / step).ceil() * step), step, format)
    }

    /// From `from` to `to`, round numbers labelled.
    pub(super) fn between(name: &str, from: f64, to: f64, format: fn(f64) -> String) -> Self {
        let to = if to > from { to } else { from + 1.0 };
        let step = round_step(to - from);
        Self::with_step(name, (from, to), step, format)
    }

    /// Bytes from 0 to a round number above `largest`, labelled at powers of two.
    pub(super) fn of_bytes(name: &str, largest: f64) -> Self {
        let largest = if (1.0..1e18).contains(&largest) { largest } else { 1024.0 };
        let mut step = (largest / 4.0).log2().ceil().exp2();
        if largest / step < 2.5 {
            step /= 2.0;
        }
        Self::with_step(name, (0.0, (largest * 0.999 / step).ceil() * step), step, bytes)
    }

    fn with_step(name: &str, (from, to): (f64, f64), step: f64, format: fn(f64) -> String) -> Self {
        let mut ticks = Vec::new();
        let mut at = (from / step).ceil() * step;
        while at <= to + step * 1e-9 && ticks.len() < 20 {
            // Steps such as 0.2 add up to nearly 0.
            let value = if at.abs() < step * 1e-6 { 0.0 } else { at };
            ticks.push((value, format(value)));
            at += step;
        }
        Self { name: name.to_owned(), from, to, ticks }
    }

    /// One place for each label, at 0, 1, 2 and so on.
    pub(super) fn places(name: &str, labels: impl IntoIterator<Item = String>) -> Self {
        let ticks: Vec<(f64, String)> =
            labels.into_iter().enumerate().map(|(place, label)| (place as f64, label)).collect();
        let to = ticks.len().max(1) as f64 - 0.5;
        Self { name: name.to_owned(), from: -0.5, to, ticks }
    }

    /// Seconds of a run, in minutes if there are many.
    pub(super) fn of_time(until_s: f64) -> Self {
        let until_s = if (1e-3..1e9).contains(&until_s) { until_s } else { 1.0 };
        if until_s <= 300.0 {
            return Self::with_step("time in s", (0.0, until_s), round_step(until_s), |s| {
                super::canvas::number(s)
            });
        }
        let steps_min = [1.0, 2.0, 5.0, 10.0, 15.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0];
        let step_min = steps_min.into_iter().find(|step| until_s / 60.0 <= 9.0 * step);
        let step_s = step_min.unwrap_or_else(|| round_step(until_s / 60.0)) * 60.0;
        Self::with_step("time in min", (0.0, until_s), step_s, |s| super::canvas::number(s / 60.0))
    }
}

/// 1, 2, 2.5 or 5 times a power of ten, so that three to six of it fill `span`.
fn round_step(span: f64) -> f64 {
    let rough = span / 6.0;
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0];
    let step = step.into_iter().find(|step| step * power >= rough * (1.0 - 1e-9));
    step.unwrap_or(10.0) * power
}
