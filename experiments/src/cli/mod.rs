//! The command line of `hopperkv-experiments`: options, and what each subcommand does with them.

mod run;
mod specs;
mod whatif;

use std::fmt::Display;
use std::io::{self, Write};

use clap::{Parser, Subcommand};

use crate::runner::engine::EngineError;
use crate::runner::plan::PlanError;
use crate::runner::run::RunError;
use crate::runner::shipped::OpenError;
use crate::runner::store::StoreError;
use crate::whatif::WhatIfError;

/// The paper's evaluation on one machine, simulated or live, and what sharing would give your own tenants.
///
/// Exit code: 0 if all went well; 1 if a run failed (what was finished before is kept, and the report is of it); 2 if the input
/// or the set-up is at fault; 130 if it was stopped by Ctrl-C or SIGTERM (again: what was finished is kept and reported).
#[derive(Debug, Parser)]
#[command(name = "hopperkv-experiments", version)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run specs and write the report.
    ///
    /// Every outcome is kept as soon as it is there, and what is there already is not run again: a run that was stopped goes on
    /// where it was. Ends with the gains of every policy and the place of the report. Examples:
    ///
    ///   hopperkv-experiments run all                                     every figure, simulated at full scale
    ///   hopperkv-experiments run 6a --point 2m --policy ours             one point, one policy
    ///   hopperkv-experiments run 6a --engine live --scale 1/16           on this machine, with real servers
    #[command(verbatim_doc_comment)]
    Run(run::RunArgs),
    /// Write the report of what is in a directory again.
    Report(run::ReportArgs),
    /// Answer from your own traces: what would each policy give these tenants?
    ///
    /// Reads every trace to its end, with every key watched, and gives shares and predicted throughput per tenant and policy.
    /// Malformed lines are counted, and the first is shown. Example:
    ///
    ///   hopperkv-experiments what-if --trace orders.csv.gz --trace sessions.csv.zst \
    ///       --base cache=1GiB,rcu=500,wcu=500,net=20MB/s --simulate
    #[command(name = "what-if", verbatim_doc_comment)]
    WhatIf(whatif::WhatIfArgs),
    /// List the specs that are part of this program.
    List,
    /// Print a spec of this program: what to begin one's own with.
    Show(specs::ShowArgs),
    /// Check specs, and say what running them would mean.
    Check(specs::CheckArgs),
}

/// Why a command ended early.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// A spec that is none, or not right.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A choice that leaves nothing.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A file that cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A run failed.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A question without an answer.
    #[error(transparent)]
    WhatIf(#[from] WhatIfError),
    /// Options that make no sense together.
    #[error("{0}")]
    Usage(String),
    /// Standard output is gone.
    #[error("writing the output: {0}")]
    Output(#[from] io::Error),
}

impl CliError {
    /// The exit code it ends the program with.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Open(_) | Self::Plan(_) | Self::Usage(_) | Self::WhatIf(_) => 2,
            Self::Store(StoreError::Empty { .. } | StoreError::Outcome { .. }) => 2,
            Self::Run(RunError::Job { source, .. }) if is_input(source) => 2,
            Self::Run(_) | Self::Store(_) | Self::Output(_) => 1,
        }
    }
}

/// Whether a run failed for what it was asked.
fn is_input(error: &EngineError) -> bool {
    use crate::live::LiveError;
    use crate::simulation::SimulationError;
    matches!(
        error,
        EngineError::Live(LiveError::Spec(_) | LiveError::Unable(_))
            | EngineError::Simulation(SimulationError::Spec(_) | SimulationError::Trace(_))
    )
}

impl Cli {
    /// Does what was asked for; returns the exit code.
    ///
    /// # Errors
    /// If it could not be done.
    pub async fn run(self) -> Result<u8, CliError> {
        match self.command {
            Command::Run(args) => Box::pin(run::run(args)).await,
            Command::Report(args) => run::report(&args),
            Command::WhatIf(args) => whatif::run(args).await,
            Command::List => specs::list(),
            Command::Show(args) => specs::show(&args),
            Command::Check(args) => specs::check(&args),
        }
    }
}

/// Writes a line to standard output.
fn say(line: impl Display) -> Result<(), CliError> {
    Ok(writeln!(io::stdout(), "{line}")?)
}
