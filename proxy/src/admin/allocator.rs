//! The allocator: its options, its runs, and the curves it goes by.

use axum::Json;
use axum::extract::{Path, State};
use hare::{Confidence, Instance};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::{Body, Params};
use super::{AdminState, Problem, ProblemBody};
use crate::config::{AllocatorConfig, Choice as _, Policy, RawAllocator, Salt};
use hopperkv_control::run::{Run, Trigger};

/// Runs listed unless told otherwise.
const RUNS_LISTED: usize = 50;

/// The allocator's options.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AllocatorView {
    /// Whether the epoch loop decides; switched off, the last quotas hold.
    enabled: bool,
    /// How resources are divided.
    policy: &'static str,
    /// Seconds between epochs.
    interval_s: f64,
    /// `gradual`, `direct` or `boost`.
    apply: &'static str,
    /// Improvement over the present allocation that makes a change worth it.
    threshold: f64,
    /// What makes curves worse before they are decided on.
    salt: SaltView,
    /// Epochs summed into one curve and one demand.
    smoothing: u32,
    /// Cache moved per round of a gradual change.
    gradual_step_bytes: u64,
    /// Cache no tenant drops below.
    min_cache_bytes: u64,
    /// How far curves reach, in base caches.
    curve_max: f64,
    /// Keys watched for a tenant's curve, at most; takes effect at the next start.
    tracked_keys: u32,
    /// Part of every total that is held back, as far as everybody keeps its base throughput.
    reserve: f64,
    /// Improvement that moving cache must bring: 0.02 is two points of the improve ratio.
    stability: f64,
    /// Rounds of a gradual change that are still to come.
    rounds_to_come: usize,
}

/// What makes curves worse before they are decided on.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
enum SaltView {
    /// `auto`: their measured uncertainty.
    Auto(&'static str),
    /// This much at every point.
    Fixed(f64),
}

impl From<Salt> for SaltView {
    fn from(salt: Salt) -> Self {
        match salt {
            Salt::Auto => Self::Auto("auto"),
            Salt::Fixed(salt) => Self::Fixed(salt),
        }
    }
}

/// A change of options, in the units of the configuration file; what is left out stays.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "the API document's picture of config::RawAllocator")]
pub(super) struct AllocatorChange {
    /// Whether the epoch loop decides.
    enabled: Option<bool>,
    /// `optimum`, `hare`, `hare_nonconserving`, `drf`, `memshare` or `static`.
    policy: Option<String>,
    /// Time between epochs, such as "20s".
    interval: Option<String>,
    /// `gradual`, `direct` or `boost`.
    apply: Option<String>,
    /// Improvement over the present allocation that makes a change worth it.
    threshold: Option<f64>,
    /// `auto`, or what is added to every point of a curve.
    salt: Option<SaltView>,
    /// Epochs summed into one curve and one demand.
    smoothing: Option<u32>,
    /// Cache moved per round of a gradual change, such as "16MiB".
    gradual_step: Option<String>,
    /// Cache no tenant drops below, such as "10MiB".
    min_cache: Option<String>,
    /// How far curves reach, in base caches.
    curve_max: Option<f64>,
    /// Keys watched for a tenant's curve, at most, 256 to 1,048,576; takes effect at the next start.
    tracked_keys: Option<u32>,
    /// Part of every total that is held back, 0 to 0.9.
    reserve: Option<f64>,
    /// Improvement that moving cache must bring, 0 to 1.
    stability: Option<f64>,
}

/// How to run the allocator.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RunParams {
    dry_run: bool,
    policy: Option<String>,
}

/// Which runs to list.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RunsParams {
    limit: Option<usize>,
}

/// The last runs, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Runs {
    /// At most 256 are kept.
    runs: Vec<Run>,
}

/// A tenant's miss-ratio curve.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CurveView {
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

impl AllocatorView {
    fn of(options: &AllocatorConfig, rounds_to_come: usize) -> Self {
        Self {
            enabled: options.enabled,
            policy: options.policy.name(),
            interval_s: options.interval.as_secs_f64(),
            apply: options.apply.name(),
            threshold: options.threshold,
            salt: options.salt.into(),
            smoothing: options.smoothing,
            gradual_step_bytes: options.gradual_step_bytes,
            min_cache_bytes: options.min_cache_bytes,
            curve_max: options.curve_max,
            tracked_keys: options.tracked_keys,
            reserve: options.reserve,
            stability: options.stability,
            rounds_to_come,
        }
    }
}

/// The allocator's options.
#[utoipa::path(get, path = "/v1/allocator", tag = "allocator", security(("token" = [])),
    responses((status = 200, body = AllocatorView)))]
pub(super) async fn show(State(state): State<AdminState>) -> Json<AllocatorView> {
    let allocator = &state.inner.allocator;
    Json(AllocatorView::of(&allocator.options(), allocator.rounds_to_come()))
}

/// Changes options. `static` puts base shares back at once; switched off, the last quotas hold.
#[utoipa::path(put, path = "/v1/allocator", tag = "allocator", security(("token" = [])),
    request_body = AllocatorChange,
    responses((status = 200, body = AllocatorView), (status = 422, body = ProblemBody)))]
pub(super) async fn set(
    State(state): State<AdminState>,
    Body(change): Body<RawAllocator>,
) -> Result<Json<AllocatorView>, Problem> {
    let inner = &state.inner;
    let _changing = inner.changing.lock().await;
    let options = change.validate(&inner.allocator.options())?;
    inner.state.update(|saved| saved.keep_allocator(&options)).await?;
    tracing::info!(policy = %options.policy, enabled = options.enabled, "allocator options changed");
    inner.allocator.set_options(options).await;
    Ok(show(State(state.clone())).await)
}

/// Runs the allocator now, whether it is switched on or not. A dry run only says what would be decided.
#[utoipa::path(post, path = "/v1/allocator/runs", tag = "allocator", security(("token" = [])),
    params(("dry_run" = Option<bool>, Query, description = "Decide, but change nothing"),
        ("policy" = Option<String>, Query, description = "A policy for this run only")),
    responses((status = 200, body = Run), (status = 422, body = ProblemBody)))]
pub(super) async fn run(
    State(state): State<AdminState>,
    Params(params): Params<RunParams>,
) -> Result<Json<Run>, Problem> {
    let policy = match &params.policy {
        None => None,
        Some(name) => Some(Policy::from_name(name).ok_or_else(|| {
            let names: Vec<_> = Policy::names().collect();
            Problem::invalid("policy", format!("must be one of {}", names.join(", ")))
        })?),
    };
    let _changing = state.inner.changing.lock().await;
    let trigger = if params.dry_run { Trigger::DryRun } else { Trigger::Manual };
    Ok(Json(state.inner.allocator.run_once(trigger, policy).await))
}

/// What was decided, newest first, with what came of it.
#[utoipa::path(get, path = "/v1/allocator/runs", tag = "allocator", security(("token" = [])),
    params(("limit" = Option<usize>, Query, description = "Most runs to list; 50 unless given")),
    responses((status = 200, body = Runs)))]
pub(super) async fn runs(
    State(state): State<AdminState>,
    Params(params): Params<RunsParams>,
) -> Json<Runs> {
    let most = params.limit.unwrap_or(RUNS_LISTED);
    Json(Runs { runs: state.inner.allocator.runs(most) })
}

/// What the policy was asked in a run, in the form that `hopperkv allocate --file` takes.
#[utoipa::path(get, path = "/v1/allocator/runs/{id}", tag = "allocator", security(("token" = [])),
    params(("id" = u64, Path, description = "Number of the run")),
    responses((status = 200, description = "An allocation problem: id, params and tenants", body = Object),
        (status = 404, body = ProblemBody)))]
pub(super) async fn inputs(
    State(state): State<AdminState>,
    Path(id): Path<String>,
) -> Result<Json<Instance>, Problem> {
    let instance = id.parse().ok().and_then(|run| state.inner.allocator.instance_of(run));
    instance.map(Json).ok_or_else(|| {
        Problem::not_found(format!(
            "there are no inputs of a run {id}: it asked no policy, or is too long ago"
        ))
    })
}

/// A tenant's miss-ratio curve, and where the tenant is on it.
#[utoipa::path(get, path = "/v1/tenants/{tenant}/curve", tag = "tenants", security(("token" = [])),
    params(("tenant" = String, Path, description = "Name of the tenant")),
    responses((status = 200, body = CurveView), (status = 404, body = ProblemBody)))]
pub(super) async fn curve(
    State(state): State<AdminState>,
    Path(name): Path<String>,
) -> Result<Json<CurveView>, Problem> {
    let tenant = state.tenant(&name)?;
    let (curve, learned) = state.inner.allocator.curve(&tenant).await;
    let cache_bytes = tenant.quota().cache_bytes;
    let (recent, _) = state.inner.pulse.recent(&tenant);
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
