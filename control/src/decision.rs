//! What a decision is: shares, verdict, and the grounds for both.

use std::sync::Arc;

use hare::{Policy, Rates, Resources};
use serde::Serialize;
use utoipa::ToSchema;

use crate::course::Apply;
use crate::course::Pace;
use crate::inputs::Inputs;
use crate::run::Share;

/// Whether and why a tenant takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Takes part.
    Active,
    /// Keeps the quota that an operator set.
    Pinned,
    /// No requests: gets its base share.
    Idle,
    /// Fewer than one whole window has passed since it appeared or was starved: gets its base share.
    Arrived,
    /// Its limits kept it below what its base share gives at the very least: gets its base share, at once.
    Starved,
    /// Too few sampled reads for a curve: gets its base share.
    TooFewSamples,
    /// Requests came and none was served: the first such window is skipped for all, after that it gets its base share.
    NoProgress,
}

/// Why a decision is applied, or is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReasonCode {
    /// Better than the present allocation by more than the threshold.
    Improves,
    /// A tenant has less throughput than its base share gives, and would no longer.
    EndsHarm,
    /// Base shares are due: the policy is static, or somebody stopped taking part.
    RestoresBase,
    /// The present shares add up to more than there is, as after a tenant left or a pin was released, or use the reserve.
    TotalExceeded,
    /// Shares are as they should be.
    Unchanged,
    /// Better by more than the threshold, or against a loss beyond the tolerance, but not by twice that, and seen for the
    /// first time: the next run may confirm it.
    Unconfirmed,
    /// Not enough better than the present allocation.
    BelowThreshold,
    /// A tenant made no progress in the last window, for the first time.
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
pub struct Decision {
    /// The policy's name.
    #[schema(value_type = String)]
    pub policy: Policy,
    /// What the policy says everybody could gain over base: 0.5 is 50 %.
    pub improve_ratio: f64,
    /// Gain over base per weight of the tenant that gains least, predicted for the new shares; those at their cap and those
    /// of weight 0 do not count.
    pub improvement: f64,
    /// The same for the present shares.
    pub current_improvement: f64,
    /// Trades the policy made.
    pub rounds: usize,
    /// Why it is applied or not, for programs.
    pub reason_code: ReasonCode,
    /// Why it is applied or not, for people.
    pub reason: String,
    /// Tenant by tenant, in the order of the snapshot.
    pub tenants: Vec<TenantDecision>,
    /// Cache is moved only as far as it can be filled until the next decision, which is to go on.
    #[serde(skip)]
    pub is_a_step: bool,
    /// What the policy was asked; `None` if it was not, or if that is long ago.
    #[serde(skip)]
    pub inputs: Option<Arc<Inputs>>,
}

/// A decision as far as it concerns one tenant.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TenantDecision {
    /// Its name.
    #[schema(value_type = String)]
    pub name: Arc<str>,
    /// Whether it takes part.
    pub role: Role,
    /// What it is entitled to.
    #[schema(value_type = Share)]
    pub base: Resources,
    /// What it had, or was on its way to.
    #[schema(value_type = Share)]
    pub current: Resources,
    /// What it should have.
    #[schema(value_type = Share)]
    pub share: Resources,
    /// Rates for the cache that it has, until that of `share` is there; absent where it keeps those that it has.
    #[serde(skip)]
    pub meanwhile: Option<Rates>,
    /// Its part of an improvement, relative to other tenants.
    pub weight: f64,
    /// Predicted throughput with `share` over that with `base`, until the next run: with a cache as far as it is filled by then.
    /// It is what the curve says as it was learned. What was decided on is a curve with a margin, and so `improvement`, which
    /// is safe to promise, may be less than anybody's predicted gain.
    pub predicted_gain: f64,
    /// Predicted throughput with `current` over that with `base`, likewise.
    pub current_gain: f64,
    /// Requests/s that `base` sustains; absent if nothing limits it.
    pub base_requests_per_s: Option<f64>,
    /// What an average request costs, and how many there were.
    pub demand: DemandSummary,
    /// The miss-ratio curve at the three cache sizes.
    pub curve: CurveSummary,
    /// Rates that it keeps above `share` until its cache is warm; absent where there are none.
    pub boost: Option<Boost>,
    /// Requests/s served in the epoch after the decision; absent until then.
    pub measured_requests_per_s: Option<f64>,
    /// Requests/s that the base share sustains by the demand and the curve of that same epoch.
    pub measured_base_requests_per_s: Option<f64>,
    /// The one over the other.
    pub measured_gain: Option<f64>,
    /// Whether a limit held it back in that epoch: without that it was served all it asked for, and the gain says nothing
    /// of the share.
    pub measured_limited: Option<bool>,
}

/// Rates above those decided.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub struct Boost {
    /// Read units per second.
    pub read_units_per_s: f64,
    /// Write units per second.
    pub write_units_per_s: f64,
    /// Bytes per second.
    pub net_bytes_per_s: f64,
}

/// Demand per request as the policy saw it.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct DemandSummary {
    /// Requests in the smoothed window.
    pub requests: u64,
    /// Read units per request if every read missed.
    pub read_units: f64,
    /// Write units per request.
    pub write_units: f64,
    /// Bytes per request if every read missed.
    pub net_bytes: f64,
    /// Part of `net_bytes` that hits save.
    pub net_alpha: f64,
}

/// The curve where it matters, as it was decided on.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct CurveSummary {
    /// Sampled reads behind it.
    pub sampled_reads: u64,
    /// Mean absolute difference between the last epoch's curve and the one before.
    pub drift: f64,
    /// Added to every miss ratio, against over-optimism.
    pub margin: f64,
    /// Part of the fall of misses above the base cache that was believed, 0..=1.
    pub believed_gain: f64,
    /// By what the rise of misses below the base cache was multiplied, at least 1.
    pub feared_loss: f64,
    /// Miss ratio with the base cache.
    pub miss_ratio_at_base: f64,
    /// Miss ratio with the present cache.
    pub miss_ratio_at_current: f64,
    /// Miss ratio with the cache decided on.
    pub miss_ratio_at_share: f64,
}

impl ReasonCode {
    /// True if quotas are to change for this reason.
    pub fn is_to_apply(self) -> bool {
        matches!(self, Self::Improves | Self::EndsHarm | Self::RestoresBase | Self::TotalExceeded)
    }

    /// The name that programs read.
    pub fn name(self) -> &'static str {
        match self {
            Self::Improves => "improves",
            Self::EndsHarm => "ends_harm",
            Self::RestoresBase => "restores_base",
            Self::TotalExceeded => "total_exceeded",
            Self::Unchanged => "unchanged",
            Self::Unconfirmed => "unconfirmed",
            Self::BelowThreshold => "below_threshold",
            Self::NoProgress => "no_progress",
            Self::TooFewTenants => "too_few_tenants",
            Self::WouldHarm => "would_harm",
            Self::DryRun => "dry_run",
        }
    }
}

impl Decision {
    /// How it is to be put in place where the configuration says `apply`. What is owed is given at once.
    pub fn pace(&self, apply: Apply, gradual_step_bytes: u64) -> Pace {
        let is_starving = self.tenants.iter().any(|tenant| tenant.role == Role::Starved);
        match apply {
            _ if self.policy == Policy::Static || is_starving => Pace::Direct,
            Apply::Gradual => Pace::Gradual(gradual_step_bytes),
            Apply::Direct => Pace::Direct,
            Apply::Boost => Pace::Boost,
        }
    }

    /// True if quotas are to change.
    pub fn is_to_apply(&self) -> bool {
        self.reason_code.is_to_apply()
    }

    /// Notes what tenants whose cache grows keep above their new rates until that cache is warm: their base rates, where
    /// those are larger.
    pub fn boost(&mut self) {
        for tenant in &mut self.tenants {
            let extra =
                tenant.base.rates().zip(tenant.share.rates(), |base, new| (base - new).max(0.0));
            let has_any =
                extra.read_units_per_s + extra.write_units_per_s + extra.net_bytes_per_s > 0.0;
            if tenant.share.cache_bytes > tenant.current.cache_bytes && has_any {
                tenant.boost = Some(Boost {
                    read_units_per_s: extra.read_units_per_s,
                    write_units_per_s: extra.write_units_per_s,
                    net_bytes_per_s: extra.net_bytes_per_s,
                });
            }
        }
    }
}
