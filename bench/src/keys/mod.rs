//! Streams of key offsets: sequential, uniform, zipfian, the latest, and scans in hash order.
//!
//! [`KeySpace`] holds what all clients of a phase share (sums, the hash order, new keys);
//! [`KeyStream`] is one client's cursor over it.

mod hash_order;
mod inserts;
mod zipf;

use std::collections::VecDeque;
use std::sync::Arc;

use rand::RngExt;
use rand::rngs::StdRng;

use crate::spec::{Distribution, Phase};
use hash_order::HashOrder;
use inserts::Inserts;
pub use zipf::Zipf;

/// Keys of a scan that are looked up together, at most.
const RUN: u64 = 128;

#[derive(Debug, Clone)]
enum Choice {
    Sequential,
    Uniform,
    Zipf(Zipf),
    Scan { start: Zipf, max: u64, order: Arc<HashOrder> },
    Latest { rank: Zipf },
}

/// What every client of a phase shares: the key count, the distribution's tables, and the keys added since.
#[derive(Debug, Clone)]
pub struct KeySpace {
    keys: u64,
    choice: Choice,
    /// Absent in a phase that inserts nothing.
    inserts: Option<Arc<Inserts>>,
}

impl KeySpace {
    /// Prepares the tables of a phase; a scan over millions of keys takes a second.
    ///
    /// Where the phase inserts keys, each is there to be read as soon as it is drawn, which is right where requests take
    /// effect in the order they are drawn in. [`KeySpace::awaiting_replies`] is for the others.
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
            Distribution::Latest { theta } => Choice::Latest { rank: Zipf::new(keys, theta) },
        };
        let inserts = (phase.insert_ratio > 0.0).then(|| Arc::new(Inserts::new(keys)));
        Self { keys, choice, inserts }
    }

    /// The tables of another phase. The hash order, which takes longest, is shared if the number of keys is the same and
    /// none is inserted.
    #[must_use]
    pub fn of_phase_like(&self, phase: &Phase) -> Self {
        match (&self.choice, phase.distribution) {
            (Choice::Scan { order, .. }, Distribution::Scan { theta, max })
                if self.keys == phase.keys
                    && self.inserts.is_none()
                    && phase.insert_ratio == 0.0 =>
            {
                let (start, order) = (Zipf::new(phase.keys, theta), Arc::clone(order));
                Self { keys: self.keys, choice: Choice::Scan { start, max, order }, inserts: None }
            }
            _ => Self::new(phase),
        }
    }

    /// The same, but a new key is only read once [`KeySpace::insert_answered`] said that it and all before it are stored.
    /// To be called before streams are made.
    #[must_use]
    pub fn awaiting_replies(self) -> Self {
        let inserts = self.inserts.map(|_| Arc::new(Inserts::awaiting_replies(self.keys)));
        Self { inserts, ..self }
    }

    /// Keys that were there at the start: offsets from this on are new ones.
    #[must_use]
    pub fn keys(&self) -> u64 {
        self.keys
    }

    /// Part of the choices of a key (of a start, for scans) that fall on offsets below this one, before any is inserted.
    #[must_use]
    pub fn part_below(&self, offset: u64) -> f64 {
        match &self.choice {
            Choice::Zipf(zipf) | Choice::Scan { start: zipf, .. } => zipf.part_below(offset),
            Choice::Latest { rank } => 1.0 - rank.part_below(self.keys.saturating_sub(offset)),
            Choice::Sequential | Choice::Uniform => (offset as f64 / self.keys as f64).min(1.0),
        }
    }

    /// The offsets in the order in which scans go through them, new ones left out; empty without scans.
    #[must_use]
    pub fn hash_order(&self) -> &[u32] {
        match &self.choice {
            Choice::Scan { order, .. } => order.offsets(),
            _ => &[],
        }
    }

    /// The stream of client `client` out of `clients`: sequential clients take turns.
    #[must_use]
    pub fn stream(&self, client: u64, clients: u64) -> KeyStream {
        KeyStream {
            space: self.clone(),
            next: client % self.keys,
            stride: clients,
            left_in_scan: 0,
            ahead: VecDeque::new(),
        }
    }

    /// The offset of a new key.
    #[must_use]
    pub fn insert(&self) -> u64 {
        let Some(inserts) = &self.inserts else { return self.keys };
        let offset = inserts.draw();
        if !inserts.await_replies {
            self.show(offset);
        }
        offset
    }

    /// Whether a SET of a key from [`KeySpace::keys`] on was acknowledged; does nothing unless replies are awaited.
    pub fn insert_answered(&self, offset: u64, stored: bool) {
        let Some(inserts) = self.inserts.as_ref().filter(|inserts| inserts.await_replies) else {
            return;
        };
        if stored {
            inserts.stored(offset);
            self.show(offset);
        } else {
            inserts.refused(offset);
        }
    }

    fn show(&self, offset: u64) {
        if let Choice::Scan { order, .. } = &self.choice {
            order.add(offset);
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
    /// Keys of the scan under way that were looked up already.
    ahead: VecDeque<u64>,
}

impl KeyStream {
    /// The offset of the next request's key.
    pub fn next_offset(&mut self, rng: &mut StdRng) -> u64 {
        let Self { space, next, left_in_scan, ahead, .. } = self;
        match &space.choice {
            Choice::Sequential => {
                let offset = *next;
                *next = (offset + self.stride) % space.keys;
                offset
            }
            Choice::Uniform => rng.random_range(0..space.keys),
            Choice::Zipf(zipf) => zipf.draw(rng),
            Choice::Latest { rank } => {
                let there = space.inserts.as_ref().map_or(space.keys, |inserts| inserts.visible());
                there - 1 - rank.draw(rng)
            }
            Choice::Scan { start, max, order } => {
                if *left_in_scan == 0 {
                    *left_in_scan = rng.random_range(1..=*max);
                    *next = start.draw(rng);
                } else if space.inserts.is_none() {
                    *next = order.after(*next);
                } else {
                    if ahead.is_empty() {
                        let count = usize::try_from((*left_in_scan).min(RUN)).unwrap_or(1);
                        order.run_after(*next, count, ahead);
                    }
                    *next = ahead.pop_front().unwrap_or(0);
                }
                *left_in_scan -= 1;
                *next
            }
        }
    }

    /// Whether the next offset begins an operation, rather than going on with a scan.
    #[must_use]
    pub fn begins_operation(&self) -> bool {
        self.left_in_scan == 0
    }

    /// The keys it draws from.
    #[must_use]
    pub fn space(&self) -> &KeySpace {
        &self.space
    }
}

#[cfg(test)]
mod tests {
    use super::zipf::zeta;
    use super::{KeySpace, Zipf};
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
    fn the_part_below_a_rank_is_what_is_drawn() {
        for (keys, theta) in [(1_000, 0.99), (1_000, 0.5), (1_000, 0.0), (3, 0.9), (1, 0.9)] {
            let zipf = Zipf::new(keys, theta);
            let mut rng = StdRng::seed_from_u64(SEED);
            let mut drawn: Vec<u64> = (0..200_000).map(|_| zipf.draw(&mut rng)).collect();
            drawn.sort_unstable();
            for rank in [0, 1, 2, 3, 10, 500, 1_000] {
                let below = drawn.partition_point(|&drawn| drawn < rank) as f64 / 200_000.0;
                let told = zipf.part_below(rank);
                assert!((told - below).abs() < 0.005, "{keys} {theta} {rank}: {told}, {below}");
            }
        }
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

    #[test]
    fn the_latest_are_read_most_and_move_on_with_what_is_inserted() {
        let workload: crate::spec::Workload = "n=1000,d=latest:0.99,i=0.5".parse().unwrap();
        let space = KeySpace::new(&workload.phases[0]).awaiting_replies();
        let mut rng = StdRng::seed_from_u64(SEED);
        let mut stream = space.stream(0, 1);
        let mut newest_of = |draws: u32| {
            let offsets: Vec<u64> = (0..draws).map(|_| stream.next_offset(&mut rng)).collect();
            let newest = offsets.iter().copied().max().unwrap();
            let share = offsets.iter().filter(|&&offset| offset == newest).count();
            assert!(offsets.iter().all(|offset| (newest - 999..=newest).contains(offset)));
            assert!((0.12..0.15).contains(&(share as f64 / f64::from(draws))), "{share}");
            newest
        };
        assert_eq!(newest_of(50_000), 999);
        let inserted: Vec<u64> = (0..50).map(|_| space.insert()).collect();
        assert_eq!(inserted, (1_000..1_050).collect::<Vec<_>>());
        assert_eq!(newest_of(50_000), 999, "none is acknowledged");
        inserted.iter().rev().for_each(|&offset| space.insert_answered(offset, true));
        assert_eq!(newest_of(50_000), 1_049);
    }

    #[test]
    fn scans_come_past_what_was_inserted() {
        let workload: crate::spec::Workload = "n=200,d=scan:0:20,i=0.5".parse().unwrap();
        let space = KeySpace::new(&workload.phases[0]);
        let mut rng = StdRng::seed_from_u64(SEED);
        let mut stream = space.stream(0, 1);
        let inserted: Vec<u64> = (0..100).map(|_| space.insert()).collect();
        assert_eq!(inserted, (200..300).collect::<Vec<_>>());
        let mut counts = vec![0_u32; 300];
        for _ in 0..100_000 {
            counts[usize::try_from(stream.next_offset(&mut rng)).unwrap()] += 1;
        }
        assert!(counts.iter().all(|&count| count > 50), "{counts:?}");
    }
}
