//! What a policy gave each tenant: its throughput over that of its base share, delivered and predicted.

use std::collections::HashMap;

use super::sane;
use crate::outcome::{Outcome, TenantOutcome};
use crate::spec::Policy;

/// A tenant below this gain fell below its base share: 3 % are for noise.
pub const BELOW_BASE: f64 = 0.97;
/// A delivered gain that is further than this part from the predicted one is off.
pub const OFF_PREDICTION: f64 = 0.10;

/// What one tenant got of one run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TenantGain<'a> {
    /// Point of the run.
    pub point: usize,
    /// Policy of the run.
    pub policy: Policy,
    /// Name of the tenant.
    pub tenant: &'a str,
    /// Throughput of the measurement over that under the static policy; `None` if that run is missing, or if the tenant was
    /// served nothing in it.
    pub gain: Option<f64>,
    /// What the last decision predicted.
    pub predicted: Option<f64>,
    /// What to hold against the prediction: as `gain`, and where the last decision fell into the series, of the time since
    /// that decision only.
    pub delivered: Option<f64>,
}

/// What a policy gave all tenants.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary<'a> {
    /// Tenant with the smallest gain.
    pub least: Option<TenantGain<'a>>,
    /// Tenant with the largest gain.
    pub largest: Option<TenantGain<'a>>,
    /// Arithmetic mean of the gains.
    pub mean: Option<f64>,
    /// Geometric mean of the gains; 0 if one of them is.
    pub geometric_mean: Option<f64>,
    /// Those below [`BELOW_BASE`], the furthest first.
    pub below: Vec<TenantGain<'a>>,
    /// Tenants with a gain.
    pub known: usize,
    /// Tenants whose gain cannot be told.
    pub unknown: usize,
}

impl TenantGain<'_> {
    /// Delivered over predicted gain, less 1: -0.05 is 5 % less than predicted.
    #[must_use]
    pub fn off_by(&self) -> Option<f64> {
        let predicted = self.predicted.filter(|predicted| *predicted > 0.0)?;
        Some(self.delivered? / predicted - 1.0)
    }

    /// Whether it is further than [`OFF_PREDICTION`] from the prediction.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.off_by().is_some_and(|off| off.abs() > OFF_PREDICTION)
    }
}

impl<'a> Summary<'a> {
    /// Of any gains; those that cannot be told are only counted.
    #[must_use]
    pub fn of(gains: &[TenantGain<'a>]) -> Self {
        let mut known: Vec<(f64, TenantGain<'a>)> =
            gains.iter().filter_map(|tenant| tenant.gain.map(|gain| (gain, *tenant))).collect();
        known.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mean = |of: &dyn Fn(f64) -> f64| {
            let sum: f64 = known.iter().map(|(gain, _)| of(*gain)).sum();
            (!known.is_empty()).then(|| sum / known.len() as f64)
        };
        Self {
            least: known.first().map(|(_, tenant)| *tenant),
            largest: known.last().map(|(_, tenant)| *tenant),
            mean: mean(&|gain| gain),
            geometric_mean: mean(&f64::ln).map(f64::exp),
            below: known.iter().filter(|(gain, _)| *gain < BELOW_BASE).map(|(_, t)| *t).collect(),
            known: known.len(),
            unknown: gains.len() - known.len(),
        }
    }
}

/// Less than this after a decision, in seconds, says nothing of what it delivers.
const SHORTEST_S: f64 = 5.0;

/// Tenants are matched by name: a run that lacks one still tells of the others.
pub(super) fn of_run<'a>(run: &'a Outcome, base: Option<&'a Outcome>) -> Vec<TenantGain<'a>> {
    let in_base: HashMap<&str, &TenantOutcome> = base
        .iter()
        .flat_map(|base| &base.tenants)
        .map(|tenant| (tenant.name.as_str(), tenant))
        .collect();
    // Periodic runs end with a decision after which nothing is served any more.
    let end_s = end_s(run);
    let decided = run.decisions.iter().rev().find(|decision| decision.at_s < end_s - SHORTEST_S);
    let decided_s = decided.map(|decision| decision.at_s);
    let of_tenant = |tenant: &'a TenantOutcome| {
        let base = in_base.get(tenant.name.as_str()).copied();
        let gain = base.and_then(|base| ratio(tenant.throughput_per_s, base.throughput_per_s));
        let since = base.zip(decided_s).and_then(|(base, decided_s)| {
            let start_s = measurement_start_s(run).max(decided_s);
            ratio(throughput_since(tenant, start_s)?, throughput_since(base, start_s)?)
        });
        TenantGain {
            point: run.point,
            policy: run.policy,
            tenant: &tenant.name,
            gain,
            predicted: tenant.predicted_gain.and_then(sane),
            delivered: if decided_s.is_some_and(|at_s| at_s > measurement_start_s(run)) {
                since.or(gain)
            } else {
                gain
            },
        }
    };
    run.tenants.iter().map(of_tenant).collect()
}

/// The measurement is the end of the run, or all of it.
fn measurement_start_s(run: &Outcome) -> f64 {
    // Engines may end an interval a little early or late.
    (end_s(run) - run.measured_s * 1.001).max(0.0)
}

fn end_s(run: &Outcome) -> f64 {
    let ends = run.tenants.iter().filter_map(|tenant| tenant.series.last());
    ends.map(|last| last.until_s).fold(0.0, f64::max)
}

fn throughput_since(tenant: &TenantOutcome, start_s: f64) -> Option<f64> {
    let (mut served, mut over_s, mut from_s) = (0.0, 0.0, 0.0);
    for interval in &tenant.series {
        let length_s = interval.until_s - f64::max(from_s, start_s);
        if length_s > 0.0 {
            served += interval.throughput_per_s * length_s;
            over_s += length_s;
        }
        from_s = interval.until_s;
    }
    (over_s > 0.0).then(|| served / over_s)
}

fn ratio(above: f64, below: f64) -> Option<f64> {
    (below > 0.0).then(|| above / below).and_then(sane)
}
