//! What happened: counters, latencies and the first failures, per worker and in total.

use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

use crate::histogram::Latency;

/// Failures kept word for word.
const SAMPLES: usize = 5;

/// Counters of replies and of what was found in them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// GETs answered with a value or nil.
    pub gets: u64,
    /// SETs acknowledged.
    pub sets: u64,
    /// DELs acknowledged.
    pub dels: u64,
    /// INCRs and DECRs acknowledged.
    pub incrs: u64,
    /// GETs answered with a value.
    pub hits: u64,
    /// GETs answered with nil.
    pub nils: u64,
    /// Values and counters checked and found right.
    pub verified: u64,
    /// Values that were not what was last acknowledged.
    pub mismatches: u64,
    /// Acknowledged values that were gone.
    pub lost: u64,
    /// `-THROTTLED` replies.
    pub throttled: u64,
    /// All other error replies.
    pub errors: u64,
    /// Requests of an open loop that were given up, because they could not be sent in time.
    pub unsent: u64,
    /// Value bytes read and written.
    pub value_bytes: u64,
}

impl Counts {
    /// Requests that were served.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.gets + self.sets + self.dels + self.incrs
    }

    /// Adds what `other` counted.
    pub fn merge(&mut self, other: &Self) {
        self.gets += other.gets;
        self.sets += other.sets;
        self.dels += other.dels;
        self.incrs += other.incrs;
        self.hits += other.hits;
        self.nils += other.nils;
        self.verified += other.verified;
        self.mismatches += other.mismatches;
        self.lost += other.lost;
        self.throttled += other.throttled;
        self.errors += other.errors;
        self.unsent += other.unsent;
        self.value_bytes += other.value_bytes;
    }
}

/// Counters, latencies and samples of one worker, one second or a whole run.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// Counters.
    pub counts: Counts,
    /// Latency of GETs.
    pub get_latency: Latency,
    /// Latency of SETs.
    pub set_latency: Latency,
    /// Where requests have a time of their own, all latencies once more, but from the moment a request was sent: without the
    /// wait for a connection that was busy.
    pub service_latency: Latency,
    /// The first values that failed verification, in words.
    pub failures: Vec<String>,
    /// The first error replies.
    pub error_replies: Vec<String>,
}

impl Tally {
    /// Counts a value that is not what was acknowledged.
    pub fn mismatch(&mut self, describe: impl FnOnce() -> String) {
        self.counts.mismatches += 1;
        if self.failures.len() < SAMPLES {
            self.failures.push(describe());
        }
    }

    /// Counts an acknowledged value that is gone.
    pub fn loss(&mut self, describe: impl FnOnce() -> String) {
        self.counts.lost += 1;
        if self.failures.len() < SAMPLES {
            self.failures.push(describe());
        }
    }

    /// Counts an error reply; returns whether it says that the request was throttled.
    pub fn error_reply(&mut self, text: &[u8]) -> bool {
        let throttled = is_throttled(text);
        if throttled {
            self.counts.throttled += 1;
        } else {
            self.counts.errors += 1;
            if self.error_replies.len() < SAMPLES {
                self.error_replies.push(String::from_utf8_lossy(text).into_owned());
            }
        }
        throttled
    }

    /// Adds what `other` holds.
    pub fn merge(&mut self, other: &Self) {
        self.counts.merge(&other.counts);
        self.get_latency.merge(&other.get_latency);
        self.set_latency.merge(&other.set_latency);
        self.service_latency.merge(&other.service_latency);
        extend(&mut self.failures, &other.failures);
        extend(&mut self.error_replies, &other.error_replies);
    }

    /// Whether every value that was checked was right.
    #[must_use]
    pub fn is_correct(&self) -> bool {
        self.counts.mismatches == 0 && self.counts.lost == 0
    }
}

/// Whether an error reply is `THROTTLED ...`.
#[must_use]
pub fn is_throttled(text: &[u8]) -> bool {
    text.starts_with(b"THROTTLED")
}

/// A tally that a worker adds to and a ticker empties.
#[derive(Debug, Clone, Default)]
pub struct SharedTally {
    tally: Arc<Mutex<Tally>>,
}

impl SharedTally {
    /// Works on the tally; hold it for one batch of replies.
    pub fn with<T>(&self, work: impl FnOnce(&mut Tally) -> T) -> T {
        work(&mut self.tally.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes what has gathered, leaving nothing.
    #[must_use]
    pub fn take(&self) -> Tally {
        self.with(std::mem::take)
    }
}

fn extend(into: &mut Vec<String>, from: &[String]) {
    let room = SAMPLES.saturating_sub(into.len());
    into.extend(from.iter().take(room).cloned());
}
