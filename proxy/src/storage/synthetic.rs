//! Synthetic storage: a fixed latency, and values computed from keys.
//!
//! **It stores nothing.** Writes and deletes are accepted, charged, and
//! forgotten; the next read computes the same value as before. It exists for
//! experiments, where the storage must cost time and units but not disk, and
//! where a reader must be able to verify every byte.
//!
//! A key `K<offset, 10 digits>s<size>E...EY` has the value
//! `V<offset, 10 digits>s<value bytes>A...AL`, of the length configured for its
//! offset. Every other key is absent.

use super::commit::{
    CommitOutcome, Committed, Expectation, Found, KeyEffect, check_commit, is_transaction,
};
use super::config::StorageConfig;
use super::error::StorageError;
use super::table::{StoredItem, Table};
use super::units::{TRANSACTION_FACTOR, read_units, write_units};
use super::{Deleted, Got, Wrote};
use crate::command::Change;
use bytes::Bytes;
use std::time::Duration;

const OFFSET_DIGITS: usize = 10;

/// The synthetic backend's settings; it has no state.
#[derive(Debug, Clone)]
pub(crate) struct Synthetic {
    latency: Duration,
    value_bytes: usize,
    value_sizes: Vec<(u64, usize)>,
    consistent_reads: bool,
}

impl Synthetic {
    pub(crate) fn new(config: &StorageConfig) -> Self {
        Self {
            latency: config.synthetic_latency,
            value_bytes: config.synthetic_value_bytes,
            value_sizes: config.synthetic_value_sizes.clone(),
            consistent_reads: config.consistent_reads,
        }
    }

    pub(crate) async fn get(&self, table: &Table, key: &[u8]) -> Got {
        tokio::time::sleep(self.latency).await;
        let item = self.item(key);
        let item_bytes = item.as_ref().map_or(0, |item| table.bytes_of(key.len(), item));
        Got { item, read_units: read_units(item_bytes, self.consistent_reads) }
    }

    pub(crate) async fn put(&self, table: &Table, key: &[u8], stored: &StoredItem) -> Wrote {
        tokio::time::sleep(self.latency).await;
        let new_bytes = table.bytes_of(key.len(), stored);
        Wrote { write_units: write_units(new_bytes.max(self.old_bytes(table, key))) }
    }

    pub(crate) async fn delete(&self, table: &Table, key: &[u8]) -> Deleted {
        tokio::time::sleep(self.latency).await;
        let write_units = write_units(self.old_bytes(table, key));
        Deleted { old: self.item(key), old_is_certain: true, write_units }
    }

    /// Nothing is kept, so the only expectation that can fail is that of an absent key.
    pub(crate) async fn commit(
        &self,
        table: &Table,
        effects: &[KeyEffect],
    ) -> Result<Committed, StorageError> {
        check_commit(table, effects)?;
        tokio::time::sleep(self.latency).await;
        let found =
            effects.iter().map(|effect| match (&effect.expectation, self.item(&effect.key)) {
                (Expectation::Is(None), Some(item)) => Found::Item(item),
                _ => Found::AsExpected,
            });
        let found: Vec<Found> = found.collect();
        let removed = match effects {
            [KeyEffect { key, change: Change::Delete, .. }] => self.item(key),
            _ => None,
        };
        let conflict = found.iter().any(|found| *found != Found::AsExpected);
        let outcome = if conflict {
            CommitOutcome::Conflict(found)
        } else {
            CommitOutcome::Applied { removed, removed_is_certain: true }
        };
        let factor = if is_transaction(effects) { TRANSACTION_FACTOR } else { 1.0 };
        let units = effects
            .iter()
            .map(|effect| effect.units(table).max(write_units(self.old_bytes(table, &effect.key))));
        Ok(Committed { outcome, write_units: factor * units.sum::<f64>() })
    }

    fn item(&self, key: &[u8]) -> Option<StoredItem> {
        let offset = offset_of(key)?;
        let value = value_at(offset, self.value_bytes_at(offset));
        Some(StoredItem::string(value, None))
    }

    fn old_bytes(&self, table: &Table, key: &[u8]) -> u64 {
        let bytes = |offset| table.item_bytes(key.len(), self.value_bytes_at(offset), false);
        offset_of(key).map_or(0, bytes)
    }

    /// Bytes of the value that belongs to these digits.
    fn value_bytes_at(&self, offset: &[u8]) -> usize {
        let offset = offset.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0'));
        let begun = self.value_sizes.partition_point(|(from, _)| *from <= offset);
        let stretch = begun.checked_sub(1).and_then(|index| self.value_sizes.get(index));
        stretch.map_or(self.value_bytes, |(_, bytes)| *bytes)
    }
}

/// The offset's digits, if `key` has the format of a generated key.
fn offset_of(key: &[u8]) -> Option<&[u8]> {
    let rest = key.strip_prefix(b"K")?.strip_suffix(b"Y")?;
    let (offset, rest) = rest.split_at_checked(OFFSET_DIGITS)?;
    let size = rest.strip_prefix(b"s")?;
    let digits = size.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let well_formed = offset.iter().all(u8::is_ascii_digit)
        && digits > 0
        && size.iter().skip(digits).all(|&byte| byte == b'E');
    well_formed.then_some(offset)
}

/// The value of `bytes` length that belongs to `offset`. One that is too short
/// for its header is cut; the last byte is `L` in any case.
fn value_at(offset: &[u8], bytes: usize) -> Bytes {
    let mut value = Vec::with_capacity(bytes.max(32));
    value.push(b'V');
    value.extend_from_slice(offset);
    value.extend_from_slice(format!("s{bytes}").as_bytes());
    value.resize(bytes, b'A');
    if let Some(last) = value.last_mut() {
        *last = b'L';
    }
    Bytes::from(value)
}

#[cfg(test)]
mod tests {
    use super::{StorageConfig, Synthetic, offset_of, value_at};

    #[test]
    fn sizes_hold_from_their_offset_on() {
        let config = StorageConfig {
            synthetic_value_bytes: 40,
            synthetic_value_sizes: vec![(5, 50), (1_000_000_000, 60)],
            ..StorageConfig::default()
        };
        let synthetic = Synthetic::new(&config);
        for (offset, bytes) in [
            (0_u64, 40),
            (4, 40),
            (5, 50),
            (999_999_999, 50),
            (1_000_000_000, 60),
            (9_999_999_999, 60),
        ] {
            let digits = format!("{offset:010}");
            assert_eq!(synthetic.value_bytes_at(digits.as_bytes()), bytes, "{offset}");
        }
    }

    #[test]
    fn keys_of_the_format_are_recognised_and_others_are_absent() {
        assert_eq!(offset_of(b"K0000000042s16EY"), Some(b"0000000042".as_slice()));
        assert_eq!(offset_of(b"K0000000042s20EEEEEY"), Some(b"0000000042".as_slice()));
        assert_eq!(offset_of(b"K0000000042s15Y"), Some(b"0000000042".as_slice()));
        for other in [
            &b""[..],
            b"K",
            b"KY",
            b"K0000000042sEY",
            b"K000000004s16EEY",
            b"K00000000xxs16EY",
            b"K0000000042s16EX",
            b"K0000000042s16FY",
            b"V0000000042s16EY",
        ] {
            assert_eq!(offset_of(other), None, "{}", other.escape_ascii());
        }
    }

    #[test]
    fn values_have_the_configured_length() {
        assert_eq!(&value_at(b"0000000042", 20)[..], b"V0000000042s20AAAAAL");
        assert_eq!(&value_at(b"0000000042", 5)[..], b"V000L");
        assert_eq!(value_at(b"0000000042", 0).len(), 0);
    }
}
