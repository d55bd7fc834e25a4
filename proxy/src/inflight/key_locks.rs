//! One writer per key: a FIFO lock for each key that is being written, gone when nobody wants it.
//!
//! Writes of one key through this proxy take turns, so the order in which storage applies them is the order in which
//! they are published and acknowledged.
//!
//! Within its turn a writer *stores*: from before its first fence until it has concluded. A reader that may have read what is
//! stored and not concluded waits for that, and not for the rest of the turn: for limits, for what is read to decide, or for
//! the late effect of a write that nobody confirmed.
//!
//! A reader of several keys can see without a lock whether anybody held one of them meanwhile: each lock belongs to one
//! of [`STRIPES`] pairs of counters, of turns begun and turns ended. (Keys share them, so it may see others' turns
//! too.)

use std::hash::BuildHasher as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use dashmap::DashMap;
use foldhash::fast::RandomState;
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::KeyOf;

/// Pairs of counters; 64 KiB.
const STRIPES: usize = 4096;

/// The locks of all keys in flight.
#[derive(Debug)]
pub(crate) struct KeyLocks {
    held: DashMap<KeyOf, Arc<Line>, RandomState>,
    turns: Box<[Turns]>,
    hashing: RandomState,
}

/// Who waits for a key.
#[derive(Debug, Default)]
struct Line {
    turn: Arc<Mutex<()>>,
    storing: Arc<Mutex<()>>,
}

/// Turns of the keys of one stripe.
#[derive(Debug, Default)]
struct Turns {
    begun: AtomicU64,
    ended: AtomicU64,
}

impl Default for KeyLocks {
    fn default() -> Self {
        let turns = std::iter::repeat_with(Turns::default).take(STRIPES).collect();
        Self { held: DashMap::default(), turns, hashing: RandomState::default() }
    }
}

/// Holds a key until dropped.
#[derive(Debug)]
pub(crate) struct KeyGuard {
    turn: Option<OwnedMutexGuard<()>>,
    place: Place,
}

/// The holder of a key stores until this is dropped.
#[derive(Debug)]
pub(crate) struct Storing {
    _storing: OwnedMutexGuard<()>,
}

/// A place in a line, which goes with the last of them.
#[derive(Debug)]
struct Place {
    locks: Arc<KeyLocks>,
    key: KeyOf,
    /// Until dropped.
    line: Option<Arc<Line>>,
}

impl KeyLocks {
    /// Waits for the key's turn.
    pub(crate) async fn lock(self: &Arc<Self>, key: KeyOf) -> KeyGuard {
        // The clone is taken under the shard's lock, so the count that `drop` looks at includes it.
        let line = Arc::clone(self.held.entry(key.clone()).or_default().value());
        let turn = Arc::clone(&line.turn);
        // Made before the wait, so that a waiter that gives up cleans up as well.
        let place = Place { locks: Arc::clone(self), key, line: Some(line) };
        let mut guard = KeyGuard { turn: None, place };
        guard.turn = Some(turn.lock_owned().await);
        if let Some(turns) = self.turns_of(&guard.place.key) {
            turns.begun.fetch_add(1, Ordering::SeqCst);
        }
        guard
    }

    /// Waits until what the key's writer may have stored by now is concluded.
    pub(crate) async fn concluded(self: &Arc<Self>, key: &KeyOf) {
        let Some(line) = self.held.get(key).map(|line| Arc::clone(line.value())) else { return };
        let storing = Arc::clone(&line.storing);
        let _place = Place { locks: Arc::clone(self), key: key.clone(), line: Some(line) };
        drop(storing.lock_owned().await);
    }

    /// How often keys of this one's stripe were held so far; none while one is. If it is the same before and after
    /// something, the key was not held in between.
    pub(crate) fn writes_of(&self, key: &KeyOf) -> Option<u64> {
        let turns = self.turns_of(key)?;
        let ended = turns.ended.load(Ordering::SeqCst);
        (turns.begun.load(Ordering::SeqCst) == ended).then_some(ended)
    }

    fn turns_of(&self, key: &KeyOf) -> Option<&Turns> {
        #[expect(clippy::cast_possible_truncation, reason = "any bits of the hash will do")]
        let hash = self.hashing.hash_one(key) as usize;
        self.turns.get(hash % STRIPES)
    }
}

impl KeyGuard {
    /// From now on it stores.
    pub(crate) async fn store(&self) -> Option<Storing> {
        let line = self.place.line.as_ref()?;
        // Nobody else stores; a reader on its way past holds it for an instant.
        Some(Storing { _storing: Arc::clone(&line.storing).lock_owned().await })
    }
}

impl Drop for KeyGuard {
    fn drop(&mut self) {
        if self.turn.take().is_some()
            && let Some(turns) = self.place.locks.turns_of(&self.place.key)
        {
            turns.ended.fetch_add(1, Ordering::SeqCst);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.line = None;
        // The map's own reference is the only one left when nobody holds or awaits the lock.
        self.locks.held.remove_if(&self.key, |_, line| Arc::strong_count(line) == 1);
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
        assert_eq!(locks.writes_of(&key), None);
        drop(first);
        drop(second.await.unwrap());
        assert_eq!(locks.writes_of(&key), Some(2));
        assert!(locks.held.is_empty());
    }

    #[tokio::test]
    async fn a_reader_waits_for_what_is_stored_and_not_for_the_turn() {
        let locks = Arc::new(KeyLocks::default());
        let key = KeyOf { tenant: 1, key: Bytes::from_static(b"k") };
        locks.concluded(&key).await;
        let writer = locks.lock(key.clone()).await;
        locks.concluded(&key).await;
        let storing = writer.store().await;
        let reader = tokio::spawn({
            let (locks, key) = (Arc::clone(&locks), key.clone());
            async move { locks.concluded(&key).await }
        });
        tokio::task::yield_now().await;
        assert!(!reader.is_finished());
        drop(storing);
        reader.await.unwrap();
        locks.concluded(&key).await;
        drop(writer);
        assert!(locks.held.is_empty());
    }
}
