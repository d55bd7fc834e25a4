//! Latency histograms (HDR, three significant digits) and their summary.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

/// Significant decimal digits kept.
const DIGITS: u8 = 3;

/// Latencies of one kind of request.
#[derive(Debug, Clone)]
pub struct Latency {
    /// Values in nanoseconds; grows to what it is given.
    nanos: Histogram<u64>,
}

impl Default for Latency {
    fn default() -> Self {
        Self { nanos: Histogram::new(DIGITS).expect("three digits is a valid precision") }
    }
}

/// Quantiles in microseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct LatencySummary {
    /// Arithmetic mean.
    pub mean_us: f64,
    /// Median.
    pub p50_us: f64,
    /// 90th percentile.
    pub p90_us: f64,
    /// 99th percentile.
    pub p99_us: f64,
    /// 99.9th percentile.
    pub p999_us: f64,
    /// 99.99th percentile.
    pub p9999_us: f64,
    /// Largest.
    pub max_us: f64,
}

impl Latency {
    /// Records one latency.
    pub fn record(&mut self, latency: Duration) {
        let nanos = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
        self.nanos.record(nanos).expect("a resizing histogram takes any value");
    }

    /// Adds everything `other` recorded.
    pub fn merge(&mut self, other: &Self) {
        self.nanos.add(&other.nanos).expect("a resizing histogram takes any value");
    }

    /// Number of latencies recorded.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.nanos.len()
    }

    /// The histogram itself, in nanoseconds.
    #[must_use]
    pub fn nanos(&self) -> &Histogram<u64> {
        &self.nanos
    }

    /// The usual quantiles; all zero if nothing was recorded.
    #[must_use]
    pub fn summary(&self) -> LatencySummary {
        if self.nanos.is_empty() {
            return LatencySummary::default();
        }
        let quantile_us = |quantile| micros(self.nanos.value_at_quantile(quantile));
        LatencySummary {
            mean_us: (self.nanos.mean() / 100.0).round() / 10.0,
            p50_us: quantile_us(0.5),
            p90_us: quantile_us(0.9),
            p99_us: quantile_us(0.99),
            p999_us: quantile_us(0.999),
            p9999_us: quantile_us(0.9999),
            max_us: micros(self.nanos.max()),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "three digits are kept anyway")]
fn micros(nanos: u64) -> f64 {
    (nanos as f64 / 100.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::Latency;
    use std::time::Duration;

    #[test]
    fn quantiles_survive_merging() {
        let (mut low, mut high) = (Latency::default(), Latency::default());
        for ms in 1..=500 {
            low.record(Duration::from_millis(ms));
            high.record(Duration::from_millis(ms + 500));
        }
        low.merge(&high);
        let summary = low.summary();
        assert_eq!(low.count(), 1_000);
        assert!((summary.p50_us / 500_000.0 - 1.0).abs() < 0.002, "{summary:?}");
        assert!((summary.p99_us / 990_000.0 - 1.0).abs() < 0.002, "{summary:?}");
        assert!((summary.max_us / 1e6 - 1.0).abs() < 0.002, "{summary:?}");
    }
}
