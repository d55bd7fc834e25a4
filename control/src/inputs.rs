//! What a policy was asked, kept so that its answer can be had again offline.

use hare::instance::{InstanceDemand, InstanceId, InstanceLimits, InstanceParams, InstanceTenant};
use hare::{Bounds, Instance, Params, Resources, TenantInput};

/// The question behind a decision.
#[derive(Debug, Clone, PartialEq)]
pub struct Inputs {
    /// What the policy may do.
    pub params: Params,
    /// Position of each tenant in the decision.
    pub places: Vec<usize>,
    /// Those who took part, base shares raised by what pinned tenants left, curves as they were decided on.
    pub tenants: Vec<TenantInput>,
}

impl Inputs {
    /// Numbers kept, to bound what a history holds.
    pub fn points(&self) -> usize {
        self.tenants.iter().map(|tenant| tenant.curve().bytes().len()).sum()
    }

    /// The question in the form that `hopperkv allocate --file` takes.
    pub fn instance(&self, id: u64) -> Instance {
        let tenants = self.tenants.iter().map(|tenant| {
            let demand = tenant.demand();
            InstanceTenant {
                demand_if_miss: InstanceDemand {
                    rcu: demand.read_units,
                    wcu: demand.write_units,
                    net: demand.net_bytes,
                },
                net_alpha: demand.net_alpha,
                base: (*tenant.base()).into(),
                mrc: tenant.curve().clone().into(),
                weight: Some(tenant.weight()),
                min: Some(limits(&tenant.bounds().min)),
                max: Some(limits(&tenant.bounds().max)),
                current_cache: Some(tenant.current_cache_bytes()),
                entitled_miss_ratio: tenant.entitled_miss_ratio(),
                write_margin: Some(tenant.write_margin()).filter(|margin| *margin > 0.0),
            }
        });
        Instance {
            id: InstanceId::Number(id),
            params: InstanceParams {
                cache_delta: self.params.cache_step_bytes,
                min_cache_size: self.params.min_cache_bytes,
                alloc_total_net_bw: self.params.total_net,
                reserve: self.params.reserve,
                stability: self.params.stability,
            },
            tenants: tenants.collect(),
        }
    }
}

/// A bound; what is no limit is left out.
fn limits(bound: &Resources) -> InstanceLimits {
    let rate = |rate: f64| rate.is_finite().then_some(rate);
    InstanceLimits {
        cache: (bound.cache_bytes < Bounds::default().max.cache_bytes).then_some(bound.cache_bytes),
        rcu: rate(bound.read_units_per_s),
        wcu: rate(bound.write_units_per_s),
        net: rate(bound.net_bytes_per_s),
    }
}
