//! Commands on one key, typed: what they read and what they write.

use super::{CommandError, Deadline, LongDouble};
use bytes::Bytes;

/// A command that reads one item and replies something computed from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadOp {
    /// STRLEN.
    StrLen,
    /// GETRANGE and SUBSTR, with Redis's signed offsets.
    GetRange {
        /// First byte.
        start: i64,
        /// Last byte.
        end: i64,
    },
    /// TTL, PTTL (time left) and EXPIRETIME, PEXPIRETIME (absolute).
    Ttl {
        /// Unit of the reply.
        unit: TtlUnit,
        /// Whether the reply is a Unix time.
        absolute: bool,
    },
    /// TYPE.
    Type,
}

impl ReadOp {
    /// Whether a value of another type is an error.
    pub fn needs_string(&self) -> bool {
        matches!(self, Self::StrLen | Self::GetRange { .. })
    }
}

/// The unit a time is asked in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TtlUnit {
    /// Seconds.
    Seconds,
    /// Milliseconds.
    Milliseconds,
}

/// A command that may change one item.
#[derive(Debug, Clone, PartialEq)]
pub enum WriteOp {
    /// SET, SETEX, PSETEX, SETNX, GETSET.
    Set(SetOp),
    /// GETDEL.
    GetDel,
    /// GETEX.
    GetEx(GetExpiry),
    /// EXPIRE, PEXPIRE, EXPIREAT, PEXPIREAT.
    Expire {
        /// The new expiry.
        deadline: Deadline,
        /// When to set it.
        condition: ExpireCondition,
    },
    /// PERSIST.
    Persist,
    /// APPEND.
    Append(Bytes),
    /// SETRANGE.
    SetRange {
        /// Where the bytes go.
        offset: u64,
        /// The bytes.
        value: Bytes,
    },
    /// INCR, DECR, INCRBY, DECRBY.
    IncrBy(i64),
    /// INCRBYFLOAT; nothing if what to add is no number, which Redis says after it has looked at the value.
    IncrByFloat(Option<LongDouble>),
}

impl WriteOp {
    /// Whether a value of another type is an error. (SET replaces any; what it replies decides for itself.)
    pub fn needs_string(&self) -> bool {
        match self {
            Self::Set(_) | Self::Expire { .. } | Self::Persist => false,
            Self::GetDel
            | Self::GetEx(_)
            | Self::Append(_)
            | Self::SetRange { .. }
            | Self::IncrBy(_)
            | Self::IncrByFloat(_) => true,
        }
    }

    /// Whether the outcome depends on the item already there.
    pub fn needs_old(&self) -> bool {
        match self {
            Self::Set(set) => {
                set.condition != SetCondition::Always
                    || set.reply == SetReply::Old
                    || set.expiry == SetExpiry::Keep
            }
            _ => true,
        }
    }
}

/// SET in all its forms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetOp {
    /// The new value.
    pub value: Bytes,
    /// Its expiry.
    pub expiry: SetExpiry,
    /// When to set it.
    pub condition: SetCondition,
    /// What to reply.
    pub reply: SetReply,
}

/// The expiry of a value that is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SetExpiry {
    /// None.
    Clear,
    /// That of the value before (KEEPTTL).
    Keep,
    /// A new one.
    At(Deadline),
}

/// When a value is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetCondition {
    /// In any case.
    Always,
    /// If there is none (NX).
    IfAbsent,
    /// If there is one (XX).
    IfPresent,
}

/// What a SET replies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetReply {
    /// OK, or null when the condition fails.
    Ok,
    /// The value before (GET, GETSET).
    Old,
    /// 1, or 0 when the condition fails (SETNX).
    Flag,
}

/// What GETEX does to the expiry. A wrong time is an error only if the key exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GetExpiry {
    /// Nothing.
    Keep,
    /// Removes it.
    Persist,
    /// Sets it.
    At(Result<Deadline, CommandError>),
}

/// When EXPIRE takes effect. `NX` excludes the others; `XX` goes with `GT` or `LT`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ExpireCondition {
    /// Only if there is no expiry.
    pub nx: bool,
    /// Only if there is one.
    pub xx: bool,
    /// Only if the new one is later; none counts as latest.
    pub gt: bool,
    /// Only if the new one is earlier.
    pub lt: bool,
}
