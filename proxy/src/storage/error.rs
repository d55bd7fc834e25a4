//! What can go wrong, sorted by what the caller may conclude about a write.

use super::config::{StorageConfig, StorageKind};
use thiserror::Error;

/// A storage operation that did not succeed.
///
/// The variants answer one question: can the write have happened? Only
/// [`StorageError::Ambiguous`] says "perhaps"; every other variant promises
/// that nothing changed. Reads never give `Ambiguous`.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StorageError {
    /// The storage asked for less traffic, or another transaction held the
    /// key. Nothing was applied; the same request may succeed later.
    #[error("storage throttled the request: {0}")]
    Throttled(String),
    /// The storage refused the request, or the item is not one of ours.
    /// Nothing was applied, and repeating the request will not help.
    #[error("storage refused the request: {0}")]
    Rejected(String),
    /// The outcome of a write is unknown: it may have been applied, and it may
    /// still be applied after this error.
    #[error("storage did not confirm the write, which may have been applied: {0}")]
    Ambiguous(String),
    /// The storage could not be reached or gave no answer in time, and nothing
    /// was applied.
    #[error("storage is unavailable: {0}")]
    Unavailable(String),
}

impl StorageError {
    /// Whether a write that failed with this error may have been applied.
    #[must_use]
    pub fn may_have_applied(&self) -> bool {
        matches!(self, Self::Ambiguous(_))
    }
}

/// Opening the storage failed.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The embedded engine did not start.
    #[error(transparent)]
    Embedded(#[from] super::embedded::EmbeddedError),
    /// AWS was asked for and no region is known.
    #[error("no AWS region is set; set [storage] region or the variable AWS_REGION")]
    NoRegion,
    /// The control runtime is gone.
    #[error("the control runtime stopped while the storage was being opened")]
    Stopped,
}

/// A table cannot be used, and what to do about it.
#[derive(Debug, Error)]
pub enum TableError {
    /// The table does not exist and may not be created.
    #[error(
        "table {table} does not exist; create it with a partition key \"{key}\" of type B (or S) \
         and no sort key, or set [storage] create_tables = true"
    )]
    Missing {
        /// The table asked for.
        table: String,
        /// The configured key attribute.
        key: String,
    },
    /// The table has a sort key.
    #[error(
        "table {table} has a sort key \"{sort_key}\" beside its partition key \"{key}\"; a Redis \
         key has one part, so use a table without a sort key"
    )]
    SortKey {
        /// The table asked for.
        table: String,
        /// Its partition key.
        key: String,
        /// Its sort key.
        sort_key: String,
    },
    /// The partition key is neither binary nor a string.
    #[error(
        "table {table}: partition key \"{key}\" has type {key_type}; use a table whose partition \
         key has type B or S"
    )]
    KeyType {
        /// The table asked for.
        table: String,
        /// Its partition key.
        key: String,
        /// The type DynamoDB reports.
        key_type: String,
    },
    /// The partition key's name is also configured for another attribute.
    #[error(
        "table {table}: its partition key \"{key}\" has the name configured for another attribute; \
         choose other names with [storage] value_attribute, type_attribute, expiry_attribute and ttl_attribute"
    )]
    NameClash {
        /// The table asked for.
        table: String,
        /// The name used twice.
        key: String,
    },
    /// The table did not become usable in time.
    #[error("table {table} is {status}, not ACTIVE; wait until it is, then start again")]
    NotActive {
        /// The table asked for.
        table: String,
        /// The last status seen.
        status: String,
    },
    /// The storage failed while the table was examined or created.
    #[error("table {table}: {source}{hint}")]
    Storage {
        /// The table asked for.
        table: String,
        /// What the storage said.
        source: StorageError,
        /// Where it was looked for and what to check; a clause of its own, or nothing.
        hint: String,
    },
}

impl TableError {
    /// Says of a storage that failed where it was looked for.
    pub(crate) fn with_hint(self, config: &StorageConfig) -> Self {
        let Self::Storage { table, source, .. } = self else { return self };
        let hint = match (config.kind, &config.endpoint) {
            (StorageKind::DynamoDb, Some(url)) => {
                format!("; start what [storage] endpoint = \"{url}\" names, or mend it")
            }
            (StorageKind::DynamoDb, None) => {
                "; check the network, [storage] region and the AWS credentials".to_owned()
            }
            (StorageKind::Embedded | StorageKind::Synthetic, _) => String::new(),
        };
        Self::Storage { table, source, hint }
    }
}
