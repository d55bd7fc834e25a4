//! What a person watches and a plot reads: a progress line and a CSV, both once a second.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::Path;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::error::LoadError;
use crate::histogram::LatencySummary;
use crate::supervisor::{Observer, Tick};
use crate::tally::Counts;

/// When a run will be over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// After this time.
    Elapsed(Duration),
    /// After so many requests.
    Requests(u64),
    /// Nobody knows.
    Unknown,
}

impl Goal {
    /// How much of it is done, 0 to 1, and how long the rest will take if it goes on like this.
    #[must_use]
    pub fn progress(self, elapsed: Duration, requests: u64) -> Option<(f64, Duration)> {
        let share = match self {
            Self::Elapsed(length) if length > Duration::ZERO => {
                elapsed.as_secs_f64() / length.as_secs_f64()
            }
            Self::Requests(count) if requests > 0 => ratio(requests, count),
            _ => return None,
        }
        .min(1.0);
        let left_s = elapsed.as_secs_f64() * (1.0 - share) / share;
        Some((share, Duration::try_from_secs_f64(left_s).ok()?))
    }
}

/// A line on standard error: a bar redrawn in place on a terminal, appended elsewhere.
#[derive(Debug)]
pub struct ProgressLine {
    label: String,
    goal: Goal,
    bar: Option<ProgressBar>,
}

/// Steps of a bar.
const BAR_STEPS: u64 = 1_000;

impl ProgressLine {
    /// A line that begins with `label` and, where the goal is known, says how far it is and how long it will take.
    #[must_use]
    pub fn new(label: impl Into<String>, goal: Goal) -> Self {
        let bar = io::stderr().is_terminal().then(|| {
            let (bar, template) = match goal {
                Goal::Unknown => (ProgressBar::new_spinner(), "{spinner} {msg}"),
                _ => (ProgressBar::new(BAR_STEPS), "[{bar:24}] {msg}"),
            };
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style.progress_chars("=> "));
            }
            bar
        });
        Self { label: label.into(), goal, bar }
    }

    /// Shows a text, and how far the goal is.
    pub fn show(&self, mut text: String, elapsed: Duration, requests: u64) {
        let progress = self.goal.progress(elapsed, requests);
        if let Some((share, left)) = progress {
            text += &format!("  {:>3.0} %, {} left", share * 100.0, clock(left));
        }
        match &self.bar {
            Some(bar) => {
                bar.set_message(text);
                bar.set_position(progress.map_or(0, |(share, _)| steps(share)));
                bar.tick();
            }
            None => {
                let _ = writeln!(io::stderr(), "{text}");
            }
        }
    }
}

/// Minutes and seconds, and hours where there are any: `1:02:03`.
fn clock(time: Duration) -> String {
    let all_s = time.as_secs() + u64::from(time.subsec_millis() >= 500);
    let (hours, minutes, seconds) = (all_s / 3_600, all_s / 60 % 60, all_s % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes}:{seconds:02}")
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a share of 0 to 1 of few steps"
)]
fn steps(share: f64) -> u64 {
    (share * BAR_STEPS as f64) as u64
}

impl Drop for ProgressLine {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl Observer for ProgressLine {
    fn tick(&mut self, tick: &Tick<'_>) {
        let recent = &tick.recent.counts;
        let mut text = format!(
            "{} {:>4.0} s  {:>9.0} requests/s",
            self.label,
            tick.elapsed.as_secs_f64(),
            per_second(recent.requests(), tick.interval),
        );
        if recent.gets > 0 {
            let (hits, p99_us) =
                (ratio(recent.hits, recent.gets), tick.recent.get_latency.summary().p99_us);
            text += &format!("  hits {:>5.1} %  GET p99 {:.2} ms", hits * 100.0, p99_us / 1e3);
        }
        text += &troubles(&tick.total.counts);
        self.show(text, tick.elapsed, tick.total.counts.requests());
    }
}

/// What went wrong so far, if anything.
pub(crate) fn troubles(total: &Counts) -> String {
    let mut text = String::new();
    for (count, what) in [
        (total.throttled, "throttled"),
        (total.unsent, "not sent"),
        (total.errors, "errors"),
        (total.mismatches + total.lost, "FAILED VERIFICATION"),
    ] {
        if count > 0 {
            text += &format!("  {count} {what}");
        }
    }
    text
}

/// Columns of [`SecondsCsv`], behind the tenant's name where there are several.
pub(crate) const SECONDS_HEADER: &str = "elapsed_s,requests_per_s,gets,sets,hits,nils,throttled,errors,mismatches,lost,\
     get_p50_us,get_p99_us,set_p50_us,set_p99_us,\
     unsent,get_p90_us,get_p999_us,get_p9999_us,get_max_us,\
     set_p90_us,set_p999_us,set_p9999_us,set_max_us";

/// A CSV file with one row per second.
#[derive(Debug)]
pub struct SecondsCsv {
    out: BufWriter<File>,
}

impl SecondsCsv {
    /// Creates the file and writes its header.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn create(path: &Path) -> Result<Self, LoadError> {
        Self::with_header(path, SECONDS_HEADER)
    }

    /// A file whose rows begin with the name of a tenant.
    ///
    /// # Errors
    /// As [`SecondsCsv::create`].
    pub fn of_tenants(path: &Path) -> Result<Self, LoadError> {
        Self::with_header(path, &format!("tenant,{SECONDS_HEADER}"))
    }

    fn with_header(path: &Path, header: &str) -> Result<Self, LoadError> {
        let start = || -> io::Result<Self> {
            let mut out = BufWriter::new(File::create(path)?);
            writeln!(out, "{header}")?;
            out.flush()?;
            Ok(Self { out })
        };
        start().map_err(|source| LoadError::File { path: path.to_owned(), source })
    }

    /// Writes a row; `tenant` for a file of tenants.
    pub fn write(&mut self, tenant: Option<&str>, tick: &Tick<'_>) {
        let name = tenant.map_or_else(String::new, |name| format!("{name},"));
        let row = format!("{name}{}\n", row(tick));
        let written = self.out.write_all(row.as_bytes()).and_then(|()| self.out.flush());
        if let Err(error) = written {
            let _ = writeln!(io::stderr(), "the per-second CSV is incomplete: {error}");
        }
    }
}

impl Observer for SecondsCsv {
    fn tick(&mut self, tick: &Tick<'_>) {
        self.write(None, tick);
    }
}

/// A second as a row of [`SECONDS_HEADER`].
fn row(tick: &Tick<'_>) -> String {
    let counts = &tick.recent.counts;
    let (get, set) = (tick.recent.get_latency.summary(), tick.recent.set_latency.summary());
    let mut cells = vec![
        format!("{:.3}", tick.elapsed.as_secs_f64()),
        format!("{:.1}", per_second(counts.requests(), tick.interval)),
    ];
    let Counts { gets, sets, hits, nils, throttled, errors, mismatches, lost, unsent, .. } =
        *counts;
    cells.extend(
        [gets, sets, hits, nils, throttled, errors, mismatches, lost].map(|n| n.to_string()),
    );
    cells.extend([get.p50_us, get.p99_us, set.p50_us, set.p99_us].map(|us| us.to_string()));
    cells.push(unsent.to_string());
    for latency in [get, set] {
        let LatencySummary { p90_us, p999_us, p9999_us, max_us, .. } = latency;
        cells.extend([p90_us, p999_us, p9999_us, max_us].map(|us| us.to_string()));
    }
    cells.join(",")
}

/// `count` per second over `time`; 0 over no time.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
pub fn per_second(count: u64, time: Duration) -> f64 {
    let seconds = time.as_secs_f64();
    if seconds > 0.0 { count as f64 / seconds } else { 0.0 }
}

/// `part` of `whole`, 0 to 1; 0 of nothing.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
pub fn ratio(part: u64, whole: u64) -> f64 {
    if whole > 0 { part as f64 / whole as f64 } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::{Goal, clock, row};
    use crate::supervisor::Tick;
    use crate::tally::Tally;
    use std::time::Duration;

    #[test]
    fn what_is_left_follows_from_what_was_done() {
        let seconds = Duration::from_secs;
        let done = |goal: Goal| goal.progress(seconds(30), 500).map(|(_, left)| left.as_secs());
        assert_eq!(done(Goal::Elapsed(seconds(120))), Some(90));
        assert_eq!(done(Goal::Requests(1_500)), Some(60));
        assert_eq!(done(Goal::Elapsed(seconds(10))), Some(0));
        assert_eq!(done(Goal::Unknown), None);
        assert_eq!((clock(seconds(62)), clock(seconds(3_723))), ("1:02".into(), "1:02:03".into()));
    }

    #[test]
    fn a_row_has_a_cell_for_every_column() {
        let (elapsed, tally) = (Duration::from_secs(1), Tally::default());
        let tick = Tick { elapsed, interval: elapsed, recent: &tally, total: &tally };
        assert_eq!(row(&tick).split(',').count(), super::SECONDS_HEADER.split(',').count());
    }
}
