//! What is in flight per key, across all workers of this proxy: storage reads that misses share, and write locks.

mod flights;
mod key_locks;

pub(crate) use flights::{Flight, Flights, Join, Landing};
pub(crate) use key_locks::{KeyGuard, KeyLocks};

use bytes::Bytes;

/// A tenant's key: the unit of everything in flight.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct KeyOf {
    /// The tenant's number.
    pub(crate) tenant: u32,
    /// The user's key.
    pub(crate) key: Bytes,
}
