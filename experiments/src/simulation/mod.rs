//! The simulated engine: a run in virtual time, at any scale, bit for bit the same for the same seed.
//!
//! ```text
//! spec -> build -> world --- run until ---> station: source -> cache -> limits -> storage -> tally   (one for each tenant,
//!                    |                         |                                     learner          side by side)
//!                    +-- readings, looks ------+
//!                    +-- steering: planner and course of `hopperkv_control` --> shares, sizes
//! ```
//!
//! Reading order:
//!
//! - `limit`: a tenant's rate, as the proxy limits it
//! - `cache`, `entries`, `pool`: what a Redis holds and evicts
//! - `popularity`, `warm`, `speeds`: how often keys are asked for, what a warm cache holds of them, how fast that makes tenants
//! - `source`, `recording`: what tenants ask for; `guest`: a tenant with its counters (`tally`) and its curve (`learner`)
//! - `station`: a cache, limits and clients, event by event
//! - `build`, `world`, `steering`: all of a run, its clock, its decisions
//!
//! # The model
//!
//! A GET that hits takes a fixed time and then waits for the bytes of its reply. One that misses waits for a read unit, takes a
//! fixed time of storage, settles its true cost and its storage-side bytes, and waits for the bytes of its reply; GETs of the
//! same key meanwhile join it. A SET waits for its turn among the writes of its key, for write units, for the bytes of both
//! sides, takes the same time of storage, and leaves its value in the cache. Replies of a connection leave in order. Limits are
//! the proxy's buckets with a line in virtual time. Clients are closed loops of connections times depth, or open loops at
//! a constant rate; they draw from `hopperkv_bench`'s streams, or take turns in a trace.
//!
//! # What is assumed
//!
//! - Storage and hits take constant times, whatever the load: what ends first began first, and no calendar is needed.
//! - Requests of a phase are independent but for the keys of one scan. So the content of a warm cache can be drawn.
//! - An entry takes what `hare` models, an empty Redis [`Model::redis_bytes`].
//! - Tenants meet only in decisions; without partitions, in one station.
//!
//! # What is left out
//!
//! Processors and networks, timers that are late, leases and fences in Redis's memory, powers of two in its hash table,
//! expiry, deletions (they count as writes), near caches, batches, failures.

mod build;
mod cache;
mod entries;
#[cfg(test)]
mod golden;
mod guest;
mod learner;
mod limit;
mod pool;
mod recording;
mod source;
mod speeds;
mod station;
mod steering;
mod tally;
mod warm;
mod world;

use std::time::{Duration, Instant};

pub use cache::Eviction;
pub use entries::Jemalloc;

use crate::outcome::Outcome;
use crate::runner::Settings;
use crate::spec::{Engine, Policy, Spec, SpecError};
use world::World;

/// What is the same in all simulated runs, unless a test wants to know what hangs on it.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// How caches evict.
    pub eviction: Eviction,
    /// The sizes in which their Redis gets memory.
    pub jemalloc: Jemalloc,
    /// From a request to the reply, where nothing is waited for.
    pub hit: Duration,
    /// What storage takes for a read or a write.
    pub storage: Duration,
    /// How long a request waits for a limit before it is refused.
    pub max_wait: Duration,
    /// What a Redis uses without a single key, with the connections of a proxy, in bytes: 1.0 MB without these.
    pub redis_bytes: u64,
    /// Keys that the ghost cache of a tenant watches at most, if not [`tracked_keys`].
    pub tracked_keys: Option<usize>,
    /// Threads that stations are shared out among; the outcome does not hang on it.
    pub threads: usize,
}

/// Keys that all ghost caches of a run watch at most, if that is not below the usual number of each.
const MOST_TRACKED_KEYS: usize = 1 << 25;

/// A run that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum SimulationError {
    /// The spec does not hold at this scale.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// A trace cannot be used.
    #[error(transparent)]
    Trace(#[from] hopperkv_trace::TraceError),
    /// More keys on one cache than can be told apart.
    #[error(
        "{keys} keys share a cache, and {} can be told apart; use a smaller scale",
        cache::MOST_KEYS
    )]
    TooManyKeys {
        /// How many there are.
        keys: u64,
    },
}

impl Default for Model {
    fn default() -> Self {
        Self {
            eviction: Eviction::default(),
            jemalloc: Jemalloc::default(),
            hit: Duration::from_micros(100),
            storage: Duration::from_millis(5),
            max_wait: Duration::from_secs(60),
            redis_bytes: 1_400_000,
            tracked_keys: None,
            threads: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        }
    }
}

/// Keys that the ghost cache of a tenant watches at most, in either engine, where so many tenants take part. A single decision
/// has but one short time to learn, in which each key is hardly used: with the proxy's usual 16,384 keys tenants of spec `7` got
/// between 0.5 and 1.3 times what `hare` predicted, with these between 0.96 and 1.07 times.
#[must_use]
pub fn tracked_keys(spec: &Spec, tenants: usize) -> usize {
    let usual = hare::GhostConfig::TRACKED_KEYS;
    match spec.allocator.every {
        Some(_) => usual,
        None => (MOST_TRACKED_KEYS / tenants.max(1)).clamp(usual, 64 * usual),
    }
}

/// Runs one point of a spec under a policy.
///
/// # Errors
/// A spec that does not hold at this scale, a trace that cannot be read, too many keys.
pub fn run(
    spec: &Spec,
    point: usize,
    policy: Policy,
    settings: &Settings,
) -> Result<Outcome, SimulationError> {
    run_with(spec, point, policy, settings, Model::default())
}

/// The same with another model.
///
/// # Errors
/// As [`run`].
pub fn run_with(
    spec: &Spec,
    point: usize,
    policy: Policy,
    settings: &Settings,
    model: Model,
) -> Result<Outcome, SimulationError> {
    // How long it took is told, and decides nothing.
    let began = Instant::now();
    let factor = settings.scale.factor();
    let mut world = World::new(spec, point, policy, settings, model)?;
    let measured_s = match spec.allocator.every {
        None => {
            world.run_once(spec);
            spec.measure
        }
        Some(every) => {
            let length = spec.length(&spec.at(point, settings.scale)?);
            world.run_periodic(every, length);
            length
        }
    };
    let (tenants, decisions) = world.end();
    Ok(Outcome {
        spec: spec.name.clone(),
        point,
        point_label: spec.point_label(point).to_owned(),
        policy,
        engine: Engine::Sim,
        scale: factor,
        seed: settings.seed,
        fingerprint: String::new(),
        measured_s: measured_s.as_secs_f64(),
        wall_s: began.elapsed().as_secs_f64(),
        tenants,
        decisions,
        notes: Vec::new(),
    })
}
