//! Why a request was not served, in the words that the client reads.

use std::sync::Arc;

use bytes::Bytes;

use crate::cache::StageError;
use crate::command::CommandError;
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
    /// Other proxies were always faster.
    #[error(
        "UNAVAILABLE storage met a concurrent change by another proxy each time it was tried; nothing was changed"
    )]
    Contended,
    /// Redis has to compute this command, and cannot be reached.
    #[error(
        "UNAVAILABLE cache of this tenant cannot be reached, which computes this command; nothing was changed"
    )]
    CacheNeeded,
    /// Redis did not come to the end of a script.
    #[error(
        "UNAVAILABLE cache of this tenant did not answer in time: this script, or one beside it, runs too long; nothing \
         was changed"
    )]
    ScriptTooLong,
    /// Redis would not compute.
    #[error("{}", String::from_utf8_lossy(.0))]
    Refused(Bytes),
    /// A result that storage cannot hold.
    #[error("{}", String::from_utf8_lossy(.0.text()))]
    TooLarge(CommandError),
    /// More values than one command may bring together.
    #[error(
        "ERR the values under the keys of this command hold more than 64 MiB; name fewer keys at once"
    )]
    ValuesTooLarge,
    /// More keys than one reply may hold.
    #[error("ERR the reply would hold more than 64 MiB of keys; go through them with SCAN")]
    TooManyKeys,
    /// Nobody seemed to wait any more.
    #[error("ERR the client sends no more and this takes long, so it was not done to the end")]
    Abandoned,
    /// A position of SCAN that nobody remembers.
    #[error(
        "ERR invalid cursor: {number} is not open; it was not used for {idle} minutes, or this proxy was started \
         again. Start again with SCAN 0",
        idle = crate::tenant::CURSOR_IDLE.as_secs() / 60
    )]
    UnknownCursor {
        /// What the client sent.
        number: u64,
    },
    /// Flushing is off.
    #[error(
        "NOPERM {0} deletes all keys of the table, which this tenant may not do; \
         allow_flush = true in its configuration allows it"
    )]
    FlushNotAllowed(String),
    /// A flush that did not get to its end.
    #[error("{cause}; the flush ended early, {deleted} keys were deleted")]
    FlushEnded {
        /// Keys that are gone.
        deleted: u64,
        /// What the next one met.
        cause: Box<Failure>,
    },
    /// More values than the replies to one transaction may hold.
    #[error("ERR the replies to this transaction could hold more than 128 MiB; send it in parts")]
    RepliesTooLarge,
    /// A defect of ours, logged where it was seen.
    #[error("ERR internal error; the proxy's log says more")]
    Internal,
}

impl From<StageError> for Failure {
    fn from(error: StageError) -> Self {
        match error {
            StageError::Lost => Self::CacheNeeded,
            StageError::Refused(text) => Self::Refused(text),
        }
    }
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
