//! Replays a trace: one thread reads it, shards (one connection each) send it, sharded by key.
//!
//! Queues between them are bounded, so a trace of any length replays in the memory of its keys. A trace goes as fast as it is
//! answered, or by its own times ([`pace`]).

pub mod pace;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hopperkv_trace::{ItemLimits, TraceNotes, TraceOptions, TraceReader};
use tokio::runtime::Handle;
use tokio::sync::mpsc::{Sender, channel};
use tokio::time::timeout;

use crate::client::{Client, Target};
use crate::error::LoadError;
use crate::payload::key_hash;
use crate::shard::Shard;
use crate::stop::Stop;
use crate::supervisor::{Observer, Outcome, Supervisor};
use pace::{Clock, Pace, Timed};

/// Requests handed to a shard at once.
const BATCH: usize = 128;
/// Batches that may wait for a shard.
const QUEUED_BATCHES: usize = 8;
/// How long the reader may take to end after the shards did: it may hang on standard input.
const READER_GRACE: Duration = Duration::from_secs(2);

/// What DynamoDB stores: keys of 2,048 bytes, items of 400 KB, of which some room is left for
/// attribute names, expiry and other bookkeeping.
pub(crate) const ITEM_LIMITS: ItemLimits =
    ItemLimits { key_bytes: 2048, item_bytes: 400 * 1024 - 128 };

/// What to do when a GET finds nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnNil {
    /// Write the value that the trace says the key has, as a cache's client would.
    Set,
    /// Only count it.
    Count,
}

/// How replies are judged.
#[derive(Debug, Clone, Copy)]
pub struct ReplayChecks {
    /// Compare every value with what was last acknowledged.
    pub verify: bool,
    /// The endpoint may evict: nil for an acknowledged key is no failure.
    pub cache_only: bool,
    /// What follows a GET that found nothing.
    pub on_nil: OnNil,
}

/// Everything a replay needs to know.
#[derive(Debug, Clone)]
pub struct ReplayPlan {
    /// The server.
    pub target: Target,
    /// The trace file; `-` is standard input.
    pub trace: PathBuf,
    /// Requests to replay at most.
    pub limit: Option<u64>,
    /// Connections.
    pub clients: usize,
    /// Requests in flight per connection.
    pub depth: usize,
    /// When requests are sent.
    pub pace: Pace,
    /// How replies are judged.
    pub checks: ReplayChecks,
}

impl ReplayPlan {
    /// Replays the trace to its end, or until `stop`; returns the outcome and the reader's notes.
    ///
    /// # Errors
    /// A trace that cannot be opened or an endpoint that cannot be reached; what goes wrong later
    /// is in the outcome.
    pub async fn run(
        &self,
        stop: Stop,
        observers: &mut [Box<dyn Observer>],
    ) -> Result<(Outcome, TraceNotes), LoadError> {
        let options = TraceOptions { limits: Some(ITEM_LIMITS), ..TraceOptions::default() };
        let reader = TraceReader::open(&self.trace, options)?;
        self.run_from(reader, stop, observers).await
    }

    /// Replays what an open reader gives.
    ///
    /// # Errors
    /// As [`ReplayPlan::run`].
    pub async fn run_from(
        &self,
        reader: TraceReader,
        stop: Stop,
        observers: &mut [Box<dyn Observer>],
    ) -> Result<(Outcome, TraceNotes), LoadError> {
        if self.pace != Pace::Fast && !reader.columns().has_time() {
            let name = self.trace.display();
            return Err(LoadError::Usage(format!(
                "{name} has no times to go by; replay it with --pace fast"
            )));
        }
        let mut supervisor = Supervisor::new(stop);
        let skipped = Arc::new(Mutex::new(0_u64));
        let mut queues = Vec::new();
        for _ in 0..self.clients {
            let client = Client::connect(&self.target).await?;
            let (queue, batches) = channel(QUEUED_BATCHES);
            queues.push(queue);
            let (stop, tally) = (supervisor.worker_stop(), supervisor.new_tally());
            let shard = Shard::new(client, self.depth, self.checks, stop, tally, batches);
            let skipped = skipped.clone();
            supervisor.spawn(async move {
                let count = shard.run().await?;
                *skipped.lock().unwrap_or_else(PoisonError::into_inner) += count;
                Ok(())
            });
        }
        let (limit, reader_stop) = (self.limit.unwrap_or(u64::MAX), supervisor.worker_stop());
        let clock = Clock::new(self.pace, reader, limit);
        let runtime = Handle::current();
        let feed =
            tokio::task::spawn_blocking(move || feed(clock, &queues, &reader_stop, &runtime));
        let mut outcome = supervisor.watch(None, observers).await;
        let mut notes = TraceNotes::default();
        match timeout(READER_GRACE, feed).await {
            Ok(Ok((read, failure))) => {
                notes = read;
                outcome.failure = outcome.failure.or(failure);
            }
            Ok(Err(error)) => {
                let (name, problem) = (self.trace.display().to_string(), error.to_string());
                outcome.failure.get_or_insert(LoadError::Reader { name, problem });
            }
            Err(_) => {
                notes.first_malformed = Some("the reader still waits for input".to_owned());
            }
        }
        notes.skipped_ops += *skipped.lock().unwrap_or_else(PoisonError::into_inner);
        Ok((outcome, notes))
    }
}

/// Reads the trace and deals its requests out by key; ends early when a shard or the run ends.
fn feed(
    mut clock: Clock,
    queues: &[Sender<Vec<Timed>>],
    stop: &Stop,
    runtime: &Handle,
) -> (TraceNotes, Option<LoadError>) {
    let mut batches: Vec<Vec<Timed>> = queues.iter().map(|_| Vec::new()).collect();
    let mut failure = None;
    while !stop.is_raised() {
        let timed = match clock.next() {
            Ok(Some(timed)) => timed,
            Ok(None) => break,
            Err(error) => {
                failure = Some(error);
                break;
            }
        };
        if let Some(pause) = timed.ahead() {
            // What is due before it must not wait for a batch to fill.
            if !flush(queues, &mut batches) {
                return (clock.into_notes(), failure);
            }
            runtime.block_on(async {
                let _ = timeout(pause, stop.raised()).await;
            });
        }
        let shard = shard_of(&timed.request.key, queues.len());
        batches[shard].push(timed);
        if batches[shard].len() >= BATCH {
            let batch = std::mem::replace(&mut batches[shard], Vec::with_capacity(BATCH));
            if queues[shard].blocking_send(batch).is_err() {
                return (clock.into_notes(), failure);
            }
        }
    }
    flush(queues, &mut batches);
    (clock.into_notes(), failure)
}

/// Sends what has gathered; false once a shard has ended.
fn flush(queues: &[Sender<Vec<Timed>>], batches: &mut [Vec<Timed>]) -> bool {
    queues.iter().zip(batches).all(|(queue, batch)| {
        batch.is_empty() || queue.blocking_send(std::mem::take(batch)).is_ok()
    })
}

/// The shard of a key: the upper half of its hash, scaled.
fn shard_of(key: &[u8], shards: usize) -> usize {
    let upper = key_hash(key) >> 32;
    usize::try_from((upper * shards as u64) >> 32).unwrap_or(0)
}
