//! Problems that follow from a seed alone.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::instances::{Problem, of_size};

/// A problem with 2 to 32 tenants whose shape follows from `seed` alone.
pub(crate) fn random(seed: u64) -> Problem {
    let mut rng = StdRng::seed_from_u64(seed);
    let tenants = [2, 2, 3, 4, 4, 6, 8, 16, 32][rng.random_range(0..9)];
    let most_ticks = rng.random_range(40..=127);
    of_size(&mut rng, tenants, 8..=most_ticks)
}

/// As [`random`], made short of reads and net alike.
pub(crate) fn balanced(seed: u64) -> Problem {
    random(seed).balanced(&mut StdRng::seed_from_u64(seed))
}
