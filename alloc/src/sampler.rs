//! Which keys the ghost cache watches: the part of the key space whose hashes lie low enough.
//!
//! The test is one compare on a `Copy` value, so the request path can make it without a lock and skip
//! the ghost cache for all other keys. The ghost cache moves the limit ([`crate::ghost`]); a sampler
//! with a lower limit watches a subset of the keys of one with a higher limit, which is what lets the
//! rate change without starting over (SHARDS: Waldspurger et al., FAST '15).

/// 2^64, the number of key hashes.
const ALL_HASHES: f64 = 18_446_744_073_709_551_616.0;

/// Selects the keys whose hash does not exceed a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sampler {
    limit: u64,
}

impl Sampler {
    /// Watches every key.
    pub const ALL: Self = Self { limit: u64::MAX };

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
        Self { limit: if n < 2 { u64::MAX } else { u64::MAX / n as u64 } }
    }

    /// Watches the keys whose hash is at most `limit`: the inverse of [`Self::limit`].
    #[must_use]
    #[inline]
    pub const fn up_to(limit: u64) -> Self {
        Self { limit }
    }

    /// The largest hash watched; one integer, fit for an atomic.
    #[must_use]
    #[inline]
    pub const fn limit(self) -> u64 {
        self.limit
    }

    /// Whether a key is watched. `key_hash` must be well mixed.
    #[inline]
    #[must_use]
    pub const fn is_sampled(self, key_hash: u64) -> bool {
        key_hash <= self.limit
    }

    /// The fraction of keys watched, above 0 and at most 1.
    #[must_use]
    pub fn rate(self) -> f64 {
        (self.limit as f64 + 1.0) / ALL_HASHES
    }

    /// The sampler that watches about `numerator / denominator` of the keys that this one watches.
    pub(crate) fn scaled(self, numerator: u64, denominator: u64) -> Self {
        let limit = u128::from(self.limit) * u128::from(numerator) / u128::from(denominator.max(1));
        Self { limit: u64::try_from(limit).unwrap_or(u64::MAX) }
    }
}

impl Default for Sampler {
    fn default() -> Self {
        Self::ALL
    }
}

#[cfg(test)]
mod tests {
    use super::Sampler;

    #[test]
    fn scaling_stays_within_bounds() {
        let all = Sampler::ALL;
        assert_eq!(all.scaled(2, 1), all);
        assert!((all.scaled(15, 16).rate() - 15.0 / 16.0).abs() < 1e-12);
        assert_eq!(Sampler::up_to(7).scaled(1, 16).limit(), 0);
        assert!(Sampler::up_to(0).is_sampled(0) && Sampler::up_to(0).rate() > 0.0);
    }
}
