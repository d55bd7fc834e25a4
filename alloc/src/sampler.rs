//! Which keys the ghost cache watches: a fixed part of the key space, chosen by hash.
//!
//! The test is a shift and a compare on a `Copy` value, so the request path can make it without a
//! lock and skip the ghost cache for all other keys.

/// Hash bits that decide; the top ones, because hash tables and shards tend to use the low ones.
const BITS: u32 = 24;

/// Selects a fixed fraction of all key hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sampler {
    threshold: u64,
}

impl Sampler {
    /// Watches one key in `n`; 0 and 1 watch every key.
    ///
    /// ```
    /// use hare::Sampler;
    /// let sampler = Sampler::one_in(32);
    /// assert!(sampler.is_sampled(0) && !sampler.is_sampled(u64::MAX));
    /// assert_eq!(sampler.rate(), 1.0 / 32.0);
    /// ```
    #[must_use]
    pub const fn one_in(n: u32) -> Self {
        let all = 1_u64 << BITS;
        let threshold = if n == 0 { all } else { all / n as u64 };
        Self { threshold: if threshold == 0 { 1 } else { threshold } }
    }

    /// Whether a key is watched. `key_hash` must be well mixed in its top bits.
    #[inline]
    #[must_use]
    pub const fn is_sampled(self, key_hash: u64) -> bool {
        (key_hash >> (64 - BITS)) < self.threshold
    }

    /// The fraction of keys watched.
    #[must_use]
    pub fn rate(self) -> f64 {
        self.threshold as f64 / (1_u64 << BITS) as f64
    }
}

impl Default for Sampler {
    fn default() -> Self {
        Self::one_in(32)
    }
}
