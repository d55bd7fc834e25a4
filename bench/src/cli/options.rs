//! Options that several subcommands share: where to, what to check, what to write.

use std::path::PathBuf;

use clap::{ArgAction, Args};

use crate::client::{Credentials, Endpoint, Target};
use crate::error::LoadError;
use crate::hdr_log::HdrLog;
use crate::job::{Job, served};
use crate::progress::{Goal, ProgressLine, SecondsCsv};
use crate::report::{Preloaded, Summary};
use crate::stop::Stop;
use crate::supervisor::Observer;

/// Requests in flight per connection at most, where they have set times.
const OPEN_DEPTH: usize = 64;

#[derive(Debug, Args)]
pub(super) struct TargetArgs {
    /// Server: HOST:PORT or unix:/PATH.
    #[arg(long, default_value = "127.0.0.1:6380", value_name = "ADDRESS")]
    pub(super) endpoint: Endpoint,
    /// User to log in as (the tenant).
    #[arg(long, env = "HOPPERKV_USER", requires = "password")]
    pub(super) user: Option<String>,
    /// Password to log in with.
    #[arg(long, env = "HOPPERKV_PASSWORD", hide_env_values = true)]
    pub(super) password: Option<String>,
    /// Connections.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub(super) clients: u16,
    /// Requests in flight per connection, at most where requests have times of their own [default: 1; 64 with set times].
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    depth: Option<u16>,
}

#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// Check every byte of every value (on unless `--verify false`).
    #[arg(long, default_value_t = true, default_missing_value = "true", num_args = 0..=1, action = ArgAction::Set)]
    pub(super) verify: bool,
    /// The endpoint may evict: nil for a key that was written is no failure.
    #[arg(long)]
    pub(super) cache_only: bool,
}

#[derive(Debug, Args)]
pub(super) struct OutputArgs {
    /// Write the summary as JSON (`-`: to standard output, instead of the text).
    #[arg(long, value_name = "FILE")]
    pub(super) json: Option<PathBuf>,
    /// Write one row per second, with quantiles.
    #[arg(long, value_name = "FILE")]
    pub(super) csv: Option<PathBuf>,
    /// Write every second's latencies as an HdrHistogram log.
    #[arg(long, value_name = "FILE")]
    pub(super) hdr: Option<PathBuf>,
    /// No progress line.
    #[arg(long)]
    pub(super) quiet: bool,
}

impl TargetArgs {
    pub(super) fn target(&self) -> Target {
        let (user, password) = (self.user.clone(), self.password.clone());
        let credentials = password.map(|password| Credentials { user, password });
        Target { endpoint: self.endpoint.clone(), credentials }
    }

    /// Requests in flight per connection.
    pub(super) fn depth(&self, set_times: bool) -> usize {
        self.depth.map_or(if set_times { OPEN_DEPTH } else { 1 }, usize::from)
    }
}

impl OutputArgs {
    pub(super) fn observers(
        &self,
        label: &str,
        goal: Goal,
    ) -> Result<Vec<Box<dyn Observer>>, LoadError> {
        let mut observers = self.progress(label, goal);
        if let Some(path) = &self.csv {
            observers.push(Box::new(SecondsCsv::create(path)?));
        }
        if let Some(path) = &self.hdr {
            observers.push(Box::new(HdrLog::create(path)?));
        }
        Ok(observers)
    }

    /// Only the progress line, if there is to be one.
    pub(super) fn progress(&self, label: &str, goal: Goal) -> Vec<Box<dyn Observer>> {
        let line = (!self.quiet).then(|| ProgressLine::new(label, goal));
        line.into_iter().map(|line| Box::new(line) as Box<dyn Observer>).collect()
    }

    pub(super) fn finish(&self, summary: &Summary) -> Result<u8, LoadError> {
        let json_to_stdout = self.json.as_ref().is_some_and(|path| path.as_os_str() == "-");
        if !json_to_stdout {
            summary.print();
        }
        if let Some(path) = &self.json {
            summary.write_json(path)?;
        }
        Ok(summary.exit_code)
    }
}

/// Preloads, runs and sums up; returns the exit code.
pub(super) async fn carry_out(job: &Job, output: &OutputArgs, stop: Stop) -> Result<u8, LoadError> {
    let mut progress = output.progress("preload", job.preload_goal());
    let preload = job.preload(stop.clone(), &mut progress).await?;
    drop(progress);
    let preloaded = preload.as_ref().map(Preloaded::new);
    if let Some(outcome) = preload
        && !served(&outcome)
    {
        return output.finish(&job.preload_failure(outcome));
    }
    let mut observers = output.observers(job.setting().command, job.goal())?;
    let ended = job.run(stop, &mut observers).await?;
    drop(observers);
    output.finish(&job.summary(preloaded, ended))
}
