//! The command line of `hopperkv-load`: options, and what each subcommand does with them.

mod options;
#[cfg(target_os = "linux")]
mod overhead;
mod prepare;
mod replay;
mod run;
mod tenants;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::demo::{self, DemoOptions};
use crate::error::LoadError;
#[cfg(target_os = "linux")]
use crate::measure::args::{BenchArgs, InstructionsArgs};
use crate::stop::Stop;
#[cfg(target_os = "linux")]
use overhead::{NullServerArgs, OverheadArgs};
use prepare::PrepareArgs;
use replay::ReplayArgs;
use run::RunArgs;
use tenants::TenantsArgs;

/// What is shown below the subcommands.
const EXAMPLES: &str = "\
Examples:
  hopperkv-load run --workload 'ycsb:b,n=1m @60s' --preload fill --clients 16 --depth 8
  hopperkv-load run --workload 'n=100k @30s' --rate 20k --arrivals poisson --csv seconds.csv
  hopperkv-load replay --trace cluster52.csv.zst --pace timestamp:10
  hopperkv-load prepare --trace cluster52.csv.zst --at 3600 --out parts --compress zst
  hopperkv-load replay --prepared parts
  hopperkv-load tenants load.toml --json summary.json
docs/load.md has the rest: the grammar, what latency means, the files.";

/// Load for a Redis endpoint, every value verified.
///
/// Exit code: 0 if all went well; 1 if a value was wrong or lost, a request failed with an error
/// other than THROTTLED, or the connection broke; 2 if the input or the set-up is at fault.
#[derive(Debug, Parser)]
#[command(name = "hopperkv-load", version, after_help = EXAMPLES)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Send a synthetic workload, in a closed loop or at a rate.
    ///
    /// A workload is phases separated by `;`, each `n=KEYS,k=KEY BYTES,v=VALUE BYTES,w=WRITE
    /// RATIO,d=DISTRIBUTION @DURATION`. Numbers take k and m. Distributions: seq, unif,
    /// zipf:THETA, scan:THETA:MAX, latest:THETA. `i` is the share of operations that insert a
    /// new key, `m` that of read-modify-writes. `~` copies the phase before; `ycsb:a` to `ycsb:f`
    /// stand for the settings of those workloads. Examples:
    ///
    ///   hopperkv-load run --workload 'n=100k,k=16,v=500,w=0.05,d=zipf:0.99 @30s; ~w=0.4 @30s'
    ///   hopperkv-load run --workload 'ycsb:a,n=1m @60s'
    #[command(verbatim_doc_comment)]
    Run(RunArgs),
    /// Replay a CSV trace, each key's requests in order, and verify every value read.
    ///
    /// Columns are `time,object,size` (all GETs) or the Twitter ones,
    /// `timestamp,key,key_size,value_size,client_id,op,ttl`; a header line is optional; gzip
    /// and zstd are recognised. Throttled requests are repeated until they are served.
    Replay(ReplayArgs),
    /// Send the loads of several tenants at once, from a TOML file.
    ///
    /// Each tenant has a workload, a trace or a prepared trace, and what is said of these at `run` and `replay`: endpoint,
    /// user, password (`env:NAME` takes it from the environment), clients, depth, rate, preload and so on. All are preloaded,
    /// then all begin together. Example:
    ///
    ///   [defaults]
    ///   endpoint = "127.0.0.1:6380"
    ///   duration = "60s"
    ///   [[tenant]]
    ///   name = "orders"
    ///   password = "env:ORDERS_PASSWORD"
    ///   workload = "ycsb:a,n=1m"
    ///   preload = "fill"
    ///   [[tenant]]
    ///   name = "feed"
    ///   password = "env:FEED_PASSWORD"
    ///   trace = "cluster52.csv.zst"
    ///   pace = "timestamp:10"
    #[command(verbatim_doc_comment)]
    Tenants(TenantsArgs),
    /// Split a trace at a time: what cache and storage held then, and the requests that follow.
    ///
    /// Writes into --out: `cache.csv` (`key,val_size`, the least recently used first), `persist.csv` (what the storage must
    /// hold so that the requests find what they read), `requests.csv`, and `prepared.json`. `replay --prepared` takes them.
    /// The trace is read once, as a stream; in memory is one entry for each different key, about 170 bytes with keys of 20.
    Prepare(PrepareArgs),
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
    /// Measure what this generator costs: requests per second of one core's time, against a server that does nothing.
    ///
    /// Counts the CPU time of the one thread that generates, so that the server, which is part of this process, does not
    /// count. With values verified, without, at a rate, and as `bench` generates load.
    #[cfg(target_os = "linux")]
    Overhead(OverheadArgs),
    /// Serve replies of one size without looking at keys, until Ctrl-C: what `overhead` measures against.
    #[cfg(target_os = "linux")]
    NullServer(NullServerArgs),
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
            Command::Run(args) => args.run(stop).await,
            Command::Replay(args) => args.run(stop).await,
            Command::Tenants(args) => args.run(stop).await,
            Command::Prepare(args) => args.run(stop).await,
            #[cfg(target_os = "linux")]
            Command::Bench(args) => args.run(stop).await,
            #[cfg(target_os = "linux")]
            Command::Instructions(args) => args.run(stop).await,
            #[cfg(target_os = "linux")]
            Command::Overhead(args) => args.run(stop).await,
            #[cfg(target_os = "linux")]
            Command::NullServer(args) => args.run(stop).await,
            Command::Demo(args) => {
                let measure = Duration::from_secs(args.seconds);
                let follow = Duration::from_secs(args.follow_seconds);
                demo::run(DemoOptions { server: args.server, measure, follow }, stop).await
            }
        }
    }
}
