//! An item as commands see it, and what a command does to it.

use crate::resp::Reply;
use bytes::Bytes;

/// The type of a value, as Redis sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ValueKind {
    /// Bytes: strings, numbers, bitmaps, HyperLogLogs.
    String,
    /// A list.
    List,
    /// A set.
    Set,
    /// A sorted set, geographical ones included.
    SortedSet,
    /// A hash.
    Hash,
    /// A stream.
    Stream,
}

impl ValueKind {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::String, Self::List, Self::Set, Self::SortedSet, Self::Hash, Self::Stream];

    /// What TYPE replies, and the tag in storage.
    pub const fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::List => "list",
            Self::Set => "set",
            Self::SortedSet => "zset",
            Self::Hash => "hash",
            Self::Stream => "stream",
        }
    }

    /// The kind of that name.
    pub fn named(name: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name().as_bytes() == name)
    }
}

/// A stored value and when it expires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its type.
    pub kind: ValueKind,
    /// A string's bytes; of any other type the payload that Redis's DUMP makes and RESTORE takes.
    pub value: Bytes,
    /// Unix time in milliseconds; from then on the item counts as absent.
    pub expires_at_ms: Option<u64>,
}

impl Item {
    /// A string.
    pub fn string(value: impl Into<Bytes>, expires_at_ms: Option<u64>) -> Self {
        Self { kind: ValueKind::String, value: value.into(), expires_at_ms }
    }

    /// The same value, with another expiry.
    pub fn expiring(&self, expires_at_ms: Option<u64>) -> Self {
        Self { expires_at_ms, ..self.clone() }
    }

    /// Whether it is a string.
    pub fn is_string(&self) -> bool {
        self.kind == ValueKind::String
    }

    /// Whether it still counts at `now_ms`.
    pub fn is_live(&self, now_ms: u64) -> bool {
        self.expires_at_ms.is_none_or(|at_ms| at_ms > now_ms)
    }
}

/// What a write does to the item under its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Nothing.
    Keep,
    /// Replaces it.
    Put(Item),
    /// Removes it.
    Delete,
}

/// A write, decided: what to store and, once stored, what to reply.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The reply if the change succeeds.
    pub reply: Reply,
    /// The change.
    pub change: Change,
}

impl Outcome {
    /// A reply that changes nothing.
    pub fn keep(reply: impl Into<Reply>) -> Self {
        Self { reply: reply.into(), change: Change::Keep }
    }

    /// Stores `item` unless it has expired already, which removes what is there.
    pub fn put(reply: Reply, item: Item, now_ms: u64) -> Self {
        let change = if item.is_live(now_ms) { Change::Put(item) } else { Change::Delete };
        Self { reply, change }
    }

    /// Removes the item.
    pub fn delete(reply: Reply) -> Self {
        Self { reply, change: Change::Delete }
    }
}
