//! Streams of key offsets: sequential, uniform, zipfian and scans in hash order.
//!
//! [`KeySpace`] holds what all clients of a phase share (sums, the hash order); [`KeyStream`] is
//! one client's cursor over it.

use std::sync::Arc;

use rand::RngExt;
use rand::rngs::StdRng;

use crate::spec::{Distribution, Phase};

/// Terms of zeta summed one by one; the rest follows from Euler and Maclaurin's formula.
const EXACT_TERMS: u64 = 10_000;

/// Zipfian ranks as YCSB draws them (Gray et al., SIGMOD '94): rank 0 is the hottest.
#[derive(Debug, Clone, Copy)]
pub struct Zipf {
    ranks: f64,
    last_rank: u64,
    alpha: f64,
    zeta_n: f64,
    eta: f64,
    second: f64,
}

impl Zipf {
    /// A sampler over `ranks` ranks with exponent `theta`, 0 <= theta < 1.
    #[must_use]
    pub fn new(ranks: u64, theta: f64) -> Self {
        let n = as_f64(ranks);
        let zeta_n = zeta(ranks, theta);
        let alpha = 1.0 / (1.0 - theta);
        let eta = (1.0 - (2.0 / n).powf(1.0 - theta)) / (1.0 - zeta(2, theta) / zeta_n);
        let second = 1.0 + 0.5_f64.powf(theta);
        Self { ranks: n, last_rank: ranks.saturating_sub(1), alpha, zeta_n, eta, second }
    }

    /// Draws a rank.
    pub fn draw(&self, rng: &mut StdRng) -> u64 {
        let u: f64 = rng.random();
        let uz = u * self.zeta_n;
        if uz < 1.0 || self.last_rank == 0 {
            return 0;
        }
        if uz < self.second || self.last_rank == 1 {
            return 1;
        }
        let rank = self.ranks * (self.eta * u - self.eta + 1.0).powf(self.alpha);
        floor_to_u64(rank).min(self.last_rank)
    }
}

/// Generalised harmonic number: the sum of `1 / i^theta` for i from 1 to `n`.
fn zeta(n: u64, theta: f64) -> f64 {
    let head = n.min(EXACT_TERMS);
    let exact: f64 = (1..=head).map(|i| as_f64(i).powf(-theta)).sum();
    if n == head {
        return exact;
    }
    let (from, to) = (as_f64(head), as_f64(n));
    let integral = (to.powf(1.0 - theta) - from.powf(1.0 - theta)) / (1.0 - theta);
    let ends = (to.powf(-theta) - from.powf(-theta)) / 2.0;
    let slopes = theta * (from.powf(-theta - 1.0) - to.powf(-theta - 1.0)) / 12.0;
    exact + integral + ends + slopes
}

/// All offsets in the order of their hashes, and each offset's place in it.
#[derive(Debug)]
struct HashOrder {
    order: Vec<u32>,
    place: Vec<u32>,
}

impl HashOrder {
    fn new(keys: u64) -> Self {
        let last = u32::try_from(keys).unwrap_or(u32::MAX);
        let mut order: Vec<u32> = (0..last).collect();
        order.sort_unstable_by_key(|&offset| mix(u64::from(offset)));
        let mut place = vec![0_u32; order.len()];
        for (at, &offset) in (0_u32..).zip(&order) {
            place[offset as usize] = at;
        }
        Self { order, place }
    }

    fn after(&self, offset: u64) -> u64 {
        let at = usize::try_from(offset).ok().and_then(|offset| self.place.get(offset));
        let next = at.map_or(0, |&at| at as usize + 1);
        self.order.get(next).or(self.order.first()).map_or(0, |&offset| u64::from(offset))
    }
}

/// A mixing of bits without a pattern that a key choice could fall in step with.
fn mix(value: u64) -> u64 {
    let word = (value ^ (value >> 31) ^ 0x5851_F42D_4C95_7F2D).wrapping_mul(0x7FB5_D329_728E_A185);
    let word = (word ^ (word >> 27)).wrapping_mul(0x81DA_DEF4_BC2D_D44D);
    word ^ (word >> 33)
}

#[derive(Debug, Clone)]
enum Choice {
    Sequential,
    Uniform,
    Zipf(Zipf),
    Scan { start: Zipf, max: u64, order: Arc<HashOrder> },
}

/// What every client of a phase shares: the key count and the distribution's tables.
#[derive(Debug, Clone)]
pub struct KeySpace {
    keys: u64,
    choice: Choice,
}

impl KeySpace {
    /// Prepares the tables of a phase; a scan over millions of keys takes a second.
    #[must_use]
    pub fn new(phase: &Phase) -> Self {
        let keys = phase.keys;
        let choice = match phase.distribution {
            Distribution::Sequential => Choice::Sequential,
            Distribution::Uniform => Choice::Uniform,
            Distribution::Zipf { theta } => Choice::Zipf(Zipf::new(keys, theta)),
            Distribution::Scan { theta, max } => Choice::Scan {
                start: Zipf::new(keys, theta),
                max,
                order: Arc::new(HashOrder::new(keys)),
            },
        };
        Self { keys, choice }
    }

    /// The stream of client `client` out of `clients`: sequential clients take turns.
    #[must_use]
    pub fn stream(&self, client: u64, clients: u64) -> KeyStream {
        KeyStream {
            space: self.clone(),
            next: client % self.keys,
            stride: clients,
            left_in_scan: 0,
        }
    }
}

/// One client's stream of key offsets.
#[derive(Debug)]
pub struct KeyStream {
    space: KeySpace,
    next: u64,
    stride: u64,
    left_in_scan: u64,
}

impl KeyStream {
    /// The offset of the next request's key.
    pub fn next_offset(&mut self, rng: &mut StdRng) -> u64 {
        let keys = self.space.keys;
        match &self.space.choice {
            Choice::Sequential => {
                let offset = self.next;
                self.next = (offset + self.stride) % keys;
                offset
            }
            Choice::Uniform => rng.random_range(0..keys),
            Choice::Zipf(zipf) => zipf.draw(rng),
            Choice::Scan { start, max, order } => {
                if self.left_in_scan == 0 {
                    self.left_in_scan = rng.random_range(1..=*max);
                    self.next = start.draw(rng);
                } else {
                    self.next = order.after(self.next);
                }
                self.left_in_scan -= 1;
                self.next
            }
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts here stay far below 2^52")]
fn as_f64(count: u64) -> f64 {
    count as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a float-to-integer cast saturates, and the caller clamps to the last rank"
)]
fn floor_to_u64(value: f64) -> u64 {
    value as u64
}

#[cfg(test)]
mod tests {
    use super::{KeySpace, Zipf, zeta};
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    const SEED: u64 = 20_26;

    fn counts(spec: &str, draws: usize) -> Vec<u32> {
        println!("seed {SEED}");
        let workload: crate::spec::Workload = spec.parse().unwrap();
        let phase = &workload.phases[0];
        let mut rng = StdRng::seed_from_u64(SEED);
        let mut stream = KeySpace::new(phase).stream(0, 1);
        let mut counts = vec![0_u32; usize::try_from(phase.keys).unwrap()];
        for _ in 0..draws {
            counts[usize::try_from(stream.next_offset(&mut rng)).unwrap()] += 1;
        }
        counts
    }

    #[test]
    fn zeta_agrees_with_the_plain_sum_beyond_the_exact_part() {
        for theta in [0.0, 0.5, 0.99] {
            let plain: f64 = (1..=250_000).map(|i| f64::from(i).powf(-theta)).sum();
            assert!((zeta(250_000, theta) / plain - 1.0).abs() < 1e-9, "theta {theta}");
        }
    }

    #[test]
    fn zipf_draws_the_hottest_keys_as_often_as_it_should() {
        let counts = counts("n=1000,d=zipf:0.99", 400_000);
        let total = zeta(1_000, 0.99);
        for (rank, share) in [(0, 1.0 / total), (1, 0.5_f64.powf(0.99) / total)] {
            let measured = f64::from(counts[rank]) / 400_000.0;
            assert!((measured / share - 1.0).abs() < 0.03, "rank {rank}: {measured} vs {share}");
        }
        let tail: u32 = counts[500..].iter().sum();
        assert!(tail > 20_000, "the cold half got {tail} of 400000");
    }

    #[test]
    fn theta_zero_is_uniform() {
        let counts = counts("n=100,d=zipf:0", 200_000);
        assert!(counts.iter().all(|&count| (1_700..2_300).contains(&count)), "{counts:?}");
    }

    #[test]
    fn tiny_key_spaces_work() {
        for keys in 1..4 {
            let zipf = Zipf::new(keys, 0.99);
            let mut rng = StdRng::seed_from_u64(SEED);
            assert!((0..1_000).all(|_| zipf.draw(&mut rng) < keys));
        }
    }

    #[test]
    fn sequential_clients_cover_every_key_once_per_round() {
        let workload: crate::spec::Workload = "n=12,d=seq".parse().unwrap();
        let space = KeySpace::new(&workload.phases[0]);
        let mut rng = StdRng::seed_from_u64(SEED);
        let mut seen = Vec::new();
        for client in 0..3 {
            let mut stream = space.stream(client, 3);
            seen.extend((0..4).map(|_| stream.next_offset(&mut rng)));
        }
        seen.sort_unstable();
        assert_eq!(seen, (0..12).collect::<Vec<_>>());
    }

    #[test]
    fn scans_run_through_the_hash_order() {
        let counts = counts("n=50,d=scan:0.5:10", 100_000);
        assert!(counts.iter().all(|&count| count > 500), "{counts:?}");
        let workload: crate::spec::Workload = "n=50,d=scan:0:1000".parse().unwrap();
        let mut stream = KeySpace::new(&workload.phases[0]).stream(0, 1);
        let mut rng = StdRng::seed_from_u64(3);
        let first: Vec<u64> = (0..50).map(|_| stream.next_offset(&mut rng)).collect();
        let mut sorted = first.clone();
        sorted.sort_unstable();
        assert_ne!(first, sorted, "hash order is not key order");
    }
}
