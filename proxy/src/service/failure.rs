//! Why a request was not served, in the words that the client reads.

use std::sync::Arc;

use crate::limits::Throttled;
use crate::resp::Reply;
use crate::storage::StorageError;

/// A request that was not served. Shared by all readers of a flight, hence cheap to clone.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum Failure {
    /// A limit's wait was too long.
    #[error(transparent)]
    Throttled(#[from] Throttled),
    /// Storage refused or could not be reached; nothing was changed. (Its errors' texts begin with "storage".)
    #[error("UNAVAILABLE {0}")]
    Storage(Arc<StorageError>),
    /// Storage did not confirm a write.
    #[error("UNAVAILABLE {0}")]
    Unconfirmed(Arc<StorageError>),
    /// Storage holds something that is not ours, or refuses this very request.
    #[error("ERR {0}")]
    Rejected(Arc<StorageError>),
    /// Several proxies share the cache and this one cannot reach it.
    #[error(
        "UNAVAILABLE cache of this tenant cannot be reached and other proxies may serve from it; nothing was written"
    )]
    CacheRequired,
    /// As above, after storage took the write.
    #[error(
        "UNAVAILABLE cache of this tenant was lost during the write, which was applied but may not be visible to other proxies yet"
    )]
    CacheLostDuringWrite,
    /// More values than one reply may hold.
    #[error("ERR the reply would hold more than 64 MiB; ask for fewer keys at once")]
    ReplyTooLarge,
    /// A defect of ours, logged where it was seen.
    #[error("ERR internal error; the proxy's log says more")]
    Internal,
}

impl From<&Failure> for Reply {
    fn from(failure: &Failure) -> Self {
        Self::error(failure.to_string())
    }
}

impl Failure {
    /// A storage call that definitely changed nothing.
    pub(crate) fn of_storage(error: StorageError) -> Self {
        match error {
            StorageError::Rejected(_) => Self::Rejected(Arc::new(error)),
            _ => Self::Storage(Arc::new(error)),
        }
    }

    /// A task of ours ended before its time.
    pub(crate) fn internal(error: &tokio::task::JoinError) -> Self {
        tracing::error!(%error, "a request's task ended before its time");
        Self::Internal
    }
}
