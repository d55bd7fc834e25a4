//! A number in two bytes: a thousand tenants' last hour has forty million of them.

/// The smallest number above 0 that is told apart from 0.
const LEAST: f64 = 1e-3;
/// The largest.
const MOST: f64 = 1e15;
/// Steps between the two, on a logarithmic scale: each is 0.063 %.
const STEPS: f64 = 65_534.0;

/// A number from 0 to 10^15, within 0.04 %, or none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Level(u16);

impl Level {
    /// The nearest level.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped before; float casts saturate"
    )]
    pub(super) fn of(number: f64) -> Self {
        if number.is_nan() || number < LEAST {
            return Self(0);
        }
        let part = (number.min(MOST) / LEAST).ln() / (MOST / LEAST).ln();
        Self((part * STEPS).round() as u16 + 1)
    }

    /// The number.
    pub(super) fn value(self) -> f64 {
        if self.0 == 0 {
            return 0.0;
        }
        let part = f64::from(self.0 - 1) / STEPS;
        LEAST * (part * (MOST / LEAST).ln()).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::Level;

    #[test]
    fn numbers_come_back_within_a_two_thousandth() {
        for number in [1e-3, 0.5, 1.0, 99.9, 12_345.6, 256e6, 1e13, 1e15] {
            let back = Level::of(number).value();
            assert!((back / number - 1.0).abs() < 5e-4, "{number} came back as {back}");
        }
        for nothing in [0.0, 1e-9, -5.0, f64::NAN] {
            assert!(Level::of(nothing).value().abs() < 1e-12, "{nothing}");
        }
        assert!((Level::of(f64::INFINITY).value() / 1e15 - 1.0).abs() < 1e-9);
    }
}
