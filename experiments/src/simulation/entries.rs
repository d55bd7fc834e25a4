//! What entries take in Redis, key by key or alike.

use hare::footprint::size_class_bytes;

/// The sizes in which the allocator of a Redis hands out memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Jemalloc {
    /// As it comes with Redis: multiples of 8 bytes up to 64, which is what `hare` models.
    Redis,
    /// As distributions build it: of the sizes up to 64, multiples of 16 and 8 itself. An entry of a short key takes 16 bytes
    /// more: 8 for its place in the table, 8 for its key.
    #[default]
    Distribution,
}

impl Jemalloc {
    /// Bytes of an entry.
    pub(super) fn entry_bytes(self, key_bytes: u32, value_bytes: u32) -> u32 {
        let (key, value) = (u64::from(key_bytes), u64::from(value_bytes));
        let bytes = hare::entry_footprint_bytes(key, value);
        let bytes = match self {
            Self::Redis => bytes,
            Self::Distribution => bytes + 8 + wider(block(key)) + wider(value_block(value)),
        };
        u32::try_from(bytes).unwrap_or(u32::MAX)
    }
}

/// The block of a string of so many bytes.
fn block(bytes: u64) -> u64 {
    let header = match bytes {
        0..32 => 1,
        32..256 => 3,
        _ => 5,
    };
    size_class_bytes(bytes + header + 1)
}

/// The block that a value is in: with its object if it is short.
fn value_block(bytes: u64) -> u64 {
    if bytes <= 44 { size_class_bytes(bytes + 20) } else { block(bytes) }
}

/// What a block of one of Redis's own sizes is smaller than that of a distribution's.
fn wider(block: u64) -> u64 {
    if (9..=64).contains(&block) { block.next_multiple_of(16) - block } else { 0 }
}

/// Bytes of entries.
#[derive(Debug, Clone)]
pub(super) enum EntryBytes {
    /// Each entry from a key on to the next one given; the first is 0.
    Ranges(Vec<(u32, u32)>),
    /// Every key has its own.
    PerKey(Vec<u32>),
}

impl EntryBytes {
    /// Bytes of an entry.
    pub(super) fn of(&self, key: u32) -> u32 {
        match self {
            Self::Ranges(ranges) if ranges.len() == 1 => ranges[0].1,
            Self::Ranges(ranges) => {
                let after = ranges.partition_point(|&(first, _)| first <= key);
                ranges[after.saturating_sub(1)].1
            }
            Self::PerKey(bytes) => bytes[key as usize],
        }
    }

    /// Notes the size of an entry, where each has its own, and returns what is noted.
    pub(super) fn set(&mut self, key: u32, entry_bytes: impl FnOnce() -> u32) -> u32 {
        if let Self::PerKey(bytes) = self {
            bytes[key as usize] = entry_bytes();
        }
        self.of(key)
    }
}

#[cfg(test)]
mod tests {
    use super::Jemalloc;

    #[test]
    fn entries_take_what_redis_was_seen_to_use() {
        // Debian's Redis 7.0.15: 220,697 entries of 16 + 500 bytes in 134,173,024 bytes, 1.0 MB without any; its table has
        // 2^18 places of 8 bytes.
        let seen = (134_173_024 - 1_000_000) as f64 / 220_697.0;
        let modelled = f64::from(Jemalloc::Distribution.entry_bytes(16, 500));
        assert!((modelled / seen - 1.0).abs() < 0.005, "{modelled}, seen {seen}");
        assert_eq!(Jemalloc::Redis.entry_bytes(16, 500), 586);
        assert_eq!(Jemalloc::Distribution.entry_bytes(16, 10), 32 + 32 + 32 + 10);
    }
}
