//! The configuration as it was written: every field optional, every value unchecked.
//!
//! These structs are the one list of field names. The search for misspelt fields, the example
//! file's test and the admin API all take the names from here.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::scalar::Scalar;
use super::terms::RawBound;

/// A whole file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawConfig {
    pub(super) server: RawServer,
    pub(super) storage: RawStorage,
    pub(super) cache: RawCache,
    pub(super) limits: RawLimits,
    pub(super) allocator: RawAllocator,
    pub(super) tenant: Vec<RawTenant>,
}

/// `[server]`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawServer {
    pub(super) listen: Option<Scalar>,
    pub(super) admin: Option<Scalar>,
    pub(super) admin_token: Option<RawSecret>,
    pub(super) admin_read_token: Option<RawSecret>,
    pub(super) workers: Option<Scalar>,
    pub(super) data_dir: Option<Scalar>,
    pub(super) max_clients: Option<Scalar>,
    pub(super) default_tenant: Option<Scalar>,
    pub(super) drain_timeout: Option<Scalar>,
    pub(super) max_pipeline: Option<Scalar>,
    pub(super) output_buffer: Option<Scalar>,
}

/// `[storage]`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawStorage {
    pub(super) kind: Option<Scalar>,
    pub(super) endpoint: Option<Scalar>,
    pub(super) region: Option<Scalar>,
    pub(super) consistent_reads: Option<Scalar>,
    pub(super) create_tables: Option<Scalar>,
    pub(super) connect_timeout: Option<Scalar>,
    pub(super) attempt_timeout: Option<Scalar>,
    pub(super) operation_timeout: Option<Scalar>,
    pub(super) max_attempts: Option<Scalar>,
    pub(super) max_concurrency: Option<Scalar>,
    pub(super) batch: Option<Scalar>,
    pub(super) key_attribute: Option<Scalar>,
    pub(super) value_attribute: Option<Scalar>,
    pub(super) type_attribute: Option<Scalar>,
    pub(super) expiry_attribute: Option<Scalar>,
    pub(super) ttl_attribute: Option<Scalar>,
    pub(super) latency: Option<Scalar>,
    pub(super) value_bytes: Option<Scalar>,
    pub(super) value_sizes: Option<Scalar>,
}

/// `[cache]`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawCache {
    pub(super) kind: Option<Scalar>,
    pub(super) redis_server: Option<Scalar>,
    pub(super) exclusive: Option<Scalar>,
    pub(super) lease: Option<Scalar>,
    pub(super) fence: Option<Scalar>,
    pub(super) negative_ttl: Option<Scalar>,
    pub(super) maxmemory_samples: Option<Scalar>,
}

/// `[limits]`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawLimits {
    pub(super) max_wait: Option<Scalar>,
}

/// `[allocator]`, and the body of the admin API's `PUT /v1/allocator`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawAllocator {
    /// Whether the epoch loop runs.
    pub enabled: Option<Scalar>,
    /// A policy's name.
    pub policy: Option<Scalar>,
    /// Time between epochs.
    pub interval: Option<Scalar>,
    /// `gradual`, `direct` or `boost`.
    pub apply: Option<Scalar>,
    /// Predicted improvement below which nothing is applied.
    pub threshold: Option<Scalar>,
    /// `auto`, or what is added to every point of a curve.
    pub salt: Option<Scalar>,
    /// Epochs summed into one curve.
    pub smoothing: Option<Scalar>,
    /// Cache moved per gradual step.
    pub gradual_step: Option<Scalar>,
    /// Cache no tenant drops below.
    pub min_cache: Option<Scalar>,
    /// Reach of the curve, in base caches.
    pub curve_max: Option<Scalar>,
    /// Keys watched for a tenant's curve.
    pub tracked_keys: Option<Scalar>,
    /// Part of every total that is held back.
    pub reserve: Option<Scalar>,
    /// Improvement that moving cache must bring.
    pub stability: Option<Scalar>,
    /// A field of earlier releases, read so that its replacement can be named; never written.
    #[serde(skip_serializing)]
    pub sample_one_in: Option<Scalar>,
}

impl RawAllocator {
    /// Drops what an earlier release saved and this one does not know any more.
    #[must_use]
    pub fn without_former(self) -> Self {
        Self { sample_one_in: None, ..self }
    }
}

/// `[[tenant]]`, the body of the admin API's tenant calls, and a tenant in the saved state.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawTenant {
    /// User name, metric label and file name.
    pub name: Option<Scalar>,
    /// A literal, `env:NAME` or `sha256:<hex>`.
    pub password: Option<RawSecret>,
    /// Table; the name if absent.
    pub table: Option<Scalar>,
    /// Base cache.
    pub cache: Option<Scalar>,
    /// Part of the cache for replies of hot keys in the proxy.
    pub near_cache: Option<Scalar>,
    /// Base read units per second.
    pub read_units: Option<Scalar>,
    /// Base write units per second.
    pub write_units: Option<Scalar>,
    /// Base bandwidth.
    pub net: Option<Scalar>,
    /// A port of its own.
    pub port: Option<Scalar>,
    /// Its Redis, in dedicated mode.
    pub redis: Option<RawSecret>,
    /// Longest wait for a limit.
    pub max_wait: Option<Scalar>,
    /// Whether FLUSHALL and FLUSHDB are served.
    pub allow_flush: Option<Scalar>,
    /// Its part of an improvement.
    pub weight: Option<Scalar>,
    /// The least it is given of each resource.
    pub min: Option<RawBound>,
    /// The most it is given of each resource.
    pub max: Option<RawBound>,
}

impl RawTenant {
    /// This tenant with the fields it leaves out taken from `base`: how a PATCH is read.
    #[must_use]
    pub fn over(self, base: Self) -> Self {
        Self {
            name: self.name.or(base.name),
            password: self.password.or(base.password),
            table: self.table.or(base.table),
            cache: self.cache.or(base.cache),
            near_cache: self.near_cache.or(base.near_cache),
            read_units: self.read_units.or(base.read_units),
            write_units: self.write_units.or(base.write_units),
            net: self.net.or(base.net),
            port: self.port.or(base.port),
            redis: self.redis.or(base.redis),
            max_wait: self.max_wait.or(base.max_wait),
            allow_flush: self.allow_flush.or(base.allow_flush),
            weight: self.weight.or(base.weight),
            min: self.min.or(base.min),
            max: self.max.or(base.max),
        }
    }
}

/// A value that may be or hold a password: never shown by `Debug`, nor in a message.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RawSecret(pub Scalar);

impl From<&str> for RawSecret {
    fn from(text: &str) -> Self {
        Self(Scalar::from(text))
    }
}

impl From<String> for RawSecret {
    fn from(text: String) -> Self {
        Self(Scalar::from(text))
    }
}

impl fmt::Debug for RawSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// A section's name and its fields' names.
pub(super) struct Shape {
    pub(super) section: &'static str,
    pub(super) fields: Vec<String>,
    /// Fields of earlier releases, whose readers name the replacement.
    pub(super) former: &'static [&'static str],
    /// Those of `fields` that are tables, all with the fields of a [`RawBound`].
    pub(super) bounds: &'static [&'static str],
}

/// Every section, in the order of the example file.
pub(super) fn shapes() -> Vec<Shape> {
    vec![
        shape::<RawServer>("server"),
        shape::<RawStorage>("storage"),
        shape::<RawCache>("cache"),
        shape::<RawLimits>("limits"),
        Shape { former: &["sample_one_in"], ..shape::<RawAllocator>("allocator") },
        Shape { bounds: &["min", "max"], ..shape::<RawTenant>(super::tenant::SECTION) },
    ]
}

/// An empty section serialises as all of its names with nulls.
fn shape<T: Default + Serialize>(section: &'static str) -> Shape {
    let fields = match serde_json::to_value(T::default()) {
        Ok(serde_json::Value::Object(fields)) => fields.into_iter().map(|(name, _)| name).collect(),
        _ => Vec::new(),
    };
    Shape { section, fields, former: &[], bounds: &[] }
}
