//! The commands that count.

use super::{Change, CommandError, Item, LongDouble, Outcome};
use crate::resp::{Reply, parse_i64};
use bytes::Bytes;

/// INCR, DECR, INCRBY, DECRBY.
pub(super) fn incr_by(delta: i64, old: Option<&Item>) -> Outcome {
    let current = match old {
        None => 0,
        Some(item) => match parse_i64(&item.value) {
            Some(current) => current,
            None => return Outcome::keep(CommandError::NOT_AN_INTEGER),
        },
    };
    let Some(sum) = current.checked_add(delta) else {
        return Outcome::keep(CommandError::new("ERR increment or decrement would overflow"));
    };
    let text = Bytes::copy_from_slice(itoa::Buffer::new().format(sum).as_bytes());
    Outcome { reply: Reply::Int(sum), change: Change::Put(with_value(text, old)) }
}

/// INCRBYFLOAT.
pub(super) fn incr_by_float(delta: Option<&LongDouble>, old: Option<&Item>) -> Outcome {
    let Some(delta) = delta else { return Outcome::keep(CommandError::NOT_A_FLOAT) };
    let current = match old {
        None => LongDouble::ZERO,
        Some(item) => match LongDouble::parse(&item.value) {
            Some(current) => current,
            None => return Outcome::keep(CommandError::NOT_A_FLOAT),
        },
    };
    let Some(sum) = current.add(delta) else {
        return Outcome::keep(CommandError::new("ERR increment would produce NaN or Infinity"));
    };
    let text = Bytes::from(sum.to_string());
    Outcome { reply: Reply::Bulk(text.clone()), change: Change::Put(with_value(text, old)) }
}

fn with_value(value: Bytes, old: Option<&Item>) -> Item {
    Item::string(value, old.and_then(|item| item.expires_at_ms))
}
