//! Coalesced misses: one storage read for everyone who misses a key at the same time.
//!
//! The first to miss a key leads the flight; the others take seats. Whose answer is it? A reader must not be told a
//! value older than a write that was acknowledged before the reader came. So a flight has phases, and a seat remembers
//! the phase in which it was taken:
//!
//! - taken before the cache was asked: any result will do, it was all read later;
//! - taken before storage was asked: a result from storage will do, a hit or negative entry from the cache may be older;
//! - taken after that, but before the fill was asked for: only a result that was *filled* will do. The lease stood from
//!   before the storage read until the fill, and a write removes the lease before it is acknowledged, so none was
//!   acknowledged in between;
//! - taken after that: nothing will do, as a write may have been acknowledged since the fill.
//!
//! A seat whose flight does not do boards the next one.

use std::sync::Arc;

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use foldhash::fast::RandomState;
use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::KeyOf;

/// How far a flight has come; also how far it had come when a seat was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// Nobody has been asked.
    Boarding,
    /// The cache has been asked.
    CacheAsked,
    /// Storage has been asked.
    StorageAsked,
    /// The cache has been asked to take the result.
    Filling,
}

/// Who may use a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Landing {
    /// The cache had it: seats taken before it was asked.
    FromCache,
    /// Storage said it: seats taken before storage was asked.
    FromStorage,
    /// Storage said it and the fill was accepted: seats taken before the fill.
    Filled,
    /// Storage failed, which is never stale: everyone, or those who came late would wait for one more time-out.
    Failed,
}

impl Landing {
    fn serves(self, seat: Phase) -> bool {
        match self {
            Self::FromCache => seat == Phase::Boarding,
            Self::FromStorage => seat <= Phase::CacheAsked,
            Self::Filled => seat <= Phase::StorageAsked,
            Self::Failed => true,
        }
    }
}

#[derive(Debug)]
struct Cabin<R> {
    phase: Phase,
    seats: Vec<(Phase, oneshot::Sender<Option<R>>)>,
}

/// All flights of the proxy.
#[derive(Debug)]
pub(crate) struct Flights<R> {
    open: DashMap<KeyOf, Arc<Mutex<Cabin<R>>>, RandomState>,
}

/// The result of asking for a key.
#[derive(Debug)]
pub(crate) enum Join<R> {
    /// Lead: read, then land.
    Lead(Flight<R>),
    /// Wait for somebody else's flight.
    Seat(Seat<R>),
}

/// A seat on somebody else's flight.
#[derive(Debug)]
pub(crate) struct Seat<R>(oneshot::Receiver<Option<R>>);

impl<R> Seat<R> {
    /// The result, or `None` when it does not do (or the leader vanished) and the reader must ask again.
    pub(crate) async fn arrive(self) -> Option<R> {
        self.0.await.ok().flatten()
    }
}

/// The leader's side. Dropping it without landing sends everyone to the next flight.
#[derive(Debug)]
pub(crate) struct Flight<R> {
    flights: Arc<Flights<R>>,
    key: KeyOf,
    cabin: Arc<Mutex<Cabin<R>>>,
}

impl<R> Default for Flights<R> {
    fn default() -> Self {
        Self { open: DashMap::default() }
    }
}

impl<R: Clone> Flights<R> {
    /// Takes a seat on the key's flight, or opens one.
    pub(crate) fn join(self: &Arc<Self>, key: KeyOf) -> Join<R> {
        match self.open.entry(key) {
            Entry::Occupied(entry) => {
                let (sender, receiver) = oneshot::channel();
                let mut cabin = entry.get().lock();
                let phase = cabin.phase;
                cabin.seats.push((phase, sender));
                Join::Seat(Seat(receiver))
            }
            Entry::Vacant(entry) => {
                let cabin =
                    Arc::new(Mutex::new(Cabin { phase: Phase::Boarding, seats: Vec::new() }));
                let key = entry.key().clone();
                entry.insert(Arc::clone(&cabin));
                Join::Lead(Flight { flights: Arc::clone(self), key, cabin })
            }
        }
    }
}

impl<R> Flight<R> {
    /// Call right before the cache is asked.
    pub(crate) fn asks_cache(&self) {
        self.cabin.lock().phase = Phase::CacheAsked;
    }

    /// Call right before storage is asked.
    pub(crate) fn asks_storage(&self) {
        self.cabin.lock().phase = Phase::StorageAsked;
    }

    /// Call right before the fill.
    pub(crate) fn fills(&self) {
        self.cabin.lock().phase = Phase::Filling;
    }
}

impl<R: Clone> Flight<R> {
    /// Ends the flight: nobody joins any more, everyone on board is told. Returns how many were served.
    pub(crate) fn land(self, landing: Landing, result: &R) -> usize {
        self.flights.open.remove(&self.key);
        let seats = std::mem::take(&mut self.cabin.lock().seats);
        let mut served = 0;
        for (phase, seat) in seats {
            let serves = landing.serves(phase);
            served += usize::from(serves);
            // A reader that went away needs no answer.
            let _ = seat.send(serves.then(|| result.clone()));
        }
        served
    }
}

impl<R> Drop for Flight<R> {
    fn drop(&mut self) {
        // After `land` the entry is gone, or a later flight's: remove only our own.
        self.flights.open.remove_if(&self.key, |_, cabin| Arc::ptr_eq(cabin, &self.cabin));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn key() -> KeyOf {
        KeyOf { tenant: 1, key: Bytes::from_static(b"k") }
    }

    fn board(flights: &Arc<Flights<u32>>) -> Seat<u32> {
        match flights.join(key()) {
            Join::Seat(seat) => seat,
            Join::Lead(_) => panic!("a flight was open"),
        }
    }

    #[tokio::test]
    async fn each_landing_serves_the_seats_that_may_use_it() {
        for (landing, expected) in [
            (Landing::FromCache, [Some(5), None, None, None]),
            (Landing::FromStorage, [Some(5), Some(5), None, None]),
            (Landing::Filled, [Some(5), Some(5), Some(5), None]),
            (Landing::Failed, [Some(5), Some(5), Some(5), Some(5)]),
        ] {
            let flights = Arc::new(Flights::default());
            let Join::Lead(flight) = flights.join(key()) else { panic!("first to come") };
            let boarding = board(&flights);
            flight.asks_cache();
            let cache_asked = board(&flights);
            flight.asks_storage();
            let storage_asked = board(&flights);
            flight.fills();
            let filling = board(&flights);
            flight.land(landing, &5);
            let got = [
                boarding.arrive().await,
                cache_asked.arrive().await,
                storage_asked.arrive().await,
                filling.arrive().await,
            ];
            assert_eq!(got, expected, "{landing:?}");
            assert!(matches!(flights.join(key()), Join::Lead(_)), "the flight is closed");
        }
    }

    #[tokio::test]
    async fn a_vanished_leader_strands_nobody() {
        let flights: Arc<Flights<u32>> = Arc::default();
        let Join::Lead(flight) = flights.join(key()) else { panic!("first to come") };
        let seat = board(&flights);
        drop(flight);
        assert_eq!(seat.arrive().await, None);
        assert!(matches!(flights.join(key()), Join::Lead(_)));
    }
}
