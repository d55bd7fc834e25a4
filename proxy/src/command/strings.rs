//! The commands on the bytes of a value.

use super::{
    Change, CommandError, Item, ItemLimits, Outcome, SetCondition, SetExpiry, SetOp, SetReply,
};
use crate::resp::Reply;
use bytes::{Bytes, BytesMut};

/// Longest string Redis itself would build.
const REDIS_MAX_BYTES: u64 = 512 * 1024 * 1024;

/// A length as a reply.
pub(super) fn length(value: &[u8]) -> i64 {
    i64::try_from(value.len()).unwrap_or(i64::MAX)
}

/// SET, SETEX, PSETEX, SETNX, GETSET.
pub(super) fn set(set: &SetOp, old: Option<&Item>, now_ms: u64) -> Outcome {
    let expires_at_ms = match &set.expiry {
        SetExpiry::Clear => None,
        SetExpiry::Keep => old.and_then(|item| item.expires_at_ms),
        SetExpiry::At(deadline) => match deadline.resolve(now_ms) {
            Ok(at_ms) => Some(u64::try_from(at_ms).unwrap_or(0)),
            Err(error) => return Outcome::keep(error),
        },
    };
    let done = match set.condition {
        SetCondition::Always => true,
        SetCondition::IfAbsent => old.is_none(),
        SetCondition::IfPresent => old.is_some(),
    };
    let reply = match set.reply {
        SetReply::Ok if done => Reply::Ok,
        SetReply::Ok => Reply::Null,
        SetReply::Old if old.is_some_and(|item| !item.is_string()) => {
            return Outcome::keep(CommandError::WRONG_TYPE);
        }
        SetReply::Old => Reply::bulk_or_null(old.map(|item| item.value.clone())),
        SetReply::Flag => Reply::Int(i64::from(done)),
    };
    if !done {
        return Outcome::keep(reply);
    }
    Outcome::put(reply, Item::string(set.value.clone(), expires_at_ms), now_ms)
}

/// GETRANGE. Negative offsets count from the end and stop at the start.
pub(super) fn get_range(old: Option<&Item>, start: i64, end: i64) -> Reply {
    let value = old.map_or_else(Bytes::new, |item| item.value.clone());
    let len = length(&value);
    if len == 0 || (start < 0 && end < 0 && start > end) {
        return Reply::Bulk(Bytes::new());
    }
    let absolute = |offset: i64| if offset < 0 { (len + offset).max(0) } else { offset };
    let (start, end) = (absolute(start), absolute(end).min(len - 1));
    match (usize::try_from(start), usize::try_from(end)) {
        (Ok(start), Ok(end)) if start <= end => Reply::Bulk(value.slice(start..=end)),
        _ => Reply::Bulk(Bytes::new()),
    }
}

/// APPEND.
pub(super) fn append(
    tail: &Bytes,
    old: Option<&Item>,
    key_bytes: usize,
    limits: &ItemLimits,
) -> Outcome {
    let Some(item) = old else {
        if let Err(error) = limits.check_value(key_bytes, tail.len()) {
            return Outcome::keep(error);
        }
        return store(tail.clone(), None);
    };
    let total = item.value.len() + tail.len();
    if let Err(error) = limits.check_value(key_bytes, total) {
        return Outcome::keep(error);
    }
    let mut value = BytesMut::with_capacity(total);
    value.extend_from_slice(&item.value);
    value.extend_from_slice(tail);
    store(value.freeze(), item.expires_at_ms)
}

/// SETRANGE; a gap is filled with zero bytes.
pub(super) fn set_range(
    offset: u64,
    patch: &[u8],
    old: Option<&Item>,
    key_bytes: usize,
    limits: &ItemLimits,
) -> Outcome {
    let current = old.map_or(&[][..], |item| &item.value);
    if patch.is_empty() {
        return Outcome::keep(Reply::Int(length(current)));
    }
    let end = offset.saturating_add(u64::try_from(patch.len()).unwrap_or(u64::MAX));
    if end > REDIS_MAX_BYTES {
        return Outcome::keep(CommandError::STRING_TOO_LONG);
    }
    let (Ok(start), Ok(end)) = (usize::try_from(offset), usize::try_from(end)) else {
        return Outcome::keep(CommandError::STRING_TOO_LONG);
    };
    let total = end.max(current.len());
    if let Err(error) = limits.check_value(key_bytes, total) {
        return Outcome::keep(error);
    }
    let mut value = BytesMut::zeroed(total);
    value[..current.len()].copy_from_slice(current);
    value[start..end].copy_from_slice(patch);
    store(value.freeze(), old.and_then(|item| item.expires_at_ms))
}

fn store(value: Bytes, expires_at_ms: Option<u64>) -> Outcome {
    let reply = Reply::Int(length(&value));
    Outcome { reply, change: Change::Put(Item::string(value, expires_at_ms)) }
}
