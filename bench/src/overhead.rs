//! What the generator itself costs: its requests per second of one core's time, against a server that does nothing.

use std::fmt;
use std::thread;
use std::time::Duration;

use serde::Serialize;

use crate::arrivals::{Arrivals, Rate};
use crate::client::{Endpoint, Target};
use crate::closed_loop::Checks;
use crate::error::LoadError;
use crate::load::LoadPlan;
use crate::null_server::{NullServer, Values};
use crate::progress::per_second;
use crate::report::grouped;
use crate::spec::Workload;
use crate::stop::Stop;
use crate::supervisor::Outcome;
use crate::volley::closed::{Closed, Until};
use crate::volley::requests::{Draw, Requests, Spelling};
use crate::volley::thread_cpu;

/// Connections of each case.
const CONNECTIONS: u64 = 4;
/// Requests that `bench`'s generator encodes beforehand.
const ENCODED: usize = 100_000;

/// What to measure.
#[derive(Debug, Clone)]
pub struct OverheadOptions {
    /// What is sent; its first phase is also what `bench`'s generator sends, as far as that can.
    pub workload: Workload,
    /// Requests in flight per connection.
    pub depth: usize,
    /// Length of each case.
    pub length: Duration,
}

/// One way of generating load.
#[derive(Debug, Clone, Serialize)]
pub struct Overhead {
    /// Which.
    pub name: &'static str,
    /// Requests that were answered.
    pub requests: u64,
    /// Values that were compared byte for byte.
    pub verified: u64,
    /// Requests per second, with generator and server on the cores there are.
    pub requests_per_s: f64,
    /// CPU time of the generator, user and system, in nanoseconds per request.
    pub cpu_ns: f64,
    /// Requests per second of CPU time: what one core can generate.
    pub per_core_per_s: f64,
}

/// All cases.
#[derive(Debug, Clone, Serialize)]
pub struct Overheads {
    /// The workload.
    pub workload: String,
    /// Requests in flight per connection.
    pub depth: usize,
    /// In the order they were measured in.
    pub cases: Vec<Overhead>,
}

/// Measures all cases; blocks the thread.
///
/// # Errors
/// If a server cannot be started, or a reply is not what it should be.
pub fn measure(options: &OverheadOptions, stop: &Stop) -> Result<Overheads, LoadError> {
    let workload = options.workload.to_string();
    let phase = options.workload.phases.first().cloned();
    let (keys, value_bytes) = phase.map_or((1, 500), |phase| (phase.keys, phase.value_bytes));
    let started = NullServer::start("127.0.0.1:0", value_bytes, Values::Right);
    let server = started.map_err(|error| LoadError::Bench(format!("null server: {error}")))?;
    let unchecked = Checks { verify: false, ..Checks::default() };
    let mut cases = vec![
        run_case("run", options, server, Checks::default(), None, stop)?,
        run_case("run --verify false", options, server, unchecked, None, stop)?,
    ];
    // Half of what it can do: an open loop that is not overrun.
    let per_s = cases.first().map_or(100_000.0, |case| case.requests_per_s / 2.0);
    let rate = Rate { arrivals: Arrivals::Poisson, ..Rate::constant(per_s) };
    cases.push(run_case(
        "run --rate (half of it)",
        options,
        server,
        Checks::default(),
        Some(rate),
        stop,
    )?);
    let keys = u32::try_from(keys).unwrap_or(u32::MAX);
    let offsets = Draw::Uniform.offsets(keys, ENCODED, 1);
    let requests = Requests::gets(Spelling::Payload, offsets, value_bytes);
    let volley = Closed {
        address: server.address,
        connections: usize::try_from(CONNECTIONS).unwrap_or(1),
        logins: &[],
        pipeline: options.depth,
        threads: 1,
        requests: &requests,
        until: Until::Elapsed(options.length),
        check_every: 64,
        timed: false,
    }
    .run(stop)?;
    let name = "bench (GETs encoded beforehand)";
    cases.push(Overhead::new(name, volley.replies, volley.verified, volley.elapsed, volley.cpu));
    if stop.is_raised() {
        return Err(LoadError::Stopped);
    }
    Ok(Overheads { workload, depth: options.depth, cases })
}

fn run_case(
    name: &'static str,
    options: &OverheadOptions,
    server: NullServer,
    checks: Checks,
    rate: Option<Rate>,
    stop: &Stop,
) -> Result<Overhead, LoadError> {
    let endpoint = Endpoint::Tcp(server.address.to_string());
    let mut plan = LoadPlan::new(Target { endpoint, credentials: None }, options.workload.clone());
    for phase in &mut plan.workload.phases {
        phase.duration = Some(options.length);
    }
    (plan.clients, plan.depth, plan.checks, plan.rate) = (CONNECTIONS, options.depth, checks, rate);
    let (outcome, cpu) = on_one_thread(plan, stop.clone())?;
    if let Some(failure) = outcome.failure {
        return Err(failure);
    }
    let counts = outcome.total.counts;
    if !outcome.total.is_correct() || counts.errors > 0 {
        let first = outcome.total.failures.first().cloned().unwrap_or_default();
        return Err(LoadError::Bench(format!("{name}: a reply was wrong: {first}")));
    }
    Ok(Overhead::new(name, counts.requests(), counts.verified, outcome.elapsed, cpu))
}

/// Runs a load with all of its connections on one thread, and says what that thread used of its core.
fn on_one_thread(plan: LoadPlan, stop: Stop) -> Result<(Outcome, Duration), LoadError> {
    let work = move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| LoadError::Bench(format!("runtime: {error}")))?;
        let before = thread_cpu();
        let outcome = runtime.block_on(plan.run(stop, &mut []))?;
        Ok((outcome, thread_cpu().saturating_sub(before)))
    };
    let failed = || LoadError::Bench(String::from("the generator's thread failed"));
    thread::spawn(work).join().unwrap_or_else(|_| Err(failed()))
}

impl Overhead {
    fn new(
        name: &'static str,
        requests: u64,
        verified: u64,
        elapsed: Duration,
        cpu: Duration,
    ) -> Self {
        let per_core_per_s = per_second(requests, cpu);
        Self {
            name,
            requests,
            verified,
            requests_per_s: per_second(requests, elapsed),
            cpu_ns: if per_core_per_s > 0.0 { 1e9 / per_core_per_s } else { 0.0 },
            per_core_per_s,
        }
    }
}

impl fmt::Display for Overheads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}, {CONNECTIONS} connections x depth {}", self.workload, self.depth)?;
        writeln!(
            f,
            "| {:<31} | {:>12} | {:>12} | {:>10} | {:>15} |",
            "generator", "requests", "verified", "CPU ns", "per core and s"
        )?;
        let rule = |width: usize| "-".repeat(width);
        writeln!(
            f,
            "| {} | {}: | {}: | {}: | {}: |",
            rule(31),
            rule(11),
            rule(11),
            rule(9),
            rule(14)
        )?;
        for case in &self.cases {
            writeln!(
                f,
                "| {:<31} | {:>12} | {:>12} | {:>10.0} | {:>15} |",
                case.name,
                grouped(case.requests),
                grouped(case.verified),
                case.cpu_ns,
                format!("{:.2} M", case.per_core_per_s / 1e6),
            )?;
        }
        Ok(())
    }
}
