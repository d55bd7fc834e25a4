//! `hopperkv curve`: the miss-ratio curve of a trace, by the ghost cache that the proxy runs.

mod learner;
mod reference;

use std::path::PathBuf;

use clap::Args;
use hopperkv_trace::{Columns, OnMalformed, TraceNotes, TraceOptions, TraceReader};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use self::learner::{Entry, Learned, Learner};
use self::reference::Reference;
use super::{Failure, output};
use crate::config::{Bytes, Count};

/// Exit code of a program that SIGINT ended, as shells count it.
const INTERRUPTED: u8 = 130;

#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Prints one JSON object: `miss_ratio` at each of `bytes`, `ns_per_access` (CPU time of the ghost
cache alone, averaged over all requests), `tracked_keys`, `sampling_rate`, what was read and what
was skipped. Only reads count as hits or misses; writes, deletes and expiries change what is cached.

Traces are CSV, plain, gzip or zstd, with or without a header:
  time,object,size                                    all GETs; an entry is `size` bytes
  timestamp,key,key_size,value_size,client_id,op,ttl  Twitter's; an entry is key and value
  timestamp,op,key,val_size                           ours; an entry is key and value
Others: a header with these names in any order, or --columns.

Examples:
  hopperkv curve --trace twitter.csv.gz
  hopperkv curve --trace twitter.csv.gz --bytes-from exact.json    how exact is it?
  hopperkv curve --trace app.csv --footprint --max-bytes 4GiB      which maxmemory does it need?
  zcat part*.gz | hopperkv curve --trace - --columns time,key,-,value_size,op

Exit codes: 0 done; 2 the trace or an option is at fault; 130 interrupted.")]
pub(super) struct CurveArgs {
    /// The trace; `-` reads standard input.
    #[arg(long, value_name = "FILE")]
    trace: PathBuf,
    /// Give the miss ratio at the `bytes` of this JSON file; if it has `miss_ratio` too, also the
    /// `mean_absolute_error` against it.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["max_bytes", "ticks"])]
    bytes_from: Option<PathBuf>,
    /// The largest cache size of the curve, such as 4GiB. Default: where more cache brings nothing.
    #[arg(long, value_name = "SIZE")]
    max_bytes: Option<Bytes>,
    /// Points of the curve, evenly spaced.
    #[arg(long, default_value = "128", value_name = "N", value_parser = ticks)]
    ticks: u64,
    /// Keys remembered at most. More are more exact and take more memory and time.
    #[arg(long, value_name = "N", value_parser = tracked_keys)]
    tracked_keys: Option<usize>,
    /// Take an entry as what Redis needs for its key and value, overhead included, instead of the
    /// sizes in the trace. A `size` column then counts as the value's.
    #[arg(long)]
    footprint: bool,
    /// Names of the columns in order, instead of finding out: time, key, key_size, value_size (or
    /// size, of the entry), op, ttl, and `-` for one to pass over.
    #[arg(long, value_name = "NAMES")]
    columns: Option<Columns>,
    /// End at the first line that does not parse, instead of counting it.
    #[arg(long)]
    strict: bool,
}

/// What is printed.
#[derive(Debug, Serialize)]
struct Report {
    trace: String,
    requests: u64,
    reads: u64,
    skipped_lines: u64,
    skipped_ops: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_skipped_line: Option<String>,
    entry_bytes: Entry,
    ns_per_access: f64,
    tracked_keys: usize,
    sampling_rate: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    mean_absolute_error: Option<f64>,
    bytes: Vec<u64>,
    miss_ratio: Vec<f64>,
}

/// Reads a trace and prints its curve. SIGINT ends it at once, with nothing printed.
///
/// # Errors
/// A trace or a file of sizes that cannot be used.
pub(super) fn run(args: &CurveArgs) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(Failure::failed)?;
    let progress = progress_line();
    let (args, line) = (args.clone(), progress.clone());
    let ended = runtime.block_on(async {
        tokio::select! {
            report = tokio::task::spawn_blocking(move || report(&args, &line)) => {
                report.unwrap_or_else(|panicked| Err(Failure::failed(panicked)))
            }
            Ok(()) = tokio::signal::ctrl_c() => {
                Err(Failure { message: String::from("interrupted"), code: INTERRUPTED })
            }
        }
    });
    // Reading may hang on standard input; it ends with the process.
    runtime.shutdown_background();
    progress.finish_and_clear();
    let report = ended?;
    if let Some(first) = &report.first_skipped_line {
        output::problem(&format!(
            "{} of {} lines do not parse and were skipped; the first is {first}",
            report.skipped_lines,
            report.skipped_lines + report.skipped_ops + report.requests
        ));
    }
    output::line(&serde_json::to_string(&report).map_err(Failure::failed)?);
    Ok(())
}

fn report(args: &CurveArgs, progress: &ProgressBar) -> Result<Report, Failure> {
    let reference = args.bytes_from.as_deref().map(Reference::read).transpose()?;
    let on_malformed = if args.strict { OnMalformed::Refuse } else { OnMalformed::Count };
    let options = TraceOptions { columns: args.columns, on_malformed, limits: None };
    let mut trace = TraceReader::open(&args.trace, options).map_err(Failure::input)?;
    let most = args.max_bytes.map(|bytes| bytes.0);
    let reach = reference.as_ref().map_or(most, |reference| Some(reference.most_bytes()));
    let entry = Entry::of(trace.columns().size_means(), args.footprint);
    let learned = Learner { entry, reach, tracked_keys: args.tracked_keys }
        .learn(&mut trace, |requests| progress.set_message(requests.to_string()))
        .map_err(Failure::input)?;
    let Some(curve) = &learned.curve else { return Err(nothing_read(&trace, &learned)) };
    let bytes = match (&reference, most) {
        (Some(reference), _) => reference.bytes.clone(),
        (None, Some(most)) => evenly_spaced(most, args.ticks),
        (None, None) => evenly_spaced(learned.flat_from_bytes(), args.ticks),
    };
    let miss_ratio: Vec<f64> = bytes.iter().map(|&bytes| curve.miss_ratio_at(bytes)).collect();
    let TraceNotes { malformed, first_malformed, skipped_ops, .. } = trace.notes().clone();
    Ok(Report {
        trace: trace.name().to_owned(),
        requests: learned.requests,
        reads: learned.reads,
        skipped_lines: malformed,
        skipped_ops,
        first_skipped_line: first_malformed,
        entry_bytes: entry,
        ns_per_access: learned.ns_per_access(),
        tracked_keys: learned.tracked_keys,
        sampling_rate: learned.sampling_rate,
        mean_absolute_error: reference.and_then(|exact| exact.mean_absolute_error(&miss_ratio)),
        bytes,
        miss_ratio,
    })
}

/// Why a trace without a single read has no curve.
fn nothing_read(trace: &TraceReader, learned: &Learned) -> Failure {
    let (name, notes) = (trace.name(), trace.notes());
    Failure::input(match &notes.first_malformed {
        Some(first) if learned.requests == 0 => {
            format!(
                "trace {name}: none of its {} lines can be used; the first is {first}; \
                 if other columns are meant, name them with --columns",
                notes.malformed + notes.skipped_ops
            )
        }
        _ if learned.requests == 0 => format!("trace {name}: holds no requests"),
        _ if learned.reads == 0 => {
            format!("trace {name}: holds no reads, and only reads can hit or miss")
        }
        _ => format!(
            "trace {name}: none of its {} reads is of a sampled key; it is too short for a curve",
            learned.reads
        ),
    })
}

/// `count` sizes up to `most`, fewer where they would be equal.
fn evenly_spaced(most: u64, count: u64) -> Vec<u64> {
    let (most, count) = (u128::from(most.max(1)), u128::from(count));
    let mut sizes: Vec<u64> =
        (1..=count).filter_map(|tick| u64::try_from((most * tick).div_ceil(count)).ok()).collect();
    sizes.dedup();
    sizes
}

/// A count of requests on standard error, where that is a terminal.
fn progress_line() -> ProgressBar {
    let line = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} requests, {elapsed}") {
        line.set_style(style);
    }
    line
}

fn ticks(text: &str) -> Result<u64, String> {
    within(text, 1, 4096)
}

fn tracked_keys(text: &str) -> Result<usize, String> {
    usize::try_from(within(text, 64, 1 << 26)?).map_err(|error| error.to_string())
}

fn within(text: &str, least: u64, most: u64) -> Result<u64, String> {
    let count = text.parse::<Count>().map_err(|error| error.to_string())?.0;
    if !(least..=most).contains(&count) {
        return Err(format!("{count} is outside {least} to {most}"));
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::evenly_spaced;

    #[test]
    fn sizes_end_at_the_largest_and_never_repeat() {
        assert_eq!(evenly_spaced(100, 4), [25, 50, 75, 100]);
        assert_eq!(evenly_spaced(3, 8), [1, 2, 3]);
        assert_eq!(evenly_spaced(0, 8), [1]);
        assert_eq!(evenly_spaced(u64::MAX, 2), [1 << 63, u64::MAX]);
    }
}
