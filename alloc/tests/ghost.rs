//! The ghost cache against exact LRU: on random accesses at rate 1, on synthetic load at 1 in 32,
//! and on a real trace if one is at hand.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::time::Instant;

use flate2::read::GzDecoder;
use hare::{Access, GhostCache, GhostConfig, MissRatioCurve, Sampler};
use proptest::prelude::{ProptestConfig, prop, proptest};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, Zipf};

/// A well mixed hash of a key; `seed` makes different ones.
fn hash(key: u64, seed: u64) -> u64 {
    let mut mixed = key ^ seed.wrapping_mul(0xA076_1D64_78BD_642F);
    for _ in 0..2 {
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    }
    mixed ^ (mixed >> 31)
}

fn ghost(one_in: u32, max_bytes: u64, ticks: usize) -> GhostCache {
    let sampler = Sampler::one_in(one_in);
    GhostCache::new(GhostConfig { sampler, ticks, ..GhostConfig::up_to(max_bytes) })
}

/// An LRU cache of `capacity_bytes`, most recent first.
struct NaiveLru {
    capacity_bytes: u64,
    entries: VecDeque<(u64, u64)>,
}

impl NaiveLru {
    fn access(&mut self, key: u64, bytes: u64) -> bool {
        let at = self.entries.iter().position(|entry| entry.0 == key);
        at.map(|at| self.entries.remove(at));
        self.entries.push_front((key, bytes));
        while self.entries.iter().map(|entry| entry.1).sum::<u64>() > self.capacity_bytes {
            self.entries.pop_back();
        }
        at.is_some()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn at_rate_one_it_is_exact(
        steps in prop::collection::vec((0_u64..60, 0_u8..10), 1..2000),
    ) {
        const TICKS: u64 = 16;
        const TICK_BYTES: u64 = 350;
        let mut ghost = ghost(1, TICKS * TICK_BYTES, 16);
        let mut caches: Vec<(NaiveLru, u64)> = (1..=TICKS)
            .map(|tick| {
                let capacity_bytes = tick * TICK_BYTES;
                (NaiveLru { capacity_bytes, entries: VecDeque::new() }, 0)
            })
            .collect();
        let mut reads = 0;
        for (key, action) in steps {
            let access = if action < 3 { Access::Write } else { Access::Read };
            // Sizes differ between keys; one key's never changes. Resizing and removing are left to
            // the stack's own test: they leave room that a real cache cannot refill with what it evicted.
            let bytes = 50 + key % 7 * 30;
            reads += u64::from(access == Access::Read);
            ghost.access(hash(key, 1), bytes, access);
            for (cache, hits) in &mut caches {
                let hit = cache.access(key, bytes);
                *hits += u64::from(hit && access == Access::Read);
            }
        }
        if let Some(curve) = ghost.take_window(reads).curve() {
            for (cache, hits) in &caches {
                let exact = 1.0 - *hits as f64 / reads as f64;
                let got = curve.miss_ratio_at(cache.capacity_bytes);
                assert!((got - exact).abs() < 1e-12, "{got} not {exact}");
            }
        }
    }
}

/// Exact byte-LRU curve at the sizes of `like`, by a ghost cache that watches every key.
fn exact_curve(keys: &[u64], entry_bytes: u64, max_bytes: u64) -> MissRatioCurve {
    let config = GhostConfig {
        sampler: Sampler::one_in(1),
        max_tracked_keys: usize::MAX,
        ..GhostConfig::up_to(max_bytes)
    };
    let mut ghost = GhostCache::new(config);
    for &key in keys {
        ghost.access(hash(key, 0), entry_bytes, Access::Read);
    }
    ghost.take_window(keys.len() as u64).curve().expect("there were reads")
}

fn mean_absolute_error(curve: &MissRatioCurve, exact: &MissRatioCurve) -> f64 {
    let errors = exact.points().map(|(bytes, ratio)| (curve.miss_ratio_at(bytes) - ratio).abs());
    errors.sum::<f64>() / exact.bytes().len() as f64
}

#[test]
fn one_key_in_32_is_close_on_zipf() {
    const KEYS: u64 = 200_000;
    const ENTRY_BYTES: u64 = 600;
    let mut random = StdRng::seed_from_u64(7);
    let zipf = Zipf::new(KEYS as f64, 0.99).expect("a valid zipf");
    let keys: Vec<u64> = (0..1_000_000).map(|_| zipf.sample(&mut random).to_bits()).collect();
    let max_bytes = KEYS * ENTRY_BYTES;
    let exact = exact_curve(&keys, ENTRY_BYTES, max_bytes);
    for seed in 1..=4 {
        let mut ghost = ghost(32, max_bytes, 128);
        for &key in &keys {
            ghost.access(hash(key, seed), ENTRY_BYTES, Access::Read);
        }
        let curve = ghost.take_window(keys.len() as u64).curve().expect("there were reads");
        let error = mean_absolute_error(&curve, &exact);
        println!("zipf 0.99, hash seed {seed}: mean absolute error {error:.5}");
        assert!(error <= 0.01, "hash seed {seed}: {error}");
    }
}

#[test]
fn memory_is_bounded() {
    let config = GhostConfig {
        sampler: Sampler::one_in(1),
        max_tracked_keys: 1000,
        ..GhostConfig::up_to(u64::MAX / 2)
    };
    let mut ghost = GhostCache::new(config);
    let mut random = StdRng::seed_from_u64(11);
    for _ in 0..100_000 {
        ghost.access(random.random(), 100, Access::Read);
        assert!(ghost.tracked_keys() <= 1000);
    }
    assert!(ghost.memory_bytes() < 200_000, "{}", ghost.memory_bytes());
}

#[test]
fn entries_outlive_a_window_and_removals_do_not() {
    let mut ghost = ghost(1, 10_000, 10);
    ghost.access(1, 100, Access::Write);
    ghost.access(2, 100, Access::Write);
    assert_eq!(ghost.take_window(0).curve(), None);
    ghost.access(2, 0, Access::Remove);
    ghost.access(1, 100, Access::Read);
    ghost.access(2, 100, Access::Read);
    let curve = ghost.take_window(2).curve().expect("there were reads");
    assert!((curve.miss_ratio_at(10_000) - 0.5).abs() < 1e-12);
    assert_eq!(ghost.tracked_keys(), 2);
    ghost.set_max_bytes(150);
    assert_eq!(ghost.tracked_keys(), 1);
}

/// Where traces and their exact curves lie: `HOPPERKV_SHARED`, or `shared` next to the checkout.
fn shared(path: &str) -> PathBuf {
    let beside = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared"));
    std::env::var_os("HOPPERKV_SHARED").map_or_else(beside, PathBuf::from).join(path)
}

fn trace(path: PathBuf) -> Option<Vec<(u64, u64)>> {
    let lines = BufReader::new(GzDecoder::new(File::open(path).ok()?)).lines();
    let requests = lines.skip(1).map(|line| {
        let line = line.expect("the trace is readable");
        let mut fields = line.split(',').skip(1).map(|field| field.parse::<u64>());
        let mut next = || fields.next().and_then(Result::ok).expect("time,object,size");
        (next(), next())
    });
    Some(requests.collect())
}

#[test]
fn one_key_in_32_is_close_on_a_twitter_trace() {
    let Some(requests) = trace(shared("traces/twitter_cluster52_1m.csv.gz")) else {
        println!(
            "skipped: no trace found; set HOPPERKV_SHARED to the directory that holds traces/"
        );
        return;
    };
    let exact = File::open(shared("vectors/lru_curve_twitter52_1m.json")).expect("its curve");
    let exact: serde_json::Value = serde_json::from_reader(exact).expect("the curve is JSON");
    let exact: MissRatioCurve = serde_json::from_value(exact).expect("the curve is a curve");
    let max_bytes = *exact.bytes().last().expect("curves have ticks");

    for (one_in, mean_bound) in [(32, 0.005), (8, 0.0025)] {
        let mut errors = Vec::new();
        for seed in 1..=16 {
            let mut ghost = ghost(one_in, max_bytes, 128);
            let hashes: Vec<u64> = requests.iter().map(|request| hash(request.0, seed)).collect();
            let started = Instant::now();
            for (key_hash, request) in hashes.iter().zip(&requests) {
                ghost.access(*key_hash, request.1, Access::Read);
            }
            let ns_per_access = started.elapsed().as_nanos() as f64 / requests.len() as f64;
            let curve = ghost.take_window(requests.len() as u64).curve().expect("there were reads");
            let error = mean_absolute_error(&curve, &exact);
            println!(
                "1 in {one_in}, hash seed {seed}: mean absolute error {error:.5}, \
                 {ns_per_access:.1} ns per access, {} keys, {} bytes",
                ghost.tracked_keys(),
                ghost.memory_bytes()
            );
            assert!(error <= 2.5 * mean_bound, "1 in {one_in}, hash seed {seed}: {error}");
            errors.push(error);
        }
        let mean = errors.iter().sum::<f64>() / errors.len() as f64;
        println!("1 in {one_in}: mean over hash seeds {mean:.5}");
        assert!(mean <= mean_bound, "1 in {one_in}: {mean}");
    }
}
