//! Reads all tenants: the edge between a live proxy and the control loop.

use std::sync::Arc;

use futures_util::future::join_all;
use hare::RedisMemory;
use hopperkv_control::reading::{Counted, Reading};

use crate::apply::Applier;
use crate::cache::control::Control;
use crate::limits::Resource;
use crate::tenant::{Tenant, Totals};

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
        counted: counted(&tenant.totals()),
        waits: waits_of(tenant),
        memory,
    });
    readings.collect()
}

/// As much of the counters as a decision turns on.
pub(super) fn counted(totals: &Totals) -> Counted {
    Counted {
        reads: totals.reads,
        hits: totals.hits,
        writes: totals.writes,
        throttled: totals.throttled,
        errors: totals.errors,
        read_bytes: totals.read_bytes,
        written_bytes: totals.written_bytes,
        milli_read_units_if_missed: totals.milli_read_units_if_missed,
        milli_write_units: totals.milli_write_units,
    }
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
