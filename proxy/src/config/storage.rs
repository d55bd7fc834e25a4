//! `[storage]`: where the data is kept, and how long to try.

use std::time::Duration;

use super::choice::{Choice, StorageKind};
use super::raw::RawStorage;
use super::scalar::Scalar;
use super::section::Section;
use super::value_sizes::ValueSizes;

/// DynamoDB's limit for attribute names.
const ATTRIBUTE_NAME_BYTES_MAX: usize = 255;

/// DynamoDB's limit for an item, and so for a value.
pub(super) const ITEM_BYTES_MAX: u64 = 400 << 10;

/// Where the data is kept, and how long to try.
#[derive(Debug, Clone, PartialEq)]
pub struct StorageConfig {
    /// Which storage.
    pub kind: StorageKind,
    /// `dynamodb` only: endpoint URL; `None` = the region's own.
    pub endpoint: Option<String>,
    /// `dynamodb` only: region; `None` = as the AWS environment says.
    pub region: Option<String>,
    /// Strongly consistent reads. Eventual ones cost half and may return older values.
    pub consistent_reads: bool,
    /// Whether missing tables are created at start.
    pub create_tables: bool,
    /// Longest wait for a connection.
    pub connect_timeout: Duration,
    /// Longest wait for one attempt.
    pub attempt_timeout: Duration,
    /// Longest wait for an operation, all attempts together.
    pub operation_timeout: Duration,
    /// Attempts per operation, the first included.
    pub max_attempts: u32,
    /// Operations under way at once, all tenants together.
    pub max_concurrency: usize,
    /// Requests that come faster than they are answered go together.
    pub batch: bool,
    /// Attribute that holds the key (partition key of the table).
    pub key_attribute: String,
    /// Attribute that holds the value.
    pub value_attribute: String,
    /// Attribute that holds the type of a value that is not a string.
    pub type_attribute: String,
    /// Attribute that holds the expiry in epoch milliseconds.
    pub expiry_attribute: String,
    /// Attribute that holds the expiry in epoch seconds, for DynamoDB's own deletion.
    pub ttl_attribute: String,
    /// `synthetic` only: time every operation takes.
    pub latency: Duration,
    /// `synthetic` only: size of every value that `value_sizes` says nothing of.
    pub value_bytes: u64,
    /// `synthetic` only: sizes of values by the offset of their keys.
    pub value_sizes: ValueSizes,
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
            operation_timeout: Duration::from_secs(8),
            max_attempts: 3,
            max_concurrency: 512,
            batch: true,
            key_attribute: "k".to_owned(),
            value_attribute: "v".to_owned(),
            type_attribute: "t".to_owned(),
            expiry_attribute: "px".to_owned(),
            ttl_attribute: "ttl".to_owned(),
            latency: Duration::from_millis(5),
            value_bytes: 500,
            value_sizes: ValueSizes::default(),
        }
    }
}

pub(super) fn read(raw: &RawStorage, section: &mut Section<'_>) -> StorageConfig {
    let base = StorageConfig::default();
    let kind = section.choice("kind", raw.kind.as_ref(), base.kind);
    reject_foreign_fields(raw, kind, section);
    let create_tables = kind == StorageKind::Embedded;
    let times = Duration::from_millis(1)..=Duration::from_secs(600);
    let mut time = |field: &str, raw: &Option<Scalar>, default| {
        section.period(field, raw.as_ref(), default, times.clone())
    };
    let connect_timeout = time("connect_timeout", &raw.connect_timeout, base.connect_timeout);
    let attempt_timeout = time("attempt_timeout", &raw.attempt_timeout, base.attempt_timeout);
    let operation_timeout =
        time("operation_timeout", &raw.operation_timeout, base.operation_timeout);
    let mut attribute = |field: &str, raw: &Option<Scalar>, default: &str| {
        section.text(field, raw.as_ref(), default, attribute_name)
    };
    let config = StorageConfig {
        kind,
        connect_timeout,
        attempt_timeout,
        operation_timeout,
        key_attribute: attribute("key_attribute", &raw.key_attribute, "k"),
        value_attribute: attribute("value_attribute", &raw.value_attribute, "v"),
        type_attribute: attribute("type_attribute", &raw.type_attribute, "t"),
        expiry_attribute: attribute("expiry_attribute", &raw.expiry_attribute, "px"),
        ttl_attribute: attribute("ttl_attribute", &raw.ttl_attribute, "ttl"),
        endpoint: section.optional_text("endpoint", raw.endpoint.as_ref(), endpoint_url),
        region: section.optional_text("region", raw.region.as_ref(), region_name),
        consistent_reads: section.flag(
            "consistent_reads",
            raw.consistent_reads.as_ref(),
            base.consistent_reads,
        ),
        create_tables: section.flag("create_tables", raw.create_tables.as_ref(), create_tables),
        max_attempts: section.count(
            "max_attempts",
            raw.max_attempts.as_ref(),
            base.max_attempts,
            1..=20,
        ),
        max_concurrency: section.size(
            "max_concurrency",
            raw.max_concurrency.as_ref(),
            base.max_concurrency,
            100_000,
        ),
        batch: section.flag("batch", raw.batch.as_ref(), base.batch),
        latency: section.period(
            "latency",
            raw.latency.as_ref(),
            base.latency,
            Duration::ZERO..=Duration::from_secs(60),
        ),
        value_bytes: section.bytes(
            "value_bytes",
            raw.value_bytes.as_ref(),
            base.value_bytes,
            1..=ITEM_BYTES_MAX,
        ),
        value_sizes: value_sizes(raw, section),
    };
    check_together(&config, section);
    config
}

fn value_sizes(raw: &RawStorage, section: &mut Section<'_>) -> ValueSizes {
    let check = |text: &str| text.parse::<ValueSizes>().map(drop);
    let text = section.optional_text("value_sizes", raw.value_sizes.as_ref(), check);
    text.and_then(|text| text.parse().ok()).unwrap_or_default()
}

/// Fields that make sense only for another kind.
fn reject_foreign_fields(raw: &RawStorage, kind: StorageKind, section: &mut Section<'_>) {
    let remote: [(&str, &Option<Scalar>); 2] =
        [("endpoint", &raw.endpoint), ("region", &raw.region)];
    let synthetic: [(&str, &Option<Scalar>); 3] = [
        ("latency", &raw.latency),
        ("value_bytes", &raw.value_bytes),
        ("value_sizes", &raw.value_sizes),
    ];
    if kind != StorageKind::Dynamodb {
        section.reject_foreign(kind.name(), StorageKind::Dynamodb.name(), &remote);
    }
    if kind != StorageKind::Synthetic {
        section.reject_foreign(kind.name(), StorageKind::Synthetic.name(), &synthetic);
    }
}

/// Rules between fields.
fn check_together(config: &StorageConfig, section: &mut Section<'_>) {
    for (field, value) in
        [("connect_timeout", config.connect_timeout), ("attempt_timeout", config.attempt_timeout)]
    {
        if value > config.operation_timeout {
            let value = super::quantity::Period(value);
            let limit = super::quantity::Period(config.operation_timeout);
            let what = format!("must not be longer than operation_timeout = \"{limit}\"");
            section.reject_value(field, format!("\"{value}\""), what);
        }
    }
    let names = [
        ("key_attribute", &config.key_attribute),
        ("value_attribute", &config.value_attribute),
        ("type_attribute", &config.type_attribute),
        ("expiry_attribute", &config.expiry_attribute),
        ("ttl_attribute", &config.ttl_attribute),
    ];
    for (i, (field, name)) in names.iter().enumerate() {
        if let Some((taken, _)) = names[..i].iter().find(|(_, earlier)| earlier == name) {
            let what = format!("is already the {taken}; give it a name of its own");
            section.reject_value(field, format!("\"{name}\""), what);
        }
    }
}

fn attribute_name(name: &str) -> Result<(), String> {
    if name.len() > ATTRIBUTE_NAME_BYTES_MAX {
        return Err(format!("DynamoDB attribute names hold {ATTRIBUTE_NAME_BYTES_MAX} bytes"));
    }
    Ok(())
}

fn endpoint_url(url: &str) -> Result<(), String> {
    let host = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    match host {
        Some(host) if !host.is_empty() && !host.contains(char::is_whitespace) => Ok(()),
        _ => Err("write a URL such as \"http://127.0.0.1:8000\"".to_owned()),
    }
}

fn region_name(name: &str) -> Result<(), String> {
    if name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
        Ok(())
    } else {
        Err("write a region such as \"eu-central-1\"".to_owned())
    }
}
