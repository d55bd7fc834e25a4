//! Snapshot and options in, shares and verdict out.
//!
//! Who takes part: tenants that are active and known well enough. A pinned tenant keeps its quota; an idle tenant, and
//! one with too few sampled reads for a curve, gets its base share, so that it finds what it is entitled to when it
//! comes back. What pinned tenants leave of their base share goes to those who take part; what they have above it is
//! the operator's gift and costs nobody anything.

use std::sync::Arc;

use hare::{
    Minimums, MissRatioCurve, Params, Policy, Resources, TenantInput, allocate, enforce_minimums,
    predicted_gain, throughput_per_s,
};

use super::decision::{CurveSummary, Decision, DemandSummary, ReasonCode, Role, TenantDecision};
use super::snapshot::{Snapshot, TenantView};

/// Sampled reads below which a curve says little.
pub(super) const MIN_SAMPLED_READS: u64 = 64;
/// A trade moves this part of the smallest base cache, as in the paper.
const STEPS_PER_BASE: u64 = 64;
/// Part of its base throughput that a decision may predict a tenant to lose: promise 5's tolerance.
const TOLERANCE: f64 = 0.03;
/// Differences below this are rounding.
const ROUNDING: f64 = 1e-9;

/// What the decision may do, from `[allocator]`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Options {
    /// How resources are divided.
    pub(crate) policy: Policy,
    /// Improvement over the present allocation that makes a change worth it.
    pub(crate) threshold: f64,
    /// Added to every point of a curve.
    pub(crate) salt: f64,
    /// Cache nobody drops below.
    pub(crate) min_cache_bytes: u64,
}

/// Decides.
pub(crate) fn decide(snapshot: &Snapshot, options: &Options) -> Decision {
    let seats: Vec<Seat<'_>> =
        snapshot.tenants.iter().map(|view| Seat::new(view, options.salt)).collect();
    if let Some(stuck) = seats.iter().find(|seat| seat.role == Role::NoProgress) {
        let reason = format!(
            "tenant {} made no progress: {} requests were refused or failed and none was served",
            stuck.view.name, stuck.view.refused
        );
        let shares: Vec<Resources> = seats.iter().map(|seat| seat.view.current).collect();
        let outcome = Outcome { shares, improve_ratio: 0.0, rounds: 0 };
        return conclude(&seats, outcome, options, Some((ReasonCode::NoProgress, reason)));
    }
    conclude(&seats, share_out(&seats, options), options, None)
}

/// Whether two shares differ by more than rounding.
pub(crate) fn differs(a: &Resources, b: &Resources) -> bool {
    let far = |a: f64, b: f64| (a - b).abs() > 1e-6 * a.abs().max(b.abs());
    a.cache_bytes != b.cache_bytes
        || far(a.read_units_per_s, b.read_units_per_s)
        || far(a.write_units_per_s, b.write_units_per_s)
        || far(a.net_bytes_per_s, b.net_bytes_per_s)
}

/// A tenant with its role and, if it takes part, what the policy sees of it.
struct Seat<'a> {
    view: &'a TenantView,
    role: Role,
    /// Over the true base share.
    input: Option<TenantInput>,
}

struct Outcome {
    shares: Vec<Resources>,
    improve_ratio: f64,
    rounds: usize,
}

impl<'a> Seat<'a> {
    fn new(view: &'a TenantView, salt: f64) -> Self {
        let curve = match &view.curve {
            Some(curve) => curve.salted(salt),
            None => MissRatioCurve::always_miss(),
        };
        let input = TenantInput::new(view.usage.demand(true), curve, view.base).ok();
        let unknown = view.usage.reads > 0 && view.sampled_reads < MIN_SAMPLED_READS;
        let role = if view.pinned {
            Role::Pinned
        } else if view.usage.requests() == 0 {
            if view.refused > 0 { Role::NoProgress } else { Role::Idle }
        } else if unknown || input.is_none() {
            Role::TooFewSamples
        } else {
            Role::Active
        };
        Self { view, role, input }
    }

    fn is_active(&self) -> bool {
        self.role == Role::Active
    }

    fn gain(&self, share: &Resources) -> f64 {
        self.input.as_ref().map_or(1.0, |input| predicted_gain(input, share))
    }

    fn describe(&self, share: Resources) -> TenantDecision {
        let view = self.view;
        let demand = view.usage.demand(true);
        let miss_ratio = |share: &Resources| {
            self.input.as_ref().map_or(1.0, |i| i.curve().miss_ratio_at(share.cache_bytes))
        };
        TenantDecision {
            name: Arc::clone(&view.name),
            role: self.role,
            base: view.base,
            current: view.current,
            share,
            predicted_gain: self.gain(&share),
            current_gain: self.gain(&view.current),
            base_requests_per_s: self.input.as_ref().and_then(|i| throughput_per_s(i, &view.base)),
            demand: DemandSummary {
                requests: view.usage.requests(),
                read_units: demand.read_units,
                write_units: demand.write_units,
                net_bytes: demand.net_bytes,
                net_alpha: demand.net_alpha,
            },
            curve: CurveSummary {
                sampled_reads: view.sampled_reads,
                miss_ratio_at_base: miss_ratio(&view.base),
                miss_ratio_at_current: miss_ratio(&view.current),
                miss_ratio_at_share: miss_ratio(&share),
            },
            measured_requests_per_s: None,
            measured_gain: None,
        }
    }
}

fn share_out(seats: &[Seat<'_>], options: &Options) -> Outcome {
    let mut shares: Vec<Resources> = seats
        .iter()
        .map(|seat| if seat.role == Role::Pinned { seat.view.current } else { seat.view.base })
        .collect();
    let unchanged = |shares| Outcome { shares, improve_ratio: 0.0, rounds: 0 };
    if options.policy == Policy::Static {
        return unchanged(shares);
    }
    let bases = raised_bases(seats);
    let mut places = Vec::new();
    let mut inputs = Vec::new();
    for (place, (seat, base)) in seats.iter().zip(&bases).enumerate() {
        if let (true, Some(input)) = (seat.is_active(), &seat.input)
            && let Ok(input) = TenantInput::new(*input.demand(), input.curve().clone(), *base)
        {
            places.push(place);
            inputs.push(input);
        }
    }
    let smallest_base = inputs.iter().map(|input| input.base().cache_bytes).min().unwrap_or(0);
    let params = Params {
        cache_step_bytes: (smallest_base / STEPS_PER_BASE).max(1),
        min_cache_bytes: options.min_cache_bytes,
        total_net: true,
    };
    let mut allocation = allocate(options.policy, &params, &inputs);
    let floors = Minimums { cache_bytes: options.min_cache_bytes, ..Minimums::default() };
    let bases: Vec<Resources> = inputs.iter().map(|input| *input.base()).collect();
    enforce_minimums(&mut allocation.shares, &bases, &floors);
    for (place, share) in places.into_iter().zip(allocation.shares) {
        shares[place] = share;
    }
    Outcome { shares, improve_ratio: allocation.improve_ratio, rounds: allocation.rounds }
}

/// Base shares of those who take part, raised by what pinned tenants leave of theirs.
fn raised_bases(seats: &[Seat<'_>]) -> Vec<Resources> {
    let active: Resources =
        seats.iter().filter(|seat| seat.is_active()).map(|seat| seat.view.base).sum();
    let pinned = || seats.iter().filter(|seat| seat.role == Role::Pinned);
    let entitled: Resources = pinned().map(|seat| seat.view.base).sum();
    let held: Resources = pinned().map(|seat| seat.view.current).sum();
    let raise = |entitled: f64, held: f64, active: f64| {
        let left = (entitled - held).max(0.0);
        if active > 0.0 { 1.0 + left / active } else { 1.0 }
    };
    let rates = entitled.rates().zip(held.rates(), |e, h| (e - h).max(0.0));
    let rates = rates.zip(active.rates(), |left, active| raise(left, 0.0, active));
    let cache =
        raise(entitled.cache_bytes as f64, held.cache_bytes as f64, active.cache_bytes as f64);
    let raised = |base: &Resources| {
        Resources::new(scaled_down(base.cache_bytes, cache), base.rates().zip(rates, |b, r| b * r))
    };
    seats.iter().map(|seat| raised(&seat.view.base)).collect()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a size times a small positive factor, rounded down"
)]
fn scaled_down(bytes: u64, factor: f64) -> u64 {
    if factor > 1.0 { (bytes as f64 * factor) as u64 } else { bytes }
}

fn conclude(
    seats: &[Seat<'_>],
    outcome: Outcome,
    options: &Options,
    verdict: Option<(ReasonCode, String)>,
) -> Decision {
    let least = |gain: &dyn Fn(usize, &Seat<'_>) -> f64| {
        let active = seats.iter().enumerate().filter(|(_, seat)| seat.is_active());
        let least = active.map(|(i, seat)| gain(i, seat)).fold(f64::INFINITY, f64::min);
        if least.is_finite() { least - 1.0 } else { 0.0 }
    };
    let improvement = least(&|i, seat| seat.gain(&outcome.shares[i]));
    let current_improvement = least(&|_, seat| seat.gain(&seat.view.current));
    let (reason_code, reason) = verdict.unwrap_or_else(|| {
        judge(seats, &outcome.shares, options, (improvement, current_improvement))
    });
    let tenants = seats.iter().zip(&outcome.shares).map(|(seat, share)| seat.describe(*share));
    Decision {
        policy: options.policy,
        improve_ratio: outcome.improve_ratio,
        improvement,
        current_improvement,
        rounds: outcome.rounds,
        reason_code,
        reason,
        tenants: tenants.collect(),
    }
}

fn judge(
    seats: &[Seat<'_>],
    shares: &[Resources],
    options: &Options,
    (improvement, current_improvement): (f64, f64),
) -> (ReasonCode, String) {
    let changed = |seat: &Seat<'_>, share| differs(&seat.view.current, share);
    let active = seats.iter().filter(|seat| seat.is_active()).count();
    if !seats.iter().zip(shares).any(|(seat, share)| changed(seat, share)) {
        return if active < 2 && options.policy != Policy::Static {
            let reason = format!("{active} of {} tenants take part; it takes two", seats.len());
            (ReasonCode::TooFewTenants, reason)
        } else {
            (ReasonCode::Unchanged, String::from("every tenant has this share already"))
        };
    }
    let owed = seats.iter().zip(shares).find(|(seat, share)| {
        (!seat.is_active() || active < 2 || options.policy == Policy::Static)
            && changed(seat, share)
    });
    if let Some((seat, _)) = owed {
        let reason = format!("tenant {} gets its base share back", seat.view.name);
        return (ReasonCode::RestoresBase, reason);
    }
    if exceeds_total(seats, shares) {
        let reason = "the present shares add up to more than there is";
        return (ReasonCode::TotalExceeded, String::from(reason));
    }
    let percent = |ratio: f64| ratio * 100.0;
    if improvement < -TOLERANCE {
        let reason = format!(
            "a tenant would fall {:.1} % below what its base share gives",
            percent(-improvement)
        );
        return (ReasonCode::WouldHarm, reason);
    }
    let (new, now) = (percent(improvement), percent(current_improvement));
    if improvement - current_improvement > options.threshold + ROUNDING {
        (ReasonCode::Improves, format!("everybody gains {new:.1} % over base, now {now:.1} %"))
    } else {
        let least = percent(options.threshold);
        let reason = format!(
            "everybody would gain {new:.1} % over base, now {now:.1} %; \
             a change needs {least:.1} points more"
        );
        (ReasonCode::BelowThreshold, reason)
    }
}

/// Whether tenants hold more of anything than was to be shared out.
fn exceeds_total(seats: &[Seat<'_>], shares: &[Resources]) -> bool {
    let held: Resources = seats.iter().map(|seat| seat.view.current).sum();
    let due: Resources = shares.iter().sum();
    let more = |held: f64, due: f64| held > due * (1.0 + 1e-6);
    held.cache_bytes > due.cache_bytes
        || more(held.read_units_per_s, due.read_units_per_s)
        || more(held.write_units_per_s, due.write_units_per_s)
        || more(held.net_bytes_per_s, due.net_bytes_per_s)
}
