//! `hopperkv-experiments`: the command line around the library of the same crate.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use hopperkv_experiments::cli::Cli;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error, 2),
    };
    let ended = runtime.block_on(cli.run());
    // A simulation that nobody waits for any more must not keep the process alive.
    runtime.shutdown_background();
    match ended {
        Ok(code) => ExitCode::from(code),
        Err(error) => fail(&error, error.exit_code()),
    }
}

fn fail(error: &dyn std::error::Error, code: u8) -> ExitCode {
    let _ = writeln!(io::stderr(), "hopperkv-experiments: {error}");
    ExitCode::from(code)
}
