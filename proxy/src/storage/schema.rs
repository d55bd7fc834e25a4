//! Opening a table: examine it, create it if asked to, refuse what cannot work.

use super::attempts::Effect;
use super::config::{AttributeNames, StorageConfig};
use super::dynamo::Dynamo;
use super::error::{StorageError, TableError};
use super::failure::Failure;
use super::table::{KeyType, Table};
use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, ScalarAttributeType, TableDescription,
    TableStatus, TimeToLiveSpecification,
};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Longest wait for a table to become usable. DynamoDB takes seconds, rarely a minute.
const ACTIVE_TIMEOUT: Duration = Duration::from_secs(120);
const POLL_INTERVAL: Duration = Duration::from_millis(250);

/// Opens `name`, creating it first if it is missing and the configuration says so.
///
/// # Errors
/// [`TableError`] says what is wrong with the table and how to mend it.
pub(crate) async fn open_table(
    dynamo: &Dynamo,
    config: &StorageConfig,
    name: &str,
) -> Result<Table, TableError> {
    let Some(found) = describe(dynamo, name).await? else {
        if !config.create_tables {
            return Err(TableError::Missing {
                table: name.to_owned(),
                key: config.attributes.key.clone(),
            });
        }
        create(dynamo, &config.attributes, name).await?;
        let created = wait_until_active(dynamo, name).await?;
        enable_ttl(dynamo, &config.attributes, name).await?;
        return table_of(&created, &config.attributes, name);
    };
    // A table that can never work is refused before it is waited for.
    let table = table_of(&found, &config.attributes, name)?;
    if !is_usable(&found) {
        wait_until_active(dynamo, name).await?;
    }
    Ok(table)
}

/// The key of the described table, if it suits.
fn table_of(
    found: &TableDescription,
    attributes: &AttributeNames,
    name: &str,
) -> Result<Table, TableError> {
    let name_of = |kind: &str| {
        let element = found.key_schema().iter().find(|part| part.key_type().as_str() == kind);
        element.map(|part| part.attribute_name().to_owned())
    };
    let table = name.to_owned();
    let key = name_of("HASH").unwrap_or_default();
    if let Some(sort_key) = name_of("RANGE") {
        return Err(TableError::SortKey { table, key, sort_key });
    }
    let key_type = found
        .attribute_definitions()
        .iter()
        .find(|a| a.attribute_name() == key)
        .map_or(String::new(), |definition| definition.attribute_type().as_str().to_owned());
    let key_type = match key_type.as_str() {
        "B" => KeyType::Binary,
        "S" => KeyType::String,
        _ => return Err(TableError::KeyType { table, key, key_type }),
    };
    let AttributeNames { value, kind, expiry_ms, ttl_s, .. } = attributes;
    if [value, kind, expiry_ms, ttl_s].contains(&&key) {
        return Err(TableError::NameClash { table, key });
    }
    Ok(Table::new(name, &key, key_type, attributes))
}

fn is_usable(found: &TableDescription) -> bool {
    matches!(found.table_status(), Some(TableStatus::Active | TableStatus::Updating))
}

async fn describe(dynamo: &Dynamo, name: &str) -> Result<Option<TableDescription>, TableError> {
    let described = dynamo
        .attempts
        .run(Effect::Read, |sent| {
            let request = dynamo
                .client
                .describe_table()
                .table_name(name)
                .customize()
                .interceptor(sent.clone());
            async move {
                match request.send().await {
                    Ok(output) => Ok(output.table),
                    Err(error) if error.code() == Some("ResourceNotFoundException") => Ok(None),
                    Err(error) => Err(Failure::of(&error, &sent)),
                }
            }
        })
        .await;
    described.map(|done| done.output).map_err(|source| failed(name, source))
}

async fn create(
    dynamo: &Dynamo,
    attributes: &AttributeNames,
    name: &str,
) -> Result<(), TableError> {
    let built = AttributeDefinition::builder()
        .attribute_name(&attributes.key)
        .attribute_type(ScalarAttributeType::B)
        .build()
        .and_then(|definition| {
            let key = KeySchemaElement::builder()
                .attribute_name(&attributes.key)
                .key_type(aws_sdk_dynamodb::types::KeyType::Hash)
                .build()?;
            Ok((definition, key))
        });
    let (definition, key) =
        built.map_err(|error| failed(name, StorageError::Rejected(error.to_string())))?;
    // Creating a table twice is refused, so a lost answer may be asked for again.
    dynamo
        .attempts
        .run(Effect::Transaction, |sent| {
            let request = dynamo
                .client
                .create_table()
                .table_name(name)
                .attribute_definitions(definition.clone())
                .key_schema(key.clone())
                .billing_mode(BillingMode::PayPerRequest)
                .customize()
                .interceptor(sent.clone());
            async move {
                match request.send().await {
                    Ok(_) => Ok(()),
                    // Another proxy, or an earlier attempt, was faster.
                    Err(error) if error.code() == Some("ResourceInUseException") => Ok(()),
                    Err(error) => Err(Failure::of(&error, &sent)),
                }
            }
        })
        .await
        .map_err(|source| failed(name, source))?;
    tracing::info!(table = name, "created the table");
    Ok(())
}

async fn wait_until_active(dynamo: &Dynamo, name: &str) -> Result<TableDescription, TableError> {
    let deadline = Instant::now() + ACTIVE_TIMEOUT;
    loop {
        let found = describe(dynamo, name).await?;
        let status = match found {
            Some(found) if is_usable(&found) => return Ok(found),
            Some(found) => found.table_status().map_or("unknown", TableStatus::as_str).to_owned(),
            None => "missing".to_owned(),
        };
        if Instant::now() >= deadline {
            return Err(TableError::NotActive { table: name.to_owned(), status });
        }
        sleep(POLL_INTERVAL).await;
    }
}

/// Asks for DynamoDB's own sweep of expired items. It only saves space, so an
/// endpoint that has no such thing is no reason to stop.
async fn enable_ttl(
    dynamo: &Dynamo,
    attributes: &AttributeNames,
    name: &str,
) -> Result<(), TableError> {
    let wanted = TimeToLiveSpecification::builder()
        .attribute_name(&attributes.ttl_s)
        .enabled(true)
        .build()
        .map_err(|error| failed(name, StorageError::Rejected(error.to_string())))?;
    let result = dynamo
        .attempts
        .run(Effect::Transaction, |sent| {
            let request = dynamo
                .client
                .update_time_to_live()
                .table_name(name)
                .time_to_live_specification(wanted.clone())
                .customize()
                .interceptor(sent.clone());
            async move { request.send().await.map_err(|error| Failure::of(&error, &sent)) }
        })
        .await;
    if let Err(error) = result {
        tracing::warn!(table = name, %error, "expired items will stay in the table: no TTL here");
    }
    Ok(())
}

fn failed(table: &str, source: StorageError) -> TableError {
    TableError::Storage { table: table.to_owned(), source, hint: String::new() }
}
