//! Brings keys into place before anything is measured: each once with the hottest last, in the order of an image, or by the
//! workload's own requests until its hit ratio stays.

pub mod image;
pub mod warm_up;

use std::collections::VecDeque;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::Receiver;
use tokio::sync::mpsc::error::TryRecvError;

use crate::client::{Client, Target};
use crate::closed_loop::Sizes;
use crate::error::LoadError;
use crate::load::LoadPlan;
use crate::payload::{self, Versioned, key_hash};
use crate::resp::{ProtocolError, Reply};
use crate::spec::parse_count;
use crate::stop::Stop;
use crate::supervisor::{Observer, Outcome, Supervisor};
use crate::tally::{SharedTally, Tally};
use image::{Entry, Image};
use warm_up::WarmUp;

/// Requests each connection keeps in flight while preloading.
const DEPTH: usize = 32;
/// Pause after throttled replies before they are sent again.
const BACKOFF: Duration = Duration::from_millis(20);

/// What happens before a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Preload {
    /// Every key is SET once, the first last: zipfian workloads favour the first.
    Fill,
    /// Every key is read once in the same order, for storage that has, or computes, all values.
    Read,
    /// GETs by the workload's own distribution until the hit ratio stays, or at most this many.
    WarmUp(Option<u64>),
    /// The keys of a CSV of `key,val_size` in its order, from the least to the most recently used.
    Image(PathBuf, Fill),
}

impl FromStr for Preload {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (mode, rest) = text.split_once(':').map_or((text, None), |(a, b)| (a, Some(b)));
        match (mode, rest) {
            ("fill", None) => Ok(Self::Fill),
            ("read", None) => Ok(Self::Read),
            ("warm-up", None) => Ok(Self::WarmUp(None)),
            ("warm-up", Some(count)) => Ok(Self::WarmUp(Some(parse_count(count)?))),
            ("image", Some(path)) if !path.is_empty() => Ok(Self::Image(path.into(), Fill::Write)),
            ("read-image", Some(path)) if !path.is_empty() => {
                Ok(Self::Image(path.into(), Fill::Read))
            }
            _ => Err(format!(
                "`{text}` is no preload: fill, read, warm-up, warm-up:COUNT, image:FILE or read-image:FILE"
            )),
        }
    }
}

impl Preload {
    /// Whether every key of the workload has been written: a nil after it means that one was lost.
    #[must_use]
    pub fn writes_all(&self) -> bool {
        *self == Self::Fill
    }

    /// Does it for the load that follows; throttled requests are repeated until they are served.
    ///
    /// # Errors
    /// If the endpoint cannot be reached or an image cannot be read; what goes wrong later is in the outcome.
    pub async fn run(
        &self,
        load: &LoadPlan,
        stop: Stop,
        observers: &mut [Box<dyn Observer>],
    ) -> Result<Outcome, LoadError> {
        let fill = match self {
            Self::Fill => Fill::Write,
            Self::Read => Fill::Read,
            Self::WarmUp(most) => {
                return WarmUp { load: load.clone(), most: *most }.run(stop, observers).await;
            }
            Self::Image(path, fill) => {
                let image = Image { path: path.clone(), fill: *fill };
                let clients = usize::try_from(load.clients).unwrap_or(1);
                let (outcome, _) = image.run(&load.target, clients, stop, observers).await?;
                return Ok(outcome);
            }
        };
        let sizes = load.workload.phases.first().map(LoadPlan::sizes);
        let sizes = sizes.unwrap_or(Sizes { key_bytes: 16, value_bytes: 500 });
        let first_key = load.workload.phases.first().map_or(0, |phase| phase.first_key);
        let keys = load.workload.max_keys();
        let order = Order::LastFirst(keys);
        let plan = Plan { order, first_key, sizes, fill, clients: load.clients };
        run(&load.target, plan, stop, observers).await
    }
}

/// How keys get into place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fill {
    /// SET each key.
    Write,
    /// GET each key, for storage that already has (or computes) every value.
    Read,
}

/// Which keys are preloaded, in which order.
#[derive(Debug, Clone)]
pub enum Order {
    /// So many, the last first.
    LastFirst(u64),
    /// These.
    Given(Arc<[u32]>),
}

impl Order {
    /// The key whose turn it is.
    fn at(&self, turn: u64) -> Option<u64> {
        match self {
            Self::LastFirst(keys) => keys.checked_sub(1 + turn),
            Self::Given(keys) => {
                usize::try_from(turn).ok().and_then(|turn| keys.get(turn)).copied().map(u64::from)
            }
        }
    }
}

/// What to preload.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The keys.
    pub order: Order,
    /// Added to all of them.
    pub first_key: u64,
    /// Sizes of key and value.
    pub sizes: Sizes,
    /// SET or GET.
    pub fill: Fill,
    /// Connections.
    pub clients: u64,
}

/// Preloads; throttled requests are repeated until they are served.
///
/// # Errors
/// If the endpoint cannot be reached; what goes wrong later is in the outcome.
pub async fn run(
    target: &Target,
    plan: Plan,
    stop: Stop,
    observers: &mut [Box<dyn Observer>],
) -> Result<Outcome, LoadError> {
    let mut supervisor = Supervisor::new(stop);
    for number in 0..plan.clients {
        let Plan { ref order, first_key, clients: stride, sizes, .. } = plan;
        let order = order.clone();
        let source = Source::Offsets { order, turn: number, stride, first_key, sizes };
        start(&mut supervisor, target, plan.fill, source).await?;
    }
    Ok(supervisor.watch(None, observers).await)
}

/// Connects a worker that preloads what the source gives.
async fn start(
    supervisor: &mut Supervisor,
    target: &Target,
    fill: Fill,
    source: Source,
) -> Result<(), LoadError> {
    let worker = Worker {
        client: Client::connect(target).await?,
        fill,
        source,
        again: VecDeque::new(),
        in_flight: VecDeque::new(),
        stop: supervisor.worker_stop(),
        tally: supervisor.new_tally(),
        versioned: Versioned::default(),
        scratch: (Vec::new(), Vec::new()),
    };
    supervisor.spawn(worker.run());
    Ok(())
}

/// Where a worker's keys come from.
enum Source {
    /// Every `stride`th of the order, all moved by `first_key`.
    Offsets { order: Order, turn: u64, stride: u64, first_key: u64, sizes: Sizes },
    /// What an image's reader sends.
    Image { batches: Receiver<Vec<Entry>>, batch: VecDeque<Entry> },
}

/// What a source gives.
enum Next {
    Piece(Piece),
    /// Nothing yet.
    Later,
    End,
}

/// One key to bring into place.
enum Piece {
    Offset(u64, Sizes),
    Entry(Entry),
}

impl Source {
    fn next(&mut self) -> Next {
        match self {
            Self::Offsets { order, turn, stride, first_key, sizes } => match order.at(*turn) {
                Some(offset) => {
                    *turn += *stride;
                    Next::Piece(Piece::Offset(*first_key + offset, *sizes))
                }
                None => Next::End,
            },
            Self::Image { batches, batch } => loop {
                if let Some(entry) = batch.pop_front() {
                    return Next::Piece(Piece::Entry(entry));
                }
                match batches.try_recv() {
                    Ok(more) => batch.extend(more),
                    Err(TryRecvError::Empty) => return Next::Later,
                    Err(TryRecvError::Disconnected) => return Next::End,
                }
            },
        }
    }

    /// Waits until [`Source::next`] has something to give.
    async fn wait(&mut self) {
        if let Self::Image { batches, batch } = self
            && let Some(more) = batches.recv().await
        {
            batch.extend(more);
        }
    }
}

struct Worker {
    client: Client,
    fill: Fill,
    source: Source,
    again: VecDeque<Piece>,
    in_flight: VecDeque<(Piece, Instant)>,
    stop: Stop,
    tally: SharedTally,
    versioned: Versioned,
    /// Key and value of the request being written.
    scratch: (Vec<u8>, Vec<u8>),
}

impl Worker {
    async fn run(mut self) -> Result<(), LoadError> {
        loop {
            let now = Instant::now();
            let mut starved = false;
            while self.in_flight.len() < DEPTH && !self.stop.is_raised() {
                let piece = match self.again.pop_front() {
                    Some(piece) => piece,
                    None => match self.source.next() {
                        Next::Piece(piece) => piece,
                        Next::Later => {
                            starved = true;
                            break;
                        }
                        Next::End => break,
                    },
                };
                self.send(&piece);
                self.in_flight.push_back((piece, now));
            }
            if self.in_flight.is_empty() {
                if !starved {
                    return Ok(());
                }
                tokio::select! {
                    () = self.source.wait() => {}
                    () = self.stop.raised() => {}
                }
                continue;
            }
            self.client.exchange().await?;
            if self.take_replies()? {
                tokio::time::sleep(BACKOFF).await;
            }
        }
    }

    fn send(&mut self, piece: &Piece) {
        let (scratch_key, scratch_value) = &mut self.scratch;
        let (commands, _) = self.client.split();
        let (key, value): (&[u8], &[u8]) = match piece {
            Piece::Offset(offset, sizes) => {
                payload::write_key(scratch_key, *offset, sizes.key_bytes);
                payload::write_value(scratch_value, *offset, sizes.value_bytes);
                (scratch_key, scratch_value)
            }
            Piece::Entry(Entry { key, value_bytes }) => match payload::offset_of_key(key) {
                Some(offset) => {
                    payload::write_value(scratch_value, offset, *value_bytes as usize);
                    (key, scratch_value)
                }
                None => (key, self.versioned.value(key_hash(key), *value_bytes as usize, 0)),
            },
        };
        match self.fill {
            Fill::Read => commands.push(&[b"GET", key]),
            Fill::Write => commands.push(&[b"SET", key, value]),
        }
    }

    /// Takes the replies that have arrived; true if one was throttled.
    fn take_replies(&mut self) -> Result<bool, LoadError> {
        let now = Instant::now();
        let (again, in_flight) = (&mut self.again, &mut self.in_flight);
        let (_, replies) = self.client.split();
        let taken = self.tally.with(|tally| -> Result<bool, ProtocolError> {
            let mut throttled = false;
            while let Some(reply) = replies.next_reply()? {
                let (piece, sent) = in_flight.pop_front().ok_or(ProtocolError::Unasked)?;
                if record(tally, reply, now.saturating_duration_since(sent)) {
                    again.push_back(piece);
                    throttled = true;
                }
            }
            Ok(throttled)
        });
        taken.map_err(|error| self.client.protocol_error(error))
    }
}

/// Counts a reply; true if the request was throttled.
fn record(tally: &mut Tally, reply: Reply<'_>, latency: Duration) -> bool {
    match reply {
        Reply::Error(text) => return tally.error_reply(text),
        Reply::Bulk(_) => {
            tally.counts.gets += 1;
            tally.counts.hits += 1;
            tally.get_latency.record(latency);
        }
        Reply::Nil => {
            tally.counts.gets += 1;
            tally.counts.nils += 1;
        }
        Reply::Status(_) | Reply::Integer(_) => {
            tally.counts.sets += 1;
            tally.set_latency.record(latency);
        }
    }
    false
}
