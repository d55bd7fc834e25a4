//! Latencies as Prometheus histograms, so that quantiles of any window can be worked out by whoever scrapes.

use std::fmt::Write as _;
use std::sync::Arc;

use hdrhistogram::Histogram;

use crate::tenant::{LatencyOf, Tenant};

const METRIC: &str = "hopperkv_request_latency_seconds";
/// Upper bounds of the buckets, as microseconds and as the label says them in seconds.
const BOUNDS: [(u64, &str); 16] = [
    (50, "0.00005"),
    (100, "0.0001"),
    (250, "0.00025"),
    (500, "0.0005"),
    (1_000, "0.001"),
    (2_500, "0.0025"),
    (5_000, "0.005"),
    (10_000, "0.01"),
    (25_000, "0.025"),
    (50_000, "0.05"),
    (100_000, "0.1"),
    (250_000, "0.25"),
    (500_000, "0.5"),
    (1_000_000, "1"),
    (5_000_000, "5"),
    (10_000_000, "10"),
];

/// Appends the latencies of all tenants that have had clients.
pub(super) fn append(text: &mut String, tenants: &[Arc<Tenant>]) {
    // Of many tenants most may never have had a client, and each has 76 lines here.
    let mut used = tenants.iter().filter(|tenant| tenant.was_used()).peekable();
    if used.peek().is_none() {
        return;
    }
    // Writing to a string cannot fail.
    let _ = writeln!(text, "# HELP {METRIC} Time from request to reply, by kind.");
    let _ = writeln!(text, "# TYPE {METRIC} histogram");
    for tenant in used {
        for (kind, of) in [
            ("hit", LatencyOf::Hit),
            ("miss", LatencyOf::Miss),
            ("write", LatencyOf::Write),
            ("scan", LatencyOf::Scan),
        ] {
            // Names of tenants need no escaping: letters, digits, "-" and "_".
            let labels = format!("tenant=\"{}\",kind=\"{kind}\"", tenant.name);
            histogram(text, &labels, &tenant.latencies(of));
        }
    }
}

fn histogram(text: &mut String, labels: &str, latencies: &Histogram<u64>) {
    for (bound_us, bound) in BOUNDS {
        let count = latencies.count_between(0, bound_us);
        let _ = writeln!(text, "{METRIC}_bucket{{{labels},le=\"{bound}\"}} {count}");
    }
    let count = latencies.len();
    let _ = writeln!(text, "{METRIC}_bucket{{{labels},le=\"+Inf\"}} {count}");
    let mean_us = if count > 0 { latencies.mean() } else { 0.0 };
    let _ = writeln!(text, "{METRIC}_sum{{{labels}}} {}", mean_us * count as f64 / 1e6);
    let _ = writeln!(text, "{METRIC}_count{{{labels}}} {count}");
}

#[cfg(test)]
mod tests {
    use super::histogram;
    use crate::tenant::empty_histogram;

    #[test]
    fn buckets_are_cumulative() {
        let mut latencies = empty_histogram();
        for us in [40, 40, 900, 20_000_000] {
            latencies.record(us).unwrap();
        }
        let mut text = String::new();
        histogram(&mut text, "kind=\"hit\"", &latencies);
        for line in [
            "hopperkv_request_latency_seconds_bucket{kind=\"hit\",le=\"0.00005\"} 2",
            "hopperkv_request_latency_seconds_bucket{kind=\"hit\",le=\"0.001\"} 3",
            "hopperkv_request_latency_seconds_bucket{kind=\"hit\",le=\"10\"} 3",
            "hopperkv_request_latency_seconds_bucket{kind=\"hit\",le=\"+Inf\"} 4",
            "hopperkv_request_latency_seconds_count{kind=\"hit\"} 4",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} is not in {text}");
        }
    }
}
