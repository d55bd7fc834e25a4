//! A DynamoDB-compatible endpoint that outlives the proxies of a test, and a look past them into its tables.

use std::time::Duration;

use bytes::Bytes;
use hopperkv::storage::{Embedded, Storage, StorageConfig, StorageKind, StoredItem};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// The endpoint and a client of it.
pub(crate) struct Database {
    engine: Embedded,
    storage: Storage,
    runtime: Runtime,
    _dir: TempDir,
}

impl Database {
    /// Starts an empty one.
    pub(crate) fn start() -> Self {
        // In memory where that is to be had: it outlives every process of a test, and a busy disk delays nothing.
        let memory = std::path::Path::new("/dev/shm");
        let place = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let dir = tempfile::Builder::new().prefix("hkd").tempdir_in(place).unwrap();
        let engine = Embedded::start(dir.path(), Duration::from_secs(3600)).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let config = StorageConfig {
            kind: StorageKind::DynamoDb,
            endpoint: Some(engine.endpoint().to_owned()),
            ..StorageConfig::default()
        };
        let storage = runtime.block_on(Storage::open(config, runtime.handle().clone())).unwrap();
        Self { engine, storage, runtime, _dir: dir }
    }

    /// Its URL.
    pub(crate) fn endpoint(&self) -> &str {
        self.engine.endpoint()
    }

    /// Lines for `[storage]` of a proxy that uses it.
    pub(crate) fn lines(&self) -> String {
        format!("kind = \"dynamodb\"\nendpoint = \"{}\"\ncreate_tables = true", self.endpoint())
    }

    /// Runs something on its client's runtime.
    pub(crate) fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }

    /// What a table holds under a key.
    pub(crate) fn get(&self, table: &str, key: &str) -> Option<StoredItem> {
        let key = Bytes::copy_from_slice(key.as_bytes());
        let got = async {
            let table = self.storage.open_table(table).await.unwrap();
            self.storage.get(&table, &key).await.unwrap()
        };
        self.runtime.block_on(got).item
    }

    /// Puts an item into a table behind everybody's back.
    pub(crate) fn put(&self, table: &str, key: &str, item: &StoredItem) {
        let key = Bytes::copy_from_slice(key.as_bytes());
        let put = async {
            let table = self.storage.open_table(table).await.unwrap();
            self.storage.put(&table, &key, item).await.unwrap();
        };
        self.runtime.block_on(put);
    }

    /// The value that a table holds under a key.
    pub(crate) fn value(&self, table: &str, key: &str) -> Option<String> {
        Some(String::from_utf8_lossy(&self.get(table, key)?.value).into_owned())
    }
}
