//! The state: two keys, their storage, and the clients of some proxies.

use super::history::Event;
use crate::cache::model::record::{Expiry, Id, Item, Record};
use crate::cache::model::run::id_of;

/// What a client wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Wish {
    /// To change both keys in one transaction, each from what it was.
    Both,
    /// To overwrite one key.
    One(usize),
    /// To read one key, and then the other.
    Look([usize; 2]),
    /// To read both keys in one transaction.
    Snapshot,
}

/// A deliberate mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slip {
    /// The old values stay readable during a transaction.
    NotHidden,
    /// The second key is fenced when storage has been written.
    LateSecondFence,
    /// The second key is not fenced.
    OneFence,
    /// Storage is written key by key.
    TwoWrites,
    /// Both are published, then storage is written.
    PublishedFirst,
    /// No conditions.
    Unconditional,
    /// The condition is only on the first key.
    HalfCondition,
}

/// How often each mishap may still happen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(super) struct Budget {
    pub(super) crashes: u8,
    pub(super) failures: u8,
    pub(super) lost_results: u8,
    /// A value is evicted.
    pub(super) evictions: u8,
    /// A fence is evicted, or falls while its writer lives.
    pub(super) lost_fences: u8,
}

/// A scenario.
#[derive(Debug, Clone)]
pub(super) struct Setup {
    pub(super) name: &'static str,
    pub(super) plans: Vec<(usize, Wish)>,
    /// Which keys are cached at the start. Storage has both.
    pub(super) cached: [bool; 2],
    pub(super) budget: Budget,
    /// The second key is concluded before the first: both are under way at the same time.
    pub(super) backwards: bool,
}

/// What an actor does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Step {
    Lock,
    Peek(usize),
    ReadLocked(usize),
    Fence(usize),
    Store,
    /// Only with [`Slip::TwoWrites`].
    StoreSecond,
    Conclude(usize, Ended),
    Forget(usize),
    Get(usize),
    Lease(usize),
    Read(usize),
    Fill(usize),
    Done,
    Crashed,
}

/// What became of a write in storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Ended {
    Applied,
    Refused,
    Unknown,
    Conflict,
}

/// A client's request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Actor {
    pub(super) proxy: usize,
    pub(super) wish: Wish,
    pub(super) step: Step,
    pub(super) found: [Option<Item>; 2],
    /// The expiry that each fence found.
    pub(super) fences: [Option<Option<Expiry>>; 2],
    pub(super) leased: bool,
}

/// What storage may still do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Late {
    pub(super) actor: usize,
    pub(super) condition: Option<[Option<Item>; 2]>,
}

/// Everything.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct World {
    pub(super) records: [Record; 2],
    pub(super) stored: [Option<Item>; 2],
    pub(super) alive: Vec<bool>,
    pub(super) locks: Vec<[Option<usize>; 2]>,
    pub(super) actors: Vec<Actor>,
    pub(super) late: Vec<Late>,
    pub(super) budget: Budget,
    pub(super) history: Vec<Event>,
    /// The writes that each actor's own is based on.
    pub(super) bases: Vec<[Option<Id>; 2]>,
}

impl Wish {
    /// The keys that it changes.
    pub(super) fn changes(self, key: usize) -> bool {
        match self {
            Self::Both => true,
            Self::One(k) => k == key,
            Self::Look(_) | Self::Snapshot => false,
        }
    }
}

impl World {
    pub(super) fn new(setup: &Setup) -> Self {
        let count = setup.plans.iter().map(|(proxy, _)| proxy + 1).max().unwrap_or(0);
        let item = Item::text(0, Expiry::Never);
        let cached = |is: bool| Record { value: is.then_some(item), ..Record::default() };
        let actors = setup.plans.iter().map(|(proxy, wish)| Actor::new(*proxy, *wish)).collect();
        Self {
            records: setup.cached.map(cached),
            stored: [Some(item); 2],
            alive: vec![true; count],
            locks: vec![[None; 2]; count],
            actors,
            late: Vec::new(),
            budget: setup.budget,
            history: Vec::new(),
            bases: vec![[None; 2]; setup.plans.len()],
        }
    }

    pub(super) fn is_single(&self) -> bool {
        self.alive.len() == 1
    }

    pub(super) fn is_over(&self) -> bool {
        self.actors.iter().all(Actor::is_over) && self.late.is_empty()
    }

    /// What the change makes of both keys.
    pub(super) fn effect(&self, actor: usize) -> [Option<Item>; 2] {
        let item = Item::text(id_of(actor), Expiry::Never);
        [0, 1].map(|k| if self.actors[actor].wish.changes(k) { Some(item) } else { self.stored[k] })
    }
}

impl Actor {
    fn new(proxy: usize, wish: Wish) -> Self {
        let step = if let Wish::Look(_) = wish { Step::Get(0) } else { Step::Lock };
        Self { proxy, wish, step, found: [None; 2], fences: [None; 2], leased: false }
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self.step, Step::Done | Step::Crashed)
    }

    pub(super) fn end(&mut self, step: Step) {
        *self = Self { step, ..Self::new(self.proxy, self.wish) };
    }
}
