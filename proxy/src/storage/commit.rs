//! Several changes that take effect together or not at all, each under a condition if asked for.
//!
//! One change without a condition is a plain put or delete; one with a condition a conditional put or delete, which
//! costs no more. Anything else is a transaction: DynamoDB applies it once however often it arrives (it carries a
//! token), and asks twice the units for it.
//!
//! A condition that fails says that nothing was applied, with one exception: if an earlier attempt of the same write
//! may have been applied (`attempts`), that attempt may be what the condition met, and the result is `Ambiguous`.

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    CancellationReason, ConditionCheck, Delete, Put, ReturnConsumedCapacity, ReturnValue,
    ReturnValuesOnConditionCheckFailure, TransactWriteItem,
};
use bytes::Bytes;

use super::attempts::{Done, Effect};
use super::condition::Condition;
use super::dynamo::{Dynamo, live, reported};
use super::error::StorageError;
use super::failure::{Failure, Sent};
use super::now_ms;
use super::table::{Attributes, StoredItem, Table};
use super::units::{MAX_TRANSACTION_BYTES, MAX_TRANSACTION_KEYS, TRANSACTION_FACTOR, write_units};
use crate::command::Change;

/// What a commit does to one key. Each key is named once.
#[derive(Debug, Clone, PartialEq)]
pub struct KeyEffect {
    /// The key.
    pub key: Bytes,
    /// What happens to it; `Keep` only checks the expectation.
    pub change: Change,
    /// What must be there.
    pub expectation: Expectation,
}

/// What must be stored under a key for a commit to take place.
#[derive(Debug, Clone, PartialEq)]
pub enum Expectation {
    /// Whatever it is.
    Anything,
    /// This item, as it was read; or nothing that counts.
    Is(Option<StoredItem>),
}

/// A commit that storage answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Committed {
    /// What came of it.
    pub outcome: CommitOutcome,
    /// Write units consumed; a commit that met a conflict costs as well.
    pub write_units: f64,
}

/// What came of a commit.
#[derive(Debug, Clone, PartialEq)]
pub enum CommitOutcome {
    /// All of it was applied. What a single unconditional deletion removed is known.
    Applied {
        /// The item removed.
        removed: Option<StoredItem>,
        /// `false` if an earlier attempt may have removed it, so that `None` proves nothing.
        removed_is_certain: bool,
    },
    /// An expectation was not met and nothing was applied: for each effect, what was found.
    Conflict(Vec<Found>),
}

/// What a commit that met a conflict found under one key.
#[derive(Debug, Clone, PartialEq)]
pub enum Found {
    /// What was expected.
    AsExpected,
    /// This item.
    Item(StoredItem),
    /// Something else; the endpoint does not say what. It may be nothing.
    Unknown,
}

/// Checks that storage would take these effects in one go.
///
/// # Errors
/// [`StorageError::Rejected`]: more than 100 keys, or more than 4 MB.
pub fn check_commit(table: &Table, effects: &[KeyEffect]) -> Result<(), StorageError> {
    let keys = effects.len();
    if keys > MAX_TRANSACTION_KEYS {
        return Err(StorageError::Rejected(format!(
            "{keys} keys in one all-or-nothing write; DynamoDB takes {MAX_TRANSACTION_KEYS}"
        )));
    }
    let bytes: u64 = effects.iter().map(|effect| effect.new_bytes(table)).sum();
    if keys > 1 && bytes > MAX_TRANSACTION_BYTES {
        return Err(StorageError::Rejected(format!(
            "{bytes} bytes in one all-or-nothing write; DynamoDB takes {MAX_TRANSACTION_BYTES}"
        )));
    }
    Ok(())
}

/// Whether these effects need a transaction, which costs twice.
#[must_use]
pub fn is_transaction(effects: &[KeyEffect]) -> bool {
    !matches!(effects, [] | [KeyEffect { change: Change::Put(_) | Change::Delete, .. }])
}

/// Key and item, if this is nothing but one put whatever was there: it can go together with others.
pub(super) fn plain_put(effects: &[KeyEffect]) -> Option<(&Bytes, &StoredItem)> {
    match effects {
        [KeyEffect { key, change: Change::Put(item), expectation: Expectation::Anything }] => {
            Some((key, item))
        }
        _ => None,
    }
}

impl KeyEffect {
    /// Bytes that the item has afterwards, as far as this effect puts one.
    fn new_bytes(&self, table: &Table) -> u64 {
        match &self.change {
            Change::Put(item) => table.bytes_of(self.key.len(), item),
            Change::Delete | Change::Keep => 0,
        }
    }

    /// Units that it costs outside a transaction, as far as the old item is known.
    pub(super) fn units(&self, table: &Table) -> f64 {
        let old_bytes = match &self.expectation {
            Expectation::Is(Some(item)) => table.bytes_of(self.key.len(), item),
            Expectation::Is(None) | Expectation::Anything => 0,
        };
        write_units(self.new_bytes(table).max(old_bytes))
    }

    fn condition(&self, table: &Table) -> Option<Condition> {
        match &self.expectation {
            Expectation::Anything => None,
            Expectation::Is(None) => Some(Condition::absent(table, now_ms())),
            Expectation::Is(Some(item)) => Some(Condition::is(table, item)),
        }
    }
}

/// What one attempt at a conditional write gave.
enum Attempt {
    Applied(Option<f64>),
    Unmet(Vec<Found>),
}

impl Dynamo {
    pub(crate) async fn commit(
        &self,
        table: &Table,
        effects: &[KeyEffect],
    ) -> Result<Committed, StorageError> {
        check_commit(table, effects)?;
        let [effect] = effects else {
            return if effects.is_empty() {
                Ok(applied(0.0))
            } else {
                self.transact(table, effects).await
            };
        };
        match (&effect.change, effect.condition(table)) {
            (Change::Put(item), None) => {
                let wrote = self.put(table, &effect.key, item).await?;
                Ok(applied(wrote.write_units))
            }
            (Change::Delete, None) => {
                let deleted = self.delete(table, &effect.key).await?;
                let outcome = CommitOutcome::Applied {
                    removed: deleted.old,
                    removed_is_certain: deleted.old_is_certain,
                };
                Ok(Committed { outcome, write_units: deleted.write_units })
            }
            (Change::Put(item), Some(condition)) => {
                let done = self.put_if(table, &effect.key, item, condition).await?;
                conclude(done, effect.units(table))
            }
            (Change::Delete, Some(condition)) => {
                let done = self.delete_if(table, &effect.key, condition).await?;
                conclude(done, effect.units(table))
            }
            (Change::Keep, _) => self.transact(table, effects).await,
        }
    }

    async fn put_if(
        &self,
        table: &Table,
        key: &Bytes,
        stored: &StoredItem,
        condition: Condition,
    ) -> Result<Done<Attempt>, StorageError> {
        let item = table.encode(key, stored)?;
        let call = |sent: Sent| {
            let request = self
                .client
                .put_item()
                .table_name(table.name())
                .set_item(Some(item.clone()))
                .condition_expression(&condition.expression)
                .set_expression_attribute_names(Some(condition.names.clone()))
                .set_expression_attribute_values(Some(condition.values.clone()))
                .return_values_on_condition_check_failure(FOUND)
                .return_consumed_capacity(ReturnConsumedCapacity::Total)
                .customize()
                .interceptor(sent.clone());
            async move {
                match request.send().await {
                    Ok(output) => Ok(Attempt::Applied(reported(output.consumed_capacity.as_ref()))),
                    Err(error) => match error.as_service_error() {
                        Some(PutItemError::ConditionalCheckFailedException(failed)) => {
                            Ok(Attempt::Unmet(vec![found(table, key, failed.item())]))
                        }
                        _ => Err(Failure::of(&error, &sent)),
                    },
                }
            }
        };
        self.attempts.run(Effect::Write, call).await
    }

    async fn delete_if(
        &self,
        table: &Table,
        key: &Bytes,
        condition: Condition,
    ) -> Result<Done<Attempt>, StorageError> {
        let key_value = table.key_value(key)?;
        let call = |sent: Sent| {
            let request = self
                .client
                .delete_item()
                .table_name(table.name())
                .key(table.key_attribute(), key_value.clone())
                .condition_expression(&condition.expression)
                .set_expression_attribute_names(Some(condition.names.clone()))
                .set_expression_attribute_values(Some(condition.values.clone()))
                .return_values(ReturnValue::None)
                .return_values_on_condition_check_failure(FOUND)
                .return_consumed_capacity(ReturnConsumedCapacity::Total)
                .customize()
                .interceptor(sent.clone());
            async move {
                match request.send().await {
                    Ok(output) => Ok(Attempt::Applied(reported(output.consumed_capacity.as_ref()))),
                    Err(error) => match error.as_service_error() {
                        Some(DeleteItemError::ConditionalCheckFailedException(failed)) => {
                            Ok(Attempt::Unmet(vec![found(table, key, failed.item())]))
                        }
                        _ => Err(Failure::of(&error, &sent)),
                    },
                }
            }
        };
        self.attempts.run(Effect::Write, call).await
    }

    async fn transact(
        &self,
        table: &Table,
        effects: &[KeyEffect],
    ) -> Result<Committed, StorageError> {
        let items = effects
            .iter()
            .map(|effect| transact_item(table, effect))
            .collect::<Result<Vec<_>, _>>()?;
        let token = format!("{:032x}", rand::random::<u128>());
        let call = |sent: Sent| {
            let request = self
                .client
                .transact_write_items()
                .set_transact_items(Some(items.clone()))
                .client_request_token(token.clone())
                .return_consumed_capacity(ReturnConsumedCapacity::Total)
                .customize()
                .interceptor(sent.clone());
            async move {
                match request.send().await {
                    Ok(output) => {
                        let capacity = output.consumed_capacity.unwrap_or_default();
                        let units: f64 = capacity.iter().filter_map(|c| c.capacity_units).sum();
                        Ok(Attempt::Applied((units > 0.0).then_some(units)))
                    }
                    Err(error) => cancelled(table, effects, &error, &sent).map(Attempt::Unmet),
                }
            }
        };
        let done = self.attempts.run(Effect::Transaction, call).await?;
        let units: f64 = effects.iter().map(|effect| effect.units(table)).sum();
        conclude(done, TRANSACTION_FACTOR * units)
    }
}

/// The item that failed a condition costs nothing to be told.
const FOUND: ReturnValuesOnConditionCheckFailure = ReturnValuesOnConditionCheckFailure::AllOld;

pub(super) fn applied(write_units: f64) -> Committed {
    let outcome = CommitOutcome::Applied { removed: None, removed_is_certain: false };
    Committed { outcome, write_units }
}

fn conclude(done: Done<Attempt>, units_by_rule: f64) -> Result<Committed, StorageError> {
    match (done.output, done.doubt) {
        (Attempt::Applied(units), _) => Ok(applied(units.unwrap_or(units_by_rule))),
        (Attempt::Unmet(_), Some(doubt)) => {
            Err(StorageError::Ambiguous(format!("{doubt}; then: a condition was not met")))
        }
        (Attempt::Unmet(found), None) => {
            Ok(Committed { outcome: CommitOutcome::Conflict(found), write_units: units_by_rule })
        }
    }
}

fn transact_item(table: &Table, effect: &KeyEffect) -> Result<TransactWriteItem, StorageError> {
    let (expression, names, values) = match effect.condition(table) {
        Some(c) => (Some(c.expression), Some(c.names), Some(c.values)),
        None => (None, None, None),
    };
    let returns = expression.is_some().then_some(FOUND);
    let item = TransactWriteItem::builder();
    let item = match &effect.change {
        Change::Put(stored) => Put::builder()
            .table_name(table.name())
            .set_item(Some(table.encode(&effect.key, stored)?))
            .set_condition_expression(expression)
            .set_expression_attribute_names(names)
            .set_expression_attribute_values(values)
            .set_return_values_on_condition_check_failure(returns)
            .build()
            .map(|put| item.put(put)),
        Change::Delete => Delete::builder()
            .table_name(table.name())
            .key(table.key_attribute(), table.key_value(&effect.key)?)
            .set_condition_expression(expression)
            .set_expression_attribute_names(names)
            .set_expression_attribute_values(values)
            .set_return_values_on_condition_check_failure(returns)
            .build()
            .map(|delete| item.delete(delete)),
        Change::Keep => ConditionCheck::builder()
            .table_name(table.name())
            .key(table.key_attribute(), table.key_value(&effect.key)?)
            .set_condition_expression(expression)
            .set_expression_attribute_names(names)
            .set_expression_attribute_values(values)
            .set_return_values_on_condition_check_failure(returns)
            .build()
            .map(|check| item.condition_check(check)),
    };
    item.map(|item| item.build()).map_err(|error| StorageError::Rejected(error.to_string()))
}

/// What was found, if the transaction was cancelled because of a condition and nothing else.
fn cancelled(
    table: &Table,
    effects: &[KeyEffect],
    error: &SdkError<TransactWriteItemsError>,
    sent: &Sent,
) -> Result<Vec<Found>, Failure> {
    if let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) =
        error.as_service_error()
    {
        let reasons = cancelled.cancellation_reasons();
        let has = |code| reasons.iter().any(|reason| reason.code() == Some(code));
        if has("ConditionalCheckFailed") {
            let at = |index| reasons.get(index);
            let all = effects.iter().enumerate();
            return Ok(all.map(|(n, effect)| found_by(table, effect, at(n))).collect());
        }
        if has("TransactionConflict")
            || has("ProvisionedThroughputExceeded")
            || has("ThrottlingError")
        {
            return Err(Failure::Throttled("the transaction met another, or a limit".into()));
        }
    }
    Err(Failure::of(error, sent))
}

fn found_by(table: &Table, effect: &KeyEffect, reason: Option<&CancellationReason>) -> Found {
    match reason.map(|reason| (reason.code(), reason.item())) {
        Some((Some("ConditionalCheckFailed"), item)) => found(table, &effect.key, item),
        Some((None | Some("None"), _)) => Found::AsExpected,
        _ => Found::Unknown,
    }
}

/// An item that has expired, or cannot be read, is left to a read of its own.
fn found(table: &Table, key: &Bytes, item: Option<&Attributes>) -> Found {
    let item = item.filter(|item| !item.is_empty()).cloned();
    let item = item.and_then(|item| live(table.decode(key, item).ok()));
    item.map_or(Found::Unknown, Found::Item)
}
