//! One writer per key: a FIFO lock for each key that is being written, gone when nobody wants it.
//!
//! Writes of one key through this proxy take turns, so the order in which storage applies them is the order in which
//! they are published and acknowledged.

use std::sync::Arc;

use dashmap::DashMap;
use foldhash::fast::RandomState;
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::KeyOf;

/// The locks of all keys in flight.
#[derive(Debug, Default)]
pub(crate) struct KeyLocks {
    held: DashMap<KeyOf, Arc<Mutex<()>>, RandomState>,
}

/// Holds a key until dropped.
#[derive(Debug)]
pub(crate) struct KeyGuard {
    locks: Arc<KeyLocks>,
    key: KeyOf,
    guard: Option<OwnedMutexGuard<()>>,
}

impl KeyLocks {
    /// Waits for the key's turn.
    pub(crate) async fn lock(self: &Arc<Self>, key: KeyOf) -> KeyGuard {
        // The clone is taken under the shard's lock, so the count that `drop` looks at includes it.
        let lock = Arc::clone(self.held.entry(key.clone()).or_default().value());
        // Made before the wait, so that a waiter that gives up cleans up as well.
        let mut guard = KeyGuard { locks: Arc::clone(self), key, guard: None };
        guard.guard = Some(lock.lock_owned().await);
        guard
    }
}

impl Drop for KeyGuard {
    fn drop(&mut self) {
        self.guard = None;
        // The map's own reference is the only one left when nobody holds or awaits the lock.
        self.locks.held.remove_if(&self.key, |_, lock| Arc::strong_count(lock) == 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    #[tokio::test]
    async fn writers_of_a_key_take_turns_and_leave_nothing_behind() {
        let locks = Arc::new(KeyLocks::default());
        let key = KeyOf { tenant: 1, key: Bytes::from_static(b"k") };
        let first = locks.lock(key.clone()).await;
        let second = tokio::spawn({
            let (locks, key) = (Arc::clone(&locks), key.clone());
            async move { locks.lock(key).await }
        });
        tokio::task::yield_now().await;
        assert!(!second.is_finished());
        drop(first);
        drop(second.await.unwrap());
        assert!(locks.held.is_empty());
    }
}
