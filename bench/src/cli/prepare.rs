//! `hopperkv-load prepare`.

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use tokio::time::timeout;

use crate::error::LoadError;
use crate::prepare::{Compress, PrepareOptions, Prepared, prepare};
use crate::report::grouped;
use crate::stop::Stop;

/// How long it may take to tidy up after a stop.
const STOP_GRACE: Duration = Duration::from_secs(3);

#[derive(Debug, Args)]
pub(super) struct PrepareArgs {
    /// Trace file, plain, gzip or zstd; `-` reads standard input.
    #[arg(long, value_name = "FILE")]
    trace: PathBuf,
    /// The time of the images, in seconds of the trace; what follows is replayed.
    #[arg(long, value_name = "SECONDS", value_parser = parse_time_ms)]
    at: u64,
    /// Where the replayed part ends [default: with the trace].
    #[arg(long, value_name = "SECONDS", value_parser = parse_time_ms)]
    until: Option<u64>,
    /// Share of the keys to keep, chosen by hash: 1/16 or 0.1.
    #[arg(long, value_name = "SHARE", default_value = "1", value_parser = parse_share)]
    sample: f64,
    /// Directory for the parts; made if it is missing.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// How to compress them.
    #[arg(long, value_enum, default_value = "none")]
    compress: Compress,
    /// No progress line.
    #[arg(long)]
    quiet: bool,
}

impl PrepareArgs {
    pub(super) async fn run(self, stop: Stop) -> Result<u8, LoadError> {
        if self.until.is_some_and(|until| until <= self.at) {
            return Err(LoadError::Usage(String::from("--until must be after --at")));
        }
        let options = PrepareOptions {
            trace: self.trace,
            at_ms: self.at,
            until_ms: self.until,
            sample: self.sample,
            out: self.out,
            compress: self.compress,
            quiet: self.quiet,
        };
        let dir = options.out.display().to_string();
        let raised = stop.clone();
        let mut work = tokio::task::spawn_blocking(move || prepare(&options, &raised));
        let ended = tokio::select! {
            ended = &mut work => ended,
            // It removes what it has written, unless it hangs on standard input.
            () = stop.raised() => match timeout(STOP_GRACE, work).await {
                Ok(ended) => ended,
                Err(_) => return Err(LoadError::Stopped),
            },
        };
        let made = ended.map_err(|error| LoadError::Usage(error.to_string()))??;
        let _ = writeln!(io::stdout(), "{}", text(&made, &dir));
        Ok(0)
    }
}

fn text(made: &Prepared, dir: &str) -> String {
    let mb = |bytes: u64| bytes as f64 / 1e6;
    let mut text = format!(
        "{dir}: images at {} s, after {} requests\n\
         cache:    {} keys, {:.1} MB of keys and values\n\
         persist:  {} keys, {:.1} MB\n\
         requests: {}, up to {} s\n\
         {} keys in memory at most; {} malformed lines, {} sizes clamped, {} operations skipped",
        made.at_s,
        grouped(made.requests_before),
        grouped(made.cache_keys),
        mb(made.cache_bytes),
        grouped(made.persist_keys),
        mb(made.persist_bytes),
        grouped(made.requests),
        made.last_s,
        grouped(made.keys_in_memory),
        made.notes.malformed,
        made.notes.clamped,
        made.notes.skipped_ops,
    );
    if made.sample < 1.0 {
        text += &format!("\nsample of {}: {} requests left out", made.sample, made.sampled_out);
    }
    if let Some(first) = &made.notes.first_malformed {
        text += &format!("\n  first malformed: {first}");
    }
    text
}

fn parse_time_ms(text: &str) -> Result<u64, String> {
    let seconds = text.trim().parse::<f64>().ok().filter(|s| s.is_finite() && *s >= 0.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "finite and not negative; the cast saturates"
    )]
    seconds
        .map(|seconds| (seconds * 1e3).round() as u64)
        .ok_or_else(|| format!("`{text}` is not a time in seconds"))
}

fn parse_share(text: &str) -> Result<f64, String> {
    let number = |part: &str| part.trim().parse::<f64>().ok();
    let share = match text.split_once('/') {
        Some((above, below)) => number(above).zip(number(below)).map(|(a, b)| a / b),
        None => number(text),
    };
    share
        .filter(|share| *share > 0.0 && *share <= 1.0)
        .ok_or_else(|| format!("`{text}` is no share above 0 and at most 1, such as 1/16"))
}
