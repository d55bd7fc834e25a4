//! Allocation problems as JSON, one object a line, solved offline with the same code as live ones.
//!
//! This module defines the shapes and solves; reading files and printing is the caller's. Field
//! names are those of the published vectors: `cache`, `rcu`, `wcu`, `net`, `mrc`; what goes beyond them
//! (`weight`, `min`, `max`, `current_cache`, `reserve`, `stability`) may be left out.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::bounds::{Bounds, BoundsError};
use crate::curve::{CurveError, MissRatioCurve, Ticks};
use crate::demand::Demand;
use crate::policy::{Params, Policy, allocate};
use crate::resources::Resources;
use crate::tenant::{InputError, TenantInput};

/// One problem. Fields it does not know, such as expected results, are ignored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Instance {
    /// Echoed in the solution.
    #[serde(default)]
    pub id: InstanceId,
    /// What the policy may do.
    pub params: InstanceParams,
    /// The tenants.
    pub tenants: Vec<InstanceTenant>,
}

/// A number or a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum InstanceId {
    /// As in the published vectors.
    Number(u64),
    /// Anything else.
    Name(String),
}

impl Default for InstanceId {
    fn default() -> Self {
        Self::Number(0)
    }
}

impl std::fmt::Display for InstanceId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Name(name) => name.fmt(f),
        }
    }
}

/// [`Params`] under the vectors' names.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct InstanceParams {
    /// Cache moved by one trade, in bytes.
    pub cache_delta: u64,
    /// Least cache of a donor, in bytes.
    pub min_cache_size: u64,
    /// Whether net counts client and storage bytes.
    #[serde(default = "total_net_default")]
    pub alloc_total_net_bw: bool,
    /// Part of every rate held back, 0..=1; 0 if absent.
    #[serde(default)]
    pub reserve: f64,
    /// Improve ratio that moving cache must bring, 0 or more; 0 if absent.
    #[serde(default)]
    pub stability: f64,
}

fn total_net_default() -> bool {
    true
}

/// One tenant of an instance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InstanceTenant {
    /// Average demand per request if everything misses.
    pub demand_if_miss: InstanceDemand,
    /// Share of net bytes that hits save; taken as 0 where net is client bytes only.
    #[serde(default)]
    pub net_alpha: f64,
    /// The share it is entitled to.
    pub base: InstanceShare,
    /// Its miss-ratio curve.
    pub mrc: Ticks,
    /// Its part of an improvement; 1 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<f64>,
    /// The least it is given; nothing where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<InstanceLimits>,
    /// The most it is given; no limit where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<InstanceLimits>,
    /// The cache it has now, in bytes; its base cache if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_cache: Option<u64>,
    /// Miss ratio at which the base share is reckoned; that of the curve at the base cache if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entitled_miss_ratio: Option<f64>,
    /// Part by which the write units of the demand may be too low; 0 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub write_margin: Option<f64>,
}

/// A floor or a ceiling under the vectors' names; what is absent is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InstanceLimits {
    /// Cache in bytes.
    pub cache: Option<u64>,
    /// Read units per second.
    pub rcu: Option<f64>,
    /// Write units per second.
    pub wcu: Option<f64>,
    /// Network bytes per second.
    pub net: Option<f64>,
}

/// Demand per request under the vectors' names.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct InstanceDemand {
    /// Read units.
    pub rcu: f64,
    /// Write units.
    pub wcu: f64,
    /// Network bytes.
    pub net: f64,
}

/// A share under the vectors' names.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct InstanceShare {
    /// Cache in bytes.
    pub cache: u64,
    /// Read units per second.
    pub rcu: f64,
    /// Write units per second.
    pub wcu: f64,
    /// Network bytes per second.
    pub net: f64,
}

/// What a policy made of an instance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Solution {
    /// The instance's id.
    pub id: InstanceId,
    /// As [`crate::Allocation::improve_ratio`].
    pub improve_ratio: f64,
    /// Trades made.
    pub rounds: usize,
    /// The new share of each tenant.
    pub alloc: Vec<InstanceShare>,
}

/// Why an instance cannot be solved.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum InstanceError {
    /// No tenants.
    #[error("instance {id}: tenants is empty; give at least one")]
    NoTenants {
        /// The instance's id.
        id: InstanceId,
    },
    /// A step of zero would trade nothing for ever.
    #[error("instance {id}: params.cache_delta is 0; give the trade step in bytes")]
    NoStep {
        /// The instance's id.
        id: InstanceId,
    },
    /// A parameter out of range.
    #[error("instance {id}: params.{problem}")]
    Params {
        /// The instance's id.
        id: InstanceId,
        /// The field, its value and its range.
        problem: InputError,
    },
    /// A curve that is none.
    #[error("instance {id}: tenants[{tenant}].mrc: {problem}")]
    Curve {
        /// The instance's id.
        id: InstanceId,
        /// Index of the tenant.
        tenant: usize,
        /// What is wrong with it.
        problem: CurveError,
    },
    /// A number out of range.
    #[error("instance {id}: tenants[{tenant}]: {problem}")]
    Input {
        /// The instance's id.
        id: InstanceId,
        /// Index of the tenant.
        tenant: usize,
        /// The field, its value and its range.
        problem: InputError,
    },
    /// A minimum above its maximum.
    #[error("instance {id}: tenants[{tenant}]: min and max of {problem}")]
    Bounds {
        /// The instance's id.
        id: InstanceId,
        /// Index of the tenant.
        tenant: usize,
        /// The resource and its bounds.
        problem: BoundsError,
    },
}

/// Solves one instance.
///
/// # Errors
/// Names the tenant and field that makes the instance unusable.
pub fn solve(instance: &Instance, policy: Policy) -> Result<Solution, InstanceError> {
    let (params, tenants) = instance.inputs()?;
    let allocation = allocate(policy, &params, &tenants);
    Ok(Solution {
        id: instance.id.clone(),
        improve_ratio: allocation.improve_ratio,
        rounds: allocation.rounds,
        alloc: allocation.shares.into_iter().map(InstanceShare::from).collect(),
    })
}

impl Instance {
    /// Checks the instance and turns it into the inputs of [`allocate`].
    ///
    /// # Errors
    /// As [`solve`].
    pub fn inputs(&self) -> Result<(Params, Vec<TenantInput>), InstanceError> {
        let id = || self.id.clone();
        if self.tenants.is_empty() {
            return Err(InstanceError::NoTenants { id: id() });
        }
        if self.params.cache_delta == 0 {
            return Err(InstanceError::NoStep { id: id() });
        }
        let params =
            self.params.checked().map_err(|problem| InstanceError::Params { id: id(), problem })?;
        let mut inputs = Vec::with_capacity(self.tenants.len());
        for (tenant, given) in self.tenants.iter().enumerate() {
            let in_input = |problem| InstanceError::Input { id: id(), tenant, problem };
            let curve = MissRatioCurve::try_from(given.mrc.clone())
                .map_err(|problem| InstanceError::Curve { id: id(), tenant, problem })?;
            let mut input =
                TenantInput::new(given.demand(params.total_net), curve, given.base.into())
                    .map_err(in_input)?
                    .with_weight(given.weight.unwrap_or(1.0))
                    .map_err(in_input)?
                    .with_write_margin(given.write_margin.unwrap_or(0.0))
                    .map_err(in_input)?
                    .with_bounds(given.bounds())
                    .map_err(|problem| InstanceError::Bounds { id: id(), tenant, problem })?;
            if let Some(miss_ratio) = given.entitled_miss_ratio {
                input = input.with_entitled_miss_ratio(miss_ratio).map_err(in_input)?;
            }
            if let Some(cache_bytes) = given.current_cache {
                input = input.with_current_cache(cache_bytes);
            }
            inputs.push(input);
        }
        Ok((params, inputs))
    }
}

impl InstanceParams {
    fn checked(&self) -> Result<Params, InputError> {
        let ranges = [
            ("reserve", self.reserve, 0.0..=1.0, "a number from 0 to 1"),
            ("stability", self.stability, 0.0..=f64::MAX, "a number from 0"),
        ];
        for (field, value, range, expected) in ranges {
            if !range.contains(&value) {
                return Err(InputError { field, value, expected });
            }
        }
        Ok(Params {
            cache_step_bytes: self.cache_delta,
            min_cache_bytes: self.min_cache_size,
            total_net: self.alloc_total_net_bw,
            reserve: self.reserve,
            stability: self.stability,
        })
    }
}

impl InstanceTenant {
    fn demand(&self, total_net: bool) -> Demand {
        Demand {
            read_units: self.demand_if_miss.rcu,
            write_units: self.demand_if_miss.wcu,
            net_bytes: self.demand_if_miss.net,
            net_alpha: if total_net { self.net_alpha } else { 0.0 },
        }
    }

    fn bounds(&self) -> Bounds {
        let none = Bounds::default();
        Bounds {
            min: self.min.unwrap_or_default().or(&none.min),
            max: self.max.unwrap_or_default().or(&none.max),
        }
    }
}

impl InstanceLimits {
    fn or(self, none: &Resources) -> Resources {
        Resources {
            cache_bytes: self.cache.unwrap_or(none.cache_bytes),
            read_units_per_s: self.rcu.unwrap_or(none.read_units_per_s),
            write_units_per_s: self.wcu.unwrap_or(none.write_units_per_s),
            net_bytes_per_s: self.net.unwrap_or(none.net_bytes_per_s),
        }
    }
}

impl From<InstanceShare> for Resources {
    fn from(share: InstanceShare) -> Self {
        Self {
            cache_bytes: share.cache,
            read_units_per_s: share.rcu,
            write_units_per_s: share.wcu,
            net_bytes_per_s: share.net,
        }
    }
}

impl From<Resources> for InstanceShare {
    fn from(share: Resources) -> Self {
        Self {
            cache: share.cache_bytes,
            rcu: share.read_units_per_s,
            wcu: share.write_units_per_s,
            net: share.net_bytes_per_s,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Instance, solve};
    use crate::Policy;

    fn error_of(tenants: &str) -> String {
        let json = format!(
            r#"{{"id": "x", "params": {{"cache_delta": 1, "min_cache_size": 1}}, "tenants": [{tenants}]}}"#
        );
        let instance: Instance = serde_json::from_str(&json).unwrap();
        solve(&instance, Policy::Hare).unwrap_err().to_string()
    }

    fn tenant(rcu: &str, bytes: &str) -> String {
        format!(
            r#"{{"demand_if_miss": {{"rcu": {rcu}, "wcu": 0, "net": 1}},
                "base": {{"cache": 1, "rcu": 1, "wcu": 1, "net": 1}},
                "mrc": {{"bytes": [{bytes}], "miss_ratio": [0.5, 0.25]}}}}"#
        )
    }

    #[test]
    fn extras_are_taken_and_checked() {
        let with = |extra: &str| {
            let tenant = tenant("1", "1, 2");
            format!("{}, {extra}}}", tenant.strip_suffix('}').unwrap())
        };
        let error = error_of(&with(r#""weight": -1"#));
        assert!(error.contains("tenants[0]: weight is -1"), "{error}");
        let error = error_of(&with(r#""min": {"rcu": 3}, "max": {"rcu": 2}"#));
        assert!(
            error.contains("tenants[0]: min and max of read_units_per_s: the least"),
            "{error}"
        );

        let line = format!(
            r#"{{"params": {{"cache_delta": 1, "min_cache_size": 1, "reserve": 0.5}}, "tenants": [{}]}}"#,
            with(r#""weight": 2, "max": {"net": 5}, "current_cache": 3"#)
        );
        let mut instance: Instance = serde_json::from_str(&line).unwrap();
        let (params, tenants) = instance.inputs().unwrap();
        assert!((params.reserve - 0.5).abs() < 1e-12 && params.stability.abs() < 1e-12);
        assert!((tenants[0].weight() - 2.0).abs() < 1e-12);
        assert!((tenants[0].bounds().max.net_bytes_per_s - 5.0).abs() < 1e-12);
        assert!(tenants[0].bounds().max.read_units_per_s.is_infinite());
        assert_eq!(tenants[0].current_cache_bytes(), 3);

        instance.params.stability = f64::NAN;
        let error = instance.inputs().unwrap_err().to_string();
        assert!(error.contains("params.stability is NaN"), "{error}");
    }

    #[test]
    fn errors_name_instance_tenant_and_field() {
        assert_eq!(error_of(""), "instance x: tenants is empty; give at least one");
        let error = error_of(&tenant("-1", "1, 2"));
        assert!(error.contains("x: tenants[0]: demand.read_units is -1"), "{error}");
        let error = error_of(&[tenant("1", "1, 2"), tenant("1", "2, 1")].join(","));
        assert!(error.contains("tenants[1].mrc: bytes[1] = 1 does not exceed"), "{error}");
    }
}
