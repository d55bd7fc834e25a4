//! A line of numbers whose tail sums are cheap: the bytes of an LRU stack's time line.
//!
//! A tree of wide nodes instead of a Fenwick tree: 32 numbers to a leaf, 32 leaves to a node, and a
//! plain list of node sums on top, 64 of them for 65,536 slots. Within a leaf or node all 32 numbers are
//! added under a mask: no branch to mispredict, and the compiler turns it into a few vector instructions.

/// Numbers in a leaf, and leaves in a node.
const FAN: usize = 32;
/// Numbers added side by side.
const LANES: usize = 8;

/// Largest number a slot holds, so that a node's sum fits 32 bits: 4 MiB, ten times what DynamoDB
/// holds in an item.
pub(crate) const MAX_SLOT: u32 = u32::MAX >> 10;

const _: () = assert!(FAN * FAN == 1 << 10, "a node sums this many slots");

/// Zeros, then ones: the window that starts `FAN - 1 - i` in covers what comes after the `i`th.
static MASKS: [u32; 2 * FAN] = {
    let mut masks = [0; 2 * FAN];
    let mut i = FAN;
    while i < 2 * FAN {
        masks[i] = u32::MAX;
        i += 1;
    }
    masks
};

/// Numbers of up to [`MAX_SLOT`] in slots, with their tail sums.
#[derive(Clone, Debug)]
pub(crate) struct SlotSums {
    leaves: Vec<[u32; FAN]>,
    /// Sums of leaves.
    nodes: Vec<[u32; FAN]>,
    /// Sums of nodes.
    tops: Vec<u64>,
    total: u64,
}

impl SlotSums {
    /// At least `slots` zeros.
    pub(crate) fn new(slots: usize) -> Self {
        let nodes = slots.div_ceil(FAN * FAN).max(1);
        Self {
            leaves: vec![[0; FAN]; nodes * FAN],
            nodes: vec![[0; FAN]; nodes],
            tops: vec![0; nodes],
            total: 0,
        }
    }

    /// Number of slots.
    pub(crate) fn len(&self) -> usize {
        self.leaves.len() * FAN
    }

    /// Sum of all slots.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// The number in a slot.
    #[inline]
    pub(crate) fn get(&self, slot: usize) -> u32 {
        self.leaves[slot / FAN][slot % FAN]
    }

    /// The numbers of all slots.
    pub(crate) fn numbers(&self) -> &[u32] {
        self.leaves.as_flattened()
    }

    /// Puts a number into a slot.
    #[inline]
    pub(crate) fn set(&mut self, slot: usize, number: u32) {
        let (leaf, node) = (slot / FAN, slot / FAN / FAN);
        let old = std::mem::replace(&mut self.leaves[leaf][slot % FAN], number);
        // Modular arithmetic: the sums themselves never wrap.
        let sum = &mut self.nodes[node][leaf % FAN];
        *sum = sum.wrapping_add(number).wrapping_sub(old);
        let change = u64::from(number).wrapping_sub(u64::from(old));
        self.tops[node] = self.tops[node].wrapping_add(change);
        self.total = self.total.wrapping_add(change);
    }

    /// Sum of all slots after one.
    #[inline]
    pub(crate) fn after(&self, slot: usize) -> u64 {
        let (leaf, node) = (slot / FAN, slot / FAN / FAN);
        let within = after_in(&self.leaves[leaf], slot % FAN)
            .wrapping_add(after_in(&self.nodes[node], leaf % FAN));
        u64::from(within) + self.tops[node + 1..].iter().sum::<u64>()
    }

    /// Replaces all numbers; what is not given is zero.
    pub(crate) fn refill(&mut self, slots: usize, numbers: &[u32]) {
        if slots.div_ceil(FAN * FAN) == self.nodes.len() {
            self.leaves.fill([0; FAN]);
            self.nodes.fill([0; FAN]);
            self.tops.fill(0);
            self.total = 0;
        } else {
            *self = Self::new(slots);
        }
        for (leaf, numbers) in numbers.chunks(FAN).enumerate() {
            self.leaves[leaf][..numbers.len()].copy_from_slice(numbers);
            self.nodes[leaf / FAN][leaf % FAN] = numbers.iter().sum();
        }
        for (top, node) in self.tops.iter_mut().zip(&self.nodes) {
            *top = node.iter().map(|&sum| u64::from(sum)).sum();
            self.total += *top;
        }
    }

    /// Memory held, in bytes.
    pub(crate) fn memory_bytes(&self) -> usize {
        (self.leaves.len() + self.nodes.len()) * FAN * 4 + self.tops.len() * 8
    }
}

/// Sum of the numbers after the `i`th.
#[inline]
fn after_in(numbers: &[u32; FAN], i: usize) -> u32 {
    let masks = &MASKS[FAN - 1 - i % FAN..][..FAN];
    // Lanes, so that the compiler sees vectors.
    let mut lanes = [0_u32; LANES];
    for (numbers, masks) in numbers.chunks_exact(LANES).zip(masks.chunks_exact(LANES)) {
        for lane in 0..LANES {
            lanes[lane] = lanes[lane].wrapping_add(numbers[lane] & masks[lane]);
        }
    }
    lanes.into_iter().fold(0, u32::wrapping_add)
}

#[cfg(test)]
mod tests {
    use super::{MAX_SLOT, SlotSums};
    use proptest::prelude::{ProptestConfig, prop, proptest};

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn tail_sums_agree_with_adding_up(
            slots in 1_usize..9000,
            puts in prop::collection::vec((0_usize..9000, 0_u32..=MAX_SLOT), 1..200),
            refill in 0_usize..9000,
        ) {
            let mut sums = SlotSums::new(slots);
            let mut plain = vec![0_u64; sums.len()];
            for (slot, number) in puts {
                let slot = slot % plain.len();
                sums.set(slot, number);
                plain[slot] = u64::from(number);
                assert_eq!(sums.get(slot), number);
                assert_eq!(sums.after(slot), plain[slot + 1..].iter().sum::<u64>());
            }
            assert_eq!(sums.total(), plain.iter().sum::<u64>());
            let kept = sums.numbers().to_vec();
            sums.refill(plain.len() + refill, &kept);
            for slot in (0..plain.len()).step_by(61) {
                assert_eq!(sums.after(slot), plain[slot + 1..].iter().sum::<u64>());
            }
        }
    }
}
