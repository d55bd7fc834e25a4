//! What came of all tenants: one summary each, and the totals.

use std::fmt::{self, Write as _};
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use super::{TenantEnded, TenantsPlan};
use crate::error::LoadError;
use crate::report::{Setting, Summary, grouped};
use crate::supervisor::Outcome;
use crate::tally::Tally;

/// A tenant's summary with its name.
#[derive(Debug, Clone, Serialize)]
pub struct TenantSummary {
    /// The tenant.
    pub tenant: String,
    /// What came of its load.
    #[serde(flatten)]
    pub summary: Summary,
}

/// Everything that is known at the end.
#[derive(Debug, Clone, Serialize)]
pub struct TenantsSummary {
    /// In the order of the plan.
    pub tenants: Vec<TenantSummary>,
    /// All of them together.
    pub total: Summary,
}

impl TenantsSummary {
    /// Sums up.
    #[must_use]
    pub fn new(plan: &TenantsPlan, ended: Vec<TenantEnded>) -> Self {
        let mut total = Outcome::nothing(false);
        let mut tenants = Vec::new();
        for (tenant, ended) in plan.tenants.iter().zip(ended) {
            let outcome = &ended.ended.outcome;
            total.total.merge(&outcome.total);
            total.elapsed = total.elapsed.max(outcome.elapsed + tenant.start_after);
            total.interrupted |= outcome.interrupted;
            let summary = if ended.only_preloaded {
                tenant.job.preload_failure(ended.ended.outcome)
            } else {
                tenant.job.summary(ended.preloaded, ended.ended)
            };
            tenants.push(TenantSummary { tenant: tenant.name.clone(), summary });
        }
        let setting = Setting {
            command: "total",
            endpoint: String::new(),
            input: format!("{} tenants", tenants.len()),
            clients: tenants.iter().map(|tenant| tenant.summary.setting.clients).sum(),
            depth: 0,
            verify: tenants.iter().all(|tenant| tenant.summary.setting.verify),
            seed: None,
            rate_per_s: None,
            arrivals: None,
        };
        let mut total = Summary::new(setting, total, None);
        total.exit_code = tenants.iter().map(|tenant| tenant.summary.exit_code).max().unwrap_or(0);
        Self { tenants, total }
    }

    /// Writes it as JSON to a file, or to standard output for `-`.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write_json(&self, path: &Path) -> Result<(), LoadError> {
        let text = serde_json::to_string_pretty(self).unwrap_or_default() + "\n";
        write(path, &text)
    }

    /// Writes one row for each tenant and one for the totals to a file, or to standard output for `-`.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write_csv(&self, path: &Path) -> Result<(), LoadError> {
        let mut text = String::from(
            "tenant,elapsed_s,requests,requests_per_s,hit_ratio,gets,sets,throttled,unsent,errors,\
             mismatches,lost,get_p50_us,get_p99_us,get_p9999_us,get_max_us,\
             set_p50_us,set_p99_us,set_p9999_us,set_max_us\n",
        );
        for (name, summary) in self.rows() {
            let Summary { counts, get_latency: get, set_latency: set, .. } = summary;
            let _ = write!(
                text,
                "{name},{:.3},{},{:.1},{:.5}",
                summary.elapsed_s, summary.requests, summary.requests_per_s, summary.hit_ratio
            );
            for count in [
                counts.gets,
                counts.sets,
                counts.throttled,
                counts.unsent,
                counts.errors,
                counts.mismatches,
                counts.lost,
            ] {
                let _ = write!(text, ",{count}");
            }
            for latency in [get, set] {
                let _ = write!(
                    text,
                    ",{},{},{},{}",
                    latency.p50_us, latency.p99_us, latency.p9999_us, latency.max_us
                );
            }
            text.push('\n');
        }
        write(path, &text)
    }

    /// Prints it for a person on standard output.
    pub fn print(&self) {
        let _ = write!(io::stdout(), "{self}");
    }

    fn rows(&self) -> impl Iterator<Item = (&str, &Summary)> {
        let tenants = self.tenants.iter().map(|tenant| (tenant.tenant.as_str(), &tenant.summary));
        tenants.chain([("total", &self.total)])
    }
}

fn write(path: &Path, text: &str) -> Result<(), LoadError> {
    if path.as_os_str() == "-" {
        io::stdout().write_all(text.as_bytes())
    } else {
        fs::write(path, text)
    }
    .map_err(|source| LoadError::File { path: path.to_owned(), source })
}

impl fmt::Display for TenantsSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.rows().map(|(name, _)| name.chars().count()).max().unwrap_or(0).max(6);
        writeln!(
            f,
            "{:<width$} {:>13} {:>11} {:>7} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}",
            "tenant",
            "requests",
            "per second",
            "hits %",
            "p50 ms",
            "p99 ms",
            "p99.99",
            "max ms",
            "throttled",
            "not sent"
        )?;
        for (name, summary) in self.rows() {
            // Of GETs, where there are any: the slower kind would only hide them.
            let latency =
                if summary.counts.gets > 0 { summary.get_latency } else { summary.set_latency };
            let ms = |us: f64| format!("{:.3}", us / 1e3);
            writeln!(
                f,
                "{name:<width$} {:>13} {:>11.0} {:>7.2} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}",
                grouped(summary.requests),
                summary.requests_per_s,
                summary.hit_ratio * 100.0,
                ms(latency.p50_us),
                ms(latency.p99_us),
                ms(latency.p9999_us),
                ms(latency.max_us),
                grouped(summary.counts.throttled),
                grouped(summary.counts.unsent),
            )?;
        }
        for TenantSummary { tenant, summary } in &self.tenants {
            let malformed = summary.trace.as_ref().is_some_and(|notes| notes.malformed > 0);
            if summary.exit_code != 0 || malformed {
                write!(f, "\n{tenant}: {summary}")?;
            }
        }
        let counts = &self.total.counts;
        let stopped = if self.total.interrupted { " (stopped early)" } else { "" };
        writeln!(
            f,
            "verified {} values: {} wrong, {} lost; {} errors{stopped}",
            grouped(counts.verified),
            counts.mismatches,
            counts.lost,
            counts.errors
        )
    }
}

impl Outcome {
    /// That of a load that did nothing.
    #[must_use]
    pub fn nothing(interrupted: bool) -> Self {
        let (total, elapsed) = (Tally::default(), Duration::ZERO);
        Self { total, elapsed, interrupted, failure: None }
    }
}
