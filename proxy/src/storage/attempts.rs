//! Attempts: how often a request is sent, for how long, and what is known
//! about its effect when it fails.
//!
//! The SDK's own retries are switched off. They report the last attempt only,
//! and for a write the history decides what a client may be told: a put whose
//! first attempt timed out and whose second was throttled may well be in the
//! table. They also draw on one budget, so that one tenant's throttling would
//! end the retries of all. The rules here:
//!
//! | an attempt ended with            | a write   | read  | put, delete | transaction |
//! |----------------------------------|-----------|-------|-------------|-------------|
//! | no connection (`NotSent`)        | unchanged | again | again       | again       |
//! | throttled, conflict (`Throttled`)| unchanged | again | again       | again       |
//! | 4xx (`Refused`)                  | unchanged | stop  | stop        | stop        |
//! | 5xx (`Failed`)                   | perhaps   | again | again       | again       |
//! | time-out, cut off (`Lost`)       | perhaps   | again | **stop**    | again       |
//!
//! 1. Once one attempt of a write is "perhaps", the operation is `Ambiguous`
//!    unless a later attempt succeeds, whatever those later attempts say.
//! 2. A put or delete whose answer was lost is not sent again. The lost request
//!    may still be on its way: were the repetition acknowledged and another
//!    client's write after it, the late one would undo that write. A request
//!    never acknowledged may take effect at any time without breaking the
//!    promise of linearizability; one that was acknowledged may not do so
//!    twice. A 5xx is an answer, so its request is over. A transaction carries
//!    a token under which DynamoDB applies it once only.
//! 3. "Not sent" means that no connection was ever assigned to the request:
//!    refused, unresolved, no route, TLS failure, connect time-out, missing
//!    credentials. If the SDK does not say, the request counts as sent.
//! 4. A permit is held while an attempt runs, not during the pause between
//!    attempts, and waiting for one counts towards the operation's time-out.

use super::config::StorageConfig;
use super::error::StorageError;
use aws_sdk_dynamodb::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::{BoxError, ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::connection::CaptureSmithyConnection;
use std::error::Error;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout, timeout_at};

const FIRST_PAUSE: Duration = Duration::from_millis(25);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// With less time left than this an attempt could only turn a clear failure into doubt.
const SHORTEST_ATTEMPT: Duration = Duration::from_millis(10);

/// What an operation can change, which decides whether it may be repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Nothing.
    Read,
    /// One item, each time it arrives.
    Write,
    /// Items, once however often it arrives.
    Transaction,
}

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

/// The result of an operation that succeeded in the end.
#[derive(Debug)]
pub(crate) struct Done<T> {
    /// What the last attempt returned.
    pub(crate) output: T,
    /// Why an earlier attempt may have been applied too, if one may.
    pub(crate) doubt: Option<String>,
}

/// The bounds on attempts, shared by all operations of one client.
#[derive(Debug, Clone)]
pub(crate) struct Attempts {
    max_attempts: u32,
    attempt_timeout: Duration,
    operation_timeout: Duration,
    max_concurrency: usize,
    permits: Arc<Semaphore>,
}

impl Attempts {
    pub(crate) fn new(config: &StorageConfig) -> Self {
        let max_concurrency = config.max_concurrency.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            max_attempts: config.max_attempts.max(1),
            attempt_timeout: config.attempt_timeout,
            operation_timeout: config.operation_timeout,
            max_concurrency,
            permits: Arc::new(Semaphore::new(max_concurrency)),
        }
    }

    /// The same bounds and permits, but a single attempt.
    pub(crate) fn once(&self) -> Self {
        Self { max_attempts: 1, ..self.clone() }
    }

    /// Sends `call` until it succeeds, may not be repeated, or runs out of
    /// attempts or time.
    ///
    /// # Errors
    /// By the rules at the top of this module.
    pub(crate) async fn run<T, C, F>(
        &self,
        effect: Effect,
        call: C,
    ) -> Result<Done<T>, StorageError>
    where
        C: Fn(Sent) -> F,
        F: Future<Output = Result<T, Failure>>,
    {
        let deadline = Instant::now() + self.operation_timeout;
        let mut doubt = None;
        let mut made = 0;
        loop {
            let failure = match self.attempt(deadline, &call).await {
                Ok(output) => return Ok(Done { output, doubt }),
                Err(failure) => failure,
            };
            made += 1;
            if effect != Effect::Read
                && let Failure::Failed(detail) | Failure::Lost(detail) = &failure
            {
                doubt.get_or_insert_with(|| detail.clone());
            }
            let pause = pause_before(made);
            if !may_repeat(effect, &failure)
                || made >= self.max_attempts
                || Instant::now() + pause >= deadline
            {
                return Err(conclude(failure, doubt));
            }
            sleep(pause).await;
        }
    }

    async fn attempt<T, C, F>(&self, deadline: Instant, call: &C) -> Result<T, Failure>
    where
        C: Fn(Sent) -> F,
        F: Future<Output = Result<T, Failure>>,
    {
        let Ok(Ok(_permit)) = timeout_at(deadline, self.permits.acquire()).await else {
            return Err(Failure::NotSent(format!(
                "{} requests were already in flight for {} ms",
                self.max_concurrency,
                self.operation_timeout.as_millis()
            )));
        };
        let left = deadline.duration_since(Instant::now());
        if left < SHORTEST_ATTEMPT.min(self.operation_timeout / 10) {
            return Err(Failure::NotSent(format!(
                "no time was left of {} ms",
                self.operation_timeout.as_millis()
            )));
        }
        let limit = self.attempt_timeout.min(left);
        let sent = Sent::default();
        match timeout(limit, call(sent.clone())).await {
            Ok(result) => result,
            Err(_) if sent.is_connected() => {
                Err(Failure::Lost(format!("no answer within {} ms", limit.as_millis())))
            }
            Err(_) => {
                Err(Failure::NotSent(format!("no connection within {} ms", limit.as_millis())))
            }
        }
    }
}

fn may_repeat(effect: Effect, failure: &Failure) -> bool {
    match failure {
        Failure::NotSent(_) | Failure::Throttled(_) | Failure::Failed(_) => true,
        Failure::Lost(_) => effect != Effect::Write,
        Failure::Refused(_) => false,
    }
}

/// A random pause of up to 25 ms, doubling with every attempt made, up to 1 s.
fn pause_before(attempts_made: u32) -> Duration {
    let doublings = 1_u32.checked_shl(attempts_made.saturating_sub(1)).unwrap_or(u32::MAX);
    let most = FIRST_PAUSE.saturating_mul(doublings).min(LONGEST_PAUSE);
    most.mul_f64(rand::random_range(0.0..=1.0))
}

fn conclude(last: Failure, doubt: Option<String>) -> StorageError {
    match (last, doubt) {
        (Failure::Failed(last) | Failure::Lost(last), Some(_)) => StorageError::Ambiguous(last),
        (
            Failure::NotSent(last) | Failure::Throttled(last) | Failure::Refused(last),
            Some(doubt),
        ) => StorageError::Ambiguous(format!("{doubt}; then: {last}")),
        (Failure::Throttled(detail), None) => StorageError::Throttled(detail),
        (Failure::Refused(detail), None) => StorageError::Rejected(detail),
        (Failure::NotSent(detail) | Failure::Failed(detail) | Failure::Lost(detail), None) => {
            StorageError::Unavailable(detail)
        }
    }
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
    fn is_connected(&self) -> bool {
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
