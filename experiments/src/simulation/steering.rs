//! Decisions in virtual time: the proxy's planner and the proxy's course of a change, over simulated stations.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use hare::{Bounds, MissRatioCurve, RedisMemory, Resources};
use hopperkv_control::caution::Caution;
use hopperkv_control::course::{Apply, CacheLook, Course, Leg, Look, Order, Pace, Standing};
use hopperkv_control::decide::Options;
use hopperkv_control::plan::Move;
use hopperkv_control::planner::{Closing, Occasion, Planner};
use hopperkv_control::reading::{Counted, Learned, Reading};
use hopperkv_control::run::{Run, Trigger};

use super::station::Station;
use super::tally::Totals;
use crate::outcome::DecisionMark;
use crate::spec::{self, Policy, Spec};

/// Salt of the paper's policies.
const SALT: f64 = 0.01;
/// Improvement that moving cache must bring, as the proxy has it.
const STABILITY: f64 = 0.02;
/// Cache moved in one gradual round, at full scale, and at the least.
const STEP_BYTES: (f64, f64) = (16.0 * 1_048_576.0, 1_048_576.0);
/// Cache below which nobody is brought, at full scale, and at the least.
const LEAST_CACHE_BYTES: (f64, f64) = (10.0 * 1_048_576.0, 2.0 * 1_048_576.0);
/// Looks at a change that is moving, at one moment: each step is in force at once.
const MOST_LOOKS: usize = 100_000;

/// Who the tenants are, in the order of the spec.
#[derive(Debug)]
pub(super) struct Cast {
    pub(super) names: Vec<Arc<str>>,
    pub(super) bases: Vec<Resources>,
}

/// What the last decision said of a tenant.
#[derive(Debug, Clone)]
pub(super) struct Said {
    /// Absent before the first decision.
    pub(super) predicted_gain: Option<f64>,
    /// Miss ratio over `maxmemory`, as it was learned.
    pub(super) curve: Option<MissRatioCurve>,
}

/// The allocator of a run.
#[derive(Debug)]
pub(super) struct Steering {
    planner: Planner,
    course: Course,
    options: Options,
    apply: Apply,
    keep: usize,
    step_bytes: u64,
    /// Of the last decision.
    pace: Pace,
    pub(super) decisions: Vec<DecisionMark>,
    /// By tenant.
    pub(super) said: BTreeMap<usize, Said>,
}

impl Steering {
    /// An allocator that has seen nothing. A single decision is put in place at once.
    pub(super) fn new(spec: &Spec, policy: Policy, factor: f64) -> Self {
        let allocator = &spec.allocator;
        let apply = match allocator.apply {
            _ if allocator.every.is_none() => Apply::Direct,
            spec::Apply::Direct => Apply::Direct,
            spec::Apply::Boost => Apply::Boost,
            spec::Apply::Gradual => Apply::Gradual,
        };
        let options = Options {
            policy: policy_of(policy),
            threshold: allocator.threshold,
            caution: match policy {
                Policy::Ours => Caution::Confidence,
                _ => Caution::Salt(SALT),
            },
            min_cache_bytes: scaled(LEAST_CACHE_BYTES, factor),
            reserve: 0.0,
            stability: STABILITY,
            epoch: allocator.every,
        };
        Self {
            planner: Planner::default(),
            course: Course::default(),
            options,
            apply,
            keep: usize::try_from(allocator.smoothing).unwrap_or(1),
            step_bytes: scaled(STEP_BYTES, factor),
            pace: Pace::Direct,
            decisions: Vec::new(),
            said: BTreeMap::new(),
        }
    }

    /// Begins the first window.
    pub(super) fn open(&mut self, stations: &[Station], cast: &Cast) {
        let readings = self.read(stations, cast);
        self.planner.open(&readings, Duration::ZERO);
    }

    /// Closes a window without a decision.
    pub(super) fn close_window(
        &mut self,
        stations: &mut [Station],
        cast: &Cast,
        now: Duration,
    ) -> Vec<Reading> {
        let readings = self.read(stations, cast);
        let mut present: Vec<&mut Station> =
            stations.iter_mut().filter(|station| is_present(station)).collect();
        let mut curves = Vec::new();
        let closing = Closing { keep: self.keep, now, settled: self.course.is_idle() };
        self.planner.close_window(&readings, closing, |index, reads, keep| {
            let learned = learn(present[index], reads, keep);
            curves.push((index, learned.curve.clone()));
            learned
        });
        for (index, curve) in curves {
            let number = readings[index].number;
            let calibration = self.planner.calibration(number);
            let curve = curve.map(|curve| calibration.apply(&curve));
            let said = Said { predicted_gain: None, curve };
            let known = self.said.entry(number as usize - 1).or_insert_with(|| said.clone());
            known.curve = said.curve;
        }
        readings
    }

    /// Closes the window and decides; the shares that are due, by tenant, if that is worth it.
    pub(super) fn decide(
        &mut self,
        stations: &mut [Station],
        cast: &Cast,
        now: Duration,
    ) -> Option<Vec<Leg>> {
        let readings = self.close_window(stations, cast, now);
        let at_ms = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        let occasion = Occasion { trigger: Trigger::Timer, at_ms, apply: self.apply };
        let run = self.planner.run(&readings, self.keep, &self.options, occasion);
        self.note(&readings, &run, now);
        self.pace = run.decision.pace(self.apply, self.step_bytes);
        let legs = readings.iter().zip(&run.decision.tenants).map(|(reading, decided)| Leg {
            number: reading.number,
            base: reading.base,
            share: Move { from: reading.quota, to: decided.share },
            meanwhile: decided.meanwhile,
        });
        run.applied.then(|| legs.collect())
    }

    /// Begins to put what was decided last in place.
    pub(super) fn begin(&mut self, legs: &[Leg], stations: &mut [Station], now: Duration) {
        let orders = self.course.begin(legs, self.pace, now);
        carry_out(&orders, stations);
        self.advance(stations, now);
    }

    /// Goes on with the change under way, as far as it goes at this moment.
    pub(super) fn advance(&mut self, stations: &mut [Station], now: Duration) {
        for _ in 0..MOST_LOOKS {
            if self.course.is_idle() {
                return;
            }
            let here = stations.iter().filter(|station| is_present(station));
            let looks: BTreeMap<u32, Look> =
                here.filter_map(|station| Some((number_of(station)?, look(station)))).collect();
            let orders = self.course.advance(now, &looks);
            carry_out(&orders, stations);
            if orders.is_empty() && self.course.standing(now) != Standing::Moving {
                return;
            }
        }
    }

    /// Whether nothing is under way.
    pub(super) fn is_idle(&self) -> bool {
        self.course.is_idle()
    }

    fn note(&mut self, readings: &[Reading], run: &Run, now: Duration) {
        let decision = &run.decision;
        self.decisions.push(DecisionMark {
            at_s: now.as_secs_f64(),
            applied: run.applied,
            reason: decision.reason.clone(),
            improvement: decision.improvement,
        });
        for (reading, decided) in readings.iter().zip(&decision.tenants) {
            let gain = if run.applied { decided.predicted_gain } else { decided.current_gain };
            if let Some(said) = self.said.get_mut(&(reading.number as usize - 1)) {
                said.predicted_gain = Some(gain);
            }
        }
    }

    fn read(&self, stations: &[Station], cast: &Cast) -> Vec<Reading> {
        let here = stations.iter().filter(|station| is_present(station));
        let reading = |station: &Station| {
            let guest = station.guests.first()?;
            let number = number_of(station)?;
            let quota = station.share();
            Some(Reading {
                number,
                name: Arc::clone(cast.names.get(guest.tenant)?),
                base: *cast.bases.get(guest.tenant)?,
                quota,
                current: self.course.destination(number).unwrap_or(quota),
                pinned: false,
                weight: 1.0,
                bounds: Bounds::default(),
                counted: counted(&guest.tally.totals),
                waits: station.waits(),
                memory: Some(RedisMemory {
                    total_allocated_bytes: station.cache.used_bytes(),
                    startup_allocated_bytes: station.cache.startup_bytes(),
                    keys: station.cache.keys(),
                    ..RedisMemory::default()
                }),
            })
        };
        here.filter_map(reading).collect()
    }
}

fn policy_of(policy: Policy) -> hare::Policy {
    match policy {
        Policy::Static | Policy::NonPartitioned => hare::Policy::Static,
        Policy::Drf => hare::Policy::Drf,
        Policy::Memshare => hare::Policy::Memshare,
        Policy::Hare => hare::Policy::Hare,
        Policy::Ours => hare::Policy::Optimum,
    }
}

fn is_present(station: &Station) -> bool {
    station.guests.iter().any(super::guest::Guest::is_present)
}

/// Tenants are numbered from 1, in the order of the spec.
fn number_of(station: &Station) -> Option<u32> {
    u32::try_from(station.guests.first()?.tenant + 1).ok()
}

fn learn(station: &mut Station, reads: u64, keep: usize) -> Learned {
    let learner = station.guests.first_mut().and_then(|guest| guest.learner.as_mut());
    learner.map_or_else(
        || Learned {
            curve: None,
            sampled_reads: 0,
            mean_entry_bytes: f64::NAN,
            tracked_keys: 0,
            confidence: hare::Confidence::default(),
        },
        |learner| learner.close(reads, keep),
    )
}

fn look(station: &Station) -> Look {
    let totals = station.guests.first().map(|guest| guest.tally.totals).unwrap_or_default();
    let cache = CacheLook {
        maxmemory_bytes: station.cache.maxmemory_bytes(),
        used_bytes: station.cache.used_bytes(),
    };
    Look { cache: Some(cache), reads: totals.reads, misses: totals.reads - totals.hits }
}

fn carry_out(orders: &[Order], stations: &mut [Station]) {
    for order in orders {
        let (Order::Note { number, .. } | Order::Resize { number, .. }) = *order;
        let Some(station) = stations.iter_mut().find(|station| number_of(station) == Some(number))
        else {
            continue;
        };
        match *order {
            Order::Note { quota, .. } => station.note(quota),
            Order::Resize { bytes, .. } => station.cache.resize(bytes),
        }
    }
}

fn counted(totals: &Totals) -> Counted {
    Counted {
        reads: totals.reads,
        hits: totals.hits,
        writes: totals.writes,
        throttled: totals.refused,
        errors: 0,
        read_bytes: totals.read_bytes,
        written_bytes: totals.written_bytes,
        milli_read_units_if_missed: 500 * totals.read_half_units_if_missed,
        milli_write_units: 1000 * totals.write_units,
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a size times a positive factor; the cast saturates"
)]
fn scaled((full, least): (f64, f64), factor: f64) -> u64 {
    (full * factor).max(least).round() as u64
}
