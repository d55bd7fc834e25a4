//! Reads together: BatchGetItem.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{KeysAndAttributes, ReturnConsumedCapacity};
use bytes::Bytes;

use super::{Batched, Outcome};
use crate::storage::attempts::Effect;
use crate::storage::dynamo::{Dynamo, live};
use crate::storage::error::StorageError;
use crate::storage::failure::{Failure, Sent};
use crate::storage::table::{Attributes, Table, key_bytes};
use crate::storage::units::{Shares, read_units};
use crate::storage::{Got, StoredItem};

/// An answer with this much in it may have left out items for want of room. (Documented are 16 MB in all, and 1 MB of
/// one partition.)
const FULL_BYTES: u64 = 1 << 20;

/// A read of one key.
#[derive(Debug, Clone)]
pub(crate) struct Read {
    pub(crate) key: Bytes,
}

/// What was found under one key.
enum Found {
    Nothing,
    Item(Result<StoredItem, StorageError>),
    Unprocessed,
}

impl Batched for Read {
    type Answer = Got;
    const EFFECT: Effect = Effect::Read;
    const MOST: usize = 100;

    fn key(&self) -> &Bytes {
        &self.key
    }

    fn bytes(&self, _table: &Table, typical: u64) -> u64 {
        typical
    }

    fn moved(table: &Table, key: &Bytes, got: &Got) -> u64 {
        got.item.as_ref().map_or(0, |item| table.bytes_of(key.len(), item))
    }

    fn is_dropped_with_caller() -> bool {
        true
    }

    async fn one(
        &self,
        dynamo: &Dynamo,
        table: &Table,
        sent: Sent,
    ) -> Result<Result<Got, StorageError>, Failure> {
        let key = table.key_value(&self.key).map_err(|e| Failure::Refused(e.to_string()))?;
        let output = dynamo.get_item(table, key, sent).await?;
        Ok(dynamo.got(table, &self.key, output))
    }

    async fn several(
        batch: &[Self],
        dynamo: &Dynamo,
        table: &Table,
        sent: Sent,
    ) -> Result<Vec<Outcome<Got>>, Failure> {
        let asked = KeysAndAttributes::builder()
            .set_keys(Some(keys_of(batch, table)?))
            .consistent_read(dynamo.consistent_reads)
            .build()
            .map_err(|error| Failure::Refused(error.to_string()))?;
        let request = dynamo
            .client
            .batch_get_item()
            .request_items(table.name(), asked)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .customize()
            .interceptor(sent.clone());
        let output = request.send().await.map_err(|error| Failure::of(&error, &sent))?;
        let left = output.unprocessed_keys.unwrap_or_default();
        let left = left.into_values().flat_map(|left| left.keys);
        let items = output.responses.unwrap_or_default().into_values().flatten();
        let found = sort(batch, table, items, left)?;
        let capacity = output.consumed_capacity.unwrap_or_default();
        let consumed = capacity.iter().filter_map(|capacity| capacity.capacity_units).sum();
        Ok(outcomes(batch, table, found, dynamo.consistent_reads, consumed))
    }
}

fn keys_of(batch: &[Read], table: &Table) -> Result<Vec<Attributes>, Failure> {
    let keys = batch.iter().map(|read| {
        let key = table.key_value(&read.key).map_err(|e| Failure::Refused(e.to_string()))?;
        Ok(HashMap::from([(table.key_attribute().to_owned(), key)]))
    });
    keys.collect()
}

/// What there is about each key; the endpoint names items in any order. An answer that names what was not asked for is
/// not to be trusted: what it does not name would be taken for absent.
fn sort(
    batch: &[Read],
    table: &Table,
    items: impl Iterator<Item = Attributes>,
    left: impl Iterator<Item = Attributes>,
) -> Result<Vec<Found>, Failure> {
    let places: HashMap<&[u8], usize> =
        batch.iter().enumerate().map(|(place, read)| (&read.key[..], place)).collect();
    let mut found: Vec<Found> = batch.iter().map(|_| Found::Nothing).collect();
    let place_of = |item: &mut Attributes| {
        let key = item.remove(table.key_attribute()).and_then(key_bytes);
        let place = key.and_then(|key| places.get(&key[..]).copied());
        place.ok_or_else(|| {
            Failure::Refused("the answer to a batch names a key that was not asked for".to_owned())
        })
    };
    for mut item in items {
        let place = place_of(&mut item)?;
        if let (Some(read), Some(found)) = (batch.get(place), found.get_mut(place)) {
            *found = Found::Item(table.decode(&read.key, item));
        }
    }
    for mut key in left {
        let place = place_of(&mut key)?;
        if let Some(found) = found.get_mut(place) {
            *found = Found::Unprocessed;
        }
    }
    Ok(found)
}

fn outcomes(
    batch: &[Read],
    table: &Table,
    found: Vec<Found>,
    consistent: bool,
    consumed: f64,
) -> Vec<Outcome<Got>> {
    let bytes_of = |read: &Read, found: &Found| match found {
        Found::Item(Ok(item)) => table.bytes_of(read.key.len(), item),
        Found::Item(Err(_)) | Found::Nothing | Found::Unprocessed => 0,
    };
    let sizes: Vec<u64> = batch.iter().zip(&found).map(|(read, f)| bytes_of(read, f)).collect();
    let is_full = sizes.iter().sum::<u64>() >= FULL_BYTES;
    let by_rule = sizes.iter().zip(&found).map(|(bytes, found)| match found {
        Found::Unprocessed => 0.0,
        Found::Nothing | Found::Item(_) => read_units(*bytes, consistent),
    });
    let by_rule: Vec<f64> = by_rule.collect();
    let shares = Shares::of(consumed, by_rule.iter().sum());
    let outcome = |(found, units): (Found, f64)| match found {
        Found::Nothing => {
            Outcome::Answered(Ok(Got { item: None, read_units: shares.of_item(units) }))
        }
        Found::Item(Ok(item)) => {
            let item = live(Some(item));
            Outcome::Answered(Ok(Got { item, read_units: shares.of_item(units) }))
        }
        Found::Item(Err(error)) => Outcome::Answered(Err(error)),
        Found::Unprocessed if is_full => Outcome::NoRoom,
        Found::Unprocessed => {
            Outcome::Left(Failure::Throttled("left unprocessed in a batch".to_owned()))
        }
    };
    found.into_iter().zip(by_rule).map(outcome).collect()
}
