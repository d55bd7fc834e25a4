//! Loads to learn curves from, and their exact curves.

#![allow(
    dead_code,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::print_stdout,
    reason = "each test uses a part; keys and sizes fit 32 bits; what is skipped is said"
)]

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;

use flate2::read::GzDecoder;
use hare::MissRatioCurve;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, Zipf};

/// Reads of keys with sizes that depend on the key.
pub(crate) struct Load {
    /// The key and the entry's bytes of each read.
    pub(crate) reads: Vec<(u32, u32)>,
    /// Number of keys, read or not.
    pub(crate) keys: u32,
}

/// How keys are chosen.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Choice {
    /// Zipf of this exponent.
    Zipf(f64),
    /// All alike.
    Uniform,
    /// A zipf-chosen start, then 1 to as many keys in hash order.
    Scan(f64, u32),
}

impl Load {
    /// `reads` reads of `keys` keys. `mixed`: entries of 64 B to 16 KiB instead of 600 B.
    pub(crate) fn new(choice: Choice, keys: u32, reads: usize, mixed: bool, seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let exponent = match choice {
            Choice::Zipf(exponent) | Choice::Scan(exponent, _) => exponent,
            Choice::Uniform => 0.0,
        };
        let zipf = Zipf::new(f64::from(keys), exponent).expect("a valid zipf");
        let mut chosen = Vec::with_capacity(reads);
        while chosen.len() < reads {
            let rank = zipf.sample(&mut random) as u32 - 1;
            match choice {
                Choice::Scan(_, most) => {
                    // Ranks lie in hash order like anything else: scattered.
                    let start = (hash(u64::from(rank), 99) % u64::from(keys)) as u32;
                    let len = random.random_range(1..=most);
                    chosen.extend((0..len).map(|i| (start + i) % keys));
                }
                _ => chosen.push(rank),
            }
        }
        chosen.truncate(reads);
        let size = |key: u32| {
            let draw = hash(u64::from(key), 77);
            if mixed { (64 << (draw % 8)) | ((draw >> 32) as u32 % 64) } else { 600 }
        };
        Self { reads: chosen.into_iter().map(|key| (key, size(key))).collect(), keys }
    }

    /// The real trace, or `None` with a printed line if it is not at hand.
    pub(crate) fn twitter() -> Option<Self> {
        let Ok(file) = File::open(shared("traces/twitter_cluster52_1m.csv.gz")) else {
            println!(
                "skipped: no trace found; set HOPPERKV_SHARED to the directory that holds traces/"
            );
            return None;
        };
        let mut numbers = std::collections::HashMap::new();
        let reads = BufReader::new(GzDecoder::new(file)).lines().skip(1).map(|line| {
            let line = line.expect("the trace is readable");
            let mut fields = line.split(',').skip(1).map(|field| field.parse::<u64>());
            let mut next = || fields.next().and_then(Result::ok).expect("time,object,size");
            let fresh = numbers.len() as u32;
            let key = *numbers.entry(next()).or_insert(fresh);
            (key, next() as u32)
        });
        let reads = reads.collect();
        Some(Self { reads, keys: numbers.len() as u32 })
    }

    /// Bytes of all keys that are read.
    pub(crate) fn working_set_bytes(&self) -> u64 {
        let mut sizes = vec![0; self.keys as usize];
        self.reads.iter().for_each(|&(key, bytes)| sizes[key as usize] = u64::from(bytes));
        sizes.iter().sum()
    }

    /// Exact byte-LRU miss ratios at `ticks` sizes up to `max_bytes`: bytes by time of last use in a
    /// binary indexed tree over all reads, nothing shared with what is tested.
    pub(crate) fn exact(&self, max_bytes: u64, ticks: usize) -> MissRatioCurve {
        let tick_bytes = max_bytes.div_ceil(ticks as u64);
        let mut last_use = vec![usize::MAX; self.keys as usize];
        let mut tree = vec![0_u64; self.reads.len() + 1];
        let mut hits = vec![0_u64; ticks];
        let mut total = 0;
        for (now, &(key, bytes)) in self.reads.iter().enumerate() {
            let bytes = u64::from(bytes);
            let before = std::mem::replace(&mut last_use[key as usize], now);
            if before == usize::MAX {
                total += bytes;
            } else {
                let mut through = 0;
                let mut node = before + 1;
                while node > 0 {
                    through += tree[node];
                    node &= node - 1;
                }
                let distance = total - through + bytes;
                if let Some(hits) = hits.get_mut(((distance - 1) / tick_bytes) as usize) {
                    *hits += 1;
                }
                change(&mut tree, before, |sum| *sum -= bytes);
            }
            change(&mut tree, now, |sum| *sum += bytes);
        }
        let mut running = 0;
        let ratios = hits.iter().map(|hits| {
            running += hits;
            1.0 - running as f64 / self.reads.len() as f64
        });
        let ratios = ratios.collect();
        let bytes = (1..=ticks as u64).map(|tick| tick * tick_bytes).collect();
        MissRatioCurve::new(bytes, ratios).expect("LRU curves are curves")
    }
}

fn change(tree: &mut [u64], at: usize, change: impl Fn(&mut u64)) {
    let mut node = at + 1;
    while let Some(sum) = tree.get_mut(node) {
        change(sum);
        node += node & node.wrapping_neg();
    }
}

/// Where traces and their exact curves lie: `HOPPERKV_SHARED`, or `shared` next to the checkout.
pub(crate) fn shared(path: &str) -> PathBuf {
    let beside = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared"));
    std::env::var_os("HOPPERKV_SHARED").map_or_else(beside, PathBuf::from).join(path)
}

/// A well mixed hash of a key; `seed` makes different ones.
pub(crate) fn hash(key: u64, seed: u64) -> u64 {
    let mut mixed = key ^ seed.wrapping_mul(0xA076_1D64_78BD_642F);
    for _ in 0..2 {
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    }
    mixed ^ (mixed >> 31)
}

/// Mean absolute difference at the ticks of the exact curve.
pub(crate) fn mean_absolute_error(curve: &MissRatioCurve, exact: &MissRatioCurve) -> f64 {
    let errors = exact.points().map(|(bytes, ratio)| (curve.miss_ratio_at(bytes) - ratio).abs());
    errors.sum::<f64>() / exact.bytes().len() as f64
}
