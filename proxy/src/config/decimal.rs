//! Exact decimal numbers, so that a quantity survives being printed and read.
//!
//! `0.1GiB` and `3.125MiB/s` are products of a decimal and a unit; in binary floating point the
//! product is off by a rounding error that a round trip would show. Here it is exact, and rounds
//! once, at the end.

use std::fmt;

/// More digits than any quantity needs; the product with the largest unit still fits.
const DIGITS_MAX: usize = 24;

/// Decimal places beyond which a text is refused rather than cut.
const PLACES_MAX: usize = 30;

/// `mantissa / 10^scale`, never negative and always without trailing zeros after the point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Decimal {
    mantissa: u128,
    scale: u32,
}

impl Decimal {
    /// Reads digits with at most one point; `None` if it is not that or has too many digits.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let fraction = fraction.trim_end_matches('0');
        let digits = format!("{whole}{fraction}");
        let significant = digits.trim_start_matches('0');
        if significant.len() > DIGITS_MAX || fraction.len() > PLACES_MAX {
            return None;
        }
        if !digits.chars().all(|c| c.is_ascii_digit()) {
            return None;
        }
        let mantissa = if significant.is_empty() { 0 } else { significant.parse().ok()? };
        let scale = u32::try_from(fraction.len()).ok()?;
        Some(Self { mantissa, scale })
    }

    /// The shortest decimal that stands for `value`; `None` if it is negative, not finite, or
    /// needs too many digits.
    pub(super) fn from_f64(value: f64) -> Option<Self> {
        if !value.is_finite() || value.is_sign_negative() {
            return None;
        }
        Self::parse(&format!("{value}"))
    }

    /// `self * factor`, or `None` on overflow.
    pub(super) fn times(self, factor: u64) -> Option<Self> {
        let mantissa = self.mantissa.checked_mul(u128::from(factor))?;
        Some(Self { mantissa, scale: self.scale }.normalised())
    }

    /// `self / divisor` if that is exact with at most three more decimals than whole numbers of
    /// a power of ten would need.
    pub(super) fn divided_by(self, divisor: u64) -> Option<Self> {
        let (mut rest, mut tens) = (divisor, 0);
        while rest.is_multiple_of(10) {
            rest /= 10;
            tens += 1;
        }
        let numerator = self.mantissa.checked_mul(1_000)?;
        let exact = numerator.is_multiple_of(u128::from(rest));
        exact.then(|| {
            let mantissa = numerator / u128::from(rest);
            Self { mantissa, scale: self.scale + tens + 3 }.normalised()
        })
    }

    /// The nearest whole number (halves up), or `None` if it does not fit.
    pub(super) fn rounded(self) -> Option<u64> {
        let unit = 10_u128.checked_pow(self.scale)?;
        u64::try_from(self.mantissa.checked_add(unit / 2)? / unit).ok()
    }

    /// The nearest floating-point number.
    pub(super) fn to_f64(self) -> f64 {
        let text = format!("{}e-{}", self.mantissa, self.scale);
        text.parse().unwrap_or(f64::INFINITY)
    }

    pub(super) fn is_whole(self) -> bool {
        self.scale == 0
    }

    pub(super) fn is_below_one(self) -> bool {
        10_u128.checked_pow(self.scale).is_none_or(|one| self.mantissa < one)
    }

    /// How many digits printing it takes.
    pub(super) fn digits(self) -> usize {
        self.to_string().bytes().filter(u8::is_ascii_digit).count()
    }

    fn normalised(mut self) -> Self {
        while self.scale > 0 && self.mantissa.is_multiple_of(10) {
            self.mantissa /= 10;
            self.scale -= 1;
        }
        self
    }
}

impl From<u64> for Decimal {
    fn from(value: u64) -> Self {
        Self { mantissa: u128::from(value), scale: 0 }
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scale = usize::try_from(self.scale).map_err(|_| fmt::Error)?;
        let digits = format!("{:0>width$}", self.mantissa, width = scale + 1);
        let (whole, fraction) = digits.split_at(digits.len() - scale);
        if fraction.is_empty() { f.write_str(whole) } else { write!(f, "{whole}.{fraction}") }
    }
}

#[cfg(test)]
mod tests {
    use super::Decimal;

    #[test]
    fn division_is_exact_or_refused() {
        let bytes = Decimal::from(3_276_800);
        assert_eq!(bytes.divided_by(1 << 20).unwrap().to_string(), "3.125");
        assert!(Decimal::from(1_000_000).divided_by(1 << 20).is_none());
        assert_eq!(Decimal::from(1).divided_by(1_000).unwrap().to_string(), "0.001");
    }

    #[test]
    fn text_is_kept() {
        for text in ["0", "62.5", "0.001", "123456789012345678"] {
            assert_eq!(Decimal::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Decimal::parse("1.500").unwrap().to_string(), "1.5");
        assert!(Decimal::parse("1.2.3").is_none());
    }
}
