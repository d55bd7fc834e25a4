//! Every metric with its unit and what it says, for the HELP lines.

use ::metrics::Unit;

/// What only grows.
pub(super) const COUNTERS: &[(&str, Unit, &str)] = &[
    ("hopperkv_connections_accepted_total", Unit::Count, "Client connections accepted."),
    ("hopperkv_connections_refused_total", Unit::Count, "Connections beyond max_clients."),
    ("hopperkv_logins_denied_total", Unit::Count, "Failed sign-ins."),
    (
        "hopperkv_admin_denied_total",
        Unit::Count,
        "Requests of the admin API turned away, by reason: missing or wrong token, or one that only reads.",
    ),
    ("hopperkv_requests_total", Unit::Count, "Keys served, by kind: hit, miss or write."),
    ("hopperkv_commands_total", Unit::Count, "Commands on keys."),
    (
        "hopperkv_reads_coalesced_total",
        Unit::Count,
        "Reads that joined another's storage read; also hits.",
    ),
    (
        "hopperkv_reads_negative_total",
        Unit::Count,
        "Reads answered by a negative entry; also hits.",
    ),
    (
        "hopperkv_reads_near_total",
        Unit::Count,
        "Reads answered from the proxy's own near cache; also hits.",
    ),
    ("hopperkv_absent_total", Unit::Count, "Requests for keys that exist nowhere."),
    ("hopperkv_throttled_total", Unit::Count, "Requests refused by a limit."),
    ("hopperkv_errors_total", Unit::Count, "Requests that failed in storage or cache."),
    (
        "hopperkv_cache_bypassed_total",
        Unit::Count,
        "Requests that went past a cache out of service.",
    ),
    (
        "hopperkv_write_conflicts_total",
        Unit::Count,
        "Writes decided again because storage held another item than was thought.",
    ),
    (
        "hopperkv_scanned_items_total",
        Unit::Count,
        "Items looked at by SCAN, KEYS, DBSIZE, RANDOMKEY and flushes.",
    ),
    (
        "hopperkv_storage_batches_total",
        Unit::Count,
        "Requests to storage that carried several items, by kind: read or write.",
    ),
    ("hopperkv_storage_batched_items_total", Unit::Count, "Items that they carried."),
    ("hopperkv_bytes_total", Unit::Bytes, "Bytes by kind: read, written or storage."),
    ("hopperkv_consumed_units_total", Unit::Count, "Capacity units consumed, by resource."),
    ("hopperkv_limit_used_total", Unit::Count, "Units or bytes granted by a limit."),
    ("hopperkv_limit_waits_total", Unit::Count, "Requests that waited for a limit."),
    (
        "hopperkv_limit_wait_ms_total",
        Unit::Milliseconds,
        "Milliseconds that requests waited for a limit.",
    ),
    ("hopperkv_limit_throttled_total", Unit::Count, "Requests that waited for a limit in vain."),
    ("hopperkv_cache_evicted_keys_total", Unit::Count, "Keys that Redis evicted since it started."),
    (
        "hopperkv_cache_interruptions_total",
        Unit::Count,
        "Reports that a cache was lost or may hold something stale.",
    ),
    (
        "hopperkv_allocator_runs_total",
        Unit::Count,
        "Allocator runs, by whether they changed quotas.",
    ),
    (
        "hopperkv_allocator_runs_by_reason_total",
        Unit::Count,
        "Allocator runs, by why they changed quotas or did not.",
    ),
];

/// What goes up and down.
pub(super) const GAUGES: &[(&str, Unit, &str)] = &[
    ("hopperkv_build_info", Unit::Count, "Always 1; the version is a label."),
    ("hopperkv_start_time_seconds", Unit::Seconds, "When the proxy was started, since 1970."),
    ("hopperkv_clients", Unit::Count, "Clients connected."),
    (
        "hopperkv_admin_listeners",
        Unit::Count,
        "Pages and programs that listen to the admin API's events.",
    ),
    (
        "hopperkv_admin_history_bytes",
        Unit::Bytes,
        "Memory of the last hour that the admin API shows.",
    ),
    ("hopperkv_tenants", Unit::Count, "Tenants served."),
    ("hopperkv_tenant_clients", Unit::Count, "Clients signed in."),
    (
        "hopperkv_storage_waiting",
        Unit::Count,
        "Items waiting to be sent to storage now, by kind: read or write.",
    ),
    ("hopperkv_limit_waiting", Unit::Count, "Requests waiting for a limit now."),
    (
        "hopperkv_quota",
        Unit::Count,
        "Quota in force, by resource: bytes, or units or bytes per second.",
    ),
    ("hopperkv_base", Unit::Count, "Base share, by resource."),
    ("hopperkv_quota_pinned", Unit::Count, "1 while an operator's quota holds."),
    ("hopperkv_weight", Unit::Count, "Improvement over base relative to a tenant of weight 1."),
    (
        "hopperkv_cache_serving",
        Unit::Count,
        "0 while the tenant's Redis is out of service, else 1.",
    ),
    (
        "hopperkv_cache_started",
        Unit::Count,
        "0 while the tenant's Redis does not run as nobody has needed it yet, else 1.",
    ),
    ("hopperkv_cache_used_bytes", Unit::Bytes, "Memory that Redis uses."),
    ("hopperkv_cache_maxmemory_bytes", Unit::Bytes, "Memory that Redis may use."),
    ("hopperkv_near_budget_bytes", Unit::Bytes, "Part of the cache that the near cache may use."),
    ("hopperkv_near_used_bytes", Unit::Bytes, "Memory that the near cache uses."),
    ("hopperkv_near_copies", Unit::Count, "Copies in the near cache, of all workers."),
    ("hopperkv_allocator_enabled", Unit::Count, "1 while the epoch loop decides."),
    (
        "hopperkv_allocator_improve_ratio",
        Unit::Count,
        "Improve ratio of the last run: 0.5 is 50 %.",
    ),
    (
        "hopperkv_allocator_last_run_seconds",
        Unit::Seconds,
        "When the allocator last ran, since 1970.",
    ),
    ("hopperkv_allocator_rounds_to_come", Unit::Count, "Rounds of a gradual change still to come."),
    (
        "hopperkv_allocator_cache_held_back_bytes",
        Unit::Bytes,
        "Cache due to tenants that waits for others to shrink.",
    ),
    (
        "hopperkv_quota_boost",
        Unit::Count,
        "Rates above those decided while a tenant's cache warms up, by resource.",
    ),
    (
        "hopperkv_allocator_predicted_gain",
        Unit::Count,
        "Predicted throughput over that of the base share, by the curve without a margin.",
    ),
    (
        "hopperkv_allocator_measured_gain",
        Unit::Count,
        "Throughput one epoch later over what the base share sustains in that epoch.",
    ),
];
