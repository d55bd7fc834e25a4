//! `/metrics`: the proxy's counters as Prometheus text.
//!
//! The counters live elsewhere (per worker, per limiter); here they are read when somebody asks. Each scrape fills a
//! recorder of its own, so that a tenant that was removed leaves no series behind. Latencies are kept as HDR
//! histograms, which the exporter does not know: `latency` writes them in the same format.

mod help;
mod latency;

use std::sync::atomic::Ordering;

use ::metrics::{counter, describe_counter, describe_gauge, gauge};
use futures_util::future::join_all;
use hare::Resources;
use metrics_exporter_prometheus::PrometheusBuilder;

use crate::admin::Denial;
use crate::cache::control::{Control, MemoryUse};
use crate::config::Choice as _;
use crate::epoch::Allocator;
use crate::limits::Resource;
use crate::server::Shared;
use crate::tenant::Tenant;

/// Everything there is to know, in the text format.
pub(crate) async fn render(shared: &Shared, allocator: &Allocator) -> String {
    let tenants = shared.tenants.all();
    let memory = join_all(tenants.iter().map(|tenant| memory_of(tenant))).await;
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    let clients = shared.clients.by_tenant();
    ::metrics::with_local_recorder(&recorder, || {
        describe();
        server(shared);
        for (tenant, memory) in tenants.iter().zip(&memory) {
            requests(tenant);
            batches(tenant);
            limits(tenant);
            cache(tenant, memory.as_ref());
            boost(tenant, allocator);
            gauge!("hopperkv_tenant_clients", "tenant" => tenant.name.to_string())
                .set(clients.get(&tenant.number).copied().unwrap_or(0) as f64);
        }
        epochs(allocator);
    });
    let mut text = handle.render();
    latency::append(&mut text, &tenants);
    text
}

fn describe() {
    for (name, unit, help) in help::COUNTERS {
        describe_counter!(*name, *unit, *help);
    }
    for (name, unit, help) in help::GAUGES {
        describe_gauge!(*name, *unit, *help);
    }
}

fn server(shared: &Shared) {
    let counts = &shared.counts;
    for (name, count) in [
        ("hopperkv_connections_accepted_total", &counts.accepted),
        ("hopperkv_connections_refused_total", &counts.refused),
        ("hopperkv_logins_denied_total", &counts.denied),
    ] {
        counter!(name).absolute(count.load(Ordering::Relaxed));
    }
    for denial in Denial::ALL {
        counter!("hopperkv_admin_denied_total", "reason" => denial.name())
            .absolute(counts.admin_denials.count(denial));
    }
    gauge!("hopperkv_admin_listeners").set(counts.admin_listeners.load(Ordering::Relaxed) as f64);
    gauge!("hopperkv_admin_history_bytes")
        .set(counts.admin_history_bytes.load(Ordering::Relaxed) as f64);
    gauge!("hopperkv_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    gauge!("hopperkv_start_time_seconds").set(shared.started_ms as f64 / 1e3);
    gauge!("hopperkv_clients").set(shared.clients.len() as f64);
    gauge!("hopperkv_tenants").set(shared.tenants.all().len() as f64);
}

fn requests(tenant: &Tenant) {
    let totals = tenant.totals();
    let name = || tenant.name.to_string();
    for (kind, count) in [("hit", totals.hits), ("miss", totals.misses), ("write", totals.writes)] {
        counter!("hopperkv_requests_total", "tenant" => name(), "kind" => kind).absolute(count);
    }
    for (kind, count) in [
        ("read", totals.read_bytes),
        ("written", totals.written_bytes),
        ("storage", totals.storage_bytes),
    ] {
        counter!("hopperkv_bytes_total", "tenant" => name(), "kind" => kind).absolute(count);
    }
    for (metric, count) in [
        ("hopperkv_commands_total", totals.commands),
        ("hopperkv_reads_coalesced_total", totals.coalesced),
        ("hopperkv_reads_negative_total", totals.negative_hits),
        ("hopperkv_reads_near_total", totals.near_hits),
        ("hopperkv_absent_total", totals.absent),
        ("hopperkv_throttled_total", totals.throttled),
        ("hopperkv_errors_total", totals.errors),
        ("hopperkv_cache_bypassed_total", totals.bypassed),
        ("hopperkv_scanned_items_total", totals.scanned_items),
        ("hopperkv_write_conflicts_total", totals.conflicts),
    ] {
        counter!(metric, "tenant" => name()).absolute(count);
    }
    for (resource, milli) in [
        (Resource::ReadUnits, totals.milli_read_units),
        (Resource::WriteUnits, totals.milli_write_units),
    ] {
        counter!("hopperkv_consumed_units_total", "tenant" => name(), "resource" => resource.name())
            .absolute(milli / 1000);
    }
}

/// Requests to storage that went together.
fn batches(tenant: &Tenant) {
    for (kind, stats) in
        [("read", tenant.table.read_batches()), ("write", tenant.table.put_batches())]
    {
        let labels = [("tenant", tenant.name.to_string()), ("kind", kind.to_owned())];
        counter!("hopperkv_storage_batches_total", &labels).absolute(stats.batches);
        counter!("hopperkv_storage_batched_items_total", &labels).absolute(stats.items);
        gauge!("hopperkv_storage_waiting", &labels).set(stats.waiting as f64);
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "float casts saturate; counters of the text format are whole"
)]
fn limits(tenant: &Tenant) {
    for resource in Resource::ALL {
        let stats = tenant.limits.limiter(resource).stats();
        let labels =
            [("tenant", tenant.name.to_string()), ("resource", resource.name().to_owned())];
        counter!("hopperkv_limit_used_total", &labels).absolute(stats.used.as_f64() as u64);
        counter!("hopperkv_limit_waits_total", &labels).absolute(stats.waits);
        let waited_ms = u64::try_from(stats.waited.as_millis()).unwrap_or(u64::MAX);
        counter!("hopperkv_limit_wait_ms_total", &labels).absolute(waited_ms);
        counter!("hopperkv_limit_throttled_total", &labels).absolute(stats.throttled);
        gauge!("hopperkv_limit_waiting", &labels).set(stats.waiting as f64);
    }
}

fn cache(tenant: &Tenant, memory: Option<&MemoryUse>) {
    let name = || tenant.name.to_string();
    let flag = |set| if set { 1.0 } else { 0.0 };
    let health = &tenant.cache.health;
    gauge!("hopperkv_cache_serving", "tenant" => name()).set(flag(!health.is_down()));
    gauge!("hopperkv_cache_started", "tenant" => name()).set(flag(!health.is_asleep()));
    counter!("hopperkv_cache_interruptions_total", "tenant" => name())
        .absolute(health.generation());
    gauge!("hopperkv_quota_pinned", "tenant" => name()).set(flag(tenant.is_pinned()));
    gauge!("hopperkv_weight", "tenant" => name()).set(tenant.terms().weight);
    for (metric, share) in [("hopperkv_quota", tenant.quota()), ("hopperkv_base", tenant.base())] {
        for (resource, amount) in amounts(&share) {
            gauge!(metric, "tenant" => name(), "resource" => resource).set(amount);
        }
    }
    if let Some(near) = &tenant.near {
        let used = near.used();
        gauge!("hopperkv_near_budget_bytes", "tenant" => name()).set(used.budget_bytes as f64);
        gauge!("hopperkv_near_used_bytes", "tenant" => name()).set(used.bytes as f64);
        gauge!("hopperkv_near_copies", "tenant" => name()).set(used.copies as f64);
    }
    if let Some(memory) = memory {
        let used = gauge!("hopperkv_cache_used_bytes", "tenant" => name());
        used.set(memory.used_bytes as f64);
        let maxmemory = gauge!("hopperkv_cache_maxmemory_bytes", "tenant" => name());
        maxmemory.set(memory.maxmemory_bytes as f64);
        let evicted = counter!("hopperkv_cache_evicted_keys_total", "tenant" => name());
        evicted.absolute(memory.evicted_keys);
    }
}

/// Rates above those decided; a tenant without a boost has no such series.
fn boost(tenant: &Tenant, allocator: &Allocator) {
    let Some(extra) = allocator.boost_of(tenant) else { return };
    for (resource, amount) in amounts(&Resources::new(0, extra)).into_iter().skip(1) {
        gauge!("hopperkv_quota_boost", "tenant" => tenant.name.to_string(), "resource" => resource)
            .set(amount);
    }
}

fn epochs(allocator: &Allocator) {
    let options = allocator.options();
    let policy = options.policy.name();
    gauge!("hopperkv_allocator_enabled", "policy" => policy).set(f64::from(options.enabled));
    gauge!("hopperkv_allocator_rounds_to_come").set(allocator.rounds_to_come() as f64);
    let counts = allocator.run_counts();
    counter!("hopperkv_allocator_runs_total", "applied" => "true").absolute(counts.applied());
    counter!("hopperkv_allocator_runs_total", "applied" => "false").absolute(counts.kept());
    for (reason, count) in &counts.0 {
        counter!("hopperkv_allocator_runs_by_reason_total", "reason" => reason.name())
            .absolute(*count);
    }
    gauge!("hopperkv_allocator_cache_held_back_bytes").set(allocator.held_back_bytes() as f64);
    let Some(run) = allocator.runs(1).pop() else { return };
    gauge!("hopperkv_allocator_improve_ratio").set(run.decision.improve_ratio);
    gauge!("hopperkv_allocator_last_run_seconds").set(run.at_ms as f64 / 1e3);
    for tenant in &run.decision.tenants {
        gauge!("hopperkv_allocator_predicted_gain", "tenant" => tenant.name.to_string())
            .set(tenant.predicted_gain);
    }
    let measured = allocator.runs(2).into_iter().rev().flat_map(|run| run.decision.tenants);
    for (name, gain) in measured.filter_map(|tenant| Some((tenant.name, tenant.measured_gain?))) {
        gauge!("hopperkv_allocator_measured_gain", "tenant" => name.to_string()).set(gain);
    }
}

fn amounts(share: &Resources) -> [(&'static str, f64); 4] {
    [
        ("cache", share.cache_bytes as f64),
        (Resource::ReadUnits.name(), share.read_units_per_s),
        (Resource::WriteUnits.name(), share.write_units_per_s),
        (Resource::Net.name(), share.net_bytes_per_s),
    ]
}

async fn memory_of(tenant: &Tenant) -> Option<MemoryUse> {
    if !tenant.cache.health.is_serving() {
        return None;
    }
    Control::open(&tenant.cache.address).await.ok()?.memory_use().await.ok()
}
