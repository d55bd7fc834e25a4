//! What is read of one tenant at one moment: plain values, so that the same code runs on a live proxy and in a simulation.

use std::sync::Arc;

use futures_util::future::join_all;
use hare::{Bounds, RedisMemory, Resources};

use crate::apply::Applier;
use crate::cache::control::Control;
use crate::limits::Resource;
use crate::tenant::{Tenant, Totals};

/// One tenant at one moment.
#[derive(Debug, Clone)]
pub(crate) struct Reading {
    /// Never used twice, unlike its name.
    pub(crate) number: u32,
    /// Its name.
    pub(crate) name: Arc<str>,
    /// What it is entitled to.
    pub(crate) base: Resources,
    /// What it has.
    pub(crate) quota: Resources,
    /// What it has, or is on its way to.
    pub(crate) current: Resources,
    /// An operator set its quota; it is not to be touched.
    pub(crate) pinned: bool,
    /// Its part of an improvement, relative to other tenants.
    pub(crate) weight: f64,
    /// The least and the most it may be given.
    pub(crate) bounds: Bounds,
    /// Its counters since start.
    pub(crate) totals: Totals,
    /// Requests since start that had to wait for a limit.
    pub(crate) waits: u64,
    /// Its Redis's memory report; `None` if it cannot be had, and the last calibration stays.
    pub(crate) memory: Option<RedisMemory>,
}

/// Reads all tenants.
pub(super) async fn read(tenants: &[Arc<Tenant>], applier: &Applier) -> Vec<Reading> {
    let memories = join_all(tenants.iter().map(|tenant| memory_of(tenant))).await;
    let readings =
        tenants.iter().zip(memories).map(|(tenant, memory)| (tenant, tenant.terms(), memory));
    let readings = readings.map(|(tenant, terms, memory)| Reading {
        number: tenant.number,
        name: Arc::clone(&tenant.name),
        base: tenant.base(),
        quota: tenant.quota(),
        current: applier.destination(tenant),
        pinned: tenant.is_pinned(),
        weight: terms.weight,
        bounds: terms.bounds,
        totals: tenant.totals(),
        waits: waits_of(tenant),
        memory,
    });
    readings.collect()
}

fn waits_of(tenant: &Tenant) -> u64 {
    let limits = [Resource::ReadUnits, Resource::WriteUnits, Resource::Net];
    limits.into_iter().map(|limit| tenant.limits.limiter(limit).stats().waits).sum()
}

async fn memory_of(tenant: &Tenant) -> Option<RedisMemory> {
    if !tenant.cache.health.is_serving() {
        return None;
    }
    let mut control = Control::open(&tenant.cache.address).await.ok()?;
    control.memory_stats().await.ok()
}
