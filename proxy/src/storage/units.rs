//! What storage charges, in the plain numbers that storage deals in.
//!
//! The rules are `hare::units`'; here are their prices as `f64` (DynamoDB reports consumed capacity so) and what only a
//! storage backend needs to know. A request is charged before it is sent, and the synthetic backend costs what the real
//! one would.

pub use hare::units::MAX_ITEM_BYTES;
use hare::units::{Consistency, ItemBytes};

/// The longest partition key DynamoDB accepts, in bytes. The shortest is one byte.
pub const MAX_KEY_BYTES: usize = 2048;

/// The most keys one all-or-nothing write may name.
pub const MAX_TRANSACTION_KEYS: usize = 100;

/// The most bytes that the items of one all-or-nothing write may have together.
pub const MAX_TRANSACTION_BYTES: u64 = 4 << 20;

/// A transactional read or write costs this many times the plain one.
pub const TRANSACTION_FACTOR: f64 = 2.0;

/// Read units for one item of `item_bytes` (0 for a missing item): one per
/// started 4 KB, at least one, half of that when eventually consistent.
#[must_use]
pub fn read_units(item_bytes: u64, consistent: bool) -> f64 {
    let consistency = if consistent { Consistency::Strong } else { Consistency::Eventual };
    hare::read_units(ItemBytes(item_bytes), consistency).as_f64()
}

/// Write units for one item of `item_bytes`: one per started 1 KB, at least
/// one. A put is charged for the larger of the old and the new item, a delete
/// for the old one.
#[must_use]
pub fn write_units(item_bytes: u64) -> f64 {
    hare::write_units(ItemBytes(item_bytes)).as_f64()
}

/// Bytes that DynamoDB counts for a whole, positive number: one for every two
/// significant digits, rounded up, and one more. Trailing zeros are not
/// significant.
#[must_use]
pub(crate) fn number_bytes(mut number: u64) -> u64 {
    while number >= 10 && number.is_multiple_of(10) {
        number /= 10;
    }
    let digits = if number == 0 { 0 } else { u64::from(number.ilog10()) + 1 };
    hare::units::number_bytes(digits)
}

/// What each item of a batch has cost: what the rules say of it, scaled so that the sum is the one that was reported.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shares {
    scale: f64,
}

impl Shares {
    /// `reported` is 0 where the endpoint reports nothing.
    pub(crate) fn of(reported: f64, by_rule: f64) -> Self {
        let has_both = reported > 0.0 && by_rule > 0.0;
        Self { scale: if has_both { reported / by_rule } else { 1.0 } }
    }

    /// The units of an item that costs `by_rule`.
    pub(crate) fn of_item(self, by_rule: f64) -> f64 {
        self.scale * by_rule
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "units are small whole numbers or halves, exact in f64")]
mod tests {
    use super::{Shares, number_bytes, read_units, write_units};

    #[test]
    fn reads_round_up_to_4_kb_and_missing_items_cost_the_minimum() {
        assert_eq!(read_units(0, true), 1.0);
        assert_eq!(read_units(4096, true), 1.0);
        assert_eq!(read_units(4097, true), 2.0);
        assert_eq!(read_units(4097, false), 1.0);
        assert_eq!(read_units(0, false), 0.5);
    }

    #[test]
    fn writes_round_up_to_1_kb() {
        assert_eq!(write_units(0), 1.0);
        assert_eq!(write_units(1024), 1.0);
        assert_eq!(write_units(1025), 2.0);
    }

    #[test]
    fn numbers_count_two_digits_a_byte() {
        assert_eq!(number_bytes(0), 1);
        assert_eq!(number_bytes(7), 2);
        assert_eq!(number_bytes(42), 2);
        assert_eq!(number_bytes(1_700_000_000), 2);
        assert_eq!(number_bytes(1_712_345_678_901), 8);
    }

    #[test]
    fn the_items_of_a_batch_share_what_it_cost() {
        let exact = Shares::of(3.0, 3.0);
        assert_eq!([exact.of_item(1.0), exact.of_item(2.0)], [1.0, 2.0]);
        let more = Shares::of(6.0, 3.0);
        assert_eq!([more.of_item(1.0), more.of_item(2.0)], [2.0, 4.0]);
        assert_eq!(Shares::of(0.0, 3.0).of_item(2.0), 2.0);
    }
}
