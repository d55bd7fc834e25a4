//! Inputs, parameters and result of an allocation, and the choice of policy.
//!
//! A policy is a pure function from what tenants have and need to what they should have. Applying
//! the result, and deciding whether it is worth it, is the caller's business.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::bounds::{Bounds, BoundsError};
use crate::curve::MissRatioCurve;
use crate::demand::Demand;
use crate::resources::Resources;
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

/// One tenant as a policy sees it, checked on the way in.
#[derive(Clone, Debug, PartialEq)]
pub struct TenantInput {
    demand: Demand,
    curve: MissRatioCurve,
    base: Resources,
    weight: f64,
    bounds: Bounds,
    current_cache_bytes: Option<u64>,
    entitled_miss_ratio: Option<f64>,
    write_margin: f64,
}

/// A number that no policy can work with.
#[derive(Clone, Copy, Debug, PartialEq, Error)]
#[error("{field} is {value}; it must be {expected}")]
pub struct InputError {
    /// The field, such as `demand.read_units`.
    pub field: &'static str,
    /// What it held.
    pub value: f64,
    /// What it may hold.
    pub expected: &'static str,
}

impl TenantInput {
    /// Checks and builds.
    ///
    /// # Errors
    /// A demand or base rate that is not a finite number from 0 to 1e18, or a `net_alpha` outside
    /// 0..=1.
    pub fn new(demand: Demand, curve: MissRatioCurve, base: Resources) -> Result<Self, InputError> {
        let amounts = [
            ("demand.read_units", demand.read_units),
            ("demand.write_units", demand.write_units),
            ("demand.net_bytes", demand.net_bytes),
            ("base.read_units_per_s", base.read_units_per_s),
            ("base.write_units_per_s", base.write_units_per_s),
            ("base.net_bytes_per_s", base.net_bytes_per_s),
        ];
        for (field, value) in amounts {
            if !(0.0..=1e18).contains(&value) {
                return Err(InputError { field, value, expected: "a number from 0 to 1e18" });
            }
        }
        if !(0.0..=1.0).contains(&demand.net_alpha) {
            let (field, value) = ("demand.net_alpha", demand.net_alpha);
            return Err(InputError { field, value, expected: "a number from 0 to 1" });
        }
        let bounds = Bounds::default();
        Ok(Self {
            demand,
            curve,
            base,
            weight: 1.0,
            bounds,
            current_cache_bytes: None,
            entitled_miss_ratio: None,
            write_margin: 0.0,
        })
    }

    /// Gives the tenant `weight` times the improvement over base that a tenant of weight 1 gets; 0
    /// leaves it at its base throughput. Only [`Policy::Optimum`] heeds it.
    ///
    /// # Errors
    /// A weight that is not a number from 0 to 1000.
    pub fn with_weight(mut self, weight: f64) -> Result<Self, InputError> {
        if !(0.0..=1000.0).contains(&weight) {
            let expected = "a number from 0 to 1000";
            return Err(InputError { field: "weight", value: weight, expected });
        }
        self.weight = weight;
        Ok(self)
    }

    /// Keeps the tenant's share within `bounds`; a base share outside widens them, for nobody is
    /// held from what it is entitled to. Only [`Policy::Optimum`] heeds them.
    ///
    /// # Errors
    /// A minimum above its maximum, or not a number from 0.
    pub fn with_bounds(mut self, bounds: Bounds) -> Result<Self, BoundsError> {
        self.bounds = bounds.around(&self.base)?;
        Ok(self)
    }

    /// Says how much cache the tenant has now, for [`Params::stability`].
    #[must_use]
    pub fn with_current_cache(mut self, cache_bytes: u64) -> Self {
        self.current_cache_bytes = Some(cache_bytes);
        self
    }

    /// Says at what miss ratio the base share is to be reckoned, where it is not that of the curve at the base cache: a
    /// tenant whose curve says what its cold cache does is entitled to what a warm one would give it. Only
    /// [`Policy::Optimum`] heeds it.
    ///
    /// # Errors
    /// A ratio that is not a number from 0 to 1.
    pub fn with_entitled_miss_ratio(mut self, miss_ratio: f64) -> Result<Self, InputError> {
        if !(0.0..=1.0).contains(&miss_ratio) {
            let expected = "a number from 0 to 1";
            return Err(InputError { field: "entitled_miss_ratio", value: miss_ratio, expected });
        }
        self.entitled_miss_ratio = Some(miss_ratio);
        Ok(self)
    }

    /// Says by which part of it the demand for write units may be too low, as when few writes were seen. The tenant is left
    /// so much more of them, but never more than its base share for that. Only [`Policy::Optimum`] heeds it.
    ///
    /// # Errors
    /// A margin that is not a number from 0 to 1.
    pub fn with_write_margin(mut self, margin: f64) -> Result<Self, InputError> {
        if !(0.0..=1.0).contains(&margin) {
            let expected = "a number from 0 to 1";
            return Err(InputError { field: "write_margin", value: margin, expected });
        }
        self.write_margin = margin;
        Ok(self)
    }

    /// What an average request costs if everything misses.
    #[must_use]
    pub fn demand(&self) -> &Demand {
        &self.demand
    }

    /// Miss ratio over cache size.
    #[must_use]
    pub fn curve(&self) -> &MissRatioCurve {
        &self.curve
    }

    /// The share the tenant is entitled to.
    #[must_use]
    pub fn base(&self) -> &Resources {
        &self.base
    }

    /// Its part of an improvement, relative to other tenants.
    #[must_use]
    pub fn weight(&self) -> f64 {
        self.weight
    }

    /// The least and the most it may be given.
    #[must_use]
    pub fn bounds(&self) -> &Bounds {
        &self.bounds
    }

    /// The cache it has now; its base cache unless said otherwise.
    #[must_use]
    pub fn current_cache_bytes(&self) -> u64 {
        self.current_cache_bytes.unwrap_or(self.base.cache_bytes)
    }

    /// The part by which the demand for write units may be too low.
    #[must_use]
    pub fn write_margin(&self) -> f64 {
        self.write_margin
    }

    /// The miss ratio at which the base share is reckoned, if not that of the curve at the base cache.
    #[must_use]
    pub fn entitled_miss_ratio(&self) -> Option<f64> {
        self.entitled_miss_ratio
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
        let shares = tenants.iter().map(|tenant| tenant.base).collect();
        Self::new(tenants, shares, 0.0, Vec::new())
    }
}

/// Decides everyone's share. With fewer than two tenants, or none that does anything, there is
/// nothing to exchange and the base shares come back.
#[must_use]
pub fn allocate(policy: Policy, params: &Params, tenants: &[TenantInput]) -> Allocation {
    let idle = tenants.iter().all(|tenant| throughput_per_s(tenant, &tenant.base).is_none());
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

/// Requests per second that `share` sustains for a tenant; `None` if nothing limits it, as for an
/// idle tenant.
#[must_use]
pub fn throughput_per_s(tenant: &TenantInput, share: &Resources) -> Option<f64> {
    let miss_ratio = tenant.curve.miss_ratio_at(share.cache_bytes);
    tenant.demand.at_miss_ratio(miss_ratio).throughput_per_s(share.rates())
}

/// Requests per second that the base share entitles a tenant to; `None` if nothing limits it.
#[must_use]
pub fn base_throughput_per_s(tenant: &TenantInput) -> Option<f64> {
    match tenant.entitled_miss_ratio {
        Some(miss_ratio) => {
            tenant.demand.at_miss_ratio(miss_ratio).throughput_per_s(tenant.base.rates())
        }
        None => throughput_per_s(tenant, &tenant.base),
    }
}

/// Predicted throughput with `share` over that with the base share; 1 for idle tenants and those whose
/// base sustains nothing.
#[must_use]
pub fn predicted_gain(tenant: &TenantInput, share: &Resources) -> f64 {
    match (throughput_per_s(tenant, share), base_throughput_per_s(tenant)) {
        (Some(new), Some(base)) if base > 0.0 => (new / base).min(f64::MAX),
        _ => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::{Params, Policy, TenantInput, allocate, base_throughput_per_s, predicted_gain};
    use crate::{Demand, MissRatioCurve, Resources, optimum};

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

    #[test]
    fn bad_numbers_are_named() {
        let demand = Demand { write_units: f64::NAN, ..Demand::default() };
        let curve = MissRatioCurve::always_miss();
        let error = TenantInput::new(demand, curve, Resources::default()).unwrap_err();
        assert_eq!(error.field, "demand.write_units");
    }
}
