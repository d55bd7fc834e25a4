//! A tenant at the table: whether it takes part, and what the policy sees of it.

use std::sync::Arc;
use std::time::Duration;

use hare::{
    MissRatioCurve, Policy, Resources, TenantInput, WindowUsage, base_throughput_per_s,
    predicted_gain,
};

use crate::caution::{Caution, CautiousCurve};
use crate::decide::Options;
use crate::decision::{CurveSummary, DemandSummary, Role, TenantDecision};
use crate::snapshot::TenantView;

/// Sampled reads from which a tenant takes part.
const ENOUGH_READS: u64 = 64;
/// Sampled reads below which one that took part no longer does: no tenant goes in and out from epoch to epoch.
const TOO_FEW_READS: u64 = 32;
/// Standard errors by which the number of writes may have been too low.
const WRITE_MARGIN_ERRORS: f64 = 2.5;
/// A margin of no more than this is none: what is as well known as that is left alone.
const LEAST_WRITE_MARGIN: f64 = 0.05;
/// Part of a bound from which a share counts as being at it.
const AT_BOUND: f64 = 1.0 - 1e-6;

/// A tenant with its role and, if it takes part, what the policy sees of it.
pub(crate) struct Seat<'a> {
    pub(crate) view: &'a TenantView,
    pub(crate) role: Role,
    /// Over the true base share; `None` if a number is none that a policy can work with.
    pub(crate) input: Option<TenantInput>,
    /// The same as its cache will be filled until the next decision, where that matters.
    ahead: Option<TenantInput>,
    /// The last of these without caution: what is expected, not what is safe to decide on.
    expected: Option<TenantInput>,
    /// Its part of an improvement, where the policy heeds that.
    pub(crate) weight: f64,
    cautious: CautiousCurve,
}

impl<'a> Seat<'a> {
    pub(crate) fn new(view: &'a TenantView, options: &Options) -> Self {
        let unknown = MissRatioCurve::always_miss();
        let (curve, caution) = match &view.curve {
            Some(curve) => (curve, options.caution),
            None => (&unknown, Caution::Salt(0.0)),
        };
        let cautious = caution.over(curve, &view.confidence, view.base.cache_bytes);
        let input = input_of(view, cautious.curve.clone(), view.base);
        let role = role_of(view, input.is_some());
        let weight = if options.policy == Policy::Optimum { view.weight } else { 1.0 };
        let ahead = options.fill_time().map(|epoch| epoch / 2);
        let expected = match ahead {
            Some(ahead) => input_ahead_of(view, curve, view.base, ahead),
            None => input_of(view, curve.clone(), view.base),
        };
        let ahead = ahead.and_then(|ahead| input_ahead_of(view, &cautious.curve, view.base, ahead));
        Self { view, role, input, ahead, expected, weight, cautious }
    }

    pub(crate) fn is_active(&self) -> bool {
        self.role == Role::Active
    }

    /// What the policy sees of it with `base` in place of its base share.
    pub(crate) fn input_over(&self, base: Resources) -> Option<TenantInput> {
        input_of(self.view, self.cautious.curve.clone(), base)
    }

    /// The same with the cache as it will be filled some time ahead.
    pub(crate) fn input_ahead(&self, base: Resources, ahead: Duration) -> Option<TenantInput> {
        input_ahead_of(self.view, &self.cautious.curve, base, ahead)
    }

    /// The same, and no cache may be taken from it that it could not fill again in that time with its base rates.
    pub(crate) fn input_with_way_back(
        &self,
        base: Resources,
        ahead: Duration,
    ) -> Option<TenantInput> {
        let input = self.input_ahead(base, ahead)?;
        let Some(filling) = self.view.filling else { return Some(input) };
        let usage = &self.view.usage;
        let units_per_read =
            usage.read_half_units_if_missed as f64 / 2.0 / usage.reads.max(1) as f64;
        let misses_per_s = base.read_units_per_s / units_per_read;
        let least_bytes = base.cache_bytes.saturating_sub(filling.bytes_of(misses_per_s, ahead));
        let mut bounds = *input.bounds();
        bounds.min.cache_bytes = bounds.min.cache_bytes.max(least_bytes);
        input.with_bounds(bounds).ok()
    }

    /// Throughput with `share` over that with the base share, as it is safe to decide on.
    pub(crate) fn gain(&self, share: &Resources) -> f64 {
        let input = self.ahead.as_ref().or(self.input.as_ref());
        input.map_or(1.0, |input| predicted_gain(input, share))
    }

    /// The same as it is expected.
    fn expected_gain(&self, share: &Resources) -> f64 {
        self.expected.as_ref().map_or(1.0, |input| predicted_gain(input, share))
    }

    /// Gain over base per unit of weight; a loss counts in full.
    pub(crate) fn weighted_gain(&self, share: &Resources) -> f64 {
        let gain = self.gain(share) - 1.0;
        if gain > 0.0 && self.weight > 0.0 { gain / self.weight } else { gain }
    }

    /// True if an improvement is to be measured by it: it may grow, and `share` is not all that it may have.
    pub(crate) fn sets_the_pace(&self, share: &Resources) -> bool {
        let most = self.view.bounds.max;
        let at = |amount: f64, most: f64| most.is_finite() && amount >= most * AT_BOUND;
        let is_capped = at(share.read_units_per_s, most.read_units_per_s)
            || at(share.write_units_per_s, most.write_units_per_s)
            || at(share.net_bytes_per_s, most.net_bytes_per_s);
        self.is_active() && self.weight > 0.0 && !is_capped
    }

    pub(crate) fn describe(&self, share: Resources) -> TenantDecision {
        let view = self.view;
        let miss_ratio = |share: &Resources| self.cautious.curve.miss_ratio_at(share.cache_bytes);
        TenantDecision {
            name: Arc::clone(&view.name),
            role: self.role,
            base: view.base,
            current: view.current,
            share,
            meanwhile: None,
            weight: view.weight,
            predicted_gain: self.expected_gain(&share),
            current_gain: self.expected_gain(&view.current),
            base_requests_per_s: self.expected.as_ref().and_then(base_throughput_per_s),
            demand: demand_of(&view.usage),
            curve: CurveSummary {
                sampled_reads: view.confidence.sampled_reads,
                drift: view.confidence.drift,
                margin: self.cautious.margin,
                believed_gain: self.cautious.believed_gain,
                feared_loss: self.cautious.feared_loss,
                miss_ratio_at_base: miss_ratio(&view.base),
                miss_ratio_at_current: miss_ratio(&view.current),
                miss_ratio_at_share: miss_ratio(&share),
            },
            boost: None,
            measured_requests_per_s: None,
            measured_base_requests_per_s: None,
            measured_gain: None,
            measured_limited: None,
        }
    }
}

fn role_of(view: &TenantView, is_usable: bool) -> Role {
    let sampled_reads = view.confidence.sampled_reads;
    let least_reads = if view.took_part { TOO_FEW_READS } else { ENOUGH_READS };
    if view.pinned {
        Role::Pinned
    } else if view.stuck_windows > 0 {
        Role::NoProgress
    } else if view.usage.requests() == 0 {
        if view.refused > 0 { Role::NoProgress } else { Role::Idle }
    } else if view.starved {
        Role::Starved
    } else if view.arrived {
        Role::Arrived
    } else if !is_usable || (view.usage.reads > 0 && sampled_reads < least_reads) {
        Role::TooFewSamples
    } else {
        Role::Active
    }
}

/// The same with the cache as it will be filled some time ahead.
fn input_ahead_of(
    view: &TenantView,
    curve: &MissRatioCurve,
    base: Resources,
    ahead: Duration,
) -> Option<TenantInput> {
    let Some(filling) = view.filling else { return input_of(view, curve.clone(), base) };
    let curve = filling.levelled(curve);
    let entitled = filling.base_miss_ratio(&curve, base.cache_bytes, ahead);
    let input = input_of(view, filling.ahead(&curve, ahead), base)?;
    input.with_entitled_miss_ratio(entitled).ok()
}

fn input_of(view: &TenantView, curve: MissRatioCurve, base: Resources) -> Option<TenantInput> {
    let input = TenantInput::new(view.usage.demand(true), curve, base).ok()?;
    let input = input.with_weight(view.weight).ok()?.with_bounds(view.bounds).ok()?;
    let input = input.with_write_margin(write_margin(&view.usage)).ok()?;
    Some(input.with_current_cache(view.current.cache_bytes))
}

/// Part by which the demand for write units may be too low: writes come as they come, so their number has an error of its
/// square root.
fn write_margin(usage: &WindowUsage) -> f64 {
    let margin = WRITE_MARGIN_ERRORS / (usage.writes.max(1) as f64).sqrt();
    (margin - LEAST_WRITE_MARGIN).clamp(0.0, 1.0)
}

fn demand_of(usage: &WindowUsage) -> DemandSummary {
    let demand = usage.demand(true);
    DemandSummary {
        requests: usage.requests(),
        read_units: demand.read_units,
        write_units: demand.write_units,
        net_bytes: demand.net_bytes,
        net_alpha: demand.net_alpha,
    }
}
