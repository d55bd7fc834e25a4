//! What one worker counts for one tenant.
//!
//! Each worker has its own set and is its only writer, so counting is a plain load and store; the control runtime reads
//! all sets and adds them up. Counters only grow; whoever wants a window subtracts two snapshots.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hdrhistogram::Histogram;
use parking_lot::Mutex;

/// Declares the counters once: the atomic set, the snapshot and their sums.
macro_rules! counters {
    ($($(#[doc = $doc:literal])+ $name:ident,)+) => {
        /// The atomic set of one worker.
        #[derive(Debug, Default)]
        pub(crate) struct Counters {
            $($(#[doc = $doc])+ pub(crate) $name: Counter,)+
            latencies: Latencies,
        }

        /// The counters' values at one moment, summed over workers.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
        #[allow(missing_docs, reason = "documented on the atomic set")]
        pub(crate) struct Totals {
            $(pub(crate) $name: u64,)+
        }

        impl Totals {
            /// Adds one worker's counters.
            pub(crate) fn add(&mut self, counters: &Counters) {
                $(self.$name += counters.$name.get();)+
            }

            /// What was counted since `earlier`.
            pub(crate) fn since(&self, earlier: &Self) -> Self {
                Self { $($name: self.$name.saturating_sub(earlier.$name),)+ }
            }
        }
    };
}

counters! {
    /// Keys read by clients.
    reads,
    /// Reads answered by the cache, or by somebody else's storage read.
    hits,
    /// Reads answered from the proxy's own near cache (counted as hits too).
    near_hits,
    /// Reads that went to storage.
    misses,
    /// Reads that joined another read's flight (counted as hits too).
    coalesced,
    /// Reads answered by a negative entry (counted as hits too).
    negative_hits,
    /// Reads and writes of keys that exist nowhere.
    absent,
    /// Keys written or deleted by clients.
    writes,
    /// Requests refused because a limit's wait was too long.
    throttled,
    /// Requests that ended in an error of ours (storage, cache).
    errors,
    /// Key and value bytes of reads.
    read_bytes,
    /// Key and value bytes of writes.
    written_bytes,
    /// Storage-side bytes moved.
    storage_bytes,
    /// Read units if every read had missed, in thousandths.
    milli_read_units_if_missed,
    /// Read units consumed, in thousandths.
    milli_read_units,
    /// Write units consumed, in thousandths.
    milli_write_units,
    /// Requests that went past the cache because Redis was out of service.
    bypassed,
    /// Commands on keys.
    commands,
    /// Writes decided again because storage held another item than was thought.
    conflicts,
    /// Items that SCAN, KEYS, DBSIZE, RANDOMKEY and flushes looked at.
    scanned_items,
}

/// A counter with one writer.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    /// Adds; only the owning worker may call this.
    pub(crate) fn add(&self, n: u64) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(n), Ordering::Relaxed);
    }

    /// The value.
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What a latency belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LatencyOf {
    /// Reads answered by the cache.
    Hit,
    /// Reads that went further.
    Miss,
    /// Writes.
    Write,
    /// Commands over all keys.
    Scan,
}

/// Latency histograms in microseconds, three significant figures up to a minute.
#[derive(Debug)]
pub(crate) struct Latencies {
    /// Made when first needed, as most tenants have only some kinds.
    by_kind: [Mutex<Option<Histogram<u64>>>; 4],
}

impl Default for Latencies {
    fn default() -> Self {
        Self { by_kind: [(); 4].map(|()| Mutex::new(None)) }
    }
}

fn new_histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 60_000_000, 2)
        .unwrap_or_else(|_| unreachable!("constant bounds are valid"))
}

impl Counters {
    /// Records that `count` requests of one kind took that long.
    pub(crate) fn record_latencies(&self, of: LatencyOf, took: Duration, count: u64) {
        let Some(histogram) = self.latencies.by_kind.get(of as usize) else { return };
        let mut histogram = histogram.lock();
        let histogram = histogram.get_or_insert_with(new_histogram);
        let us = took.as_secs() * 1_000_000 + u64::from(took.subsec_micros());
        histogram.saturating_record_n(us, count);
    }

    /// Adds this worker's latencies to `into`.
    pub(crate) fn add_latencies(&self, of: LatencyOf, into: &mut Histogram<u64>) {
        let Some(histogram) = self.latencies.by_kind.get(of as usize) else { return };
        if let Some(histogram) = &*histogram.lock() {
            // Same bounds, so the sum always fits.
            let _ = into.add(histogram);
        }
    }
}

/// An empty histogram that [`Counters::add_latencies`] can fill.
pub(crate) fn empty_histogram() -> Histogram<u64> {
    new_histogram()
}
