//! Room left by deleted entries: slots of the time line that hold bytes but no key.

use std::collections::BTreeSet;

/// The slots of all holes, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Holes {
    slots: BTreeSet<u32>,
}

impl Holes {
    /// Whether there are none, which is the rule for tenants that never delete.
    pub(crate) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Makes a slot a hole.
    pub(crate) fn insert(&mut self, slot: u32) {
        self.slots.insert(slot);
    }

    /// A slot is no hole any more.
    pub(crate) fn remove(&mut self, slot: u32) {
        self.slots.remove(&slot);
    }

    /// Whether a slot is a hole.
    pub(crate) fn contains(&self, slot: u32) -> bool {
        !self.slots.is_empty() && self.slots.contains(&slot)
    }

    /// Holes in `from..to`, newest first.
    pub(crate) fn newest_first(&self, from: u32, to: u32) -> impl Iterator<Item = u32> + '_ {
        self.slots.range(from..to.max(from)).rev().copied()
    }

    /// Drops the holes before a slot.
    pub(crate) fn forget_before(&mut self, slot: u32) {
        self.slots = self.slots.split_off(&slot);
    }

    /// Follows slots that were moved, order kept.
    pub(crate) fn move_to(&mut self, new_slot: &[u32]) {
        self.slots = self.slots.iter().map(|&slot| new_slot[slot as usize]).collect();
    }

    /// Memory held, in bytes, roughly: tree nodes are about two thirds full.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.slots.len() * 4 * 3 / 2
    }
}
