//! Parameters and result of an allocation, and the choice of policy.
//!
//! A policy is a pure function from what tenants have and need to what they should have. Applying
//! the result, and deciding whether it is worth it, is the caller's business.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::resources::Resources;
use crate::tenant::{TenantInput, predicted_gain, throughput_per_s};
use crate::{drf, hare, memshare, optimum};

/// How shares are decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// Everyone keeps the base share.
    Static,
    /// Idle rates are pooled and given out; cache stays.
    Drf,
    /// Idle rates are pooled, cache is traded for the scarcest of them, and all is given out.
    Hare,
    /// As HARE, but everyone grows by the same ratio and the surplus stays unused.
    HareNonconserving,
    /// Cache goes where misses fall most, then as DRF.
    Memshare,
    /// The goal of HARE, solved near-exactly for all tenants at once.
    #[default]
    Optimum,
}

impl Policy {
    /// All policies, in the order of their documentation.
    pub const ALL: [Self; 6] = [
        Self::Static,
        Self::Drf,
        Self::Hare,
        Self::HareNonconserving,
        Self::Memshare,
        Self::Optimum,
    ];

    /// The name used in configuration, on the command line and in instance files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Static => "static",
            Self::Drf => "drf",
            Self::Hare => "hare",
            Self::HareNonconserving => "hare_nonconserving",
            Self::Memshare => "memshare",
            Self::Optimum => "optimum",
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A policy name nobody knows.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "unknown policy {0:?}; use one of static, drf, hare, hare_nonconserving, memshare, optimum"
)]
pub struct UnknownPolicy(pub String);

impl FromStr for Policy {
    type Err = UnknownPolicy;
    fn from_str(name: &str) -> Result<Self, UnknownPolicy> {
        let known = Self::ALL.into_iter().find(|policy| policy.name() == name);
        known.ok_or_else(|| UnknownPolicy(name.to_owned()))
    }
}

/// What a policy may do.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Params {
    /// Cache moved by one trade; the paper uses 1/64 of the base cache.
    pub cache_step_bytes: u64,
    /// No trade takes a tenant's cache below this.
    pub min_cache_bytes: u64,
    /// Whether net counts client and storage bytes, and so depends on the cache. Where false, net is
    /// never traded and demands must carry a `net_alpha` of 0.
    pub total_net: bool,
    /// Part of every total held back from what is given out, 0..=1, as far as everyone keeps its base
    /// throughput without it. Only [`Policy::Optimum`] does so.
    pub reserve: f64,
    /// Improvement that moving cache away from [`TenantInput::current_cache_bytes`] must bring, 0.01 = one point of
    /// the improve ratio; with 0 every gain moves cache. Only [`Policy::Optimum`] heeds it.
    pub stability: f64,
}

impl Params {
    /// Trades of `cache_step_bytes`, no cache below `min_cache_bytes`, total net, no reserve, no
    /// stability: the paper's terms.
    #[must_use]
    pub const fn paper(cache_step_bytes: u64, min_cache_bytes: u64) -> Self {
        Self { cache_step_bytes, min_cache_bytes, total_net: true, reserve: 0.0, stability: 0.0 }
    }
}

/// One step of cache that changed hands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trade {
    /// Index of the tenant that gave cache.
    pub donor: usize,
    /// Index of the tenant that got it.
    pub receiver: usize,
    /// Cache moved.
    pub bytes: u64,
}

/// What a policy decided. Lists are in the order of the inputs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Allocation {
    /// The new share of each tenant.
    pub shares: Vec<Resources>,
    /// By how much every tenant could grow over its base throughput: 0.5 is 50 %.
    pub improve_ratio: f64,
    /// Trades made.
    pub rounds: usize,
    /// The trades, in order.
    pub trades: Vec<Trade>,
    /// [`predicted_gain`] of each tenant.
    pub predicted_gain: Vec<f64>,
}

impl Allocation {
    /// Completes a policy's result with the predicted gains.
    pub(crate) fn new(
        tenants: &[TenantInput],
        shares: Vec<Resources>,
        improve_ratio: f64,
        trades: Vec<Trade>,
    ) -> Self {
        let predicted_gain = tenants
            .iter()
            .zip(&shares)
            .map(|(tenant, share)| predicted_gain(tenant, share))
            .collect();
        Self { shares, improve_ratio, rounds: trades.len(), trades, predicted_gain }
    }

    /// Everyone keeps the base share.
    pub(crate) fn unchanged(tenants: &[TenantInput]) -> Self {
        let shares = tenants.iter().map(|tenant| *tenant.base()).collect();
        Self::new(tenants, shares, 0.0, Vec::new())
    }
}

/// Decides everyone's share. With fewer than two tenants, or none that does anything, there is
/// nothing to exchange and the base shares come back.
#[must_use]
pub fn allocate(policy: Policy, params: &Params, tenants: &[TenantInput]) -> Allocation {
    let idle = tenants.iter().all(|tenant| throughput_per_s(tenant, tenant.base()).is_none());
    if tenants.len() < 2 || idle {
        return Allocation::unchanged(tenants);
    }
    match policy {
        Policy::Static => Allocation::unchanged(tenants),
        Policy::Drf => drf::allocate(tenants),
        Policy::Hare => hare::allocate(params, tenants, true),
        Policy::HareNonconserving => hare::allocate(params, tenants, false),
        Policy::Memshare => memshare::allocate(params, tenants),
        Policy::Optimum => optimum::allocate(params, tenants),
    }
}

#[cfg(test)]
mod tests {
    use super::{Params, Policy, allocate};
    use crate::{
        Demand, MissRatioCurve, Resources, TenantInput, base_throughput_per_s, optimum,
        predicted_gain,
    };

    /// Two tenants that read and write, each with 100 of everything.
    fn pair(write_units: [f64; 2]) -> Vec<TenantInput> {
        let base = Resources {
            cache_bytes: 1000,
            read_units_per_s: 100.0,
            write_units_per_s: 100.0,
            net_bytes_per_s: 1e9,
        };
        let input = |write_units| {
            let demand = Demand { read_units: 1.0, write_units, net_bytes: 1.0, net_alpha: 0.0 };
            let curve = MissRatioCurve::new(vec![1000, 2000], vec![0.5, 0.25]).unwrap();
            TenantInput::new(demand, curve, base).unwrap()
        };
        write_units.map(input).to_vec()
    }

    #[test]
    fn a_write_margin_leaves_more_write_units_but_never_more_than_base() {
        let params = Params::paper(10, 10);
        let mut tenants = pair([0.1, 1.0]);
        let write_units = |tenants: &[TenantInput]| {
            allocate(Policy::Optimum, &params, tenants).shares[0].write_units_per_s
        };
        let without = write_units(&tenants);
        for tenant in &mut tenants {
            *tenant = tenant.clone().with_write_margin(0.5).unwrap();
        }
        let ratio = allocate(Policy::Optimum, &params, &tenants).improve_ratio;
        // 20 for the base throughput of one, 100 for that of the other, who has no use for a margin; 30 with the margin.
        assert!((without - 200.0 * 20.0 / 120.0).abs() < 1e-6, "{without}");
        assert!((write_units(&tenants) - 200.0 * 30.0 / 130.0).abs() < 1e-6);
        assert!(ratio > 0.3, "{ratio}");
        assert!(tenants[0].clone().with_write_margin(1.5).is_err());
    }

    #[test]
    fn who_was_cut_is_owed_its_base_throughput_and_who_is_cold_no_more_than_it_has() {
        let params = Params::paper(10, 10);
        let cold = pair([0.1, 0.1])[0].curve().flat_from(500);
        let input = |entitled: f64| {
            let given = &pair([0.1, 0.1])[0];
            let cold = TenantInput::new(*given.demand(), cold.clone(), *given.base()).unwrap();
            cold.with_entitled_miss_ratio(entitled).unwrap()
        };
        let reads = |entitled: f64| {
            let tenants = [input(entitled), pair([0.1, 0.1])[1].clone()];
            let caches = [1000, 1000];
            let ratio = optimum::ratio_with(&params, &tenants, &caches);
            (optimum::rates_for(&params, &tenants, &caches).shares[0].read_units_per_s, ratio)
        };
        let (kept, ratio) = reads(0.75);
        assert!((kept - 100.0).abs() < 1e-6 && ratio.abs() < 1e-9, "{kept} {ratio}");
        let (owed, ratio) = reads(0.5);
        // 150 and 100 are owed out of 200.
        assert!((owed - 120.0).abs() < 1e-6 && (ratio + 0.2).abs() < 1e-9, "{owed} {ratio}");
        assert_eq!(base_throughput_per_s(&input(0.5)), Some(200.0));
        assert!((predicted_gain(&input(0.5), input(0.5).base()) - 2.0 / 3.0).abs() < 1e-9);
    }

    #[test]
    fn names_round_trip() {
        for policy in Policy::ALL {
            assert_eq!(policy.to_string().parse(), Ok(policy));
            assert_eq!(serde_json::to_value(policy).unwrap(), policy.name());
        }
        let error = "best".parse::<Policy>().unwrap_err().to_string();
        assert!(error.contains("\"best\"") && error.contains("hare_nonconserving"), "{error}");
    }
}
