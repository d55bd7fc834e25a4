//! Every policy's shares, and what they are predicted to bring.

use hare::{
    Minimums, Params, Resources, TenantInput, allocate, enforce_minimums, predicted_gain,
    throughput_per_s,
};
use serde::Serialize;

use super::Tenant;
use crate::spec::Policy;

/// A trade moves this part of the smallest base cache, as in the paper.
const STEPS_PER_BASE: u64 = 64;
/// Cache below which nobody is brought, as the proxy's default has it.
const LEAST_CACHE_BYTES: u64 = 10 << 20;
/// Added to every miss ratio by the paper's policies.
const SALT: f64 = 0.01;

/// All that is to be said.
#[derive(Debug, Clone, Serialize)]
pub struct Answer {
    /// The tenants, in the order of the traces.
    pub tenants: Vec<Tenant>,
    /// What each policy would do, base shares first.
    pub policies: Vec<PolicyAnswer>,
}

/// What a policy would do.
#[derive(Debug, Clone, Serialize)]
pub struct PolicyAnswer {
    /// Which.
    pub policy: Policy,
    /// For whom, in the order of the traces.
    pub tenants: Vec<TenantAnswer>,
}

/// What it would do for a tenant.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct TenantAnswer {
    /// What the tenant would have.
    pub share: Resources,
    /// Miss ratio of its reads with that cache, by its own curve.
    pub miss_ratio: f64,
    /// Requests per second; absent if nothing limits it.
    pub throughput_per_s: Option<f64>,
    /// Throughput over that of the base share.
    pub gain: f64,
    /// The same, simulated; absent without a simulation.
    pub simulated_gain: Option<f64>,
    /// Requests per second, simulated.
    pub simulated_throughput_per_s: Option<f64>,
}

/// Asks every policy that goes by curves and demand. Predictions are by the curves as they are, shares by the policy's own.
#[must_use]
pub fn answer(tenants: Vec<Tenant>) -> Answer {
    let asked = [
        (Policy::Static, hare::Policy::Static),
        (Policy::Drf, hare::Policy::Drf),
        (Policy::Memshare, hare::Policy::Memshare),
        (Policy::Hare, hare::Policy::Hare),
        (Policy::Ours, hare::Policy::Optimum),
    ];
    let policies = asked.into_iter().map(|(policy, asked)| {
        let salt = if policy == Policy::Ours { 0.0 } else { SALT };
        let shares = shares(&tenants, asked, salt);
        let told = tenants.iter().zip(shares).map(|(tenant, share)| tell(tenant, share));
        PolicyAnswer { policy, tenants: told.collect() }
    });
    let policies = policies.collect();
    Answer { tenants, policies }
}

fn shares(tenants: &[Tenant], policy: hare::Policy, salt: f64) -> Vec<Resources> {
    let bases: Vec<Resources> = tenants.iter().map(|tenant| tenant.base.0).collect();
    let inputs: Option<Vec<TenantInput>> =
        tenants.iter().map(|tenant| input(tenant, salt)).collect();
    let Some(inputs) = inputs else { return bases };
    let smallest = bases.iter().map(|base| base.cache_bytes).min().unwrap_or(0);
    let least = LEAST_CACHE_BYTES.min(smallest / 4);
    let params = Params::paper((smallest / STEPS_PER_BASE).max(1), least);
    let mut shares = allocate(policy, &params, &inputs).shares;
    let floors = Minimums { cache_bytes: least, ..Minimums::default() };
    enforce_minimums(&mut shares, &bases, &floors);
    shares
}

fn input(tenant: &Tenant, salt: f64) -> Option<TenantInput> {
    let curve = tenant.learned.curve.salted(salt);
    let base = tenant.base.0;
    let input = TenantInput::new(tenant.learned.demand, curve, base).ok()?;
    Some(input.with_current_cache(base.cache_bytes))
}

fn tell(tenant: &Tenant, share: Resources) -> TenantAnswer {
    let input = input(tenant, 0.0);
    TenantAnswer {
        share,
        miss_ratio: tenant.learned.curve.miss_ratio_at(share.cache_bytes),
        throughput_per_s: input.as_ref().and_then(|input| throughput_per_s(input, &share)),
        gain: input.as_ref().map_or(1.0, |input| predicted_gain(input, &share)),
        simulated_gain: None,
        simulated_throughput_per_s: None,
    }
}
