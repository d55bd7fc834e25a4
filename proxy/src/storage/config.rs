//! What the storage backends need to know, as plain values.
//!
//! The configuration file's own types live elsewhere; they are validated there
//! and mapped into this struct.

use std::path::PathBuf;
use std::time::Duration;

/// Which backend serves the items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StorageKind {
    /// A DynamoDB-compatible engine inside this process, files under `data_dir`.
    Embedded,
    /// DynamoDB itself, or any endpoint that speaks its API.
    DynamoDb,
    /// Values computed from keys after a fixed latency. Writes are forgotten.
    Synthetic,
}

/// Names of the attributes that make up an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributeNames {
    /// Partition key of a table that is created here. An existing table keeps its own.
    pub key: String,
    /// The value: binary when written, binary or string when read.
    pub value: String,
    /// Type of a value that is not a string (string, absent otherwise).
    pub kind: String,
    /// Expiry in milliseconds since the epoch (number, absent when the item does not expire).
    pub expiry_ms: String,
    /// Expiry in whole seconds since the epoch, rounded up, for DynamoDB's own sweep.
    pub ttl_s: String,
}

impl Default for AttributeNames {
    fn default() -> Self {
        Self {
            key: "k".into(),
            value: "v".into(),
            kind: "t".into(),
            expiry_ms: "px".into(),
            ttl_s: "ttl".into(),
        }
    }
}

/// Everything that opening the storage takes.
#[derive(Debug, Clone)]
pub struct StorageConfig {
    /// Which backend serves the items.
    pub kind: StorageKind,
    /// Endpoint URL for [`StorageKind::DynamoDb`]; `None` is AWS itself.
    pub endpoint: Option<String>,
    /// AWS region; `None` asks the AWS environment.
    pub region: Option<String>,
    /// Strongly consistent reads. `false` halves their cost and allows stale values.
    pub consistent_reads: bool,
    /// Create a missing table (on-demand billing) instead of refusing to start.
    pub create_tables: bool,
    /// Longest wait for one connection to be made.
    pub connect_timeout: Duration,
    /// Longest wait for one attempt's answer.
    pub attempt_timeout: Duration,
    /// Longest wait for an operation with all its attempts and pauses.
    pub operation_timeout: Duration,
    /// Attempts per operation, the first included; at least 1.
    pub max_attempts: u32,
    /// Most requests in flight to the endpoint at once; at least 1.
    pub max_concurrency: usize,
    /// Reads, and plain puts, of one table that come faster than they are answered go together.
    pub batch: bool,
    /// Names of the item's attributes.
    pub attributes: AttributeNames,
    /// Where the embedded engine keeps its files.
    pub data_dir: PathBuf,
    /// How often the embedded engine deletes expired items. Each sweep reads every item.
    pub sweep_interval: Duration,
    /// Fixed latency of every synthetic operation.
    pub synthetic_latency: Duration,
    /// Bytes of every synthetic value that `synthetic_value_sizes` says nothing of.
    pub synthetic_value_bytes: usize,
    /// First offset of keys, and bytes of the values from there on, by offset.
    pub synthetic_value_sizes: Vec<(u64, usize)>,
}

impl Default for StorageConfig {
    fn default() -> Self {
        Self {
            kind: StorageKind::Embedded,
            endpoint: None,
            region: None,
            consistent_reads: true,
            create_tables: true,
            connect_timeout: Duration::from_secs(1),
            attempt_timeout: Duration::from_secs(3),
            operation_timeout: Duration::from_secs(10),
            max_attempts: 3,
            max_concurrency: 512,
            batch: true,
            attributes: AttributeNames::default(),
            data_dir: PathBuf::from("./hopperkv-data"),
            sweep_interval: Duration::from_secs(600),
            synthetic_latency: Duration::from_millis(5),
            synthetic_value_bytes: 500,
            synthetic_value_sizes: Vec::new(),
        }
    }
}
