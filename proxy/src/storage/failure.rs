//! How one attempt failed, and what that says of its effect, as the SDK reports it.
//!
//! "Not sent" means that no connection was ever assigned to the request: refused, unresolved, no route, TLS failure,
//! connect time-out, missing credentials. If the SDK does not say, the request counts as sent.

use aws_sdk_dynamodb::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::{BoxError, ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::connection::CaptureSmithyConnection;
use std::error::Error;
use std::sync::{Arc, OnceLock};

/// How one attempt failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// It never left this process.
    NotSent(String),
    /// The endpoint turned it away for now.
    Throttled(String),
    /// The endpoint turned it away for good.
    Refused(String),
    /// The endpoint answered that it failed (5xx).
    Failed(String),
    /// It was sent and no answer came.
    Lost(String),
}

impl Failure {
    /// Sorts what the SDK reported for one attempt.
    pub(crate) fn of<E>(error: &SdkError<E>, sent: &Sent) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        let detail = describe(error);
        let code = error.as_service_error().and_then(ProvideErrorMetadata::code);
        if code.is_some_and(asks_for_less) {
            return Self::Throttled(detail);
        }
        match error.raw_response().map(|response| response.status().as_u16()) {
            Some(429) => Self::Throttled(detail),
            // The endpoint gave up waiting for the rest of the request.
            Some(408) => Self::Lost(detail),
            Some(400..=499) => Self::Refused(detail),
            Some(500..) => Self::Failed(detail),
            Some(_) => Self::Lost(detail),
            None if matches!(error, SdkError::ConstructionFailure(_)) => Self::Refused(detail),
            None if sent.is_connected() => Self::Lost(detail),
            None => Self::NotSent(detail),
        }
    }
}

/// Error codes that say "not now" and guarantee that nothing was applied.
fn asks_for_less(code: &str) -> bool {
    matches!(
        code,
        "ProvisionedThroughputExceededException"
            | "ThrottlingException"
            | "Throttling"
            | "RequestLimitExceeded"
            | "LimitExceededException"
            | "TransactionConflictException"
            | "TransactionInProgressException"
            | "ReplicatedWriteConflictException"
    )
}

/// One line: the service's code and message, or the chain of causes.
fn describe<E>(error: &SdkError<E>) -> String
where
    E: ProvideErrorMetadata + Error + 'static,
{
    if let Some(service) = error.as_service_error() {
        let status = error.raw_response().map_or(0, |response| response.status().as_u16());
        let code = service.code().unwrap_or("no error code");
        return match service.message() {
            Some(message) => format!("{code} (HTTP {status}): {message}"),
            None => format!("{code} (HTTP {status})"),
        };
    }
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let part = next.to_string();
        if !text.ends_with(&part) {
            text.push_str(": ");
            text.push_str(&part);
        }
        cause = next.source();
    }
    text
}

/// Remembers whether one attempt was given a connection.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sent {
    connection: Arc<OnceLock<Option<CaptureSmithyConnection>>>,
}

impl Sent {
    /// Whether the request may have left this process.
    pub(crate) fn is_connected(&self) -> bool {
        match self.connection.get() {
            None => false,
            Some(None) => true,
            Some(Some(connection)) => connection.get().is_some(),
        }
    }
}

impl Intercept for Sent {
    fn name(&self) -> &'static str {
        "Sent"
    }

    fn read_before_transmit(
        &self,
        _context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        // Stored by the SDK's own connection handling, in an earlier hook.
        let _ = self.connection.set(bag.load::<CaptureSmithyConnection>().cloned());
        Ok(())
    }
}
