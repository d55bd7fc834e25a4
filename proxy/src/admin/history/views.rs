//! What the API shows of the last hour: arrays of equal length, one number for each time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::body::Params;
use super::super::{AdminState, Problem, ProblemBody};
use super::Seen;
use super::interval::{Interval, amounts};
use crate::config::Period;

/// What is shown unless told otherwise.
const BACK: Duration = Duration::from_secs(600);
/// The most that is kept.
const HOUR: Duration = Duration::from_secs(3600);
/// Numbers of a sparkline.
const SPARKS: usize = 60;

/// How far back.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in super::super) struct BackParams {
    last: Option<String>,
}

/// One tenant's last minutes; the arrays have one number for each of `at_ms`.
#[derive(Debug, Serialize, ToSchema)]
pub(in super::super) struct TenantHistory {
    /// The tenant.
    tenant: String,
    /// What happened.
    #[serde(flatten)]
    series: History,
}

/// The last minutes of all tenants together.
#[derive(Debug, Serialize, ToSchema)]
pub(in super::super) struct TotalHistory {
    /// What happened.
    #[serde(flatten)]
    series: History,
    /// Requests per second of each tenant by name, oldest first, at most 60 numbers over the same time. Shorter for tenants
    /// that came later.
    #[schema(value_type = BTreeMap<String, Vec<f64>>)]
    sparklines: BTreeMap<Arc<str>, Vec<f64>>,
}

/// What happened in the five seconds before each time.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(in super::super) struct History {
    /// Ends of the intervals, in milliseconds since 1970.
    at_ms: Vec<u64>,
    /// Keys read.
    reads_per_s: Vec<f64>,
    /// Reads answered by the cache.
    hits_per_s: Vec<f64>,
    /// Reads that went to storage.
    misses_per_s: Vec<f64>,
    /// Keys written.
    writes_per_s: Vec<f64>,
    /// Requests refused by a limit.
    throttled_per_s: Vec<f64>,
    /// Requests that ended in an error of storage or cache.
    errors_per_s: Vec<f64>,
    /// Hits over reads; null without reads.
    hit_ratio: Vec<Option<f64>>,
    /// Median latency of reads answered by the cache, in microseconds, within 10 %; null without such requests.
    hit_p50_us: Vec<Option<f64>>,
    /// Their 99th percentile.
    hit_p99_us: Vec<Option<f64>>,
    /// Median latency of reads that went further.
    miss_p50_us: Vec<Option<f64>>,
    /// Their 99th percentile.
    miss_p99_us: Vec<Option<f64>>,
    /// Median latency of writes.
    write_p50_us: Vec<Option<f64>>,
    /// Their 99th percentile.
    write_p99_us: Vec<Option<f64>>,
    /// Cache in use.
    use_cache_bytes: Vec<f64>,
    /// Read units consumed.
    use_read_units_per_s: Vec<f64>,
    /// Write units consumed.
    use_write_units_per_s: Vec<f64>,
    /// Bytes to and from clients and storage.
    use_net_bytes_per_s: Vec<f64>,
    /// Quota in force: cache.
    quota_cache_bytes: Vec<f64>,
    /// Quota in force: read units per second.
    quota_read_units_per_s: Vec<f64>,
    /// Quota in force: write units per second.
    quota_write_units_per_s: Vec<f64>,
    /// Quota in force: bytes per second.
    quota_net_bytes_per_s: Vec<f64>,
    /// Requests that had to wait for read units.
    waits_per_s_read_units: Vec<f64>,
    /// Requests that had to wait for write units.
    waits_per_s_write_units: Vec<f64>,
    /// Requests that had to wait for bandwidth.
    waits_per_s_net: Vec<f64>,
}

/// The four resources over time; null where nothing is known.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(in super::super) struct ShareSeries {
    /// Cache.
    cache_bytes: Vec<Option<f64>>,
    /// Read units per second.
    read_units_per_s: Vec<Option<f64>>,
    /// Write units per second.
    write_units_per_s: Vec<Option<f64>>,
    /// Bytes per second, client and storage side together.
    net_bytes_per_s: Vec<Option<f64>>,
}

/// The last minutes of a tenant, a point every five seconds, up to an hour.
#[utoipa::path(get, path = "/v1/tenants/{tenant}/history", tag = "tenants", security(("token" = [])),
    params(("tenant" = String, Path, description = "Name of the tenant"),
        ("last" = Option<String>, Query, description = "How far back, such as \"30m\"; \"10m\" unless given, \"1h\" at most")),
    responses((status = 200, body = TenantHistory), (status = 404, body = ProblemBody),
        (status = 422, body = ProblemBody)))]
pub(in super::super) async fn tenant_history(
    State(state): State<AdminState>,
    Path(name): Path<String>,
    Params(params): Params<BackParams>,
) -> Result<Json<TenantHistory>, Problem> {
    let tenant = state.tenant(&name)?;
    let seen = state.inner.history.of_tenant(&tenant, params.back()?);
    Ok(Json(TenantHistory { tenant: name, series: History::of(&seen) }))
}

/// The last minutes of all tenants together, and a sparkline of each.
#[utoipa::path(get, path = "/v1/history", tag = "overview", security(("token" = [])),
    params(("last" = Option<String>, Query, description = "How far back, such as \"30m\"; \"10m\" unless given, \"1h\" at most")),
    responses((status = 200, body = TotalHistory), (status = 422, body = ProblemBody)))]
pub(in super::super) async fn history(
    State(state): State<AdminState>,
    Params(params): Params<BackParams>,
) -> Result<Json<TotalHistory>, Problem> {
    let back = params.back()?;
    let inner = &state.inner;
    let tenants = inner.shared.tenants.all();
    let (times, requests) = inner.history.of_each(&tenants, back, |_, points| {
        points.map(|(interval, _)| interval.requests_per_s()).collect::<Vec<f64>>()
    });
    let each = times.len().div_ceil(SPARKS).max(1);
    let sparks = requests.into_iter().map(|(name, rates)| (name, means(&rates, each)));
    let series = History::of(&inner.history.of_all(back));
    Ok(Json(TotalHistory { series, sparklines: sparks.collect() }))
}

impl BackParams {
    /// How far back.
    pub(in super::super) fn back(&self) -> Result<Duration, Problem> {
        let Some(text) = &self.last else { return Ok(BACK) };
        let back = text.parse::<Period>().map(|period| period.0);
        match back.map_err(|error| Problem::invalid("last", error.to_string()))? {
            Duration::ZERO => Err(Problem::invalid("last", "must be above 0, such as \"10m\"")),
            back => Ok(back.min(HOUR)),
        }
    }
}

impl History {
    fn of(seen: &[Seen]) -> Self {
        let mut history = Self::default();
        for (at_ms, interval, quota) in seen {
            history.push(*at_ms, interval, amounts(quota));
        }
        history
    }

    fn push(&mut self, at_ms: u64, interval: &Interval, quota: [f64; 4]) {
        self.at_ms.push(at_ms);
        self.hit_ratio.push(interval.hit_ratio().map(short));
        let flows = [
            &mut self.reads_per_s,
            &mut self.hits_per_s,
            &mut self.misses_per_s,
            &mut self.writes_per_s,
            &mut self.throttled_per_s,
            &mut self.errors_per_s,
        ];
        append(flows, interval.flows);
        let used = [
            &mut self.use_cache_bytes,
            &mut self.use_read_units_per_s,
            &mut self.use_write_units_per_s,
            &mut self.use_net_bytes_per_s,
        ];
        append(used, interval.used);
        let quotas = [
            &mut self.quota_cache_bytes,
            &mut self.quota_read_units_per_s,
            &mut self.quota_write_units_per_s,
            &mut self.quota_net_bytes_per_s,
        ];
        append(quotas, quota);
        let waits = [
            &mut self.waits_per_s_read_units,
            &mut self.waits_per_s_write_units,
            &mut self.waits_per_s_net,
        ];
        append(waits, interval.waits);
        let latencies = [
            &mut self.hit_p50_us,
            &mut self.hit_p99_us,
            &mut self.miss_p50_us,
            &mut self.miss_p99_us,
            &mut self.write_p50_us,
            &mut self.write_p99_us,
        ];
        for (series, us) in latencies.into_iter().zip(interval.latencies.as_flattened()) {
            series.push((*us > 0.0).then(|| short(*us)));
        }
    }
}

fn append<const N: usize>(series: [&mut Vec<f64>; N], numbers: [f64; N]) {
    for (series, number) in series.into_iter().zip(numbers) {
        series.push(short(number));
    }
}

impl ShareSeries {
    /// Adds one time.
    pub(in super::super) fn push(&mut self, share: Option<[f64; 4]>) {
        let series = [
            &mut self.cache_bytes,
            &mut self.read_units_per_s,
            &mut self.write_units_per_s,
            &mut self.net_bytes_per_s,
        ];
        for (place, series) in series.into_iter().enumerate() {
            series.push(share.and_then(|share| share.get(place).copied()).map(short));
        }
    }
}

/// Means of `each` neighbours, counted from the newest.
fn means(numbers: &[f64], each: usize) -> Vec<f64> {
    let mut means: Vec<f64> = numbers
        .rchunks(each)
        .map(|chunk| short(chunk.iter().sum::<f64>() / chunk.len() as f64))
        .collect();
    means.reverse();
    means
}

/// Four digits, as many as are kept; whole above that.
fn short(number: f64) -> f64 {
    if number >= 1000.0 { number.round() } else { (number * 1e4).round() / 1e4 }
}

#[cfg(test)]
mod tests {
    use super::{BackParams, means};

    #[test]
    fn a_time_back_is_read_and_bounded() {
        let back = |last: &str| BackParams { last: Some(last.to_owned()) }.back();
        assert_eq!(back("30s").unwrap().as_secs(), 30);
        assert_eq!(back("2h").unwrap().as_secs(), 3600);
        assert_eq!(BackParams::default().back().unwrap().as_secs(), 600);
        for wrong in ["", "10", "0s", "-1m", "ten"] {
            assert!(back(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn sparklines_are_means_of_neighbours() {
        assert_eq!(means(&[1.0, 2.0, 4.0, 6.0, 8.0], 2), [1.0, 3.0, 7.0]);
        assert_eq!(means(&[], 3), [0.0; 0]);
    }
}
