//! The allocator: its options, its runs, and the curves it goes by.
//!
//! - `runs`: what was decided, and deciding now
//! - `trades`: a decision as a flow from donors to receivers
//! - `shares`: quotas over time
//! - `curve`: a tenant's miss-ratio curve

pub(super) mod curve;
pub(super) mod runs;
pub(super) mod shares;
mod trades;

pub(super) use runs::is_dry_run;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::body::Body;
use super::{AdminState, Problem, ProblemBody};
use crate::config::{AllocatorConfig, Choice as _, RawAllocator, Salt};

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
#[utoipa::path(get, path = "/v1/allocator", operation_id = "show_allocator", tag = "allocator", security(("token" = [])),
    responses((status = 200, body = AllocatorView)))]
pub(super) async fn show(State(state): State<AdminState>) -> Json<AllocatorView> {
    let allocator = &state.inner.allocator;
    Json(AllocatorView::of(&allocator.options(), allocator.rounds_to_come()))
}

/// Changes options. `static` puts base shares back at once; switched off, the last quotas hold.
#[utoipa::path(put, path = "/v1/allocator", operation_id = "change_allocator", tag = "allocator", security(("token" = [])),
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
