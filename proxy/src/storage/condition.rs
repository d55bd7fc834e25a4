//! What an item must still be for a write to take place, as a DynamoDB condition.
//!
//! The condition compares what is stored (value, type tag, expiry), so that no version attribute is needed and tables
//! from elsewhere can be shared. One item can be stored in several forms, all of which must match: a string's value as
//! binary or as text, its tag absent or spelled out, its expiry in milliseconds or, alone, in whole seconds. An item
//! that has expired counts as absent although it is still there.

use std::collections::HashMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;

use super::table::{StoredItem, Table};
use crate::command::ValueKind;

/// A condition expression with its names and values; only what it mentions, as DynamoDB refuses anything else.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Condition {
    pub(crate) expression: String,
    pub(crate) names: HashMap<String, String>,
    pub(crate) values: HashMap<String, AttributeValue>,
}

/// The largest number of seconds whose milliseconds can be written down; a later `ttl` is no expiry.
const MAX_TTL_S: u64 = u64::MAX / 1000;

impl Condition {
    /// Nothing is stored under the key that counts at `now_ms`.
    pub(crate) fn absent(table: &Table, now_ms: u64) -> Self {
        Self::of(
            "attribute_not_exists(#k) OR #px <= :now_ms \
                  OR (attribute_not_exists(#px) AND #ttl <= :now_s)",
        )
        .name("#k", table.key_attribute())
        .name("#px", table.expiry_attribute())
        .name("#ttl", table.ttl_attribute())
        .value(":now_ms", number(now_ms))
        .value(":now_s", number(now_ms / 1000))
    }

    /// Exactly `item` is stored under the key.
    pub(crate) fn is(table: &Table, item: &StoredItem) -> Self {
        let text = match item.kind {
            ValueKind::String => std::str::from_utf8(&item.value).ok(),
            _ => None,
        };
        let value = if text.is_some() { "(#v = :b OR #v = :s)" } else { "#v = :b" };
        let kind = match item.kind {
            ValueKind::String => "(attribute_not_exists(#t) OR #t = :t)",
            _ => "#t = :t",
        };
        let seconds = item.expires_at_ms.filter(|at_ms| at_ms.is_multiple_of(1000));
        let expiry = match (item.expires_at_ms, seconds) {
            (Some(_), Some(_)) => "(#px = :px OR (attribute_not_exists(#px) AND #ttl = :ttl))",
            (Some(_), None) => "#px = :px",
            (None, _) => "attribute_not_exists(#px) AND NOT (#ttl BETWEEN :zero AND :max)",
        };
        let condition = Self::of(&format!("{value} AND {kind} AND {expiry}"))
            .name("#v", table.value_attribute())
            .name("#t", table.kind_attribute())
            .name("#px", table.expiry_attribute())
            .value(":b", AttributeValue::B(Blob::new(item.value.to_vec())))
            .value(":t", AttributeValue::S(item.kind.name().to_owned()));
        let condition = match text {
            Some(text) => condition.value(":s", AttributeValue::S(text.to_owned())),
            None => condition,
        };
        match (item.expires_at_ms, seconds) {
            (Some(at_ms), None) => condition.value(":px", number(at_ms)),
            (Some(at_ms), Some(_)) => condition
                .name("#ttl", table.ttl_attribute())
                .value(":px", number(at_ms))
                .value(":ttl", number(at_ms / 1000)),
            (None, _) => condition
                .name("#ttl", table.ttl_attribute())
                .value(":zero", number(0))
                .value(":max", number(MAX_TTL_S)),
        }
    }

    fn of(expression: &str) -> Self {
        Self { expression: expression.to_owned(), names: HashMap::new(), values: HashMap::new() }
    }

    fn name(mut self, placeholder: &str, attribute: &str) -> Self {
        self.names.insert(placeholder.to_owned(), attribute.to_owned());
        self
    }

    fn value(mut self, placeholder: &str, value: AttributeValue) -> Self {
        self.values.insert(placeholder.to_owned(), value);
        self
    }
}

fn number(number: u64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

#[cfg(test)]
mod tests {
    use super::Condition;
    use crate::command::{Item, ValueKind};
    use crate::storage::config::AttributeNames;
    use crate::storage::table::{KeyType, Table};
    use aws_sdk_dynamodb::types::AttributeValue;

    fn table() -> Table {
        Table::new("orders", "k", KeyType::Binary, &AttributeNames::default())
    }

    /// DynamoDB refuses a name or value that the expression does not mention, and one that is not given.
    fn assert_names_what_it_mentions(condition: &Condition) {
        let mut mentioned: Vec<&str> = condition
            .expression
            .split(|c: char| !(c.is_ascii_alphanumeric() || "#:_".contains(c)))
            .filter(|word| word.starts_with(['#', ':']))
            .collect();
        mentioned.sort_unstable();
        mentioned.dedup();
        let mut given: Vec<&str> =
            condition.names.keys().chain(condition.values.keys()).map(String::as_str).collect();
        given.sort_unstable();
        assert_eq!(mentioned, given, "{}", condition.expression);
    }

    #[test]
    fn every_condition_names_exactly_what_it_mentions() {
        assert_names_what_it_mentions(&Condition::absent(&table(), 1_700_000_000_123));
        for expires_at_ms in [None, Some(1_700_000_000_000), Some(1_700_000_000_001)] {
            for value in [&b"text"[..], b"\xff\x00"] {
                for kind in ValueKind::ALL {
                    let item = Item { kind, value: value.into(), expires_at_ms };
                    assert_names_what_it_mentions(&Condition::is(&table(), &item));
                }
            }
        }
    }

    #[test]
    fn a_string_is_looked_for_as_binary_and_as_text() {
        let text = Condition::is(&table(), &Item::string("a", None));
        assert!(text.expression.starts_with("(#v = :b OR #v = :s) AND (attribute_not_exists(#t)"));
        assert_eq!(text.values[":s"], AttributeValue::S("a".into()));
        let binary = Condition::is(&table(), &Item::string(&b"\xff"[..], None));
        assert!(binary.expression.starts_with("#v = :b AND"), "{}", binary.expression);
    }

    #[test]
    fn only_whole_seconds_can_be_an_expiry_from_elsewhere() {
        let whole = Condition::is(&table(), &Item::string("a", Some(5_000)));
        assert_eq!(whole.values[":ttl"], AttributeValue::N("5".into()));
        let odd = Condition::is(&table(), &Item::string("a", Some(5_001)));
        assert!(!odd.expression.contains("#ttl"), "{}", odd.expression);
    }
}
