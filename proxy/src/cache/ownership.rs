//! Whose a Redis is, and why one could not be taken over.

use redis::RedisError;

use super::managed::{ManagedError, ManagedRedis};

/// Who owns the Redis process and who else serves from it.
#[derive(Debug)]
pub(crate) enum Ownership {
    /// We start and stop it; nobody else uses it.
    Managed(Box<ManagedRedis>),
    /// It runs elsewhere, for this proxy alone.
    Exclusive,
    /// It runs elsewhere, and other proxies serve from it too.
    Shared,
}

/// Why a cache could not be brought up.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CacheStartError {
    /// The managed process.
    #[error(transparent)]
    Managed(#[from] ManagedError),
    /// No connection.
    #[error("cannot reach Redis at {address}: {source}; start it or mend the tenant's `redis` URL")]
    Unreachable {
        /// Where.
        address: String,
        /// Why.
        source: RedisError,
    },
    /// Too old.
    #[error("Redis at {address} is version {version}; HopperKV needs 6.2 or later")]
    TooOld {
        /// Where.
        address: String,
        /// What it says.
        version: String,
    },
    /// Somebody else's data.
    #[error(
        "Redis at {address} holds {keys} keys that HopperKV did not put there; a cache must not share its Redis: use \
         an empty one, or empty it with FLUSHALL if nobody needs the data"
    )]
    Foreign {
        /// Where.
        address: String,
        /// How many.
        keys: u64,
    },
}
