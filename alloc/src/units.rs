//! Capacity units, counted as DynamoDB counts them.
//!
//! The limiter, the demand estimate and the storage backends must agree on what a request
//! costs, so the rules live here once. Read units come in halves (an eventually consistent
//! read costs half), so they are held as whole halves and never lose a fraction.

use std::iter::Sum;
use std::ops::{Add, AddAssign};

use serde::{Deserialize, Serialize};

/// Bytes one read unit covers.
pub const READ_UNIT_BYTES: u64 = 4096;
/// Bytes one write unit covers.
pub const WRITE_UNIT_BYTES: u64 = 1024;
/// The largest item DynamoDB stores, attribute names included.
pub const MAX_ITEM_BYTES: u64 = 400 * 1024;
/// The longest partition key DynamoDB accepts; an empty one is refused too.
pub const MAX_KEY_BYTES: u64 = 2048;

/// Which read DynamoDB is asked for; it decides the price.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Consistency {
    /// Sees every acknowledged write; full price.
    #[default]
    Strong,
    /// May be stale; half price.
    Eventual,
}

/// Size of a stored item: attribute names and values together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ItemBytes(pub u64);

impl ItemBytes {
    /// Adds up `(name bytes, value bytes)` of every attribute.
    ///
    /// ```
    /// use hare::units::ItemBytes;
    /// // {shirt-color: "R", shirt-size: "M"}
    /// let shirt = ItemBytes::of_attributes([("shirt-color".len(), 1), ("shirt-size".len(), 1)]);
    /// assert_eq!(shirt, ItemBytes(23));
    /// ```
    #[must_use]
    pub fn of_attributes(attributes: impl IntoIterator<Item = (usize, usize)>) -> Self {
        Self(attributes.into_iter().map(|(name, value)| name as u64 + value as u64).sum())
    }
}

/// Bytes DynamoDB counts for a number attribute of `digits` significant digits.
///
/// ```
/// assert_eq!(hare::units::number_bytes(13), 8); // a millisecond timestamp
/// ```
#[must_use]
pub fn number_bytes(digits: u64) -> u64 {
    digits.div_ceil(2) + 1
}

/// Read capacity, in halves of a unit so that eventual reads stay exact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ReadUnits {
    halves: u64,
}

impl ReadUnits {
    /// Builds from a count of half units, as [`Self::halves`] gives it.
    #[must_use]
    pub const fn from_halves(halves: u64) -> Self {
        Self { halves }
    }

    /// The amount in half units, a whole number fit for an atomic counter.
    #[must_use]
    pub const fn halves(self) -> u64 {
        self.halves
    }

    /// The amount in units.
    #[must_use]
    pub fn as_f64(self) -> f64 {
        self.halves as f64 / 2.0
    }
}

/// Write capacity in units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WriteUnits(pub u64);

impl WriteUnits {
    /// The amount in units.
    #[must_use]
    pub fn as_f64(self) -> f64 {
        self.0 as f64
    }
}

/// What reading an item costs. A missing item has zero bytes and still costs the minimum.
///
/// ```
/// use hare::units::{Consistency::{Eventual, Strong}, ItemBytes, read_units};
/// assert_eq!(read_units(ItemBytes(0), Strong).as_f64(), 1.0);
/// assert_eq!(read_units(ItemBytes(4096), Strong).as_f64(), 1.0);
/// assert_eq!(read_units(ItemBytes(4097), Strong).as_f64(), 2.0);
/// assert_eq!(read_units(ItemBytes(4097), Eventual).as_f64(), 1.0);
/// assert_eq!(read_units(ItemBytes(100), Eventual).as_f64(), 0.5);
/// ```
#[must_use]
pub fn read_units(item: ItemBytes, consistency: Consistency) -> ReadUnits {
    let whole = item.0.div_ceil(READ_UNIT_BYTES).max(1);
    match consistency {
        Consistency::Strong => ReadUnits::from_halves(whole.saturating_mul(2)),
        Consistency::Eventual => ReadUnits::from_halves(whole),
    }
}

/// What writing an item costs. A put or update is charged for the larger of the old and the new item;
/// deleting a missing item costs the minimum.
///
/// ```
/// use hare::units::{ItemBytes, WriteUnits, write_units};
/// assert_eq!(write_units(ItemBytes(0)), WriteUnits(1));
/// assert_eq!(write_units(ItemBytes(1024)), WriteUnits(1));
/// assert_eq!(write_units(ItemBytes(1025)), WriteUnits(2));
/// ```
#[must_use]
pub fn write_units(item: ItemBytes) -> WriteUnits {
    WriteUnits(item.0.div_ceil(WRITE_UNIT_BYTES).max(1))
}

/// Rounds an amount computed in floating point to a whole number; NaN and negatives become zero.
#[must_use]
pub(crate) fn whole_number(amount: f64) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "float casts saturate: NaN and negatives give 0, huge values u64::MAX"
    )]
    let whole = amount.round() as u64;
    whole
}

impl Add for ReadUnits {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self { halves: self.halves.saturating_add(other.halves) }
    }
}

impl AddAssign for ReadUnits {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sum for ReadUnits {
    fn sum<I: Iterator<Item = Self>>(items: I) -> Self {
        items.fold(Self::default(), Add::add)
    }
}

impl Add for WriteUnits {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for WriteUnits {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sum for WriteUnits {
    fn sum<I: Iterator<Item = Self>>(items: I) -> Self {
        items.fold(Self::default(), Add::add)
    }
}
