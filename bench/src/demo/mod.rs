//! `make demo`: two tenants under load, first with their own shares, then with the allocator's, and then
//! their roles change while the allocator is left to itself.
//!
//! The reference's first experiment, made small: `alpha`'s working set fits its cache with room to
//! spare and is held back by its bandwidth; `beta`'s is more than twice its cache and is held back
//! by its read units. Each has what the other lacks, so both can gain. Then each takes on the other's
//! working set, and everything that was moved has to be moved back, and as far again.
//!
//! `scenario` says how large everything is, `server` runs the server, [`crate::admin`] talks to its admin
//! API, `stage` drives the load of one measurement, `meter` counts it, `follow` watches the allocator
//! at work, `verdict` says whether the bars were met, `table` shows it all.

mod follow;
mod meter;
mod scenario;
mod server;
mod stage;
mod table;
mod verdict;

use std::path::PathBuf;
use std::time::Duration;

use self::meter::Measured;
use self::scenario::{FIRST, SWAPPED, Tenant};
use self::server::Server;
use self::stage::Stage;
use self::table::{Row, Table};
use self::verdict::{Verdict, ratio};
use crate::admin::{Admin, Allocator, Quota, Run};
use crate::error::LoadError;
use crate::stop::Stop;

/// The policy that the demo shows: the server's default.
const POLICY: &str = "optimum";

/// Load before a measurement begins, so that what the limiters had saved is spent.
const SETTLE: Duration = Duration::from_secs(3);

/// What the user chose.
#[derive(Debug, Clone)]
pub struct DemoOptions {
    /// The `hopperkv` program.
    pub server: PathBuf,
    /// Length of each of the three measurements.
    pub measure: Duration,
    /// Time the allocator has to follow the change of roles before the last measurement begins.
    pub follow: Duration,
}

/// Runs the demo; 0 if every bar of the verdict was met, else 1.
///
/// # Errors
/// If the server does not start, its admin API answers unexpectedly, or a load breaks off.
pub async fn run(options: DemoOptions, stop: Stop) -> Result<u8, LoadError> {
    let server = Server::start(&options.server).await?;
    let outcome = play(&server, &options, &stop).await;
    let stopped = server.stop().await;
    let code = outcome?;
    stopped?;
    Ok(code)
}

async fn play(server: &Server, options: &DemoOptions, stop: &Stop) -> Result<u8, LoadError> {
    let admin = server.admin();
    let stage = Stage { server, stop };
    let mut table = Table::new();

    table.say("1. Static: each tenant has its own share. Filling both caches at raised quotas.");
    stage.fill(&quotas(admin).await?).await?;
    if stop.is_raised() {
        return Ok(stopped_early(&mut table));
    }
    admin.set_allocator(&Allocator::of("static")).await?;
    let fixed = measure(stage, options, None, &mut table).await?;

    if stop.is_raised() {
        return Ok(stopped_early(&mut table));
    }
    let run = allocate(admin).await?;
    let shares = quotas(admin).await?;
    table.say("");
    table.say(
        "2. The allocator has moved quotas once. Filling the caches it resized, at raised quotas.",
    );
    stage.fill(&shares).await?;
    let moved = measure(stage, options, Some((&run, &fixed)), &mut table).await?;

    if stop.is_raised() {
        return Ok(stopped_early(&mut table));
    }
    table.summary(&run, &fixed, &moved);
    let [first, second] = SWAPPED;
    table.say(&format!(
        "3. The roles change: {} now works on {} keys and {} on {}. The allocator is on and left to itself.",
        first.name, first.keys, second.name, second.keys
    ));
    let followed = follow::follow(stage, options, &fixed, &mut table).await?;

    if stop.is_raised() {
        return Ok(stopped_early(&mut table));
    }
    let verdict = Verdict::of(&fixed, &moved, &followed);
    table.verdict(&verdict);
    Ok(u8::from(!verdict.is_met()))
}

/// Drives both tenants as they begin and returns what each got. With `compare` (the decision and the
/// measurement before it) the table shows gains.
async fn measure(
    stage: Stage<'_>,
    options: &DemoOptions,
    compare: Option<(&Run, &[Measured; 2])>,
    table: &mut Table,
) -> Result<[Measured; 2], LoadError> {
    let mut drive = stage.drive(&FIRST, SETTLE, options.measure).await?;
    while let Some(now) = drive.next_second().await? {
        let row = |index: usize| Row {
            policy: if compare.is_some() { POLICY } else { "static" },
            tenant: FIRST[index].name,
            measured: now[index],
            gains: compare.map(|(run, fixed)| {
                let gain = ratio(now[index].requests_per_s, fixed[index].requests_per_s);
                (run.predicted_gain(FIRST[index].name), gain)
            }),
        };
        table.show(&[row(0), row(1)]);
    }
    drive.results().await
}

/// Says that there is no verdict; returns the exit code for that.
fn stopped_early(table: &mut Table) -> u8 {
    table.say("Stopped before the end: no verdict.");
    1
}

/// Has the allocator decide on what it saw under static quotas, once, and keeps the result in place.
async fn allocate(admin: &Admin) -> Result<Run, LoadError> {
    let direct = Allocator { apply: Some("direct"), ..Allocator::of(POLICY) };
    admin.set_allocator(&direct).await?;
    let run = admin.allocate_now().await?;
    admin.set_allocator(&Allocator { enabled: false, ..direct }).await?;
    if !run.applied {
        return Err(LoadError::Demo(format!("the decision was not applied: {}", run.reason)));
    }
    Ok(run)
}

async fn quotas(admin: &Admin) -> Result<Vec<(Tenant, Quota)>, LoadError> {
    let mut quotas = Vec::new();
    for tenant in FIRST {
        quotas.push((tenant, admin.quota(tenant.name).await?));
    }
    Ok(quotas)
}
