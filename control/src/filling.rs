//! How far a cache is filled, and what it does until it is.
//!
//! A cache that grows is no better than before until it has taken in what it lacked, and it takes in no more than its tenant
//! misses: at 1,000 read units a second and entries of 600 bytes, 2 GiB take an hour. A curve does not know that. It says what
//! a size is worth when it is full.
//!
//! With LRU it says more than that, though. What a cache holds that has not evicted since it grew is what was used last: what
//! was there, and everything since. That is what a full cache of just so many bytes would hold. So a cache that is part full
//! misses as the curve says at *the bytes in use*, not at its size; and from how much it takes in a second follows where on
//! the curve it will be. Its curve for some time ahead is the one it has, flat from there on ([`Filling::ahead`]).
//!
//! Bytes in use mislead where nothing is left to take in, as when all keys fit. So a cache counts as cold only if it also
//! misses more than the curve says at its size.
//!
//! What a tenant is entitled to is what its base share would give it, and a base cache might be cold as well: that of a
//! tenant that has just come. So it is followed how far a cache of the base size would be filled. One that was cut below
//! that and is to grow again is owed what the warm base cache gave; one that always had its base size is owed what it has.

use std::time::Duration;

use hare::MissRatioCurve;

/// From this part of its size on a cache counts as full: Redis evicts before the last byte is used.
const FULL: f64 = 0.97;
/// Memory not in use that does not count.
const SLACK_BYTES: u64 = 1 << 20;
/// Misses above what the curve says at a cache's size that do not make it cold.
const MODEL_ERROR: f64 = 0.01;
/// No measurement makes a curve promise fewer misses than this: one that rests on hardly any would leave a tenant with next
/// to no read units the day that its working set grows.
const LEAST_MISS_RATIO: f64 = 0.02;
/// A window's misses are compared with the curve only if in it the cache took in, and changed by, less than this part of its
/// size: else they are those of many sizes.
const SLOW: f64 = 0.02;
/// Reads before a window's miss ratio means anything.
const TELLING_READS: u64 = 500;

/// How far a tenant's cache is filled.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Filling {
    /// The size of a full cache that misses as this one does.
    pub warm_bytes: u64,
    /// The same had the tenant always had its base cache.
    pub base_warm_bytes: u64,
    /// What it takes in while it is not full, in bytes per second.
    pub bytes_per_s: f64,
    /// Memory that a read takes in that misses, in bytes.
    pub entry_bytes: f64,
    /// What its tenant missed in the last window, and the size of a full cache for which that counts; `None` if it read too
    /// little to tell.
    pub measured: Option<Measured>,
}

/// A miss ratio that was counted, not estimated.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    /// The ratio.
    pub miss_ratio: f64,
    /// The size of a full cache that it is to be compared with.
    pub warm_bytes: u64,
}

/// A cache at the end of a window, and what its tenant read in it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen<'a> {
    /// Its size in force.
    pub(crate) size_bytes: u64,
    /// Memory it uses.
    pub(crate) used_bytes: u64,
    /// The base size.
    pub(crate) base_bytes: u64,
    /// Length of the window.
    pub(crate) window: Duration,
    pub(crate) reads: u64,
    pub(crate) misses: u64,
    /// Mean memory of an entry; NaN if there are none.
    pub(crate) entry_bytes: f64,
    /// Miss ratio over size.
    pub(crate) curve: &'a MissRatioCurve,
}

impl Filling {
    /// How far it is at the end of a window; `before` is how far it was at the end of the one before.
    pub(crate) fn after(before: Option<Self>, seen: &Seen<'_>) -> Self {
        let warm_bytes = seen.warm_bytes();
        let taken_in_bytes = seen.misses as f64 * seen.entry_bytes;
        let bytes_per_s = taken_in_bytes / seen.window.as_secs_f64();
        let base_warm_bytes = if seen.size_bytes >= seen.base_bytes {
            warm_bytes
        } else {
            // One that nothing is known of had its base cache before, and was warm.
            let before = before.map_or(seen.base_bytes, |before| before.base_warm_bytes);
            before.saturating_add(whole_bytes(taken_in_bytes)).max(warm_bytes)
        };
        let miss_ratio = seen.miss_ratio();
        // The window began with the cache of then, and ended with that of now.
        let began = before.map_or(warm_bytes, |before| before.warm_bytes);
        let mean_bytes = warm_bytes.midpoint(began);
        let size_bytes = seen.size_bytes as f64;
        let is_slow = taken_in_bytes < SLOW * size_bytes
            && warm_bytes.abs_diff(began) as f64 <= SLOW * size_bytes;
        let miss_ratio = miss_ratio.filter(|ratio| is_slow && *ratio >= LEAST_MISS_RATIO);
        Self {
            measured: miss_ratio.map(|miss_ratio| Measured { miss_ratio, warm_bytes: mean_bytes }),
            warm_bytes,
            base_warm_bytes: base_warm_bytes.min(seen.base_bytes),
            bytes_per_s: if bytes_per_s.is_finite() { bytes_per_s } else { 0.0 },
            entry_bytes: if seen.entry_bytes.is_finite() { seen.entry_bytes } else { 0.0 },
        }
    }

    /// Up to which size the cache may have grown by then and be full.
    pub(crate) fn reach_bytes(&self, ahead: Duration) -> u64 {
        self.warm_bytes.saturating_add(self.takes_in_bytes(ahead))
    }

    /// The curve at the level that was measured.
    pub(crate) fn levelled(&self, curve: &MissRatioCurve) -> MissRatioCurve {
        let error = |seen: Measured| seen.miss_ratio - curve.miss_ratio_at(seen.warm_bytes);
        self.measured
            .map_or_else(|| curve.clone(), |seen| curve.shifted(error(seen), LEAST_MISS_RATIO))
    }

    /// The curve that holds for some time ahead: flat from where the cache will be filled to.
    pub(crate) fn ahead(&self, curve: &MissRatioCurve, ahead: Duration) -> MissRatioCurve {
        curve.flat_from(self.reach_bytes(ahead))
    }

    /// The miss ratio by then of a base cache that the tenant had always had.
    pub(crate) fn base_miss_ratio(
        &self,
        curve: &MissRatioCurve,
        base_bytes: u64,
        ahead: Duration,
    ) -> f64 {
        let filled = self.base_warm_bytes.saturating_add(self.takes_in_bytes(ahead));
        curve.miss_ratio_at(filled.min(base_bytes))
    }

    /// What it would take in at so many misses a second.
    pub(crate) fn bytes_of(&self, misses_per_s: f64, time: Duration) -> u64 {
        whole_bytes(misses_per_s * self.entry_bytes * time.as_secs_f64())
    }

    fn takes_in_bytes(&self, time: Duration) -> u64 {
        whole_bytes(self.bytes_per_s * time.as_secs_f64())
    }
}

impl Seen<'_> {
    fn warm_bytes(&self) -> u64 {
        let empty_bytes = self.size_bytes.saturating_sub(self.used_bytes);
        let is_full =
            empty_bytes <= SLACK_BYTES || self.used_bytes as f64 >= FULL * self.size_bytes as f64;
        if is_full {
            return self.size_bytes;
        }
        let Some(miss_ratio) = self.miss_ratio() else { return self.used_bytes };
        if miss_ratio <= self.curve.miss_ratio_at(self.size_bytes) + MODEL_ERROR {
            return self.size_bytes;
        }
        let by_misses = self.curve.bytes_for(miss_ratio).unwrap_or(0);
        by_misses.clamp(self.used_bytes, self.size_bytes)
    }

    fn miss_ratio(&self) -> Option<f64> {
        (self.reads >= TELLING_READS).then(|| self.misses as f64 / self.reads as f64)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an amount of memory; the cast saturates, NaN is 0"
)]
fn whole_bytes(amount: f64) -> u64 {
    amount as u64
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hare::MissRatioCurve;

    use super::{Filling, Seen};

    const MIB: u64 = 1 << 20;

    fn curve() -> MissRatioCurve {
        MissRatioCurve::new(vec![100 * MIB, 200 * MIB], vec![0.6, 0.2]).unwrap()
    }

    fn seen(curve: &MissRatioCurve, size_mib: u64, used_mib: u64, misses: u64) -> Seen<'_> {
        Seen {
            size_bytes: size_mib * MIB,
            used_bytes: used_mib * MIB,
            base_bytes: 150 * MIB,
            window: Duration::from_secs(20),
            reads: 1000,
            misses,
            entry_bytes: 1000.0,
            curve,
        }
    }

    #[test]
    fn a_cache_is_as_warm_as_it_is_full_or_as_its_misses_say() {
        let curve = curve();
        let warm_mib = |size, used, misses| {
            Filling::after(None, &seen(&curve, size, used, misses)).warm_bytes / MIB
        };
        assert_eq!(warm_mib(150, 149, 900), 150, "it is full, and the curve is wrong");
        assert_eq!(warm_mib(150, 50, 400), 150, "it misses no more than a full one");
        assert_eq!(warm_mib(150, 50, 600), 100, "it misses as one of 100 MiB");
        assert_eq!(warm_mib(150, 110, 700), 110, "it misses for what it lacked a while ago");
    }

    #[test]
    fn who_was_cut_is_owed_the_base_cache_that_it_had() {
        let curve = curve();
        let warm = Filling::after(None, &seen(&curve, 150, 149, 400));
        assert_eq!(warm.base_warm_bytes, 150 * MIB);
        let cut = Filling::after(Some(warm), &seen(&curve, 80, 80, 700));
        assert_eq!((cut.warm_bytes, cut.base_warm_bytes), (80 * MIB, 150 * MIB));
        let cold = Filling::after(None, &seen(&curve, 150, 40, 900));
        assert_eq!(
            cold.base_warm_bytes,
            40 * MIB,
            "it has its base cache, and nobody owes it more"
        );
        let cut = Filling::after(Some(cold), &seen(&curve, 60, 50, 900));
        assert!(cut.base_warm_bytes > 40 * MIB && cut.base_warm_bytes < 55 * MIB, "{cut:?}");
    }

    #[test]
    fn a_curve_ahead_is_flat_from_what_is_filled_by_then() {
        let curve = curve();
        let filling = Filling::after(None, &seen(&curve, 200, 100, 650));
        let ahead = Duration::from_secs(600);
        assert!(filling.ahead(&curve, Duration::ZERO).miss_ratio_at(200 * MIB) > 0.599);
        let later = filling.ahead(&curve, ahead);
        let reached = later.miss_ratio_at(200 * MIB);
        assert!(reached < 0.6 && reached > 0.5, "650 entries in 20 s, for ten minutes: {reached}");
        assert!((later.miss_ratio_at(50 * MIB) - curve.miss_ratio_at(50 * MIB)).abs() < 1e-9);
    }
}
