//! What no split can exceed, and what the best whole-step split reaches: slow, plain references.

use hare::{TenantInput, throughput_per_s};

use crate::instances::Problem;

/// Reads, writes and net, as parts of their totals.
type Loads = [f64; 3];

/// The loads at base throughput of one tenant with `cache_bytes` of cache.
fn loads_of(tenant: &TenantInput, cache_bytes: f64, total: &Loads) -> Loads {
    let miss_ratio = interpolated(tenant, cache_bytes);
    let demand = tenant.demand();
    let per_s = throughput_per_s(tenant, tenant.base()).unwrap_or(0.0);
    let net = demand.net_bytes * (1.0 - demand.net_alpha + demand.net_alpha * miss_ratio);
    let needed = [demand.read_units * miss_ratio, demand.write_units, net];
    std::array::from_fn(
        |rate| if needed[rate] > 0.0 { needed[rate] * per_s / total[rate] } else { 0.0 },
    )
}

fn totals(tenants: &[TenantInput]) -> Loads {
    let sum = |rate: fn(&TenantInput) -> f64| tenants.iter().map(rate).sum::<f64>();
    [
        sum(|tenant| tenant.base().read_units_per_s),
        sum(|tenant| tenant.base().write_units_per_s),
        sum(|tenant| tenant.base().net_bytes_per_s),
    ]
}

fn interpolated(tenant: &TenantInput, cache_bytes: f64) -> f64 {
    let mut left = (0.0, 1.0);
    for (bytes, ratio) in tenant.curve().points() {
        let right = (bytes as f64, ratio);
        if cache_bytes <= right.0 {
            return left.1 + (right.1 - left.1) * (cache_bytes - left.0) / (right.0 - left.0);
        }
        left = right;
    }
    left.1
}

fn ratio(loads: Loads) -> f64 {
    1.0 / loads.into_iter().fold(1e-12, f64::max) - 1.0
}

/// The improve ratio of the fluid optimum: cache in any fraction, curves replaced by their lower
/// convex hulls. By duality it is the best, over weights between reads and net, of the least
/// weighted load, and for one weight that is greedy.
pub(crate) fn upper_bound(problem: &Problem) -> f64 {
    let total = totals(&problem.tenants);
    let hulls: Vec<Vec<(f64, f64)>> = problem
        .tenants
        .iter()
        .map(|tenant| {
            let least = 0.0;
            convex_hull(tenant, least)
        })
        .collect();
    let dual = |weight: f64| {
        let (mut edges, mut load, mut supply) = (Vec::new(), 0.0, 0.0);
        let weighted = |loads: Loads| loads[0] * weight + loads[2] * (1.0 - weight);
        for (tenant, hull) in problem.tenants.iter().zip(&hulls) {
            supply += tenant.base().cache_bytes as f64 - hull[0].0;
            load += weighted(loads_of(tenant, hull[0].0, &total));
            for ends in hull.windows(2) {
                let fall = weighted(loads_of(tenant, ends[0].0, &total))
                    - weighted(loads_of(tenant, ends[1].0, &total));
                edges.push((fall / (ends[1].0 - ends[0].0), ends[1].0 - ends[0].0));
            }
        }
        edges.sort_by(|a, b| b.0.total_cmp(&a.0));
        for (fall, bytes) in edges {
            let taken = bytes.min(supply);
            load -= fall * taken;
            supply -= taken;
        }
        load
    };
    // The dual is concave in the weight.
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..60 {
        let (left, right) = (low + (high - low) * 0.382, low + (high - low) * 0.618);
        if dual(left) < dual(right) { low = left } else { high = right }
    }
    let best = [0.0, 1.0, (low + high) / 2.0].map(dual).into_iter().fold(0.0, f64::max);
    let write: f64 = problem.tenants.iter().map(|tenant| loads_of(tenant, 0.0, &total)[1]).sum();
    ratio([best, write, 0.0])
}

fn convex_hull(tenant: &TenantInput, least: f64) -> Vec<(f64, f64)> {
    let ticks = tenant.curve().points().map(|point| point.0 as f64).filter(|&bytes| bytes > least);
    let mut hull: Vec<(f64, f64)> = Vec::new();
    for bytes in std::iter::once(least).chain(ticks) {
        let point = (bytes, interpolated(tenant, bytes));
        while let [.., a, b] = hull[..]
            && (b.1 - a.1) * (point.0 - a.0) >= (point.1 - a.1) * (b.0 - a.0)
        {
            hull.pop();
        }
        hull.push(point);
    }
    hull
}

/// The loads of every tenant at every whole step it may be given, from the fewest on, and how many
/// steps there are to give.
fn whole_steps(problem: &Problem) -> (Vec<Vec<Loads>>, usize) {
    let total = totals(&problem.tenants);
    let step = problem.params.cache_step_bytes;
    let mut supply = 0;
    let mut loads = Vec::new();
    for tenant in &problem.tenants {
        let base = tenant.base().cache_bytes;
        let below = base.saturating_sub(problem.params.min_cache_bytes.min(base)) / step;
        let end = tenant.curve().bytes().last().copied().unwrap_or(0);
        let above = end.saturating_sub(base) / step + 1;
        let at =
            |position| loads_of(tenant, (base - below * step + position * step) as f64, &total);
        loads.push((0..=below + above).map(at).collect());
        supply += usize::try_from(below).expect("few steps");
    }
    (loads, supply)
}

/// The improve ratio of the best split that dynamic programming over whole steps finds: exact where
/// either reads or net bind; where both do, the best of the splits that are optimal for one of
/// `weights` between them.
pub(crate) fn whole_step_optimum(problem: &Problem, weights: u32) -> f64 {
    let (loads, supply) = whole_steps(problem);
    let weights = (0..weights).map(|index| f64::from(index) / f64::from(weights - 1));
    weights.map(|weight| ratio(best_for(&loads, supply, weight))).fold(f64::NEG_INFINITY, f64::max)
}

/// The improve ratio of the best of all splits of up to three tenants.
pub(crate) fn exhaustive_optimum(problem: &Problem) -> f64 {
    let (mut loads, supply) = whole_steps(problem);
    assert!((2..=3).contains(&loads.len()), "too many splits");
    if loads.len() == 2 {
        loads.push(vec![[0.0; 3]]);
    }
    let mut best = f64::NEG_INFINITY;
    for (first, a) in loads[0].iter().enumerate().take(supply + 1) {
        for (second, b) in loads[1].iter().enumerate().take(supply - first + 1) {
            let third = (supply - first - second).min(loads[2].len() - 1);
            let c = loads[2][third];
            best = best.max(ratio(std::array::from_fn(|rate| a[rate] + b[rate] + c[rate])));
        }
    }
    best
}

/// The loads of the split with the least weighted load among those that use up to `supply` steps.
fn best_for(loads: &[Vec<Loads>], supply: usize, weight: f64) -> Loads {
    let cost = |loads: &Loads| loads[0] * weight + loads[2] * (1.0 - weight);
    let mut least = vec![0.0; supply + 1];
    let mut choices = Vec::new();
    for positions in loads {
        let mut next = vec![f64::INFINITY; supply + 1];
        let mut choice = vec![0_usize; supply + 1];
        for (position, loads) in positions.iter().enumerate().take(supply + 1) {
            let cost = cost(loads);
            for (used, &before) in least[..=supply - position].iter().enumerate() {
                if before + cost < next[used + position] {
                    next[used + position] = before + cost;
                    choice[used + position] = position;
                }
            }
        }
        least = next;
        choices.push(choice);
    }
    let end = (0..=supply).min_by(|&a, &b| least[a].total_cmp(&least[b])).unwrap_or(0);
    let mut left = end;
    let mut sum = [0.0; 3];
    for (choice, positions) in choices.iter().zip(loads).rev() {
        let position = choice[left];
        left -= position;
        for (sum, load) in sum.iter_mut().zip(positions[position]) {
            *sum += load;
        }
    }
    sum
}
