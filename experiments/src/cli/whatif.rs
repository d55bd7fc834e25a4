//! `what-if`: the question about one's own traces.

use std::path::PathBuf;

use clap::Args;

use super::{CliError, say};
use crate::whatif::{Base, Question, render};

#[derive(Debug, Args)]
pub(super) struct WhatIfArgs {
    /// A tenant's trace: CSV, also .gz or .zst; `time,object,size` or Twitter's columns. Give it twice or more.
    #[arg(long, required = true, value_name = "FILE")]
    trace: Vec<PathBuf>,
    /// What a tenant is entitled to, as `cache=1GiB,rcu=500,wcu=500,net=20MB/s`: once for all, or once for each trace, in order.
    #[arg(long, required = true, value_name = "SHARE")]
    base: Vec<Base>,
    /// Requests at the start of each trace that only fill the cache. Without them every first use of a key is a miss, at any
    /// size of cache.
    #[arg(long, default_value_t = 0, value_name = "REQUESTS")]
    warm_up: u64,
    /// Simulate every policy as well, in a closed loop. The traces then go over and over, in what is predicted too: the first
    /// use of a key is no miss, and --warm-up has no say.
    #[arg(long)]
    simulate: bool,
    /// Seed of the simulation.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Print JSON instead of tables.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: WhatIfArgs) -> Result<u8, CliError> {
    let question = Question {
        traces: args.trace,
        bases: args.base,
        warm_up: args.warm_up,
        simulate: args.simulate.then_some(args.seed),
    };
    let asked = tokio::task::spawn_blocking(move || question.answer()).await;
    let answer = asked.map_err(|error| CliError::Usage(error.to_string()))??;
    if args.json {
        let json = serde_json::to_string_pretty(&answer)
            .map_err(|error| CliError::Usage(error.to_string()))?;
        say(json)?;
    } else {
        say(render(&answer).trim_end())?;
    }
    Ok(0)
}
