//! Amounts and rates in sub-units, so that half units and fractional rates stay whole numbers.
//!
//! A sub-unit is 1/64 of a capacity unit or of a byte: halves are exact, a rate is off by at most
//! 1/128 per second, and a counter of sub-units lasts a year at 10 GB/s.

use std::fmt;

const PER_UNIT: u64 = 64;

/// The largest amount or rate: 2^40 units (1.1 TB or TB/s). Sums of these stay far from overflow.
const MAX_SUB_UNITS: u64 = 1 << 46;

/// What one request costs, in capacity units or bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Amount(u64);

/// How fast a resource may be used, in capacity units or bytes per second. Zero blocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rate(u64);

impl Amount {
    /// Nothing; charging it always succeeds.
    pub const ZERO: Self = Self(0);

    /// Whole capacity units.
    #[must_use]
    pub const fn units(units: u64) -> Self {
        Self::capped(units.saturating_mul(PER_UNIT))
    }

    /// Halves of a capacity unit, as an eventually consistent read costs.
    #[must_use]
    pub const fn half_units(halves: u64) -> Self {
        Self::capped(halves.saturating_mul(PER_UNIT / 2))
    }

    /// Bytes on the network.
    #[must_use]
    pub const fn bytes(bytes: u64) -> Self {
        Self::capped(bytes.saturating_mul(PER_UNIT))
    }

    /// Units as DynamoDB reports consumed capacity; NaN and negatives become zero.
    #[must_use]
    pub fn from_f64(units: f64) -> Self {
        Self(sub_units(units))
    }

    /// Units or bytes, exact up to 2^40.
    #[must_use]
    pub fn as_f64(self) -> f64 {
        self.0 as f64 / PER_UNIT as f64
    }

    const fn capped(sub_units: u64) -> Self {
        Self(if sub_units < MAX_SUB_UNITS { sub_units } else { MAX_SUB_UNITS })
    }

    /// So many 64ths of a unit or byte.
    #[must_use]
    pub const fn from_sub_units(sub_units: u64) -> Self {
        Self(sub_units)
    }

    /// In 64ths of a unit or byte.
    #[must_use]
    pub const fn sub_units(self) -> u64 {
        self.0
    }

    /// In 64ths of a unit or byte, to be counted up and down.
    #[must_use]
    pub fn signed(self) -> i64 {
        self.0.cast_signed()
    }
}

impl Rate {
    /// Blocks every charge until it is raised.
    pub const ZERO: Self = Self(0);

    /// Units or bytes per second; NaN and negatives become zero.
    #[must_use]
    pub fn per_second(per_s: f64) -> Self {
        Self(sub_units(per_s))
    }

    /// Units or bytes per second.
    #[must_use]
    pub fn as_f64(self) -> f64 {
        self.0 as f64 / PER_UNIT as f64
    }

    /// In 64ths of a unit or byte per second.
    #[must_use]
    pub const fn sub_units_per_s(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_short(f, self.as_f64())
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_short(f, self.as_f64())
    }
}

/// At most two decimals, and none that are zero.
fn write_short(f: &mut fmt::Formatter<'_>, value: f64) -> fmt::Result {
    write!(f, "{}", (value * 100.0).round() / 100.0)
}

fn sub_units(units: f64) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "float casts saturate: NaN and negatives give 0, the rest is capped below"
    )]
    let sub_units = (units * PER_UNIT as f64).round() as u64;
    sub_units.min(MAX_SUB_UNITS)
}

#[cfg(test)]
mod tests {
    use super::{Amount, MAX_SUB_UNITS, Rate};

    #[test]
    fn halves_and_fractional_rates_are_exact() {
        assert_eq!(Amount::half_units(2), Amount::units(1));
        assert_eq!(Amount::from_f64(0.5), Amount::half_units(1));
        assert_eq!(Rate::per_second(62.5).sub_units_per_s(), 4000);
    }

    #[test]
    fn nonsense_becomes_zero_and_huge_is_capped() {
        assert_eq!(Amount::from_f64(f64::NAN), Amount::ZERO);
        assert_eq!(Rate::per_second(-1.0), Rate::ZERO);
        assert_eq!(Amount::bytes(u64::MAX).sub_units(), MAX_SUB_UNITS);
        assert_eq!(Rate::per_second(f64::INFINITY).sub_units_per_s(), MAX_SUB_UNITS);
    }

    #[test]
    fn prints_without_needless_decimals() {
        assert_eq!(Amount::units(3).to_string(), "3");
        assert_eq!(Rate::per_second(62.5).to_string(), "62.5");
        assert_eq!(Rate::per_second(833.333).to_string(), "833.33");
    }
}
