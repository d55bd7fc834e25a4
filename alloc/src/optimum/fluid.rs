//! The relaxed problem: cache in fractions of a step, along convex hulls.
//!
//! For a weight between reads and net it separates into tenants: steps go where the weighted load
//! falls most per step, so all hull edges are taken in the order of their worth until no steps are
//! left. The cut is found by selection in time linear in the number of edges. One tenant ends up
//! inside an edge; the number of steps it has there is whole, for everyone else is at a corner.
//!
//! The weighted load of that solution is a lower bound for the greatest load of any split, for
//! every weight. The weight with the best bound is found by intersecting lines: a split's weighted
//! load is a line over the weight, and the bound is the lower envelope of them all (Kelley 1960).

use crate::optimum::model::{Load, Model};

/// How near to 0 and 1 weights go; a trace of the other resource decides between equals.
pub(super) const EDGE_WEIGHT: f64 = 1e-9;
/// Weights tried at most.
const MAX_WEIGHTS: usize = 24;
/// A gain of the bound below this part of it is rounding.
const ROUNDING: f64 = 1e-12;

/// A solution of the relaxed problem.
#[derive(Clone, Debug)]
pub(super) struct Fluid {
    /// The weight of reads it is best for.
    pub(super) weight: f64,
    /// The corner each tenant is at, or has behind it.
    pub(super) corners: Vec<usize>,
    /// Steps of each tenant.
    pub(super) steps: Vec<i64>,
    /// What the last step given is worth, in weighted load.
    pub(super) price: f64,
    /// Loads along the hulls.
    pub(super) load: Load,
}

impl Fluid {
    /// The lower bound it proves.
    pub(super) fn bound(&self) -> f64 {
        self.load.weighted(self.weight)
    }
}

/// One edge of a hull as the selection sees it.
#[derive(Clone, Copy)]
struct Edge {
    worth: f64,
    tenant: usize,
    corner: usize,
    steps: i64,
}

impl Edge {
    /// From the most to the least worth; of equals, the first tenant's first.
    fn order(&self, other: &Self) -> std::cmp::Ordering {
        let by_worth = other.worth.total_cmp(&self.worth);
        by_worth.then(self.tenant.cmp(&other.tenant)).then(self.corner.cmp(&other.corner))
    }
}

/// The relaxed solution with the greatest bound.
pub(super) fn solve(model: &Model<'_>) -> Fluid {
    let mut edges = Vec::new();
    let mut at = |weight: f64| solve_with(model, weight, &mut edges);
    let for_read = at(1.0 - EDGE_WEIGHT);
    if for_read.load.read >= for_read.load.net {
        return for_read;
    }
    let for_net = at(EDGE_WEIGHT);
    if for_net.load.net >= for_net.load.read {
        return for_net;
    }
    // Now reads are the greater load of `low` and net that of `high`: the best weight is between.
    let (mut low, mut high) = (for_net, for_read);
    for _ in 0..MAX_WEIGHTS {
        let low_excess = low.load.read - low.load.net;
        let high_excess = high.load.net - high.load.read;
        let spread = low_excess + high_excess;
        let weight = (high.load.net - low.load.net) / spread;
        if !(EDGE_WEIGHT..=1.0 - EDGE_WEIGHT).contains(&weight) {
            break;
        }
        let crossing = low.load.weighted(weight);
        let next = at(weight);
        if next.bound() >= crossing * (1.0 - ROUNDING) {
            low = next;
            break;
        }
        if next.load.read >= next.load.net {
            low = next;
        } else {
            high = next;
        }
    }
    if high.bound() > low.bound() { high } else { low }
}

/// The relaxed solution for one weight.
pub(super) fn solve_for(model: &Model<'_>, weight: f64) -> Fluid {
    solve_with(model, weight, &mut Vec::new())
}

fn solve_with(model: &Model<'_>, weight: f64, edges: &mut Vec<Edge>) -> Fluid {
    edges.clear();
    let mut supply = 0_i64;
    for (tenant, row) in model.rows.iter().enumerate() {
        supply -= row.grid.least;
        let value = row.load.weighted(weight);
        let mut worth = f64::INFINITY;
        for (corner, ends) in row.hull.0.windows(2).enumerate() {
            let steps = ends[1].steps - ends[0].steps;
            // The minimum keeps rounding from putting a later edge before an earlier one.
            worth = worth.min(value * (ends[0].miss_ratio - ends[1].miss_ratio) / steps as f64);
            edges.push(Edge { worth, tenant, corner, steps });
        }
    }
    let (taken, part) = cut(edges, supply);
    let mut corners = vec![0; model.rows.len()];
    for edge in &edges[..taken] {
        corners[edge.tenant] += 1;
    }
    let inside = edges.get(taken).map(|edge| edge.tenant);
    let price = edges.get(taken).map_or(0.0, |edge| edge.worth);
    let mut fluid = Fluid { weight, corners, steps: Vec::new(), price, load: model.fixed };
    for (tenant, (row, &at)) in model.rows.iter().zip(&fluid.corners).enumerate() {
        let part = if inside == Some(tenant) { part } else { 0 };
        let corner = row.hull.0[at];
        let fall = row.hull.fall_after(at).unwrap_or(0.0) * part as f64;
        fluid.steps.push(corner.steps + part);
        fluid.load = fluid.load.plus(row.load, corner.miss_ratio - fall);
    }
    fluid
}

/// Sorts the edges that `supply` pays for to the front. Returns their number and the part, in steps,
/// that is taken of the edge after them.
fn cut(edges: &mut [Edge], mut supply: i64) -> (usize, i64) {
    let (mut from, mut to) = (0, edges.len());
    while from < to {
        let middle = from + (to - from) / 2;
        edges[from..to].select_nth_unstable_by(middle - from, Edge::order);
        let better: i64 = edges[from..middle].iter().map(|edge| edge.steps).sum();
        if better > supply {
            to = middle;
        } else if better + edges[middle].steps > supply {
            return (middle, supply - better);
        } else {
            supply -= better + edges[middle].steps;
            from = middle + 1;
        }
    }
    (from, 0)
}
