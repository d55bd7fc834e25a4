//! The command line of `hopperkv-load`: options, and what each subcommand does with them.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, Parser, Subcommand};

use crate::client::{Credentials, Endpoint, Target};
use crate::closed_loop::Checks;
use crate::demo::{self, DemoOptions};
use crate::error::LoadError;
use crate::load::LoadPlan;
#[cfg(target_os = "linux")]
use crate::measure::args::{BenchArgs, InstructionsArgs};
use crate::preload::{self, Fill, Plan};
use crate::progress::{ProgressLine, SecondsCsv};
use crate::replay::{OnNil, ReplayChecks, ReplayPlan};
use crate::report::{Setting, Summary};
use crate::spec::{Workload, parse_count, parse_duration};
use crate::stop::Stop;
use crate::supervisor::Observer;

/// Load for a Redis endpoint, every value verified.
///
/// Exit code: 0 if all went well; 1 if a value was wrong or lost, a request failed with an error
/// other than THROTTLED, or the connection broke; 2 if the input or the set-up is at fault.
#[derive(Debug, Parser)]
#[command(name = "hopperkv-load", version)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Send a synthetic workload in a closed loop.
    ///
    /// A workload is phases separated by `;`, each `n=KEYS,k=KEY BYTES,v=VALUE BYTES,w=WRITE
    /// RATIO,d=DISTRIBUTION @DURATION`. Numbers take k and m. Distributions: seq, unif,
    /// zipf:THETA, scan:THETA:MAX. `~` copies the phase before. Example:
    ///
    ///   hopperkv-load run --workload 'n=100k,k=16,v=500,w=0.05,d=zipf:0.99 @30s; ~w=0.4 @30s'
    #[command(verbatim_doc_comment)]
    Run(RunArgs),
    /// Replay a CSV trace, each key's requests in order, and verify every value read.
    ///
    /// Columns are `time,object,size` (all GETs) or the Twitter ones,
    /// `timestamp,key,key_size,value_size,client_id,op,ttl`; a header line is optional and gzip
    /// is recognised. Throttled requests are repeated until they are served.
    Replay(ReplayArgs),
    /// Start a server with two tenants and show what the allocator does for them.
    ///
    /// First both have their own share. Then the allocator moves shares once. Then the tenants swap working sets while the
    /// allocator runs on its own timer, and every decision is shown. Exit code 0 if both tenants reach 1.2 times the
    /// throughput of their base share, before the change and after it; 1 if not, or if it was stopped.
    Demo(DemoArgs),
    /// Measure the proxy against a stock Redis, in turns, and write the results into a Markdown file.
    ///
    /// Starts every server itself and ends it again. Sections are measured one after the other (`--only` chooses); each compares
    /// medians of several rounds and says which bars were met. In all it takes about ten minutes. Exit code 0 if everything was
    /// measured, whether bars were met or not; 1 if a server failed or a reply was wrong, or if it was stopped.
    #[cfg(target_os = "linux")]
    Bench(BenchArgs),
    /// Count the instructions of a hit with valgrind and compare them with what is recorded.
    ///
    /// Exit code 0 if nothing is clearly worse than recorded, 1 if something is.
    #[cfg(target_os = "linux")]
    Instructions(InstructionsArgs),
}

#[derive(Debug, Args)]
struct TargetArgs {
    /// Server: HOST:PORT or unix:/PATH.
    #[arg(long, default_value = "127.0.0.1:6380", value_name = "ADDRESS")]
    endpoint: Endpoint,
    /// User to log in as (the tenant).
    #[arg(long, env = "HOPPERKV_USER", requires = "password")]
    user: Option<String>,
    /// Password to log in with.
    #[arg(long, env = "HOPPERKV_PASSWORD", hide_env_values = true)]
    password: Option<String>,
    /// Connections.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    clients: u16,
    /// Requests in flight per connection.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    depth: u16,
}

#[derive(Debug, Args)]
struct CheckArgs {
    /// Check every byte of every value (on unless `--verify false`).
    #[arg(long, default_value_t = true, default_missing_value = "true", num_args = 0..=1, action = ArgAction::Set)]
    verify: bool,
    /// The endpoint may evict: nil for a key that was written is no failure.
    #[arg(long)]
    cache_only: bool,
}

#[derive(Debug, Args)]
struct OutputArgs {
    /// Write the summary as JSON (`-`: to standard output, instead of the text).
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write one row per second.
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// No progress line.
    #[arg(long)]
    quiet: bool,
}

#[derive(Debug, Args)]
struct RunArgs {
    #[command(flatten)]
    target: TargetArgs,
    /// What to send (see above).
    #[arg(long, default_value = "n=100k,k=16,v=500,w=0.05,d=zipf:0.99", value_name = "TEXT")]
    workload: String,
    /// How long phases without `@` last [default: 10s, or until --requests are sent].
    #[arg(long, value_parser = parse_duration)]
    duration: Option<Duration>,
    /// Requests in total.
    #[arg(long, value_parser = parse_count)]
    requests: Option<u64>,
    /// Write every key first, the hottest last.
    #[arg(long)]
    preload: bool,
    /// Seed of the random choices.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    checks: CheckArgs,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Args)]
struct ReplayArgs {
    #[command(flatten)]
    target: TargetArgs,
    /// Trace file, .csv or .csv.gz; `-` reads standard input.
    #[arg(long, value_name = "FILE")]
    trace: PathBuf,
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

#[derive(Debug, Args)]
struct DemoArgs {
    /// The hopperkv program.
    #[arg(long, value_name = "PATH")]
    server: PathBuf,
    /// Length of each of the three measurements, in seconds.
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u64).range(5..=600))]
    seconds: u64,
    /// Seconds the allocator has to follow the change before the last measurement.
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u64).range(5..=600))]
    follow_seconds: u64,
}

impl Cli {
    /// Does what was asked; returns the exit code.
    ///
    /// # Errors
    /// Anything that keeps the run from starting.
    pub async fn run(self) -> Result<u8, LoadError> {
        let stop = Stop::on_signal();
        match self.command {
            Command::Run(args) => run(args, stop).await,
            Command::Replay(args) => replay(args, stop).await,
            #[cfg(target_os = "linux")]
            Command::Bench(args) => args.run(stop).await,
            #[cfg(target_os = "linux")]
            Command::Instructions(args) => args.run(stop).await,
            Command::Demo(args) => {
                let measure = Duration::from_secs(args.seconds);
                let follow = Duration::from_secs(args.follow_seconds);
                demo::run(DemoOptions { server: args.server, measure, follow }, stop).await
            }
        }
    }
}

impl TargetArgs {
    fn target(&self) -> Target {
        let (user, password) = (self.user.clone(), self.password.clone());
        let credentials = password.map(|password| Credentials { user, password });
        Target { endpoint: self.endpoint.clone(), credentials }
    }
}

impl OutputArgs {
    fn observers(&self, label: &str) -> Result<Vec<Box<dyn Observer>>, LoadError> {
        let mut observers: Vec<Box<dyn Observer>> = Vec::new();
        if !self.quiet {
            observers.push(Box::new(ProgressLine::new(label)));
        }
        if let Some(path) = &self.csv {
            observers.push(Box::new(SecondsCsv::create(path)?));
        }
        Ok(observers)
    }

    fn finish(&self, summary: &Summary) -> Result<u8, LoadError> {
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

async fn run(args: RunArgs, stop: Stop) -> Result<u8, LoadError> {
    let workload: Workload = args.workload.parse()?;
    let (clients, seed) = (u64::from(args.target.clients), args.seed);
    let nil_is_loss = args.preload && !args.checks.cache_only;
    let mut setting = Setting {
        command: "run",
        endpoint: args.target.endpoint.to_string(),
        input: workload.to_string(),
        clients,
        depth: usize::from(args.target.depth),
        verify: args.checks.verify,
        seed: Some(seed),
    };
    let plan = LoadPlan {
        target: args.target.target(),
        workload,
        clients,
        depth: setting.depth,
        duration: args.duration,
        requests: args.requests,
        checks: Checks { verify: args.checks.verify, nil_is_loss },
        seed,
    };
    if args.preload {
        let sizes = LoadPlan::sizes(&plan.workload.phases[0]);
        let keys = plan.workload.max_keys();
        let fill = Plan { keys, sizes, fill: Fill::Write, clients };
        let mut observers: Vec<Box<dyn Observer>> = Vec::new();
        if !args.output.quiet {
            observers.push(Box::new(ProgressLine::new("preload")));
        }
        let outcome = preload::run(&plan.target, fill, stop.clone(), &mut observers).await?;
        let unserved = outcome.total.counts.errors > 0 || outcome.failure.is_some();
        if unserved || outcome.interrupted {
            setting.command = "preload";
            return args.output.finish(&Summary::new(setting, outcome, None));
        }
    }
    let outcome = plan.run(stop, &mut args.output.observers("run")?).await?;
    args.output.finish(&Summary::new(setting, outcome, None))
}

async fn replay(args: ReplayArgs, stop: Stop) -> Result<u8, LoadError> {
    let CheckArgs { verify, cache_only } = args.checks;
    let plan = ReplayPlan {
        target: args.target.target(),
        trace: args.trace,
        limit: args.limit,
        clients: usize::from(args.target.clients),
        depth: usize::from(args.target.depth),
        checks: ReplayChecks { verify, cache_only, on_nil: args.on_nil },
    };
    let setting = Setting {
        command: "replay",
        endpoint: plan.target.endpoint.to_string(),
        input: plan.trace.display().to_string(),
        clients: u64::from(args.target.clients),
        depth: plan.depth,
        verify,
        seed: None,
    };
    let (outcome, notes) = plan.run(stop, &mut args.output.observers("replay")?).await?;
    args.output.finish(&Summary::new(setting, outcome, Some(notes)))
}
