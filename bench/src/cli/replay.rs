//! `hopperkv-load replay`.

use std::path::{Path, PathBuf};

use clap::Args;

use super::options::{CheckArgs, OutputArgs, TargetArgs, carry_out};
use crate::error::LoadError;
use crate::job::{Job, Traffic};
use crate::prepare::parts::{Images, Parts};
use crate::replay::pace::Pace;
use crate::replay::{OnNil, ReplayChecks, ReplayPlan};
use crate::spec::parse_count;
use crate::stop::Stop;

#[derive(Debug, Args)]
pub(super) struct ReplayArgs {
    #[command(flatten)]
    target: TargetArgs,
    /// Trace file, plain, gzip or zstd; `-` reads standard input.
    #[arg(long, value_name = "FILE", required_unless_present = "prepared")]
    trace: Option<PathBuf>,
    /// What `prepare` made: its images first, then its requests.
    #[arg(long, value_name = "DIR", conflicts_with = "trace")]
    prepared: Option<PathBuf>,
    /// What to do with the images of --prepared: `write` what storage held and then read what the cache held (with
    /// --cache-only: write what the cache held); `read` only the latter; or `none`.
    #[arg(long, value_enum, default_value = "write", requires = "prepared")]
    images: Images,
    /// When to send: `fast`, as soon as there is room; `timestamp[:SPEEDUP]`, when the trace says, so many times as fast.
    /// Requests of one second are spread over it where the trace has whole seconds. Latency counts from the time a request
    /// was due.
    #[arg(long, default_value = "fast")]
    pace: Pace,
    /// Requests to replay at most.
    #[arg(long, value_parser = parse_count)]
    limit: Option<u64>,
    /// What to do when a GET finds nothing.
    #[arg(long, value_enum, default_value = "set")]
    on_nil: OnNil,
    #[command(flatten)]
    checks: CheckArgs,
    #[command(flatten)]
    output: OutputArgs,
}

impl ReplayArgs {
    pub(super) async fn run(self, stop: Stop) -> Result<u8, LoadError> {
        let CheckArgs { verify, cache_only } = self.checks;
        let (trace, preloads) = match (self.trace, &self.prepared) {
            (Some(trace), _) => (trace, Vec::new()),
            (None, prepared) => {
                let parts = Parts::find(prepared.as_deref().unwrap_or(Path::new("")))?;
                let preloads = parts.preloads(self.images, cache_only);
                (parts.requests, preloads)
            }
        };
        let plan = ReplayPlan {
            target: self.target.target(),
            trace,
            limit: self.limit,
            clients: usize::from(self.target.clients),
            depth: self.target.depth(self.pace != Pace::Fast),
            pace: self.pace,
            checks: ReplayChecks { verify, cache_only, on_nil: self.on_nil },
        };
        carry_out(&Job { traffic: Traffic::Trace(plan), preloads }, &self.output, stop).await
    }
}
