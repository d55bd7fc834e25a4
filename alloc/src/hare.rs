//! HARE: trade cache for the scarcest rate until no single trade helps (the paper's algorithm, exact).
//!
//! A tenant with more cache needs fewer read units and fewer bytes for the same throughput. Each
//! trade moves one cache step from the tenant that needs least in return to the tenant that gives
//! back most, measured in the pool's bottleneck; what is gained lies in the pool and lifts everyone.

use crate::holdings::{Bottleneck, Holdings};
use crate::policy::{Allocation, Params, Trade};
use crate::resources::Rates;
use crate::tenant::TenantInput;

/// A trade must lift the improve ratio by this much to stand.
const MIN_LIFT: f64 = 1e-4;
/// Trades in one allocation at most.
const MAX_TRADES: usize = 10_000;
/// Miss ratios and their changes at or below this are none.
const NO_MISSES: f64 = f64::EPSILON;

/// Collects idle rates, harvests, and gives the pool out: all of it if `conserving`, else as much
/// of each resource as lifts everyone equally.
#[must_use]
pub fn allocate(params: &Params, tenants: &[TenantInput], conserving: bool) -> Allocation {
    let cache_bytes = tenants.iter().map(|tenant| tenant.base().cache_bytes).collect();
    let mut holdings = Holdings::collect_idle(tenants, cache_bytes);
    let trades = harvest(params, tenants, &mut holdings);
    let improve_ratio = holdings.improve_ratio();
    let shares = if conserving { holdings.redistribute() } else { holdings.grow_evenly() };
    Allocation::new(tenants, shares, improve_ratio, trades)
}

/// Trades one cache step at a time while that lifts the improve ratio.
fn harvest(params: &Params, tenants: &[TenantInput], holdings: &mut Holdings) -> Vec<Trade> {
    let mut offers: Vec<Offer> =
        (0..tenants.len()).map(|i| Offer::of(params, &tenants[i], holdings, i)).collect();
    let mut trades = Vec::new();
    while trades.len() < MAX_TRADES {
        let Some(traded) = traded_resource(holdings.bottleneck(), params.total_net) else { break };
        let Some((donor, receiver)) = best_pair(&offers, traded) else { break };
        let relinquished = offers[receiver].relinquish;
        let Some(compensation) = offers[donor].compensate else { break };
        let pool = holdings.pool + relinquished - compensation;
        if holdings.improve_ratio_with(pool) - holdings.improve_ratio() < MIN_LIFT {
            break;
        }
        holdings.pool = pool;
        holdings.rates[receiver] =
            holdings.rates[receiver].zip(relinquished, |held, given| (held - given).max(0.0));
        holdings.rates[donor] += compensation;
        holdings.cache_bytes[receiver] += params.cache_step_bytes;
        holdings.cache_bytes[donor] -= params.cache_step_bytes;
        for tenant in [donor, receiver] {
            offers[tenant] = Offer::of(params, &tenants[tenant], holdings, tenant);
        }
        trades.push(Trade { donor, receiver, bytes: params.cache_step_bytes });
    }
    trades
}

/// Picks one rate out of the three.
type Pick = fn(&Rates) -> f64;

/// The rate that a trade is priced in, or `None` if cache cannot relieve the bottleneck.
fn traded_resource(bottleneck: Bottleneck, total_net: bool) -> Option<Pick> {
    match bottleneck {
        Bottleneck::ReadUnits => Some(|rates| rates.read_units_per_s),
        Bottleneck::Net if total_net => Some(|rates| rates.net_bytes_per_s),
        Bottleneck::Net | Bottleneck::WriteUnits => None,
    }
}

/// What one cache step more or less is worth to a tenant at its present throughput.
struct Offer {
    /// Rates it would give back for one step more.
    relinquish: Rates,
    /// Rates it would need for one step less; `None` if it cannot give or cannot be priced.
    compensate: Option<Rates>,
}

impl Offer {
    fn of(params: &Params, input: &TenantInput, holdings: &Holdings, tenant: usize) -> Self {
        let step_bytes = params.cache_step_bytes;
        let cache_bytes = holdings.cache_bytes[tenant];
        let rates = holdings.rates[tenant];
        let alpha = input.demand().net_alpha;
        let curve = input.curve();
        let here = curve.miss_ratio_at(cache_bytes);

        let fall = here - curve.miss_ratio_at(cache_bytes.saturating_add(step_bytes));
        let relinquish = if here <= NO_MISSES || fall <= NO_MISSES {
            Rates::default()
        } else {
            rates_for(rates, here, fall, alpha)
        };
        let kept_bytes = cache_bytes
            .checked_sub(step_bytes)
            .filter(|&kept_bytes| kept_bytes >= params.min_cache_bytes);
        let compensate = kept_bytes.and_then(|kept_bytes| {
            let rise = curve.miss_ratio_at(kept_bytes) - here;
            if rise <= NO_MISSES {
                Some(Rates::default())
            } else if here <= NO_MISSES {
                None
            } else {
                Some(rates_for(rates, here, rise, alpha))
            }
        });
        Self { relinquish, compensate }
    }
}

/// The change of rates that a change of miss ratio is worth at equal throughput.
fn rates_for(held: Rates, miss_ratio: f64, change: f64, alpha: f64) -> Rates {
    Rates {
        read_units_per_s: held.read_units_per_s * change / miss_ratio,
        write_units_per_s: 0.0,
        net_bytes_per_s: held.net_bytes_per_s * alpha * change / (alpha * miss_ratio + 1.0 - alpha),
    }
}

/// The tenant that gives back most and, among the others, the one that needs least; the first of
/// equals.
fn best_pair(offers: &[Offer], traded: Pick) -> Option<(usize, usize)> {
    let mut receiver = (0, f64::NEG_INFINITY);
    for (tenant, offer) in offers.iter().enumerate() {
        let worth = traded(&offer.relinquish);
        if worth > receiver.1 {
            receiver = (tenant, worth);
        }
    }
    let mut donor = None;
    for (tenant, offer) in offers.iter().enumerate() {
        let Some(needed) = offer.compensate.as_ref().map(traded) else { continue };
        if tenant != receiver.0 && donor.is_none_or(|(_, least)| needed < least) {
            donor = Some((tenant, needed));
        }
    }
    donor.map(|(donor, _)| (donor, receiver.0))
}
