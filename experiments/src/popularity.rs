//! How often each key of a phase is asked for, and the state in which an LRU cache is after a long time of that.
//!
//! Requests of a phase are independent but for the keys of one scan. Then the time since a key was last used is exponential
//! with its rate, and LRU holds the keys used within its *characteristic time* (Che, Tung and Wang, 2002; Fricker et al.,
//! 2012). So a warm cache need not be waited for: its content is drawn, key by key.

use std::sync::{Arc, OnceLock};

use hopperkv_bench::keys::KeySpace;
use hopperkv_bench::spec::{Distribution, Phase};
use rand::rngs::{SmallRng, StdRng};
use rand::{RngExt, SeedableRng};

/// Ranks of a zipfian distribution beyond this many are as popular as their neighbours, in blocks of one in so many.
const BLOCK: u64 = 1024;
/// Sets the seeds of what is drawn here apart from those of requests.
const OF_WARM_CACHES: u64 = 0x9E37_79B9_7F4A_7C15;
/// Requests of scans that are drawn at the most, in keys.
const MOST_TURNS: f64 = 8.0;
/// Bits of a popularity that make its class, for sums over all keys: its exponent and sixteen classes to an octave.
const CLASS_BITS: u32 = 12 + 4;

/// How often each key is asked for.
#[derive(Debug)]
pub(crate) struct Popularity {
    keys: u32,
    shape: Shape,
    /// Part of the requests that a key of the class gets, and how many such keys there are.
    classes: Vec<(f64, f64)>,
}

#[derive(Debug)]
enum Shape {
    /// Runs of keys that are alike: how many, and the part of the requests that each gets.
    Runs(Vec<(u32, f64)>),
    /// One for each key.
    Each(Vec<f32>),
    /// In turns.
    Sequential,
}

/// What every client of a phase shares, and what is known of its keys.
#[derive(Debug)]
pub(crate) struct Keys {
    /// What requests are drawn from.
    pub(crate) space: KeySpace,
    phase: Phase,
    popularity: OnceLock<Popularity>,
}

/// The keys of every phase that was met, so that tenants alike share them.
#[derive(Debug, Default)]
pub(crate) struct KeyShelf {
    known: Vec<Arc<Keys>>,
}

impl KeyShelf {
    /// The keys of a phase.
    pub(crate) fn keys(&mut self, phase: &Phase) -> Arc<Keys> {
        if phase.insert_ratio > 0.0 {
            // New keys are the tenant's own.
            return Arc::new(Keys::of(phase));
        }
        let mut as_many = self.known.iter().filter(|known| known.phase.keys == phase.keys);
        if let Some(keys) =
            as_many.clone().find(|keys| keys.phase.distribution == phase.distribution)
        {
            return Arc::clone(keys);
        }
        let scans =
            |keys: &&Arc<Keys>| matches!(keys.phase.distribution, Distribution::Scan { .. });
        let space = match as_many.find(scans) {
            Some(like) => like.space.of_phase_like(phase),
            None => KeySpace::new(phase),
        };
        let keys = Arc::new(Keys::new(phase, space));
        self.known.push(Arc::clone(&keys));
        keys
    }
}

impl Keys {
    /// Those of a phase on its own.
    pub(crate) fn of(phase: &Phase) -> Self {
        Self::new(phase, KeySpace::new(phase))
    }

    fn new(phase: &Phase, space: KeySpace) -> Self {
        Self { space, phase: phase.clone(), popularity: OnceLock::new() }
    }

    /// How often each is asked for.
    pub(crate) fn popularity(&self) -> &Popularity {
        self.popularity.get_or_init(|| Popularity::new(&self.phase, &self.space))
    }

    /// Draws a warm cache: for every key that was used in the last `requests`, or is `wanted` anyway, how many requests ago
    /// it was used, and whether it is held.
    ///
    /// The keys of a scan are used together, and a cache holds all of it or nothing. So scans are drawn as such, back to
    /// [`MOST_TURNS`]; what is older is drawn key by key.
    ///
    /// For the same seed, which is that of the requests to follow, the keys used last are the same whatever is asked for besides.
    pub(crate) fn draw(
        &self,
        requests: f64,
        seed: u64,
        wanted: impl Fn(u32) -> bool,
        mut take: impl FnMut(u32, f64, bool),
    ) {
        let random = &mut SmallRng::seed_from_u64(seed ^ OF_WARM_CACHES);
        let popularity = self.popularity();
        let Shape::Each(parts) = &popularity.shape else {
            return popularity.draw(requests, random, wanted, take);
        };
        let reach = requests.min(MOST_TURNS * parts.len() as f64);
        let mut seen = vec![false; parts.len()];
        let mut stream = self.space.stream(0, 1);
        let mut of_scans = StdRng::seed_from_u64(random.random());
        let mut ago = 1.0;
        while ago <= reach {
            let key = stream.next_offset(&mut of_scans);
            let place = usize::try_from(key).ok().and_then(|key| seen.get_mut(key));
            if let Some(seen) = place.filter(|seen| !**seen) {
                *seen = true;
                take(u32::try_from(key).unwrap_or(u32::MAX), ago, true);
            }
            ago += 1.0;
        }
        for ((key, &part), _) in (0..).zip(parts).zip(seen).filter(|(_, seen)| !*seen) {
            let ago = reach - (1.0 - random.random::<f64>()).ln() / f64::from(part);
            let held = ago <= requests;
            if held || wanted(key) {
                take(key, ago, held);
            }
        }
    }
}

impl Popularity {
    fn new(phase: &Phase, space: &KeySpace) -> Self {
        let keys = u32::try_from(phase.keys).unwrap_or(u32::MAX);
        let part = 1.0 / f64::from(keys);
        let shape = match phase.distribution {
            Distribution::Sequential => Shape::Sequential,
            Distribution::Uniform => Shape::Runs(vec![(keys, part)]),
            Distribution::Zipf { .. } => {
                Shape::Runs(runs(phase.keys, |rank| space.part_below(rank)))
            }
            Distribution::Latest { .. } => {
                let keys = phase.keys;
                let mut runs = runs(keys, |rank| 1.0 - space.part_below(keys - rank.min(keys)));
                runs.reverse();
                Shape::Runs(runs)
            }
            Distribution::Scan { max, .. } => Shape::Each(scanned(space, keys, max)),
        };
        let classes = match &shape {
            Shape::Runs(runs) => {
                classes(runs.iter().map(|&(count, part)| (part, f64::from(count))))
            }
            Shape::Each(parts) => classes(parts.iter().map(|&part| (f64::from(part), 1.0))),
            Shape::Sequential => vec![(part, f64::from(keys))],
        };
        Self { keys, shape, classes }
    }

    /// Keys that a cache holds which keeps those used in the last `requests`.
    pub(crate) fn held(&self, requests: f64) -> f64 {
        if matches!(self.shape, Shape::Sequential) {
            return requests.min(f64::from(self.keys));
        }
        self.classes.iter().map(|&(part, count)| count * -(-part * requests).exp_m1()).sum()
    }

    /// Part of the requests that miss such a cache.
    pub(crate) fn miss_ratio(&self, requests: f64) -> f64 {
        if matches!(self.shape, Shape::Sequential) {
            return if requests < f64::from(self.keys) { 1.0 } else { 0.0 };
        }
        self.classes.iter().map(|&(part, count)| count * part * (-part * requests).exp()).sum()
    }

    /// Number of keys.
    pub(crate) fn keys(&self) -> u32 {
        self.keys
    }

    /// [`Keys::draw`] for keys that have nothing to do with each other.
    fn draw(
        &self,
        requests: f64,
        random: &mut SmallRng,
        wanted: impl Fn(u32) -> bool,
        mut take: impl FnMut(u32, f64, bool),
    ) {
        let mut one = |key: u32, part: f64, untouched: f64, random: &mut SmallRng| {
            // Above 0, so that the logarithm is finite.
            let chance = 1.0 - random.random::<f64>();
            let held = chance > untouched;
            if held || wanted(key) {
                take(key, -chance.ln() / part, held);
            }
        };
        match &self.shape {
            Shape::Runs(runs) => {
                let mut key = 0;
                for &(count, part) in runs {
                    let untouched = (-part * requests).exp();
                    for _ in 0..count {
                        one(key, part, untouched, random);
                        key += 1;
                    }
                }
            }
            Shape::Each(parts) => {
                for (key, &part) in (0..).zip(parts) {
                    let part = f64::from(part);
                    one(key, part, (-part * requests).exp(), random);
                }
            }
            Shape::Sequential => {
                for key in 0..self.keys {
                    let ago = f64::from(self.keys - key);
                    take(key, ago, ago <= requests);
                }
            }
        }
    }
}

/// Runs of ranks that are nearly alike, from the part of requests below each rank.
fn runs(keys: u64, below: impl Fn(u64) -> f64) -> Vec<(u32, f64)> {
    let mut runs = Vec::new();
    let (mut rank, mut reached) = (0, 0.0);
    while rank < keys {
        let next = (rank + 1 + rank / BLOCK).min(keys);
        let upto = below(next);
        let count = u32::try_from(next - rank).unwrap_or(u32::MAX);
        // The formula may leave a rank out; a key that is never asked for would have been used at no time at all.
        runs.push((count, ((upto - reached) / f64::from(count)).max(f64::MIN_POSITIVE)));
        (rank, reached) = (next, upto);
    }
    runs
}

/// Parts of the requests of scans of 1 to `max` keys in hash order: a key is in a scan that began `d` keys before it if that
/// is longer than `d`.
fn scanned(space: &KeySpace, keys: u32, max: u64) -> Vec<f32> {
    let order = space.hash_order();
    let max = usize::try_from(max).unwrap_or(usize::MAX).min(order.len().max(1));
    let start = |place: usize| {
        let offset = u64::from(order[place % order.len()]);
        space.part_below(offset + 1) - space.part_below(offset)
    };
    let mut parts = vec![0.0_f32; keys as usize];
    if order.is_empty() {
        return parts;
    }
    // Backwards from the end, round the corner: scans go on with the first key.
    let before = order.len() - (max - 1).min(order.len());
    let mut starts = std::collections::VecDeque::with_capacity(max + 1);
    let (mut sum, mut weighted) = (0.0_f64, 0.0_f64);
    let per_scan = (max as f64 + 1.0) / 2.0;
    for place in before..before + order.len() + max - 1 {
        let part = start(place);
        weighted += part - sum / max as f64;
        starts.push_back(part);
        sum += part;
        if starts.len() > max {
            // Its weight has come down to nothing by now.
            sum -= starts.pop_front().unwrap_or(0.0);
        }
        if place >= order.len() {
            let key = order[place % order.len()];
            #[expect(clippy::cast_possible_truncation, reason = "a probability; seven digits do")]
            let part = (weighted / per_scan).max(f64::from(f32::MIN_POSITIVE)) as f32;
            parts[key as usize] = part;
        }
    }
    parts
}

/// Keys by popularity, from the part of the requests that keys get and how many such keys there are.
fn classes(keys: impl Iterator<Item = (f64, f64)>) -> Vec<(f64, f64)> {
    let mut classes = vec![(0.0, 0.0); 1 << CLASS_BITS];
    for (part, count) in keys {
        let (sum, all) = &mut classes[(part.to_bits() >> (u64::BITS - CLASS_BITS)) as usize];
        *sum += part * count;
        *all += count;
    }
    let met = classes.into_iter().filter(|(_, count)| *count > 0.0);
    met.map(|(sum, count): (f64, f64)| (sum / count, count)).collect()
}
