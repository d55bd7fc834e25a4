//! `hopperkv-load run`.

use std::time::Duration;

use clap::Args;

use super::options::{CheckArgs, OutputArgs, TargetArgs, carry_out};
use crate::arrivals::{Arrivals, Rate};
use crate::closed_loop::Checks;
use crate::error::LoadError;
use crate::job::{Job, Traffic};
use crate::load::LoadPlan;
use crate::preload::Preload;
use crate::replay::OnNil;
use crate::spec::{parse_count, parse_duration, parse_rate};
use crate::stop::Stop;

#[derive(Debug, Args)]
pub(super) struct RunArgs {
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
    /// Requests per second of all connections together, whatever the server does (an open loop). Latency counts from the time
    /// a request was due; how long it took from when it was sent is shown beside it.
    #[arg(long, value_name = "PER_S", value_parser = parse_rate)]
    rate: Option<f64>,
    /// How the requests of --rate are spread.
    #[arg(long, value_enum, default_value = "constant", requires = "rate")]
    arrivals: Arrivals,
    /// With --rate: a request that is later than this is not sent but counted.
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = parse_duration)]
    give_up_after: Duration,
    /// What to do before: `fill` (write every key, the hottest last; what --preload alone means), `read` (read them so),
    /// `warm-up[:COUNT]` (reads of the workload's own until the hit ratio stays or after so many), `image:FILE` or
    /// `read-image:FILE` (write or read the keys of a CSV `key,val_size` in its order).
    #[arg(long, value_name = "MODE", num_args = 0..=1, default_missing_value = "fill")]
    preload: Option<Preload>,
    /// What to do when a GET finds nothing.
    #[arg(long, value_enum, default_value = "count")]
    on_nil: OnNil,
    /// Seed of the random choices.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    checks: CheckArgs,
    #[command(flatten)]
    output: OutputArgs,
}

impl RunArgs {
    pub(super) async fn run(self, stop: Stop) -> Result<u8, LoadError> {
        let written = self.preload.as_ref().is_some_and(Preload::writes_all);
        let checks = Checks {
            verify: self.checks.verify,
            nil_is_loss: written && !self.checks.cache_only,
            on_nil: self.on_nil,
        };
        let (arrivals, give_up_after) = (self.arrivals, self.give_up_after);
        let rate = self.rate.map(|per_s| Rate { per_s, arrivals, give_up_after });
        let plan = LoadPlan {
            target: self.target.target(),
            workload: self.workload.parse()?,
            clients: u64::from(self.target.clients),
            depth: self.target.depth(rate.is_some()),
            rate,
            duration: self.duration,
            requests: self.requests,
            checks,
            seed: self.seed,
        };
        let preloads = self.preload.into_iter().collect();
        let job = Job { traffic: Traffic::Workload(plan), preloads };
        carry_out(&job, &self.output, stop).await
    }
}
