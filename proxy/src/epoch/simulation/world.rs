//! Tenants, planner and course on one clock. Every tick is audited.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use hare::Resources;
use parking_lot::Mutex;
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use super::stream::{Pattern, Stream};
use super::tenant::{FIXED_BYTES, SimTenant};
use crate::config::Apply;
use hopperkv_control::caution::Caution;
use hopperkv_control::course::{Course, Leg, Order, Pacing};
use hopperkv_control::decide::Options;
use hopperkv_control::plan::Move;
use hopperkv_control::planner::{Closing, Occasion, Planner};
use hopperkv_control::run::{History, Run, Trigger};

const TICK: Duration = Duration::from_millis(500);
const TICKS_PER_EPOCH: u32 = 40;
/// Windows summed.
const KEEP: usize = 3;
const WRITE_RATIO: f64 = 0.02;
/// What every tenant is entitled to: room for 1,005 entries.
pub(super) const BASE: Resources = Resources {
    cache_bytes: FIXED_BYTES + (4 << 20),
    read_units_per_s: 50.0,
    write_units_per_s: 50.0,
    net_bytes_per_s: 2e6,
};
/// Cache moved per round of a gradual change.
const GRADUAL_STEP_BYTES: u64 = 320 << 10;
const PACING: Pacing = Pacing {
    shrink_step_bytes: 512 << 10,
    slack_bytes: 64 << 10,
    step_deadline: Duration::from_secs(2),
    round_deadline: Duration::from_secs(30),
    boost_deadline: Duration::from_secs(60),
    warm_full: 0.97,
    warm_miss_ratio: 0.01,
};

/// What happened in one epoch.
#[derive(Debug)]
pub(super) struct Epoch {
    /// What was decided at its end.
    pub(super) run: Run,
    /// What each tenant has or is on its way to after that, by number.
    pub(super) destination: BTreeMap<u32, Resources>,
    /// Requests that each was served in it.
    pub(super) served: BTreeMap<u32, u64>,
    /// Nothing was under way when it ended, before the decision.
    pub(super) settled: bool,
}

/// Tenants and their allocator.
pub(super) struct World {
    pub(super) tenants: BTreeMap<u32, SimTenant>,
    pub(super) options: Options,
    seed: u64,
    apply: Apply,
    now: Duration,
    planner: Planner,
    course: Course,
    last_number: u32,
}

impl World {
    /// A world without tenants.
    pub(super) fn new(policy: hare::Policy, apply: Apply, seed: u64) -> Self {
        let options = Options {
            policy,
            threshold: 0.05,
            caution: Caution::Confidence,
            min_cache_bytes: 2 * FIXED_BYTES,
            reserve: 0.0,
            stability: 0.02,
            epoch: Some(TICK * TICKS_PER_EPOCH),
        };
        Self {
            tenants: BTreeMap::new(),
            options,
            seed,
            apply,
            now: Duration::ZERO,
            planner: Planner::new(Arc::<Mutex<History>>::default()),
            course: Course::with_pacing(PACING),
            last_number: 0,
        }
    }

    /// Adds a tenant with its base share.
    pub(super) fn add(&mut self, pattern: Pattern) -> u32 {
        self.last_number += 1;
        let number = self.last_number;
        let random = self.random(u64::from(number));
        let stream = Stream::new(pattern, WRITE_RATIO, random);
        self.tenants.insert(number, SimTenant::new(number, BASE, stream, KEEP));
        if self.now.is_zero() {
            let readings: Vec<_> = self.tenants.values().map(|t| t.reading(t.quota)).collect();
            self.planner.open(&readings, self.now);
        }
        number
    }

    /// A generator of its own for each purpose.
    pub(super) fn random(&self, purpose: u64) -> StdRng {
        StdRng::seed_from_u64(self.seed.wrapping_mul(1_000_003).wrapping_add(purpose))
    }

    /// One epoch: traffic, then a decision, which is begun if it is worth it.
    pub(super) fn epoch(&mut self) -> Epoch {
        let before: BTreeMap<u32, u64> =
            self.tenants.iter().map(|(&number, tenant)| (number, tenant.served())).collect();
        for _ in 0..TICKS_PER_EPOCH {
            self.tick();
        }
        let served = self.tenants.iter().map(|(number, tenant)| {
            (*number, tenant.served() - before.get(number).copied().unwrap_or(0))
        });
        let served = served.collect();
        let settled = self.course.is_idle();
        let run = self.decide();
        let destinations = self.tenants.iter().map(|(&number, tenant)| {
            (number, self.course.destination(number).unwrap_or(tenant.quota))
        });
        let destination = destinations.collect();
        Epoch { run, destination, served, settled }
    }

    fn decide(&mut self) -> Run {
        let readings: Vec<_> = self
            .tenants
            .values()
            .map(|t| t.reading(self.course.destination(t.number).unwrap_or(t.quota)))
            .collect();
        let tenants: Vec<&SimTenant> = self.tenants.values().collect();
        let learn = |index: usize, reads, keep| tenants[index].observer.end_epoch(reads, keep);
        let closing = Closing { keep: KEEP, now: self.now, settled: self.course.is_idle() };
        self.planner.close_window(&readings, closing, learn);
        let at_ms = u64::try_from(self.now.as_millis()).unwrap();
        let occasion = Occasion { trigger: Trigger::Timer, at_ms, apply: self.apply };
        let run = self.planner.run(&readings, KEEP, &self.options, occasion);
        if run.applied {
            let legs =
                self.tenants.values().zip(&run.decision.tenants).map(|(tenant, decided)| Leg {
                    number: tenant.number,
                    base: tenant.base,
                    share: Move { from: tenant.quota, to: decided.share },
                    meanwhile: decided.meanwhile,
                });
            let legs: Vec<Leg> = legs.collect();
            let pace = run.decision.pace(self.apply, GRADUAL_STEP_BYTES);
            let orders = self.course.begin(&legs, pace, self.now);
            self.carry_out(&orders);
        }
        run
    }

    fn tick(&mut self) {
        self.now += TICK;
        for tenant in self.tenants.values_mut() {
            tenant.tick(TICK);
        }
        if !self.course.is_idle() {
            let looks = self.tenants.iter().map(|(&number, tenant)| (number, tenant.look()));
            let orders = self.course.advance(self.now, &looks.collect());
            self.carry_out(&orders);
        }
        self.audit();
    }

    fn carry_out(&mut self, orders: &[Order]) {
        for order in orders {
            match *order {
                Order::Note { number, quota } => {
                    if let Some(tenant) = self.tenants.get_mut(&number) {
                        tenant.quota = quota;
                    }
                }
                Order::Resize { number, bytes } => {
                    if let Some(tenant) = self.tenants.get_mut(&number) {
                        tenant.resize(bytes);
                    }
                }
            }
        }
    }

    /// Sums never exceed totals, and a boost is never above base.
    fn audit(&self) {
        let tenants = || self.tenants.values();
        let total: Resources = tenants().map(|tenant| tenant.base).sum();
        // Whoever has left had a share too, until the next decision takes back what others hold of it.
        let departed = u64::from(self.last_number) - self.tenants.len() as u64;
        let total: Resources = std::iter::repeat_n(BASE, usize::try_from(departed).unwrap())
            .fold(total, |sum, base| sum + base);
        let boosted = self.course.boosted();
        let limits: u64 = tenants().map(SimTenant::maxmemory_bytes).sum();
        let used: u64 = tenants().map(SimTenant::used_bytes).sum();
        let slack = PACING.slack_bytes * self.tenants.len() as u64;
        assert!(limits <= total.cache_bytes, "{:?}: {limits} of {}", self.now, total.cache_bytes);
        assert!(used <= total.cache_bytes + slack, "{:?}: {used} bytes used", self.now);
        let quotas: Resources = tenants()
            .map(|tenant| {
                let extra = boosted.get(&tenant.number).copied().unwrap_or_default();
                let above = extra.zip(tenant.base.rates(), |extra, base| extra - base).least();
                assert!(above <= 0.0, "{}: a boost is at most the base", tenant.name);
                Resources::new(tenant.quota.cache_bytes, tenant.quota.rates() - extra)
            })
            .sum();
        let rates = quotas.rates().zip(total.rates(), |given, total| given / total * (1.0 - 1e-6));
        let most = rates.read_units_per_s.max(rates.write_units_per_s).max(rates.net_bytes_per_s);
        assert!(most <= 1.0, "{:?}: {quotas:?} of {total:?}", self.now);
    }
}
