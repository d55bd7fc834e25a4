//! The model's state: one key, its storage, the proxies with their readers and writers, and what is still under way.

use super::history::Event;
use super::record::{Call, Ending, Id, Item, Record};

/// What an actor wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Op {
    /// A `GET` on the straight path, then as `Find`.
    Get,
    /// A read that goes through a flight at once.
    Find,
    /// A read that needs the true expiry.
    Exact,
    /// A write of an item with this expiry.
    Put(super::record::Expiry),
    /// A write of a value of this type and with this expiry.
    PutAs(super::record::Kind, super::record::Expiry),
    /// A deletion.
    Delete,
    /// A write that depends on the old item and keeps its expiry.
    Modify,
    /// The same, but only if the item is the first one; else nothing is changed.
    Once,
}

impl Op {
    /// Whether the old item decides what becomes of it.
    pub(super) fn needs_old(self) -> bool {
        matches!(self, Self::Modify | Self::Once)
    }
}

/// A deliberate mistake in the steps around the scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Slip {
    /// A result from storage serves every seat, filled or not.
    LateJoinersServed,
    /// A filled result serves those who came after the fill.
    FillingSeatsServed,
    /// A read that needs the true expiry overtakes the write that hides it.
    ExactReadOvertakes,
    /// A read without Redis overtakes the key's writer.
    BypassOvertakes,
    /// What could not be filled is told although the key's writer has not concluded.
    UnfilledOvertakes,
    /// A fill counts although Redis was lost since the lease.
    OutageIgnored,
    /// An ambiguous write is not removed a second time.
    NotForgotten,
    /// Writers of a key do not take turns.
    NoKeyLock,
    /// The client is told before the conclusion.
    AcknowledgedEarly,
    /// A conclusion that was lost is not noted.
    NotNoted,
    /// Storage is written although the fence could not be planted in a shared cache.
    UnfencedInShared,
    /// An ambiguous result is taken for a success.
    AmbiguityPublished,
    /// An ambiguous result is taken for a failure.
    AmbiguityRestored,
    /// Expiries as near as a fence's are believed.
    NearExpiryBelieved,
    /// A write that depends on the old item is not conditional.
    Unconditional,
    /// The value that a refuted write was computed from gets its expiry back.
    ConflictRestored,
    /// After a conflict the item is read from the cache, which is not asked to forget it.
    ConflictReread,
    /// The value is published before storage has it.
    PublishedFirst,
}

/// How often each mishap may still happen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(super) struct Budget {
    /// Storage refuses a write.
    pub(super) failures: u8,
    /// Storage's answer to a write is lost.
    pub(super) lost_results: u8,
    /// Redis is lost during a request.
    pub(super) outages: u8,
    /// A fence is evicted.
    pub(super) fence_evictions: u8,
    /// A fence falls while its writer lives.
    pub(super) slow_writers: u8,
    /// The value is evicted.
    pub(super) value_evictions: u8,
    /// A proxy dies.
    pub(super) crashes: u8,
}

/// How far a flight has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Phase {
    Boarding,
    CacheAsked,
    StorageAsked,
    Filling,
}

/// Where a flight's result came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Landing {
    Cache,
    Storage,
    Filled,
}

/// What an actor does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Step {
    Start,
    Join,
    Seated(Phase),
    AskCache,
    Lease,
    LockForBypass,
    AwaitConclusion,
    AskStorage,
    Read,
    Fill,
    Land(Landing),
    Lock,
    Peek,
    ReadLocked,
    Fence,
    Store,
    Conclude(Ending),
    Forget,
    Done,
    Crashed,
}

/// A reader or writer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Actor {
    pub(super) op: Op,
    pub(super) proxy: usize,
    pub(super) step: Step,
    /// The oldest version of storage that it may be told.
    pub(super) floor: usize,
    pub(super) found: Option<Item>,
    /// What it found has an expiry that may be a fence's.
    pub(super) doubtful: bool,
    pub(super) leased: bool,
    /// Outages counted when it asked for its lease.
    pub(super) generation: u8,
    /// What it was computed from and storage did not hold, and how often that happened.
    pub(super) refuted: Option<Option<Item>>,
    pub(super) conflicts: u8,
    /// Its last try met one.
    pub(super) retries: bool,
    /// Its fence, with the expiry that it found.
    pub(super) fence: Option<Option<super::record::Expiry>>,
    /// The version of storage that it made.
    pub(super) version: Option<usize>,
}

/// One proxy, as far as the key is concerned.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Proxy {
    pub(super) alive: bool,
    pub(super) serving: bool,
    pub(super) noted: bool,
    pub(super) generation: u8,
    /// The generation that the keeper has cleaned for.
    pub(super) cleaned: Option<u8>,
    pub(super) lock: Option<Id>,
    pub(super) flight: Option<(Id, Phase)>,
    /// The newest version of storage that one of its readers was told.
    pub(super) seen: usize,
}

/// A scenario.
#[derive(Debug, Clone)]
pub(super) struct Setup {
    pub(super) name: &'static str,
    /// Each actor's proxy and wish.
    pub(super) plans: Vec<(usize, Op)>,
    /// What storage and cache hold at the start.
    pub(super) initial: Option<super::record::Expiry>,
    /// Several proxies serve from the Redis.
    pub(super) shared: bool,
    /// In the end the cache has to be right.
    pub(super) lasts: bool,
    /// What everybody is told is written down and has to be explained by one order.
    pub(super) recorded: bool,
    pub(super) budget: Budget,
}

/// Everything.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct World {
    pub(super) record: Record,
    /// Whose fence shortened the value's life.
    pub(super) shortened_by: Option<Id>,
    /// All versions of the item in the order in which storage took them.
    pub(super) storage: Vec<Option<Item>>,
    /// The newest version that was acknowledged.
    pub(super) acked: usize,
    pub(super) proxies: Vec<Proxy>,
    pub(super) actors: Vec<Actor>,
    /// Writes that storage may still apply.
    pub(super) late_effects: Vec<LateEffect>,
    /// Scripts that a broken connection left behind in Redis's sockets.
    pub(super) late_calls: Vec<Call>,
    pub(super) budget: Budget,
    pub(super) history: Vec<Event>,
    /// Where a history is written: the write that each actor's own is based on.
    pub(super) bases: Vec<Option<Id>>,
}

/// A write that storage may still apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct LateEffect {
    pub(super) writer: Id,
    pub(super) effect: Option<Item>,
    /// What storage has to hold.
    pub(super) condition: Option<Option<Item>>,
}

impl World {
    pub(super) fn new(setup: &Setup) -> Self {
        let count = setup.plans.iter().map(|(proxy, _)| proxy + 1).max().unwrap_or(0);
        let proxy = Proxy {
            alive: true,
            serving: true,
            noted: false,
            generation: 0,
            cleaned: None,
            lock: None,
            flight: None,
            seen: 0,
        };
        let initial = setup.initial.map(|expiry| Item::text(0, expiry));
        let actors = setup.plans.iter().map(|(proxy, op)| Actor::new(*proxy, *op)).collect();
        Self {
            record: Record { value: initial, ..Record::default() },
            shortened_by: None,
            storage: vec![initial],
            acked: 0,
            proxies: vec![proxy; count],
            actors,
            late_effects: Vec::new(),
            late_calls: Vec::new(),
            budget: setup.budget,
            history: Vec::new(),
            bases: if setup.recorded { vec![None; setup.plans.len()] } else { Vec::new() },
        }
    }

    /// True when all requests go through one proxy.
    pub(super) fn is_single(&self) -> bool {
        self.proxies.len() == 1
    }

    /// What storage answers now.
    pub(super) fn stored(&self) -> Option<Item> {
        self.storage.last().copied().flatten()
    }

    /// True when a write that fence `id` guards may still take effect.
    pub(super) fn awaits_effect(&self, id: Id) -> bool {
        self.late_effects.iter().any(|late| late.writer == writer_of(id))
    }

    /// True when nobody has anything left to do.
    pub(super) fn is_over(&self) -> bool {
        self.actors.iter().all(Actor::is_over)
            && self.late_effects.is_empty()
            && self.late_calls.is_empty()
            && self.proxies.iter().all(|p| p.serving || !p.alive)
    }
}

impl Actor {
    fn new(proxy: usize, op: Op) -> Self {
        Self {
            op,
            proxy,
            step: Step::Start,
            floor: 0,
            found: None,
            doubtful: false,
            leased: false,
            generation: 0,
            refuted: None,
            conflicts: 0,
            retries: false,
            fence: None,
            version: None,
        }
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self.step, Step::Done | Step::Crashed)
    }

    /// Ends it; what it knew is forgotten, so that equal states are found equal.
    pub(super) fn end(&mut self, step: Step) {
        *self = Self { step, ..Self::new(self.proxy, self.op) };
    }
}

/// Token of a conclusion without a fence.
pub(super) const UNPLANTED: Id = 100;
/// Token of the removal after an ambiguous write.
pub(super) const FORGET: Id = 150;

/// The actor that a token belongs to.
pub(super) fn writer_of(token: Id) -> Id {
    match token {
        FORGET.. => token - FORGET,
        UNPLANTED.. => token - UNPLANTED,
        _ => token,
    }
}
