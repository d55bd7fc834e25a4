//! Who watches which keys (WATCH), on all workers.
//!
//! A client's watch is one mark for all its keys. It is registered under each key while the key's lock is held, and
//! every committed change of a key marks the watches registered there, under the same lock. So a change is either
//! concluded before the registration, or marks it. A registration ends with its guard: when the transaction is over, or
//! with the connection.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use bytes::Bytes;
use parking_lot::Mutex;

/// Whether a watched key was changed.
#[derive(Debug, Default)]
pub(crate) struct Mark(AtomicBool);

impl Mark {
    /// True once a key was changed.
    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    /// Counts a key as changed.
    pub(crate) fn set(&self) {
        self.0.store(true, Ordering::Release);
    }
}

/// The watches of one tenant.
#[derive(Debug, Default)]
pub(crate) struct Watches {
    by_key: Mutex<HashMap<Bytes, Vec<Arc<Mark>>>>,
    /// Registrations; a change that finds none looks no further.
    count: AtomicUsize,
}

/// A registration; ends when dropped.
#[derive(Debug)]
pub(crate) struct Watch {
    watches: Arc<Watches>,
    key: Bytes,
    mark: Arc<Mark>,
}

impl Watches {
    /// Registers `mark` under `key`. The caller holds the key's lock.
    pub(crate) fn add(self: &Arc<Self>, key: &Bytes, mark: &Arc<Mark>) -> Watch {
        self.by_key.lock().entry(key.clone()).or_default().push(Arc::clone(mark));
        self.count.fetch_add(1, Ordering::AcqRel);
        Watch { watches: Arc::clone(self), key: key.clone(), mark: Arc::clone(mark) }
    }

    /// A change of `key` was committed, or may have been. The caller holds the key's lock.
    pub(crate) fn touch(&self, key: &Bytes) {
        if self.count.load(Ordering::Acquire) == 0 {
            return;
        }
        for mark in self.by_key.lock().get(key).into_iter().flatten() {
            mark.set();
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut by_key = self.watches.by_key.lock();
        if let Entry::Occupied(mut marks) = by_key.entry(self.key.clone()) {
            let own = marks.get().iter().position(|mark| Arc::ptr_eq(mark, &self.mark));
            if let Some(own) = own {
                marks.get_mut().swap_remove(own);
            }
            if marks.get().is_empty() {
                marks.remove();
            }
        }
        self.watches.count.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_marks_those_who_watch_its_key_and_nothing_stays_behind() {
        let watches = Arc::<Watches>::default();
        let (a, b) = (Bytes::from_static(b"a"), Bytes::from_static(b"b"));
        let (first, second) = (Arc::<Mark>::default(), Arc::<Mark>::default());
        let guards = [watches.add(&a, &first), watches.add(&b, &first), watches.add(&b, &second)];
        watches.touch(&a);
        assert!(first.is_set() && !second.is_set());
        watches.touch(&b);
        assert!(second.is_set());
        drop(guards);
        assert!(watches.by_key.lock().is_empty());
        assert_eq!(watches.count.load(Ordering::Relaxed), 0);
    }
}
