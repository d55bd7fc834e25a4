//! The near cache: replies to `GET`s of hot keys, kept by each worker, so that a hit never reaches Redis.
//!
//! Off unless a tenant's `near_cache` says how much of its cache quota it may take. [`Near`] is the tenant's part, shared
//! by all threads: its budget, and the stamps that say what may have changed. [`NearCache`] is a worker's: its copies,
//! found without a lock, and who is admitted. `docs/adr/0011-near-cache.md` has the reasons.
//!
//! **When a copy may be served.** A copy is made of what Redis answered to a forwarded `GET` and carries the stamp that
//! was read before that `GET` was sent, if nobody was writing then. It is served while the stamp is the same, which
//! means that since then no write of the key began, and nobody was shown an item of it that came from storage. So at any
//! moment when a copy is served, `GET` through Redis would answer the same, or ask storage and void the copy first:
//! the value in Redis changes only by a publish (within a write) or a fill (after a read of storage).
//!
//! **Interleavings.** W is a write, by whatever command; R a `GET` that wants to leave a copy; S one that would be served.
//!
//! - *S looks before W begins*: S takes effect at its look, before anything of W can be seen.
//! - *S looks while W is on its way*: the slot says so; S goes to Redis, and is there what any reader is to W.
//! - *S looks after W ended, on any worker*: the generation has changed, as W counts it up before its reply is sent. So
//!   it has when W failed, was not confirmed, or was dropped half-way: the guard counts.
//! - *W begins between R's look and its reply, or between that and the copy*: the copy has a stamp that is past. It is
//!   not made, or never served.
//! - *W's result is not known*: W counts as in progress for as long as it may still take effect and until Redis is rid of
//!   what a reader may have filled meanwhile, so for `fence` after its reply; no copy of that slot is served before.
//! - *A write takes effect even later* (that of a proxy that was killed): whoever reads it in storage first voids all
//!   copies of the key, before its value is shown to anyone. Until then Redis would answer as the copy does.
//! - *W changes several keys*: all count as in progress before the first fence, and each until it is concluded. Who saw
//!   one new value is served no old copy of another.
//! - *Redis evicts the value, is emptied, killed, or comes back with something else*: the copy is still what storage
//!   holds. While Redis is out of service copies are not served, so that operators see what they expect of an outage.
//! - *W could not reach Redis, which still holds the old value*: W notes the key as stale, which ends service, before it
//!   ends itself. A `GET` that was let through just before may have its stamp from after W and the old value. But before
//!   a copy is kept, Redis is asked once more ([`NearCache::keep`]), by which time it is out of service, or clean.
//! - *The value expires*: with the copy comes the question when. A copy is served until shortly before ([`MARGIN_MS`]),
//!   so Redis alone decides the moment. An expiry that may be a fence's is not believed, nor is the value copied.
//! - *An earlier request of the same connection on the same key is not done*: S goes the usual way, behind it.
//! - *A second proxy* could write without our knowing: `near_cache` is refused where `exclusive` is not set.
//! - *A crash* takes the copies along.

mod admission;
mod cache;
mod sketch;
mod stamps;

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio::sync::watch;

use admission::Admission;
pub(crate) use cache::Copy;
use cache::{Copies, Draft, Look};
use stamps::Stamps;
pub(crate) use stamps::{Stamp, Writing};

/// A typical copy, all counted: what tables are sized by.
const TYPICAL_BYTES: u64 = 512;
/// The near cache takes at most this part of the present quota: 1 in so many.
pub(crate) const MOST_OF_QUOTA: u64 = 4;
/// Slots for stamps: few enough to cost little, enough that copies are rarely voided by other keys.
const SLOTS: std::ops::RangeInclusive<u64> = 4096..=65_536;
/// A reply with more bytes is not copied, nor one that takes more than this part of a worker's room: 1 in so many.
const ENTRY_BYTES_MAX: u64 = 16 << 10;
const ENTRY_PART_MAX: u64 = 64;
/// Values whose expiry is being asked for, per worker.
const OFFERS_MAX: usize = 64;
/// Redis is asked again this long before a value expires.
const MARGIN_MS: u64 = 20;

/// The near cache of a tenant.
#[derive(Debug)]
pub(crate) struct Near {
    stamps: Arc<Stamps>,
    configured_bytes: u64,
    workers: u64,
    /// The quota by which Redis was last told its size.
    told_bytes: AtomicU64,
    /// What each worker may use.
    room: watch::Sender<u64>,
    uses: Mutex<Vec<Arc<Use>>>,
}

/// What a worker's copies take now.
#[derive(Debug, Default)]
struct Use {
    bytes: AtomicU64,
    copies: AtomicU64,
}

/// What a tenant's near cache takes now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NearUse {
    /// What it may take.
    pub(crate) budget_bytes: u64,
    /// What copies and tables take, all workers together.
    pub(crate) bytes: u64,
    /// Copies, all workers together.
    pub(crate) copies: u64,
}

/// Bytes of a cache quota that the near cache may take; the rest is Redis's. Never more than was configured.
pub(crate) fn part_of_quota(quota_bytes: u64, configured_bytes: u64) -> u64 {
    configured_bytes.min(quota_bytes / MOST_OF_QUOTA)
}

/// A worker's copies.
#[derive(Debug)]
pub(crate) struct NearCache {
    stamps: Arc<Stamps>,
    room: watch::Receiver<u64>,
    copies: RefCell<Copies>,
    admission: RefCell<Admission>,
    /// Hits since the admission was last told.
    hits: Cell<u32>,
    offers: Cell<usize>,
    largest_bytes: Cell<u64>,
    tables_bytes: u64,
    used: Arc<Use>,
}

/// What a `GET` found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Sought {
    /// A copy, which was handed over.
    Served,
    /// None. With a stamp: the value is to be offered when Redis has answered.
    NotHere(Option<Stamp>),
}

/// A value to be kept, once it is known when it expires.
#[derive(Debug)]
pub(crate) struct Offer {
    hash: u64,
    draft: Draft,
}

impl Near {
    /// The near cache of a tenant that configured `configured_bytes` (not 0) and has a cache quota of `quota_bytes`.
    pub(crate) fn new(configured_bytes: u64, quota_bytes: u64, workers: usize) -> Self {
        let slots = (configured_bytes / TYPICAL_BYTES).clamp(*SLOTS.start(), *SLOTS.end());
        let near = Self {
            stamps: Arc::new(Stamps::new(usize::try_from(slots).unwrap_or(1))),
            configured_bytes,
            workers: workers.max(1) as u64,
            told_bytes: AtomicU64::new(quota_bytes),
            room: watch::Sender::new(0),
            uses: Mutex::default(),
        };
        near.set_quota(quota_bytes);
        near
    }

    /// Divides its part of a cache quota among the workers.
    pub(crate) fn set_quota(&self, quota_bytes: u64) {
        let budget = part_of_quota(quota_bytes, self.configured_bytes);
        let room = budget.saturating_sub(self.stamps.bytes()) / self.workers;
        self.room.send_if_modified(|now| std::mem::replace(now, room) != room);
    }

    /// What of a cache quota is Redis's.
    pub(crate) fn redis_part(&self, quota_bytes: u64) -> u64 {
        quota_bytes - part_of_quota(quota_bytes, self.configured_bytes)
    }

    /// Redis is told its size by this quota.
    pub(crate) fn tells(&self, quota_bytes: u64) {
        self.told_bytes.store(quota_bytes, Ordering::Relaxed);
    }

    /// The quota by which a Redis with this `maxmemory` was told its size: `likely` or what it was told last, if it fits,
    /// as two quotas may differ by a byte and mean the same for Redis.
    pub(crate) fn quota_of(&self, maxmemory_bytes: u64, likely_bytes: u64) -> u64 {
        let told_bytes = self.told_bytes.load(Ordering::Relaxed);
        let mut known = [told_bytes, likely_bytes].into_iter();
        if let Some(quota) = known.find(|&quota| self.redis_part(quota) == maxmemory_bytes) {
            return quota;
        }
        let with_all = maxmemory_bytes.saturating_add(self.configured_bytes);
        if self.redis_part(with_all) == maxmemory_bytes {
            return with_all;
        }
        let of_redis = MOST_OF_QUOTA - 1;
        maxmemory_bytes / of_redis * MOST_OF_QUOTA + maxmemory_bytes % of_redis
    }

    /// A write of a key begins: its copies are not served before it has ended, nor are those from before it then.
    pub(crate) fn begin_write(&self, hash: u64) -> Writing {
        self.stamps.begin(hash)
    }

    /// Voids the copies of a key whose item was read from storage. Call before the item is shown to anyone.
    pub(crate) fn void(&self, hash: u64) {
        self.stamps.void(hash);
    }

    /// A worker's part.
    pub(crate) fn open(&self) -> NearCache {
        let used = Arc::new(Use::default());
        self.uses.lock().push(Arc::clone(&used));
        let most = self.configured_bytes / self.workers;
        let keys = usize::try_from(most / TYPICAL_BYTES).unwrap_or(usize::MAX).max(1);
        let admission = Admission::new(keys);
        let near = NearCache {
            stamps: Arc::clone(&self.stamps),
            room: self.room.subscribe(),
            copies: RefCell::new(Copies::new(0)),
            tables_bytes: admission.bytes(),
            admission: RefCell::new(admission),
            hits: Cell::new(0),
            offers: Cell::new(0),
            largest_bytes: Cell::new(0),
            used,
        };
        near.resize(*near.room.borrow());
        near
    }

    /// What it takes now.
    pub(crate) fn used(&self) -> NearUse {
        let mut sum = NearUse {
            budget_bytes: *self.room.borrow() * self.workers + self.stamps.bytes(),
            bytes: self.stamps.bytes(),
            copies: 0,
        };
        for used in self.uses.lock().iter() {
            sum.bytes += used.bytes.load(Ordering::Relaxed);
            sum.copies += used.copies.load(Ordering::Relaxed);
        }
        sum
    }
}

impl NearCache {
    /// Looks for a copy of a key and hands it to `answer` if it may be served.
    #[inline]
    pub(crate) fn seek(&self, key: &[u8], hash: u64, answer: impl FnOnce(&Copy)) -> Sought {
        let now = self.stamps.now(hash);
        let is_stale = {
            let copies = self.copies.borrow();
            match copies.look(key, hash, now, crate::clock::unix_ms) {
                Look::Good(copy) => {
                    self.hits.set(self.hits.get().wrapping_add(1));
                    answer(copy);
                    return Sought::Served;
                }
                Look::Refresh => return Sought::NotHere(None),
                Look::Stale => true,
                Look::Nothing => false,
            }
        };
        self.not_here(hash, now, is_stale)
    }

    #[cold]
    fn not_here(&self, hash: u64, now: Stamp, is_stale: bool) -> Sought {
        let mut admission = self.admission.borrow_mut();
        if is_stale {
            self.copies.borrow_mut().remove(hash);
            self.publish_use();
            admission.forget(hash);
        }
        let has_room = self.copies.borrow().has_room();
        let is_wanted = admission.saw(hash, self.hits.take(), has_room);
        Sought::NotHere((is_wanted && now.is_quiet()).then_some(now))
    }

    /// Takes a value that was wanted, if it may be kept: `stamp` is the one that said so. What comes of it goes to
    /// [`Self::keep`], with the key's expiry, or is dropped.
    pub(crate) fn offer(
        &self,
        key: &[u8],
        hash: u64,
        stamp: Stamp,
        reply: &[u8],
        value_len: usize,
        milli_read_units: u64,
    ) -> Option<Offer> {
        if self.stamps.now(hash) != stamp || self.offers.get() >= OFFERS_MAX {
            return None;
        }
        let (key_len, value_len) = (u32::try_from(key.len()).ok()?, u32::try_from(value_len).ok()?);
        if (key.len() + reply.len()) as u64 > self.largest_bytes.get() {
            return None;
        }
        let draft = Draft {
            stamp,
            value_len,
            milli_read_units: u32::try_from(milli_read_units).ok()?,
            key_len,
            bytes: [key, reply].concat().into(),
        };
        self.offers.set(self.offers.get() + 1);
        Some(Offer { hash, draft })
    }

    /// Keeps what was offered if nothing has changed since. `expires_at_ms`: that of the key; [`None`]: it has none. Must
    /// be called for every offer; `is_good` false drops it.
    ///
    /// Redis must have told the expiry when it was asked *after* the value had come, and only if it was in service then.
    pub(crate) fn keep(&self, offer: Offer, is_good: bool, expires_at_ms: Option<u64>) {
        self.offers.set(self.offers.get().saturating_sub(1));
        let Offer { hash, draft } = offer;
        let is_small =
            draft.weight() <= self.largest_bytes.get().saturating_add(cache::ENTRY_BYTES);
        if is_good && is_small && self.stamps.now(hash) == draft.stamp {
            let until_ms = expires_at_ms.map_or(u64::MAX, |at| at.saturating_sub(MARGIN_MS));
            self.copies.borrow_mut().insert(hash, draft, until_ms);
            self.publish_use();
        }
    }

    /// Follows the budget for as long as it is polled.
    pub(crate) async fn follow_budget(&self) {
        let mut room = self.room.clone();
        while room.changed().await.is_ok() {
            let bytes = *room.borrow_and_update();
            self.resize(bytes);
        }
    }

    /// Begins anew with this much room; what was copied is soon copied again.
    fn resize(&self, room_bytes: u64) {
        let room_bytes = room_bytes.saturating_sub(self.tables_bytes);
        self.largest_bytes.set((room_bytes / ENTRY_PART_MAX).min(ENTRY_BYTES_MAX));
        self.copies.replace(Copies::new(room_bytes));
        self.publish_use();
    }

    fn publish_use(&self) {
        let copies = self.copies.borrow();
        self.used.bytes.store(copies.bytes() + self.tables_bytes, Ordering::Relaxed);
        self.used.copies.store(copies.len(), Ordering::Relaxed);
    }
}

impl Drop for NearCache {
    fn drop(&mut self) {
        self.used.bytes.store(0, Ordering::Relaxed);
        self.used.copies.store(0, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
