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
//! 5. Where several operations share an attempt, it is one of each of them
//!    ([`super::batch`]).

use super::config::StorageConfig;
use super::error::StorageError;
use super::failure::{Failure, Sent};
use std::sync::Arc;
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

/// The result of an operation that succeeded in the end.
#[derive(Debug)]
pub(crate) struct Done<T> {
    /// What the last attempt returned.
    pub(crate) output: T,
    /// Why an earlier attempt may have been applied too, if one may.
    pub(crate) doubt: Option<String>,
}

/// An operation on its way through its attempts.
#[derive(Debug)]
pub(crate) struct Trial {
    effect: Effect,
    /// When it ends at the latest.
    pub(crate) deadline: Instant,
    made: u32,
    doubt: Option<String>,
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
        self.resume(self.begin(effect), call).await
    }

    /// As [`Self::run`], for an operation that has begun.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub(crate) async fn resume<T, C, F>(
        &self,
        mut trial: Trial,
        call: C,
    ) -> Result<Done<T>, StorageError>
    where
        C: Fn(Sent) -> F,
        F: Future<Output = Result<T, Failure>>,
    {
        loop {
            match self.attempt(trial.deadline, &call).await {
                Ok(output) => return Ok(Done { output, doubt: trial.doubt }),
                Err(failure) => sleep(self.after(&mut trial, failure)?).await,
            }
        }
    }

    /// An operation begins: its time runs from now on.
    pub(crate) fn begin(&self, effect: Effect) -> Trial {
        Trial { effect, deadline: Instant::now() + self.operation_timeout, made: 0, doubt: None }
    }

    /// An attempt failed: the pause before the next.
    ///
    /// # Errors
    /// How the operation ends, if there is no next.
    pub(crate) fn after(
        &self,
        trial: &mut Trial,
        failure: Failure,
    ) -> Result<Duration, StorageError> {
        trial.made += 1;
        if trial.effect != Effect::Read
            && let Failure::Failed(detail) | Failure::Lost(detail) = &failure
        {
            trial.doubt.get_or_insert_with(|| detail.clone());
        }
        let pause = pause_before(trial.made);
        if !may_repeat(trial.effect, &failure)
            || trial.made >= self.max_attempts
            || Instant::now() + pause >= trial.deadline
        {
            return Err(conclude(failure, trial.doubt.take()));
        }
        Ok(pause)
    }

    /// Whether an operation has too little time left to share an attempt with others, whose time it would cut short.
    pub(crate) fn is_hurried(&self, trial: &Trial) -> bool {
        let enough = self.attempt_timeout.min(self.operation_timeout / 2);
        trial.deadline.saturating_duration_since(Instant::now()) < enough
    }

    /// One attempt, which ends before `deadline`.
    ///
    /// # Errors
    /// How it failed.
    pub(crate) async fn attempt<T, C, F>(&self, deadline: Instant, call: &C) -> Result<T, Failure>
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
