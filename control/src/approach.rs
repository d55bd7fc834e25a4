//! The way to an allocation where caches take long to fill: sizes for where it goes, rates for where it is.
//!
//! The optimum is a steady state: all caches full. On the way there a tenant that grows has its new size at once and the
//! misses of the old one for as long as it takes to fill, while one that gives has its misses at once. Rates shared out for
//! the steady state would take read units from the very tenant that needs them to fill its cache, which keeps it cold. So:
//!
//! 1. **The goal** is the optimum of what can be filled in [`REACH_EPOCHS`]: cache that would be full in an hour is worth
//!    nothing against traffic that is known for minutes. Curves are flat from what can be filled by then.
//! 2. **The step.** No cache grows beyond what it can fill until the next decision; the rest stays with those who
//!    have it filled. All who give, give the same part of what they are to give.
//! 3. **The rates** are shared out by the misses that are to be expected until the next decision: those of full caches for
//!    who gives, those of a cache half filled up for who grows. As caches fill, later decisions take the rates along.
//! 4. **Nobody below base**: if with the step everybody could no longer have base throughput under these misses, or less than
//!    if no cache were moved from the base sizes, half of it is tried, and so on; the rates alone always may follow.
//!
//! Where caches fill in less than the time to the next decision, every size is within reach: goal and step are the
//! optimum, the misses are those of full caches, and nothing of this is seen.

use std::time::Duration;

use hare::optimum::{rates_for, ratio_with};
use hare::{Minimums, Params, Policy, Rates, Resources, TenantInput, allocate, enforce_minimums};

use crate::filling::Filling;
use crate::seat::Seat;
use crate::verdict::SURE;

/// A goal is what caches can be filled to in so many epochs.
const REACH_EPOCHS: u32 = 30;
/// How often the step is halved before no cache is moved.
const HALVINGS: u32 = 5;
/// A step smaller than this part of one of the policy's is left until it is the last.
const LEAST_STEP_PART: u64 = 32;
/// Differences of ratios below this are rounding.
const ROUNDING: f64 = 1e-9;

/// Those who take part, as their caches are filled now and later.
pub(crate) struct Approach {
    params: Params,
    floors: Minimums,
    epoch: Duration,
    /// By what caches hold now.
    now: Vec<TenantInput>,
    /// By what they hold halfway to the next decision.
    soon: Vec<TenantInput>,
    /// By what they can hold in the end.
    later: Vec<TenantInput>,
    fillings: Vec<Option<Filling>>,
    current_bytes: Vec<u64>,
}

/// What makes moving cache worth it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Worth {
    /// Improvement from which on it is.
    pub(crate) threshold: f64,
    /// The last run found so too, and left it at that.
    pub(crate) found_before: bool,
    /// The last run moved cache, but not all.
    pub(crate) on_the_way: bool,
}

/// Where to now.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) shares: Vec<Resources>,
    /// Rates for the caches as they are, until those of the step are there.
    pub(crate) meanwhile: Vec<Rates>,
    /// Trades that lead from the base caches to the goal.
    pub(crate) rounds: usize,
    pub(crate) moving: Moving,
}

/// What becomes of cache.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moving {
    /// The improve ratio that can be had at the goal.
    pub(crate) ratio: f64,
    /// The one that can be had with the caches as they are.
    pub(crate) current_ratio: f64,
    /// It is worth it.
    pub(crate) is_due: bool,
    /// It may be.
    pub(crate) is_promising: bool,
    /// What caches are to grow by now.
    pub(crate) moved_bytes: u64,
    /// What they are to grow by in the end.
    wanted_bytes: u64,
}

impl Moving {
    /// More is to be moved by later decisions.
    pub(crate) fn is_a_step(&self) -> bool {
        self.is_due && self.moved_bytes < self.wanted_bytes
    }

    pub(crate) fn reason(&self) -> String {
        let percent = |ratio: f64| ratio * 100.0;
        let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        let (ratio, now) = (percent(self.ratio), percent(self.current_ratio));
        let gain =
            format!("everybody can gain {ratio:.1} % over base, {now:.1} % with these caches");
        let (moved, wanted) = (mib(self.moved_bytes), mib(self.wanted_bytes));
        if self.is_a_step() {
            format!("{gain}; {moved:.1} of {wanted:.1} MiB move now, the rest as caches fill")
        } else {
            gain
        }
    }
}

impl Approach {
    /// `bases` are the base shares, raised by what pinned tenants leave. `None` if a number is none that a policy can work
    /// with.
    pub(crate) fn new(
        seats: &[&Seat<'_>],
        bases: &[Resources],
        params: Params,
        floors: Minimums,
        epoch: Duration,
    ) -> Option<Self> {
        let ahead = |time: Duration| -> Option<Vec<TenantInput>> {
            seats.iter().zip(bases).map(|(seat, base)| seat.input_ahead(*base, time)).collect()
        };
        let reach = epoch * REACH_EPOCHS;
        let wanted =
            seats.iter().zip(bases).map(|(seat, base)| seat.input_with_way_back(*base, reach));
        Some(Self {
            params,
            floors,
            epoch,
            now: ahead(Duration::ZERO)?,
            soon: ahead(epoch / 2)?,
            later: wanted.collect::<Option<_>>()?,
            fillings: seats.iter().map(|seat| seat.view.filling).collect(),
            current_bytes: seats.iter().map(|seat| seat.view.current.cache_bytes).collect(),
        })
    }

    /// What the goal was found by.
    pub(crate) fn into_inputs(self) -> Vec<TenantInput> {
        self.later
    }

    /// A step to the goal if that is worth it, or the rates that the caches need that there are.
    pub(crate) fn step(&self, worth: Worth) -> Step {
        let goal = allocate(Policy::Optimum, &self.params, &self.later);
        let goal_bytes: Vec<u64> = goal.shares.iter().map(|share| share.cache_bytes).collect();
        let current_ratio = ratio_with(&self.params, &self.later, &self.current_bytes);
        let more = goal.improve_ratio - current_ratio;
        let is_sure = worth.found_before || more > SURE * worth.threshold;
        let is_worth_it = more > worth.threshold + ROUNDING;
        let moves = Moves::new(self, &goal_bytes);
        let changes = goal_bytes != self.current_bytes;
        let is_due =
            changes && (worth.on_the_way || moves.owed_bytes > 0 || is_worth_it && is_sure);
        let cache_bytes = if is_due { self.furthest(&moves) } else { self.current_bytes.clone() };
        let now = self.shares(&self.now, &self.current_bytes);
        let grown = |to: &[u64]| -> u64 {
            self.current_bytes.iter().zip(to).map(|(now, to)| to.saturating_sub(*now)).sum()
        };
        let moving = Moving {
            ratio: goal.improve_ratio,
            current_ratio,
            is_due,
            is_promising: changes && is_worth_it && !is_due,
            moved_bytes: grown(&cache_bytes),
            wanted_bytes: grown(&goal_bytes),
        };
        Step {
            shares: self.shares(&self.soon, &cache_bytes),
            meanwhile: now.iter().map(Resources::rates).collect(),
            rounds: goal.rounds,
            moving,
        }
    }

    /// The caches after as much of the step as leaves everybody base throughput.
    fn furthest(&self, moves: &Moves) -> Vec<u64> {
        let ratio = |cache_bytes: &[u64]| ratio_with(&self.params, &self.soon, cache_bytes);
        let unmoved = ratio(&base_bytes(&self.soon)).max(0.0);
        let least = ratio(&self.current_bytes).min(unmoved) - ROUNDING;
        let parts = (0..HALVINGS).map(|halvings| WHOLE >> halvings);
        let caches = parts.map(|part| moves.after(part));
        caches.into_iter().find(|caches| ratio(caches) >= least).unwrap_or_else(|| moves.after(0))
    }

    fn shares(&self, inputs: &[TenantInput], cache_bytes: &[u64]) -> Vec<Resources> {
        let mut shares = rates_for(&self.params, inputs, cache_bytes).shares;
        let bases: Vec<Resources> = inputs.iter().map(|input| *input.base()).collect();
        enforce_minimums(&mut shares, &bases, &self.floors);
        shares
    }
}

fn base_bytes(inputs: &[TenantInput]) -> Vec<u64> {
    inputs.iter().map(|input| input.base().cache_bytes).collect()
}

/// Parts of a step.
const WHOLE: u64 = 1 << (HALVINGS - 1);

/// Who is to grow and who is to give, and how much of that can be now.
struct Moves {
    current_bytes: Vec<u64>,
    /// By how much each may grow now.
    growth: Vec<u64>,
    /// How much each is to give in the end.
    giving: Vec<u64>,
    /// Cache that nobody has.
    free_bytes: u64,
    /// Cache that is to be given whatever happens.
    owed_bytes: u64,
}

impl Moves {
    fn new(approach: &Approach, goal_bytes: &[u64]) -> Self {
        let current_bytes = approach.current_bytes.clone();
        let growths =
            current_bytes.iter().zip(goal_bytes).map(|(now, goal)| goal.saturating_sub(*now));
        let wanted: u64 = growths.clone().sum();
        let reach = |filling: &Option<Filling>| {
            filling.map_or(u64::MAX, |known| known.reach_bytes(approach.epoch))
        };
        let room = current_bytes.iter().zip(&approach.fillings);
        let room = room.map(|(now, filling)| reach(filling).saturating_sub(*now));
        let mut growth: Vec<u64> =
            growths.zip(room).map(|(wanted, room)| wanted.min(room)).collect();
        let least = (approach.params.cache_step_bytes / LEAST_STEP_PART).min(wanted);
        if growth.iter().sum::<u64>() < least {
            growth.fill(0);
        }
        let total: u64 = base_bytes(&approach.soon).iter().sum();
        let held: u64 = current_bytes.iter().sum();
        let giving = current_bytes.iter().zip(goal_bytes);
        let giving = giving.map(|(now, goal)| now.saturating_sub(*goal)).collect();
        let (free_bytes, owed_bytes) = (total.saturating_sub(held), held.saturating_sub(total));
        Self { current_bytes, growth, giving, free_bytes, owed_bytes }
    }

    /// The caches after `part` of [`WHOLE`] of the step.
    fn after(&self, part: u64) -> Vec<u64> {
        let growth: Vec<u64> =
            self.growth.iter().map(|&bytes| scaled_down(bytes, part, WHOLE)).collect();
        let grown: u64 = growth.iter().sum();
        let to_give: u64 = self.giving.iter().sum();
        let due = (grown.saturating_sub(self.free_bytes) + self.owed_bytes).min(to_give);
        let mut rest = due;
        let after = self.current_bytes.iter().zip(&growth).zip(&self.giving);
        after
            .map(|((now, grown), &giving)| {
                let given = scaled_up(giving, due, to_give).min(rest);
                rest -= given;
                now + grown - given
            })
            .collect()
    }
}

/// `bytes * part / whole`, rounded down.
fn scaled_down(bytes: u64, part: u64, whole: u64) -> u64 {
    let product = u128::from(bytes) * u128::from(part);
    u64::try_from(product.checked_div(u128::from(whole)).unwrap_or(0)).unwrap_or(bytes)
}

/// The same, rounded up.
fn scaled_up(bytes: u64, part: u64, whole: u64) -> u64 {
    let product = (u128::from(bytes) * u128::from(part)).div_ceil(u128::from(whole.max(1)));
    u64::try_from(product).unwrap_or(bytes).min(bytes)
}
