//! The requests that Redis and the ghost cache both see: reads of keys, and the sizes of their values.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, Hasher as _};
use std::path::PathBuf;

use foldhash::quality::FixedState;
use hopperkv_bench::keys::Zipf;
use hopperkv_bench::payload::write_key;
use hopperkv_trace::{TraceOptions, TraceReader};
use rand::SeedableRng as _;
use rand::rngs::StdRng;

/// Seed of the key choices and, as in the proxy, of the hash that samples keys.
const SEED: u64 = 2026;
const KEY_BYTES: usize = 16;
const VALUE_BYTES: u32 = 500;

/// A read of a key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Read {
    /// Place of the key in [`Workload::keys`].
    pub(crate) key: u32,
    /// Size of the value that a miss brings.
    pub(crate) value_bytes: u32,
}

/// A sequence of reads.
#[derive(Debug)]
pub(crate) struct Workload {
    pub(crate) name: String,
    pub(crate) keys: Vec<Vec<u8>>,
    pub(crate) hashes: Vec<u64>,
    pub(crate) reads: Vec<Read>,
}

impl Workload {
    /// `reads` reads of `keys` keys, zipf-distributed; values of 500 bytes.
    pub(crate) fn zipf(keys: u32, theta: f64, reads: usize) -> Self {
        println!("zipf {theta}: seed {SEED}");
        let zipf = Zipf::new(u64::from(keys), theta);
        let mut random = StdRng::seed_from_u64(SEED);
        let choices = (0..reads)
            .map(|_| u32::try_from(zipf.draw(&mut random)).expect("a rank below the key count"));
        Self::of_equals(format!("zipf {theta}"), keys, choices)
    }

    /// Every key in turn, over and over; values of 500 bytes.
    pub(crate) fn cycle(keys: u32, reads: usize) -> Self {
        Self::of_equals(String::from("cycle"), keys, (0..keys).cycle().take(reads))
    }

    fn of_equals(name: String, keys: u32, choices: impl Iterator<Item = u32>) -> Self {
        let reads = choices.map(|key| Read { key, value_bytes: VALUE_BYTES }).collect();
        let names = (0..u64::from(keys)).map(|offset| {
            let mut key = Vec::new();
            write_key(&mut key, offset, KEY_BYTES);
            key
        });
        Self::new(name, names.collect(), reads)
    }

    /// The Twitter trace, if it is at hand: in `$HOPPERKV_SHARED`, or beside the checkout.
    pub(crate) fn twitter() -> Option<Self> {
        let beside = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared"));
        let shared = std::env::var_os("HOPPERKV_SHARED").map_or_else(beside, PathBuf::from);
        let path = shared.join("traces/twitter_cluster52_1m.csv.gz");
        if !path.exists() {
            println!("skipped: no {}; set HOPPERKV_SHARED", path.display());
            return None;
        }
        let mut trace = TraceReader::open(&path, TraceOptions::default()).expect("a trace");
        let (mut places, mut keys, mut reads) = (HashMap::new(), Vec::new(), Vec::new());
        while let Some(request) = trace.next_request().expect("a whole trace") {
            let key = *places.entry(request.key).or_insert_with_key(|key| {
                keys.push(key.to_vec());
                u32::try_from(keys.len() - 1).expect("few keys")
            });
            reads.push(Read { key, value_bytes: request.size_bytes });
        }
        Some(Self::new(String::from("Twitter cluster 52"), keys, reads))
    }

    fn new(name: String, keys: Vec<Vec<u8>>, reads: Vec<Read>) -> Self {
        let state = FixedState::with_seed(SEED);
        let hash = |key: &Vec<u8>| {
            let mut hasher = state.build_hasher();
            hasher.write(key);
            hasher.finish()
        };
        Self { name, hashes: keys.iter().map(hash).collect(), keys, reads }
    }

    /// What an entry takes in Redis, by the model.
    pub(crate) fn entry_bytes(&self, read: Read) -> u64 {
        let key_bytes = self.keys[read.key as usize].len() as u64;
        hare::entry_footprint_bytes(key_bytes, u64::from(read.value_bytes))
    }

    /// Reads from the start until entries of `bytes` have been touched: how long an LRU cache of that
    /// size takes to turn over. `None` if they never are that many.
    pub(crate) fn turnover_reads(&self, bytes: u64) -> Option<usize> {
        let mut touched = vec![false; self.keys.len()];
        let mut sum = 0;
        self.reads.iter().position(|&read| {
            if !std::mem::replace(&mut touched[read.key as usize], true) {
                sum += self.entry_bytes(read);
            }
            sum >= bytes
        })
    }
}
