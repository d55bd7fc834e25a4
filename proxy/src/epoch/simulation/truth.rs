//! What could be had if the traffic were known exactly: the yardstick for what the loop makes of samples.

use std::collections::BTreeMap;

use hare::{
    Access, Calibration, Consistency, GhostCache, GhostConfig, ItemBytes, Params, Resources,
    TenantInput, WindowUsage, allocate, entry_footprint_bytes, predicted_gain,
};

use super::tenant::{FIXED_BYTES, VALUE_BYTES};
use super::world::{BASE, World};
use hopperkv_control::caution::MODEL_ERROR;

/// Requests drawn per tenant, after as many again that only warm the ghost cache up.
const REQUESTS: u64 = 30_000;
const ITEM_BYTES: u64 = 16 + VALUE_BYTES as u64;

/// Every tenant of a world as its present traffic makes it.
pub(super) struct Truth {
    inputs: BTreeMap<u32, TenantInput>,
    /// Gain of the tenant that gains least by the policy's own shares for these curves, salted by what no sample tells.
    pub(super) ideal: f64,
}

impl Truth {
    pub(super) fn of(world: &World) -> Self {
        // Idle tenants have their base share, and nobody has theirs.
        let active = world.tenants.iter().filter(|(_, tenant)| tenant.offered_per_s > 0.0);
        let inputs: BTreeMap<u32, TenantInput> =
            active.map(|(&number, _)| (number, input(world, number))).collect();
        let params = Params::paper(BASE.cache_bytes / 64, world.options.min_cache_bytes);
        // As careful as the loop is with a curve that it knows all about.
        let careful = inputs.values().map(|input| {
            let curve = input.curve().salted(MODEL_ERROR);
            TenantInput::new(*input.demand(), curve, *input.base()).unwrap()
        });
        let tenants: Vec<TenantInput> = careful.collect();
        let shares = allocate(world.options.policy, &params, &tenants).shares;
        let mut truth = Self { inputs, ideal: 0.0 };
        truth.ideal = truth.least_gain(&truth.inputs.keys().copied().zip(shares).collect());
        truth
    }

    /// Gain over base of the tenant that gains least with these shares: 0.5 is 50 %.
    pub(super) fn least_gain(&self, shares: &BTreeMap<u32, Resources>) -> f64 {
        let gains = self.inputs.iter().map(|(number, input)| {
            shares.get(number).map_or(f64::INFINITY, |share| predicted_gain(input, share))
        });
        gains.fold(f64::INFINITY, f64::min) - 1.0
    }
}

fn input(world: &World, number: u32) -> TenantInput {
    let tenant = &world.tenants[&number];
    let mut stream = tenant.stream.again(world.random(1_000 + u64::from(number)));
    let config = GhostConfig {
        max_tracked_keys: usize::MAX,
        ..GhostConfig::up_to(4 * tenant.base.cache_bytes)
    };
    let mut ghost = GhostCache::new(config);
    let mut usage = WindowUsage::default();
    for round in 0..2 {
        let _ = ghost.take_window(usage.reads);
        usage = WindowUsage::default();
        for _ in 0..REQUESTS << round {
            let request = stream.next();
            let entry_bytes = entry_footprint_bytes(16, VALUE_BYTES as u64);
            let access = if request.is_write { Access::Write } else { Access::Read };
            ghost.access(request.key_hash, entry_bytes, access);
            if request.is_write {
                usage.count_write(ItemBytes(ITEM_BYTES), ITEM_BYTES);
            } else {
                usage.count_read(false, ItemBytes(ITEM_BYTES), ITEM_BYTES, Consistency::Strong);
            }
        }
    }
    let curve = ghost.take_window(usage.reads).curve().unwrap();
    let calibration = Calibration { scale: 1.0, fixed_bytes: FIXED_BYTES };
    TenantInput::new(usage.demand(true), calibration.apply(&curve), tenant.base).unwrap()
}
