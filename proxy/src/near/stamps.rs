//! Whether a key may have changed since a moment: one number per group of keys, read by every worker without a lock.
//!
//! A [`Stamp`] holds how many writes of keys of its group are in progress (the low bits) and how often one ended or
//! storage was read (the high bits, the generation). Whoever keeps a copy keeps the stamp that was there before the
//! copy was read, and serves it only while the slot still holds the same stamp and that says that nobody writes.
//!
//! - A write ([`Writing`]) raises the low bits before anything of it can be seen anywhere, so before its fence, and ends
//!   before its reply, however it ends: the guard counts the generation up when it is dropped. Whoever was told of the
//!   write, or saw its value, was told after the slot had changed; what carries the news (a socket, a channel) orders
//!   the memory too, so the next look at the slot on any thread sees it.
//! - A read of storage counts the generation up before its result is shown ([`Stamps::void`]). An item there may be newer
//!   than all copies if a write that nobody waits for any more took effect late.
//!
//! Keys that share a slot void each other's copies: a miss more, never a wrong value.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bits for writes in progress. Each holds a task and its values, so memory ends long before the count overflows.
const WRITING_BITS: u32 = 24;
/// One more generation. 2^40 of them take a slot that is written 100,000 times per second four months, and then a copy
/// from the very beginning would have to meet the same number again, unread all that time.
const GENERATION: u64 = 1 << WRITING_BITS;

/// The slots of one tenant.
#[derive(Debug)]
pub(crate) struct Stamps {
    slots: Box<[AtomicU64]>,
    mask: u64,
}

/// What a slot held at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp(u64);

/// A write of one key in progress, from before its fence until it is dropped.
#[derive(Debug)]
#[must_use = "the write counts as ended when this is dropped"]
pub(crate) struct Writing {
    stamps: Arc<Stamps>,
    hash: u64,
}

impl Stamps {
    /// At least `slots` of them.
    pub(super) fn new(slots: usize) -> Self {
        let slots: Box<[AtomicU64]> =
            (0..slots.next_power_of_two()).map(|_| AtomicU64::new(0)).collect();
        Self { mask: slots.len() as u64 - 1, slots }
    }

    /// Memory they take.
    pub(super) fn bytes(&self) -> u64 {
        size_of_val(&*self.slots) as u64
    }

    /// The present stamp of a key.
    #[inline]
    pub(crate) fn now(&self, hash: u64) -> Stamp {
        Stamp(self.slot(hash).load(Ordering::Acquire))
    }

    /// A write of the key begins.
    pub(crate) fn begin(self: &Arc<Self>, hash: u64) -> Writing {
        self.slot(hash).fetch_add(1, Ordering::AcqRel);
        Writing { stamps: Arc::clone(self), hash }
    }

    /// Voids all copies of the key.
    pub(crate) fn void(&self, hash: u64) {
        self.slot(hash).fetch_add(GENERATION, Ordering::AcqRel);
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "the mask is one less than the number of slots, a power of two"
    )]
    #[inline]
    fn slot(&self, hash: u64) -> &AtomicU64 {
        // Not the bits by which the caches' tables find a key.
        &self.slots[((hash >> 24) & self.mask) as usize]
    }
}

impl Stamp {
    /// True if nobody was writing.
    #[inline]
    pub(crate) fn is_quiet(self) -> bool {
        self.0.trailing_zeros() >= WRITING_BITS
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        self.stamps.slot(self.hash).fetch_add(GENERATION - 1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

    use super::*;

    #[test]
    fn a_write_changes_the_stamp_twice_and_is_never_quiet() {
        let stamps = Arc::new(Stamps::new(8));
        let before = stamps.now(5);
        assert!(before.is_quiet());
        let writing = stamps.begin(5);
        let during = stamps.now(5);
        assert!(during != before && !during.is_quiet());
        drop(writing);
        let after = stamps.now(5);
        assert!(after.is_quiet() && after != before);
        stamps.void(5);
        assert!(stamps.now(5).is_quiet() && stamps.now(5) != after);
    }

    #[test]
    fn another_slot_is_left_alone() {
        let stamps = Arc::new(Stamps::new(8));
        let other = stamps.now(1 << 24);
        let writing = stamps.begin(0);
        assert_eq!(stamps.now(1 << 24), other);
        drop(writing);
        assert_eq!(stamps.now(1 << 24), other);
    }

    proptest! {
        /// Writes begin and end in any order: the slot is quiet exactly while there is none, and never the same again.
        #[test]
        fn no_stamp_comes_back(steps in proptest::collection::vec(any::<(bool, u8)>(), 1..200)) {
            let stamps = Arc::new(Stamps::new(1));
            let mut writing = Vec::new();
            let mut seen = vec![stamps.now(0)];
            for (begins, which) in steps {
                if begins {
                    writing.push(stamps.begin(0));
                } else if writing.is_empty() {
                    stamps.void(0);
                } else {
                    drop(writing.swap_remove(usize::from(which) % writing.len()));
                }
                let now = stamps.now(0);
                prop_assert_eq!(now.is_quiet(), writing.is_empty());
                if now.is_quiet() {
                    prop_assert!(!seen.contains(&now));
                    seen.push(now);
                }
            }
        }
    }

    #[test]
    fn a_copy_is_never_served_after_a_write_that_ended() {
        use std::sync::atomic::AtomicBool;
        // One writer, who changes the value within a guard and tells when it is done; readers who copy and look again.
        let stamps = Arc::new(Stamps::new(1));
        let (value, done) = (AtomicU64::new(0), AtomicU64::new(0));
        let ended = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    let mut copies = 0_u64;
                    while !ended.load(Ordering::Relaxed) || copies == 0 {
                        let stamp = stamps.now(0);
                        if !stamp.is_quiet() {
                            std::hint::spin_loop();
                            continue;
                        }
                        let copy = value.load(Ordering::Relaxed);
                        copies += 1;
                        for _ in 0..50 {
                            let told = done.load(Ordering::Acquire);
                            if stamps.now(0) != stamp {
                                break;
                            }
                            assert!(copy >= told, "served {copy} after {told} was acknowledged");
                        }
                    }
                });
            }
            for n in 1..=20_000 {
                let writing = stamps.begin(0);
                value.store(n, Ordering::Relaxed);
                drop(writing);
                done.store(n, Ordering::Release);
            }
            ended.store(true, Ordering::Relaxed);
        });
    }
}
