//! The exact terms of a problem: what each tenant needs, how far everyone can grow with a split of
//! the cache, and what everyone is then given.

use std::cmp::Ordering;

use crate::level::{Ramp, level_of, share_out};
use crate::policy::Params;
use crate::resources::{Rates, Resources};
use crate::tenant::{TenantInput, base_throughput_per_s};

/// A load of less than this limits nobody, so no growth is beyond its inverse.
pub(super) const LEAST_LOAD: f64 = 1e-12;
/// By how much a need may exceed a ceiling through rounding.
pub(super) const ROUNDING: f64 = 1e-12;

/// Picks one rate out of the three.
pub(super) type Pick = fn(&Rates) -> f64;

pub(super) const PICKS: [Pick; 3] = [
    |rates| rates.read_units_per_s,
    |rates| rates.write_units_per_s,
    |rates| rates.net_bytes_per_s,
];

/// A problem with what does not change while it is solved.
#[derive(Debug)]
pub(super) struct Problem<'a> {
    pub(super) params: &'a Params,
    /// In an order that follows from what they are (see [`order`]), so that who comes first in the
    /// inputs decides nothing.
    pub(super) tenants: Vec<&'a TenantInput>,
    /// The position in the inputs of each of `tenants`.
    positions: Vec<usize>,
    /// What each tenant's base share sustains; 0 for idle ones.
    pub(super) throughput_per_s: Vec<f64>,
    /// The most by which its ceilings let each tenant grow at its base cache, 1 or more.
    pub(super) growth_limit: Vec<f64>,
    pub(super) total: Rates,
    /// Part of every rate to hold back, 0..=1.
    reserve: f64,
    /// Whether all weights are 1 and no rate has a floor or a ceiling.
    is_plain: bool,
}

impl<'a> Problem<'a> {
    pub(super) fn new(params: &'a Params, tenants: &'a [TenantInput]) -> Self {
        let mut positions: Vec<usize> = (0..tenants.len()).collect();
        positions.sort_by(|&a, &b| order(&tenants[a], &tenants[b]));
        let tenants: Vec<&TenantInput> =
            positions.iter().map(|&position| &tenants[position]).collect();
        let mut problem = Self {
            params,
            positions,
            reserve: if params.reserve > 0.0 { params.reserve.min(1.0) } else { 0.0 },
            throughput_per_s: tenants
                .iter()
                .map(|tenant| base_throughput_per_s(tenant).unwrap_or(0.0))
                .collect(),
            growth_limit: vec![f64::INFINITY; tenants.len()],
            total: tenants.iter().map(|tenant| tenant.base().rates()).sum(),
            is_plain: tenants.iter().all(|tenant| is_plain(tenant)),
            tenants,
        };
        if !problem.is_plain {
            for (index, tenant) in problem.tenants.iter().enumerate() {
                let needed = problem.needed(index, tenant.base().cache_bytes);
                problem.growth_limit[index] = growth_within(needed, tenant).max(1.0);
            }
        }
        problem
    }

    /// Brings a list in the order of the inputs into that of `tenants`.
    pub(super) fn sorted<T: Copy>(&self, inputs: &[T]) -> Vec<T> {
        self.positions.iter().map(|&position| inputs[position]).collect()
    }

    /// Brings a list in the order of `tenants` into that of the inputs.
    fn unsorted<T: Copy + Default>(&self, sorted: &[T]) -> Vec<T> {
        let mut inputs = vec![T::default(); sorted.len()];
        for (&position, &value) in self.positions.iter().zip(sorted) {
            inputs[position] = value;
        }
        inputs
    }

    /// Whether no tenant gets anything done with its base share.
    pub(super) fn is_idle(&self) -> bool {
        self.throughput_per_s.iter().all(|&throughput_per_s| throughput_per_s <= 0.0)
    }

    /// Whether all weights are 1 and no rate has a floor or a ceiling.
    pub(super) fn is_plain(&self) -> bool {
        self.is_plain
    }

    /// The base caches.
    pub(super) fn base_cache_bytes(&self) -> Vec<u64> {
        self.tenants.iter().map(|tenant| tenant.base().cache_bytes).collect()
    }

    /// The rates a tenant needs for its base throughput with `cache_bytes` of cache.
    pub(super) fn needed(&self, tenant: usize, cache_bytes: u64) -> Rates {
        let input = self.tenants[tenant];
        let miss_ratio = input.curve().miss_ratio_at(cache_bytes);
        let mut needed =
            input.demand().at_miss_ratio(miss_ratio).rates_at(self.throughput_per_s[tenant]);
        // Base write units always do: cache saves none, so what a base share sustains needs no more.
        let with_margin = needed.write_units_per_s * (1.0 + input.write_margin());
        let least = needed.write_units_per_s;
        needed.write_units_per_s = with_margin.min(input.base().write_units_per_s).max(least);
        if cache_bytes == input.base().cache_bytes && input.entitled_miss_ratio().is_none() {
            // Base throughput is what the base share sustains; anything more is rounding.
            needed.zip(input.base().rates(), f64::min)
        } else {
            needed
        }
    }

    /// The largest `r` for which every tenant can reach `1 + weight * r` times its base throughput,
    /// or what its ceilings sustain at its base cache if that is less, with the reserve untouched.
    /// Below 0 where the reserve, or base throughput itself, cannot be kept.
    pub(super) fn ratio(&self, cache_bytes: &[u64]) -> f64 {
        let needed = self.needed_with(cache_bytes);
        let ratio = PICKS
            .map(|pick| self.ratio_by(pick, &needed))
            .into_iter()
            .fold(1.0 / LEAST_LOAD, f64::min);
        if self.is_plain { ratio } else { self.within_own_limits(&needed, ratio) }
    }

    /// The ratio as far as write units limit it, whatever the split.
    pub(super) fn ratio_by_writes(&self) -> f64 {
        let [_, write, _] = PICKS;
        self.ratio_by(write, &self.needed_with(&self.base_cache_bytes()))
    }

    /// The ratio as far as one rate limits it.
    fn ratio_by(&self, pick: Pick, needed: &[Rates]) -> f64 {
        let total = pick(&self.total);
        let to_give = total * (1.0 - self.reserve);
        let held: f64 = if self.is_plain {
            needed.iter().map(pick).sum()
        } else {
            let floors = self.tenants.iter().map(|tenant| pick(&tenant.bounds().min.rates()));
            needed.iter().map(pick).zip(floors).map(|(held, floor)| held.max(floor)).sum()
        };
        if held <= total * LEAST_LOAD {
            1.0 / LEAST_LOAD
        } else if self.is_plain || held >= to_give {
            // An infinite need gives -1.
            to_give / held - 1.0
        } else {
            level_of(to_give, &self.ramps(needed, pick, true))
        }
    }

    fn needed_with(&self, cache_bytes: &[u64]) -> Vec<Rates> {
        (0..self.tenants.len()).map(|tenant| self.needed(tenant, cache_bytes[tenant])).collect()
    }

    /// Whether these caches add up, lie within their bounds and sustain base throughput.
    pub(super) fn allows(&self, cache_bytes: &[u64]) -> bool {
        let sum = |bytes: &mut dyn Iterator<Item = u64>| bytes.map(u128::from).sum::<u128>();
        let total_bytes = sum(&mut self.tenants.iter().map(|tenant| tenant.base().cache_bytes));
        let is_within = |(tenant, &cache_bytes): (usize, &u64)| {
            let input = self.tenants[tenant];
            let least_bytes = self.least_cache_bytes(input);
            (least_bytes..=input.bounds().max.cache_bytes).contains(&cache_bytes)
                && growth_within(self.needed(tenant, cache_bytes), input) >= 1.0 - ROUNDING
        };
        sum(&mut cache_bytes.iter().copied()) == total_bytes
            && cache_bytes.iter().enumerate().all(is_within)
            && self.ratio(cache_bytes) >= -self.reserve - ROUNDING
    }

    /// The least cache a tenant may be left with.
    pub(super) fn least_cache_bytes(&self, tenant: &TenantInput) -> u64 {
        let least_bytes = tenant.bounds().min.cache_bytes.max(self.params.min_cache_bytes);
        least_bytes.min(tenant.base().cache_bytes)
    }

    /// Lowers `ratio` to where those who gave cache still reach their growth within their ceilings,
    /// and to where the last tenant stops growing.
    fn within_own_limits(&self, needed: &[Rates], mut ratio: f64) -> f64 {
        let mut last = 0.0_f64;
        for (tenant, input) in self.tenants.iter().enumerate() {
            if input.weight() <= 0.0 || self.throughput_per_s[tenant] <= 0.0 {
                continue;
            }
            last = last.max((self.growth_limit[tenant] - 1.0) / input.weight());
            let limit = growth_within(needed[tenant], input);
            if limit < self.growth_limit[tenant] * (1.0 - ROUNDING) {
                ratio = ratio.min((limit - 1.0) / input.weight());
            }
        }
        ratio.min(last)
    }

    /// What tenants hold of one rate over `r`: their needs grown, or with `is_capped` no further
    /// than to their growth limits.
    fn ramps(&self, needed: &[Rates], pick: Pick, is_capped: bool) -> Vec<Ramp> {
        let tenants = self.tenants.iter().zip(needed).zip(&self.growth_limit);
        let ramp = |((tenant, needed), &limit): ((&&TenantInput, &Rates), &f64)| {
            let start = pick(needed);
            let floor = pick(&tenant.bounds().min.rates());
            let most = pick(&tenant.bounds().max.rates());
            let limited = if limit.is_finite() { start * limit } else { f64::INFINITY };
            let ceiling = if is_capped { limited.min(most) } else { most };
            let slope = if start > 0.0 { start * tenant.weight() } else { 0.0 };
            Ramp { start, slope, floor, ceiling: ceiling.max(floor).max(start) }
        };
        tenants.map(ramp).collect()
    }

    /// Everyone's share with these caches, in the order of the inputs. A tenant gets what it needs for
    /// its base throughput, and of what is left, less the reserve, a part in proportion to weight
    /// times need.
    pub(super) fn shares(&self, cache_bytes: Vec<u64>) -> Vec<Resources> {
        let needed = self.needed_with(&cache_bytes);
        let [read, write, net] = PICKS.map(|pick| {
            // First as far as everyone can use it, then what is left over as far as it is allowed.
            let useful = self.ramps(&needed, pick, true);
            let total = pick(&self.total);
            let least: f64 = useful.iter().map(|ramp| ramp.at(0.0)).sum();
            let kept_back = (total * self.reserve).min(total - least).max(0.0);
            let level = level_of(total - kept_back, &useful);
            let mut allowed = self.ramps(&needed, pick, false);
            for (ramp, useful) in allowed.iter_mut().zip(useful) {
                ramp.start = useful.at(level);
                ramp.floor = ramp.start;
            }
            share_out(total - kept_back, allowed)
        });
        let shares = cache_bytes.into_iter().enumerate().map(|(tenant, cache_bytes)| Resources {
            cache_bytes,
            read_units_per_s: read[tenant],
            write_units_per_s: write[tenant],
            net_bytes_per_s: net[tenant],
        });
        self.unsorted(&shares.collect::<Vec<_>>())
    }
}

/// Orders tenants by what they are; equals are alike in every respect.
fn order(a: &TenantInput, b: &TenantInput) -> Ordering {
    let numbers = |tenant: &TenantInput| {
        let (demand, bounds) = (tenant.demand(), tenant.bounds());
        let amounts = [demand.net_bytes, demand.read_units, demand.write_units, demand.net_alpha];
        let shares = [tenant.base(), &bounds.min, &bounds.max].map(|share| {
            let [read, write, net] = PICKS.map(|pick| pick(&share.rates()));
            [share.cache_bytes as f64, read, write, net]
        });
        let entitled = tenant.entitled_miss_ratio().unwrap_or(-1.0);
        let rest =
            [tenant.weight(), tenant.current_cache_bytes() as f64, entitled, tenant.write_margin()];
        amounts.into_iter().chain(shares.into_iter().flatten()).chain(rest)
    };
    let by_number = |(a, b): (f64, f64)| Some(a.total_cmp(&b)).filter(|order| order.is_ne());
    let by_curve = || {
        let (a, b) = (a.curve(), b.curve());
        let mut ratios = a.miss_ratios().iter().copied().zip(b.miss_ratios().iter().copied());
        let by_ratio = || ratios.find_map(by_number).unwrap_or(Ordering::Equal);
        a.bytes().cmp(b.bytes()).then_with(by_ratio)
    };
    numbers(a).zip(numbers(b)).find_map(by_number).unwrap_or_else(by_curve)
}

/// How many times `needed` a tenant's ceilings hold.
pub(super) fn growth_within(needed: Rates, tenant: &TenantInput) -> f64 {
    let most = tenant.bounds().max.rates();
    most.zip(needed, |most, needed| if needed > 0.0 { most / needed } else { f64::INFINITY })
        .least()
}

/// Whether a tenant has weight 1 and no bounds on its rates.
fn is_plain(tenant: &TenantInput) -> bool {
    let (min, max) = (tenant.bounds().min.rates(), tenant.bounds().max.rates());
    let is_free = |pick: &Pick| pick(&min) <= 0.0 && pick(&max).is_infinite();
    (tenant.weight() - 1.0).abs() < f64::EPSILON && PICKS.iter().all(is_free)
}
