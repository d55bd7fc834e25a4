//! What a person watches and a plot reads: a progress line and a CSV, both once a second.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::Path;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::error::LoadError;
use crate::supervisor::{Observer, Tick};

/// A line on standard error: redrawn in place on a terminal, appended elsewhere.
#[derive(Debug)]
pub struct ProgressLine {
    label: String,
    bar: Option<ProgressBar>,
}

impl ProgressLine {
    /// A line that begins with `label`.
    #[must_use]
    pub fn new(label: impl Into<String>) -> Self {
        let bar = io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
                bar.set_style(style);
            }
            bar
        });
        Self { label: label.into(), bar }
    }
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
        let total = &tick.total.counts;
        for (count, what) in [
            (total.throttled, "throttled"),
            (total.errors, "errors"),
            (total.mismatches + total.lost, "FAILED VERIFICATION"),
        ] {
            if count > 0 {
                text += &format!("  {count} {what}");
            }
        }
        match &self.bar {
            Some(bar) => {
                bar.set_message(text);
                bar.tick();
            }
            None => {
                let _ = writeln!(io::stderr(), "{text}");
            }
        }
    }
}

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
        let start = || -> io::Result<Self> {
            let mut out = BufWriter::new(File::create(path)?);
            writeln!(
                out,
                "elapsed_s,requests_per_s,gets,sets,hits,nils,throttled,errors,mismatches,lost,\
                 get_p50_us,get_p99_us,set_p50_us,set_p99_us"
            )?;
            Ok(Self { out })
        };
        start().map_err(|source| LoadError::File { path: path.to_owned(), source })
    }
}

impl Observer for SecondsCsv {
    fn tick(&mut self, tick: &Tick<'_>) {
        let counts = &tick.recent.counts;
        let (get, set) = (tick.recent.get_latency.summary(), tick.recent.set_latency.summary());
        let written = writeln!(
            self.out,
            "{:.3},{:.1},{},{},{},{},{},{},{},{},{},{},{},{}",
            tick.elapsed.as_secs_f64(),
            per_second(counts.requests(), tick.interval),
            counts.gets,
            counts.sets,
            counts.hits,
            counts.nils,
            counts.throttled,
            counts.errors,
            counts.mismatches,
            counts.lost,
            get.p50_us,
            get.p99_us,
            set.p50_us,
            set.p99_us,
        )
        .and_then(|()| self.out.flush());
        if let Err(error) = written {
            let _ = writeln!(io::stderr(), "the per-second CSV is incomplete: {error}");
        }
    }
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
