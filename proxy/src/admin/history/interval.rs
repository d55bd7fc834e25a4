//! What happened in five seconds, of one tenant or of all, and the same in 38 bytes.

use hare::Resources;

use super::super::pulse::{Counted, Recent};
use super::latency::Buckets;
use super::level::Level;
use crate::tenant::{LatencyOf, Tenant};

/// Kinds of requests whose latencies are kept.
pub(super) const KINDS: [LatencyOf; 3] = [LatencyOf::Hit, LatencyOf::Miss, LatencyOf::Write];
/// Numbers of a point: six flows, four uses, three waits, two quantiles of each kind.
const COLUMNS: usize = 6 + 4 + 3 + 2 * KINDS.len();

/// What happened in an interval.
#[derive(Debug, Clone, Copy, Default)]
pub(in super::super) struct Interval {
    /// Reads, hits, misses, writes, refused by a limit, failed; per second.
    pub(super) flows: [f64; 6],
    /// Bytes in the cache, and read units, write units and bytes per second.
    pub(super) used: [f64; 4],
    /// Requests per second that had to wait for read units, write units, bandwidth.
    pub(super) waits: [f64; 3],
    /// Median and 99th percentile in microseconds by kind; 0 without requests.
    pub(super) latencies: [[f64; 2]; KINDS.len()],
}

/// An interval as it is kept.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Point([Level; COLUMNS]);

/// What has to be remembered of a tenant to see the next interval.
#[derive(Debug, Default)]
pub(super) struct Before {
    counted: Counted,
    latencies: [Buckets; KINDS.len()],
}

impl Before {
    /// A tenant's present counters.
    pub(super) fn of(tenant: &Tenant) -> Self {
        Self { counted: Counted::of(tenant), latencies: KINDS.map(|kind| buckets(tenant, kind)) }
    }

    /// The interval that ends now, and its latencies by bucket if there were any; the next one begins.
    pub(super) fn step(
        &mut self,
        tenant: &Tenant,
        over: std::time::Duration,
    ) -> (Interval, Option<[Buckets; KINDS.len()]>) {
        let counted = Counted::of(tenant);
        let recent = Recent { counted: counted.since(&self.counted), over };
        self.counted = counted;
        let totals = &recent.counted.totals;
        let flows = [
            totals.reads,
            totals.hits,
            totals.misses,
            totals.writes,
            totals.throttled,
            totals.errors,
        ];
        let near_bytes = tenant.near.as_ref().map_or(0, |near| near.used().bytes);
        let mut interval = Interval {
            flows: flows.map(|count| recent.per_s(count)),
            used: [
                tenant.cache.health.used_bytes().saturating_add(near_bytes) as f64,
                recent.read_units_per_s(),
                recent.write_units_per_s(),
                recent.net_bytes_per_s(),
            ],
            waits: recent.counted.waits.map(|waited| recent.per_s(waited.count)),
            latencies: Default::default(),
        };
        // Reading histograms is most of the work, and an idle tenant has nothing new in them.
        if totals.commands == 0 && totals.reads + totals.writes == 0 {
            return (interval, None);
        }
        let now = KINDS.map(|kind| buckets(tenant, kind));
        let mut since = now.clone();
        for (now, before) in since.iter_mut().zip(&self.latencies) {
            *now = now.since(before);
        }
        self.latencies = now;
        interval.set_latencies(&since);
        (interval, Some(since))
    }
}

impl Interval {
    /// Adds another tenant's; latencies are set afterwards.
    pub(super) fn add(&mut self, other: &Self) {
        let add = |sum: &mut [f64], other: &[f64]| {
            sum.iter_mut().zip(other).for_each(|(sum, other)| *sum += other);
        };
        add(&mut self.flows, &other.flows);
        add(&mut self.used, &other.used);
        add(&mut self.waits, &other.waits);
    }

    /// Reads the quantiles.
    pub(super) fn set_latencies(&mut self, buckets: &[Buckets; KINDS.len()]) {
        for (quantiles, buckets) in self.latencies.iter_mut().zip(buckets) {
            *quantiles = [buckets.quantile_us(0.5), buckets.quantile_us(0.99)];
        }
    }

    /// Requests served per second.
    pub(super) fn requests_per_s(&self) -> f64 {
        let [reads, _, _, writes, ..] = self.flows;
        reads + writes
    }

    /// Hits over reads; `None` without reads.
    pub(super) fn hit_ratio(&self) -> Option<f64> {
        let [reads, hits, ..] = self.flows;
        (reads > 0.0).then(|| (hits / reads).min(1.0))
    }
}

impl From<&Interval> for Point {
    fn from(interval: &Interval) -> Self {
        let mut point = Self::default();
        let numbers = interval.flows.iter().chain(&interval.used).chain(&interval.waits);
        let numbers = numbers.chain(interval.latencies.as_flattened());
        point.0.iter_mut().zip(numbers).for_each(|(level, number)| *level = Level::of(*number));
        point
    }
}

impl From<&Point> for Interval {
    fn from(point: &Point) -> Self {
        let mut interval = Self::default();
        let Self { flows, used, waits, latencies } = &mut interval;
        let numbers = flows.iter_mut().chain(used).chain(waits);
        let numbers = numbers.chain(latencies.as_flattened_mut());
        numbers.zip(&point.0).for_each(|(number, level)| *number = level.value());
        interval
    }
}

/// A share as numbers, in the order of [`Interval::used`].
pub(in super::super) fn amounts(share: &Resources) -> [f64; 4] {
    [
        share.cache_bytes as f64,
        share.read_units_per_s,
        share.write_units_per_s,
        share.net_bytes_per_s,
    ]
}

fn buckets(tenant: &Tenant, kind: LatencyOf) -> Buckets {
    Buckets::of(&tenant.latencies(kind))
}

#[cfg(test)]
mod tests {
    use super::{Interval, Point};

    #[test]
    fn every_number_has_its_place() {
        let interval = Interval {
            flows: [1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
            used: [7.0, 8.0, 9.0, 10.0],
            waits: [11.0, 12.0, 13.0],
            latencies: [[14.0, 15.0], [16.0, 17.0], [18.0, 19.0]],
        };
        let back = Interval::from(&Point::from(&interval));
        let near = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| (a / b - 1.0).abs() < 1e-3);
        assert!(near(&interval.flows, &back.flows), "{back:?}");
        assert!(near(&interval.used, &back.used), "{back:?}");
        assert!(near(&interval.waits, &back.waits), "{back:?}");
        assert!(near(interval.latencies.as_flattened(), back.latencies.as_flattened()), "{back:?}");
        assert_eq!(std::mem::size_of::<Point>(), 38);
    }
}
