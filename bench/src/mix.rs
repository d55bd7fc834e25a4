//! One client's requests in a phase: a stream of keys, each read or written.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::keys::{KeySpace, KeyStream};
use crate::spec::{Distribution, Phase};

/// What to do with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// Read it.
    Get,
    /// Write its value.
    Set,
}

/// One client's endless sequence of requests.
#[derive(Debug)]
pub struct Mix {
    stream: KeyStream,
    /// Added to every offset.
    first_key: u64,
    /// Chance of a SET where neither a new key nor a read-modify-write is due.
    write_ratio: f64,
    insert_ratio: f64,
    modify_ratio: f64,
    /// The key that was read and is to be written next.
    modified: Option<u64>,
    rng: StdRng,
}

impl Mix {
    /// The requests of client `client` (of `clients`); the same seed gives the same sequence.
    #[must_use]
    pub fn new(phase: &Phase, space: &KeySpace, client: u64, clients: u64, seed: u64) -> Self {
        let Phase { write_ratio, insert_ratio, modify_ratio, .. } = *phase;
        // Ratios are of all operations, but for the keys of scans, which are no operations of their own.
        let rest = match phase.distribution {
            Distribution::Scan { .. } => 1.0,
            _ => 1.0 - insert_ratio - modify_ratio,
        };
        Self {
            stream: space.stream(client, clients),
            first_key: phase.first_key,
            write_ratio: if rest > 0.0 { write_ratio / rest } else { 0.0 },
            insert_ratio,
            modify_ratio,
            modified: None,
            rng: StdRng::seed_from_u64(seed.wrapping_mul(0x9E37_79B9).wrapping_add(client)),
        }
    }

    /// The next request: operation and key offset. Each key of a scan is a request of its own, and so are the GET and the
    /// SET of a read-modify-write, which follow each other. Offsets from [`KeySpace::keys`] after the phase's first are new
    /// keys.
    pub fn next_request(&mut self) -> (Op, u64) {
        let (op, offset) = self.draw();
        (op, self.first_key + offset)
    }

    fn draw(&mut self) -> (Op, u64) {
        if let Some(offset) = self.modified.take() {
            return (Op::Set, offset);
        }
        if self.insert_ratio + self.modify_ratio > 0.0 && self.stream.begins_operation() {
            let chance: f64 = self.rng.random();
            if chance < self.insert_ratio {
                return (Op::Set, self.stream.space().insert());
            }
            if chance < self.insert_ratio + self.modify_ratio {
                let offset = self.stream.next_offset(&mut self.rng);
                self.modified = Some(offset);
                return (Op::Get, offset);
            }
        }
        let offset = self.stream.next_offset(&mut self.rng);
        let write = self.write_ratio > 0.0 && self.rng.random::<f64>() < self.write_ratio;
        (if write { Op::Set } else { Op::Get }, offset)
    }
}

impl Mix {
    /// Whether this is the offset of a key that was not there at the start.
    #[must_use]
    pub fn is_new(&self, offset: u64) -> bool {
        offset >= self.first_key + self.stream.space().keys()
    }

    /// Tells the key space that the SET of a new key was answered; `stored`: with success.
    pub fn insert_answered(&self, offset: u64, stored: bool) {
        self.stream.space().insert_answered(offset - self.first_key, stored);
    }

    /// The keys it draws from.
    #[must_use]
    pub fn space(&self) -> &KeySpace {
        self.stream.space()
    }
}

#[cfg(test)]
mod tests {
    use super::{Mix, Op};
    use crate::keys::KeySpace;
    use crate::spec::Workload;
    use crate::ycsb::Ycsb;
    use proptest::prelude::{any, prop_assert, proptest};

    #[test]
    fn the_write_ratio_is_kept_and_the_seed_decides() {
        let workload: Workload = "n=1k,w=0.25,d=scan:0.9:20".parse().unwrap();
        let phase = &workload.phases[0];
        let space = KeySpace::new(phase);
        let requests = |seed| {
            let mut mix = Mix::new(phase, &space, 3, 8, seed);
            (0..40_000).map(|_| mix.next_request()).collect::<Vec<_>>()
        };
        let first = requests(1);
        let writes = first.iter().filter(|(op, _)| *op == Op::Set).count();
        assert!((9_600..10_400).contains(&writes), "{writes} writes of 40000 (seed 1)");
        assert_eq!(first, requests(1));
        assert_ne!(first, requests(2));
    }

    #[test]
    fn tenants_of_one_cache_can_have_keys_of_their_own() {
        let phase = |text: &str| text.parse::<Workload>().unwrap().phases.remove(0);
        let (plain, moved) =
            (phase("n=1k,d=latest:0.9,i=0.1"), phase("n=1k,d=latest:0.9,i=0.1,o=5m"));
        let mut plain = Mix::new(&plain, &KeySpace::new(&plain), 0, 1, 3);
        let mut moved = Mix::new(&moved, &KeySpace::new(&moved), 0, 1, 3);
        for _ in 0..10_000 {
            let ((op, offset), (moved_op, moved_offset)) =
                (plain.next_request(), moved.next_request());
            assert_eq!((op, offset + 5_000_000), (moved_op, moved_offset));
            assert_eq!(plain.is_new(offset), moved.is_new(moved_offset));
        }
    }

    /// GETs, SETs of keys there are, new keys, and pairs of a GET and a SET of the same key, of so many requests.
    fn tallied(name: &str, requests: usize) -> [f64; 4] {
        let seed = 11;
        println!("seed {seed}");
        let phase = &format!("{name},n=5k").parse::<Workload>().unwrap().phases[0];
        let space = KeySpace::new(phase);
        let mut mix = Mix::new(phase, &space, 0, 1, seed);
        let (mut gets, mut sets, mut new, mut pairs) = (0_u32, 0_u32, 0_u32, 0_u32);
        let mut before = None;
        for _ in 0..requests {
            let (op, offset) = mix.next_request();
            match op {
                Op::Get => gets += 1,
                Op::Set if offset == 5_000 + u64::from(new) => new += 1,
                Op::Set => {
                    pairs += u32::from(before == Some((Op::Get, offset)));
                    sets += 1;
                }
            }
            before = Some((op, offset));
        }
        [gets, sets, new, pairs].map(|count| f64::from(count) / requests as f64)
    }

    #[test]
    fn ycsb_workloads_have_their_shares() {
        // A scan has 50.5 keys on average: of 0.95 * 50.5 + 0.05 requests, 0.05 are inserts.
        let scanned = 0.95 * 50.5;
        for (name, due) in [
            ("ycsb:a", [0.5, 0.5, 0.0]),
            ("ycsb:b", [0.95, 0.05, 0.0]),
            ("ycsb:c", [1.0, 0.0, 0.0]),
            ("ycsb:d", [0.95, 0.0, 0.05]),
            ("ycsb:e", [scanned / (scanned + 0.05), 0.0, 0.05 / (scanned + 0.05)]),
            ("ycsb:f", [2.0 / 3.0, 1.0 / 3.0, 0.0]),
        ] {
            let [gets, sets, new, pairs] = tallied(name, 400_000);
            for (share, due) in [gets, sets, new].into_iter().zip(due) {
                // Inserts of workload E are few: 400 or so.
                let slack = if due < 0.01 { due * 0.25 } else { due * 0.02 };
                assert!((share - due).abs() <= slack, "{name}: {share} where {due} is due");
            }
            if name == "ycsb:f" {
                assert!((pairs - sets).abs() < 1e-12, "every SET follows the GET of its key");
            }
        }
    }

    proptest! {
        #[test]
        fn shares_add_up_whatever_they_are(write in 0.0..0.4_f64, insert in 0.0..0.3_f64, modify in 0.0..0.3_f64) {
            let text = format!("d=latest:0.5,w={write},i={insert},m={modify}");
            let [gets, sets, new, _] = tallied(&text, 60_000);
            // An operation that modifies is two requests.
            let requests = 1.0 + modify;
            for (share, due) in [(gets, 1.0 - write - insert), (sets, write + modify), (new, insert)] {
                prop_assert!((share - due / requests).abs() < 0.02, "{share} where {due} is due");
            }
        }

        #[test]
        fn no_request_is_for_a_key_that_is_not_there(seed in any::<u64>(), which in 0_usize..6, keys in 1_u64..200) {
            let phase = Ycsb::ALL[which].phase(keys);
            let space = KeySpace::new(&phase);
            let mut mixes: Vec<Mix> = (0..3).map(|client| Mix::new(&phase, &space, client, 3, seed)).collect();
            let mut there = keys;
            for turn in 0..900 {
                let (op, offset) = mixes[turn % 3].next_request();
                prop_assert!(offset < there || (op == Op::Set && offset == there), "{op:?} of {offset} of {there}");
                there += u64::from(offset == there);
            }
        }
    }
}
