//! A trace in, curve and demand out. Every key is watched, up to as many as can be told apart: the curve is exact, not a
//! sample's.

use std::hash::{BuildHasher as _, Hasher as _};
use std::path::Path;

use foldhash::quality::FixedState;
use hare::{
    Access, Calibration, Consistency, Demand, Expiry, GhostCache, GhostConfig, ItemBytes,
    MissRatioCurve, WindowUsage, entry_footprint_bytes,
};
use hopperkv_trace::{
    SizeMeans, TraceError, TraceNotes, TraceOp, TraceOptions, TraceReader, TraceRequest,
};
use serde::Serialize;

use super::Base;

/// How far curves reach, in base caches.
const REACH: u64 = 4;
/// Points of a curve.
const TICKS: usize = 512;
/// Bytes of the names of the two attributes that an item has.
const NAME_BYTES: u64 = 2;

/// What a trace says.
#[derive(Debug, Clone, Serialize)]
pub struct Learned {
    /// Over bytes of `maxmemory`; in JSON as pairs of bytes and miss ratio.
    #[serde(serialize_with = "points")]
    pub curve: MissRatioCurve,
    /// What an average request would use if every read missed.
    pub demand: Demand,
    /// Requests after the warm-up.
    pub requests: u64,
    /// Reads among them.
    pub reads: u64,
    /// Keys in reach of the curve at the end.
    pub keys: usize,
    /// Part of the keys that was watched; 1 is all.
    pub watched: f64,
}

fn points<S: serde::Serializer>(curve: &MissRatioCurve, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(curve.points())
}

/// What of a trace counts.
#[derive(Debug, Clone, Copy)]
pub(super) enum Counted {
    /// Everything after so many requests, which only fill the cache.
    After(u64),
    /// All of it, after all of it has filled the cache: as if the trace went over and over.
    SecondPass,
}

/// A trace being learned from.
struct Lesson {
    ghost: GhostCache,
    usage: WindowUsage,
    seen: u64,
    hasher: FixedState,
    /// Added to the times of this pass, and the latest time so far.
    shift_ms: u64,
    latest_ms: u64,
}

/// Reads a trace to its end.
pub(super) fn learn(
    path: &Path,
    base: &Base,
    counted: Counted,
) -> Result<(Learned, TraceNotes), TraceError> {
    let max_bytes = base.0.cache_bytes.saturating_mul(REACH);
    let config = GhostConfig { max_bytes, ticks: TICKS, max_tracked_keys: usize::MAX };
    let mut lesson = Lesson {
        ghost: GhostCache::new(config),
        usage: WindowUsage::default(),
        seen: 0,
        hasher: FixedState::with_seed(0x7768_6174),
        shift_ms: 0,
        latest_ms: 0,
    };
    let notes = match counted {
        Counted::After(warm_up) => lesson.pass(path, warm_up)?,
        Counted::SecondPass => {
            lesson.pass(path, u64::MAX)?;
            (lesson.seen, lesson.shift_ms) = (0, lesson.latest_ms + 1);
            lesson.pass(path, 0)?
        }
    };
    let Lesson { mut ghost, usage, seen, .. } = lesson;
    if usage.requests() == 0 {
        let problem = format!("it has {seen} requests, and all are warm-up; make that shorter");
        return Err(TraceError::Content { name: path.display().to_string(), problem });
    }
    let (keys, watched) = (ghost.tracked_keys(), ghost.rate());
    let curve = ghost.take_window(usage.reads).curve().unwrap_or_else(MissRatioCurve::always_miss);
    let learned = Learned {
        curve: Calibration::default().apply(&curve),
        demand: usage.demand(true),
        requests: usage.requests(),
        reads: usage.reads,
        keys,
        watched,
    };
    Ok((learned, notes))
}

impl Lesson {
    /// Reads the trace once; its first `warm_up` requests only fill the cache.
    fn pass(&mut self, path: &Path, warm_up: u64) -> Result<TraceNotes, TraceError> {
        let mut trace = TraceReader::open(path, TraceOptions::default())?;
        let (has_time, means) = (trace.columns().has_time(), trace.columns().size_means());
        while let Some(request) = trace.next_request()? {
            self.take(&request, has_time, means, warm_up);
        }
        Ok(trace.notes().clone())
    }

    fn take(&mut self, request: &TraceRequest, has_time: bool, means: SizeMeans, warm_up: u64) {
        self.seen += 1;
        let is_warm = self.seen > warm_up;
        let now_ms = request.time_ms.saturating_add(self.shift_ms);
        self.latest_ms = self.latest_ms.max(now_ms);
        let key = u64::from(request.key_bytes);
        let value = match means {
            SizeMeans::Value => u64::from(request.size_bytes),
            SizeMeans::Entry => u64::from(request.size_bytes).saturating_sub(key),
        };
        let item = ItemBytes(key + value + NAME_BYTES);
        let (access, expiry) = match request.op {
            TraceOp::Get if is_warm => (Access::Read, Expiry::Keep),
            // It counts for no miss ratio yet.
            TraceOp::Get => (Access::Write, Expiry::Keep),
            TraceOp::Set if has_time && request.ttl_s > 0 => {
                let lives_ms = u64::from(request.ttl_s) * 1000;
                (Access::Write, Expiry::At(now_ms.saturating_add(lives_ms)))
            }
            TraceOp::Set => (Access::Write, Expiry::Never),
            TraceOp::Add(_) => (Access::Write, Expiry::Keep),
            TraceOp::Delete => (Access::Remove, Expiry::Never),
        };
        let mut hash = self.hasher.build_hasher();
        hash.write(&request.key);
        let hash = hash.finish();
        if self.ghost.sampler().is_sampled(hash) {
            self.ghost.advance(now_ms);
            self.ghost.access_expiring(hash, entry_footprint_bytes(key, value), access, expiry);
        }
        match access {
            _ if !is_warm => {}
            Access::Read => self.usage.count_read(false, item, key + value, Consistency::Strong),
            _ => self.usage.count_write(item, key + value),
        }
    }
}
