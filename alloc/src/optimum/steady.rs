//! Leaving cache where it is unless moving it pays.
//!
//! Moved cache starts cold, and curves are estimates: a split that follows every flutter of them
//! costs more than it brings. So the current split stands until another gains more than
//! [`Params::stability`](crate::Params::stability). When it does, tenants whose move brings next to
//! nothing are held where they are, for at most [`HELD_PART`] of that threshold altogether. Then the
//! curves may shift by what is left of the threshold before anything moves again.

use crate::optimum::hull::{Corner, Grid, Hull};
use crate::optimum::model::Model;
use crate::optimum::problem::Problem;
use crate::optimum::rows::Floor;
use crate::optimum::{Split, fluid, repair};

/// Part of the threshold that holding tenants may cost.
const HELD_PART: f64 = 0.25;
/// Attempts at holding tenants, each with half as many.
const MAX_ATTEMPTS: usize = 4;

/// The current split if `best` gains no more than the threshold over it, else `best` with as few
/// moves as come nearly as far. A current split that does not add up (a tenant came or went), breaks
/// a bound or starves somebody is never kept whole, but tenants may be held at their part of it.
pub(super) fn steadied(problem: &Problem<'_>, best: Split) -> Split {
    let threshold = problem.params.stability;
    if threshold <= 0.0 {
        return best;
    }
    let current_bytes: Vec<u64> =
        problem.tenants.iter().map(|tenant| tenant.current_cache_bytes()).collect();
    if problem.allows(&current_bytes) {
        let current = Split::of(problem, current_bytes.clone());
        if best.ratio - current.ratio <= threshold {
            return current;
        }
    }
    with_tenants_held(problem, &best, &current_bytes).unwrap_or(best)
}

/// `best` with those tenants left at their current cache whose move is worth least.
fn with_tenants_held(problem: &Problem<'_>, best: &Split, current_bytes: &[u64]) -> Option<Split> {
    let allowed_loss = problem.params.stability * HELD_PART;
    let model = problem.model(best.ratio, Floor::OfBoth);
    let fluid = fluid::solve(&model);
    let best_steps: Vec<i64> = model
        .rows
        .iter()
        .zip(&best.cache_bytes)
        .map(|(row, &bytes)| whole_steps(&row.grid, bytes))
        .collect::<Option<_>>()?;
    let mut moves = Vec::new();
    for (tenant, (row, &bytes)) in model.rows.iter().zip(current_bytes).enumerate() {
        // What is not a whole number of steps from base cannot be held; moves are whole steps.
        let Some(steps) = whole_steps(&row.grid, bytes).filter(|&steps| steps >= row.grid.least)
        else {
            continue;
        };
        let is_allowed = bytes <= problem.tenants[tenant].bounds().max.cache_bytes;
        if is_allowed && steps != best_steps[tenant] {
            let rise = row.miss_ratio_at(steps) - row.miss_ratio_at(best_steps[tenant]);
            let worth = rise * row.load.weighted(fluid.weight)
                + fluid.price * (steps - best_steps[tenant]) as f64;
            moves.push((worth.max(0.0), tenant, steps));
        }
    }
    moves.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    // Loads are those of everyone's growth at `best`, so a loss of ratio is one of load over growth.
    let worst = model.worst(model.load_of(&best_steps));
    let mut budget = worst + allowed_loss / (1.0 + best.ratio.max(0.0)) - fluid.bound();
    let affordable = moves.iter().take_while(|(worth, ..)| {
        budget -= worth;
        budget >= 0.0
    });
    let mut count = affordable.count();
    for _ in 0..MAX_ATTEMPTS {
        if count == 0 {
            return None;
        }
        let mut held = model.clone();
        for &(_, tenant, steps) in &moves[..count] {
            hold(&mut held, tenant, steps);
        }
        let steps = repair::repair(&held).steps;
        if steps.iter().sum::<i64>() == 0 {
            let split = Split::of(problem, held.cache_bytes(&steps));
            if split.ratio >= best.ratio - allowed_loss {
                return Some(split);
            }
        }
        count /= 2;
    }
    None
}

/// Leaves a tenant no choice but `steps`.
fn hold(model: &mut Model<'_>, tenant: usize, steps: i64) {
    let row = &mut model.rows[tenant];
    row.hull = Hull(vec![Corner { steps, miss_ratio: row.miss_ratio_at(steps) }]);
    (row.grid.least, row.grid.most) = (steps, steps);
}

/// How many steps `bytes` is away from base, if it is a whole number of them.
fn whole_steps(grid: &Grid, bytes: u64) -> Option<i64> {
    let moved_bytes = bytes.abs_diff(grid.base_bytes);
    if !moved_bytes.is_multiple_of(grid.step_bytes) {
        return None;
    }
    let steps = i64::try_from(moved_bytes / grid.step_bytes).ok()?;
    Some(if bytes < grid.base_bytes { -steps } else { steps })
}
