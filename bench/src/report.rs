//! The end of a run: a summary to read, the same as JSON, and the exit code.

use std::fmt::{self, Write as _};
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use hopperkv_trace::TraceNotes;
use serde::Serialize;

use crate::error::LoadError;
use crate::histogram::LatencySummary;
use crate::progress::{per_second, ratio};
use crate::supervisor::Outcome;
use crate::tally::Counts;

/// What was run, as the summary repeats it.
#[derive(Debug, Clone, Serialize)]
pub struct Setting {
    /// `run`, `replay` or `preload`.
    pub command: &'static str,
    /// The endpoint.
    pub endpoint: String,
    /// The workload text or the trace's name.
    pub input: String,
    /// Connections.
    pub clients: u64,
    /// Requests in flight per connection.
    pub depth: usize,
    /// Whether replies were verified.
    pub verify: bool,
    /// Seed of the random choices, where there were any.
    pub seed: Option<u64>,
    /// Requests per second that were to be sent, in an open loop.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_per_s: Option<f64>,
    /// How they were spread (`constant`, `poisson`), or the pace of a replay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arrivals: Option<String>,
}

/// What a preload did before the run.
#[derive(Debug, Clone, Serialize)]
pub struct Preloaded {
    /// How long it took, in seconds.
    pub elapsed_s: f64,
    /// Requests served.
    pub requests: u64,
}

impl Preloaded {
    /// Of the outcome of a preload.
    #[must_use]
    pub fn new(outcome: &Outcome) -> Self {
        let requests = outcome.total.counts.requests();
        Self { elapsed_s: outcome.elapsed.as_secs_f64(), requests }
    }
}

/// Everything that is known at the end of a run.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    /// What was run.
    #[serde(flatten)]
    pub setting: Setting,
    /// How long it took, in seconds.
    pub elapsed_s: f64,
    /// Requests served.
    pub requests: u64,
    /// Requests served per second.
    pub requests_per_s: f64,
    /// Value bytes per second, read and written.
    pub value_bytes_per_s: f64,
    /// GETs that found a value, 0 to 1.
    pub hit_ratio: f64,
    /// All counters.
    pub counts: Counts,
    /// Latency of GETs; in an open loop from the time they were due.
    pub get_latency: LatencySummary,
    /// Latency of SETs, likewise.
    pub set_latency: LatencySummary,
    /// Where requests had times of their own: the latency of all from when they were sent, which leaves out how long they
    /// waited for a connection. It is what a closed loop would have shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uncorrected_latency: Option<LatencySummary>,
    /// What happened before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preload: Option<Preloaded>,
    /// What the trace's reader noticed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace: Option<TraceNotes>,
    /// The first verification failures.
    pub failures: Vec<String>,
    /// The first error replies.
    pub error_replies: Vec<String>,
    /// Whether it was stopped before its end.
    pub interrupted: bool,
    /// What broke off the run, if something did.
    pub broken_off_by: Option<String>,
    /// The code the program exits with.
    pub exit_code: u8,
}

impl Summary {
    /// Sums up an outcome.
    ///
    /// The exit code is 1 if verification failed or an error reply other than THROTTLED came
    /// back, the failure's own if something broke, else 0.
    #[must_use]
    pub fn new(setting: Setting, outcome: Outcome, trace: Option<TraceNotes>) -> Self {
        let Outcome { total, elapsed, interrupted, failure } = outcome;
        let counts = total.counts;
        let served = total.is_correct() && counts.errors == 0;
        let exit_code = match &failure {
            _ if !total.is_correct() => 1,
            Some(error) => error.exit_code(),
            None => u8::from(!served),
        };
        Self {
            setting,
            elapsed_s: elapsed.as_secs_f64(),
            requests: counts.requests(),
            requests_per_s: per_second(counts.requests(), elapsed),
            value_bytes_per_s: per_second(counts.value_bytes, elapsed),
            hit_ratio: ratio(counts.hits, counts.gets),
            counts,
            get_latency: total.get_latency.summary(),
            set_latency: total.set_latency.summary(),
            uncorrected_latency: (total.service_latency.count() > 0)
                .then(|| total.service_latency.summary()),
            preload: None,
            trace,
            failures: total.failures,
            error_replies: total.error_replies,
            interrupted,
            broken_off_by: failure.map(|error| error.to_string()),
            exit_code,
        }
    }

    /// Writes the summary as JSON to a file, or to standard output for `-`.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write_json(&self, path: &Path) -> Result<(), LoadError> {
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        if path.as_os_str() == "-" {
            io::stdout().write_all(text.as_bytes())
        } else {
            fs::write(path, text)
        }
        .map_err(|source| LoadError::File { path: path.to_owned(), source })
    }

    /// Prints the summary for a person on standard output.
    pub fn print(&self) {
        let _ = write!(io::stdout(), "{self}");
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { setting, counts, .. } = self;
        writeln!(
            f,
            "{} {}  [{} clients x depth {}]  {}",
            setting.command, setting.endpoint, setting.clients, setting.depth, setting.input
        )?;
        if let Some(Preloaded { elapsed_s, requests }) = &self.preload {
            writeln!(f, "preloaded with {} requests in {elapsed_s:.2} s", grouped(*requests))?;
        }
        if let Some(arrivals) = &self.setting.arrivals {
            let rate = self.setting.rate_per_s;
            let rate = rate.map_or_else(String::new, |rate| format!(" at {rate} requests/s"));
            writeln!(f, "open loop: {arrivals}{rate}")?;
        }
        writeln!(
            f,
            "{} requests in {:.2} s: {:.0} requests/s, {:.2} MB/s of values{}",
            grouped(self.requests),
            self.elapsed_s,
            self.requests_per_s,
            self.value_bytes_per_s / 1e6,
            if self.interrupted { " (stopped early)" } else { "" },
        )?;
        if counts.gets > 0 {
            writeln!(
                f,
                "GET  {:>12}  hits {} ({:.2} %), nil {}",
                grouped(counts.gets),
                grouped(counts.hits),
                self.hit_ratio * 100.0,
                grouped(counts.nils),
            )?;
            write_latency(f, &self.get_latency)?;
        }
        if counts.sets > 0 {
            writeln!(f, "SET  {:>12}", grouped(counts.sets))?;
            write_latency(f, &self.set_latency)?;
        }
        if counts.dels + counts.incrs > 0 {
            writeln!(f, "DEL  {:>12}   INCR/DECR {}", grouped(counts.dels), counts.incrs)?;
        }
        self.write_open_loop(f)?;
        if let Some(notes) = &self.trace {
            writeln!(
                f,
                "trace: {} requests, {} malformed lines, {} sizes clamped, {} skipped",
                grouped(notes.requests),
                notes.malformed,
                notes.clamped,
                notes.skipped_ops
            )?;
            if let Some(first) = &notes.first_malformed {
                writeln!(f, "  first malformed: {first}")?;
            }
        }
        writeln!(f, "throttled {}, errors {}", grouped(counts.throttled), grouped(counts.errors))?;
        for reply in &self.error_replies {
            writeln!(f, "  -{reply}")?;
        }
        self.write_verdict(f)
    }
}

impl Summary {
    /// What only a run with set times has.
    fn write_open_loop(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(latency) = &self.uncorrected_latency {
            writeln!(f, "above from the time a request was due; from when it was sent:")?;
            write_latency(f, latency)?;
        }
        if self.counts.unsent > 0 {
            let unsent = grouped(self.counts.unsent);
            writeln!(f, "NOT SENT {unsent}: too late for their time; they are in no latency")?;
        }
        Ok(())
    }

    fn write_verdict(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts { verified, mismatches, lost, .. } = self.counts;
        if !self.setting.verify {
            writeln!(f, "values were not verified")?;
        } else if mismatches + lost == 0 {
            writeln!(f, "verified {} values, all right", grouped(verified))?;
        } else {
            writeln!(
                f,
                "VERIFICATION FAILED: {} wrong, {} lost, {} right",
                grouped(mismatches),
                grouped(lost),
                grouped(verified)
            )?;
        }
        for failure in &self.failures {
            writeln!(f, "  {failure}")?;
        }
        if let Some(cause) = &self.broken_off_by {
            writeln!(f, "broken off: {cause}")?;
        }
        Ok(())
    }
}

fn write_latency(f: &mut fmt::Formatter<'_>, latency: &LatencySummary) -> fmt::Result {
    let ms = |us: f64| us / 1e3;
    writeln!(
        f,
        "     ms: p50 {:.3}  p90 {:.3}  p99 {:.3}  p99.9 {:.3}  p99.99 {:.3}  max {:.3}",
        ms(latency.p50_us),
        ms(latency.p90_us),
        ms(latency.p99_us),
        ms(latency.p999_us),
        ms(latency.p9999_us),
        ms(latency.max_us)
    )
}

/// A count with commas between thousands.
#[must_use]
pub fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        let _ = text.write_char(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Setting, Summary, grouped};
    use crate::supervisor::Outcome;
    use crate::tally::Tally;
    use std::time::Duration;

    fn summary(total: Tally) -> Summary {
        let setting = Setting {
            command: "run",
            endpoint: "h:1".into(),
            input: "n=1".into(),
            clients: 1,
            depth: 1,
            verify: true,
            seed: Some(1),
            rate_per_s: None,
            arrivals: None,
        };
        let elapsed = Duration::from_secs(2);
        Summary::new(setting, Outcome { total, elapsed, interrupted: false, failure: None }, None)
    }

    #[test]
    fn failures_decide_the_exit_code() {
        assert_eq!(summary(Tally::default()).exit_code, 0);
        let mut throttled = Tally::default();
        throttled.error_reply(b"THROTTLED t net");
        assert_eq!(summary(throttled).exit_code, 0);
        let mut failing = Tally::default();
        failing.error_reply(b"ERR no");
        assert_eq!(summary(failing).exit_code, 1);
        let mut wrong = Tally::default();
        wrong.mismatch(|| "offset 3 is off".into());
        let wrong = summary(wrong);
        assert_eq!(wrong.exit_code, 1);
        assert!(wrong.to_string().contains("VERIFICATION FAILED: 1 wrong"));
        assert!(wrong.to_string().contains("offset 3 is off"));
    }

    #[test]
    fn counts_are_grouped() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_234_567), "1,234,567");
    }
}
