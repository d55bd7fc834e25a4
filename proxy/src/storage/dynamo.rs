//! Items in DynamoDB, or in anything that speaks its API.
//!
//! The SDK client lives on the control runtime: its connection pool, timers and
//! DNS are tied to the runtime that polls them, and the callers are several
//! small runtimes that may stop at any time. Each call is a task there, and a
//! caller that goes away does not cancel it half-way through a write.

use super::attempts::{Attempts, Effect};
use super::config::StorageConfig;
use super::error::{OpenError, StorageError};
use super::failure::{Failure, Sent};
use super::table::{Attributes, StoredItem, Table};
use super::units::{read_units, write_units};
use super::{Deleted, Got, Wrote, now_ms};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{
    BehaviorVersion, Builder, Credentials, Region, SharedHttpClient, StalledStreamProtectionConfig,
};
use aws_sdk_dynamodb::operation::get_item::GetItemOutput;
use aws_sdk_dynamodb::operation::put_item::PutItemOutput;
use aws_sdk_dynamodb::types::{
    AttributeValue, ConsumedCapacity, ReturnConsumedCapacity, ReturnValue,
};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use bytes::Bytes;
use std::time::Duration;

const IDLE_TIMEOUT: Duration = Duration::from_secs(20);

/// A client of one endpoint, with its bounds.
#[derive(Debug, Clone)]
pub(crate) struct Dynamo {
    pub(crate) client: Client,
    pub(crate) attempts: Attempts,
    pub(crate) consistent_reads: bool,
}

/// Where credentials come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Identity {
    /// AWS's usual chain: environment, profile, container, instance.
    Chain,
    /// Made up, for endpoints that only look at the shape.
    Placeholder,
}

impl Dynamo {
    /// Builds the client. Nothing is sent.
    ///
    /// # Errors
    /// [`OpenError::NoRegion`] if AWS is meant and no region is known.
    pub(crate) async fn connect(
        config: &StorageConfig,
        endpoint: Option<&str>,
        identity: Identity,
    ) -> Result<Self, OpenError> {
        let http = http_client(endpoint, config.max_concurrency);
        let builder = match identity {
            Identity::Placeholder => Builder::new()
                .behavior_version(BehaviorVersion::latest())
                .region(Region::new(config.region.clone().unwrap_or_else(|| "us-east-1".into())))
                .credentials_provider(Credentials::new("hopperkv", "hopperkv", None, None, "none")),
            Identity::Chain => {
                let mut loader =
                    aws_config::defaults(BehaviorVersion::latest()).http_client(http.clone());
                if let Some(region) = &config.region {
                    loader = loader.region(Region::new(region.clone()));
                }
                let found = loader.load().await;
                match (found.region(), endpoint) {
                    (None, None) => return Err(OpenError::NoRegion),
                    (None, Some(_)) => Builder::from(&found).region(Region::new("us-east-1")),
                    (Some(_), _) => Builder::from(&found),
                }
            }
        };
        let builder = match endpoint {
            Some(url) => builder.endpoint_url(url),
            None => builder,
        };
        let builder = builder
            .http_client(http)
            .retry_config(RetryConfig::disabled())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .timeout_config(
                TimeoutConfig::builder().connect_timeout(config.connect_timeout).build(),
            );
        Ok(Self {
            client: Client::from_conf(builder.build()),
            attempts: Attempts::new(config),
            consistent_reads: config.consistent_reads,
        })
    }

    pub(crate) async fn get(&self, table: &Table, key: &Bytes) -> Result<Got, StorageError> {
        let key_value = table.key_value(key)?;
        let call = |sent| self.get_item(table, key_value.clone(), sent);
        let output = self.attempts.run(Effect::Read, call).await?.output;
        self.got(table, key, output)
    }

    /// One attempt of a read.
    pub(crate) async fn get_item(
        &self,
        table: &Table,
        key: AttributeValue,
        sent: Sent,
    ) -> Result<GetItemOutput, Failure> {
        let request = self
            .client
            .get_item()
            .table_name(table.name())
            .key(table.key_attribute(), key)
            .consistent_read(self.consistent_reads)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .customize()
            .interceptor(sent.clone());
        request.send().await.map_err(|error| Failure::of(&error, &sent))
    }

    /// What a read has found.
    ///
    /// # Errors
    /// [`StorageError::Rejected`]: an item that was not written by us.
    pub(crate) fn got(
        &self,
        table: &Table,
        key: &Bytes,
        output: GetItemOutput,
    ) -> Result<Got, StorageError> {
        let item = output.item.map(|item| table.decode(key, item)).transpose()?;
        let read_units = reported(output.consumed_capacity.as_ref()).unwrap_or_else(|| {
            read_units(size_of(table, key, item.as_ref()), self.consistent_reads)
        });
        Ok(Got { item: live(item), read_units })
    }

    pub(crate) async fn put(
        &self,
        table: &Table,
        key: &Bytes,
        stored: &StoredItem,
    ) -> Result<Wrote, StorageError> {
        let item = table.encode(key, stored)?;
        let call = |sent| self.put_item(table, item.clone(), sent);
        let output = self.attempts.run(Effect::Write, call).await?.output;
        Ok(Self::wrote(table, key, stored, &output))
    }

    /// One attempt of a put.
    pub(crate) async fn put_item(
        &self,
        table: &Table,
        item: Attributes,
        sent: Sent,
    ) -> Result<PutItemOutput, Failure> {
        let request = self
            .client
            .put_item()
            .table_name(table.name())
            .set_item(Some(item))
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .customize()
            .interceptor(sent.clone());
        request.send().await.map_err(|error| Failure::of(&error, &sent))
    }

    /// What a put has cost.
    pub(crate) fn wrote(
        table: &Table,
        key: &Bytes,
        stored: &StoredItem,
        output: &PutItemOutput,
    ) -> Wrote {
        let write_units = reported(output.consumed_capacity.as_ref())
            .unwrap_or_else(|| write_units(size_of(table, key, Some(stored))));
        Wrote { write_units }
    }

    pub(crate) async fn delete(&self, table: &Table, key: &Bytes) -> Result<Deleted, StorageError> {
        let key_value = table.key_value(key)?;
        let done = self
            .attempts
            .run(Effect::Write, |sent| {
                let request = self
                    .client
                    .delete_item()
                    .table_name(table.name())
                    .key(table.key_attribute(), key_value.clone())
                    .return_values(ReturnValue::AllOld)
                    .return_consumed_capacity(ReturnConsumedCapacity::Total)
                    .customize()
                    .interceptor(sent.clone());
                async move { request.send().await.map_err(|error| Failure::of(&error, &sent)) }
            })
            .await?;
        let existed = done.output.attributes.is_some();
        // The item is gone already, so one that cannot be read is not an error.
        let old = done.output.attributes.and_then(|item| table.decode(key, item).ok());
        let write_units = reported(done.output.consumed_capacity.as_ref())
            .unwrap_or_else(|| write_units(size_of(table, key, old.as_ref())));
        Ok(Deleted { old: live(old), old_is_certain: existed || done.doubt.is_none(), write_units })
    }

    /// One cheap read of a key that does not exist: the data path works.
    pub(crate) async fn check(&self, table: &Table) -> Result<(), StorageError> {
        let key = table.key_value(b"hopperkv:ready")?;
        self.attempts
            .once()
            .run(Effect::Read, |sent| {
                let request = self
                    .client
                    .get_item()
                    .table_name(table.name())
                    .key(table.key_attribute(), key.clone())
                    .consistent_read(false)
                    .customize()
                    .interceptor(sent.clone());
                async move { request.send().await.map_err(|error| Failure::of(&error, &sent)) }
            })
            .await
            .map(|_| ())
    }
}

/// Whether the environment names credentials, so that a custom endpoint gets them.
pub(crate) fn environment_has_credentials() -> bool {
    [
        "AWS_ACCESS_KEY_ID",
        "AWS_PROFILE",
        "AWS_SHARED_CREDENTIALS_FILE",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    ]
    .iter()
    .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}

/// Keeps as many idle connections as there may be requests in flight, so that
/// bursts do not pay for new ones. Idle ones go before servers usually close
/// them: a put sent on a connection that is just being closed is ambiguous.
fn http_client(endpoint: Option<&str>, max_concurrency: usize) -> SharedHttpClient {
    let builder = aws_smithy_http_client::Builder::new()
        .pool_max_idle_per_host(max_concurrency)
        .pool_idle_timeout(IDLE_TIMEOUT);
    if endpoint.is_some_and(|url| url.starts_with("http://")) {
        builder.build_http()
    } else {
        builder.tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https()
    }
}

pub(super) fn reported(capacity: Option<&ConsumedCapacity>) -> Option<f64> {
    capacity.and_then(|capacity| capacity.capacity_units)
}

fn size_of(table: &Table, key: &Bytes, item: Option<&StoredItem>) -> u64 {
    item.map_or(0, |item| table.bytes_of(key.len(), item))
}

pub(super) fn live(item: Option<StoredItem>) -> Option<StoredItem> {
    item.filter(|item| item.is_live(now_ms()))
}
