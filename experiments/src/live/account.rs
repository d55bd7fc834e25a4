//! What came of a run, tenant by tenant: what clients saw, with what the proxy says of hits, units and shares.

use std::time::Duration;

use hare::Resources;
use hopperkv_bench::admin::Requests;
use hopperkv_bench::histogram::Latency;
use hopperkv_bench::tally::Tally;

use super::cast::{Actor, Cast, share_of};
use super::course::Record;
use super::drive::Seen;
use super::watch::{self, Sample};
use crate::outcome::{DecisionMark, Interval, TenantOutcome, Used};
use crate::spec::{Tenant, Traffic};

/// Bytes that one read unit reads, and one write unit writes.
const READ_UNIT_BYTES: u64 = 4096;
const WRITE_UNIT_BYTES: u64 = 1024;
/// Bytes of the names of the two attributes that an item has.
const NAME_BYTES: u64 = 2;

/// Tenants in the order of the spec, and decisions in order.
pub(super) fn of(
    tenants: &[Tenant],
    cast: &Cast,
    record: &Record,
) -> (Vec<TenantOutcome>, Vec<DecisionMark>) {
    let outcomes = tenants.iter().zip(&cast.actors).enumerate();
    let outcomes = outcomes.map(|(index, (tenant, actor))| {
        let seen = Witness { cast, record, index, actor };
        seen.outcome(tenant)
    });
    let mark = |(at, run): &(Duration, hopperkv_bench::admin::Run)| DecisionMark {
        at_s: at.as_secs_f64(),
        applied: run.applied,
        reason: run.reason.clone(),
        improvement: run.improvement,
    };
    (outcomes.collect(), record.runs.iter().map(mark).collect())
}

/// All that was seen of one actor.
struct Witness<'a> {
    cast: &'a Cast,
    record: &'a Record,
    index: usize,
    actor: &'a Actor,
}

impl Witness<'_> {
    fn outcome(&self, tenant: &Tenant) -> TenantOutcome {
        let (measured, measured_for) = self.measured();
        let measured_s = measured_for.as_secs_f64().max(1e-9);
        let counts = &measured.counts;
        let samples = self.record.acts.last().map_or(&[][..], |act| self.samples(act));
        let hit_ratio = hit_ratio(samples, self.record.measured_from, self.measured_until());
        let used = if self.cast.is_shared {
            self.used_of_all(&measured, hit_ratio)
        } else {
            self.used(samples)
        };
        let last = self.record.runs.last().map(|(_, run)| run);
        let decided = last.and_then(|run| {
            let tenant = run.tenants.iter().find(|tenant| tenant.name == self.actor.name)?;
            Some(if run.applied { tenant.predicted_gain } else { tenant.current_gain })
        });
        let curve = self.record.curves.get(self.actor.seat);
        let curve = curve.map_or_else(Vec::new, |curve| {
            curve.bytes.iter().copied().zip(curve.miss_ratio.iter().copied()).collect()
        });
        let mut latency = Latency::default();
        latency.merge(&measured.get_latency);
        latency.merge(&measured.set_latency);
        let latency = latency.summary();
        let per_s = |used: Used| Used {
            read_units_per_s: used.read_units_per_s / measured_s,
            write_units_per_s: used.write_units_per_s / measured_s,
            net_bytes_per_s: used.net_bytes_per_s / measured_s,
        };
        TenantOutcome {
            name: tenant.name.clone(),
            workload: workload_of(tenant),
            base: tenant.base,
            share: share_at(samples, Duration::MAX).unwrap_or(tenant.base),
            throughput_per_s: counts.requests() as f64 / measured_s,
            hit_ratio,
            used: per_s(used),
            p50_ms: latency.p50_us / 1e3,
            p99_ms: latency.p99_us / 1e3,
            refused: counts.throttled + counts.errors,
            predicted_gain: decided,
            curve,
            series: self.series(),
        }
    }

    fn measured(&self) -> (Tally, Duration) {
        let last = self.record.acts.last().and_then(|act| act.recorders.get(self.index));
        let seen = last.map(super::recorder::Recorder::seen).unwrap_or_default();
        (seen.measured, seen.measured_for)
    }

    fn measured_until(&self) -> Duration {
        self.record.measured_from + self.record.measured
    }

    /// What the proxy said of its seat in an act. What was in flight at the end of an act is still counted when the next one
    /// has begun by the run's clock, so acts are kept apart.
    fn samples<'a>(&self, act: &'a Seen) -> &'a [Sample] {
        act.samples.get(self.actor.seat).map_or(&[], Vec::as_slice)
    }

    /// What the proxy charged it in the measurement.
    fn used(&self, samples: &[Sample]) -> Used {
        let (from, until) = (self.record.measured_from, self.measured_until());
        let rise = |of: &dyn Fn(&Requests) -> u64| rise(samples, from, until, of);
        let bytes = |requests: &Requests| {
            requests.read_bytes + requests.written_bytes + requests.storage_bytes
        };
        Used {
            read_units_per_s: rise(&|requests| requests.milli_read_units) / 1e3,
            write_units_per_s: rise(&|requests| requests.milli_write_units) / 1e3,
            net_bytes_per_s: rise(&bytes),
        }
    }

    /// What it must have used of what all share, by its requests: the proxy knows only of all together.
    fn used_of_all(&self, measured: &Tally, hit_ratio: f64) -> Used {
        let phase = self.actor.first();
        let bytes = (phase.key_bytes + phase.value_bytes) as u64;
        let (gets, sets) = (measured.counts.gets as f64, measured.counts.sets as f64);
        let misses = gets * (1.0 - hit_ratio);
        Used {
            read_units_per_s: misses * (bytes + NAME_BYTES).div_ceil(READ_UNIT_BYTES) as f64,
            write_units_per_s: sets * (bytes + NAME_BYTES).div_ceil(WRITE_UNIT_BYTES) as f64,
            net_bytes_per_s: bytes as f64 * (gets + misses + 2.0 * sets),
        }
    }

    fn series(&self) -> Vec<Interval> {
        let mut series = Vec::new();
        for act in &self.record.acts {
            let Some(recorder) = act.recorders.get(self.index) else { continue };
            let samples = self.samples(act);
            for second in recorder.seen().seconds {
                let took_s = (second.until - second.from).as_secs_f64().max(1e-9);
                series.push(Interval {
                    until_s: second.until.as_secs_f64(),
                    throughput_per_s: second.requests as f64 / took_s,
                    hit_ratio: hit_ratio(samples, second.from, second.until),
                    share: share_at(samples, second.until).unwrap_or_default(),
                });
            }
        }
        series
    }
}

/// How much a counter rose between two moments.
fn rise(
    samples: &[Sample],
    from: Duration,
    until: Duration,
    of: impl Fn(&Requests) -> u64 + Copy,
) -> f64 {
    watch::at(samples, until, of) - watch::at(samples, from, of)
}

fn hit_ratio(samples: &[Sample], from: Duration, until: Duration) -> f64 {
    let hits = rise(samples, from, until, |requests| requests.hits);
    let misses = rise(samples, from, until, |requests| requests.misses);
    if hits + misses > 0.0 { (hits / (hits + misses)).clamp(0.0, 1.0) } else { 0.0 }
}

/// What it had at a moment, or first if that is later.
fn share_at(samples: &[Sample], moment: Duration) -> Option<Resources> {
    let before = samples.partition_point(|sample| sample.at <= moment).saturating_sub(1);
    samples.get(before).map(|sample| share_of(sample.quota))
}

fn workload_of(tenant: &Tenant) -> String {
    match &tenant.traffic {
        Traffic::Workload(workload) => workload.to_string(),
        Traffic::Trace(path) => path.display().to_string(),
    }
}
