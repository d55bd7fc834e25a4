//! Which keys a tenant asks for.

use rand::RngExt as _;
use rand::rngs::StdRng;

/// A pattern of keys.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Pattern {
    /// Each of so many keys alike.
    Uniform { keys: u32 },
    /// So many keys by Zipf's law, the first the hottest.
    Zipf { keys: u32, theta: f64 },
    /// So many keys one after the other, over and over: a cliff, for LRU hits all of it or nothing.
    Loop { keys: u32 },
}

/// Requests of one tenant.
#[derive(Debug)]
pub(super) struct Stream {
    pattern: Pattern,
    /// Running sum of Zipf weights; empty for other patterns.
    cumulated: Vec<f64>,
    position: u32,
    write_ratio: f64,
    random: StdRng,
}

/// One request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Request {
    pub(super) key_hash: u64,
    pub(super) is_write: bool,
}

impl Stream {
    pub(super) fn new(pattern: Pattern, write_ratio: f64, random: StdRng) -> Self {
        let cumulated = cumulated(pattern);
        Self { pattern, cumulated, position: 0, write_ratio, random }
    }

    /// Asks for other keys from now on.
    pub(super) fn set_pattern(&mut self, pattern: Pattern) {
        self.cumulated = cumulated(pattern);
        (self.pattern, self.position) = (pattern, 0);
    }

    /// The same pattern and the same present keys, drawn anew.
    pub(super) fn again(&self, random: StdRng) -> Self {
        let cumulated = self.cumulated.clone();
        Self {
            pattern: self.pattern,
            cumulated,
            position: 0,
            write_ratio: self.write_ratio,
            random,
        }
    }

    pub(super) fn next(&mut self) -> Request {
        let key = match self.pattern {
            Pattern::Uniform { keys } => self.random.random_range(0..keys),
            Pattern::Zipf { .. } => {
                let most = self.cumulated.last().copied().unwrap_or(0.0);
                let at = self.random.random_range(0.0..most);
                u32::try_from(self.cumulated.partition_point(|&sum| sum <= at)).unwrap()
            }
            Pattern::Loop { keys } => {
                self.position = (self.position + 1) % keys;
                self.position
            }
        };
        let is_write = self.random.random_range(0.0..1.0) < self.write_ratio;
        Request { key_hash: mixed(u64::from(key)), is_write }
    }
}

fn cumulated(pattern: Pattern) -> Vec<f64> {
    let Pattern::Zipf { keys, theta } = pattern else { return Vec::new() };
    let mut sum = 0.0;
    let weights = (1..=keys).map(|rank| {
        sum += f64::from(rank).powf(-theta);
        sum
    });
    weights.collect()
}

/// Bits as well mixed as those of a key hash (the finaliser of `SplitMix64`).
fn mixed(key: u64) -> u64 {
    let mut bits = key.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}
