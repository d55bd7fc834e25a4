//! The goal of HARE, solved near-exactly: the split of the cache with which everyone can grow furthest.
//!
//! # The problem
//! Tenant `i` reaches throughput `T_i` with its base share; that is fixed. With cache `c` its miss ratio
//! is `m_i(c)`, and for `T_i` it needs `T_i rcu_i m_i(c)` read units, `T_i wcu_i` write units and
//! `T_i net_i (1 - alpha_i + alpha_i m_i(c))` bytes of net a second (paper, section 4). If the needs of
//! all tenants take the parts `R`, `W` and `N` of the three totals (their *loads*), everyone can grow
//! by `r = 1 / max(R, W, N) - 1`, the improve ratio. Cache moves in whole steps and its sum is given, so:
//!
//! > choose whole `k_i`, with sum 0 and each within its limits, so that
//! > `max( sum read_i m_i(k_i),  fixed + sum net_i m_i(k_i),  W )` is least.
//!
//! # The solution
//! 1. `hull`: each curve's lower convex hull over whole steps.
//! 2. `fluid`: the relaxed problem. For a weight between reads and net it separates into tenants, and
//!    taking hull edges by worth is optimal; the best weight comes from intersecting lines. This bounds
//!    what any split can reach, and leaves one tenant between two corners of its hull.
//! 3. `repair`: whole steps. Branch and bound decides who crosses which cliff; it ends with proof in
//!    nearly all cases where one of reads and net binds. Where both do, pairs of tenants exchange steps
//!    while that lowers the true maximum.
//! 4. The result is compared, in the exact terms of `problem`, with the base split, and where there is
//!    no proof with HARE's: `optimum` is never below DRF or HARE.
//! 5. `steady`: the current split stands unless moving pays.
//! 6. Rates: what each needs for `T_i`, then the pool in proportion to weight times need.
//!
//! With `n` tenants of `t` ticks, 1 takes `O(n t)`, 2 `O(n t)` for each of a few weights, and 3
//! `O(core)` for each edge crossed in at most `repair`'s number of nodes, whatever the number of steps.
//! HARE, where it is asked, makes at most 10,000 trades of `O(n)`.
//!
//! # Beyond the paper
//! - *Weights*: tenant `i` grows to `1 + w_i r`. Needs then grow at different speeds, and the best split
//!   depends on `r`: it is solved for an `r` that can be reached, which gives a greater one, and so on
//!   (Dinkelbach 1967).
//! - *Floors and ceilings* of rates count as needs and as limits of growth; those of cache, and ceilings
//!   that a tenant with less cache would run into, limit its steps. A tenant whose ceilings keep it
//!   at growth `g` at its base cache is entitled to no more. What it cannot take goes to the others.
//! - *Reserve*: a part of every rate that stays in the pool unless someone's base throughput needs it.
//!   Cache is never held back: an empty cache helps nobody in an emergency, for it takes time to fill.
//! - *Order*: tenants are sorted by what they are, so their order in the inputs decides nothing but which
//!   of two equal ones gets which share, and which of HARE's equal trades comes first.

mod fluid;
mod hull;
mod model;
mod problem;
mod repair;
mod rows;
mod steady;

use crate::hare;
use crate::policy::{Allocation, Params, Trade};
use crate::resources::Resources;
use crate::tenant::TenantInput;
use model::ROUNDING;
use problem::Problem;
use rows::Floor;

/// Targets tried at most where the best split depends on how far everyone is to grow.
const MAX_TARGETS: usize = 16;

/// Finds the split of the cache with which everyone can grow furthest, and gives out the rates. The
/// trades lead from the base caches to the new ones with as few moves as there are tenants, less one.
#[must_use]
pub fn allocate(params: &Params, tenants: &[TenantInput]) -> Allocation {
    let problem = Problem::new(params, tenants);
    let split = if problem.is_idle() {
        Split { cache_bytes: problem.base_cache_bytes(), ratio: 0.0 }
    } else {
        steady::steadied(&problem, best_split(&problem, tenants))
    };
    let ratio = split.ratio.max(0.0);
    let shares = problem.shares(split.cache_bytes);
    let trades = trades(tenants, &shares);
    Allocation::new(tenants, shares, ratio, trades)
}

/// Leaves caches as `cache_bytes` says, in the order of the inputs, and gives out the rates: to each what it needs for its
/// base throughput with that cache, and of what is left a part in proportion to weight times need. Where there is not enough
/// for that, which an improve ratio below 0 tells, all get the same part of what they need.
#[must_use]
pub fn rates_for(params: &Params, tenants: &[TenantInput], cache_bytes: &[u64]) -> Allocation {
    let problem = Problem::new(params, tenants);
    let cache_bytes = problem.sorted(cache_bytes);
    let ratio = if problem.is_idle() { 0.0 } else { problem.ratio(&cache_bytes) };
    let shares = problem.shares(cache_bytes);
    let trades = trades(tenants, &shares);
    Allocation::new(tenants, shares, ratio, trades)
}

/// How far everyone can grow with these caches, in the order of the inputs; below 0 if not even base throughput can be had.
#[must_use]
pub fn ratio_with(params: &Params, tenants: &[TenantInput], cache_bytes: &[u64]) -> f64 {
    let problem = Problem::new(params, tenants);
    if problem.is_idle() { 0.0 } else { problem.ratio(&problem.sorted(cache_bytes)) }
}

/// Caches, and how far everyone can grow with them.
#[derive(Clone, Debug)]
struct Split {
    cache_bytes: Vec<u64>,
    ratio: f64,
}

impl Split {
    fn of(problem: &Problem<'_>, cache_bytes: Vec<u64>) -> Self {
        let ratio = problem.ratio(&cache_bytes);
        Self { cache_bytes, ratio }
    }

    /// Whether it is better by more than rounding.
    fn is_better_than(&self, other: &Self) -> bool {
        self.ratio > other.ratio + ROUNDING * (1.0 + other.ratio.abs())
    }
}

fn best_split(problem: &Problem<'_>, tenants: &[TenantInput]) -> Split {
    let base = Split::of(problem, problem.base_cache_bytes());
    if !problem.is_plain() {
        return best_split_for_targets(problem, base);
    }
    let (best, is_optimal) = improved(problem, base, 0.0, Floor::OfBoth);
    if is_optimal {
        return best;
    }
    let hare = hare::allocate(problem.params, tenants, true).shares;
    let cache_bytes: Vec<u64> = hare.iter().map(|share| share.cache_bytes).collect();
    let hare = Split::of(problem, problem.sorted(&cache_bytes));
    if hare.is_better_than(&best) { hare } else { best }
}

/// With weights or bounds on rates the best split depends on how far everyone is to grow, and that on
/// the split: from a ratio that can be reached to the best split for it, and on from there
/// (Dinkelbach 1967).
fn best_split_for_targets(problem: &Problem<'_>, base: Split) -> Split {
    let mut best = base;
    let limit = problem.ratio_by_writes();
    for _ in 0..MAX_TARGETS {
        let target = best.ratio;
        if target >= limit - ROUNDING * (1.0 + limit.abs()) {
            break;
        }
        for floor in [Floor::OfBoth, Floor::OfReads, Floor::OfNet, Floor::Ignored] {
            (best, _) = improved(problem, best, target, floor);
        }
        if best.ratio <= target + ROUNDING * (1.0 + target.abs()) {
            break;
        }
    }
    best
}

/// The best split found for a target ratio, or `best` if it is no better; and whether there is proof
/// that no split is better for this target.
fn improved(problem: &Problem<'_>, best: Split, target: f64, floor: Floor) -> (Split, bool) {
    let model = problem.model(target, floor);
    if model.worst(model.load_of(&vec![0; model.rows.len()])) <= model.write {
        return (best, true);
    }
    let found = repair::repair(&model);
    let split = Split::of(problem, model.cache_bytes(&found.steps));
    (if split.is_better_than(&best) { split } else { best }, found.is_optimal)
}

/// Moves of cache that lead from base to `shares`, fewer than there are tenants whose cache changes.
fn trades(tenants: &[TenantInput], shares: &[Resources]) -> Vec<Trade> {
    let changed = |is_donor: bool| {
        let pairs = tenants.iter().zip(shares).enumerate();
        pairs.filter_map(move |(tenant, (input, share))| {
            let (from, to) = (input.base().cache_bytes, share.cache_bytes);
            let bytes = if is_donor { from.saturating_sub(to) } else { to.saturating_sub(from) };
            (bytes > 0).then_some((tenant, bytes))
        })
    };
    let mut trades = Vec::new();
    let mut donors = changed(true);
    let mut giving = donors.next();
    for (receiver, mut wanted) in changed(false) {
        while let Some((donor, left)) = giving.filter(|_| wanted > 0) {
            let bytes = left.min(wanted);
            trades.push(Trade { donor, receiver, bytes });
            wanted -= bytes;
            giving = if left > bytes { Some((donor, left - bytes)) } else { donors.next() };
        }
    }
    trades
}
