//! Plain puts together: BatchWriteItem. It knows no conditions and tells nothing of old items, so nothing else can go
//! with it.

use std::collections::{HashMap, HashSet};

use aws_sdk_dynamodb::types::{PutRequest, ReturnConsumedCapacity, WriteRequest};
use bytes::Bytes;

use super::{Batched, Outcome};
use crate::storage::Wrote;
use crate::storage::attempts::Effect;
use crate::storage::dynamo::Dynamo;
use crate::storage::error::StorageError;
use crate::storage::failure::{Failure, Sent};
use crate::storage::table::{StoredItem, Table, key_bytes};
use crate::storage::units::{Shares, write_units};

/// A put of one item, whatever was there.
#[derive(Debug, Clone)]
pub(crate) struct Put {
    pub(crate) key: Bytes,
    pub(crate) item: StoredItem,
}

impl Batched for Put {
    type Answer = Wrote;
    const EFFECT: Effect = Effect::Write;
    const MOST: usize = 25;

    fn key(&self) -> &Bytes {
        &self.key
    }

    fn bytes(&self, table: &Table, _typical: u64) -> u64 {
        table.bytes_of(self.key.len(), &self.item)
    }

    fn moved(_table: &Table, _key: &Bytes, _wrote: &Wrote) -> u64 {
        0
    }

    fn is_dropped_with_caller() -> bool {
        false
    }

    async fn one(
        &self,
        dynamo: &Dynamo,
        table: &Table,
        sent: Sent,
    ) -> Result<Result<Wrote, StorageError>, Failure> {
        let item = table.encode(&self.key, &self.item);
        let item = item.map_err(|error| Failure::Refused(error.to_string()))?;
        let output = dynamo.put_item(table, item, sent).await?;
        Ok(Ok(Dynamo::wrote(table, &self.key, &self.item, &output)))
    }

    async fn several(
        batch: &[Self],
        dynamo: &Dynamo,
        table: &Table,
        sent: Sent,
    ) -> Result<Vec<Outcome<Wrote>>, Failure> {
        let puts = batch.iter().map(|put| put.request(table)).collect::<Result<Vec<_>, _>>()?;
        let request = dynamo
            .client
            .batch_write_item()
            .request_items(table.name(), puts)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .customize()
            .interceptor(sent.clone());
        let output = request.send().await.map_err(|error| Failure::of(&error, &sent))?;
        let left = output.unprocessed_items.unwrap_or_default();
        let left = unprocessed(batch, table, left.into_values().flatten())?;
        let capacity = output.consumed_capacity.unwrap_or_default();
        let consumed = capacity.iter().filter_map(|capacity| capacity.capacity_units).sum();
        Ok(outcomes(batch, table, &left, consumed))
    }
}

impl Put {
    fn request(&self, table: &Table) -> Result<WriteRequest, Failure> {
        let item = table.encode(&self.key, &self.item);
        let item = item.map_err(|error| Failure::Refused(error.to_string()))?;
        let put = PutRequest::builder().set_item(Some(item)).build();
        let put = put.map_err(|error| Failure::Refused(error.to_string()))?;
        Ok(WriteRequest::builder().put_request(put).build())
    }
}

/// The keys that were left out. An answer that leaves out what it was not given proves nothing about the rest.
fn unprocessed(
    batch: &[Put],
    table: &Table,
    left: impl Iterator<Item = WriteRequest>,
) -> Result<HashSet<Bytes>, Failure> {
    let given: HashSet<&[u8]> = batch.iter().map(|put| &put.key[..]).collect();
    let keys = left.map(|request| {
        let item: Option<HashMap<_, _>> = request.put_request.map(|put| put.item);
        let key = item.and_then(|mut item| item.remove(table.key_attribute()));
        let key = key.and_then(key_bytes).filter(|key| given.contains(&key[..]));
        key.ok_or_else(|| Failure::Lost("the answer names a key that was not in the batch".into()))
    });
    keys.collect()
}

fn outcomes(
    batch: &[Put],
    table: &Table,
    left: &HashSet<Bytes>,
    consumed: f64,
) -> Vec<Outcome<Wrote>> {
    let by_rule = |put: &Put| write_units(table.bytes_of(put.key.len(), &put.item));
    let written = batch.iter().filter(|put| !left.contains(&put.key));
    let shares = Shares::of(consumed, written.map(by_rule).sum());
    let outcome = |put: &Put| {
        if left.contains(&put.key) {
            // "Or an internal processing failure": like a 5xx, it may have been applied.
            return Outcome::Left(Failure::Failed("left unprocessed in a batch".to_owned()));
        }
        Outcome::Answered(Ok(Wrote { write_units: shares.of_item(by_rule(put)) }))
    };
    batch.iter().map(outcome).collect()
}
