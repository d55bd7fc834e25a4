//! One tenant in numbers: counters, rates, latencies, waits, hot keys, cache.

use axum::Json;
use axum::extract::{Path, State};
use hdrhistogram::Histogram;
use serde::Serialize;
use utoipa::ToSchema;

use super::pulse::{LONG, Recent};
use super::{AdminState, Problem, ProblemBody};
use crate::cache::control::Control;
use crate::limits::Resource;
use crate::tenant::{HotKey, LatencyOf, Tenant, Totals};

/// Hot keys shown.
const HOT_KEYS: usize = 20;

/// One tenant in numbers. Counters count since the start of the proxy.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Stats {
    /// The tenant.
    tenant: String,
    /// Clients signed in.
    clients: usize,
    /// What was counted since start.
    #[schema(value_type = Requests)]
    requests: Totals,
    /// Per second, over the last ten seconds.
    rates: Rates,
    /// By kind of request.
    latency_us: Latencies,
    /// Waits for each limit.
    waits: Waits,
    /// The most frequently read keys, hottest first.
    hot_keys: Vec<HotKeyView>,
    /// Its Redis.
    cache: CacheView,
}

/// Counters since the start of the proxy.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "the API document's picture of tenant::Totals")]
struct Requests {
    /// Keys read by clients.
    reads: u64,
    /// Reads answered by the cache, or by somebody else's storage read.
    hits: u64,
    /// Reads answered from the proxy's own near cache (counted as hits too).
    near_hits: u64,
    /// Reads that went to storage.
    misses: u64,
    /// Reads that joined another read (counted as hits too).
    coalesced: u64,
    /// Reads answered by a negative entry (counted as hits too).
    negative_hits: u64,
    /// Reads and writes of keys that exist nowhere.
    absent: u64,
    /// Keys written or deleted by clients.
    writes: u64,
    /// Requests refused because a limit's wait was too long.
    throttled: u64,
    /// Requests that ended in an error of storage or cache.
    errors: u64,
    /// Key and value bytes of reads.
    read_bytes: u64,
    /// Key and value bytes of writes.
    written_bytes: u64,
    /// Bytes moved to and from storage.
    storage_bytes: u64,
    /// Thousandths of read units, had every read missed.
    milli_read_units_if_missed: u64,
    /// Thousandths of read units consumed.
    milli_read_units: u64,
    /// Thousandths of write units consumed.
    milli_write_units: u64,
    /// Requests that went past a cache that was out of service.
    bypassed: u64,
    /// Commands on keys.
    commands: u64,
    /// Items that SCAN, KEYS, DBSIZE, RANDOMKEY and flushes looked at.
    scanned_items: u64,
    /// Writes decided again because storage held another item than was thought.
    conflicts: u64,
}

/// Per second, over the last ten seconds.
#[derive(Debug, Serialize, ToSchema)]
struct Rates {
    /// Seconds that were looked at.
    over_s: f64,
    /// Keys read.
    reads_per_s: f64,
    /// Reads answered by the cache.
    hits_per_s: f64,
    /// Reads that went to storage.
    misses_per_s: f64,
    /// Keys written.
    writes_per_s: f64,
    /// Requests refused by a limit.
    throttled_per_s: f64,
    /// Read units consumed.
    read_units_per_s: f64,
    /// Write units consumed.
    write_units_per_s: f64,
    /// Bytes to and from clients and storage.
    net_bytes_per_s: f64,
    /// Hits over reads; absent without reads.
    hit_ratio: Option<f64>,
}

/// Latencies by kind of request, in microseconds, since the start of the proxy.
#[derive(Debug, Serialize, ToSchema)]
struct Latencies {
    /// Reads answered by the cache.
    hit: Quantiles,
    /// Reads that went further.
    miss: Quantiles,
    /// Writes.
    write: Quantiles,
    /// Commands over all keys.
    scan: Quantiles,
}

/// A distribution, in microseconds.
#[derive(Debug, Serialize, ToSchema)]
struct Quantiles {
    count: u64,
    mean: f64,
    p50: u64,
    p90: u64,
    p99: u64,
    p999: u64,
    max: u64,
}

/// Waits for each limit.
#[derive(Debug, Serialize, ToSchema)]
struct Waits {
    /// For read units.
    read_units: Wait,
    /// For write units.
    write_units: Wait,
    /// For bandwidth.
    net: Wait,
}

/// Waits for one limit.
#[derive(Debug, Serialize, ToSchema)]
struct Wait {
    /// Requests waiting now.
    waiting: usize,
    /// Requests that had to wait.
    waits: u64,
    /// Time they waited, together.
    waited_ms: f64,
    /// Requests that waited in vain.
    throttled: u64,
    /// Units or bytes granted.
    used: f64,
    /// The limit, per second; absent without one.
    limit_per_s: Option<f64>,
}

/// A frequently read key.
#[derive(Debug, Serialize, ToSchema)]
struct HotKeyView {
    /// The key, with everything that is not printable ASCII escaped.
    key: String,
    /// The key's bytes.
    key_base64: String,
    /// Estimated reads since start.
    reads: u64,
}

/// A tenant's Redis.
#[derive(Debug, Serialize, ToSchema)]
struct CacheView {
    /// Where it is.
    address: String,
    /// False while it is out of service.
    serving: bool,
    /// False while it does not run as nobody has needed it yet: a managed one starts with the first sign-in.
    started: bool,
    /// Reports that it was lost or may hold something stale.
    interruptions: u64,
    /// Memory in use; this and what follows is absent while it cannot be asked.
    used_bytes: Option<u64>,
    /// Its limit.
    maxmemory_bytes: Option<u64>,
    /// Keys it holds, our own records included.
    keys: Option<u64>,
    /// Keys evicted since it started.
    evicted: Option<u64>,
    /// The part of the cache quota that the proxy itself uses; absent without one.
    near: Option<NearView>,
}

/// Replies to hot keys that the proxy itself keeps.
#[derive(Debug, Serialize, ToSchema)]
struct NearView {
    /// What it may take of the cache quota now; Redis has the rest.
    budget_bytes: u64,
    /// What it takes: copies and tables, all workers together.
    used_bytes: u64,
    /// Copies; a key that is hot on several workers has several.
    copies: u64,
}

/// Counters, rates, latencies, waits by limit, hot keys and cache of a tenant.
#[utoipa::path(get, path = "/v1/tenants/{tenant}/stats", operation_id = "show_stats", tag = "tenants", security(("token" = [])),
    params(("tenant" = String, Path, description = "Name of the tenant")),
    responses((status = 200, body = Stats), (status = 404, body = ProblemBody)))]
pub(super) async fn stats(
    State(state): State<AdminState>,
    Path(name): Path<String>,
) -> Result<Json<Stats>, Problem> {
    let tenant = state.tenant(&name)?;
    Ok(Json(Stats::of(&state, &tenant).await))
}

impl Stats {
    /// Looks at a tenant, and asks its Redis.
    pub(super) async fn of(state: &AdminState, tenant: &Tenant) -> Self {
        let recent = state.inner.pulse.recent(tenant, LONG);
        let quantiles = |of| Quantiles::of(&tenant.latencies(of));
        let wait = |resource| Wait::of(tenant, resource);
        Self {
            tenant: tenant.name.to_string(),
            clients: state.inner.shared.clients.of_tenant(tenant.number).len(),
            requests: tenant.totals(),
            rates: Rates::of(&recent),
            latency_us: Latencies {
                hit: quantiles(LatencyOf::Hit),
                miss: quantiles(LatencyOf::Miss),
                write: quantiles(LatencyOf::Write),
                scan: quantiles(LatencyOf::Scan),
            },
            waits: Waits {
                read_units: wait(Resource::ReadUnits),
                write_units: wait(Resource::WriteUnits),
                net: wait(Resource::Net),
            },
            hot_keys: tenant.observer.hot_keys(HOT_KEYS).iter().map(HotKeyView::of).collect(),
            cache: CacheView::of(tenant).await,
        }
    }
}

impl Rates {
    fn of(recent: &Recent) -> Self {
        let totals = &recent.counted.totals;
        Self {
            over_s: recent.over.as_secs_f64(),
            reads_per_s: recent.per_s(totals.reads),
            hits_per_s: recent.per_s(totals.hits),
            misses_per_s: recent.per_s(totals.misses),
            writes_per_s: recent.per_s(totals.writes),
            throttled_per_s: recent.per_s(totals.throttled),
            read_units_per_s: recent.read_units_per_s(),
            write_units_per_s: recent.write_units_per_s(),
            net_bytes_per_s: recent.net_bytes_per_s(),
            hit_ratio: recent.hit_ratio(),
        }
    }
}

impl Quantiles {
    fn of(histogram: &Histogram<u64>) -> Self {
        let at = |quantile| histogram.value_at_quantile(quantile);
        Self {
            count: histogram.len(),
            mean: histogram.mean(),
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: histogram.max(),
        }
    }
}

impl Wait {
    fn of(tenant: &Tenant, resource: Resource) -> Self {
        let limiter = tenant.limits.limiter(resource);
        let stats = limiter.stats();
        Self {
            waiting: stats.waiting,
            waits: stats.waits,
            waited_ms: stats.waited.as_secs_f64() * 1e3,
            throttled: stats.throttled,
            used: stats.used.as_f64(),
            limit_per_s: limiter.rate().map(crate::limits::Rate::as_f64),
        }
    }
}

impl HotKeyView {
    fn of(hot: &HotKey) -> Self {
        Self {
            key: hot.key.escape_ascii().to_string(),
            key_base64: aws_smithy_types::base64::encode(&hot.key),
            reads: hot.reads,
        }
    }
}

impl CacheView {
    async fn of(tenant: &Tenant) -> Self {
        let cache = &tenant.cache;
        let mut view = Self {
            address: cache.address.to_string(),
            serving: !cache.health.is_down(),
            started: !cache.health.is_asleep(),
            interruptions: cache.health.generation(),
            used_bytes: None,
            maxmemory_bytes: None,
            keys: None,
            evicted: None,
            near: tenant.near.as_ref().map(|near| {
                let used = near.used();
                NearView {
                    budget_bytes: used.budget_bytes,
                    used_bytes: used.bytes,
                    copies: used.copies,
                }
            }),
        };
        if cache.health.is_serving()
            && let Ok(mut control) = Control::open(&cache.address).await
            && let Ok(memory) = control.memory_use().await
        {
            view.used_bytes = Some(memory.used_bytes);
            view.maxmemory_bytes = Some(memory.maxmemory_bytes);
            view.evicted = Some(memory.evicted_keys);
            view.keys = control.key_count().await.ok();
        }
        view
    }
}
