//! What an entry costs in a Redis process, and how far the model is off for a given one.
//!
//! The ghost cache works in modelled entry bytes; quotas are `maxmemory`. The model follows the
//! allocation pattern of Redis 7.0 and 7.2 (dictionary entry, key string, value object) rounded to
//! jemalloc's size classes. A [`Calibration`] measured on the live process then scales the axis, so
//! another Redis version or allocator only changes two numbers.

use serde::{Deserialize, Serialize};

use crate::curve::MissRatioCurve;
use crate::units::whole_number;

/// A `dictEntry`: key, value and next pointers.
const DICT_ENTRY_BYTES: u64 = 24;
/// A `redisObject` header.
const OBJECT_BYTES: u64 = 16;
/// Longest string Redis stores inside the object's own block.
const EMBEDDED_VALUE_BYTES: u64 = 44;
/// An entry's part of the hash table's bucket array.
const TABLE_SHARE_BYTES: u64 = 10;
/// Fixed allowance for what Redis's report does not itemise. Redis 7.0 has 88 KB of it, with 5,000
/// entries as with 80,000 (docs/curves.md). With 1 MiB, the paper's allowance, the entries of a cache
/// of 4 MiB look a quarter smaller than they are, and predictions for other sizes are off by up to 0.03.
const UNREPORTED_BYTES: u64 = 96 << 10;
/// What Redis uses before it holds an entry, where it has not been measured.
const TYPICAL_FIXED_BYTES: u64 = 1 << 20;
/// Below this many keys the fixed overhead drowns the per-key figure.
const MIN_CALIBRATION_KEYS: u64 = 1000;
/// A scale outside these bounds is a measuring error, not an allocator.
const SCALE_BOUNDS: (f64, f64) = (0.25, 4.0);

/// Modelled bytes of one string entry in Redis.
///
/// ```
/// // dict entry + key string (1 + 16 + 1) + object + value string (5 + 500 + 1) + table share
/// assert_eq!(hare::entry_footprint_bytes(16, 500), 24 + 24 + 16 + 512 + 10);
/// ```
#[must_use]
pub fn entry_footprint_bytes(key_bytes: u64, value_bytes: u64) -> u64 {
    let key = size_class_bytes(key_bytes + string_header_bytes(key_bytes) + 1);
    let value = if value_bytes <= EMBEDDED_VALUE_BYTES {
        size_class_bytes(OBJECT_BYTES + 3 + value_bytes + 1)
    } else {
        size_class_bytes(OBJECT_BYTES)
            + size_class_bytes(value_bytes + string_header_bytes(value_bytes) + 1)
    };
    size_class_bytes(DICT_ENTRY_BYTES) + key + value + TABLE_SHARE_BYTES
}

/// Rounds a request up to jemalloc's size class: multiples of 8 up to 64 bytes, then four classes
/// per doubling.
///
/// ```
/// use hare::footprint::size_class_bytes;
/// assert_eq!([1, 64, 65, 129, 257].map(size_class_bytes), [8, 64, 80, 160, 320]);
/// ```
#[must_use]
pub fn size_class_bytes(bytes: u64) -> u64 {
    let spacing = if bytes <= 64 { 8 } else { bytes.next_power_of_two() / 8 };
    bytes.max(1).next_multiple_of(spacing)
}

/// Header of a Redis string.
fn string_header_bytes(bytes: u64) -> u64 {
    match bytes {
        0..32 => 1,
        32..256 => 3,
        256..65_536 => 5,
        _ => 9,
    }
}

/// The figures of `MEMORY STATS` and `DBSIZE` that calibration needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RedisMemory {
    /// `total.allocated`
    pub total_allocated_bytes: u64,
    /// `startup.allocated`
    pub startup_allocated_bytes: u64,
    /// `clients.normal`
    pub clients_normal_bytes: u64,
    /// `functions.caches`; zero before Redis 7
    pub functions_caches_bytes: u64,
    /// Keys held.
    pub keys: u64,
}

/// The step from modelled entry bytes to `maxmemory` bytes of one Redis process.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// Measured bytes per key over the modelled mean entry.
    pub scale: f64,
    /// Bytes Redis uses before it holds a single entry.
    pub fixed_bytes: u64,
}

impl Default for Calibration {
    fn default() -> Self {
        Self { scale: 1.0, fixed_bytes: TYPICAL_FIXED_BYTES }
    }
}

impl Calibration {
    /// Compares a live process with the model. `mean_entry_bytes` is the mean modelled entry of the
    /// same traffic ([`crate::GhostCache::mean_entry_bytes`]). With too few keys to tell, the scale
    /// stays 1.
    #[must_use]
    pub fn measure(memory: &RedisMemory, mean_entry_bytes: f64) -> Self {
        let fixed_bytes = memory
            .startup_allocated_bytes
            .saturating_add(memory.clients_normal_bytes)
            .saturating_add(memory.functions_caches_bytes)
            .saturating_add(UNREPORTED_BYTES);
        let entries_bytes = memory.total_allocated_bytes.saturating_sub(fixed_bytes);
        let scale = entries_bytes as f64 / memory.keys.max(1) as f64 / mean_entry_bytes;
        if memory.keys < MIN_CALIBRATION_KEYS || entries_bytes == 0 || !scale.is_finite() {
            return Self { scale: 1.0, fixed_bytes };
        }
        Self { scale: scale.clamp(SCALE_BOUNDS.0, SCALE_BOUNDS.1), fixed_bytes }
    }

    /// The `maxmemory` at which Redis holds `modelled_bytes` of entries.
    #[must_use]
    pub fn maxmemory_bytes(&self, modelled_bytes: u64) -> u64 {
        whole_number(modelled_bytes as f64 * self.scale).saturating_add(self.fixed_bytes)
    }

    /// Stretches a curve over modelled bytes to one over `maxmemory`. Below the fixed bytes nothing
    /// is cached, so the curve starts there at a miss ratio of 1.
    #[must_use]
    pub fn apply(&self, curve: &MissRatioCurve) -> MissRatioCurve {
        let start = (self.fixed_bytes > 0).then_some((self.fixed_bytes, 1.0));
        let points = curve.points().map(|(bytes, ratio)| (self.maxmemory_bytes(bytes), ratio));
        MissRatioCurve::from_monotone_points(start.into_iter().chain(points))
    }
}

#[cfg(test)]
mod tests {
    use super::{Calibration, RedisMemory, entry_footprint_bytes, size_class_bytes};
    use crate::curve::MissRatioCurve;

    #[test]
    fn classes_cover_the_request_and_waste_at_most_a_quarter() {
        for bytes in 1..100_000 {
            let class = size_class_bytes(bytes);
            assert!(class >= bytes && class <= bytes + 8.max(bytes / 4), "{bytes} -> {class}");
            assert_eq!(size_class_bytes(class), class, "{bytes} is not stable");
        }
    }

    #[test]
    fn short_values_share_the_object_block() {
        assert_eq!(entry_footprint_bytes(16, 44), 24 + 24 + 64 + 10);
        assert_eq!(entry_footprint_bytes(16, 45), 24 + 24 + 16 + 56 + 10);
    }

    #[test]
    fn calibration_scales_and_shifts() {
        let memory = RedisMemory {
            total_allocated_bytes: (12 << 20) + (96 << 10),
            startup_allocated_bytes: 1 << 20,
            clients_normal_bytes: 1 << 20,
            functions_caches_bytes: 0,
            keys: 10_240,
        };
        let calibration = Calibration::measure(&memory, 512.0);
        assert_eq!(calibration.fixed_bytes, (2 << 20) + (96 << 10));
        assert!((calibration.scale - 2.0).abs() < 1e-12);

        let curve = MissRatioCurve::new(vec![1 << 20], vec![0.25]).unwrap();
        let real = calibration.apply(&curve);
        let fixed = calibration.fixed_bytes;
        assert!((real.miss_ratio_at(fixed + (2 << 20)) - 0.25).abs() < 1e-12);
        assert!((real.miss_ratio_at(fixed) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn an_empty_redis_keeps_the_model() {
        let calibration = Calibration::measure(&RedisMemory::default(), f64::NAN);
        assert!((calibration.scale - 1.0).abs() < 1e-12);
    }
}
