//! What a tenant's cache is worth to it.

use axum::Json;
use axum::extract::{Path, State};
use hare::Confidence;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::pulse::LONG;
use super::super::{AdminState, Problem, ProblemBody};

/// A tenant's miss-ratio curve.
#[derive(Debug, Serialize, ToSchema)]
pub(in super::super) struct CurveView {
    /// Cache sizes, as Redis counts `maxmemory`; empty before the first epoch with sampled reads.
    bytes: Vec<u64>,
    /// Miss ratio at each size, without salt.
    miss_ratio: Vec<f64>,
    /// Sampled reads behind the curve.
    sampled_reads: u64,
    /// Keys in the ghost cache.
    tracked_keys: usize,
    /// How far the curve can be trusted.
    #[schema(value_type = ConfidenceView)]
    confidence: Confidence,
    /// Where the tenant is.
    current: CurvePoint,
}

/// What a curve rests on.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "the API document's picture of hare::Confidence")]
struct ConfidenceView {
    /// Sampled reads behind it.
    sampled_reads: u64,
    /// Mean absolute difference between the last epoch's curve and the one before, 0 to 1.
    drift: f64,
    /// Standard error of the ratios from watching some keys only; 0 if all were watched.
    sampling_error: f64,
    /// Epochs without any read since the curve was learned.
    age_epochs: u32,
}

/// The present cache size, and the miss ratio there.
#[derive(Debug, Serialize, ToSchema)]
struct CurvePoint {
    /// Cache size.
    cache_bytes: u64,
    /// What the curve says.
    predicted_miss_ratio: Option<f64>,
    /// What the last ten seconds say.
    measured_miss_ratio: Option<f64>,
}

/// A tenant's miss-ratio curve, and where the tenant is on it.
#[utoipa::path(get, path = "/v1/tenants/{tenant}/curve", operation_id = "show_curve", tag = "tenants", security(("token" = [])),
    params(("tenant" = String, Path, description = "Name of the tenant")),
    responses((status = 200, body = CurveView), (status = 404, body = ProblemBody)))]
pub(in super::super) async fn curve(
    State(state): State<AdminState>,
    Path(name): Path<String>,
) -> Result<Json<CurveView>, Problem> {
    let tenant = state.tenant(&name)?;
    let (curve, learned) = state.inner.allocator.curve(&tenant).await;
    let cache_bytes = tenant.quota().cache_bytes;
    let recent = state.inner.pulse.recent(&tenant, LONG).counted.totals;
    let measured = (recent.reads > 0).then(|| recent.misses as f64 / recent.reads as f64);
    Ok(Json(CurveView {
        bytes: curve.as_ref().map_or_else(Vec::new, |curve| curve.bytes().to_vec()),
        miss_ratio: curve.as_ref().map_or_else(Vec::new, |curve| curve.miss_ratios().to_vec()),
        sampled_reads: learned.sampled_reads,
        tracked_keys: learned.tracked_keys,
        confidence: learned.confidence,
        current: CurvePoint {
            cache_bytes,
            predicted_miss_ratio: curve.map(|curve| curve.miss_ratio_at(cache_bytes)),
            measured_miss_ratio: measured,
        },
    }))
}
