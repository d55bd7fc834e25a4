//! Lower convex hulls of miss-ratio curves over whole cache steps.
//!
//! A curve is linear between ticks, so among the whole steps inside one segment only the first and
//! the last can be corners of the hull: a curve of `t` ticks takes at most `2 t + 2` look-ups,
//! whatever the number of steps (Andrew's monotone chain on points that come sorted).

use crate::curve::MissRatioCurve;

/// The cache sizes a tenant may be given: `base + steps * step` bytes, for `steps` in `least..=most`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grid {
    pub(super) base_bytes: u64,
    pub(super) step_bytes: u64,
    /// Zero or below: how many steps it may give.
    pub(super) least: i64,
    /// Zero or above: how many it may get.
    pub(super) most: i64,
}

impl Grid {
    /// Bytes of cache `steps` away from base.
    pub(super) fn bytes_at(&self, steps: i64) -> u64 {
        let moved_bytes = self.step_bytes.saturating_mul(steps.unsigned_abs());
        if steps < 0 {
            self.base_bytes.saturating_sub(moved_bytes)
        } else {
            self.base_bytes.saturating_add(moved_bytes)
        }
    }
}

/// A corner of a hull.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Corner {
    pub(super) steps: i64,
    pub(super) miss_ratio: f64,
}

/// The corners of the hull from the fewest steps to the most; at least one.
#[derive(Clone, Debug)]
pub(super) struct Hull(pub(super) Vec<Corner>);

impl Hull {
    /// The hull of `curve` over the steps from `least` to `most` of `grid`, where miss ratios below
    /// `floor` count as `floor`.
    pub(super) fn between(
        curve: &MissRatioCurve,
        grid: &Grid,
        (least, most): (i64, i64),
        floor: f64,
    ) -> Self {
        let mut corners: Vec<Corner> = Vec::new();
        for_each_candidate(curve, grid, (least, most), floor, |mut corner| {
            corner.miss_ratio = corner.miss_ratio.max(floor);
            while let [.., before, last] = corners[..]
                && is_above_chord(before, last, corner)
            {
                corners.pop();
            }
            corners.push(corner);
        });
        Self(corners)
    }

    /// How far the miss ratio falls per step after corner `at`; `None` at the last one.
    pub(super) fn fall_after(&self, at: usize) -> Option<f64> {
        let (from, to) = (self.0.get(at)?, self.0.get(at + 1)?);
        Some((from.miss_ratio - to.miss_ratio) / (to.steps - from.steps) as f64)
    }
}

/// Whether `middle` lies on or above the line from `left` to `right`.
fn is_above_chord(left: Corner, middle: Corner, right: Corner) -> bool {
    let run = (middle.steps - left.steps) as f64;
    let whole_run = (right.steps - left.steps) as f64;
    (left.miss_ratio - middle.miss_ratio) * whole_run <= (left.miss_ratio - right.miss_ratio) * run
}

/// Visits the first and the last whole step of every segment of the curve, in order, and those about
/// the point where it falls to `floor`.
fn for_each_candidate(
    curve: &MissRatioCurve,
    grid: &Grid,
    (least, most): (i64, i64),
    floor: f64,
    mut visit: impl FnMut(Corner),
) {
    let ticks = curve.bytes();
    let ratios = curve.miss_ratios();
    let base_bytes = grid.base_bytes as f64;
    let step_bytes = grid.step_bytes as f64;
    let first = ticks.partition_point(|&tick| tick < grid.bytes_at(least));
    let mut left = match first.checked_sub(1) {
        Some(before) => (ticks[before] as f64, ratios[before]),
        None => (0.0, 1.0),
    };
    let mut next = least;
    for (&tick, &ratio) in ticks[first..].iter().zip(&ratios[first..]) {
        let tick_bytes = tick as f64;
        let last = whole_steps((tick_bytes - base_bytes) / step_bytes).min(most);
        if last >= next {
            let per_byte = (ratio - left.1) / (tick_bytes - left.0);
            let mut visit_at = |steps: i64| {
                let along = base_bytes + steps as f64 * step_bytes - left.0;
                let miss_ratio = (left.1 + per_byte * along).max(ratio);
                visit(Corner { steps, miss_ratio });
            };
            visit_at(next);
            if ratio < floor && floor < left.1 {
                let floor_bytes = left.0 + (floor - left.1) / per_byte;
                let before = whole_steps((floor_bytes - base_bytes) / step_bytes);
                (before..=before + 1)
                    .filter(|at| (next + 1..last).contains(at))
                    .for_each(&mut visit_at);
            }
            if last > next {
                visit_at(last);
            }
            next = last + 1;
        }
        if next > most {
            return;
        }
        left = (tick_bytes, ratio);
    }
    visit(Corner { steps: next, miss_ratio: left.1 });
    if most > next {
        visit(Corner { steps: most, miss_ratio: left.1 });
    }
}

/// The whole number of steps at or below `steps`.
fn whole_steps(steps: f64) -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "float casts saturate")]
    let whole = steps.floor() as i64;
    whole
}
