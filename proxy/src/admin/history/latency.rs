//! Latencies of one interval: the difference between two readings of histograms that only grow.
//!
//! A whole histogram of every tenant and kind would be 60 MB for a thousand tenants; four buckets per doubling are kept, and
//! quantiles are read between their bounds.

use hdrhistogram::Histogram;

/// Buckets: one per microsecond below 8, four per doubling up to a minute.
const BUCKETS: usize = 8 + 4 * 23;

/// Counts by bucket.
#[derive(Debug, Clone)]
pub(super) struct Buckets([u32; BUCKETS]);

impl Default for Buckets {
    fn default() -> Self {
        Self([0; BUCKETS])
    }
}

impl Buckets {
    /// What a histogram of microseconds has counted.
    pub(super) fn of(histogram: &Histogram<u64>) -> Self {
        let mut buckets = Self::default();
        for step in histogram.iter_recorded() {
            // Wraps like the difference does.
            let count = u32::try_from(step.count_at_value() & u64::from(u32::MAX)).unwrap_or(0);
            if let Some(bucket) = buckets.0.get_mut(place(step.value_iterated_to())) {
                *bucket = bucket.wrapping_add(count);
            }
        }
        buckets
    }

    /// What was counted since `earlier`.
    pub(super) fn since(&self, earlier: &Self) -> Self {
        let mut difference = self.clone();
        for (now, earlier) in difference.0.iter_mut().zip(&earlier.0) {
            *now = now.wrapping_sub(*earlier);
        }
        difference
    }

    /// Adds what another tenant counted.
    pub(super) fn add(&mut self, other: &Self) {
        for (sum, other) in self.0.iter_mut().zip(&other.0) {
            *sum = sum.saturating_add(*other);
        }
    }

    /// The latency in microseconds that this part of the requests did not exceed; 0 without requests.
    pub(super) fn quantile_us(&self, part: f64) -> f64 {
        let all: u64 = self.0.iter().map(|count| u64::from(*count)).sum();
        let mut left = part * all as f64;
        for (place, count) in self.0.iter().enumerate() {
            let count = f64::from(*count);
            if count > 0.0 && left <= count {
                let (low, high) = (bound_us(place), bound_us(place + 1));
                return low + (high - low) * (left / count).clamp(0.0, 1.0);
            }
            left -= count;
        }
        0.0
    }
}

/// The bucket of a latency.
fn place(us: u64) -> usize {
    let us = us.max(1);
    let place = if us < 8 {
        us
    } else {
        let doubling = u64::from(us.ilog2());
        8 + (doubling - 3) * 4 + ((us >> (doubling - 2)) & 3)
    };
    usize::try_from(place).unwrap_or(BUCKETS).min(BUCKETS - 1)
}

/// The least latency in a bucket.
fn bound_us(place: usize) -> f64 {
    if place < 8 {
        return place as f64;
    }
    let (doubling, quarter) = ((place - 8) / 4, (place - 8) % 4);
    let doubled = (0..doubling).fold(8.0, |bound, _| bound * 2.0);
    doubled * (1.0 + quarter as f64 / 4.0)
}

#[cfg(test)]
mod tests {
    use hdrhistogram::Histogram;

    use super::{BUCKETS, Buckets, bound_us, place};

    #[test]
    fn a_bucket_holds_what_lies_between_its_bounds() {
        for us in (1..3000).chain([65_535, 65_536, 1_000_000, 59_999_999]) {
            let at = place(us);
            let us = us as f64;
            assert!(bound_us(at) <= us && us < bound_us(at + 1), "{us} in {at}");
        }
        assert_eq!(place(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn quantiles_are_those_of_the_interval() {
        let mut histogram = Histogram::<u64>::new_with_bounds(1, 60_000_000, 2).unwrap();
        histogram.record_n(50_000, 1000).unwrap();
        let before = Buckets::of(&histogram);
        for us in 1..=1000 {
            histogram.record(us).unwrap();
        }
        let interval = Buckets::of(&histogram).since(&before);
        for (part, us) in [(0.5, 500.0), (0.99, 990.0)] {
            let read = interval.quantile_us(part);
            assert!((read / us - 1.0).abs() < 0.1, "{part}: {read}");
        }
        assert!(Buckets::default().quantile_us(0.5).abs() < 1e-12);
    }
}
