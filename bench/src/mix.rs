//! One client's requests in a phase: a stream of keys, each read or written.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::keys::{KeySpace, KeyStream};
use crate::spec::Phase;

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
    write_ratio: f64,
    rng: StdRng,
}

impl Mix {
    /// The requests of client `client` (of `clients`); the same seed gives the same sequence.
    #[must_use]
    pub fn new(phase: &Phase, space: &KeySpace, client: u64, clients: u64, seed: u64) -> Self {
        Self {
            stream: space.stream(client, clients),
            write_ratio: phase.write_ratio,
            rng: StdRng::seed_from_u64(seed.wrapping_mul(0x9E37_79B9).wrapping_add(client)),
        }
    }

    /// The next request: operation and key offset. Each key of a scan is a request of its own.
    pub fn next_request(&mut self) -> (Op, u64) {
        let offset = self.stream.next_offset(&mut self.rng);
        let write = self.write_ratio > 0.0 && self.rng.random::<f64>() < self.write_ratio;
        (if write { Op::Set } else { Op::Get }, offset)
    }
}

#[cfg(test)]
mod tests {
    use super::{Mix, Op};
    use crate::keys::KeySpace;
    use crate::spec::Workload;

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
}
