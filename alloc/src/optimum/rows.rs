//! From the exact terms to what the search sees: one row of the model per tenant.

use crate::optimum::hull::{Corner, Grid, Hull};
use crate::optimum::model::{Load, Model, Row};
use crate::optimum::problem::{LEAST_LOAD, PICKS, Problem, ROUNDING, growth_within};
use crate::resources::Rates;

/// Loads are cut here; a tenant that would need so much cannot be served anyway.
const MOST_LOAD: f64 = 1e30;
/// Loads above this lose precision when they are added up.
const EXACT_LOAD: f64 = 1e3;
/// Steps in either direction, at most, so that sums over all tenants stay within range.
const MOST_STEPS: i64 = 1 << 44;

/// Whose floor ends the use of more cache for a tenant that has one of reads and one of net.
#[derive(Clone, Copy, Debug)]
pub(super) enum Floor {
    /// The one reached last.
    OfBoth,
    /// That of reads, as if net did not bind.
    OfReads,
    /// That of net, as if reads did not bind.
    OfNet,
    /// None: what has no use for this target has one for a greater.
    Ignored,
}

impl<'a> Problem<'a> {
    /// The loads over whole-step splits when everyone is to grow by `ratio`. With weights of 1 and no
    /// bounds on rates the loads of every split are in proportion to the growth, so that the best one
    /// is the same for every ratio. Otherwise write units are left out: they limit the ratio, whatever
    /// the split ([`Self::ratio_by_writes`]), and what is always held as a floor counts as not there.
    /// Where cache takes a tenant below its floor of one rate but not of the other, `floor` says what
    /// to do.
    pub(super) fn model(&self, ratio: f64, floor: Floor) -> Model<'a> {
        let mut model =
            Model { rows: Vec::new(), fixed: Load::default(), write: 0.0, is_exact: true };
        let mut at_floor = Load::default();
        for index in 0..self.tenants.len() {
            at_floor = at_floor.plus(self.add_row(&mut model, index, ratio, floor), 1.0);
        }
        if self.is_plain() {
            return model;
        }
        model.write = 0.0;
        let rest = Load {
            read: (1.0 - at_floor.read).max(LEAST_LOAD),
            net: (1.0 - at_floor.net).max(LEAST_LOAD),
        };
        let loads = model.rows.iter_mut().map(|row| &mut row.load).chain([&mut model.fixed]);
        for load in loads {
            *load = Load { read: load.read / rest.read, net: load.net / rest.net };
        }
        model
    }

    /// Adds a tenant. Returns what it holds as a floor with any cache.
    fn add_row(&self, model: &mut Model<'a>, index: usize, ratio: f64, floor: Floor) -> Load {
        let mut at_floor = Load::default();
        let tenant = self.tenants[index];
        let growth = (1.0 + tenant.weight() * ratio.max(0.0)).min(self.growth_limit[index]);
        let target_per_s = self.throughput_per_s[index] * growth;
        let parts_at = |miss_ratio: f64| {
            self.parts(&tenant.demand().at_miss_ratio(miss_ratio).rates_at(target_per_s))
        };
        let ([_, write, hit_net], [read, _, missed_net]) = (parts_at(0.0), parts_at(1.0));
        let floors = self.parts(&tenant.bounds().min.rates());
        let grid = self.grid(index, growth);
        let mut load = Load { read, net: missed_net - hit_net };
        // Who does not even use its floor with the least cache needs as much with any.
        let most = parts_at(tenant.curve().miss_ratio_at(grid.bytes_at(grid.least)));
        if most[0] <= floors[0] {
            load.read = 0.0;
            at_floor.read = floors[0];
        }
        if most[2] <= floors[2] {
            load.net = 0.0;
            at_floor.net = floors[2];
        } else {
            model.fixed.net += hit_net;
        }
        // The miss ratios at which reads and net come down to their floors.
        let ratio_at = |rest: f64, load: f64| if load > 0.0 { rest / load } else { 1.0 };
        let (by_read, by_net) =
            (ratio_at(floors[0], load.read), ratio_at(floors[2] - hit_net, load.net));
        let least_miss_ratio = match floor {
            Floor::OfBoth => by_read.min(by_net),
            Floor::OfReads if load.read > 0.0 => by_read,
            Floor::OfNet if load.net > 0.0 => by_net,
            Floor::OfReads | Floor::OfNet => by_read.min(by_net),
            Floor::Ignored if load.read > 0.0 || load.net > 0.0 => 0.0,
            Floor::Ignored => 1.0,
        };
        let least_miss_ratio = least_miss_ratio.clamp(0.0, 1.0);
        let grid = self.grid(index, growth);
        let mut row =
            Row { curve: tenant.curve(), grid, hull: Hull(Vec::new()), load, least_miss_ratio };
        row.hull = if least_miss_ratio < 1.0 {
            row.hull_between(grid.least, grid.most)
        } else {
            // Cache is worth nothing to it: one flat edge.
            row.grid.most = 0;
            let ends = [grid.least, 0].map(|steps| Corner { steps, miss_ratio: 1.0 });
            Hull(ends[usize::from(grid.least == 0)..].to_vec())
        };
        model.write += write;
        model.is_exact &= load.read.max(load.net) <= EXACT_LOAD;
        model.rows.push(row);
        at_floor
    }

    /// Rates as parts of their totals.
    fn parts(&self, rates: &Rates) -> [f64; 3] {
        PICKS.map(|pick| {
            let amount = pick(rates);
            if amount > 0.0 { (amount / pick(&self.total)).min(MOST_LOAD) } else { 0.0 }
        })
    }

    /// The steps a tenant may give and get, if it is to grow by the factor `growth`.
    fn grid(&self, tenant: usize, growth: f64) -> Grid {
        let input = self.tenants[tenant];
        let step_bytes = self.params.cache_step_bytes.max(1);
        let base_bytes = input.base().cache_bytes;
        let steps =
            |bytes: u64| i64::try_from(bytes / step_bytes).unwrap_or(MOST_STEPS).min(MOST_STEPS);
        // Beyond the first tick with the last ratio, more cache changes nothing.
        let ratios = input.curve().miss_ratios();
        let last = ratios.last().copied().unwrap_or(1.0);
        let flat = ratios.partition_point(|&ratio| ratio > last);
        let useful_bytes = input.curve().bytes().get(flat).copied().unwrap_or(0);
        let useful = useful_bytes.saturating_sub(base_bytes);
        let most = steps(useful.saturating_add(step_bytes - 1))
            .min(steps(input.bounds().max.cache_bytes - base_bytes));
        let mut grid = Grid {
            base_bytes,
            step_bytes,
            least: -steps(base_bytes - self.least_cache_bytes(input)),
            most,
        };
        if self.growth_limit[tenant].is_finite() {
            grid.least = self.least_within_ceilings(tenant, &grid, growth);
        }
        grid
    }

    /// The fewest steps with which a tenant's ceilings still sustain `growth`.
    fn least_within_ceilings(&self, tenant: usize, grid: &Grid, growth: f64) -> i64 {
        let (mut low, mut high) = (grid.least, 0);
        while low < high {
            let middle = low + (high - low) / 2;
            let needed = self.needed(tenant, grid.bytes_at(middle));
            if growth_within(needed, self.tenants[tenant]) >= growth * (1.0 - ROUNDING) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        low
    }
}
