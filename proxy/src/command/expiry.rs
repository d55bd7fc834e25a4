//! Expiry times: reading them from a command, resolving them against the clock, and the commands
//! that read and change them.

use super::{Change, CommandError, ExpireCondition, GetExpiry, Item, Outcome, TtlUnit};
use crate::resp::{Reply, parse_i64};

/// A point in time as a command states it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline {
    amount_ms: i64,
    /// From now, rather than a Unix time.
    relative: bool,
    /// The command's name, for its error text.
    command: &'static str,
}

impl Deadline {
    /// Reads a time that may lie in the past, as EXPIRE takes it.
    ///
    /// # Errors
    /// Not an integer, or out of range in milliseconds.
    pub fn any(
        text: &[u8],
        unit: TtlUnit,
        relative: bool,
        command: &'static str,
    ) -> Result<Self, CommandError> {
        let amount = parse_i64(text).ok_or(CommandError::NOT_AN_INTEGER)?;
        let amount_ms = match unit {
            TtlUnit::Milliseconds => Some(amount),
            TtlUnit::Seconds => amount.checked_mul(1000),
        };
        let amount_ms = amount_ms.ok_or_else(|| CommandError::invalid_expire(command))?;
        Ok(Self { amount_ms, relative, command })
    }

    /// Reads a time that must be above zero, as SET takes it.
    ///
    /// # Errors
    /// As for [`Self::any`]; also zero or below.
    pub fn positive(
        text: &[u8],
        unit: TtlUnit,
        relative: bool,
        command: &'static str,
    ) -> Result<Self, CommandError> {
        let deadline = Self::any(text, unit, relative, command)?;
        if deadline.amount_ms > 0 {
            Ok(deadline)
        } else {
            Err(CommandError::invalid_expire(command))
        }
    }

    /// The Unix time in milliseconds it means at `now_ms`; negative times are long past.
    ///
    /// # Errors
    /// Later than can be written down.
    pub fn resolve(&self, now_ms: u64) -> Result<i64, CommandError> {
        if !self.relative {
            return Ok(self.amount_ms);
        }
        self.amount_ms
            .checked_add_unsigned(now_ms)
            .ok_or_else(|| CommandError::invalid_expire(self.command))
    }
}

/// TTL, PTTL, EXPIRETIME, PEXPIRETIME.
pub(super) fn ttl(old: Option<&Item>, now_ms: u64, unit: TtlUnit, absolute: bool) -> Reply {
    let Some(item) = old else { return Reply::Int(-2) };
    let Some(at_ms) = item.expires_at_ms else { return Reply::Int(-1) };
    let ms = if absolute { at_ms } else { at_ms.saturating_sub(now_ms) };
    let time = match unit {
        TtlUnit::Milliseconds => ms,
        TtlUnit::Seconds => ms.saturating_add(500) / 1000,
    };
    Reply::Int(i64::try_from(time).unwrap_or(i64::MAX))
}

/// EXPIRE and its kin.
pub(super) fn expire(
    deadline: &Deadline,
    condition: ExpireCondition,
    old: Option<&Item>,
    now_ms: u64,
) -> Outcome {
    let at_ms = match deadline.resolve(now_ms) {
        Ok(at_ms) => at_ms,
        Err(error) => return Outcome::keep(error),
    };
    let Some(item) = old else { return Outcome::keep(Reply::Int(0)) };
    // A time before 1970 is as past as 1970 itself.
    let at_ms = u64::try_from(at_ms).unwrap_or(0);
    if !allows(condition, item.expires_at_ms, at_ms) {
        return Outcome::keep(Reply::Int(0));
    }
    let item = item.expiring(Some(at_ms));
    Outcome::put(Reply::Int(1), item, now_ms)
}

fn allows(condition: ExpireCondition, current: Option<u64>, new_ms: u64) -> bool {
    let ExpireCondition { nx, xx, gt, lt } = condition;
    !(nx && current.is_some()
        || xx && current.is_none()
        || gt && current.is_none_or(|current_ms| new_ms <= current_ms)
        || lt && current.is_some_and(|current_ms| new_ms >= current_ms))
}

/// PERSIST.
pub(super) fn persist(old: Option<&Item>) -> Outcome {
    match old {
        Some(item) if item.expires_at_ms.is_some() => {
            Outcome { reply: Reply::Int(1), change: Change::Put(item.expiring(None)) }
        }
        _ => Outcome::keep(Reply::Int(0)),
    }
}

/// GETEX.
pub(super) fn get_ex(expiry: &GetExpiry, old: Option<&Item>, now_ms: u64) -> Outcome {
    let Some(item) = old else { return Outcome::keep(Reply::Null) };
    let reply = Reply::Bulk(item.value.clone());
    let expires_at_ms = match expiry {
        GetExpiry::Keep => return Outcome::keep(reply),
        GetExpiry::Persist if item.expires_at_ms.is_none() => return Outcome::keep(reply),
        GetExpiry::Persist => None,
        GetExpiry::At(deadline) => {
            match deadline.clone().and_then(|deadline| deadline.resolve(now_ms)) {
                Ok(at_ms) => Some(u64::try_from(at_ms).unwrap_or(0)),
                Err(error) => return Outcome::keep(error),
            }
        }
    };
    Outcome::put(reply, item.expiring(expires_at_ms), now_ms)
}
