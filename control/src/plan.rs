//! Rounds of a change, as plain numbers.

use hare::{Rates, Resources};

/// From what a tenant has to what it is to have.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Move {
    /// Its share now.
    pub from: Resources,
    /// Its share at the end.
    pub to: Resources,
}

/// The shares of all tenants after each round, the last being the goal. In no round does more than `step_bytes` of cache
/// change hands, and no resource's sum is above what it is at the start or at the end.
///
/// A move begins with the rates that the caches at its start need, as [`crate::course::Leg::meanwhile`] says. From there on
/// rates are one round behind the cache: who gets cache gives up rates for it only when that cache is warm, or it would have
/// neither. Who gives cache waits a round for what it gets in return, one step's worth.
pub(crate) fn rounds(moves: &[Move], step_bytes: u64) -> Vec<Vec<Resources>> {
    let grown = |one: &Move| one.to.cache_bytes.saturating_sub(one.from.cache_bytes);
    let shrunk = |one: &Move| one.from.cache_bytes.saturating_sub(one.to.cache_bytes);
    let moved_bytes: u64 = moves.iter().map(grown).sum::<u64>().max(moves.iter().map(shrunk).sum());
    let count = moved_bytes.div_ceil(step_bytes.max(1));
    (1..=count + 1).map(|round| moves.iter().map(|one| one.after(round, count)).collect()).collect()
}

impl Move {
    /// The share after `round` of `count` equal rounds and one for the last rates. A cache that grows is rounded down and one that shrinks too, so
    /// that rounding never adds memory.
    fn after(&self, round: u64, count: u64) -> Resources {
        if round > count {
            return self.to;
        }
        let (from, to) = (self.from.cache_bytes, self.to.cache_bytes);
        let part = |bytes: u64| u128::from(bytes) * u128::from(round);
        let count_wide = u128::from(count);
        let cache_bytes = if to >= from {
            from + u64::try_from(part(to - from) / count_wide).unwrap_or(0)
        } else {
            from - u64::try_from(part(from - to).div_ceil(count_wide)).unwrap_or(0)
        };
        let fraction = (round - 1) as f64 / count as f64;
        let between = |from: f64, to: f64| from + (to - from) * fraction;
        let rates: Rates = self.from.rates().zip(self.to.rates(), between);
        Resources::new(cache_bytes, rates)
    }
}

#[cfg(test)]
mod tests {
    use hare::Resources;
    use proptest::prelude::{any, prop_assert, proptest};

    use super::{Move, rounds};

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
    fn gradual_rounds_move_a_step_each_and_keep_the_sums() {
        let moves = [
            Move { from: share(100 * MIB, 10.0), to: share(60 * MIB, 30.0) },
            Move { from: share(100 * MIB, 50.0), to: share(140 * MIB, 30.0) },
        ];
        let rounds = rounds(&moves, 16 * MIB);
        assert_eq!(rounds.len(), 4);
        for round in &rounds {
            let total: Resources = round.iter().sum();
            assert!(total.cache_bytes <= 200 * MIB && total.cache_bytes >= 200 * MIB - 2);
            assert!((total.read_units_per_s - 60.0).abs() < 1e-9);
        }
        assert_eq!(rounds[0][1].rates(), moves[1].from.rates(), "its cache is still cold");
        let caches = |shares: &[Resources]| [shares[0].cache_bytes, shares[1].cache_bytes];
        assert_eq!(caches(&rounds[2]), [60 * MIB, 140 * MIB]);
        assert_eq!(rounds[3], [moves[0].to, moves[1].to]);
    }

    #[test]
    fn a_change_of_rates_alone_is_one_round() {
        let moves = [Move { from: share(MIB, 1.0), to: share(MIB, 2.0) }];
        assert_eq!(rounds(&moves, 16 * MIB), [[moves[0].to]]);
    }

    proptest! {
        #[test]
        fn no_round_adds_memory_or_moves_more_than_a_step(
            sizes in proptest::collection::vec((0..1_u64 << 34, any::<u64>()), 1..8),
            step_mib in 1..64_u64,
        ) {
            let total: u64 = sizes.iter().map(|(from, _)| from).sum();
            // A goal with the same sum: the first tenant takes what is left.
            let mut left = total;
            let mut moves: Vec<Move> = sizes.iter().map(|&(from, seed)| {
                let to = seed % (left / 2 + 1);
                left -= to;
                Move { from: share(from, 1.0), to: share(to, 1.0) }
            }).collect();
            moves[0].to.cache_bytes += left;
            let mut before: Vec<u64> = moves.iter().map(|one| one.from.cache_bytes).collect();
            let step_bytes = step_mib * MIB;
            for round in rounds(&moves, step_bytes) {
                let after: Vec<u64> = round.iter().map(|share| share.cache_bytes).collect();
                prop_assert!(after.iter().sum::<u64>() <= total);
                let grown: u64 = before.iter().zip(&after).map(|(b, a)| a.saturating_sub(*b)).sum();
                // One byte per tenant of rounding.
                prop_assert!(grown <= step_bytes + moves.len() as u64);
                before = after;
            }
            prop_assert!(before.iter().zip(&moves).all(|(b, one)| *b == one.to.cache_bytes));
        }
    }
}
