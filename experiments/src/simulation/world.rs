//! All tenants of a run on one clock: stations side by side, decisions in between.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::build::Builder;
use super::station::Station;
use super::steering::{Cast, Steering};
use super::{Model, SimulationError};
use crate::outcome::{DecisionMark, TenantOutcome};
use crate::runner::{Settings, stream_seed};
use crate::spec::{Policy, Spec, Tenant, Traffic};

/// Intervals of a tenant's series, at most.
const MOST_INTERVALS: u64 = 720;
/// When windows of the time to learn end, as parts of it: two whole ones, and what is left.
const WINDOW_ENDS: [f64; 2] = [0.4, 0.8];
/// Between two looks at a change that is under way.
const LOOK: Duration = Duration::from_millis(500);

/// Stations, and what is known of their tenants.
#[derive(Debug)]
pub(super) struct World {
    stations: Vec<Station>,
    tenants: Vec<Tenant>,
    cast: Cast,
    /// `None` where nobody decides.
    steering: Option<Steering>,
    model: Model,
    seed: u64,
    interval_ns: u64,
    next_interval_ns: u64,
    now: Duration,
    measured_from: Duration,
}

impl World {
    /// Everybody who is there from the start, at time 0, on warm caches.
    pub(super) fn new(
        spec: &Spec,
        point: usize,
        policy: Policy,
        settings: &Settings,
        model: Model,
    ) -> Result<Self, SimulationError> {
        let tenants = spec.at(point, settings.scale)?;
        let length_s = spec.length(&tenants).as_secs().max(1);
        let interval_s = length_s.div_ceil(MOST_INTERVALS).max(1);
        let stations = Builder::new(spec, policy, settings, &model).stations(&tenants)?;
        let decides = !matches!(policy, Policy::Static | Policy::NonPartitioned);
        let interval_ns = interval_s * 1_000_000_000;
        let cast = Cast {
            names: tenants.iter().map(|tenant| tenant.name.as_str().into()).collect(),
            bases: tenants.iter().map(|tenant| tenant.base).collect(),
        };
        let mut world = Self {
            stations,
            tenants,
            cast,
            steering: decides.then(|| Steering::new(spec, policy, settings.scale.factor())),
            model,
            seed: settings.seed,
            interval_ns,
            next_interval_ns: interval_ns,
            now: Duration::ZERO,
            measured_from: Duration::ZERO,
        };
        world.open();
        Ok(world)
    }

    /// Traffic, one decision, warm caches again, measurement. Where nobody decides there is nothing to learn.
    pub(super) fn run_once(&mut self, spec: &Spec) {
        if self.steering.is_some() {
            let learned = spec.learn;
            for part in WINDOW_ENDS {
                self.run_until(learned.mul_f64(part));
                let (now, cast) = (self.now, &self.cast);
                if let Some(steering) = &mut self.steering {
                    steering.close_window(&mut self.stations, cast, now);
                }
            }
            self.run_until(learned);
            self.decide_once();
        }
        let settled = self.now + spec.settle;
        self.run_until(settled);
        self.measure();
        self.run_until(settled + spec.measure);
    }

    /// Decisions at an interval from the start to the end, all of it measured; tenants come and go.
    pub(super) fn run_periodic(&mut self, every: Duration, length: Duration) {
        self.measure();
        let mut next_decision = every;
        while self.now < length {
            let is_idle = self.steering.as_ref().is_none_or(Steering::is_idle);
            let look = if is_idle { length } else { self.now + LOOK };
            let stop = length.min(next_decision).min(look).min(self.next_move());
            self.run_until(stop);
            self.move_tenants();
            let Some(steering) = &mut self.steering else {
                next_decision = length;
                continue;
            };
            steering.advance(&mut self.stations, stop);
            if stop == next_decision {
                if let Some(legs) = steering.decide(&mut self.stations, &self.cast, stop) {
                    steering.begin(&legs, &mut self.stations, stop);
                }
                next_decision += every;
            }
        }
    }

    /// What came of every tenant, in the order of the spec.
    pub(super) fn end(self) -> (Vec<TenantOutcome>, Vec<DecisionMark>) {
        let mut outcomes: Vec<(usize, TenantOutcome)> = Vec::new();
        let Self { stations, tenants, steering, now, measured_from, .. } = self;
        for station in stations {
            let share = station.share();
            for guest in station.guests {
                let tenant = &tenants[guest.tenant];
                let from = measured_from.max(tenant.arrives);
                let until = tenant.leaves.map_or(now, |leaves| leaves.min(now));
                let measured_s = until.saturating_sub(from).as_secs_f64();
                let (measured, series) = guest.tally.end(measured_s.max(1e-9));
                let said = steering.as_ref().and_then(|steering| steering.said.get(&guest.tenant));
                let curve = said.and_then(|said| said.curve.as_ref());
                let outcome = TenantOutcome {
                    name: tenant.name.clone(),
                    workload: workload_of(tenant),
                    base: tenant.base,
                    share,
                    throughput_per_s: measured.throughput_per_s,
                    hit_ratio: measured.hit_ratio,
                    used: measured.used,
                    p50_ms: measured.p50_ms,
                    p99_ms: measured.p99_ms,
                    refused: measured.refused,
                    predicted_gain: said.and_then(|said| said.predicted_gain),
                    curve: curve.map_or_else(Vec::new, |curve| curve.points().collect()),
                    series,
                };
                outcomes.push((guest.tenant, outcome));
            }
        }
        outcomes.sort_by_key(|(place, _)| *place);
        let decisions = steering.map_or_else(Vec::new, |steering| steering.decisions);
        (outcomes.into_iter().map(|(_, outcome)| outcome).collect(), decisions)
    }

    fn open(&mut self) {
        let (seed, model) = (self.seed, self.model.clone());
        let arrives: Vec<Duration> = self.tenants.iter().map(|tenant| tenant.arrives).collect();
        self.each(|station| {
            for guest in 0..station.guests.len() {
                if arrives[station.guests[guest].tenant].is_zero() {
                    station.arrive(guest);
                }
            }
            let speeds = station.speeds(&model, seed);
            station.warm(&model, &speeds, (seed, Duration::ZERO), true);
        });
        if let Some(steering) = &mut self.steering {
            steering.open(&self.stations, &self.cast);
        }
    }

    /// Decides, and brings that about at once: caches are as they will be when they are warm.
    fn decide_once(&mut self) {
        let Some(steering) = &mut self.steering else { return };
        let legs = steering.decide(&mut self.stations, &self.cast, self.now);
        for guest in self.stations.iter_mut().flat_map(|station| &mut station.guests) {
            // Nobody asks any more.
            guest.learner = None;
            // Live, too, clients begin anew.
            guest.source.restart(stream_seed(self.seed, guest.tenant as u64, self.now));
        }
        for (station, leg) in self.stations.iter_mut().zip(legs.into_iter().flatten()) {
            station.note(leg.share.to);
        }
        let (seed, at, model) = (self.seed, self.now, self.model.clone());
        // As live runs do, also where the cache stays as large as it was.
        self.each(|station| {
            let due_bytes = station.share().cache_bytes;
            station.cache.clear();
            station.cache.resize(due_bytes);
            let speeds = station.speeds(&model, seed);
            station.warm(&model, &speeds, (seed, at), false);
        });
    }

    fn measure(&mut self) {
        self.measured_from = self.now;
        for guest in self.stations.iter_mut().flat_map(|station| &mut station.guests) {
            guest.tally.begin();
        }
    }

    /// When the next tenant arrives or leaves.
    fn next_move(&self) -> Duration {
        let moves = self.tenants.iter().flat_map(|tenant| [Some(tenant.arrives), tenant.leaves]);
        moves.flatten().filter(|at| *at > self.now).min().unwrap_or(Duration::MAX)
    }

    /// Those arrive and leave whose time has come. A newcomer has its base share and an empty cache.
    fn move_tenants(&mut self) {
        for station in &mut self.stations {
            for guest in 0..station.guests.len() {
                let tenant = &self.tenants[station.guests[guest].tenant];
                if tenant.arrives == self.now && !tenant.arrives.is_zero() {
                    station.arrive(guest);
                }
                if tenant.leaves == Some(self.now) {
                    station.leave(guest);
                }
            }
        }
    }

    fn run_until(&mut self, end: Duration) {
        let end_ns = ns_of(end);
        let (first, every) = (self.next_interval_ns, self.interval_ns);
        self.each(|station| {
            let mut next = first;
            while next <= end_ns {
                station.run(next);
                station.end_interval();
                next += every;
            }
            station.run(end_ns);
        });
        while self.next_interval_ns <= end_ns {
            self.next_interval_ns += every;
        }
        self.now = end;
    }

    /// Does something with every station, on as many threads as there are. Stations know nothing of each other, so the
    /// result is the same on any number.
    fn each(&mut self, work: impl Fn(&mut Station) + Sync) {
        let threads = self.model.threads.min(self.stations.len());
        if threads < 2 {
            self.stations.iter_mut().for_each(work);
            return;
        }
        let next = AtomicUsize::new(0);
        let places: Vec<Mutex<&mut Station>> = self.stations.iter_mut().map(Mutex::new).collect();
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    while let Some(place) = places.get(next.fetch_add(1, Ordering::Relaxed)) {
                        work(&mut place.lock().unwrap_or_else(PoisonError::into_inner));
                    }
                });
            }
        });
    }
}

fn workload_of(tenant: &Tenant) -> String {
    match &tenant.traffic {
        Traffic::Workload(workload) => workload.to_string(),
        Traffic::Trace(path) => {
            path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
        }
    }
}

fn ns_of(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
