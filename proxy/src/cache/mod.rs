//! The tenant's Redis: a plain cache that we keep coherent with storage.
//!
//! Data path (one per worker, raw bytes): [`Upstream`] carries `GET`s and scripts, [`Coherence`] names the steps of the
//! protocol, `scripts` is the protocol itself. Control path (one per tenant, on the control runtime): [`Keeper`] starts,
//! watches and cleans Redis, [`control`] resizes and measures it. The two meet in [`Health`].

mod coherence;
pub(crate) mod control;
mod health;
mod keeper;
mod link;
mod managed;
#[cfg(test)]
mod model;
pub(crate) mod names;
mod ownership;
mod scripts;
pub(crate) mod shared_cursors;
mod spare;
mod staging;
mod upstream;

pub(crate) use coherence::{Coherence, CoherenceTimes, Conclusion, Fence, Lookup, OldValue};
pub(crate) use health::Health;
pub(crate) use keeper::Keeper;
pub(crate) use link::RedisAddress;
pub(crate) use managed::{ManagedError, ManagedRedis};
pub(crate) use ownership::{CacheStartError, Ownership};
pub(crate) use spare::Spare;
pub(crate) use staging::{OnCopy, StageError, Staged};
pub(crate) use upstream::{CacheLost, Deliver, Form, Hit, Ticket, Upstream};

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// What the data path needs to know of a tenant's cache.
#[derive(Debug)]
pub(crate) struct TenantCache {
    /// Where the tenant's Redis is.
    pub(crate) address: RedisAddress,
    /// Whether it may serve.
    pub(crate) health: Arc<Health>,
    /// True when no other proxy serves from it.
    pub(crate) exclusive: bool,
    /// Times of the coherence protocol.
    pub(crate) times: CoherenceTimes,
    /// The size in bytes it should have (without the near cache), which a restarted Redis gets at once.
    pub(crate) quota_bytes: Arc<AtomicU64>,
}
