//! The command line of `hopperkv`.
//!
//! `serve` runs the proxy. `check`, `config`, `curve` and `allocate --file` work on files alone, `commands` on nothing at all;
//! the others talk to the admin API of a running proxy (`remote`). Everything is printed through `output`. Exit codes: 0
//! done, 1 it did not work, 2 the input or the set-up is at fault.

mod allocate;
mod curve;
mod output;
mod remote;
mod serve;
mod stats;
mod tenant;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use self::remote::AdminArgs;
use crate::command::commands_document;
use crate::config::Config;
use crate::state::SavedState;

/// A Redis endpoint for many tenants, durable in DynamoDB, with quotas that follow the load.
///
/// Without a configuration `serve` starts a demo on loopback: embedded storage in ./hopperkv-data, one redis-server per
/// tenant, and three tenants whose passwords it prints.
#[derive(Debug, Parser)]
#[command(
    name = "hopperkv",
    version,
    after_help = "\
Examples:
  hopperkv serve                            a demo on 127.0.0.1:6380
  hopperkv serve --config hopperkv.toml     your own set-up
  hopperkv check --config hopperkv.toml     is the file right?
  hopperkv stats                            all tenants of the running proxy
  hopperkv tenant set-quota orders --cache 512MiB
  hopperkv allocate --dry-run               what would the allocator do now?
  hopperkv curve --trace app.csv.gz         how much cache is this traffic worth?

Exit codes: 0 done; 1 it did not work; 2 the input or the set-up is at fault."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the proxy until SIGINT or SIGTERM.
    ///
    /// The first signal drains requests under way and stops everything in order; a second one ends at once.
    Serve(serve::ServeArgs),
    /// Say whether a configuration is right, with file, line and fix for everything that is not.
    Check(ConfigArgs),
    /// Print the effective configuration, defaults and changes made at run time included, secrets masked.
    Config(ConfigArgs),
    /// List, show, add and remove tenants of a running proxy, and set their quotas.
    Tenant(Box<tenant::TenantArgs>),
    /// Show what tenants of a running proxy do: requests, hits, latencies, cache, quotas.
    Stats(stats::StatsArgs),
    /// Solve allocation problems from a file, or ask a running proxy what it would decide.
    Allocate(allocate::AllocateArgs),
    /// Learn the miss-ratio curve of a trace: how much cache it is worth.
    Curve(curve::CurveArgs),
    /// Print the commands that are served, and those that are not, as Markdown.
    Commands,
    /// Exit with 0 if the proxy is ready, else say what is not and exit with 1. For containers.
    Healthcheck(AdminArgs),
}

#[derive(Debug, Args)]
struct ConfigArgs {
    /// Configuration file. Default: $HOPPERKV_CONFIG, else ./hopperkv.toml, else the built-in demo.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// What ends the program early: what to say, one line per problem, and the exit code.
#[derive(Debug)]
struct Failure {
    message: String,
    code: u8,
}

impl Failure {
    /// The input or the set-up is at fault.
    fn input(message: impl std::fmt::Display) -> Self {
        Self { message: message.to_string(), code: 2 }
    }

    /// It was tried and did not work.
    fn failed(message: impl std::fmt::Display) -> Self {
        Self { message: message.to_string(), code: 1 }
    }
}

/// Does what the command line says.
#[must_use]
pub fn run() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Serve(args) => serve::serve(&args),
        Command::Check(args) => check(&args),
        Command::Config(args) => config(&args),
        Command::Tenant(args) => tenant::run(&args),
        Command::Stats(args) => stats::run(&args),
        Command::Allocate(args) => allocate::run(&args),
        Command::Curve(args) => curve::run(&args),
        Command::Commands => {
            output::text(&commands_document());
            Ok(())
        }
        Command::Healthcheck(args) => healthcheck(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            for line in failure.message.lines() {
                output::problem(line);
            }
            ExitCode::from(failure.code)
        }
    }
}

fn check(args: &ConfigArgs) -> Result<(), Failure> {
    let config = load(args.config.as_deref())?;
    let (config, changes) = effective(config)?;
    output::line(&config.summary());
    if let Some(changes) = changes {
        output::line(&changes);
    }
    Ok(())
}

fn config(args: &ConfigArgs) -> Result<(), Failure> {
    let (config, changes) = effective(load(args.config.as_deref())?)?;
    if let Some(changes) = changes {
        output::line(&format!("# {changes}"));
    }
    output::text(&config.to_toml());
    Ok(())
}

fn healthcheck(args: &AdminArgs) -> Result<(), Failure> {
    let (status, text) = args.client().get_any("/readyz")?;
    if status == 200 {
        output::line("ready");
        return Ok(());
    }
    Err(Failure::failed(format!("not ready: {}", text.trim())))
}

fn load(path: Option<&std::path::Path>) -> Result<Config, Failure> {
    Config::load(path, &|name| std::env::var(name).ok()).map_err(Failure::input)
}

/// The configuration as a start would see it, and what was changed at run time, if anything.
fn effective(mut config: Config) -> Result<(Config, Option<String>), Failure> {
    let saved = SavedState::load(&config.server.data_dir).map_err(Failure::input)?;
    saved.apply_to(&mut config).map_err(Failure::input)?;
    let changes = saved.summary(&config.server.data_dir);
    Ok((config, changes))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::Cli;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
