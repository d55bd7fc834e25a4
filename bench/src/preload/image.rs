//! Images: CSVs of `key,val_size` that say what a cache or a storage held, from the least to the most recently used.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::Duration;

use hopperkv_trace::{Columns, OnMalformed, TraceNotes, TraceOptions, TraceReader};
use tokio::sync::mpsc::{Sender, channel};
use tokio::time::timeout;

use super::{Fill, Source, start};
use crate::client::Target;
use crate::error::LoadError;
use crate::stop::Stop;
use crate::supervisor::{Observer, Outcome, Supervisor};

/// Columns of an image, with or without a header that says so.
pub const COLUMNS: &str = "key,val_size";
/// Entries handed to a connection at once: few, so that the order of the image is kept between connections.
const BATCH: usize = 16;
/// Batches that may wait for a connection.
const QUEUED_BATCHES: usize = 4;
/// How long the reader may take to end after the connections did.
const READER_GRACE: Duration = Duration::from_secs(2);

/// A key and the size of its value, in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key.
    pub key: Box<[u8]>,
    /// Bytes of its value.
    pub value_bytes: u32,
}

/// An image to be brought into place.
#[derive(Debug, Clone)]
pub struct Image {
    /// The file; plain, gzip or zstd.
    pub path: PathBuf,
    /// Whether keys are written or read.
    pub fill: Fill,
}

impl Image {
    /// Opens the image.
    ///
    /// # Errors
    /// If it cannot be opened or is no image.
    pub fn open(&self) -> Result<TraceReader, LoadError> {
        let columns: Option<Columns> = COLUMNS.parse().ok();
        let options = TraceOptions {
            columns,
            on_malformed: OnMalformed::Count,
            limits: Some(crate::replay::ITEM_LIMITS),
        };
        Ok(TraceReader::open(&self.path, options)?)
    }

    /// Writes or reads it from its beginning to its end, in order but for what is in flight.
    ///
    /// # Errors
    /// If it cannot be opened or the endpoint cannot be reached; what goes wrong later is in the outcome.
    pub async fn run(
        &self,
        target: &Target,
        clients: usize,
        stop: Stop,
        observers: &mut [Box<dyn Observer>],
    ) -> Result<(Outcome, TraceNotes), LoadError> {
        let reader = self.open()?;
        let mut supervisor = Supervisor::new(stop);
        let mut queues = Vec::new();
        for _ in 0..clients.max(1) {
            let (queue, batches) = channel(QUEUED_BATCHES);
            queues.push(queue);
            let source = Source::Image { batches, batch: VecDeque::new() };
            start(&mut supervisor, target, self.fill, source).await?;
        }
        let reader_stop = supervisor.worker_stop();
        let feed = tokio::task::spawn_blocking(move || feed(reader, &queues, &reader_stop));
        let mut outcome = supervisor.watch(None, observers).await;
        let name = self.path.display().to_string();
        match timeout(READER_GRACE, feed).await {
            Ok(Ok((notes, failure))) => {
                outcome.failure = outcome.failure.or(failure);
                if let Some(first) = &notes.first_malformed {
                    let problem =
                        format!("{} malformed lines, the first: {first}", notes.malformed);
                    outcome.failure.get_or_insert(LoadError::Reader { name, problem });
                }
                Ok((outcome, notes))
            }
            Ok(Err(error)) => Err(LoadError::Reader { name, problem: error.to_string() }),
            Err(_) => Ok((outcome, TraceNotes::default())),
        }
    }
}

/// Deals the entries out to the connections in turn.
fn feed(
    mut reader: TraceReader,
    queues: &[Sender<Vec<Entry>>],
    stop: &Stop,
) -> (TraceNotes, Option<LoadError>) {
    let mut failure = None;
    let mut batch = Vec::with_capacity(BATCH);
    for queue in queues.iter().cycle() {
        while batch.len() < BATCH {
            match reader.next_request() {
                Ok(Some(request)) => {
                    batch.push(Entry { key: request.key, value_bytes: request.size_bytes });
                }
                Ok(None) => break,
                Err(error) => {
                    failure = Some(error.into());
                    break;
                }
            }
        }
        let last = batch.len() < BATCH;
        let full = std::mem::replace(&mut batch, Vec::with_capacity(BATCH));
        if stop.is_raised() || queue.blocking_send(full).is_err() || last {
            break;
        }
    }
    (reader.notes().clone(), failure)
}
