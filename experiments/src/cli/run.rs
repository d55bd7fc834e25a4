//! `run` and `report`.

use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueEnum};
use hopperkv_bench::stop::Stop;

use super::{CliError, say};
use crate::live::{Setup, Storage};
use crate::outcome::Outcome;
use crate::runner::Settings;
use crate::runner::engine::Driver;
use crate::runner::plan::{self, Job, Only};
use crate::runner::run::{Runner, write_report};
use crate::runner::store::Store;
use crate::runner::{shipped, table};
use crate::spec::{Engine, Policy, Scale, Spec};

/// Exit code of a run that was stopped.
const STOPPED: u8 = 130;

#[derive(Debug, Args)]
pub(super) struct RunArgs {
    /// Names, as `list` has them, or files; `all` for every spec of this program.
    #[arg(required = true, value_name = "SPEC")]
    specs: Vec<String>,
    /// What runs them.
    #[arg(long, default_value = "sim")]
    engine: EngineArg,
    /// Sizes and rates are those of the spec times this, such as 1/16 [default: 1 for sim, 1/16 for live].
    #[arg(long)]
    scale: Option<Scale>,
    /// Seed of every random choice.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Directory of outcomes and report. What is there already and fits is not run again.
    #[arg(long, default_value = "experiments-out", value_name = "DIR")]
    out: PathBuf,
    /// Only this policy, and static; may be given several times.
    #[arg(long, value_name = "POLICY")]
    policy: Vec<Policy>,
    /// Only this value of what a spec varies, or its number from 0; may be given several times.
    #[arg(long, value_name = "VALUE")]
    point: Vec<String>,
    /// Runs at the same time. A simulation uses all processors as far as it can, and more take more memory; a live run at
    /// a small scale waits for limits most of the time, and says so if the processors were short.
    #[arg(long, default_value = "1", value_name = "N")]
    jobs: NonZeroUsize,
    /// Directory that the traces named by specs are relative to [default: that of the spec].
    #[arg(long, value_name = "DIR")]
    traces: Option<PathBuf>,
    /// Live: the `hopperkv` program [default: the one beside this program].
    #[arg(long, value_name = "PATH")]
    server: Option<PathBuf>,
    /// Live: what is behind the caches: `synthetic` (5 ms, computed values), `embedded`, or the URL of a DynamoDB endpoint.
    #[arg(long, default_value = "synthetic", value_name = "STORAGE")]
    storage: Storage,
    /// Run what is there already, too: with another build of this program its outcome may be another.
    #[arg(long)]
    again: bool,
    /// Show nothing but the end.
    #[arg(long, short)]
    quiet: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum EngineArg {
    /// Virtual time, at full scale.
    Sim,
    /// Redis servers, a proxy and load on this machine.
    Live,
}

impl From<EngineArg> for Engine {
    fn from(engine: EngineArg) -> Self {
        match engine {
            EngineArg::Sim => Self::Sim,
            EngineArg::Live => Self::Live,
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct ReportArgs {
    /// Directory that `run --out` filled.
    #[arg(value_name = "DIR")]
    out: PathBuf,
}

pub(super) async fn run(args: RunArgs) -> Result<u8, CliError> {
    let specs = open(&args.specs, args.traces.as_deref())?;
    let scale = match (args.scale, args.engine) {
        (Some(scale), _) => scale,
        (None, EngineArg::Sim) => Scale::FULL,
        (None, EngineArg::Live) => "1/16".parse().map_err(CliError::Usage)?,
    };
    let settings = Settings { scale, seed: args.seed };
    let only = Only { policies: args.policy.clone(), points: args.point.clone() };
    let jobs = plan::jobs(&specs, &only, &settings, args.engine.into())?;
    let driver = match args.engine {
        EngineArg::Sim => Driver::Sim,
        EngineArg::Live => {
            let server = server(args.server.as_deref())?;
            Driver::Live(Arc::new(Setup { server, storage: args.storage.clone() }))
        }
    };
    let (store, stop) = (Store::new(&args.out), Stop::on_signal());
    let (at_once, again, quiet) = (args.jobs.get(), args.again, args.quiet);
    let runner = Runner { driver, settings, store, at_once, again, quiet, stop };
    conduct(&runner, &jobs).await
}

async fn conduct(runner: &Runner, jobs: &[Job]) -> Result<u8, CliError> {
    let ended = runner.run(jobs).await;
    if ended.outcomes.is_empty() {
        return match ended.failure {
            Some(failure) => Err(failure.into()),
            None => {
                warn("stopped before anything was finished");
                Ok(STOPPED)
            }
        };
    }
    let done = ended.outcomes.len();
    let reported = runner.report(jobs);
    if let Ok((path, outcomes)) = &reported {
        tell(path, &of_jobs(outcomes, jobs))?;
    }
    if let Some(failure) = ended.failure {
        warn(&format!("{done} of {} runs are finished and kept", jobs.len()));
        return Err(failure.into());
    }
    reported?;
    if ended.stopped {
        warn(&format!(
            "stopped: {done} of {} runs are finished and kept; the same command goes on",
            jobs.len()
        ));
        return Ok(STOPPED);
    }
    Ok(0)
}

fn of_jobs(outcomes: &[Outcome], jobs: &[Job]) -> Vec<Outcome> {
    let is_ours = |outcome: &&Outcome| jobs.iter().any(|job| job.spec.name == outcome.spec);
    outcomes.iter().filter(is_ours).cloned().collect()
}

pub(super) fn report(args: &ReportArgs) -> Result<u8, CliError> {
    let store = Store::new(&args.out);
    let kept = store.load()?;
    for path in &kept.outdated {
        warn(&format!("{}: its spec has changed since; it is left out", path.display()));
    }
    let (path, outcomes) = write_report(kept, &store)?;
    tell(&path, &outcomes)?;
    Ok(0)
}

/// The table, and where the report is.
fn tell(report: &Path, outcomes: &[Outcome]) -> Result<(), CliError> {
    let gains = table::render(outcomes);
    if !gains.is_empty() {
        say("Throughput over that of base shares, of all tenants at all points:\n")?;
        say(gains)?;
    }
    for outcome in outcomes {
        for note in &outcome.notes {
            warn(&format!("{} {} {}: {note}", outcome.spec, outcome.point_label, outcome.policy));
        }
    }
    say(format!("Report: {}", report.display()))
}

fn warn(words: &str) {
    let _ = writeln!(io::stderr(), "hopperkv-experiments: {words}");
}

fn open(names: &[String], traces: Option<&Path>) -> Result<Vec<Arc<Spec>>, CliError> {
    let mut specs = Vec::new();
    for name in names {
        if name == "all" {
            for name in shipped::names() {
                specs.push(Arc::new(shipped::open(name, traces)?));
            }
        } else {
            specs.push(Arc::new(shipped::open(name, traces)?));
        }
    }
    Ok(specs)
}

/// The proxy: the one given, or the one beside this program.
fn server(given: Option<&Path>) -> Result<PathBuf, CliError> {
    let beside = || {
        let own = std::env::current_exe().ok()?;
        let beside = own.with_file_name("hopperkv");
        beside.is_file().then_some(beside)
    };
    match given {
        Some(path) if path.is_file() => Ok(path.to_owned()),
        Some(path) => {
            Err(CliError::Usage(format!("--server {}: there is no such file", path.display())))
        }
        None => beside().ok_or_else(|| {
            let words = "there is no `hopperkv` beside this program; build it (cargo build --release -p hopperkv), or name it \
                         with --server";
            CliError::Usage(words.into())
        }),
    }
}
