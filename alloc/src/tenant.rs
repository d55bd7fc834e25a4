//! A tenant as a policy sees it, and the throughput that shares give it.

use thiserror::Error;

use crate::bounds::{Bounds, BoundsError};
use crate::curve::MissRatioCurve;
use crate::demand::Demand;
use crate::resources::Resources;

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
    /// leaves it at its base throughput. Only [`crate::Policy::Optimum`] heeds it.
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
    /// held from what it is entitled to. Only [`crate::Policy::Optimum`] heeds them.
    ///
    /// # Errors
    /// A minimum above its maximum, or not a number from 0.
    pub fn with_bounds(mut self, bounds: Bounds) -> Result<Self, BoundsError> {
        self.bounds = bounds.around(&self.base)?;
        Ok(self)
    }

    /// Says how much cache the tenant has now, for [`crate::Params::stability`].
    #[must_use]
    pub fn with_current_cache(mut self, cache_bytes: u64) -> Self {
        self.current_cache_bytes = Some(cache_bytes);
        self
    }

    /// Says at what miss ratio the base share is to be reckoned, where it is not that of the curve at the base cache: a
    /// tenant whose curve says what its cold cache does is entitled to what a warm one would give it. Only
    /// [`crate::Policy::Optimum`] heeds it.
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
    /// so much more of them, but never more than its base share for that. Only [`crate::Policy::Optimum`] heeds it.
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
    use super::TenantInput;
    use crate::{Demand, MissRatioCurve, Resources};

    #[test]
    fn bad_numbers_are_named() {
        let demand = Demand { write_units: f64::NAN, ..Demand::default() };
        let curve = MissRatioCurve::always_miss();
        let error = TenantInput::new(demand, curve, Resources::default()).unwrap_err();
        assert_eq!(error.field, "demand.write_units");
    }
}
