//! The options of `hopperkv-load bench` and `hopperkv-load instructions`.

use std::path::PathBuf;

use clap::Args;

use super::{BenchOptions, CheckOptions, Part, check};
use crate::error::LoadError;
use crate::stop::Stop;
use crate::volley::open::Waiting;

/// Options of `bench`.
#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    /// The hopperkv program, built with the release profile.
    #[arg(long, value_name = "PATH")]
    server: PathBuf,
    /// Sections to measure, separated by commas [default: all].
    #[arg(long, value_enum, value_delimiter = ',', value_name = "SECTIONS")]
    only: Vec<Part>,
    /// Rounds per side; what counts is their median.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=1000))]
    rounds: u16,
    /// Seconds of a round.
    #[arg(long, default_value_t = 2.0, value_parser = round_seconds)]
    seconds: f64,
    /// Threads of the generator (redis-benchmark has one).
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    threads: u16,
    /// Threads of the proxy that serve clients [default: the proxy's own].
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    workers: Option<u16>,
    /// How the open loop of `latency` waits for its set times.
    #[arg(long, value_enum, default_value = "timer")]
    waiting: Waiting,
    /// Two short rounds on few keys: shows in seconds that it works, not how fast it is.
    #[arg(long)]
    quick: bool,
    /// Write the results between the lines `<!-- bench:begin -->` and `<!-- bench:end -->` of this file; the rest of it
    /// stays, and so do results of sections that are not measured now.
    #[arg(long, value_name = "FILE")]
    doc: Option<PathBuf>,
    /// What to call this command in the results.
    #[arg(long, default_value = "hopperkv-load bench", hide = true)]
    called: String,
}

/// Options of `instructions`.
#[derive(Debug, Args)]
pub(crate) struct InstructionsArgs {
    /// The hopperkv program.
    #[arg(long, value_name = "PATH")]
    server: PathBuf,
    /// File with the recorded counts.
    #[arg(long, value_name = "FILE")]
    recorded: PathBuf,
    /// How the program was built: the name under which its counts are recorded.
    #[arg(long, default_value = "dev", value_name = "NAME")]
    profile: String,
    /// Record what is counted instead of comparing.
    #[arg(long)]
    record: bool,
}

fn round_seconds(text: &str) -> Result<f64, String> {
    let seconds: f64 = text.parse().map_err(|_| String::from("not a number"))?;
    let sane = (0.05..=600.0).contains(&seconds);
    if sane { Ok(seconds) } else { Err(String::from("must be from 0.05 to 600")) }
}

impl BenchArgs {
    /// Measures; returns the exit code.
    ///
    /// # Errors
    /// Those of [`super::run`].
    pub(crate) async fn run(self, stop: Stop) -> Result<u8, LoadError> {
        super::run(self.options(), stop).await
    }

    fn options(self) -> BenchOptions {
        BenchOptions {
            server: self.server,
            only: self.only,
            rounds: usize::from(self.rounds),
            seconds: self.seconds,
            threads: usize::from(self.threads),
            workers: self.workers,
            waiting: self.waiting,
            quick: self.quick,
            doc: self.doc,
            command: self.called,
        }
    }
}

impl InstructionsArgs {
    /// Counts and compares; returns the exit code.
    ///
    /// # Errors
    /// Those of [`check`].
    pub(crate) async fn run(self, stop: Stop) -> Result<u8, LoadError> {
        let Self { server, recorded, profile, record } = self;
        check(CheckOptions { server, recorded, profile, record }, stop).await
    }
}
