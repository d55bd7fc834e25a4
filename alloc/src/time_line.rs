//! The time line of an LRU stack: the bytes touched, in order, some of them at a lower sampling rate.
//!
//! **Holes.** A real cache cannot refill the room of a deleted entry with what it evicted before; it
//! fills it with what comes next. So a removal leaves a hole of its size at its place, and keeps what
//! lies deeper at its depth. An entry that comes to the top from below a hole fills the hole before it
//! pushes anything down, and leaves as much of a hole where it came from: caches that held the entry
//! still have the room, those that did not have used it. An overwrite with a smaller size leaves the
//! difference as a hole; one with a larger size fills holes. With this the stack agrees with a byte-LRU
//! cache of every size at once, deletions and resizing included (tested against such caches).
//!
//! **Eras.** Everything touched since the rate last rose is complete at the recent, higher rate; what
//! was touched before is there at the old rate only. So the time line has a mark: slots after it are
//! scaled by the recent rate, slots before it by the old one, and a distance across it is the sum of
//! both parts. [`crate::ghost`] says how reads are counted.

use crate::holes::Holes;
use crate::sampler::Sampler;
use crate::slot_sums::{MAX_SLOT, SlotSums};
use crate::units::whole_number;

/// Slots of a new time line.
const FIRST_SLOTS: usize = 1024;

/// Bytes by time of last use.
#[derive(Clone, Debug)]
pub(crate) struct TimeLine {
    /// Bytes of each slot, hole or entry; zero marks an empty slot.
    sums: SlotSums,
    /// Slots that belong to no entry.
    holes: Holes,
    /// The next slot to take.
    next: u32,
    recent: Era,
    old: Option<OldEra>,
}

/// Slots sampled at one rate.
#[derive(Clone, Copy, Debug)]
struct Era {
    sampler: Sampler,
    /// Entries of the whole that one sampled entry stands for.
    scale: f64,
}

/// Slots from before the last rise of the rate.
#[derive(Clone, Copy, Debug)]
struct OldEra {
    era: Era,
    /// The first slot after it.
    end: u32,
    bytes: u64,
}

/// Where an entry lay before it was touched.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Depth {
    /// Bytes of all entries used more recently, scaled up to the whole key space.
    pub newer_bytes: u64,
    /// Its own bytes, as they were.
    pub own_bytes: u64,
    /// Entries of the whole that this one stands for.
    pub scale: f64,
}

impl TimeLine {
    /// An empty time line of keys that `sampler` watches.
    pub(crate) fn new(sampler: Sampler) -> Self {
        Self {
            sums: SlotSums::new(FIRST_SLOTS),
            holes: Holes::default(),
            next: 0,
            recent: Era::of(sampler),
            old: None,
        }
    }

    /// The slot that the next touch takes.
    #[inline]
    pub(crate) fn next(&self) -> u32 {
        self.next
    }

    /// Whether there is no slot for it.
    #[inline]
    pub(crate) fn is_full(&self) -> bool {
        self.next as usize == self.sums.len()
    }

    /// The bytes in a slot.
    #[inline]
    pub(crate) fn bytes(&self, slot: u32) -> u32 {
        self.sums.get(slot as usize)
    }

    /// Where the last rise of the rate lies: slots before it belong to the old era.
    pub(crate) fn mark(&self) -> u32 {
        self.old.map_or(0, |old| old.end)
    }

    /// Takes the next slot for an entry that was nowhere before.
    pub(crate) fn push_new(&mut self, bytes: u32) {
        if !self.holes.is_empty() {
            self.fill(0, self.next, u64::from(bytes));
        }
        self.push(bytes);
    }

    /// Takes the next slot for an entry that leaves another, and tells how deep that lay.
    #[inline]
    pub(crate) fn push_again(&mut self, previous: u32, bytes: u32) -> Depth {
        let own = self.bytes(previous);
        let depth = self.depth(previous, own);
        if self.holes.is_empty() && own <= bytes && self.old.is_none() {
            self.sums.set(previous as usize, 0);
        } else {
            self.move_up(previous, own, bytes);
        }
        self.push(bytes);
        depth
    }

    /// An entry is gone; its room stays.
    pub(crate) fn leave_hole(&mut self, slot: u32) {
        self.holes.insert(slot);
    }

    /// Empties the slots of entries that are no longer watched.
    pub(crate) fn clear(&mut self, slots: impl IntoIterator<Item = u32>) {
        slots.into_iter().for_each(|slot| self.set(slot, 0));
    }

    /// The first slot that a cache of `reach_bytes` can hold; the newest entry is always within.
    pub(crate) fn first_within(&self, reach_bytes: u64) -> u32 {
        if self.scaled_bytes() <= reach_bytes {
            return 0;
        }
        let mut newer_bytes = 0.0;
        for slot in (0..self.next).rev() {
            let bytes = f64::from(self.bytes(slot));
            if newer_bytes > 0.0 && newer_bytes + bytes > reach_bytes as f64 {
                return slot + 1;
            }
            newer_bytes += bytes * self.era_of(slot).scale;
        }
        0
    }

    /// Empties all slots before one.
    pub(crate) fn forget_before(&mut self, first: u32) {
        self.holes.forget_before(first);
        for slot in 0..first {
            if self.bytes(slot) > 0 {
                self.set(slot, 0);
            }
        }
    }

    /// Entries are kept at these rates from now on, after the mark and before it. The caller clears the
    /// slots of keys that are no longer watched.
    pub(crate) fn set_rates(&mut self, recent: Sampler, old: Sampler) {
        let was_recent = std::mem::replace(&mut self.recent, Era::of(recent)).scale;
        let was_old = self.old.map_or(was_recent, |old| old.era.scale);
        let mark = self.mark();
        if let Some(era) = self.old.as_mut() {
            era.era = Era::of(old);
        }
        // Holes stand for room, not for keys: they shrink so that they stand for as much as before.
        let holes: Vec<u32> = self.holes.newest_first(0, self.next).collect();
        for slot in holes {
            let was = if slot < mark { was_old } else { was_recent };
            let bytes = f64::from(self.bytes(slot)) * was / self.era_of(slot).scale;
            match u32::try_from(whole_number(bytes)) {
                Ok(0) => self.drop_hole(slot),
                bytes => self.set(slot, bytes.unwrap_or(MAX_SLOT).min(MAX_SLOT)),
            }
        }
    }

    /// Begins an era in which `sampler` watches; all that is there now belongs to the old one.
    pub(crate) fn begin_era(&mut self, sampler: Sampler) {
        let era = std::mem::replace(&mut self.recent, Era::of(sampler));
        self.old = Some(OldEra { era, end: self.next, bytes: self.sums.total() });
        self.close_empty_era();
    }

    /// Keys whose absence from the stack tells something: all others may have been touched before
    /// they were watched.
    pub(crate) fn known(&self) -> Sampler {
        self.old.map_or(self.recent.sampler, |old| old.era.sampler)
    }

    /// Entries of the whole that a key stands for which is not on the stack.
    pub(crate) fn absent_scale(&self) -> f64 {
        self.old.map_or(self.recent.scale, |old| old.era.scale)
    }

    /// Slots with their bytes and the scaled bytes above them, most recent first.
    pub(crate) fn newest_first(&self) -> impl Iterator<Item = (u32, u64, f64)> + '_ {
        let mut newer_bytes = 0.0;
        (0..self.next).rev().map(move |slot| {
            let bytes = self.bytes(slot);
            let above = newer_bytes;
            newer_bytes += f64::from(bytes) * self.era_of(slot).scale;
            (slot, u64::from(bytes), above)
        })
    }

    /// Bytes of all entries, not scaled.
    pub(crate) fn entry_bytes(&self) -> u64 {
        let holes = self.holes.newest_first(0, self.next);
        self.sums.total() - holes.map(|slot| u64::from(self.bytes(slot))).sum::<u64>()
    }

    /// Memory held, in bytes.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.sums.memory_bytes() + self.holes.memory_bytes()
    }

    /// Moves live slots to the front in order, into a time line with room for more than as many again;
    /// returns where each slot went, and the next one.
    pub(crate) fn pack(&mut self) -> Vec<u32> {
        self.merge_holes();
        let numbers = &self.sums.numbers()[..self.next as usize];
        let mut bytes = vec![0; numbers.len()];
        let mut new_slot = Vec::with_capacity(numbers.len() + 1);
        let mut packed = 0_u32;
        // Without a branch: every slot that was ever taken comes by here.
        for &number in numbers {
            new_slot.push(packed);
            bytes[packed as usize] = number;
            packed += u32::from(number > 0);
        }
        new_slot.push(packed);
        bytes.truncate(packed as usize);
        self.next = packed;
        if let Some(old) = &mut self.old {
            old.end = new_slot[old.end as usize];
        }
        self.holes.move_to(&new_slot);
        let slots = (bytes.len() * 9 / 4).next_power_of_two().max(FIRST_SLOTS);
        self.sums.refill(slots, &bytes);
        new_slot
    }

    #[inline]
    fn push(&mut self, bytes: u32) {
        self.sums.set(self.next as usize, bytes);
        self.next += 1;
    }

    /// How deep a slot lies.
    #[inline]
    fn depth(&self, slot: u32, own: u32) -> Depth {
        let newer = self.sums.after(slot as usize);
        let own_bytes = u64::from(own);
        match self.old {
            Some(old) if slot < old.end => {
                let recent_bytes = self.sums.total() - old.bytes;
                let newer_bytes = recent_bytes as f64 * self.recent.scale
                    + (newer - recent_bytes) as f64 * old.era.scale;
                Depth { newer_bytes: whole_number(newer_bytes), own_bytes, scale: old.era.scale }
            }
            _ => {
                let scale = self.recent.scale;
                let newer_bytes = if scale > 1.0 { scaled(newer, scale) } else { newer };
                Depth { newer_bytes, own_bytes, scale }
            }
        }
    }

    fn scaled_bytes(&self) -> u64 {
        let old_bytes = self.old.map_or(0, |old| old.bytes);
        let old_scaled = self.old.map_or(0.0, |old| old.bytes as f64 * old.era.scale);
        whole_number((self.sums.total() - old_bytes) as f64 * self.recent.scale + old_scaled)
    }

    fn era_of(&self, slot: u32) -> Era {
        self.old.filter(|old| slot < old.end).map_or(self.recent, |old| old.era)
    }

    /// Changes the bytes of a slot that is not on top.
    fn set(&mut self, slot: u32, bytes: u32) {
        if let Some(old) = self.old.as_mut().filter(|old| slot < old.end) {
            let before = self.sums.get(slot as usize);
            old.bytes = old.bytes + u64::from(bytes) - u64::from(before);
        }
        self.sums.set(slot as usize, bytes);
        self.close_empty_era();
    }

    fn close_empty_era(&mut self) {
        if self.old.is_some_and(|old| old.bytes == 0) {
            self.old = None;
        }
    }

    /// Empties the slot of an entry that goes to the top with a new size.
    fn move_up(&mut self, slot: u32, own: u32, bytes: u32) {
        let filled = self.fill(slot + 1, self.next, u64::from(bytes));
        let room = filled + u64::from(own);
        // At most `own`, for no more than `bytes` were filled.
        let left = room.saturating_sub(u64::from(bytes));
        let left = u32::try_from(left).unwrap_or(own);
        self.set(slot, left);
        if left > 0 {
            self.holes.insert(slot);
        }
        self.fill(0, slot, u64::from(bytes).saturating_sub(room));
    }

    /// Fills up to `bytes` of the holes between two slots, newest first; returns how many it filled.
    /// Bytes are recent ones: room before the mark counts at what it stands for.
    fn fill(&mut self, from: u32, to: u32, bytes: u64) -> u64 {
        let mut rest = bytes;
        while rest > 0 {
            let Some(hole) = self.holes.newest_first(from, to).next() else { break };
            let room = self.bytes(hole);
            let ratio = self.recent.scale / self.era_of(hole).scale;
            let wanted = whole_number(rest as f64 * ratio).max(1);
            if wanted < u64::from(room) {
                let used = u32::try_from(wanted).unwrap_or(room);
                self.set(hole, room - used);
                rest = 0;
            } else {
                self.drop_hole(hole);
                rest = rest.saturating_sub(whole_number(f64::from(room) / ratio).max(1));
            }
        }
        bytes - rest
    }

    /// Makes one hole of neighbouring ones, and drops those below the deepest entry: they hold up nothing.
    fn merge_holes(&mut self) {
        if self.holes.is_empty() {
            return;
        }
        let end = self.mark();
        let mut above = None;
        for slot in (0..self.next).rev() {
            let here = self.bytes(slot);
            if here == 0 {
                continue;
            }
            if !self.holes.contains(slot) {
                above = None;
                continue;
            }
            match above {
                Some((hole, room)) if MAX_SLOT - room >= here && (hole < end) == (slot < end) => {
                    self.drop_hole(slot);
                    self.set(hole, room + here);
                    above = Some((hole, room + here));
                }
                _ => above = Some((slot, here)),
            }
        }
        if let Some((hole, _)) = above {
            self.drop_hole(hole);
        }
    }

    fn drop_hole(&mut self, slot: u32) {
        self.holes.remove(slot);
        self.set(slot, 0);
    }
}

impl Era {
    fn of(sampler: Sampler) -> Self {
        Self { sampler, scale: 1.0 / sampler.rate() }
    }
}

/// Bytes scaled up, to the nearest; without the rounding function, which is a call on older processors.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "neither is negative, and the cast saturates"
)]
fn scaled(bytes: u64, scale: f64) -> u64 {
    (bytes as f64 * scale + 0.5) as u64
}
