//! A read that the straight path could not answer.
//!
//! cache (value, or lease) -> flight shared with everyone who misses the key -> read units -> storage -> fill -> bytes.

use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;

use super::{Failure, Service};
use crate::cache::{CacheLost, Lookup};
use crate::command::Item;
use crate::inflight::{Flight, Join, Landing};
use crate::limits::{Amount, Resource};

/// What a read found, and where.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    /// The item, or nothing.
    pub(crate) item: Option<Item>,
    /// Who knew.
    pub(crate) source: Source,
    /// The cache's expiry may be that of a fence, not the item's.
    pub(crate) doubtful: bool,
}

/// Who answered a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// Redis had the value.
    Cache,
    /// Redis had the value, but it was left there.
    Part,
    /// A negative entry.
    Negative,
    /// Storage.
    Storage,
    /// Somebody else's storage read.
    Shared,
}

/// What a flight ends with.
pub(crate) type FlightResult = Result<Found, Failure>;

impl Service {
    /// Reads a key: value exact, expiry possibly that of a fence.
    ///
    /// # Errors
    /// Why it could not be read.
    pub(super) async fn find(self: &Rc<Self>, key: &Bytes) -> FlightResult {
        loop {
            match self.tenant.flights.join(self.key_of(key)) {
                Join::Lead(flight) => {
                    let service = Rc::clone(self);
                    let key = key.clone();
                    // A task of its own: the leader's client may go away, the others still wait.
                    let led =
                        self.tasks.spawn_local(async move { service.fly(flight, &key).await });
                    return match led.await {
                        Ok(result) => result,
                        Err(error) => Err(Failure::internal(&error)),
                    };
                }
                Join::Seat(seat) => match seat.arrive().await {
                    Some(Ok(found)) => {
                        return Ok(Found { source: found.source.shared(), ..found });
                    }
                    Some(failed) => return failed,
                    None => {}
                },
            }
        }
    }

    /// Reads the type of a key and, if `exact`, its true expiry, leaving the value in the cache: the item may have
    /// none.
    ///
    /// # Errors
    /// Why it could not be read.
    pub(super) async fn glance(self: &Rc<Self>, key: &Bytes, exact: bool) -> FlightResult {
        self.seen_or_found(key, self.coherence.glance(key).await, exact).await
    }

    /// Reads the type of a key, whose cached copy counts as just used from then on.
    ///
    /// # Errors
    /// Why it could not be read.
    pub(super) async fn touch(self: &Rc<Self>, key: &Bytes) -> FlightResult {
        self.seen_or_found(key, self.coherence.touch(key).await, false).await
    }

    async fn seen_or_found(
        self: &Rc<Self>,
        key: &Bytes,
        seen: Result<Lookup, CacheLost>,
        exact: bool,
    ) -> FlightResult {
        match seen {
            Ok(Lookup::Hit { item, doubtful }) if !doubtful || !exact => {
                Ok(Found { item: Some(item), source: Source::Part, doubtful })
            }
            Ok(Lookup::Negative) => {
                Ok(Found { item: None, source: Source::Negative, doubtful: false })
            }
            _ if exact => self.find_exact(key).await,
            _ => self.find(key).await,
        }
    }

    /// Reads a key with its true expiry.
    ///
    /// # Errors
    /// Why it could not be read.
    pub(super) async fn find_exact(self: &Rc<Self>, key: &Bytes) -> FlightResult {
        let found = self.find(key).await?;
        if !found.doubtful {
            return Ok(found);
        }
        // Not past the write that hides the expiry: a reader after this one may still get the old value.
        let _turn = self.tenant.locks.lock(self.key_of(key)).await;
        self.current(key).await
    }

    /// Reads the item as the last write left it, expiry included. The caller holds the key's lock.
    ///
    /// # Errors
    /// Why it could not be read.
    pub(super) async fn current(&self, key: &Bytes) -> FlightResult {
        // A fence that was sent before an outage may have been planted after it.
        let cache = &self.tenant.cache;
        let settled = Duration::from_millis(2 * cache.times.fence_ms);
        let alone = cache.exclusive && cache.health.is_over_outage(settled);
        match self.coherence.peek(key, alone).await {
            Ok(Lookup::Hit { item, doubtful: false }) => {
                Ok(Found { item: Some(item), source: Source::Cache, doubtful: false })
            }
            Ok(Lookup::Negative) => {
                Ok(Found { item: None, source: Source::Negative, doubtful: false })
            }
            _ => self.read_storage(key).await,
        }
    }

    async fn fly(self: Rc<Self>, flight: Flight<FlightResult>, key: &Bytes) -> FlightResult {
        let health = &self.tenant.cache.health;
        let outages = health.generation();
        let mut bypasses = false;
        flight.asks_cache();
        let lease = match self.coherence.lease(key).await {
            Ok(Lookup::Hit { item, doubtful }) => {
                let found = Found { item: Some(item), source: Source::Cache, doubtful };
                flight.land(Landing::FromCache, &Ok(found.clone()));
                return Ok(found);
            }
            Ok(Lookup::Negative) => {
                let found = Found { item: None, source: Source::Negative, doubtful: false };
                flight.land(Landing::FromCache, &Ok(found.clone()));
                return Ok(found);
            }
            Ok(Lookup::Absent(lease)) => Some(lease),
            Ok(Lookup::Fenced) => None,
            Err(_) => {
                self.counters.bypassed.add(1);
                bypasses = true;
                None
            }
        };
        if let Err(failure) = self.charge_read().await {
            flight.land(Landing::FromStorage, &Err(failure.clone()));
            return Err(failure);
        }
        let result = if bypasses {
            // Not past a write of this key: Redis may be back before the write ends, and show its old value again.
            let _turn = self.tenant.locks.lock(self.key_of(key)).await;
            flight.asks_storage();
            self.read_charged(key).await
        } else {
            flight.asks_storage();
            self.read_charged(key).await
        };
        let mut landing = if result.is_ok() { Landing::FromStorage } else { Landing::Failed };
        if let (Some(lease), Ok(found)) = (lease, &result) {
            flight.fills();
            let filled = self.coherence.fill(key, &lease, found.item.as_ref()).await == Ok(true);
            // During an outage a write is acknowledged without touching the lease.
            if filled && health.generation() == outages {
                landing = Landing::Filled;
            }
        }
        // What was read and not filled may be of a write that has not concluded: while this read was on its way, one writer
        // may have published and the next have stored, behind a fence that leaves the first one's value readable. Told now,
        // it would be newer than what the next read is told.
        if landing == Landing::FromStorage && !bypasses {
            self.tenant.locks.concluded(&self.key_of(key)).await;
        }
        flight.land(landing, &result);
        result
    }

    /// Reads storage past the cache.
    ///
    /// # Errors
    /// Why it could not be read.
    pub(super) async fn read_storage(&self, key: &Bytes) -> FlightResult {
        self.charge_read().await?;
        self.read_charged(key).await
    }

    /// Waits for the least a read can cost; what it costs beyond that is settled afterwards.
    async fn charge_read(&self) -> Result<(), Failure> {
        let least = Amount::from_f64(self.tenant.least_read_units());
        Ok(self.tenant.limits.charge(Resource::ReadUnits, least).await?)
    }

    async fn read_charged(&self, key: &Bytes) -> FlightResult {
        let limits = &self.tenant.limits;
        let least = Amount::from_f64(self.tenant.least_read_units());
        let got = match self.tenant.storage.get(&self.tenant.table, key).await {
            Ok(got) => got,
            Err(error) => {
                limits.read_units.settle(least, Amount::ZERO);
                return Err(Failure::of_storage(error));
            }
        };
        if let Some(near) = &self.tenant.near {
            // It may be the late effect of a write that nobody waits for any more.
            near.void(crate::hash::of_key(key));
        }
        limits.read_units.settle(least, Amount::from_f64(got.read_units));
        self.counters.milli_read_units.add(milli(got.read_units));
        let bytes = got.item.as_ref().map_or(0, |i| key.len() + i.value.len()) as u64;
        self.counters.storage_bytes.add(bytes);
        limits.net.settle(Amount::ZERO, Amount::bytes(bytes));
        Ok(Found { item: got.item, source: Source::Storage, doubtful: false })
    }
}

impl Source {
    fn shared(self) -> Self {
        if self == Self::Storage { Self::Shared } else { self }
    }
}

/// Units in thousandths, for counters.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "units are never negative and far below 2^53"
)]
pub(super) fn milli(units: f64) -> u64 {
    (units * 1000.0).round() as u64
}
