//! A floor under every share, so that a tenant that was idle can start again.
//!
//! What lifts one tenant to its floor is taken from those above theirs, in proportion to how far
//! above they are; the sum of each resource stays what it was.

use serde::{Deserialize, Serialize};

use crate::level::{Ramp, share_out};
use crate::resources::Resources;
use crate::units::whole_number;

/// The floors.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Minimums {
    /// Least cache, or the base cache where that is smaller.
    pub cache_bytes: u64,
    /// Least part of each base rate, 0..=1.
    pub rate_fraction: f64,
}

impl Default for Minimums {
    /// 10 MiB of cache and 1 % of every rate, as in the paper.
    fn default() -> Self {
        Self { cache_bytes: 10 << 20, rate_fraction: 0.01 }
    }
}

/// Lifts shares to their floors. `base` holds the base share of the tenant at the same position.
/// Where the sum of a resource cannot carry all floors, it is split in proportion to them.
pub fn enforce_minimums(shares: &mut [Resources], base: &[Resources], minimums: &Minimums) {
    let fraction = minimums.rate_fraction.clamp(0.0, 1.0);
    lift_rate(shares, base, fraction, |share| &mut share.read_units_per_s);
    lift_rate(shares, base, fraction, |share| &mut share.write_units_per_s);
    lift_rate(shares, base, fraction, |share| &mut share.net_bytes_per_s);
    lift_cache(shares, base, minimums.cache_bytes);
}

fn lift_rate(
    shares: &mut [Resources],
    base: &[Resources],
    fraction: f64,
    rate: impl Fn(&mut Resources) -> &mut f64,
) {
    let held: Vec<f64> = shares.iter_mut().map(|share| *rate(share)).collect();
    let floors: Vec<f64> = base.iter().map(|base| *rate(&mut base.clone()) * fraction).collect();
    if held.iter().zip(&floors).all(|(held, floor)| held >= floor) {
        return;
    }
    // Level 0 is the floors, level 1 what each holds above its floor.
    let ramps = held.iter().zip(floors).map(|(held, floor)| Ramp {
        start: floor,
        slope: (held - floor).max(0.0),
        floor,
        ceiling: f64::INFINITY,
    });
    let lifted = share_out(held.iter().sum(), ramps.collect());
    for (share, lifted) in shares.iter_mut().zip(lifted) {
        *rate(share) = lifted;
    }
}

fn lift_cache(shares: &mut [Resources], base: &[Resources], least_bytes: u64) {
    let floors: Vec<u64> = base.iter().map(|base| base.cache_bytes.min(least_bytes)).collect();
    let mut missing_bytes = 0_u64;
    let mut surplus_bytes = 0_u64;
    for (share, floor) in shares.iter().zip(&floors) {
        missing_bytes = missing_bytes.saturating_add(floor.saturating_sub(share.cache_bytes));
        surplus_bytes = surplus_bytes.saturating_add(share.cache_bytes.saturating_sub(*floor));
    }
    // Floors beyond the sum cannot be met; lift as far as the surplus reaches, in order.
    let mut given_bytes = missing_bytes.min(surplus_bytes);
    let mut owed_bytes = given_bytes;
    let owed_fraction = owed_bytes as f64 / surplus_bytes.max(1) as f64;
    for (share, &floor) in shares.iter_mut().zip(&floors) {
        let lift_bytes = floor.saturating_sub(share.cache_bytes).min(given_bytes);
        share.cache_bytes += lift_bytes;
        given_bytes -= lift_bytes;
    }
    // Each gives its part rounded down; what rounding left over comes from the first who can.
    for round in 0..2 {
        for (share, &floor) in shares.iter_mut().zip(&floors) {
            let spare_bytes = share.cache_bytes.saturating_sub(floor);
            let part_bytes = if round == 0 {
                whole_number((spare_bytes as f64 * owed_fraction).floor())
            } else {
                spare_bytes
            };
            let taken_bytes = part_bytes.min(spare_bytes).min(owed_bytes);
            share.cache_bytes -= taken_bytes;
            owed_bytes -= taken_bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Minimums, enforce_minimums};
    use crate::Resources;

    const MIB: u64 = 1 << 20;

    fn share(cache_bytes: u64, rate: f64) -> Resources {
        Resources {
            cache_bytes,
            read_units_per_s: rate,
            write_units_per_s: rate,
            net_bytes_per_s: rate,
        }
    }

    #[test]
    fn lifts_the_starved_and_conserves() {
        let base = [share(100 * MIB, 1000.0); 3];
        let mut shares =
            [share(0, 0.0), share(100 * MIB + 1, 1000.0), share(200 * MIB - 1, 2000.0)];
        enforce_minimums(&mut shares, &base, &Minimums::default());
        assert_eq!(shares[0].cache_bytes, 10 * MIB);
        assert!((shares[0].read_units_per_s - 10.0).abs() < 1e-9);
        let total: Resources = shares.iter().sum();
        assert_eq!(total.cache_bytes, 300 * MIB);
        assert!((total.net_bytes_per_s - 3000.0).abs() < 1e-9);
    }

    #[test]
    fn too_little_for_everyone_is_split() {
        let base = [share(100 * MIB, 1000.0); 2];
        let mut shares = [share(0, 0.0), share(12 * MIB, 10.0)];
        enforce_minimums(&mut shares, &base, &Minimums::default());
        assert_eq!(shares.map(|share| share.cache_bytes), [2 * MIB, 10 * MIB]);
        assert!((shares[0].net_bytes_per_s - 5.0).abs() < 1e-9);
        assert!((shares[1].net_bytes_per_s - 5.0).abs() < 1e-9);
    }
}
