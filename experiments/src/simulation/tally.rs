//! What is counted of a tenant: since start, in intervals, and in the measurement.

use hdrhistogram::Histogram;

use crate::outcome::{Interval, Used};
use hare::Resources;

/// Longest latency that is told apart, in microseconds: ten minutes.
const LONGEST_US: u64 = 600_000_000;

/// Counters since start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Totals {
    /// Reads served.
    pub(super) reads: u64,
    /// Those that the cache or another's read served.
    pub(super) hits: u64,
    /// Writes served.
    pub(super) writes: u64,
    /// Requests refused.
    pub(super) refused: u64,
    /// Key and value bytes of reads.
    pub(super) read_bytes: u64,
    /// Key and value bytes of writes.
    pub(super) written_bytes: u64,
    /// Key and value bytes of reads that went to storage.
    pub(super) stored_read_bytes: u64,
    /// Half read units if every read had missed.
    pub(super) read_half_units_if_missed: u64,
    /// Half read units consumed.
    pub(super) read_half_units: u64,
    /// Write units consumed.
    pub(super) write_units: u64,
}

/// Counters, latencies and intervals of one tenant.
#[derive(Debug)]
pub(super) struct Tally {
    pub(super) totals: Totals,
    latencies: Histogram<u64>,
    is_measuring: bool,
    began: Totals,
    last: Totals,
    last_s: f64,
    series: Vec<Interval>,
}

/// What was measured.
#[derive(Debug, Clone, Copy)]
pub(super) struct Measured {
    pub(super) throughput_per_s: f64,
    pub(super) hit_ratio: f64,
    pub(super) used: Used,
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
    pub(super) refused: u64,
}

impl Totals {
    pub(super) fn since(&self, before: &Self) -> Self {
        Self {
            reads: self.reads - before.reads,
            hits: self.hits - before.hits,
            writes: self.writes - before.writes,
            refused: self.refused - before.refused,
            read_bytes: self.read_bytes - before.read_bytes,
            written_bytes: self.written_bytes - before.written_bytes,
            stored_read_bytes: self.stored_read_bytes - before.stored_read_bytes,
            read_half_units_if_missed: self.read_half_units_if_missed
                - before.read_half_units_if_missed,
            read_half_units: self.read_half_units - before.read_half_units,
            write_units: self.write_units - before.write_units,
        }
    }

    pub(super) fn served(&self) -> u64 {
        self.reads + self.writes
    }

    fn hit_ratio(&self) -> f64 {
        if self.reads == 0 { 0.0 } else { self.hits as f64 / self.reads as f64 }
    }
}

impl Tally {
    pub(super) fn new() -> Self {
        let latencies = Histogram::new_with_bounds(1, LONGEST_US, 2)
            .unwrap_or_else(|_| unreachable!("constant bounds are valid"));
        Self {
            totals: Totals::default(),
            latencies,
            is_measuring: false,
            began: Totals::default(),
            last: Totals::default(),
            last_s: 0.0,
            series: Vec::new(),
        }
    }

    /// Records how long a request took, if that is measured.
    #[inline]
    pub(super) fn took(&mut self, ns: u64) {
        if self.is_measuring {
            self.latencies.saturating_record(ns / 1000);
        }
    }

    /// Begins the measurement.
    pub(super) fn begin(&mut self) {
        self.began = self.totals;
        self.is_measuring = true;
    }

    /// Ends an interval, which is kept if the tenant was there.
    pub(super) fn end_interval(&mut self, until_s: f64, share: Resources, is_present: bool) {
        let counted = self.totals.since(&self.last);
        let length_s = until_s - self.last_s;
        if length_s <= 0.0 {
            return;
        }
        if is_present || counted.served() > 0 {
            self.series.push(Interval {
                until_s,
                throughput_per_s: counted.served() as f64 / length_s,
                hit_ratio: counted.hit_ratio(),
                share,
            });
        }
        (self.last, self.last_s) = (self.totals, until_s);
    }

    /// What was measured in `measured_s` seconds, and the intervals of the whole run.
    pub(super) fn end(self, measured_s: f64) -> (Measured, Vec<Interval>) {
        let counted = self.totals.since(&self.began);
        let per_s = |amount: u64| amount as f64 / measured_s;
        let bytes = counted.read_bytes + counted.stored_read_bytes + 2 * counted.written_bytes;
        let ms = |quantile: f64| self.latencies.value_at_quantile(quantile) as f64 / 1000.0;
        let measured = Measured {
            throughput_per_s: per_s(counted.served()),
            hit_ratio: counted.hit_ratio(),
            used: Used {
                read_units_per_s: per_s(counted.read_half_units) / 2.0,
                write_units_per_s: per_s(counted.write_units),
                net_bytes_per_s: per_s(bytes),
            },
            p50_ms: ms(0.5),
            p99_ms: ms(0.99),
            refused: counted.refused,
        };
        (measured, self.series)
    }
}
