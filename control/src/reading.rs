//! What is read of one tenant at one moment: plain values, so that the same code runs on a live proxy and in a simulation.

use std::sync::Arc;

use hare::{Bounds, Confidence, MissRatioCurve, RedisMemory, Resources};

/// One tenant at one moment.
#[derive(Debug, Clone)]
pub struct Reading {
    /// Never used twice, unlike its name.
    pub number: u32,
    /// Its name.
    pub name: Arc<str>,
    /// What it is entitled to.
    pub base: Resources,
    /// What it has.
    pub quota: Resources,
    /// What it has, or is on its way to.
    pub current: Resources,
    /// An operator set its quota; it is not to be touched.
    pub pinned: bool,
    /// Its part of an improvement, relative to other tenants.
    pub weight: f64,
    /// The least and the most it may be given.
    pub bounds: Bounds,
    /// What was counted of it since start.
    pub counted: Counted,
    /// Requests since start that had to wait for a limit.
    pub waits: u64,
    /// Its Redis's memory report; `None` if it cannot be had, and the last calibration stays.
    pub memory: Option<RedisMemory>,
}

/// What is counted of a tenant's requests since start, as far as a decision turns on it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counted {
    /// Keys read.
    pub reads: u64,
    /// Reads answered by the cache, or by somebody else's storage read.
    pub hits: u64,
    /// Keys written or deleted.
    pub writes: u64,
    /// Requests refused because a limit's wait was too long.
    pub throttled: u64,
    /// Requests that ended in an error of storage or cache.
    pub errors: u64,
    /// Key and value bytes of reads.
    pub read_bytes: u64,
    /// Key and value bytes of writes.
    pub written_bytes: u64,
    /// Read units if every read had missed, in thousandths.
    pub milli_read_units_if_missed: u64,
    /// Write units consumed, in thousandths.
    pub milli_write_units: u64,
}

impl Counted {
    /// What was counted since `earlier`.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let less = u64::saturating_sub;
        Self {
            reads: less(self.reads, earlier.reads),
            hits: less(self.hits, earlier.hits),
            writes: less(self.writes, earlier.writes),
            throttled: less(self.throttled, earlier.throttled),
            errors: less(self.errors, earlier.errors),
            read_bytes: less(self.read_bytes, earlier.read_bytes),
            written_bytes: less(self.written_bytes, earlier.written_bytes),
            milli_read_units_if_missed: less(
                self.milli_read_units_if_missed,
                earlier.milli_read_units_if_missed,
            ),
            milli_write_units: less(self.milli_write_units, earlier.milli_write_units),
        }
    }
}

/// The curve of recent epochs and what it rests on.
#[derive(Debug, Clone)]
pub struct Learned {
    /// The curve over modelled entry bytes; `None` before the first sampled read.
    pub curve: Option<MissRatioCurve>,
    /// Sampled reads behind it.
    pub sampled_reads: u64,
    /// Mean modelled entry in bytes, NaN without entries.
    pub mean_entry_bytes: f64,
    /// Keys in the ghost cache.
    pub tracked_keys: usize,
    /// How far the curve can be trusted.
    pub confidence: Confidence,
}
