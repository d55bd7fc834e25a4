//! What is known of a tenant's keys as a whole: open cursors, and how dense its table is.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::cursors::Cursors;

/// Read units per item before anything was read: items of 1 KB.
const FIRST_GUESS: f64 = 0.25;

/// The least it is taken for: items of 20 bytes.
const LEAST: f64 = 0.005;

/// Shared by all workers.
#[derive(Debug)]
pub(crate) struct Keyspace {
    /// Positions of SCANs under way.
    pub(crate) cursors: Cursors,
    /// Into how many parts RANDOMKEY thinks of the table, so that a part holds a handful of items.
    pub(crate) parts: AtomicU32,
    units_per_item: AtomicU64,
}

impl Default for Keyspace {
    fn default() -> Self {
        Self {
            cursors: Cursors::default(),
            parts: AtomicU32::new(1),
            units_per_item: AtomicU64::new(FIRST_GUESS.to_bits()),
        }
    }
}

impl Keyspace {
    /// Read units that looking at one item costs, consistently, as far as pages so far can tell.
    pub(crate) fn units_per_item(&self) -> f64 {
        f64::from_bits(self.units_per_item.load(Ordering::Relaxed))
    }

    /// Learns from a page; eventually consistent ones count double. Workers may overwrite each other's: it is an
    /// estimate.
    pub(crate) fn learn(&self, evaluated: u64, read_units: f64) {
        if evaluated == 0 {
            return;
        }
        let known = self.units_per_item();
        let seen = if read_units <= 1.0 {
            // Less than a unit's worth was read, so this is an upper bound.
            known.min(read_units / evaluated as f64)
        } else {
            // The last unit was used by half, on average.
            f64::midpoint(known, (read_units - 0.5) / evaluated as f64)
        };
        self.units_per_item.store(seen.max(LEAST).to_bits(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::{Keyspace, LEAST};

    #[test]
    fn the_estimate_follows_what_pages_cost() {
        let keyspace = Keyspace::default();
        keyspace.learn(0, 1.0);
        keyspace.learn(2, 1.0);
        assert!((keyspace.units_per_item() - 0.25).abs() < 1e-9, "two items prove nothing");
        keyspace.learn(40, 1.0);
        assert!((keyspace.units_per_item() - 0.025).abs() < 1e-9);
        for _ in 0..20 {
            keyspace.learn(3, 256.0);
        }
        assert!((keyspace.units_per_item() - 85.2).abs() < 0.1);
        keyspace.learn(100_000, 1.0);
        assert!((keyspace.units_per_item() - LEAST).abs() < 1e-9);
    }
}
