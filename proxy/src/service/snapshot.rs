//! Several keys as they were at one instant.
//!
//! In Redis a command on several keys sees them all at once; here each lies in its own entry of the cache or item of
//! storage, and a client might see the first as it was before two writes and the second as it was after them. So the
//! reads are repeated if a write of one of the keys was under way while they ran, as [`crate::inflight::KeyLocks`] can
//! tell at the price of a look at two counters per key. The second time the keys' locks are held, in one order for
//! everybody, so that no write of this proxy moves; most multi-key reads (MGET, EXISTS, TOUCH, and those that Redis computes) never take one.
//!
//! Between several proxies that share a table no such lock exists: a read of several keys may then see a write of
//! another proxy to one key and not yet an earlier one to another, also within one transaction of that proxy. Each
//! value by itself is as fresh as that of a GET.
//!
//! All values are held at once, so what they hold together is bounded, and counted while they come in.

use std::pin::pin;
use std::rc::Rc;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, TryStreamExt as _};

use super::execute::{FAN_OUT, MAX_REPLY_BYTES};
use super::read::{FlightResult, Found};
use super::{Failure, Service};
use crate::command::Item;

impl Service {
    /// The items under distinct keys, at one instant as far as this proxy's writes are concerned.
    ///
    /// # Errors
    /// Why one could not be read.
    pub(super) async fn snapshot(self: &Rc<Self>, keys: &[Bytes]) -> Result<Vec<Found>, Failure> {
        self.snapshot_by(keys, Self::find_owned, Self::locked_owned).await
    }

    /// The same for a client that wants to know only which of the keys exist: each is accounted for when it is looked
    /// at, and its value let go.
    ///
    /// # Errors
    /// Why one could not be read.
    pub(super) async fn glance_all(self: &Rc<Self>, keys: &[Bytes]) -> Result<Vec<Found>, Failure> {
        self.snapshot_by(keys, Self::glance_owned, Self::locked_glance_owned).await
    }

    async fn snapshot_by<F, L>(
        self: &Rc<Self>,
        keys: &[Bytes],
        find: fn(Rc<Self>, Bytes) -> F,
        find_locked: fn(Rc<Self>, Bytes) -> L,
    ) -> Result<Vec<Found>, Failure>
    where
        F: Future<Output = FlightResult>,
        L: Future<Output = FlightResult>,
    {
        let locks = &self.tenant.locks;
        let before = keys.iter().map(|key| locks.writes_of(&self.key_of(key)));
        let before: Option<Vec<u64>> = before.collect();
        if let Some(before) = before {
            let found = self.find_all(keys, find).await?;
            let is_same =
                |(key, writes): (&Bytes, u64)| locks.writes_of(&self.key_of(key)) == Some(writes);
            if keys.len() < 2 || keys.iter().zip(before).all(is_same) {
                return Ok(found);
            }
        }
        let _guards = self.lock_all(keys).await;
        self.find_all(keys, find_locked).await
    }

    /// Runs `find` for all keys at once; results in the order of the keys.
    pub(super) async fn find_all<F>(
        self: &Rc<Self>,
        keys: &[Bytes],
        find: fn(Rc<Self>, Bytes) -> F,
    ) -> Result<Vec<Found>, Failure>
    where
        F: Future<Output = FlightResult>,
    {
        let reads = keys.iter().map(|key| find(Rc::clone(self), key.clone()));
        let reads = futures_util::stream::iter(reads).buffered(FAN_OUT);
        collect_within_bound(reads, |found| found.item.as_ref()).await
    }

    /// [`Service::find`] for [`Service::find_all`].
    pub(super) async fn find_owned(self: Rc<Self>, key: Bytes) -> FlightResult {
        self.find(&key).await
    }

    async fn glance_owned(self: Rc<Self>, key: Bytes) -> FlightResult {
        let found = self.glance(&key, false).await?;
        self.let_go(&key, found).await
    }

    async fn locked_glance_owned(self: Rc<Self>, key: Bytes) -> FlightResult {
        let found = self.current(&key).await?;
        self.let_go(&key, found).await
    }

    /// Accounts for a key that was looked at, and forgets its value.
    async fn let_go(&self, key: &Bytes, found: Found) -> FlightResult {
        self.account_bare(key, &found).await?;
        let item = found.item.map(|item| Item { value: Bytes::new(), ..item });
        Ok(Found { item, ..found })
    }

    async fn locked_owned(self: Rc<Self>, key: Bytes) -> FlightResult {
        self.current(&key).await
    }
}

/// What `reads` bring, as long as their items hold no more together than one reply may.
pub(super) async fn collect_within_bound<T>(
    reads: impl Stream<Item = Result<T, Failure>>,
    item_in: impl Fn(&T) -> Option<&Item>,
) -> Result<Vec<T>, Failure> {
    let (mut reads, mut all, mut room_bytes) = (pin!(reads), Vec::new(), MAX_REPLY_BYTES);
    while let Some(read) = reads.try_next().await? {
        let bytes = item_in(&read).map_or(0, |item| item.value.len());
        room_bytes = room_bytes.checked_sub(bytes).ok_or(Failure::ValuesTooLarge)?;
        all.push(read);
    }
    Ok(all)
}
