//! Shows a trace to a ghost cache, in batches, and times the ghost cache alone.
//!
//! How far the curve must reach is not known before the trace ends, and standard input cannot be read
//! twice. So the first batch is looked at before it is shown: if it is the whole trace, the curve
//! reaches a little further than its entries; else many times as far, in so many ticks that the part which
//! turns out to matter still has enough of them.

use std::collections::HashMap;
use std::time::Duration;

use hare::{Access, Expiry, GhostCache, GhostConfig, MissRatioCurve, entry_footprint_bytes};
use hopperkv_trace::{SizeMeans, TraceError, TraceOp, TraceReader, TraceRequest};
use nix::time::{ClockId, clock_gettime};
use serde::Serialize;

use crate::hash;

/// Requests parsed before the ghost cache sees them: 16 MiB, and the time of a batch is far above the clock's grain.
const BATCH: usize = 1 << 20;
/// How much more than the first batch's entries the whole trace's may take.
const GROWTH: u64 = 64;
/// The same, if the first batch is the whole trace: sampling may see its entries as somewhat larger.
const HEADROOM: u64 = 2;
/// Ticks of the ghost cache where the reach is a guess: 128 for the first batch's entries, [`GROWTH`]
/// times as many in all.
const TICKS_FOR_GUESSED_REACH: usize = 128 * 64;
/// Ticks where the reach is known: between two of them the curve is as good as straight, and all of
/// them stay in the processor's nearest cache.
const TICKS_FOR_KNOWN_REACH: usize = 1024;
/// A fall of the miss ratio that is no reason to draw the curve further.
const FLAT: f64 = 1e-6;

/// What counts as an entry's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Entry {
    /// The trace's size column, which is of the whole entry.
    Size,
    /// The trace's sizes of key and value.
    KeyAndValue,
    /// What Redis needs for them, by [`entry_footprint_bytes`].
    RedisFootprint,
}

impl Entry {
    /// The way to count for a trace whose size column means this.
    pub(super) fn of(size: SizeMeans, footprint: bool) -> Self {
        match size {
            _ if footprint => Self::RedisFootprint,
            SizeMeans::Entry => Self::Size,
            SizeMeans::Value => Self::KeyAndValue,
        }
    }

    fn bytes(self, request: &TraceRequest) -> u64 {
        let (key, size) = (u64::from(request.key_bytes), u64::from(request.size_bytes));
        match self {
            Self::Size => size,
            Self::KeyAndValue => key + size,
            Self::RedisFootprint => entry_footprint_bytes(key, size),
        }
    }
}

/// How to learn a curve.
#[derive(Debug)]
pub(super) struct Learner {
    pub(super) entry: Entry,
    /// The largest size of interest, if it is known.
    pub(super) reach: Option<u64>,
    /// Keys remembered at most, if the default will not do.
    pub(super) tracked_keys: Option<usize>,
}

/// What was learned.
#[derive(Debug)]
pub(super) struct Learned {
    /// `None` if no read was sampled.
    pub(super) curve: Option<MissRatioCurve>,
    pub(super) requests: u64,
    pub(super) reads: u64,
    pub(super) tracked_keys: usize,
    pub(super) sampling_rate: f64,
    steps: u64,
    in_ghost: Duration,
}

/// What the ghost cache is shown of a request.
#[derive(Debug, Clone, Copy)]
struct Step {
    hash: u64,
    bytes: u32,
    access: Access,
    expiry: Expiry,
    /// On the trace's clock; 0 where it has none.
    time_ms: u64,
}

impl Learner {
    /// Reads the trace to its end; `progress` is told the requests so far, once a batch.
    ///
    /// # Errors
    /// What keeps the trace from being read on.
    pub(super) fn learn(
        &self,
        trace: &mut TraceReader,
        mut progress: impl FnMut(u64),
    ) -> Result<Learned, TraceError> {
        let mut batch = Vec::new();
        let mut more = self.fill(&mut batch, trace)?;
        let reach = self.reach.unwrap_or_else(|| {
            let first = entries_bytes(&batch);
            first.saturating_mul(if more { GROWTH } else { HEADROOM })
        });
        let mut ghost = self.ghost(reach.max(1));
        let (mut steps, mut reads, mut in_ghost) = (0, 0, Duration::ZERO);
        loop {
            let began = thread_time();
            for step in &batch {
                // As the proxy does, and for the same reason: most keys need no more than this test.
                if ghost.sampler().is_sampled(step.hash) {
                    ghost.advance(step.time_ms);
                    let bytes = u64::from(step.bytes);
                    ghost.access_expiring(step.hash, bytes, step.access, step.expiry);
                }
            }
            in_ghost += thread_time().saturating_sub(began);
            steps += batch.len() as u64;
            reads += batch.iter().filter(|step| step.access == Access::Read).count() as u64;
            progress(trace.notes().requests);
            if !more {
                break;
            }
            more = self.fill(&mut batch, trace)?;
        }
        let curve = ghost.take_window(reads).curve();
        let (tracked_keys, sampling_rate) = (ghost.tracked_keys(), ghost.rate());
        let requests = trace.notes().requests;
        Ok(Learned { curve, requests, reads, tracked_keys, sampling_rate, steps, in_ghost })
    }

    fn ghost(&self, max_bytes: u64) -> GhostCache {
        let known = self.reach.is_some();
        let ticks = if known { TICKS_FOR_KNOWN_REACH } else { TICKS_FOR_GUESSED_REACH };
        let mut config = GhostConfig { ticks, ..GhostConfig::up_to(max_bytes) };
        config.max_tracked_keys = self.tracked_keys.unwrap_or(config.max_tracked_keys);
        GhostCache::new(config)
    }

    /// Replaces the batch by the trace's next requests; false at its end.
    fn fill(&self, batch: &mut Vec<Step>, trace: &mut TraceReader) -> Result<bool, TraceError> {
        batch.clear();
        let has_time = trace.columns().has_time();
        while batch.len() < BATCH {
            let Some(request) = trace.next_request()? else { return Ok(false) };
            let (access, expiry) = match request.op {
                TraceOp::Get => (Access::Read, Expiry::Keep),
                TraceOp::Set if has_time && request.ttl_s > 0 => {
                    let lives_ms = u64::from(request.ttl_s) * 1000;
                    (Access::Write, Expiry::At(request.time_ms.saturating_add(lives_ms)))
                }
                TraceOp::Set => (Access::Write, Expiry::Never),
                TraceOp::Add(_) => (Access::Write, Expiry::Keep),
                TraceOp::Delete => (Access::Remove, Expiry::Never),
            };
            let bytes = u32::try_from(self.entry.bytes(&request)).unwrap_or(u32::MAX);
            let hash = hash::of_key(&request.key);
            batch.push(Step { hash, bytes, access, expiry, time_ms: request.time_ms });
        }
        Ok(true)
    }
}

impl Learned {
    /// CPU time of the ghost cache over everything it was shown.
    pub(super) fn ns_per_access(&self) -> f64 {
        self.in_ghost.as_secs_f64() * 1e9 / self.steps.max(1) as f64
    }

    /// The size from which on more cache brings nothing, as far as the curve reaches.
    pub(super) fn flat_from_bytes(&self) -> u64 {
        let Some(curve) = &self.curve else { return 1 };
        let last = curve.miss_ratios().last().copied().unwrap_or(1.0);
        let mut points = curve.points();
        points.find(|(_, ratio)| *ratio <= last + FLAT).map_or(1, |(bytes, _)| bytes)
    }
}

/// Bytes of all entries that a batch touches, each as large as it last was.
fn entries_bytes(batch: &[Step]) -> u64 {
    let sizes: HashMap<u64, u32> = batch.iter().map(|step| (step.hash, step.bytes)).collect();
    sizes.values().map(|&bytes| u64::from(bytes)).sum()
}

/// CPU time of this thread: what else runs on the machine does not count.
fn thread_time() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map_or(Duration::ZERO, Duration::from)
}
