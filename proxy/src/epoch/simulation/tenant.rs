//! One simulated tenant: requests against its cache and its limits, tick by tick.

use std::sync::Arc;
use std::time::Duration;

use hare::{Bounds, Expiry, GhostConfig, Rates, RedisMemory, Resources, entry_footprint_bytes};

use super::lru::Lru;
use super::stream::Stream;
use crate::epoch::reading::counted;
use crate::tenant::{Observer, Totals};
use hopperkv_control::course::{CacheLook, Look};
use hopperkv_control::reading::Reading;

const KEY_BYTES: usize = 16;
pub(super) const VALUE_BYTES: usize = 4000;
/// What Redis uses without a single entry, as calibration takes it.
pub(super) const FIXED_BYTES: u64 = 1 << 20;
/// The part of it that Redis itemises; calibration adds what it knows of the rest.
const STARTUP_BYTES: u64 = FIXED_BYTES - (96 << 10);
/// Evicted per tick at most.
const EVICTED_PER_TICK_BYTES: u64 = 1 << 20;
/// No tick serves more: a bound for those whom nothing limits.
const MOST_PER_TICK: u32 = 20_000;
/// How far curves reach, in base caches.
const CURVE_MAX: u64 = 4;

/// Traffic, cache, limits and counters of one tenant.
#[derive(Debug)]
pub(super) struct SimTenant {
    pub(super) number: u32,
    pub(super) name: Arc<str>,
    pub(super) base: Resources,
    pub(super) quota: Resources,
    pub(super) stream: Stream,
    /// Requests per second that its clients send; infinite for clients that send the next when one is answered.
    pub(super) offered_per_s: f64,
    pub(super) observer: Observer,
    maxmemory_bytes: u64,
    cache: Lru,
    /// What the limits have let through less than they could; negative after a request that cost more.
    tokens: Rates,
    /// Part of a request that is due.
    due: f64,
    totals: Totals,
    waits: u64,
}

impl SimTenant {
    pub(super) fn new(number: u32, base: Resources, stream: Stream, keep: usize) -> Self {
        Self {
            number,
            name: Arc::from(format!("tenant{number}")),
            base,
            quota: base,
            stream,
            offered_per_s: f64::INFINITY,
            observer: Observer::new(CURVE_MAX * base.cache_bytes, GhostConfig::TRACKED_KEYS, keep),
            maxmemory_bytes: base.cache_bytes,
            cache: Lru::default(),
            tokens: Rates::default(),
            due: 0.0,
            totals: Totals::default(),
            waits: 0,
        }
    }

    /// Serves what its limits let through in `tick`.
    pub(super) fn tick(&mut self, tick: Duration) {
        let seconds = tick.as_secs_f64();
        let rates = self.quota.rates();
        // Nothing is saved up beyond one tick.
        self.tokens =
            self.tokens.zip(rates, |left, rate| (left + rate * seconds).min(rate * seconds));
        let is_closed_loop = self.offered_per_s.is_infinite();
        let mut offered = if is_closed_loop {
            f64::from(MOST_PER_TICK)
        } else {
            (self.due + self.offered_per_s * seconds).min(f64::from(MOST_PER_TICK))
        };
        while offered >= 1.0 && self.tokens.least() > 0.0 {
            self.serve();
            offered -= 1.0;
        }
        if offered >= 1.0 {
            self.waits += 1;
            let refused = if is_closed_loop { 0.0 } else { offered.floor() };
            self.totals.throttled += whole(refused);
            offered -= refused;
        }
        self.due = if is_closed_loop { 0.0 } else { offered };
        self.cache.evict(self.room_bytes(), EVICTED_PER_TICK_BYTES);
    }

    /// Requests served since start.
    pub(super) fn served(&self) -> u64 {
        self.totals.reads + self.totals.writes
    }

    pub(super) fn resize(&mut self, bytes: u64) {
        self.maxmemory_bytes = bytes;
    }

    pub(super) fn maxmemory_bytes(&self) -> u64 {
        self.maxmemory_bytes
    }

    pub(super) fn used_bytes(&self) -> u64 {
        FIXED_BYTES + self.cache.used_bytes()
    }

    pub(super) fn look(&self) -> Look {
        let cache =
            CacheLook { maxmemory_bytes: self.maxmemory_bytes, used_bytes: self.used_bytes() };
        Look { cache: Some(cache), reads: self.totals.reads, misses: self.totals.misses }
    }

    pub(super) fn reading(&self, current: Resources) -> Reading {
        let memory = RedisMemory {
            total_allocated_bytes: self.used_bytes(),
            startup_allocated_bytes: STARTUP_BYTES,
            keys: self.cache.keys(),
            ..RedisMemory::default()
        };
        Reading {
            number: self.number,
            name: Arc::clone(&self.name),
            base: self.base,
            quota: self.quota,
            current,
            pinned: false,
            weight: 1.0,
            bounds: Bounds::default(),
            counted: counted(&self.totals),
            waits: self.waits,
            memory: Some(memory),
        }
    }

    fn serve(&mut self) {
        let request = self.stream.next();
        let hash = request.key_hash;
        let item_bytes = (KEY_BYTES + VALUE_BYTES) as u64;
        let entry_bytes = entry_footprint_bytes(KEY_BYTES as u64, VALUE_BYTES as u64);
        let (mut used, moved) = (Rates::default(), item_bytes as f64);
        if request.is_write {
            self.totals.writes += 1;
            self.totals.written_bytes += item_bytes;
            self.totals.milli_write_units += 2000;
            (used.write_units_per_s, used.net_bytes_per_s) = (2.0, 2.0 * moved);
            self.fill(hash, entry_bytes);
            self.observer.watch().wrote(hash, KEY_BYTES, VALUE_BYTES, Expiry::Never);
        } else {
            self.totals.reads += 1;
            self.totals.read_bytes += item_bytes;
            self.totals.milli_read_units_if_missed += 1000;
            self.observer.watch().read(hash, KEY_BYTES, VALUE_BYTES, Expiry::Keep);
            if self.cache.touch(hash) {
                self.totals.hits += 1;
                used.net_bytes_per_s = moved;
            } else {
                self.totals.misses += 1;
                (used.read_units_per_s, used.net_bytes_per_s) = (1.0, 2.0 * moved);
                self.fill(hash, entry_bytes);
            }
        }
        self.tokens = self.tokens - used;
    }

    /// A full cache evicts as much as comes in; one that is to shrink, no more than that until the tick ends.
    fn fill(&mut self, hash: u64, entry_bytes: u64) {
        self.cache.insert(hash, entry_bytes);
        self.cache.evict(self.room_bytes(), 2 * entry_bytes);
    }

    fn room_bytes(&self) -> u64 {
        self.maxmemory_bytes.saturating_sub(FIXED_BYTES)
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small whole number")]
fn whole(number: f64) -> u64 {
    number as u64
}
