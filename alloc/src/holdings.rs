//! What tenants hold and what lies in the common pool while a policy works.
//!
//! Every policy begins by collecting what tenants cannot use and ends by giving the pool out; HARE
//! trades in between. Rates move through the pool, cache only between tenants.

use crate::demand::RequestCost;
use crate::resources::{Rates, Resources};
use crate::tenant::TenantInput;

/// Below this part of a resource's total, nobody holds any of it.
const NOTHING: f64 = 1e-12;

/// The resource that keeps everyone from growing further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bottleneck {
    /// Storage reads.
    ReadUnits,
    /// Storage writes.
    WriteUnits,
    /// Network bytes.
    Net,
}

/// Shares in the making.
#[derive(Clone, Debug)]
pub struct Holdings {
    /// Cache of each tenant, in bytes.
    pub cache_bytes: Vec<u64>,
    /// Rates each tenant holds.
    pub rates: Vec<Rates>,
    /// Rates nobody holds.
    pub pool: Rates,
    total: Rates,
}

impl Holdings {
    /// Step 1 of HARE: with its cache and base rates a tenant reaches a certain throughput; it keeps
    /// the rates that throughput uses and the pool gets the rest.
    #[must_use]
    pub fn collect_idle(tenants: &[TenantInput], cache_bytes: Vec<u64>) -> Self {
        let mut holdings = Self {
            cache_bytes,
            rates: Vec::with_capacity(tenants.len()),
            pool: Rates::default(),
            total: Rates::default(),
        };
        for (tenant, &cache_bytes) in tenants.iter().zip(&holdings.cache_bytes) {
            let cost = tenant.demand().at_miss_ratio(tenant.curve().miss_ratio_at(cache_bytes));
            let base = tenant.base().rates();
            let kept = used_of(&cost, base);
            holdings.rates.push(kept);
            holdings.pool += base - kept;
            holdings.total += base;
        }
        holdings
    }

    /// By how much everyone could grow if the pool were given out: the least of pool over held.
    /// Resources that nobody holds do not limit anyone; where nobody holds anything, it is 0.
    #[must_use]
    pub fn improve_ratio(&self) -> f64 {
        self.improve_ratio_with(self.pool)
    }

    /// [`Self::improve_ratio`] if the pool were `pool`.
    #[must_use]
    pub fn improve_ratio_with(&self, pool: Rates) -> f64 {
        let least = self.ratios(pool).least();
        if least.is_finite() { least } else { 0.0 }
    }

    /// The resource with the least of pool over held. Read units win ties, then net.
    #[must_use]
    pub fn bottleneck(&self) -> Bottleneck {
        let ratios = self.ratios(self.pool);
        let least = ratios.least();
        if ratios.read_units_per_s <= least {
            Bottleneck::ReadUnits
        } else if ratios.net_bytes_per_s <= least {
            Bottleneck::Net
        } else {
            Bottleneck::WriteUnits
        }
    }

    /// Step 3 of HARE, conserving: the whole pool goes out in proportion to what each tenant holds
    /// of the resource, evenly where nobody holds any.
    #[must_use]
    pub fn redistribute(self) -> Vec<Resources> {
        let tenants = self.rates.len() as f64;
        let ratios = self.ratios(self.pool);
        let factor = ratios.zip(ratios, |ratio, _| if ratio.is_finite() { ratio } else { 0.0 });
        let even = ratios
            .zip(self.pool, |ratio, pool| if ratio.is_finite() { 0.0 } else { pool / tenants });
        self.grown(|rates| rates.zip(factor, |rate, factor| rate * (1.0 + factor)) + even)
    }

    /// Step 3 of HARE, non-conserving: everyone grows by the improve ratio, the surplus stays unused.
    #[must_use]
    pub fn grow_evenly(self) -> Vec<Resources> {
        let growth = 1.0 + self.improve_ratio();
        self.grown(|rates| rates.zip(rates, |rate, _| rate * growth))
    }

    fn grown(self, grow: impl Fn(Rates) -> Rates) -> Vec<Resources> {
        let rates = self.rates.into_iter().map(grow);
        self.cache_bytes
            .into_iter()
            .zip(rates)
            .map(|(cache_bytes, rates)| Resources::new(cache_bytes, rates))
            .collect()
    }

    fn ratios(&self, pool: Rates) -> Rates {
        let limit = |total: f64, pool: f64| {
            let held = total - pool;
            if held > total * NOTHING { pool / held } else { f64::INFINITY }
        };
        self.total.zip(pool, limit)
    }
}

/// The rates that the throughput of `base` uses; an idle tenant uses none.
fn used_of(cost: &RequestCost, base: Rates) -> Rates {
    let throughput_per_s = cost.throughput_per_s(base).unwrap_or(0.0);
    base.zip(cost.rates_at(throughput_per_s), f64::min)
}
