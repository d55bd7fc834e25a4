//! The ghost cache against plain LRU caches of every size, at rate 1: exact, whatever happens to keys.

use std::collections::{HashMap, VecDeque};

use hare::{Access, Expiry, GhostCache, GhostConfig};
use proptest::prelude::{ProptestConfig, Strategy, prop, proptest};

mod load;
use load::{Choice, Load, hash};

/// An LRU cache of `capacity_bytes`, most recent first, that expires entries on time.
struct NaiveLru {
    capacity_bytes: u64,
    entries: VecDeque<(u64, u64)>,
}

impl NaiveLru {
    fn new(capacity_bytes: u64) -> Self {
        Self { capacity_bytes, entries: VecDeque::new() }
    }

    fn remove(&mut self, key: u64) -> Option<(u64, u64)> {
        let at = self.entries.iter().position(|entry| entry.0 == key)?;
        self.entries.remove(at)
    }

    /// Puts an entry on top; true if a cache of this size held it.
    fn access(&mut self, key: u64, bytes: u64) -> bool {
        let hit = self.remove(key).is_some();
        self.entries.push_front((key, bytes));
        while self.entries.iter().map(|entry| entry.1).sum::<u64>() > self.capacity_bytes {
            self.entries.pop_back();
        }
        hit
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Read(u64),
    Write(u64, u64),
    WriteExpiring(u64, u64, u64),
    ReadAbsent(u64),
    Remove(u64),
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (0_u64..60, 0_u8..20, 1_u64..400, 1_u64..200);
    let step = step.prop_map(|(key, action, bytes, ms)| match action {
        0..10 => Step::Read(key),
        10..13 => Step::Write(key, bytes),
        13..15 => Step::WriteExpiring(key, bytes, ms),
        15 => Step::ReadAbsent(key),
        16..18 => Step::Remove(key),
        _ => Step::Wait(ms / 4),
    });
    prop::collection::vec(step, 1..2000)
}

const TICKS: u64 = 16;
const TICK_BYTES: u64 = 350;

/// The ghost cache and caches of all its sizes, side by side.
struct Race {
    ghost: GhostCache,
    caches: Vec<(NaiveLru, u64)>,
    bytes_of: HashMap<u64, u64>,
    expiry_of: HashMap<u64, u64>,
    now_ms: u64,
    reads: u64,
}

impl Race {
    fn new() -> Self {
        let ghost =
            GhostCache::new(GhostConfig { ticks: 16, ..GhostConfig::up_to(TICKS * TICK_BYTES) });
        let caches = (1..=TICKS).map(|tick| (NaiveLru::new(tick * TICK_BYTES), 0)).collect();
        let (bytes_of, expiry_of) = (HashMap::new(), HashMap::new());
        Self { ghost, caches, bytes_of, expiry_of, now_ms: 1000, reads: 0 }
    }

    fn run(&mut self, step: Step) {
        match step {
            Step::Read(key) => {
                self.reads += 1;
                let bytes = *self.bytes_of.entry(key).or_insert(50 + key % 7 * 30);
                self.ghost.access(hash(key, 1), bytes, Access::Read);
                for (cache, hits) in &mut self.caches {
                    *hits += u64::from(cache.access(key, bytes));
                }
            }
            Step::Write(key, bytes) => {
                self.expiry_of.remove(&key);
                self.ghost.access(hash(key, 1), bytes, Access::Write);
                self.wrote(key, bytes);
            }
            Step::WriteExpiring(key, bytes, ms) => {
                let at_ms = self.now_ms + ms;
                self.expiry_of.insert(key, at_ms);
                let expiry = Expiry::At(at_ms);
                self.ghost.access_expiring(hash(key, 1), bytes, Access::Write, expiry);
                self.wrote(key, bytes);
            }
            Step::ReadAbsent(key) => {
                self.reads += 1;
                self.ghost.access(hash(key, 1), 0, Access::Absent);
                self.gone(key);
            }
            Step::Remove(key) => {
                self.ghost.access(hash(key, 1), 0, Access::Remove);
                self.gone(key);
            }
            Step::Wait(ms) => {
                self.now_ms += ms;
                self.ghost.advance(self.now_ms);
                let due = self.expiry_of.iter().filter(|(_, at_ms)| **at_ms <= self.now_ms);
                let due: Vec<u64> = due.map(|(key, _)| *key).collect();
                due.into_iter().for_each(|key| self.gone(key));
            }
        }
    }

    fn wrote(&mut self, key: u64, bytes: u64) {
        self.bytes_of.insert(key, bytes);
        for (cache, _) in &mut self.caches {
            cache.access(key, bytes);
        }
    }

    fn gone(&mut self, key: u64) {
        self.expiry_of.remove(&key);
        for (cache, _) in &mut self.caches {
            cache.remove(key);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn at_rate_one_it_is_exact(steps in steps()) {
        let mut race = Race::new();
        for step in steps {
            race.run(step);
        }
        if let Some(curve) = race.ghost.take_window(race.reads).curve() {
            for (cache, hits) in &race.caches {
                let exact = 1.0 - *hits as f64 / race.reads as f64;
                let got = curve.miss_ratio_at(cache.capacity_bytes);
                assert!((got - exact).abs() < 1e-12, "{got} not {exact} at {}", cache.capacity_bytes);
            }
        }
    }

    #[test]
    fn the_exact_curves_of_other_tests_are_exact(
        reads in prop::collection::vec(0_u32..80, 1..1500),
    ) {
        let size = |key: u32| 40 + key % 9 * 25;
        let load = Load { reads: reads.into_iter().map(|key| (key, size(key))).collect(), keys: 80 };
        for (bytes, ratio) in load.exact(8_000, 20).points() {
            let mut cache = NaiveLru::new(bytes);
            let hits = load.reads.iter().filter(|(key, bytes)| {
                cache.access(u64::from(*key), u64::from(*bytes))
            });
            let exact = 1.0 - hits.count() as f64 / load.reads.len() as f64;
            assert!((ratio - exact).abs() < 1e-12, "{ratio} not {exact} at {bytes}");
        }
    }
}

#[test]
fn entries_outlive_a_window_and_removals_do_not() {
    let mut ghost = GhostCache::new(GhostConfig { ticks: 10, ..GhostConfig::up_to(10_000) });
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

#[test]
fn a_window_whose_ticks_changed_half_way_counts_its_later_reads_only() {
    let mut ghost = GhostCache::new(GhostConfig { ticks: 10, ..GhostConfig::up_to(10_000) });
    ghost.access(1, 100, Access::Read);
    ghost.access(1, 100, Access::Read);
    ghost.set_max_bytes(20_000);
    ghost.access(1, 100, Access::Read);
    let curve = ghost.take_window(3).curve().expect("there was a read");
    assert!(curve.miss_ratio_at(20_000) < 1e-12);
}

/// What a tenant costs in memory is bounded by 2 MB, with the most keys tracked, expiries on all of
/// them, and deletions in between.
#[test]
fn memory_is_bounded() {
    let load = Load::new(Choice::Uniform, 1_000_000, 400_000, false, 11);
    for deletes in [false, true] {
        let mut ghost = GhostCache::new(GhostConfig::up_to(u64::MAX / 2));
        let (mut most, mut fullest) = (0, 0);
        for (now_ms, &(key, bytes)) in load.reads.iter().enumerate() {
            let (key_hash, now_ms) = (hash(u64::from(key), 3), now_ms as u64);
            let expiry = Expiry::At(now_ms + 10_000_000);
            ghost.advance(now_ms);
            ghost.access_expiring(key_hash, u64::from(bytes), Access::Write, expiry);
            if deletes && key % 2 == 0 {
                ghost.access(key_hash, 0, Access::Remove);
            }
            assert!(ghost.tracked_keys() <= GhostConfig::TRACKED_KEYS);
            fullest = fullest.max(ghost.tracked_keys());
            most = most.max(ghost.memory_bytes());
        }
        println!("deletes {deletes}: {most} bytes at most, {fullest} keys");
        assert!(fullest > GhostConfig::TRACKED_KEYS * 9 / 10);
        assert!(most <= 2_000_000, "{most} bytes");
    }
}

#[test]
fn an_expired_key_is_cold_and_its_bytes_are_gone() {
    let mut ghost = GhostCache::new(GhostConfig::up_to(1 << 40));
    ghost.access(1, 100, Access::Write);
    ghost.access_expiring(2, 100, Access::Write, Expiry::At(50));
    assert!(ghost.awaits_expiry());
    ghost.advance(49);
    assert_eq!(ghost.tracked_keys(), 2);
    ghost.advance(50);
    assert_eq!(ghost.tracked_keys(), 1);
    ghost.access(2, 100, Access::Read);
    let curve = ghost.take_window(1).curve().unwrap();
    assert!(curve.miss_ratios().iter().all(|&ratio| ratio > 0.999));
}

#[test]
fn a_hit_keeps_the_expiry_and_a_plain_write_clears_it() {
    let mut ghost = GhostCache::new(GhostConfig::up_to(1 << 40));
    for key in [1, 2] {
        ghost.access_expiring(key, 100, Access::Write, Expiry::At(50));
    }
    ghost.access(1, 100, Access::Read);
    ghost.access(2, 100, Access::Write);
    ghost.advance(60);
    assert_eq!(ghost.tracked_keys(), 1);
    assert!(!ghost.awaits_expiry());
}

#[test]
fn a_cliff_shifts_a_little_and_casts_no_shadow() {
    const FEW: u64 = 1_000;
    const MANY: u64 = 20_000;
    const ROUNDS: u64 = 5;
    let few = (0..1_100_000).map(|read| read % FEW);
    let many = || (0..ROUNDS).flat_map(|_| (0..MANY).map(|key| FEW + key));
    let reads = 1_100_000 + ROUNDS * MANY;
    for seed in 1..=8 {
        // Ticks so fine that all keys of a cliff fall into two or three.
        let config = GhostConfig { ticks: 8192, ..GhostConfig::up_to(6_400_000) };
        let mut ghost = GhostCache::new(config);
        few.clone().chain(many()).for_each(|key| ghost.access(hash(key, seed), 100, Access::Read));
        assert!(ghost.rate() < 1.0, "one cannot watch all keys");
        let curve = ghost.take_window(reads).curve().expect("there were reads");
        let only_few = (FEW + ROUNDS * MANY) as f64 / reads as f64;
        let all = (FEW + MANY) as f64 / reads as f64;
        for (bytes, expected) in
            [(90_000, 1.0), (115_000, only_few), (1_850_000, only_few), (2_250_000, all)]
        {
            let ratio = curve.miss_ratio_at(bytes);
            let error = (ratio - expected).abs();
            assert!(error < 0.02, "hash seed {seed}, {bytes} B: {ratio:.4} not {expected:.4}");
        }
    }
}

#[test]
fn as_many_keys_are_tracked_as_asked_for() {
    for (most, is_exact) in [(10_000, false), (16_384, false), (40_000, true), (usize::MAX, true)] {
        let config = GhostConfig { max_tracked_keys: most, ..GhostConfig::up_to(1 << 30) };
        let mut ghost = GhostCache::new(config);
        (0..30_000).for_each(|key| ghost.access(hash(key, 1), 100, Access::Read));
        assert_eq!(ghost.rate() >= 1.0, is_exact, "{most}: rate {}", ghost.rate());
        assert!(ghost.tracked_keys() <= most && (ghost.tracked_keys() == 30_000) == is_exact);
        assert!(ghost.tracked_keys() >= 8_000, "{most}: {}", ghost.tracked_keys());
    }
}
