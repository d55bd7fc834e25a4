//! A write: lock -> (read, where the command needs the old value) -> limits -> fence -> storage -> publish -> reply.
//!
//! The key's lock keeps writes of one key through this proxy in one order everywhere. Limits are charged before the
//! fence, so that nobody waits for units behind a fence. From the fence on the steps run in a task of their own: a
//! client that goes away does not leave a half-done write.
//!
//! **Without Redis.** When the fence cannot be planted and this proxy alone owns the cache, the write goes to storage
//! all the same. Where other proxies may serve from that Redis, the write is refused before anything is changed. Either
//! way, whatever could not be removed from Redis afterwards is noted before the client gets its reply, and Redis serves
//! nobody here until it is removed ([`crate::cache::Health`]).

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::read::milli;
use super::{Failure, Service};
use crate::cache::{CacheLost, Conclusion, Fence};
use crate::command::{Change, Item, WriteOp};
use crate::inflight::KeyGuard;
use crate::limits::{Amount, Resource};
use crate::resp::Reply;
use crate::storage::{StorageError, TRANSACTION_FACTOR, write_units};

/// What storage is to be told about one key.
#[derive(Debug)]
pub(super) enum Effect {
    Put(Item),
    Delete,
}

impl Service {
    /// Runs a write command on one key.
    ///
    /// # Errors
    /// Why it was not done.
    pub(super) async fn write(
        self: &Rc<Self>,
        key: &Bytes,
        op: &WriteOp,
    ) -> Result<Reply, Failure> {
        let guard = self.tenant.locks.lock(self.key_of(key)).await;
        let old = if op.needs_old() { self.current(key).await?.item } else { None };
        let now_ms = crate::clock::unix_ms();
        let outcome = op.evaluate(old.as_ref(), now_ms, key.len(), &self.tenant.item_limits());
        self.observe_write(key, &outcome.change);
        let effect = match outcome.change {
            Change::Keep => return Ok(outcome.reply),
            Change::Put(item) => Effect::Put(item),
            Change::Delete => Effect::Delete,
        };
        self.persist(guard, key, old.as_ref(), effect).await?;
        Ok(outcome.reply)
    }

    /// Deletes a key; true if it existed.
    ///
    /// # Errors
    /// Why it was not done.
    pub(super) async fn delete(self: &Rc<Self>, key: &Bytes) -> Result<bool, Failure> {
        let guard = self.tenant.locks.lock(self.key_of(key)).await;
        self.observe_write(key, &Change::Delete);
        self.persist(guard, key, None, Effect::Delete).await
    }

    /// Sets all keys or, where one exists, none. The keys are distinct.
    ///
    /// # Errors
    /// Why it was not done.
    pub(super) async fn set_all_if_absent(
        self: &Rc<Self>,
        mut pairs: Vec<(Bytes, Bytes)>,
    ) -> Result<bool, Failure> {
        // One order for everybody, so that two of these cannot wait for each other.
        pairs.sort();
        let mut guards = Vec::with_capacity(pairs.len());
        for (key, _) in &pairs {
            guards.push(self.tenant.locks.lock(self.key_of(key)).await);
        }
        let table = &self.tenant.table;
        // A transaction costs twice the units.
        let units: f64 = pairs
            .iter()
            .map(|(k, v)| {
                TRANSACTION_FACTOR * write_units(table.item_bytes(k.len(), v.len(), false))
            })
            .sum();
        let bytes: usize = pairs.iter().map(|(k, v)| k.len() + v.len()).sum();
        self.charge_write(units, bytes).await?;
        let service = Rc::clone(self);
        let done = self.tasks.spawn_local(async move {
            let _guards = guards;
            service.transact(&pairs, units).await
        });
        done.await.unwrap_or_else(|error| Err(Failure::internal(&error)))
    }

    async fn transact(&self, pairs: &[(Bytes, Bytes)], charged: f64) -> Result<bool, Failure> {
        let mut fences = Vec::with_capacity(pairs.len());
        for (key, _) in pairs {
            match self.plant(key).await {
                Ok(fence) => fences.push(fence),
                Err(failure) => {
                    for ((planted, _), fence) in pairs.iter().zip(&fences) {
                        // Nothing was written, so what the cache could not do heals by the fence or the note.
                        let _ = self.conclude(planted, fence.as_ref(), Conclusion::Restore).await;
                    }
                    self.settle_write(0.0, charged);
                    return Err(failure);
                }
            }
        }
        let storage = &self.tenant.storage;
        let result =
            storage.put_all_if_absent(&self.tenant.table, pairs, crate::clock::unix_ms()).await;
        let mut failed = None;
        for ((key, value), fence) in pairs.iter().zip(&fences) {
            let item = Item { value: value.clone(), expires_at_ms: None };
            let conclusion = match &result {
                Ok((true, _)) => Conclusion::Put(&item),
                Err(error) if error.may_have_applied() => Conclusion::Unknown,
                Ok((false, _)) | Err(_) => Conclusion::Restore,
            };
            if let Err(failure) = self.conclude(key, fence.as_ref(), conclusion).await {
                failed = Some(failure);
            }
            if matches!(result, Ok((true, _))) {
                self.observe_write(key, &Change::Put(item));
            }
        }
        let (written, units) = result.map_err(|error| self.write_failed(error, charged))?;
        self.settle_write(units, charged);
        failed.map_or(Ok(written), Err)
    }

    /// Charges, then makes the effect durable and visible. True if the key existed (known for deletions).
    async fn persist(
        self: &Rc<Self>,
        guard: KeyGuard,
        key: &Bytes,
        old: Option<&Item>,
        effect: Effect,
    ) -> Result<bool, Failure> {
        let table = &self.tenant.table;
        let bytes_of =
            |i: &Item| table.item_bytes(key.len(), i.value.len(), i.expires_at_ms.is_some());
        let new_bytes = if let Effect::Put(item) = &effect { bytes_of(item) } else { 0 };
        let units = write_units(new_bytes.max(old.map_or(0, bytes_of)));
        let moved = match &effect {
            Effect::Put(item) => key.len() + item.value.len(),
            Effect::Delete => key.len(),
        };
        self.charge_write(units, moved).await?;
        let service = Rc::clone(self);
        let key = key.clone();
        let done = self.tasks.spawn_local(async move {
            let _guard = guard;
            service.store(&key, &effect, units).await
        });
        done.await.unwrap_or_else(|error| Err(Failure::internal(&error)))
    }

    /// fence -> storage -> publish.
    async fn store(&self, key: &Bytes, effect: &Effect, charged: f64) -> Result<bool, Failure> {
        let fence = match self.plant(key).await {
            Ok(fence) => fence,
            Err(failure) => {
                self.settle_write(0.0, charged);
                return Err(failure);
            }
        };
        let (tenant, table) = (&self.tenant, &self.tenant.table);
        let result = match effect {
            Effect::Put(item) => {
                tenant.storage.put(table, key, item).await.map(|w| (true, w.write_units))
            }
            Effect::Delete => {
                tenant.storage.delete(table, key).await.map(|d| (d.old.is_some(), d.write_units))
            }
        };
        match result {
            Ok((existed, units)) => {
                self.settle_write(units, charged);
                let conclusion = match effect {
                    Effect::Put(item) => Conclusion::Put(item),
                    Effect::Delete => Conclusion::Absent,
                };
                self.conclude(key, fence.as_ref(), conclusion).await?;
                Ok(existed)
            }
            Err(error) => {
                let conclusion = if error.may_have_applied() {
                    Conclusion::Unknown
                } else {
                    Conclusion::Restore
                };
                // The client learns of the storage error; what the cache could not do heals by the fence or the note.
                let _ = self.conclude(key, fence.as_ref(), conclusion).await;
                Err(self.write_failed(error, charged))
            }
        }
    }

    async fn plant(&self, key: &Bytes) -> Result<Option<Fence>, Failure> {
        match self.coherence.fence(key).await {
            Ok(fence) => Ok(Some(fence)),
            Err(CacheLost) if self.tenant.cache.exclusive => {
                self.counters.bypassed.add(1);
                Ok(None)
            }
            Err(CacheLost) => Err(Failure::CacheRequired),
        }
    }

    /// Concludes in Redis, or notes the key as stale, which is enough where nobody else serves from that Redis. What may
    /// still change in storage is removed once more later.
    async fn conclude(
        &self,
        key: &Bytes,
        fence: Option<&Fence>,
        conclusion: Conclusion<'_>,
    ) -> Result<(), Failure> {
        let ambiguous = matches!(conclusion, Conclusion::Unknown);
        let result = self.coherence.conclude(key, fence, conclusion).await;
        if result.is_err() {
            self.tenant.cache.health.note_stale(key.clone());
        }
        if ambiguous {
            self.remove_later(key.clone());
        }
        match result {
            Err(CacheLost) if !self.tenant.cache.exclusive => Err(Failure::CacheLostDuringWrite),
            _ => Ok(()),
        }
    }

    /// Removes the key from Redis when a fence planted now would fall. Until then a fence keeps values out, but it can
    /// be evicted, or go with Redis, and then a reader may cache what an ambiguous write replaces a moment later.
    fn remove_later(&self, key: Bytes) {
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
