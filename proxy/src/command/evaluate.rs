//! From an operation, the item it finds and the time, to the reply and the change. Pure.

use super::{CommandError, Item, ItemLimits, Outcome, ReadOp, WriteOp, expiry, numbers, strings};
use crate::resp::Reply;

impl ReadOp {
    /// The reply, given the item under the key (an expired one counts as absent).
    pub fn evaluate(&self, old: Option<&Item>, now_ms: u64) -> Reply {
        let old = old.filter(|item| item.is_live(now_ms));
        if self.needs_string() && old.is_some_and(|item| !item.is_string()) {
            return CommandError::WRONG_TYPE.into();
        }
        match self {
            Self::StrLen => Reply::Int(old.map_or(0, |item| strings::length(&item.value))),
            Self::GetRange { start, end } => strings::get_range(old, *start, *end),
            Self::Ttl { unit, absolute } => expiry::ttl(old, now_ms, *unit, *absolute),
            Self::Type => Reply::Simple(old.map_or("none", |item| item.kind.name())),
        }
    }
}

impl WriteOp {
    /// The reply and the change, given the item under the key (an expired one counts as absent;
    /// `None` will do when [`Self::needs_old`] is false). `key_bytes` is the length of the key,
    /// which shares the item's size with the value.
    pub fn evaluate(
        &self,
        old: Option<&Item>,
        now_ms: u64,
        key_bytes: usize,
        limits: &ItemLimits,
    ) -> Outcome {
        let old = old.filter(|item| item.is_live(now_ms));
        if self.needs_string() && old.is_some_and(|item| !item.is_string()) {
            return Outcome::keep(CommandError::WRONG_TYPE);
        }
        match self {
            Self::Set(set) => strings::set(set, old, now_ms),
            Self::GetDel => match old {
                Some(item) => Outcome::delete(Reply::Bulk(item.value.clone())),
                None => Outcome::keep(Reply::Null),
            },
            Self::GetEx(expiry) => expiry::get_ex(expiry, old, now_ms),
            Self::Expire { deadline, condition } => {
                expiry::expire(deadline, *condition, old, now_ms)
            }
            Self::Persist => expiry::persist(old),
            Self::Append(tail) => strings::append(tail, old, key_bytes, limits),
            Self::SetRange { offset, value } => {
                strings::set_range(*offset, value, old, key_bytes, limits)
            }
            Self::IncrBy(delta) => numbers::incr_by(*delta, old),
            Self::IncrByFloat(delta) => numbers::incr_by_float(delta.as_ref(), old),
        }
    }
}
