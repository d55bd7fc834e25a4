//! The near copies of one worker: found by the hash of their key, each with its reply as it leaves.
//!
//! `quick_cache` holds them within a number of bytes and decides what to drop (CLOCK-Pro: a copy that was used since it
//! came outlives one that was not). Key and reply lie in one allocation, so a hit is one probe, one compare of the key,
//! and the copy into the client's output.

use std::cell::Cell;
use std::hash::{BuildHasher, Hasher};

use bytes::Bytes;
use quick_cache::unsync::{Cache, DefaultLifecycle};
use quick_cache::{OptionsBuilder, Weighter};

use super::stamps::Stamp;

/// What a copy takes besides its key and its reply: its place in the cache's slab and table, which double as they grow,
/// and the allocator's rounding. A test compares it with what the cache says of itself.
pub(super) const ENTRY_BYTES: u64 = 272;
/// A copy that is used goes to Redis once in this many times, so that Redis, which sees nothing else of its reads, does
/// not take its hottest keys for cold.
const REFRESH: u32 = 64;

/// A `GET`'s reply, ready to be sent.
#[derive(Debug)]
pub(crate) struct Copy {
    stamp: Stamp,
    /// Epoch ms from which on Redis is asked again.
    until_ms: u64,
    key_len: u32,
    value_len: u32,
    milli_read_units: u32,
    uses: Cell<u32>,
    /// The key, then the reply. Shared with those who send it later.
    bytes: Bytes,
}

/// What is to be copied.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    /// The stamp from before the value was asked for.
    pub(super) stamp: Stamp,
    /// Bytes of the value.
    pub(super) value_len: u32,
    /// What a read of it from storage costs, in thousandths.
    pub(super) milli_read_units: u32,
    /// Bytes of the key.
    pub(super) key_len: u32,
    /// The key, then the reply.
    pub(super) bytes: Box<[u8]>,
}

/// What a look found.
#[derive(Debug)]
pub(super) enum Look<'a> {
    /// The copy may be served.
    Good(&'a Copy),
    /// It may, but Redis is to be asked this time.
    Refresh,
    /// There is one, which is not good any more.
    Stale,
    /// There is none.
    Nothing,
}

/// The copies.
#[derive(Debug)]
pub(super) struct Copies {
    cache: Cache<u64, Copy, Weight, OfHash>,
}

impl Copy {
    /// The encoded reply.
    #[inline]
    pub(crate) fn reply(&self) -> &[u8] {
        self.bytes.get(self.key_len as usize..).unwrap_or_default()
    }

    /// The encoded reply, to be kept for a while.
    pub(crate) fn to_reply(&self) -> Bytes {
        self.bytes.slice(self.key_len as usize..)
    }

    /// Bytes of the value.
    #[inline]
    pub(crate) fn value_len(&self) -> usize {
        self.value_len as usize
    }

    /// What a read of it from storage costs, in thousandths.
    #[inline]
    pub(crate) fn milli_read_units(&self) -> u64 {
        self.milli_read_units.into()
    }

    fn key(&self) -> &[u8] {
        self.bytes.get(..self.key_len as usize).unwrap_or_default()
    }
}

impl Draft {
    pub(super) fn weight(&self) -> u64 {
        self.bytes.len() as u64 + ENTRY_BYTES
    }
}

impl Copies {
    /// Room for `bytes`, all counted.
    pub(super) fn new(bytes: u64) -> Self {
        let typical = usize::try_from(bytes / super::TYPICAL_BYTES).unwrap_or(usize::MAX);
        let options = OptionsBuilder::new()
            .estimated_items_capacity(typical)
            .weight_capacity(bytes)
            // What was dropped and comes back has been counted by the sketch.
            .ghost_allocation(0.0)
            .build()
            .unwrap_or_else(|_| unreachable!("both capacities are given"));
        Self { cache: Cache::with_options(options, Weight, OfHash, DefaultLifecycle::default()) }
    }

    /// Looks for a key.
    #[inline]
    pub(super) fn look(&self, key: &[u8], hash: u64, now: Stamp, now_ms: fn() -> u64) -> Look<'_> {
        let Some(copy) = self.cache.get(&hash) else { return Look::Nothing };
        if copy.key() != key {
            return Look::Nothing;
        }
        if copy.stamp != now || (copy.until_ms != u64::MAX && now_ms() >= copy.until_ms) {
            return Look::Stale;
        }
        let uses = copy.uses.get() + 1;
        if uses == REFRESH {
            copy.uses.set(0);
            return Look::Refresh;
        }
        copy.uses.set(uses);
        Look::Good(copy)
    }

    /// Puts a copy, which may put others out.
    pub(super) fn insert(&mut self, hash: u64, draft: Draft, until_ms: u64) {
        let Draft { stamp, value_len, milli_read_units, key_len, bytes } = draft;
        let uses = Cell::new(0);
        let bytes = bytes.into();
        let copy = Copy { stamp, until_ms, key_len, value_len, milli_read_units, uses, bytes };
        self.cache.insert(hash, copy);
    }

    /// Drops a copy.
    pub(super) fn remove(&mut self, hash: u64) {
        self.cache.remove(&hash);
    }

    /// Bytes held, all counted.
    pub(super) fn bytes(&self) -> u64 {
        self.cache.weight()
    }

    /// Copies held.
    pub(super) fn len(&self) -> u64 {
        self.cache.len() as u64
    }

    /// True while an eighth of the room is free.
    pub(super) fn has_room(&self) -> bool {
        self.cache.weight() < self.cache.capacity() / 8 * 7
    }
}

/// Weighs a copy in bytes.
#[derive(Debug, Clone)]
struct Weight;

impl Weighter<u64, Copy> for Weight {
    fn weight(&self, _: &u64, copy: &Copy) -> u64 {
        copy.bytes.len() as u64 + ENTRY_BYTES
    }
}

/// The keys are hashes already.
#[derive(Debug, Clone)]
struct OfHash;

/// See [`OfHash`].
#[derive(Debug, Default)]
struct Itself(u64);

impl BuildHasher for OfHash {
    type Hasher = Itself;

    fn build_hasher(&self) -> Itself {
        Itself::default()
    }
}

impl Hasher for Itself {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::hash::of_key;
    use crate::near::stamps::Stamps;

    fn draft(key: &[u8], value: &[u8], stamp: Stamp) -> Draft {
        let reply = [format!("${}\r\n", value.len()).as_bytes(), value, b"\r\n"].concat();
        Draft {
            stamp,
            value_len: u32::try_from(value.len()).unwrap(),
            milli_read_units: 1000,
            key_len: u32::try_from(key.len()).unwrap(),
            bytes: [key, &reply].concat().into(),
        }
    }

    fn found(copies: &Copies, key: &[u8], now: Stamp) -> Option<Vec<u8>> {
        match copies.look(key, of_key(key), now, || 1000) {
            Look::Good(copy) => Some(copy.reply().to_vec()),
            _ => None,
        }
    }

    #[test]
    fn a_copy_is_served_until_its_stamp_or_its_time_has_passed() {
        let stamps = Arc::new(Stamps::new(1));
        let mut copies = Copies::new(1 << 20);
        let now = stamps.now(0);
        copies.insert(of_key(b"k"), draft(b"k", b"v", now), u64::MAX);
        assert_eq!(found(&copies, b"k", now).unwrap(), b"$1\r\nv\r\n");
        assert_eq!(found(&copies, b"other", now), None);
        stamps.void(0);
        assert!(matches!(copies.look(b"k", of_key(b"k"), stamps.now(0), || 0), Look::Stale));
        copies.insert(of_key(b"k"), draft(b"k", b"w", stamps.now(0)), 1001);
        assert_eq!(found(&copies, b"k", stamps.now(0)).unwrap(), b"$1\r\nw\r\n");
        copies.insert(of_key(b"k"), draft(b"k", b"w", stamps.now(0)), 1000);
        assert_eq!(found(&copies, b"k", stamps.now(0)), None);
    }

    #[test]
    fn two_keys_of_one_hash_are_not_confused() {
        let now = Stamps::new(1).now(0);
        let mut copies = Copies::new(1 << 20);
        copies.insert(7, draft(b"a", b"v", now), u64::MAX);
        assert!(matches!(copies.look(b"b", 7, now, || 0), Look::Nothing));
    }

    #[test]
    fn a_copy_goes_to_redis_now_and_then() {
        let now = Stamps::new(1).now(0);
        let mut copies = Copies::new(1 << 20);
        copies.insert(of_key(b"k"), draft(b"k", b"v", now), u64::MAX);
        let refreshed = (0..640).filter(|_| found(&copies, b"k", now).is_none()).count();
        assert_eq!(refreshed, 10);
    }

    #[test]
    fn what_is_held_is_what_is_counted() {
        let now = Stamps::new(1).now(0);
        for value_len in [1, 500, 5000] {
            let mut copies = Copies::new(4 << 20);
            for n in 0..100_000_u32 {
                let key = n.to_le_bytes();
                copies.insert(of_key(&key), draft(&key, &vec![b'x'; value_len], now), u64::MAX);
                assert!(copies.bytes() <= 4 << 20);
            }
            assert!(!copies.has_room());
            let used = copies.cache.memory_used();
            // The allocator rounds up to 16 bytes and keeps 8 for itself.
            let values = copies.len() * (4 + value_len as u64 + 8 + 24);
            let held = values + used.entries as u64 + used.map as u64;
            assert!(
                held <= copies.bytes() && copies.bytes() - held < 200 * copies.len(),
                "{} copies of {value_len} bytes take {held}, counted {}",
                copies.len(),
                copies.bytes()
            );
        }
    }
}
