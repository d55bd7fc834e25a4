//! One round's numbers, those of both sides in turns, and their medians.

use std::time::Duration;

use super::side::Used;

/// What one round on one side brought.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sample {
    /// Requests per second.
    pub(super) per_s: f64,
    /// CPU time per request, in microseconds.
    pub(super) client_us: f64,
    pub(super) proxy_us: f64,
    pub(super) redis_us: f64,
    /// Latency in microseconds; 0 if it was not measured.
    pub(super) p50_us: f64,
    pub(super) p99_us: f64,
    pub(super) p999_us: f64,
}

impl Sample {
    /// Numbers per request, from what `requests` requests used.
    pub(super) fn of(requests: u64, per_s: f64, client: Duration, used: Used) -> Self {
        let per_request = |cpu: Duration| cpu.as_secs_f64() * 1e6 / as_f64(requests.max(1));
        Self {
            per_s,
            client_us: per_request(client),
            proxy_us: per_request(used.proxy),
            redis_us: per_request(used.redis),
            ..Self::default()
        }
    }
}

/// The rounds of both sides.
#[derive(Debug, Clone, Default)]
pub(super) struct Pair {
    pub(super) direct: Vec<Sample>,
    pub(super) proxy: Vec<Sample>,
}

impl Pair {
    /// Median of the proxy's throughput over that of the direct one's.
    pub(super) fn ratio(&self) -> f64 {
        median(&self.proxy, |sample| sample.per_s)
            / median(&self.direct, |sample| sample.per_s).max(1e-9)
    }
}

/// The median of one number over the rounds; with an even count the mean of the middle two, 0 without any.
pub(super) fn median(samples: &[Sample], number: impl Fn(&Sample) -> f64) -> f64 {
    median_of(samples.iter().map(number).collect())
}

/// The median of some numbers; 0 without any.
pub(super) fn median_of(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    match (numbers.len(), numbers.len() / 2) {
        (0, _) => 0.0,
        (length, middle) if length % 2 == 1 => numbers[middle],
        (_, middle) => f64::midpoint(numbers[middle - 1], numbers[middle]),
    }
}

#[expect(clippy::cast_precision_loss, reason = "a rate")]
pub(super) fn as_f64(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::{Pair, Sample, median_of};
    use crate::measure::side::Used;
    use std::time::Duration;

    #[test]
    fn medians_are_medians() {
        let close =
            |numbers: &[f64], expected: f64| (median_of(numbers.to_vec()) - expected).abs() < 1e-9;
        assert!(close(&[], 0.0) && close(&[7.0], 7.0));
        assert!(close(&[9.0, 1.0, 5.0], 5.0) && close(&[4.0, 1.0, 9.0, 2.0], 3.0));
    }

    #[test]
    fn cpu_is_per_request_and_the_ratio_is_of_medians() {
        let used = Used { proxy: Duration::from_millis(30), redis: Duration::from_millis(20) };
        let sample = |per_s| Sample::of(10_000, per_s, Duration::from_millis(40), used);
        let one = sample(1.0);
        assert!((one.client_us - 4.0).abs() < 1e-9 && (one.proxy_us - 3.0).abs() < 1e-9);
        assert!((one.redis_us - 2.0).abs() < 1e-9);
        let pair = Pair {
            direct: [50.0, 100.0, 120.0].map(sample).to_vec(),
            proxy: [90.0, 10.0, 500.0].map(sample).to_vec(),
        };
        assert!((pair.ratio() - 0.9).abs() < 1e-9);
    }
}
