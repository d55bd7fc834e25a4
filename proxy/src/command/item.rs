//! An item as commands see it, and what a command does to it.

use crate::resp::Reply;
use bytes::Bytes;

/// A stored value and when it expires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The value.
    pub value: Bytes,
    /// Unix time in milliseconds; from then on the item counts as absent.
    pub expires_at_ms: Option<u64>,
}

impl Item {
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
