//! From fractions to whole steps: branch and bound over the cliffs.
//!
//! The relaxed solution leaves one tenant inside a hull edge. Where its curve runs along the edge
//! nothing is lost. Where the curve stays above it (a flat stretch before a cliff) the steps it has
//! there are wasted, and the question is who should have them. The search branches: the tenant gets
//! at most what it has, or at least one step more. Either way the edge gives way to the hull of the
//! part that is left, which joins the rest convexly, and since the solution was the best for its
//! price, the best one of the branch comes from moving steps in one direction only: taken back
//! where they are worth least, or given where they are worth most. Every node is thus a feasible
//! split as well as a bound, and a node whose bound does not beat the best split is dropped.
//!
//! With `n` tenants and hulls of `h` corners a node costs `O(n)` per edge crossed, a few in practice.
//! Only the [`CORE`] tenants with edges nearest the price take part (the core of a knapsack problem:
//! Balas and Zemel 1980); further away a change tends to cost more than a cliff. What is still open
//! after [`MAX_NODES`], or because reads and net bind together, is left to exchanges between pairs.

use crate::optimum::fluid::{self, EDGE_WEIGHT, Fluid};
use crate::optimum::hull::{Corner, Hull};
use crate::optimum::model::{Load, Model, ROUNDING};

/// Tenants that take part.
const CORE: usize = 48;
/// Nodes looked at for one weight.
const MAX_NODES: usize = 400;
/// A gap to the bound of this part of it is not worth trying other weights.
const MOST_GAP: f64 = 5e-4;
/// Weights of reads tried in that case.
const OTHER_WEIGHTS: [f64; 4] = [1.0 - EDGE_WEIGHT, 0.67, 0.33, EDGE_WEIGHT];
/// Rounds of exchanges.
const MAX_EXCHANGES: usize = 40;
/// Exchanges move up to 2 to the power of this many steps, less one power.
const EXCHANGE_SIZES: u32 = 8;

/// How much the greatest load may be above its bound for the split to count as optimal: 2e-7 of
/// improve ratio.
fn slack(worst: f64) -> f64 {
    2e-7 * worst * worst
}

/// A whole-step split.
#[derive(Clone, Debug)]
pub(super) struct Split {
    /// Steps of each tenant, relative to base; they add up to zero.
    pub(super) steps: Vec<i64>,
    /// Whether no split is better by more than 2e-7 of improve ratio.
    pub(super) is_optimal: bool,
}

/// The best split found. The search starts from the relaxed solution with the greatest bound. That
/// one may know nothing of cliffs in the other resource, so while the gap is more than [`MOST_GAP`],
/// the search goes on from relaxed solutions for other weights; whichever is exhausted first has
/// proved the best split, for every weight gives a bound.
pub(super) fn repair(model: &Model<'_>) -> Split {
    let fluid = fluid::solve(model);
    let bound = fluid.bound().max(model.write);
    let mut best = Best { steps: fluid.steps.clone(), worst: f64::INFINITY };
    let mut is_optimal = search(model, &fluid, &mut best);
    for weight in OTHER_WEIGHTS {
        if is_optimal || best.worst <= bound * (1.0 + MOST_GAP) {
            break;
        }
        is_optimal = search(model, &fluid::solve_for(model, weight), &mut best);
    }
    is_optimal |= best.worst <= bound + slack(best.worst);
    // Where the slack drowns in rounding, nothing is proved.
    is_optimal &= model.is_exact && slack(best.worst) > ROUNDING;
    Split { steps: best.steps, is_optimal }
}

/// Searches from one relaxed solution. Returns whether no split is better than what `best` is then.
fn search(model: &Model<'_>, fluid: &Fluid, best: &mut Best) -> bool {
    let mut search = Search::new(model, fluid);
    search.run(best);
    if !search.is_exhausted {
        search.exchange(best);
    }
    search.is_exhausted
}

/// The best split so far.
struct Best {
    steps: Vec<i64>,
    /// Its greatest load.
    worst: f64,
}

/// Where one tenant of the core stands.
#[derive(Clone, Copy, Debug)]
struct Place {
    hull: usize,
    /// The last corner at or below `steps`.
    corner: usize,
    steps: i64,
    /// What the next step is worth.
    up: f64,
    /// What the last step is worth.
    down: f64,
}

/// A relaxed solution of one branch.
#[derive(Clone, Debug)]
struct Node {
    places: Vec<Place>,
    /// Loads of all tenants, those of the core along their hulls.
    load: Load,
}

struct Search<'a> {
    model: &'a Model<'a>,
    weight: f64,
    /// Steps of those who do not take part.
    steps: &'a [i64],
    /// Tenants that take part, by index.
    core: Vec<usize>,
    /// Their hulls first, then those of the branches.
    hulls: Vec<Hull>,
    open: Vec<Node>,
    /// Whether every other split has been ruled out.
    is_exhausted: bool,
}

impl<'a> Search<'a> {
    fn new(model: &'a Model<'a>, fluid: &'a Fluid) -> Self {
        let core = core_of(model, fluid);
        let hulls = core.iter().map(|&tenant| model.rows[tenant].hull.clone()).collect();
        let is_exhausted = core.len() == model.rows.len();
        let mut search = Self {
            model,
            weight: fluid.weight,
            steps: &fluid.steps,
            core,
            hulls,
            open: Vec::new(),
            is_exhausted,
        };
        let mut places = Vec::with_capacity(search.core.len());
        for (member, &tenant) in search.core.iter().enumerate() {
            let (corner, steps) = (fluid.corners[tenant], fluid.steps[tenant]);
            let mut place = Place { hull: member, corner, steps, up: 0.0, down: 0.0 };
            search.price(member, &mut place);
            places.push(place);
        }
        search.open.push(Node { places, load: fluid.load });
        search
    }

    fn run(&mut self, best: &mut Best) {
        let mut nodes = 0;
        while let Some(node) = self.open.pop() {
            if node.load.weighted(self.weight).max(self.model.write)
                >= best.worst - slack(best.worst)
            {
                continue;
            }
            if nodes == MAX_NODES {
                self.is_exhausted = false;
                return;
            }
            nodes += 1;
            self.visit(&node, best);
        }
    }

    /// Takes the node's split if it is the best so far, and branches where it lies off its bound.
    fn visit(&mut self, node: &Node, best: &mut Best) {
        let mut load = node.load;
        let mut farthest = (0.0, None);
        for (member, place) in node.places.iter().enumerate() {
            if place.steps == self.hulls[place.hull].0[place.corner].steps {
                continue;
            }
            let row = &self.model.rows[self.core[member]];
            let above = row.miss_ratio_at(place.steps) - self.chord_at(place);
            load = load.plus(row.load, above);
            let cost = above * row.load.weighted(self.weight);
            if cost > farthest.0 {
                farthest = (cost, Some(member));
            }
        }
        let worst = self.model.worst(load);
        if worst < best.worst {
            best.worst = worst;
            best.steps.copy_from_slice(self.steps);
            for (place, &tenant) in node.places.iter().zip(&self.core) {
                best.steps[tenant] = place.steps;
            }
        }
        let bound = node.load.weighted(self.weight).max(self.model.write);
        let allowed = slack(best.worst);
        if best.worst <= bound + allowed {
            return;
        }
        match farthest {
            (cost, Some(member)) if cost > allowed * 0.1 => self.branch(node, member),
            // On its bound for this weight, yet not for both resources at once.
            _ => self.is_exhausted = false,
        }
    }

    fn branch(&mut self, node: &Node, member: usize) {
        let mut children = [self.at_most(node, member), self.at_least_one_more(node, member)];
        children.sort_by(|a, b| {
            let bound = |child: &Option<Node>| {
                child.as_ref().map_or(f64::INFINITY, |node| node.load.weighted(self.weight))
            };
            bound(b).total_cmp(&bound(a))
        });
        self.open.extend(children.into_iter().flatten());
    }

    /// The branch in which the tenant gets at most the steps it has.
    fn at_most(&mut self, node: &Node, member: usize) -> Option<Node> {
        let place = node.places[member];
        let row = &self.model.rows[self.core[member]];
        let mut corners = self.hulls[place.hull].0[..place.corner].to_vec();
        let from = self.hulls[place.hull].0[place.corner];
        corners.extend(row.hull_between(from.steps, place.steps).0);
        let surplus = place.steps - from.steps;
        let mut node = node.clone();
        node.load = node.load.plus(row.load, from.miss_ratio - self.chord_at(&place));
        self.stand(&mut node, member, corners, place.corner);
        self.give(&mut node, surplus).then_some(node)
    }

    /// The branch in which the tenant gets at least one step more than it has.
    fn at_least_one_more(&mut self, node: &Node, member: usize) -> Option<Node> {
        let place = node.places[member];
        let row = &self.model.rows[self.core[member]];
        let to = self.hulls[place.hull].0[place.corner + 1];
        let mut corners = row.hull_between(place.steps + 1, to.steps).0;
        let at = corners.len() - 1;
        corners.extend(&self.hulls[place.hull].0[place.corner + 2..]);
        let shortage = to.steps - place.steps;
        let mut node = node.clone();
        node.load = node.load.plus(row.load, to.miss_ratio - self.chord_at(&place));
        self.stand(&mut node, member, corners, at);
        self.take(&mut node, shortage).then_some(node)
    }

    /// Puts a tenant at a corner of a new hull.
    fn stand(&mut self, node: &mut Node, member: usize, corners: Vec<Corner>, corner: usize) {
        let steps = corners[corner].steps;
        let mut place = Place { hull: self.hulls.len(), corner, steps, up: 0.0, down: 0.0 };
        self.hulls.push(Hull(corners));
        self.price(member, &mut place);
        node.places[member] = place;
    }

    /// Gives steps to whom they are worth most; false if not all can be placed.
    fn give(&self, node: &mut Node, mut steps: i64) -> bool {
        while steps > 0 {
            let Some(member) = first_greatest(node.places.iter().map(|place| place.up)) else {
                return false;
            };
            let mut place = node.places[member];
            let Hull(corners) = &self.hulls[place.hull];
            let next_steps = corners[place.corner + 1].steps;
            let given = steps.min(next_steps - place.steps);
            self.shift(&mut node.load, member, &place, place.corner, given);
            place.steps += given;
            place.corner += usize::from(place.steps == next_steps);
            steps -= given;
            self.price(member, &mut place);
            node.places[member] = place;
        }
        true
    }

    /// Takes steps from whom they are worth least; false if not all can be had.
    fn take(&self, node: &mut Node, mut steps: i64) -> bool {
        while steps > 0 {
            let Some(member) = first_greatest(node.places.iter().map(|place| -place.down)) else {
                return false;
            };
            let mut place = node.places[member];
            let Hull(corners) = &self.hulls[place.hull];
            place.corner -= usize::from(place.steps == corners[place.corner].steps);
            let taken = steps.min(place.steps - corners[place.corner].steps);
            self.shift(&mut node.load, member, &place, place.corner, -taken);
            place.steps -= taken;
            steps -= taken;
            self.price(member, &mut place);
            node.places[member] = place;
        }
        true
    }

    /// Counts `steps` more along the edge after `corner` into `load`.
    fn shift(&self, load: &mut Load, member: usize, place: &Place, corner: usize, steps: i64) {
        let fall = self.hulls[place.hull].fall_after(corner).unwrap_or(0.0);
        *load = load.plus(self.model.rows[self.core[member]].load, -fall * steps as f64);
    }

    fn price(&self, member: usize, place: &mut Place) {
        let hull = &self.hulls[place.hull];
        let value = self.model.rows[self.core[member]].load.weighted(self.weight);
        let next = hull.fall_after(place.corner);
        let last = if place.steps > hull.0[place.corner].steps {
            next
        } else {
            place.corner.checked_sub(1).and_then(|before| hull.fall_after(before))
        };
        place.up = next.map_or(f64::NEG_INFINITY, |fall| fall * value);
        place.down = last.map_or(f64::INFINITY, |fall| fall * value);
    }

    /// The miss ratio of a place along its hull.
    fn chord_at(&self, place: &Place) -> f64 {
        let hull = &self.hulls[place.hull];
        let corner = hull.0[place.corner];
        let fall = hull.fall_after(place.corner).unwrap_or(0.0);
        corner.miss_ratio - fall * (place.steps - corner.steps) as f64
    }

    /// Moves steps between pairs of the core while that lowers the greatest load.
    fn exchange(&self, best: &mut Best) {
        let mut load = self.model.load_of(&best.steps);
        for _ in 0..MAX_EXCHANGES {
            let mut found = None;
            let mut worst = self.model.worst(load) * (1.0 - ROUNDING);
            for steps in (0..EXCHANGE_SIZES).map(|power| 1_i64 << power) {
                let changes = |steps: i64| self.changes(&best.steps, steps);
                let (falls, rises) = (changes(steps), changes(-steps));
                for &(donor, rise) in &rises {
                    let without = load.plus(rise, 1.0);
                    for &(receiver, fall) in &falls {
                        let after = without.plus(fall, 1.0);
                        if donor != receiver && self.model.worst(after) < worst {
                            worst = self.model.worst(after);
                            found = Some((donor, receiver, steps, after));
                        }
                    }
                }
            }
            let Some((donor, receiver, steps, after)) = found else { return };
            best.steps[donor] -= steps;
            best.steps[receiver] += steps;
            best.worst = worst;
            load = after;
        }
    }

    /// How `steps` more would change the loads, for each tenant of the core that may have them.
    fn changes(&self, held: &[i64], steps: i64) -> Vec<(usize, Load)> {
        let change = |&tenant: &usize| {
            let row = &self.model.rows[tenant];
            let (before, after) = (held[tenant], held[tenant] + steps);
            let is_allowed = (row.grid.least..=row.grid.most).contains(&after);
            let change = || row.miss_ratio_at(after) - row.miss_ratio_at(before);
            is_allowed.then(|| (tenant, Load::default().plus(row.load, change())))
        };
        self.core.iter().filter_map(change).collect()
    }
}

/// The tenants whose next or last edge is worth nearest to the price at which steps change hands.
fn core_of(model: &Model<'_>, fluid: &Fluid) -> Vec<usize> {
    let mut core: Vec<usize> = (0..model.rows.len()).collect();
    if core.len() <= CORE {
        return core;
    }
    let next_worth = |tenant: usize| {
        let row = &model.rows[tenant];
        let fall = row.hull.fall_after(fluid.corners[tenant]);
        fall.unwrap_or(0.0) * row.load.weighted(fluid.weight)
    };
    let last_worth = |tenant: usize| {
        let row = &model.rows[tenant];
        let before = fluid.corners[tenant].checked_sub(1);
        let fall = before.and_then(|before| row.hull.fall_after(before));
        fall.map_or(f64::INFINITY, |fall| fall * row.load.weighted(fluid.weight))
    };
    let distance =
        |tenant: usize| (fluid.price - next_worth(tenant)).min(last_worth(tenant) - fluid.price);
    let distances: Vec<f64> = core.iter().map(|&tenant| distance(tenant)).collect();
    core.select_nth_unstable_by(CORE, |&a, &b| {
        distances[a].total_cmp(&distances[b]).then(a.cmp(&b))
    });
    core.truncate(CORE);
    core.sort_unstable();
    core
}

/// The position of the greatest value above minus infinity; the first of equals.
fn first_greatest(values: impl Iterator<Item = f64>) -> Option<usize> {
    let mut best = (f64::NEG_INFINITY, None);
    for (position, value) in values.enumerate() {
        if value > best.0 {
            best = (value, Some(position));
        }
    }
    best.1
}
