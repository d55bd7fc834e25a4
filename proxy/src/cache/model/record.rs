//! What Redis holds for one key, with its times reduced to what the protocol tells apart.

use std::collections::BTreeMap;

/// Number of a write, and of the actor whose token is meant. Write 0 is what storage holds at the start.
pub(super) type Id = u8;

/// Expiry of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Expiry {
    /// None.
    Never,
    /// The item's own, before a fence planted now would fall.
    Short,
    /// The item's own, after that.
    Long,
    /// A fence's.
    Fence,
}

/// Type of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    /// A string.
    Text,
    /// A list, which travels as what DUMP makes of it.
    List,
    /// A payload that this Redis refuses: a newer one made it.
    Foreign,
}

/// A value (the number of the write that made it), its type and its expiry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Item {
    pub(super) write: Id,
    pub(super) kind: Kind,
    pub(super) expiry: Expiry,
}

impl Item {
    pub(super) fn text(write: Id, expiry: Expiry) -> Self {
        Self { write, kind: Kind::Text, expiry }
    }
}

/// The two Redis keys of the model's key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Record {
    pub(super) value: Option<Item>,
    pub(super) lease: Option<Id>,
    pub(super) negative: bool,
    /// Whether each fence still stands; a fallen one may stay in the record beside others.
    pub(super) fences: BTreeMap<Id, bool>,
    pub(super) tainted: bool,
}

impl Record {
    pub(super) fn is_fenced(&self) -> bool {
        self.fences.values().any(|stands| *stands)
    }

    pub(super) fn has_meta(&self) -> bool {
        self.lease.is_some() || self.negative || !self.fences.is_empty() || self.tainted
    }

    /// Removes the coherence record, as an eviction does.
    pub(super) fn forget_meta(&mut self) {
        *self = Self { value: self.value, ..Self::default() };
    }
}

/// One request to Redis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Call {
    Get,
    /// With the token, or without asking for a lease. `doubt`: expiries as near as a fence's are not believed.
    Lease {
        token: Option<Id>,
        doubt: bool,
    },
    Fill {
        token: Id,
        item: Option<Item>,
    },
    /// `hides`: the old value is removed at once.
    Fence {
        token: Id,
        hides: bool,
    },
    Conclude {
        token: Id,
        ending: Ending,
    },
    Remove,
}

/// How a write is concluded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Ending {
    Put(Item),
    Absent,
    /// With the expiry that the fence found.
    Restore(Option<Expiry>),
    /// Storage holds something else than the write was computed from.
    Forget,
    Unknown,
}

/// What Redis says to a [`Call`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Answer {
    Got(Option<Id>),
    Hit {
        item: Item,
        fenced: bool,
    },
    Negative,
    Fenced,
    Absent,
    Filled(bool),
    /// The expiry that the value had, if there was one.
    Planted(Option<Expiry>),
    /// 1 published or restored, 0 removed, 2 left fenced.
    Concluded(i64),
    Removed,
}
