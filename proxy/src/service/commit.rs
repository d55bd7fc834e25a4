//! Making changes durable and visible: limits -> fences -> ONE storage write -> publish -> done.
//!
//! The caller holds the lock of every key and has decided. Limits are charged before the fences, so that nobody waits
//! for units behind a fence. From the fences on the steps run in a task of their own: a client that goes away does not
//! leave a half-done write.
//!
//! **Several keys.** All fences stand before storage is asked and all conclusions come after it, one per key, with the
//! interleavings of `cache/scripts.rs` for each key alone. Between the keys:
//!
//! - *Who saw one change sees them all.* With one key, the old value stays readable until it is replaced. With several
//!   it is removed by the fence: were it not, a reader could miss on `a`, get the new `a` from storage, and then hit the
//!   old `b`. So from the last fence on everybody asks storage, where the change happens in one instant. A hit on an
//!   old value was sent to Redis before that, and with it before the change. What a reader holds that came to storage
//!   before the change cannot be filled: the fence took its lease.
//! - *A fence cannot be planted* (Redis is lost): nothing is asked of storage; the fences that stand are lifted. If
//!   lifting fails as well they fall by themselves, and keep only old, removed values out until then. Where this proxy
//!   alone owns the cache it goes on without fences, and every key is noted as stale before the reply.
//! - *The result is not known*: each key is left fenced and removed once more later, as with one key. Storage has all
//!   changes or none, whenever it has them. A change that takes effect late, between or after others, must not undo
//!   those: either it does not depend on what it replaces, or a condition says on what. Where neither is so
//!   ([`Basis::Assumed`]) the keys stay locked until it can no longer take effect.
//! - *A condition is not met*: storage was not changed. What the decision was made from may be stale, so it is removed
//!   from Redis, not restored, and the caller decides again from what storage found.
//! - *A second proxy writes one of the keys meanwhile*: its fence and ours overlap, so both remove the value instead
//!   of publishing it. Which write came last, storage knows; where a decision depended on the old item, a condition
//!   keeps the later one from overwriting the earlier (`change`).
//! - *The proxy dies*: before storage was asked, nothing happened; after it, all changes are durable. Either way the
//!   fences fall and readers ask storage. Between these two nobody knows, as with one key, but it is all or nothing.
//!
//! **Without Redis.** When a fence cannot be planted and this proxy alone owns the cache, the write goes to storage
//! all the same. Where other proxies may serve from that Redis, the write is refused before anything is changed. Either
//! way, whatever could not be removed from Redis afterwards is noted before the client gets its reply, and Redis serves
//! nobody here until it is removed ([`crate::cache::Health`]).

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;

use super::read::milli;
use super::{Failure, Service};
use crate::cache::{CacheLost, Conclusion, Fence, OldValue};
use crate::command::{Change, Item};
use crate::inflight::KeyGuard;
use crate::limits::{Amount, Resource};
use crate::near::Writing;
use crate::storage::{
    CommitOutcome, Committed, Expectation, Found, KeyEffect, StorageError, TRANSACTION_FACTOR,
    check_commit, is_transaction, write_units,
};

/// The locks of all keys of a change.
pub(super) type Locks = Rc<[KeyGuard]>;

/// What is to become of one key.
#[derive(Debug, Clone)]
pub(super) struct KeyChange {
    /// What storage is told.
    pub(super) effect: KeyEffect,
    /// The item before, if it was read: a put costs as much as the larger of both.
    pub(super) before: Option<Item>,
}

impl KeyChange {
    /// A change of what was not read.
    pub(super) fn blind(key: Bytes, change: Change) -> Self {
        let effect = KeyEffect { key, change, expectation: Expectation::Anything };
        Self { effect, before: None }
    }

    fn changes(&self) -> bool {
        self.effect.change != Change::Keep
    }
}

/// Whether a change still makes sense should it take effect late, when other changes have been made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Basis {
    /// It does, or its conditions keep it from taking effect: whatever it was decided from is one.
    Checked,
    /// It was decided from something that is no condition.
    Assumed,
}

/// How a commit ended.
#[derive(Debug)]
pub(super) enum Commit {
    /// All of it is durable. What a single deletion removed is known.
    Done {
        /// Whether it removed an item.
        removed: bool,
    },
    /// An expectation was not met; nothing was changed. What was found, in the order of the changes.
    Conflict(Vec<Found>),
}

impl Service {
    /// Makes changes durable and visible, all or none.
    ///
    /// # Errors
    /// Why it was not done, or that nobody knows.
    pub(super) async fn commit(
        self: &Rc<Self>,
        locks: &Locks,
        changes: Vec<KeyChange>,
        basis: Basis,
    ) -> Result<Commit, Failure> {
        if !changes.iter().any(KeyChange::changes) {
            return Ok(Commit::Done { removed: false });
        }
        let units = self.price(&changes)?;
        let moved = changes.iter().map(|change| match &change.effect.change {
            Change::Put(item) => change.effect.key.len() + item.value.len(),
            Change::Delete | Change::Keep => change.effect.key.len(),
        });
        self.charge_write(units, moved.sum()).await?;
        let (service, locks) = (Rc::clone(self), Rc::clone(locks));
        let done = self.tasks.spawn_local(async move {
            let storing = join_all(locks.iter().map(KeyGuard::store)).await;
            let result = service.store(&changes, units).await;
            drop(storing);
            if basis == Basis::Assumed && matches!(result, Err(Failure::Unconfirmed(_))) {
                service.keep_locked(locks);
            }
            result
        });
        done.await.unwrap_or_else(|error| Err(Failure::internal(&error)))
    }

    /// Write units by DynamoDB's rules, and whether storage takes it at all.
    fn price(&self, changes: &[KeyChange]) -> Result<f64, Failure> {
        let (table, limits) = (&self.tenant.table, self.tenant.item_limits());
        let mut units = 0.0;
        for KeyChange { effect, before } in changes {
            let key_len = effect.key.len();
            let mut bytes = before.as_ref().map_or(0, |item| table.bytes_of(key_len, item));
            if let Change::Put(item) = &effect.change {
                limits.check_value(key_len, item.value.len()).map_err(Failure::TooLarge)?;
                bytes = bytes.max(table.bytes_of(key_len, item));
            }
            units += write_units(bytes);
        }
        let effects = effects_of(changes);
        check_commit(table, &effects).map_err(Failure::of_storage)?;
        Ok(if is_transaction(&effects) { TRANSACTION_FACTOR * units } else { units })
    }

    /// fences -> storage -> publish.
    async fn store(&self, changes: &[KeyChange], charged: f64) -> Result<Commit, Failure> {
        let fenced: Vec<&KeyChange> = changes.iter().filter(|change| change.changes()).collect();
        // From before anything of it can be seen until it is concluded, or dropped.
        let writing: Vec<Option<Writing>> =
            fenced.iter().map(|change| self.begin_write(&change.effect.key)).collect();
        let fences = match self.plant_all(&fenced).await {
            Ok(fences) => fences,
            Err(failure) => {
                self.settle_write(0.0, charged);
                return Err(failure);
            }
        };
        let storage = &self.tenant.storage;
        let result = storage.commit(&self.tenant.table, effects_of(changes)).await;
        self.announce(&fenced, &result);
        let concluded =
            fenced.iter().zip(&fences).zip(writing).map(|((change, fence), writing)| {
                let conclusion = conclusion(&result, &change.effect.change);
                self.conclude(&change.effect.key, fence.as_ref(), conclusion, writing)
            });
        let concluded = join_all(concluded);
        let failed = concluded.await.into_iter().find_map(Result::err);
        match result {
            Ok(committed) => {
                self.settle_write(committed.write_units, charged);
                match (committed.outcome, failed) {
                    // Nothing was changed, so what the cache could not do heals by the fences or the notes.
                    (CommitOutcome::Conflict(found), _) => Ok(Commit::Conflict(found)),
                    (CommitOutcome::Applied { .. }, Some(failure)) => Err(failure),
                    // It is gone, but a first attempt that storage answered with an error may have been what removed it.
                    (CommitOutcome::Applied { removed: None, removed_is_certain: false }, None)
                        if is_blind_deletion(changes) =>
                    {
                        let why = "whether there was anything to delete is not known".to_owned();
                        Err(Failure::Unconfirmed(Arc::new(StorageError::Ambiguous(why))))
                    }
                    (CommitOutcome::Applied { removed, .. }, None) => {
                        Ok(Commit::Done { removed: removed.is_some() })
                    }
                }
            }
            // The client learns of the storage error; what the cache could not do heals by the fences or the notes.
            Err(error) => Err(self.write_failed(error, charged)),
        }
    }

    /// Tells who watches the keys, while their locks are held. What an ambiguous write may still do counts as done; a
    /// deletion that certainly found nothing does not.
    fn announce(&self, changed: &[&KeyChange], result: &Result<Committed, StorageError>) {
        match result {
            Ok(Committed { outcome: CommitOutcome::Conflict(_), .. }) => return,
            Err(error) if !error.may_have_applied() => return,
            _ => {}
        }
        let found_nothing = matches!(
            (changed, result),
            (
                [KeyChange { effect: KeyEffect { change: Change::Delete, .. }, .. }],
                Ok(Committed {
                    outcome: CommitOutcome::Applied { removed: None, removed_is_certain: true },
                    ..
                })
            )
        );
        for KeyChange { effect, .. } in changed {
            self.observe_write(&effect.key, &effect.change);
            if !found_nothing {
                self.tenant.watches.touch(&effect.key);
            }
        }
    }

    /// From now until the guard is dropped no near copy of the key is served, nor any from before it afterwards.
    fn begin_write(&self, key: &[u8]) -> Option<Writing> {
        self.tenant.near.as_ref().map(|near| near.begin_write(crate::hash::of_key(key)))
    }

    async fn plant_all(&self, changes: &[&KeyChange]) -> Result<Vec<Option<Fence>>, Failure> {
        let old = if changes.len() > 1 { OldValue::Removed } else { OldValue::StaysReadable };
        let planted = join_all(changes.iter().map(|change| self.plant(&change.effect.key, old)));
        let planted = planted.await;
        if !planted.iter().any(Result::is_err) {
            return planted.into_iter().collect();
        }
        for (change, fence) in changes.iter().zip(&planted) {
            if let Ok(fence) = fence {
                // Nothing was written, so what the cache could not do heals by the fence or the note.
                let key = &change.effect.key;
                let _ = self.conclude(key, fence.as_ref(), Conclusion::Restore, None).await;
            }
        }
        planted.into_iter().collect()
    }

    async fn plant(&self, key: &Bytes, old: OldValue) -> Result<Option<Fence>, Failure> {
        match self.coherence.fence(key, old).await {
            Ok(fence) => Ok(Some(fence)),
            Err(CacheLost) if self.tenant.cache.exclusive => {
                self.counters.bypassed.add(1);
                Ok(None)
            }
            Err(CacheLost) => Err(Failure::CacheRequired),
        }
    }

    /// Concludes in Redis, or notes the key as stale, which is enough where nobody else serves from that Redis. What may
    /// still change in storage is removed once more later, and is being written until then.
    async fn conclude(
        &self,
        key: &Bytes,
        fence: Option<&Fence>,
        conclusion: Conclusion<'_>,
        writing: Option<Writing>,
    ) -> Result<(), Failure> {
        let ambiguous = matches!(conclusion, Conclusion::Unknown);
        let result = self.coherence.conclude(key, fence, conclusion).await;
        if result.is_err() {
            self.tenant.cache.health.note_stale(key.clone());
        }
        if ambiguous {
            self.remove_later(key.clone(), writing);
        }
        match result {
            Err(CacheLost) if !self.tenant.cache.exclusive => Err(Failure::CacheLostDuringWrite),
            _ => Ok(()),
        }
    }

    /// Removes the key from Redis when a fence planted now would fall. Until then a fence keeps values out, but it can
    /// be evicted, or go with Redis, and then a reader may cache what an ambiguous write replaces a moment later.
    fn remove_later(&self, key: Bytes, writing: Option<Writing>) {
        let health = Arc::clone(&self.tenant.cache.health);
        let wait = Duration::from_millis(self.tenant.cache.times.fence_ms);
        let this = self.this.clone();
        health.owe_removal();
        // Not one of the tracked tasks: a shutdown need not wait, as a cache that is owed a removal is not left as clean.
        tokio::task::spawn_local(async move {
            tokio::time::sleep(wait).await;
            let Some(service) = this.upgrade() else { return };
            // Without a fence, every conclusion removes.
            let removed = service.coherence.conclude(&key, None, Conclusion::Absent).await;
            if removed.is_err() {
                health.note_stale(key);
            }
            health.removal_done();
            drop(writing);
        });
    }

    /// Keeps other writes away from keys for as long as a write may still take effect that was computed from what they
    /// held and has no condition that says so: it would undo them.
    fn keep_locked(&self, locks: Locks) {
        let wait = Duration::from_millis(self.tenant.cache.times.fence_ms);
        // Not one of the tracked tasks: after a shutdown nobody writes.
        tokio::task::spawn_local(async move {
            tokio::time::sleep(wait).await;
            drop(locks);
        });
    }

    /// Write units, then bytes of both sides; what was taken is given back if the second is refused.
    async fn charge_write(&self, units: f64, bytes: usize) -> Result<(), Failure> {
        let limits = &self.tenant.limits;
        let (units, bytes) = (Amount::from_f64(units), bytes as u64);
        limits.charge(Resource::WriteUnits, units).await?;
        if let Err(throttled) = limits.charge(Resource::Net, Amount::bytes(2 * bytes)).await {
            limits.write_units.settle(units, Amount::ZERO);
            return Err(throttled.into());
        }
        self.counters.storage_bytes.add(bytes);
        Ok(())
    }

    fn settle_write(&self, consumed: f64, charged: f64) {
        let (charged, used) = (Amount::from_f64(charged), Amount::from_f64(consumed));
        self.tenant.limits.write_units.settle(charged, used);
        self.counters.milli_write_units.add(milli(consumed));
    }

    fn write_failed(&self, error: StorageError, charged: f64) -> Failure {
        if error.may_have_applied() {
            // It may have been consumed: stay on the safe side of the quota.
            self.counters.milli_write_units.add(milli(charged));
            Failure::Unconfirmed(Arc::new(error))
        } else {
            self.settle_write(0.0, charged);
            Failure::of_storage(error)
        }
    }
}

/// Its reply is what storage says it removed.
fn is_blind_deletion(changes: &[KeyChange]) -> bool {
    matches!(
        changes,
        [KeyChange {
            effect: KeyEffect { change: Change::Delete, expectation: Expectation::Anything, .. },
            ..
        }]
    )
}

fn effects_of(changes: &[KeyChange]) -> Vec<KeyEffect> {
    changes.iter().map(|change| change.effect.clone()).collect()
}

fn conclusion<'a>(result: &Result<Committed, StorageError>, change: &'a Change) -> Conclusion<'a> {
    match (result, change) {
        (Ok(Committed { outcome: CommitOutcome::Applied { .. }, .. }), Change::Put(item)) => {
            Conclusion::Put(item)
        }
        (Ok(Committed { outcome: CommitOutcome::Applied { .. }, .. }), _) => Conclusion::Absent,
        (Ok(Committed { outcome: CommitOutcome::Conflict(_), .. }), _) => Conclusion::Forget,
        (Err(error), _) if error.may_have_applied() => Conclusion::Unknown,
        (Err(_), _) => Conclusion::Restore,
    }
}
