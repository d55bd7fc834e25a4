//! How often a key was seen lately, roughly: a count-min sketch of small counters that all halve now and then (Cormode
//! and Muthukrishnan 2005; the ageing is that of TinyLFU, Einziger et al. 2017).
//!
//! A key has four counters of four bits among all; its count is the least of them, and only those that equal the least
//! are raised. So a count is never too low (but for the ageing), and too high only where four others interfere.

/// Counters per key.
const ROWS: u32 = 4;
/// The most that is counted.
pub(super) const MOST: u8 = 15;
/// What one halving of all sixteen counters of a word leaves.
const HALVED: u64 = 0x7777_7777_7777_7777;

/// The sketch.
#[derive(Debug)]
pub(super) struct Sketch {
    /// Sixteen counters each.
    words: Box<[u64]>,
    mask: u64,
    seen: usize,
    /// Sightings between two halvings.
    window: usize,
}

impl Sketch {
    /// For about `keys` keys that are to be told apart from the rest.
    pub(super) fn new(keys: usize) -> Self {
        let words = keys.next_power_of_two();
        Self { words: vec![0; words].into(), mask: words as u64 - 1, seen: 0, window: 3 * words }
    }

    /// Memory it takes.
    pub(super) fn bytes(&self) -> u64 {
        size_of_val(&*self.words) as u64
    }

    /// Counts a sighting; how often the key was seen lately, this time included.
    pub(super) fn saw(&mut self, hash: u64) -> u8 {
        let before = self.count(hash);
        if before < MOST {
            for row in 0..ROWS {
                let (word, shift) = self.place(hash, row);
                if let Some(word) = self.words.get_mut(word)
                    && nibble(*word, shift) == before
                {
                    *word += 1 << shift;
                }
            }
        }
        self.seen += 1;
        if self.seen >= self.window {
            self.seen = 0;
            for word in &mut self.words {
                *word = (*word >> 1) & HALVED;
            }
        }
        (before + 1).min(MOST)
    }

    /// Takes back what was counted of a key.
    pub(super) fn forget(&mut self, hash: u64) {
        let count = self.count(hash);
        for row in 0..ROWS {
            let (word, shift) = self.place(hash, row);
            if let Some(word) = self.words.get_mut(word) {
                let left = nibble(*word, shift).saturating_sub(count);
                *word = (*word & !(0xF << shift)) | (u64::from(left) << shift);
            }
        }
    }

    fn count(&self, hash: u64) -> u8 {
        let of_row = |row| {
            let (word, shift) = self.place(hash, row);
            self.words.get(word).map_or(0, |word| nibble(*word, shift))
        };
        (0..ROWS).map(of_row).min().unwrap_or(0)
    }

    fn place(&self, hash: u64, row: u32) -> (usize, u32) {
        // Odd, so that it loses nothing; the golden ratio, so that neighbours part.
        let mixed = hash.rotate_left(16 * row).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (((mixed >> 32) & self.mask) as usize, 4 * ((mixed >> 28) & 15) as u32)
    }
}

fn nibble(word: u64, shift: u32) -> u8 {
    ((word >> shift) & 0xF) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::of_key;

    fn hash(n: u32) -> u64 {
        of_key(&n.to_le_bytes())
    }

    #[test]
    fn a_key_is_counted_up_to_the_most_and_forgotten() {
        let mut sketch = Sketch::new(1024);
        let counts: Vec<u8> = (0..20).map(|_| sketch.saw(hash(1))).collect();
        assert_eq!(counts[..4], [1, 2, 3, 4]);
        assert_eq!(counts.last(), Some(&MOST));
        sketch.forget(hash(1));
        assert_eq!(sketch.saw(hash(1)), 1);
    }

    #[test]
    fn counts_age() {
        let mut sketch = Sketch::new(1024);
        for _ in 0..8 {
            sketch.saw(hash(0));
        }
        // Enough of others for three halvings.
        for n in 1..=10_000 {
            sketch.saw(hash(n));
        }
        assert!(sketch.saw(hash(0)) <= 4);
    }

    #[test]
    fn few_keys_seen_once_are_taken_for_seen_before() {
        let mut sketch = Sketch::new(1024);
        let taken = (0..100_000).filter(|&n| sketch.saw(hash(n)) > 1).count();
        assert!(taken < 10_000, "{taken} of 100,000");
    }
}
