//! One opened table: how a key and a value become an item, and back.
//!
//! An item has the partition key, the value, and two expiry attributes when it
//! expires: milliseconds for exact expiry, and whole seconds (rounded up) for
//! DynamoDB's own sweep, which may run days late. So an item can be expired and
//! still be there: readers ask [`Item::is_live`].

use super::batch::{BatchStats, Batcher, Put, Read};
use super::config::AttributeNames;
use super::error::StorageError;
use super::scan::ScannedKey;
use super::units::{MAX_ITEM_BYTES, number_bytes};
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use bytes::Bytes;
use std::collections::HashMap;
use std::sync::Arc;

use crate::command::{Item, ValueKind};

/// Length of the longest type tag, `stream`.
const LONGEST_TAG: usize = 6;

/// A value as it is stored, with its expiry: the item that commands work on.
pub type StoredItem = Item;

/// Type of a table's partition key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyType {
    /// Any bytes.
    Binary,
    /// UTF-8 text; other keys are refused.
    String,
}

/// A table that has been found fit for use. Cloning is cheap.
#[derive(Debug, Clone)]
pub struct Table {
    schema: Arc<Schema>,
    batchers: Arc<Batchers>,
}

/// What sends requests for this table that can go together.
#[derive(Debug, Default)]
pub(crate) struct Batchers {
    pub(crate) reads: Arc<Batcher<Read>>,
    pub(crate) puts: Arc<Batcher<Put>>,
}

#[derive(Debug)]
struct Schema {
    name: String,
    key: String,
    key_type: KeyType,
    value: String,
    kind: String,
    expiry_ms: String,
    ttl_s: String,
}

pub(crate) type Attributes = HashMap<String, AttributeValue>;

impl Table {
    pub(crate) fn new(
        name: &str,
        key: &str,
        key_type: KeyType,
        attributes: &AttributeNames,
    ) -> Self {
        Self {
            schema: Arc::new(Schema {
                name: name.to_owned(),
                key: key.to_owned(),
                key_type,
                value: attributes.value.clone(),
                kind: attributes.kind.clone(),
                expiry_ms: attributes.expiry_ms.clone(),
                ttl_s: attributes.ttl_s.clone(),
            }),
            batchers: Arc::default(),
        }
    }

    pub(crate) fn batchers(&self) -> &Batchers {
        &self.batchers
    }

    /// What is counted of the reads that can go together.
    #[must_use]
    pub fn read_batches(&self) -> BatchStats {
        self.batchers.reads.stats()
    }

    /// What is counted of the puts that can go together.
    #[must_use]
    pub fn put_batches(&self) -> BatchStats {
        self.batchers.puts.stats()
    }

    /// The table's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.schema.name
    }

    /// Name of the partition key attribute.
    #[must_use]
    pub fn key_attribute(&self) -> &str {
        &self.schema.key
    }

    /// Type of the partition key.
    #[must_use]
    pub fn key_type(&self) -> KeyType {
        self.schema.key_type
    }

    /// Bytes DynamoDB counts for an item: attribute names and values. The two
    /// expiry numbers are counted at today's length (13 and 10 digits).
    #[must_use]
    pub fn item_bytes(&self, key_bytes: usize, value_bytes: usize, has_expiry: bool) -> u64 {
        let numbers = || [9_999_999_999_999, 9_999_999_999].map(number_bytes);
        self.size(key_bytes, value_bytes, has_expiry.then(numbers))
    }

    /// Bytes DynamoDB counts for `stored` under a key of `key_bytes`.
    #[must_use]
    pub fn bytes_of(&self, key_bytes: usize, stored: &StoredItem) -> u64 {
        let has_expiry = stored.expires_at_ms.is_some();
        let tag = tag_of(stored.kind).map_or(0, |tag| self.schema.kind.len() + tag.len());
        self.item_bytes(key_bytes, stored.value.len(), has_expiry) + length(tag)
    }

    /// The longest value that fits into one item beside a key of `key_bytes`.
    ///
    /// Room for the longest type tag and expiry is always set aside, so that a value that
    /// could be stored can also be given an expiry later.
    #[must_use]
    pub fn max_value_bytes(&self, key_bytes: usize) -> u64 {
        let longest = number_bytes(u64::MAX);
        let tag = length(self.schema.kind.len() + LONGEST_TAG);
        MAX_ITEM_BYTES.saturating_sub(self.size(key_bytes, 0, Some([longest, longest])) + tag)
    }

    fn size(&self, key_bytes: usize, value_bytes: usize, numbers: Option<[u64; 2]>) -> u64 {
        let schema = &*self.schema;
        let plain = schema.key.len() + key_bytes + schema.value.len() + value_bytes;
        let expiry = numbers
            .map_or(0, |[px, ttl]| length(schema.expiry_ms.len() + schema.ttl_s.len()) + px + ttl);
        length(plain) + expiry
    }

    pub(crate) fn value_attribute(&self) -> &str {
        &self.schema.value
    }

    pub(crate) fn kind_attribute(&self) -> &str {
        &self.schema.kind
    }

    pub(crate) fn expiry_attribute(&self) -> &str {
        &self.schema.expiry_ms
    }

    pub(crate) fn ttl_attribute(&self) -> &str {
        &self.schema.ttl_s
    }

    /// The key as an attribute of this table's key type.
    ///
    /// # Errors
    /// [`StorageError::Rejected`] if the table's keys are strings and this one is not UTF-8.
    pub(crate) fn key_value(&self, key: &[u8]) -> Result<AttributeValue, StorageError> {
        match self.schema.key_type {
            KeyType::Binary => Ok(AttributeValue::B(Blob::new(key))),
            KeyType::String => Ok(AttributeValue::S(self.text(key)?.to_owned())),
        }
    }

    /// Whether this table can have such a key.
    ///
    /// # Errors
    /// As [`Table::key_value`].
    pub(crate) fn check_key(&self, key: &[u8]) -> Result<(), StorageError> {
        match self.schema.key_type {
            KeyType::Binary => Ok(()),
            KeyType::String => self.text(key).map(drop),
        }
    }

    fn text<'a>(&self, key: &'a [u8]) -> Result<&'a str, StorageError> {
        std::str::from_utf8(key).map_err(|_| {
            StorageError::Rejected(format!(
                "table {} has string keys (\"{}\" of type S), and this key is not UTF-8",
                self.schema.name, self.schema.key
            ))
        })
    }

    /// The item to put for `key`.
    ///
    /// # Errors
    /// As [`Table::key_value`].
    pub(crate) fn encode(
        &self,
        key: &[u8],
        stored: &StoredItem,
    ) -> Result<Attributes, StorageError> {
        let schema = &*self.schema;
        let mut item = HashMap::with_capacity(5);
        item.insert(schema.key.clone(), self.key_value(key)?);
        item.insert(schema.value.clone(), AttributeValue::B(Blob::new(stored.value.to_vec())));
        if let Some(tag) = tag_of(stored.kind) {
            item.insert(schema.kind.clone(), AttributeValue::S(tag.to_owned()));
        }
        if let Some(at_ms) = stored.expires_at_ms {
            item.insert(schema.expiry_ms.clone(), AttributeValue::N(at_ms.to_string()));
            let at_s = at_ms.div_ceil(1000);
            item.insert(schema.ttl_s.clone(), AttributeValue::N(at_s.to_string()));
        }
        Ok(item)
    }

    /// The value and expiry in `item`, which was found under `key`.
    ///
    /// # Errors
    /// [`StorageError::Rejected`] if the item was not written in this shape: no
    /// value, a value that is neither binary nor a string, or an expiry that is
    /// not a whole number.
    pub(crate) fn decode(
        &self,
        key: &[u8],
        mut item: Attributes,
    ) -> Result<StoredItem, StorageError> {
        let schema = &*self.schema;
        let value = match item.remove(&schema.value) {
            Some(AttributeValue::B(blob)) => Bytes::from(blob.into_inner()),
            Some(AttributeValue::S(text)) => Bytes::from(text),
            Some(_) => return Err(self.foreign(key, &schema.value, "is neither binary nor text")),
            None => return Err(self.foreign(key, &schema.value, "is missing")),
        };
        let kind = match item.remove(&schema.kind) {
            None => ValueKind::String,
            Some(AttributeValue::S(tag)) => ValueKind::named(tag.as_bytes())
                .ok_or_else(|| self.foreign(key, &schema.kind, "names no type of value"))?,
            Some(_) => return Err(self.foreign(key, &schema.kind, "is not text")),
        };
        let expires_at_ms = match item.remove(&schema.expiry_ms) {
            Some(AttributeValue::N(digits)) => Some(digits.parse::<u64>().map_err(|_| {
                self.foreign(key, &schema.expiry_ms, "is not a whole, positive number")
            })?),
            Some(_) => return Err(self.foreign(key, &schema.expiry_ms, "is not a number")),
            None => ttl_ms(item.remove(&schema.ttl_s)),
        };
        Ok(StoredItem { kind, value, expires_at_ms })
    }

    /// The key in `item`, which was brought without its value, with type and expiry; `None` if the item was not written
    /// in this shape.
    pub(crate) fn decode_key(&self, mut item: Attributes) -> Option<ScannedKey> {
        let key = key_bytes(item.remove(&self.schema.key)?)?;
        item.insert(self.schema.value.clone(), AttributeValue::S(String::new()));
        let StoredItem { kind, expires_at_ms, .. } = self.decode(&key, item).ok()?;
        Some(ScannedKey { key, kind, expires_at_ms })
    }

    fn foreign(&self, key: &[u8], attribute: &str, what: &str) -> StorageError {
        StorageError::Rejected(format!(
            "table {}, key \"{}\": attribute \"{attribute}\" {what}; the item was not written by \
             HopperKV",
            self.schema.name,
            key.escape_ascii()
        ))
    }
}

/// Strings, the most frequent values, carry no tag, so that tables from elsewhere can be read.
fn tag_of(kind: ValueKind) -> Option<&'static str> {
    (kind != ValueKind::String).then(|| kind.name())
}

/// DynamoDB ignores a TTL attribute that is not a number of seconds, and so do we.
fn ttl_ms(attribute: Option<AttributeValue>) -> Option<u64> {
    match attribute {
        Some(AttributeValue::N(digits)) => digits.parse::<u64>().ok()?.checked_mul(1000),
        _ => None,
    }
}

/// The bytes of a partition key.
pub(crate) fn key_bytes(attribute: AttributeValue) -> Option<Bytes> {
    match attribute {
        AttributeValue::B(blob) => Some(Bytes::from(blob.into_inner())),
        AttributeValue::S(text) => Some(Bytes::from(text)),
        _ => None,
    }
}

pub(crate) fn length(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::{AttributeNames, AttributeValue, Attributes, KeyType, StoredItem, Table};
    use crate::storage::StorageError;
    use crate::storage::units::MAX_ITEM_BYTES;
    use proptest::prelude::{any, prop_assert_eq, proptest};

    fn table(key_type: KeyType) -> Table {
        Table::new("orders", "k", key_type, &AttributeNames::default())
    }

    proptest! {
        #[test]
        fn an_item_reads_back_as_written(
            key in proptest::collection::vec(any::<u8>(), 1..64),
            value in proptest::collection::vec(any::<u8>(), 0..256),
            expires_at_ms in proptest::option::of(any::<u64>()),
        ) {
            let stored = StoredItem::string(value, expires_at_ms);
            let table = table(KeyType::Binary);
            let item = table.encode(&key, &stored).unwrap();
            prop_assert_eq!(table.decode(&key, item).unwrap(), stored);
        }
    }

    #[test]
    fn sizes_count_names_key_value_and_expiry() {
        let table = table(KeyType::Binary);
        assert_eq!(table.item_bytes(16, 500, false), 1 + 16 + 1 + 500);
        assert_eq!(table.item_bytes(16, 500, true), 1 + 16 + 1 + 500 + (2 + 8) + (3 + 6));
        assert_eq!(
            table.max_value_bytes(16),
            MAX_ITEM_BYTES - (1 + 16 + 1 + 2 + 11 + 3 + 11 + (1 + 6))
        );
    }

    #[test]
    fn the_ttl_attribute_is_rounded_up_and_used_when_alone() {
        let table = table(KeyType::Binary);
        let stored = StoredItem::string("v", Some(1_001));
        let mut item = table.encode(b"a", &stored).unwrap();
        assert_eq!(item["ttl"], AttributeValue::N("2".into()));
        item.remove("px");
        let read = table.decode(b"a", item).unwrap();
        assert_eq!(read.expires_at_ms, Some(2_000));
        assert!(!read.is_live(2_000) && read.is_live(1_999));
    }

    #[test]
    fn foreign_items_are_refused_by_name() {
        let table = table(KeyType::Binary);
        let Err(StorageError::Rejected(detail)) = table.decode(b"a\xff", Attributes::new()) else {
            panic!("an item without a value must be refused");
        };
        assert!(detail.contains("orders") && detail.contains("a\\xff"), "{detail}");
        let item = Attributes::from([("v".into(), AttributeValue::N("1".into()))]);
        assert!(matches!(table.decode(b"a", item), Err(StorageError::Rejected(_))));
    }

    #[test]
    fn string_keys_must_be_text() {
        let table = table(KeyType::String);
        assert_eq!(table.key_value(b"a").unwrap(), AttributeValue::S("a".into()));
        assert!(matches!(table.key_value(b"\xff"), Err(StorageError::Rejected(_))));
    }
}
