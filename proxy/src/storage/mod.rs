//! Storage: where acknowledged writes live.
//!
//! Reading order: [`Storage`] is what the rest of the proxy sees; `config` says
//! which backend; `table` turns keys and values into items; `units` prices
//! them; `failure` says how an attempt can fail, and `attempts` what is sent
//! again and what a failure means; `batch` sends together what waits; `commit` applies several changes together, each under a `condition`;
//! `dynamo` speaks to the endpoint, `scan` walks through a table and `schema`
//! opens tables there; `embedded` runs such an endpoint in this process;
//! `synthetic` only pretends.
//!
//! There are two backends. The embedded engine is not a third: it is an
//! endpoint for the first.
//!
//! ```text
//! worker runtimes --Storage::get/put/...--> task on the control runtime
//!     -> permit -> SDK -> HTTP -> AWS | other endpoint | embedded engine's thread
//! ```

mod attempts;
mod batch;
mod commit;
mod condition;
mod config;
mod dynamo;
mod embedded;
mod error;
mod failure;
mod scan;
mod schema;
mod synthetic;
mod table;
mod units;

pub use batch::BatchStats;
pub use commit::{
    CommitOutcome, Committed, Expectation, Found, KeyEffect, check_commit, is_transaction,
};
pub use config::{AttributeNames, StorageConfig, StorageKind};
pub use embedded::{Embedded, EmbeddedError};
pub use error::{OpenError, StorageError, TableError};
pub use scan::{ScanFrom, ScanPage, ScanRequest, ScannedKey};
pub use table::{KeyType, StoredItem, Table};
pub use units::{
    MAX_ITEM_BYTES, MAX_KEY_BYTES, MAX_TRANSACTION_BYTES, MAX_TRANSACTION_KEYS, TRANSACTION_FACTOR,
    read_units, write_units,
};

use batch::{Put, Read, Way};
use bytes::Bytes;
use commit::plain_put;
use dynamo::{Dynamo, Identity};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};
use synthetic::Synthetic;
use tokio::runtime::Handle;
use tokio::task::JoinError;

/// What a read found.
#[derive(Debug, Clone, PartialEq)]
pub struct Got {
    /// The item, unless it is missing or expired.
    pub item: Option<StoredItem>,
    /// Read units consumed.
    pub read_units: f64,
}

/// What a put cost.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Wrote {
    /// Write units consumed.
    pub write_units: f64,
}

/// What a delete removed.
#[derive(Debug, Clone, PartialEq)]
pub struct Deleted {
    /// The item that was there, unless it had expired or was not written by
    /// HopperKV.
    pub old: Option<StoredItem>,
    /// `false` if an earlier attempt of this delete may have removed the item,
    /// so that `old` being `None` proves nothing.
    pub old_is_certain: bool,
    /// Write units consumed.
    pub write_units: f64,
}

/// The storage behind all tenants. Cloning is cheap; every clone is the same storage.
///
/// Its calls may be awaited from any runtime. A call that is dropped goes on:
/// a write is never cut off half-way by its caller.
#[derive(Debug, Clone)]
pub struct Storage {
    backend: Backend,
    shared: Arc<Shared>,
}

#[derive(Debug, Clone)]
enum Backend {
    Dynamo(Arc<Dynamo>),
    Synthetic(Arc<Synthetic>),
}

#[derive(Debug)]
struct Shared {
    config: StorageConfig,
    control: Handle,
    embedded: Mutex<Option<Embedded>>,
}

impl Storage {
    /// Opens the configured backend. The SDK will run on `control`.
    ///
    /// # Errors
    /// [`OpenError`]: the embedded engine did not start, or AWS was asked for
    /// without a region. An unreachable endpoint shows in [`Storage::open_table`].
    pub async fn open(config: StorageConfig, control: Handle) -> Result<Self, OpenError> {
        let opening = {
            let config = config.clone();
            control.spawn(async move { open_backend(&config).await })
        };
        let (backend, embedded) = opening.await.map_err(|_| OpenError::Stopped)??;
        let shared = Shared { config, control, embedded: Mutex::new(embedded) };
        Ok(Self { backend, shared: Arc::new(shared) })
    }

    /// Examines the table, and creates it if it is missing and
    /// `create_tables` is set (partition key of type B, on-demand billing, TTL
    /// enabled). A table that exists is not changed.
    ///
    /// # Errors
    /// [`TableError`] names the table, what is wrong with it, and the fix.
    pub async fn open_table(&self, name: &str) -> Result<Table, TableError> {
        let name = name.to_owned();
        match &self.backend {
            Backend::Dynamo(dynamo) => {
                let (dynamo, shared) = (Arc::clone(dynamo), Arc::clone(&self.shared));
                let table = name.clone();
                let opening = self.shared.control.spawn(async move {
                    let opened = schema::open_table(&dynamo, &shared.config, &table).await;
                    opened.map_err(|error| error.with_hint(&shared.config))
                });
                opening.await.unwrap_or_else(|error| {
                    let (source, hint) = (read_lost(&error), String::new());
                    Err(TableError::Storage { table: name, source, hint })
                })
            }
            Backend::Synthetic(_) => {
                let attributes = &self.shared.config.attributes;
                Ok(Table::new(&name, &attributes.key, KeyType::Binary, attributes))
            }
        }
    }

    /// Reads `key`; consistently unless the configuration says otherwise.
    ///
    /// # Errors
    /// [`StorageError`], never `Ambiguous`. `Rejected` includes an item that
    /// was not written by HopperKV.
    pub async fn get(&self, table: &Table, key: &Bytes) -> Result<Got, StorageError> {
        match &self.backend {
            Backend::Dynamo(dynamo) if self.shared.config.batch => {
                table.check_key(key)?;
                let way = Way { dynamo: Arc::clone(dynamo), table: table.clone() };
                let reads = &table.batchers().reads;
                let got = reads.send(way, &self.shared.control, Read { key: key.clone() }).await;
                got.unwrap_or_else(|| Err(StorageError::Unavailable(LOST.to_owned())))
            }
            Backend::Dynamo(dynamo) => {
                let (dynamo, table, key) = (Arc::clone(dynamo), table.clone(), key.clone());
                let task = async move { dynamo.get(&table, &key).await };
                self.shared.control.spawn(task).await.unwrap_or_else(|e| Err(read_lost(&e)))
            }
            Backend::Synthetic(synthetic) => Ok(synthetic.get(table, key).await),
        }
    }

    /// Writes `item` under `key`. The whole item is replaced.
    ///
    /// # Errors
    /// [`StorageError`]; only after `Ambiguous` may the item have been written.
    pub async fn put(
        &self,
        table: &Table,
        key: &Bytes,
        item: &StoredItem,
    ) -> Result<Wrote, StorageError> {
        match &self.backend {
            Backend::Dynamo(dynamo) if self.batches_puts() => {
                self.put_with_others(dynamo, table, key, item).await
            }
            Backend::Dynamo(dynamo) => {
                let (dynamo, table, key) = (Arc::clone(dynamo), table.clone(), key.clone());
                let item = item.clone();
                let task = async move { dynamo.put(&table, &key, &item).await };
                self.shared.control.spawn(task).await.unwrap_or_else(|e| Err(write_lost(&e)))
            }
            Backend::Synthetic(synthetic) => Ok(synthetic.put(table, key, item).await),
        }
    }

    /// The embedded engine flushes after each item of a batch as well, and on some disks flushes that follow each other
    /// at once take far longer: fewer writes per second, though less work for each.
    fn batches_puts(&self) -> bool {
        self.shared.config.batch && self.shared.config.kind != StorageKind::Embedded
    }

    async fn put_with_others(
        &self,
        dynamo: &Arc<Dynamo>,
        table: &Table,
        key: &Bytes,
        item: &StoredItem,
    ) -> Result<Wrote, StorageError> {
        table.check_key(key)?;
        let way = Way { dynamo: Arc::clone(dynamo), table: table.clone() };
        let put = Put { key: key.clone(), item: item.clone() };
        let wrote = table.batchers().puts.send(way, &self.shared.control, put).await;
        wrote.unwrap_or_else(|| Err(StorageError::Ambiguous(LOST.to_owned())))
    }

    /// Removes `key` and returns what was there.
    ///
    /// # Errors
    /// [`StorageError`]; only after `Ambiguous` may the item be gone.
    pub async fn delete(&self, table: &Table, key: &Bytes) -> Result<Deleted, StorageError> {
        match &self.backend {
            Backend::Dynamo(dynamo) => {
                let (dynamo, table, key) = (Arc::clone(dynamo), table.clone(), key.clone());
                let task = async move { dynamo.delete(&table, &key).await };
                self.shared.control.spawn(task).await.unwrap_or_else(|e| Err(write_lost(&e)))
            }
            Backend::Synthetic(synthetic) => Ok(synthetic.delete(table, key).await),
        }
    }

    /// Applies all `effects`, or none of them.
    ///
    /// # Errors
    /// [`StorageError`]; `Rejected` for more than [`MAX_TRANSACTION_KEYS`] keys or [`MAX_TRANSACTION_BYTES`]. Only
    /// after `Ambiguous` may the effects have been applied: all or none.
    pub async fn commit(
        &self,
        table: &Table,
        effects: Vec<KeyEffect>,
    ) -> Result<Committed, StorageError> {
        match &self.backend {
            Backend::Dynamo(dynamo) => {
                if let Some((key, item)) = plain_put(&effects)
                    && self.batches_puts()
                {
                    let wrote = self.put_with_others(dynamo, table, key, item).await?;
                    return Ok(commit::applied(wrote.write_units));
                }
                let (dynamo, table) = (Arc::clone(dynamo), table.clone());
                let task = async move { dynamo.commit(&table, &effects).await };
                self.shared.control.spawn(task).await.unwrap_or_else(|e| Err(write_lost(&e)))
            }
            Backend::Synthetic(synthetic) => synthetic.commit(table, &effects).await,
        }
    }

    /// Looks at one page of the table's items. See [`ScanPage`] for what it brings.
    ///
    /// # Errors
    /// [`StorageError`], never `Ambiguous`; `Rejected` from synthetic storage,
    /// which computes items from keys and keeps no list of them.
    pub async fn scan(
        &self,
        table: &Table,
        request: &ScanRequest,
    ) -> Result<ScanPage, StorageError> {
        match &self.backend {
            Backend::Dynamo(dynamo) => {
                let (dynamo, table) = (Arc::clone(dynamo), table.clone());
                let request = request.clone();
                let task = async move { dynamo.scan(&table, &request).await };
                self.shared.control.spawn(task).await.unwrap_or_else(|e| Err(read_lost(&e)))
            }
            Backend::Synthetic(_) => Err(StorageError::Rejected(String::from(
                "synthetic storage computes values from keys and keeps no list of them",
            ))),
        }
    }

    /// Whether the table answers: one attempt of an eventually consistent read
    /// (0.5 read units) of a key that no one uses.
    ///
    /// # Errors
    /// [`StorageError`] as the attempt ended.
    pub async fn check(&self, table: &Table) -> Result<(), StorageError> {
        match &self.backend {
            Backend::Dynamo(dynamo) => {
                let (dynamo, table) = (Arc::clone(dynamo), table.clone());
                let task = async move { dynamo.check(&table).await };
                self.shared.control.spawn(task).await.unwrap_or_else(|e| Err(read_lost(&e)))
            }
            Backend::Synthetic(_) => Ok(()),
        }
    }

    /// Stops the embedded engine, if there is one, once its open requests are
    /// answered. Call it last: requests after it are `Unavailable`.
    pub async fn shutdown(&self) {
        let embedded = self.shared.embedded.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(embedded) = embedded {
            let _ = self.shared.control.spawn_blocking(|| embedded.stop()).await;
        }
    }
}

async fn open_backend(config: &StorageConfig) -> Result<(Backend, Option<Embedded>), OpenError> {
    match config.kind {
        StorageKind::Embedded => {
            let (data_dir, interval) = (config.data_dir.clone(), config.sweep_interval);
            let starting = move || Embedded::start(&data_dir, interval);
            let embedded =
                tokio::task::spawn_blocking(starting).await.map_err(|_| OpenError::Stopped)??;
            let endpoint = Some(embedded.endpoint());
            let dynamo = Dynamo::connect(config, endpoint, Identity::Placeholder).await?;
            Ok((Backend::Dynamo(Arc::new(dynamo)), Some(embedded)))
        }
        StorageKind::DynamoDb => {
            let endpoint = config.endpoint.as_deref();
            let identity = if endpoint.is_some() && !dynamo::environment_has_credentials() {
                Identity::Placeholder
            } else {
                Identity::Chain
            };
            let dynamo = Dynamo::connect(config, endpoint, identity).await?;
            Ok((Backend::Dynamo(Arc::new(dynamo)), None))
        }
        StorageKind::Synthetic => {
            tracing::warn!("storage is synthetic: values are computed and WRITES ARE FORGOTTEN");
            Ok((Backend::Synthetic(Arc::new(Synthetic::new(config))), None))
        }
    }
}

const LOST: &str = "the control runtime lost the request";

fn read_lost(error: &JoinError) -> StorageError {
    StorageError::Unavailable(format!("the control runtime lost the request: {error}"))
}

fn write_lost(error: &JoinError) -> StorageError {
    StorageError::Ambiguous(format!("the control runtime lost the request: {error}"))
}

/// Milliseconds since the epoch by the system's clock.
fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
