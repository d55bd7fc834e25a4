//! New keys: which offset the next one gets, and up to which all are there to be read.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// The keys that a phase adds to those it began with; all clients share it.
#[derive(Debug)]
pub(super) struct Inserts {
    /// Whether a key is there once it was drawn, or once it was acknowledged.
    pub(super) await_replies: bool,
    /// Every key below this is there.
    visible: AtomicU64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    next: u64,
    /// Drawn, refused, and to be drawn again.
    refused: Vec<u64>,
    /// Acknowledged, while one below is not.
    early: BTreeSet<u64>,
}

impl Inserts {
    pub(super) fn new(keys: u64) -> Self {
        let state = State { next: keys, refused: Vec::new(), early: BTreeSet::new() };
        Self { await_replies: false, visible: AtomicU64::new(keys), state: Mutex::new(state) }
    }

    /// The same, where a key is there once [`Inserts::stored`] said so.
    pub(super) fn awaiting_replies(keys: u64) -> Self {
        Self { await_replies: true, ..Self::new(keys) }
    }

    /// The offset of the next new key.
    pub(super) fn draw(&self) -> u64 {
        self.with(|state| {
            if let Some(offset) = state.refused.pop() {
                return offset;
            }
            let offset = state.next;
            state.next += 1;
            if !self.await_replies {
                self.visible.store(state.next, Ordering::Release);
            }
            offset
        })
    }

    /// A new key was stored, or one that is there already was written again, which changes nothing.
    pub(super) fn stored(&self, offset: u64) {
        self.with(|state| {
            let mut visible = self.visible.load(Ordering::Acquire);
            if offset >= visible {
                state.early.insert(offset);
            }
            while state.early.first() == Some(&visible) {
                state.early.pop_first();
                visible += 1;
            }
            self.visible.store(visible, Ordering::Release);
        });
    }

    /// A new key was not stored; it is drawn again. One that is there already stays.
    pub(super) fn refused(&self, offset: u64) {
        if offset >= self.visible() {
            self.with(|state| state.refused.push(offset));
        }
    }

    /// Every key below this is there.
    pub(super) fn visible(&self) -> u64 {
        self.visible.load(Ordering::Acquire)
    }

    fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::Inserts;

    #[test]
    fn a_key_is_visible_once_it_and_all_before_it_are_stored() {
        let inserts = Inserts::awaiting_replies(10);
        assert_eq!([inserts.draw(), inserts.draw(), inserts.draw()], [10, 11, 12]);
        inserts.stored(11);
        assert_eq!(inserts.visible(), 10);
        inserts.refused(10);
        assert_eq!(inserts.draw(), 10, "drawn again");
        inserts.stored(10);
        assert_eq!(inserts.visible(), 12);
        inserts.stored(12);
        inserts.stored(11);
        inserts.refused(12);
        assert_eq!(inserts.draw(), 13, "what is there is no new key");
        assert_eq!(inserts.visible(), 13);
    }
}
