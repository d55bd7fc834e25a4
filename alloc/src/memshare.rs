//! Memshare: cache goes where it saves most misses, without regard for rates.
//!
//! One step at a time, from the tenant whose miss ratio rises least to the one whose falls most, as
//! long as the fall exceeds the rise. A donor keeps at least half its base cache. Idle rates are then
//! collected and given out as in DRF.

use crate::holdings::Holdings;
use crate::policy::{Allocation, Params, Trade};
use crate::tenant::TenantInput;

/// Moves cache, then shares idle rates.
#[must_use]
pub fn allocate(params: &Params, tenants: &[TenantInput]) -> Allocation {
    let step_bytes = params.cache_step_bytes;
    let mut slopes: Vec<Slope> = tenants
        .iter()
        .map(|tenant| Slope::at(tenant, tenant.base().cache_bytes, step_bytes))
        .collect();
    let mut trades = Vec::new();
    while let Some((donor, receiver)) = best_pair(&slopes) {
        trades.push(Trade { donor, receiver, bytes: step_bytes });
        let donor_cache_bytes = slopes[donor].cache_bytes - step_bytes;
        let receiver_cache_bytes = slopes[receiver].cache_bytes + step_bytes;
        slopes[donor] = Slope::at(&tenants[donor], donor_cache_bytes, step_bytes);
        slopes[receiver] = Slope::at(&tenants[receiver], receiver_cache_bytes, step_bytes);
    }
    let cache_bytes = slopes.iter().map(|slope| slope.cache_bytes).collect();
    let holdings = Holdings::collect_idle(tenants, cache_bytes);
    let improve_ratio = holdings.improve_ratio();
    Allocation::new(tenants, holdings.redistribute(), improve_ratio, trades)
}

/// How a tenant's miss ratio changes by one step of cache either way.
struct Slope {
    cache_bytes: u64,
    fall: f64,
    /// `None` if the tenant may not give a step.
    rise: Option<f64>,
}

impl Slope {
    fn at(tenant: &TenantInput, cache_bytes: u64, step_bytes: u64) -> Self {
        let curve = tenant.curve();
        let here = curve.miss_ratio_at(cache_bytes);
        let fall = here - curve.miss_ratio_at(cache_bytes.saturating_add(step_bytes));
        let kept_bytes = cache_bytes.checked_sub(step_bytes);
        let rise = kept_bytes
            .filter(|&kept_bytes| kept_bytes >= tenant.base().cache_bytes.div_ceil(2))
            .map(|kept_bytes| curve.miss_ratio_at(kept_bytes) - here);
        Self { cache_bytes, fall, rise }
    }
}

/// Donor and receiver of the next trade. Every trade lowers the sum of miss ratios, so trading ends.
fn best_pair(slopes: &[Slope]) -> Option<(usize, usize)> {
    let (receiver, most) = first_best(slopes.iter().map(|slope| Some(-slope.fall)))?;
    let others =
        slopes.iter().enumerate().map(|(tenant, slope)| slope.rise.filter(|_| tenant != receiver));
    let (donor, least) = first_best(others)?;
    (-most > least).then_some((donor, receiver))
}

/// Index and value of the least price; the first of equals.
fn first_best(prices: impl Iterator<Item = Option<f64>>) -> Option<(usize, f64)> {
    let mut best: Option<(usize, f64)> = None;
    for (tenant, price) in prices.enumerate() {
        if let Some(price) = price
            && best.is_none_or(|(_, least)| price < least)
        {
            best = Some((tenant, price));
        }
    }
    best
}
