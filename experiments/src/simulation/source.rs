//! What one tenant asks for, request by request.

use std::sync::Arc;

use hopperkv_bench::mix::{Mix, Op};
use hopperkv_bench::spec::{Phase, Workload};

use super::entries::Jemalloc;
use super::recording::{Recording, Step};
use crate::popularity::{KeyShelf, Keys};

/// One request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Demand {
    /// The key, counted from 0 within the tenant.
    pub(super) key: u32,
    /// Whether it writes.
    pub(super) is_write: bool,
    /// Bytes of the key.
    pub(super) key_bytes: u32,
    /// Bytes of the value.
    pub(super) value_bytes: u32,
}

/// A phase that can be drawn from.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) phase: Phase,
    pub(super) keys: Arc<Keys>,
    key_bytes: u32,
    value_bytes: u32,
    /// Where its keys begin among the tenant's.
    pub(super) first_key: u32,
}

/// What a tenant asks for.
#[derive(Debug)]
pub(super) enum Source {
    /// Phases of drawn requests, one stream for each connection.
    Drawn {
        /// The phases.
        parts: Vec<Part>,
        /// The one that is on.
        at: usize,
        /// When it ends, from the tenant's arrival.
        until_ns: Option<u64>,
        /// A stream for each connection.
        mixes: Vec<Mix>,
        /// Of the streams.
        seed: u64,
        /// What streams add to the tenant's keys.
        offset: u64,
        /// Keys that are told apart; new ones beyond take the numbers of earlier new ones.
        keys: u64,
    },
    /// A trace, over and over; connections take the next request in turn.
    Recorded {
        /// The requests.
        recording: Arc<Recording>,
        /// The next one.
        next: usize,
    },
}

impl Source {
    /// The requests of a workload over `connections` connections.
    pub(super) fn drawn(
        workload: &Workload,
        shelf: &mut KeyShelf,
        connections: u32,
        seed: u64,
    ) -> Self {
        let bytes = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX);
        let offset = workload.phases.iter().map(|phase| phase.first_key).min().unwrap_or(0);
        let part = |phase: &Phase| Part {
            phase: phase.clone(),
            keys: shelf.keys(phase),
            first_key: u32::try_from(phase.first_key - offset).unwrap_or(u32::MAX),
            key_bytes: bytes(phase.key_bytes),
            value_bytes: bytes(phase.value_bytes),
        };
        let parts: Vec<Part> = workload.phases.iter().map(part).collect();
        let mixes = (0..connections).map(|number| mix(&parts[0], 0, number, connections, seed));
        let until_ns = parts[0].phase.duration.map(ns_of);
        let ends = parts.iter().map(|part| {
            let new = if part.phase.insert_ratio > 0.0 { part.phase.keys / 4 + 1 } else { 0 };
            u64::from(part.first_key) + part.phase.keys + new
        });
        let keys = ends.max().unwrap_or(0);
        Self::Drawn { mixes: mixes.collect(), parts, at: 0, until_ns, seed, offset, keys }
    }

    /// The requests of a trace.
    pub(super) fn recorded(recording: Arc<Recording>) -> Self {
        Self::Recorded { recording, next: 0 }
    }

    /// The next request of a connection.
    #[inline]
    pub(super) fn next(&mut self, connection: u32) -> Demand {
        match self {
            Self::Drawn { mixes, parts, at, offset, keys, .. } => {
                let (op, drawn) = mixes[connection as usize].next_request();
                let part = &parts[*at];
                let mut key = drawn - *offset;
                if key >= *keys {
                    let old = u64::from(part.first_key) + part.phase.keys;
                    key = old + (key - old) % (*keys - old).max(1);
                }
                Demand {
                    key: u32::try_from(key).unwrap_or(u32::MAX),
                    is_write: op == Op::Set,
                    key_bytes: part.key_bytes,
                    value_bytes: part.value_bytes,
                }
            }
            Self::Recorded { recording, next } => {
                let Step { key, key_bytes, value_bytes, is_write } = recording.steps[*next];
                *next += 1;
                if *next == recording.steps.len() {
                    *next = 0;
                }
                Demand { key, is_write, key_bytes, value_bytes }
            }
        }
    }

    /// When something changes, from the tenant's arrival.
    pub(super) fn changes_ns(&self) -> Option<u64> {
        match self {
            Self::Drawn { parts, at, until_ns, .. } if at + 1 < parts.len() => *until_ns,
            _ => None,
        }
    }

    /// Goes on to the next phase.
    pub(super) fn change(&mut self) {
        let Self::Drawn { parts, at, until_ns, .. } = self else { return };
        *at = (*at + 1).min(parts.len() - 1);
        let ends = parts[*at].phase.duration.map(ns_of);
        *until_ns = until_ns.zip(ends).map(|(began, length)| began.saturating_add(length));
        self.restart_streams();
    }

    /// Other requests of the same kind, as clients make that begin anew.
    pub(super) fn restart(&mut self, seed: u64) {
        if let Self::Drawn { seed: own_seed, .. } = self {
            *own_seed = seed;
        }
        self.restart_streams();
    }

    /// The same requests again, from the first.
    pub(super) fn begin_again(&mut self) {
        match self {
            Self::Drawn { parts, at, until_ns, .. } => {
                (*at, *until_ns) = (0, parts[0].phase.duration.map(ns_of));
            }
            Self::Recorded { next, .. } => *next = 0,
        }
        self.restart_streams();
    }

    fn restart_streams(&mut self) {
        let Self::Drawn { parts, at, mixes, seed, .. } = self else { return };
        let connections = u32::try_from(mixes.len()).unwrap_or(u32::MAX);
        for (number, old) in (0..).zip(mixes) {
            *old = mix(&parts[*at], *at, number, connections, *seed);
        }
    }

    /// The phase that is on, of drawn requests.
    pub(super) fn part(&self) -> Option<&Part> {
        match self {
            Self::Drawn { parts, at, .. } => parts.get(*at),
            Self::Recorded { .. } => None,
        }
    }

    /// Number of keys.
    pub(super) fn keys(&self) -> u64 {
        match self {
            Self::Drawn { keys, .. } => *keys,
            Self::Recorded { recording, .. } => u64::from(recording.keys),
        }
    }

    /// The bytes that every entry takes; `None` if they differ.
    pub(super) fn redis_bytes(&self, jemalloc: Jemalloc) -> Option<u32> {
        let Self::Drawn { parts, .. } = self else { return None };
        let first = parts.first()?.redis_bytes(jemalloc);
        parts.iter().all(|part| part.redis_bytes(jemalloc) == first).then_some(first)
    }
}

impl Part {
    /// Modelled bytes of an entry.
    pub(super) fn entry_bytes(&self) -> u32 {
        entry_bytes(self.key_bytes, self.value_bytes)
    }

    /// What an entry takes in Redis.
    pub(super) fn redis_bytes(&self, jemalloc: Jemalloc) -> u32 {
        jemalloc.entry_bytes(self.key_bytes, self.value_bytes)
    }

    /// Part of the requests that write.
    pub(super) fn writes(&self) -> f64 {
        let Phase { write_ratio, insert_ratio, modify_ratio, .. } = self.phase;
        (write_ratio + insert_ratio + modify_ratio) / (1.0 + modify_ratio)
    }

    /// Key and value bytes.
    pub(super) fn item_bytes(&self) -> u32 {
        self.key_bytes + self.value_bytes
    }
}

impl Demand {
    /// Modelled bytes of the entry.
    #[inline]
    pub(super) fn entry_bytes(&self) -> u32 {
        entry_bytes(self.key_bytes, self.value_bytes)
    }
}

fn entry_bytes(key_bytes: u32, value_bytes: u32) -> u32 {
    let bytes = hare::entry_footprint_bytes(u64::from(key_bytes), u64::from(value_bytes));
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

/// The stream that a live connection has in the phase.
fn mix(part: &Part, at: usize, number: u32, connections: u32, seed: u64) -> Mix {
    let seed = seed.wrapping_add((at as u64) << 32);
    let (number, connections) = (u64::from(number), u64::from(connections));
    Mix::new(&part.phase, &part.keys.space, number, connections, seed)
}

fn ns_of(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
