//! What a decision is: shares, verdict, and the grounds for both.

use std::sync::Arc;

use hare::{Policy, Resources};
use serde::Serialize;
use utoipa::ToSchema;

use super::run::Share;

/// Whether and why a tenant takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Role {
    /// Takes part.
    Active,
    /// Keeps the quota that an operator set.
    Pinned,
    /// No requests: gets its base share.
    Idle,
    /// Too few sampled reads for a curve: gets its base share.
    TooFewSamples,
    /// Requests came and none was served: nothing can be learned from this window.
    NoProgress,
}

/// Why a decision is applied, or is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ReasonCode {
    /// Better than the present allocation by more than the threshold.
    Improves,
    /// Base shares are due: the policy is static, or somebody stopped taking part.
    RestoresBase,
    /// The present shares add up to more than there is, as after a tenant left or a pin was released.
    TotalExceeded,
    /// Shares are as they should be.
    Unchanged,
    /// Not enough better than the present allocation.
    BelowThreshold,
    /// A tenant made no progress.
    NoProgress,
    /// Fewer than two tenants take part.
    TooFewTenants,
    /// A tenant would fall below what its base share gives.
    WouldHarm,
    /// It was only asked what would be decided.
    DryRun,
}

/// What was decided, and on what grounds.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Decision {
    /// The policy's name.
    #[schema(value_type = String)]
    pub(crate) policy: Policy,
    /// What the policy says everybody could gain over base: 0.5 is 50 %.
    pub(crate) improve_ratio: f64,
    /// Gain over base of the tenant that gains least, predicted for the new shares.
    pub(crate) improvement: f64,
    /// The same for the present shares.
    pub(crate) current_improvement: f64,
    /// Trades the policy made.
    pub(crate) rounds: usize,
    /// Why it is applied or not, for programs.
    pub(crate) reason_code: ReasonCode,
    /// Why it is applied or not, for people.
    pub(crate) reason: String,
    /// Tenant by tenant, in the order of the snapshot.
    pub(crate) tenants: Vec<TenantDecision>,
}

/// A decision as far as it concerns one tenant.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct TenantDecision {
    /// Its name.
    #[schema(value_type = String)]
    pub(crate) name: Arc<str>,
    /// Whether it takes part.
    pub(crate) role: Role,
    /// What it is entitled to.
    #[schema(value_type = Share)]
    pub(crate) base: Resources,
    /// What it had, or was on its way to.
    #[schema(value_type = Share)]
    pub(crate) current: Resources,
    /// What it should have.
    #[schema(value_type = Share)]
    pub(crate) share: Resources,
    /// Predicted throughput with `share` over that with `base`.
    pub(crate) predicted_gain: f64,
    /// Predicted throughput with `current` over that with `base`.
    pub(crate) current_gain: f64,
    /// Requests/s that `base` sustains; absent if nothing limits it.
    pub(crate) base_requests_per_s: Option<f64>,
    /// What an average request costs, and how many there were.
    pub(crate) demand: DemandSummary,
    /// The miss-ratio curve at the three cache sizes.
    pub(crate) curve: CurveSummary,
    /// Requests/s served in the epoch after the decision; absent until then.
    pub(crate) measured_requests_per_s: Option<f64>,
    /// That over `base_requests_per_s`.
    pub(crate) measured_gain: Option<f64>,
}

/// Demand per request as the policy saw it.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub(crate) struct DemandSummary {
    /// Requests in the smoothed window.
    pub(crate) requests: u64,
    /// Read units per request if every read missed.
    pub(crate) read_units: f64,
    /// Write units per request.
    pub(crate) write_units: f64,
    /// Bytes per request if every read missed.
    pub(crate) net_bytes: f64,
    /// Part of `net_bytes` that hits save.
    pub(crate) net_alpha: f64,
}

/// The curve where it matters, salt included.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub(crate) struct CurveSummary {
    /// Sampled reads behind it.
    pub(crate) sampled_reads: u64,
    /// Miss ratio with the base cache.
    pub(crate) miss_ratio_at_base: f64,
    /// Miss ratio with the present cache.
    pub(crate) miss_ratio_at_current: f64,
    /// Miss ratio with the cache decided on.
    pub(crate) miss_ratio_at_share: f64,
}

impl Decision {
    /// True if quotas are to change.
    pub(crate) fn is_to_apply(&self) -> bool {
        matches!(
            self.reason_code,
            ReasonCode::Improves | ReasonCode::RestoresBase | ReasonCode::TotalExceeded
        )
    }
}
