//! One page of the keys of a table, in whatever order storage keeps them.
//!
//! DynamoDB's Scan bills the whole items that it looks at, not what it sends back, so a page costs the same whether it
//! brings keys or only counts them; neither brings values. What does not count as a key is left out by storage itself:
//! items that have expired but were not swept yet, and items that were not written in our shape (no value, or a type
//! that we do not know). The same rules as in [`Table::decode`], written as a filter.
//!
//! A page begins after a key, which need not exist any more, or with a segment: one of `total` equal parts of the
//! table's order. DynamoDB returns every item that was there from the first page of a walk to its last at least once.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity, Select};
use bytes::Bytes;

use super::attempts::Effect;
use super::dynamo::{Dynamo, reported};
use super::error::StorageError;
use super::failure::Failure;
use super::now_ms;
use super::table::{Attributes, Table};
use super::units::read_units;
use crate::command::ValueKind;

/// Which items a page looks at, and what it brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanRequest {
    /// Where it begins.
    pub from: ScanFrom,
    /// Items to look at, at most; a page also ends after 1 MB of them.
    pub limit: u32,
    /// See every write acknowledged before; costs twice.
    pub consistent: bool,
    /// Bring no keys, only their number.
    pub count_only: bool,
}

/// Where a page begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScanFrom {
    /// At the first item.
    Start,
    /// After this key, whether it exists or not.
    After(Bytes),
    /// At the first item of one of `total` parts, and not beyond that part.
    Segment {
        /// Which part, from 0.
        index: u32,
        /// How many parts.
        total: u32,
    },
}

/// A key that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScannedKey {
    /// The key.
    pub key: Bytes,
    /// The type of its value.
    pub kind: ValueKind,
    /// When it expires.
    pub expires_at_ms: Option<u64>,
}

impl ScannedKey {
    /// Whether it still counts at `now_ms`.
    #[must_use]
    pub fn is_live(&self, now_ms: u64) -> bool {
        self.expires_at_ms.is_none_or(|at_ms| at_ms > now_ms)
    }
}

/// What a page found.
#[derive(Debug, Clone, PartialEq)]
pub struct ScanPage {
    /// The keys; none if only their number was asked for.
    pub keys: Vec<ScannedKey>,
    /// How many keys count, of those looked at.
    pub live: u64,
    /// How many items were looked at.
    pub evaluated: u64,
    /// Where to go on; `None` at the end.
    pub next: Option<Bytes>,
    /// Read units consumed.
    pub read_units: f64,
}

const FILTER: &str = "(attribute_type(#v, :b) OR attribute_type(#v, :s)) \
     AND (attribute_not_exists(#t) OR #t IN (:string, :list, :set, :zset, :hash, :stream)) \
     AND (#px > :now_ms OR (attribute_not_exists(#px) \
          AND (NOT attribute_type(#ttl, :n) OR #ttl > :now_s)))";

impl Dynamo {
    pub(crate) async fn scan(
        &self,
        table: &Table,
        request: &ScanRequest,
    ) -> Result<ScanPage, StorageError> {
        let after = match &request.from {
            ScanFrom::After(key) => {
                Some(HashMap::from([(table.key_attribute().to_owned(), table.key_value(key)?)]))
            }
            ScanFrom::Start | ScanFrom::Segment { .. } => None,
        };
        let output = self
            .attempts
            .run(Effect::Read, |sent| {
                let mut scan = self
                    .client
                    .scan()
                    .table_name(table.name())
                    .limit(i32::try_from(request.limit.max(1)).unwrap_or(i32::MAX))
                    .set_exclusive_start_key(after.clone())
                    .consistent_read(request.consistent)
                    .filter_expression(FILTER)
                    .set_expression_attribute_names(Some(names(table, request.count_only)))
                    .set_expression_attribute_values(Some(values(now_ms())))
                    .return_consumed_capacity(ReturnConsumedCapacity::Total);
                scan = if request.count_only {
                    scan.select(Select::Count)
                } else {
                    scan.projection_expression("#k, #t, #px, #ttl")
                };
                if let ScanFrom::Segment { index, total } = request.from {
                    let number = |n: u32| i32::try_from(n).unwrap_or(i32::MAX);
                    scan = scan.segment(number(index)).total_segments(number(total));
                }
                let scan = scan.customize().interceptor(sent.clone());
                async move { scan.send().await.map_err(|error| Failure::of(&error, &sent)) }
            })
            .await?
            .output;
        let count = |n: i32| u64::try_from(n).unwrap_or(0);
        let next = output.last_evaluated_key.map(|key| position(table, key)).transpose()?;
        let evaluated = count(output.scanned_count);
        let by_rule = || evaluated.max(1) as f64 * read_units(0, request.consistent);
        let now_ms = now_ms();
        let keys: Vec<ScannedKey> = output
            .items
            .unwrap_or_default()
            .into_iter()
            .filter_map(|item| table.decode_key(item))
            .filter(|found| found.is_live(now_ms))
            .collect();
        let live =
            if request.count_only { count(output.count) } else { super::table::length(keys.len()) };
        let read_units = reported(output.consumed_capacity.as_ref()).unwrap_or_else(by_rule);
        Ok(ScanPage { keys, live, evaluated, next, read_units })
    }
}

fn names(table: &Table, count_only: bool) -> HashMap<String, String> {
    let mut names = vec![
        ("#v", table.value_attribute()),
        ("#t", table.kind_attribute()),
        ("#px", table.expiry_attribute()),
        ("#ttl", table.ttl_attribute()),
    ];
    if !count_only {
        names.push(("#k", table.key_attribute()));
    }
    names.into_iter().map(|(name, attribute)| (name.to_owned(), attribute.to_owned())).collect()
}

fn values(now_ms: u64) -> HashMap<String, AttributeValue> {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let mut values = HashMap::from([
        (String::from(":b"), text("B")),
        (String::from(":s"), text("S")),
        (String::from(":n"), text("N")),
        (String::from(":now_ms"), AttributeValue::N(now_ms.to_string())),
        // A TTL of whole seconds lies in the future if it is more than these.
        (String::from(":now_s"), AttributeValue::N((now_ms / 1000).to_string())),
    ]);
    for kind in ValueKind::ALL {
        values.insert(format!(":{}", kind.name()), text(kind.name()));
    }
    values
}

fn position(table: &Table, mut key: Attributes) -> Result<Bytes, StorageError> {
    key.remove(table.key_attribute()).and_then(super::table::key_bytes).ok_or_else(|| {
        StorageError::Unavailable(String::from("a scan ended at something that is not a key"))
    })
}
