//! Sharing a total among ramps that rise together: water-filling with floors and ceilings.
//!
//! Every taker's amount is a ramp over one common level: it starts somewhere, rises at its own
//! slope, and stays between its floor and its ceiling. The level is raised until the total is used
//! up. What one at its ceiling cannot take goes to the others.

/// No level is above this. Slopes that would need more to use up the total count as none.
pub(crate) const MOST_LEVEL: f64 = 1e12;

/// One taker's amount over the level.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ramp {
    /// Amount at level 0, before floor and ceiling.
    pub(crate) start: f64,
    /// Rise per unit of level, 0 or more.
    pub(crate) slope: f64,
    /// The least amount.
    pub(crate) floor: f64,
    /// The greatest amount, at least the floor.
    pub(crate) ceiling: f64,
}

impl Ramp {
    /// The amount at `level`.
    pub(crate) fn at(&self, level: f64) -> f64 {
        let risen = if self.slope > 0.0 { self.start + self.slope * level } else { self.start };
        risen.max(self.floor).min(self.ceiling)
    }
}

/// The greatest level at which the amounts add up to no more than `total`, at most [`MOST_LEVEL`];
/// 0 if they never do. `O(n log n)` for the ramps with a floor or ceiling ahead.
pub(crate) fn level_of(total: f64, ramps: &[Ramp]) -> f64 {
    let mut rest = total - ramps.iter().map(|ramp| ramp.at(0.0)).sum::<f64>();
    if rest <= 0.0 {
        return 0.0;
    }
    // Where ramps start or stop rising, and how many rise from level 0 on.
    let mut bends = Vec::new();
    let (mut rising, mut slope) = (0_usize, 0.0);
    for ramp in ramps.iter().filter(|ramp| ramp.slope > 0.0 && ramp.start < ramp.ceiling) {
        if ramp.floor > ramp.start {
            bends.push(((ramp.floor - ramp.start) / ramp.slope, ramp.slope));
        } else {
            rising += 1;
            slope += ramp.slope;
        }
        if ramp.ceiling.is_finite() {
            bends.push(((ramp.ceiling - ramp.start) / ramp.slope, -ramp.slope));
        }
    }
    bends.sort_by(|a, b| a.0.total_cmp(&b.0).then(b.1.total_cmp(&a.1)));
    let mut level = 0.0;
    for (bend, change) in bends {
        let used = (bend - level) * slope;
        if used > rest {
            break;
        }
        rest -= used;
        level = bend;
        rising = if change > 0.0 { rising + 1 } else { rising - 1 };
        // Nobody rising is a slope of exactly 0, whatever rounding has left.
        slope = if rising > 0 { (slope + change).max(0.0) } else { 0.0 };
    }
    if slope > 0.0 { (level + rest / slope).min(MOST_LEVEL) } else { MOST_LEVEL }
}

/// Gives out `total`: at the common level; what nobody's ramp takes, evenly to those below their
/// ceilings; and if `total` is less than the amounts at level 0, in proportion to these.
pub(crate) fn share_out(total: f64, mut ramps: Vec<Ramp>) -> Vec<f64> {
    let start: Vec<f64> = ramps.iter().map(|ramp| ramp.at(0.0)).collect();
    let needed: f64 = start.iter().sum();
    if needed >= total {
        let scale = if needed > 0.0 { total / needed } else { 0.0 };
        return start.into_iter().map(|amount| amount * scale).collect();
    }
    let level = level_of(total, &ramps);
    for ramp in &mut ramps {
        ramp.start = ramp.at(level);
        (ramp.slope, ramp.floor) = (total, ramp.start);
    }
    let level = level_of(total, &ramps);
    ramps.iter().map(|ramp| ramp.at(level)).collect()
}

#[cfg(test)]
mod tests {
    use super::{Ramp, share_out};

    fn ramp(slope: f64, floor: f64, ceiling: f64) -> Ramp {
        Ramp { start: 0.0, slope, floor, ceiling }
    }

    fn assert_shared(total: f64, ramps: &[Ramp], expected: &[f64]) {
        let got = share_out(total, ramps.to_vec());
        let near = |(got, want): (&f64, &f64)| (got - want).abs() < 1e-9;
        assert!(got.iter().zip(expected).all(near), "{got:?} not {expected:?}");
    }

    #[test]
    fn what_one_cannot_take_goes_to_the_others() {
        let free = ramp(1.0, 0.0, f64::INFINITY);
        assert_shared(9.0, &[free, ramp(2.0, 0.0, f64::INFINITY)], &[3.0, 6.0]);
        assert_shared(9.0, &[free, ramp(2.0, 0.0, 5.0)], &[4.0, 5.0]);
        assert_shared(9.0, &[free, ramp(2.0, 0.0, 5.0), ramp(1.0, 3.0, 3.0)], &[2.0, 4.0, 3.0]);
    }

    #[test]
    fn what_nobody_rises_for_is_split_evenly_below_the_ceilings() {
        let still = ramp(0.0, 0.0, f64::INFINITY);
        assert_shared(9.0, &[still, ramp(0.0, 0.0, 1.0), ramp(1.0, 0.0, 4.0)], &[4.0, 1.0, 4.0]);
        assert_shared(9.0, &[ramp(1.0, 0.0, 1.0), ramp(1.0, 0.0, 4.0)], &[1.0, 4.0]);
        assert_shared(9.0, &[ramp(1e-310, 0.0, f64::INFINITY), still], &[4.5, 4.5]);
    }

    #[test]
    fn floors_beyond_the_total_shrink_alike() {
        assert_shared(3.0, &[ramp(1.0, 2.0, 9.0), ramp(1.0, 4.0, 9.0)], &[1.0, 2.0]);
        assert_shared(0.0, &[ramp(1.0, 0.0, 9.0)], &[0.0]);
    }
}
