//! Snapshot and options in, shares and verdict out.
//!
//! Who takes part: tenants that are active and known well enough. A pinned tenant keeps its quota. An idle tenant, one that
//! has just arrived, one with too few sampled reads for a curve, and one that made no progress gets its base share, so that
//! it finds what it is entitled to. What pinned tenants leave of their base share goes to those who take part; what they
//! have above it is the operator's gift and costs nobody anything.
//!
//! A window in which a tenant made no progress for the first time is skipped, for it may say as little of the others. If
//! the next one is no better, that tenant gets its base share and the others go on without it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use hare::{Minimums, Params, Policy, Rates, Resources, allocate, enforce_minimums};

use crate::approach::{Approach, Moving, Worth};
use crate::caution::Caution;
use crate::decision::{Decision, ReasonCode, Role, TenantDecision};
use crate::inputs::Inputs;
use crate::seat::Seat;
use crate::snapshot::Snapshot;
use crate::verdict::{Improvement, judge};

/// A trade moves this part of the smallest base cache, as in the paper.
const STEPS_PER_BASE: u64 = 64;

/// What the decision may do, from `[allocator]`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    /// How resources are divided.
    pub policy: Policy,
    /// Improvement over the present allocation that makes a change worth it.
    pub threshold: f64,
    /// How curves are made safe to decide on.
    pub caution: Caution,
    /// Cache nobody drops below.
    pub min_cache_bytes: u64,
    /// Part of every total held back, as far as everybody keeps its base throughput.
    pub reserve: f64,
    /// Improvement that moving cache must bring.
    pub stability: f64,
    /// Time until the next decision, which goes on from what caches are filled to by then; `None` if none will follow, and
    /// this one is for full caches.
    pub epoch: Option<Duration>,
}

impl Options {
    /// Time until the next decision, if the policy heeds how far caches are filled.
    pub(crate) fn fill_time(&self) -> Option<Duration> {
        self.epoch.filter(|_| self.policy == Policy::Optimum)
    }
}

/// Decides.
pub fn decide(snapshot: &Snapshot, options: &Options) -> Decision {
    let seats: Vec<Seat<'_>> =
        snapshot.tenants.iter().map(|view| Seat::new(view, options)).collect();
    let newly_stuck =
        |seat: &&Seat<'_>| seat.role == Role::NoProgress && seat.view.stuck_windows <= 1;
    if let Some(stuck) = seats.iter().find(newly_stuck) {
        let reason = format!(
            "tenant {} made no progress: {} requests were refused or failed and none was served; \
             if that goes on it gets its base share and the others go on without it",
            stuck.view.name, stuck.view.refused
        );
        let shares = seats.iter().map(|seat| seat.view.current).collect();
        return conclude(
            snapshot,
            &seats,
            Outcome::of(shares),
            options,
            Some((ReasonCode::NoProgress, reason)),
        );
    }
    conclude(snapshot, &seats, share_out(snapshot, &seats, options), options, None)
}

/// Whether two shares differ by more than rounding.
pub fn differs(a: &Resources, b: &Resources) -> bool {
    let far = |a: f64, b: f64| (a - b).abs() > 1e-6 * a.abs().max(b.abs());
    a.cache_bytes != b.cache_bytes
        || far(a.read_units_per_s, b.read_units_per_s)
        || far(a.write_units_per_s, b.write_units_per_s)
        || far(a.net_bytes_per_s, b.net_bytes_per_s)
}

struct Outcome {
    shares: Vec<Resources>,
    /// What there was to be shared out.
    total: Resources,
    improve_ratio: f64,
    rounds: usize,
    /// Rates until the caches of the shares are there, by tenant.
    meanwhile: BTreeMap<usize, Rates>,
    /// What becomes of cache, where filling it counts.
    moving: Option<Moving>,
    inputs: Option<Inputs>,
}

impl Outcome {
    fn of(shares: Vec<Resources>) -> Self {
        let total = shares.iter().sum();
        let (meanwhile, moving) = (BTreeMap::new(), None);
        Self { shares, total, improve_ratio: 0.0, rounds: 0, meanwhile, moving, inputs: None }
    }
}

fn share_out(snapshot: &Snapshot, seats: &[Seat<'_>], options: &Options) -> Outcome {
    let mut shares: Vec<Resources> = seats
        .iter()
        .map(|seat| if seat.role == Role::Pinned { seat.view.current } else { seat.view.base })
        .collect();
    if options.policy == Policy::Static {
        return Outcome::of(shares);
    }
    let bases = raised_bases(seats);
    let mut total = Resources::default();
    let mut places = Vec::new();
    let mut tenants = Vec::new();
    for (place, (seat, base)) in seats.iter().zip(&bases).enumerate() {
        let input = seat.is_active().then(|| seat.input_over(*base)).flatten();
        total = total + if input.is_some() { *base } else { shares[place] };
        if let Some(input) = input {
            places.push(place);
            tenants.push(input);
        }
    }
    let smallest_base = tenants.iter().map(|input| input.base().cache_bytes).min().unwrap_or(0);
    let params = Params {
        reserve: options.reserve,
        stability: options.stability,
        ..Params::paper((smallest_base / STEPS_PER_BASE).max(1), options.min_cache_bytes)
    };
    let floors = Minimums { cache_bytes: options.min_cache_bytes, ..Minimums::default() };
    let is_filling = seats.iter().any(|seat| seat.is_active() && seat.view.filling.is_some());
    if let Some(epoch) = options.fill_time().filter(|_| is_filling) {
        let bases: Vec<Resources> = tenants.iter().map(|input| *input.base()).collect();
        let active: Vec<&Seat<'_>> = places.iter().map(|&place| &seats[place]).collect();
        let worth = Worth {
            threshold: options.threshold,
            found_before: snapshot.found_better,
            on_the_way: snapshot.on_the_way,
        };
        if let Some(approach) = Approach::new(&active, &bases, params, floors, epoch) {
            let step = approach.step(worth);
            for (&place, share) in places.iter().zip(&step.shares) {
                shares[place] = *share;
            }
            return Outcome {
                shares,
                total,
                improve_ratio: step.moving.ratio,
                rounds: step.rounds,
                meanwhile: places.iter().copied().zip(step.meanwhile).collect(),
                moving: Some(step.moving),
                inputs: Some(Inputs { params, places, tenants: approach.into_inputs() }),
            };
        }
    }
    let mut allocation = allocate(options.policy, &params, &tenants);
    let bases: Vec<Resources> = tenants.iter().map(|input| *input.base()).collect();
    enforce_minimums(&mut allocation.shares, &bases, &floors);
    for (&place, share) in places.iter().zip(allocation.shares) {
        shares[place] = share;
    }
    Outcome {
        shares,
        total,
        improve_ratio: allocation.improve_ratio,
        rounds: allocation.rounds,
        meanwhile: BTreeMap::new(),
        moving: None,
        inputs: Some(Inputs { params, places, tenants }),
    }
}

/// Base shares raised by what pinned tenants leave of theirs, but to nobody's cap.
fn raised_bases(seats: &[Seat<'_>]) -> Vec<Resources> {
    let active: Resources =
        seats.iter().filter(|seat| seat.is_active()).map(|seat| seat.view.base).sum();
    let pinned = || seats.iter().filter(|seat| seat.role == Role::Pinned);
    let entitled: Resources = pinned().map(|seat| seat.view.base).sum();
    let held: Resources = pinned().map(|seat| seat.view.current).sum();
    let raise = |left: f64, active: f64| if active > 0.0 { 1.0 + left / active } else { 1.0 };
    let rates = entitled.rates().zip(held.rates(), |e, h| (e - h).max(0.0));
    let rates = rates.zip(active.rates(), raise);
    let left_bytes = entitled.cache_bytes.saturating_sub(held.cache_bytes);
    let cache = raise(left_bytes as f64, active.cache_bytes as f64);
    let raised = |seat: &Seat<'_>| {
        let (base, most) = (&seat.view.base, &seat.view.bounds.max);
        let capped = |raised: Resources| {
            let rates = raised.rates().zip(most.rates(), f64::min).zip(base.rates(), f64::max);
            let bytes = raised.cache_bytes.min(most.cache_bytes).max(base.cache_bytes);
            Resources::new(bytes, rates)
        };
        let rates = base.rates().zip(rates, |b, r| b * r);
        capped(Resources::new(scaled_down(base.cache_bytes, cache), rates))
    };
    seats.iter().map(raised).collect()
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
    snapshot: &Snapshot,
    seats: &[Seat<'_>],
    outcome: Outcome,
    options: &Options,
    verdict: Option<(ReasonCode, String)>,
) -> Decision {
    let improvement = Improvement::of(seats, &outcome.shares, snapshot.found_better);
    let (reason_code, reason) = verdict.unwrap_or_else(|| {
        let moving = outcome.moving.as_ref();
        judge(seats, &outcome.shares, &outcome.total, options, &improvement, moving)
    });
    let tenants = seats.iter().zip(&outcome.shares).enumerate().map(|(place, (seat, share))| {
        let meanwhile = outcome.meanwhile.get(&place).copied();
        TenantDecision { meanwhile, ..seat.describe(*share) }
    });
    Decision {
        policy: options.policy,
        improve_ratio: outcome.improve_ratio,
        improvement: improvement.new,
        current_improvement: improvement.current,
        rounds: outcome.rounds,
        reason_code,
        reason,
        tenants: tenants.collect(),
        is_a_step: outcome.moving.is_some_and(|moving| moving.is_a_step()),
        inputs: outcome.inputs.map(Arc::new),
    }
}
