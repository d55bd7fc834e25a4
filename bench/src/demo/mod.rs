//! `make demo`: two tenants under load, first with static quotas, then with HARE's.
//!
//! The reference's first experiment, made small: `alpha`'s working set fits its cache with room to
//! spare and is held back by its bandwidth; `beta`'s is more than twice its cache and is held back
//! by its read units. Each has what the other lacks, so both can gain.
//!
//! `scenario` says how large everything is, `server` runs the server, `admin` talks to its admin
//! API, `stage` drives one measurement, `table` shows it.

mod admin;
mod scenario;
mod server;
mod stage;
mod table;

use std::path::PathBuf;
use std::time::Duration;

use self::admin::{Admin, Allocator, Quota, Run};
use self::scenario::{TENANTS, Tenant};
use self::server::Server;
use self::stage::{Measured, Stage};
use self::table::Table;
use crate::error::LoadError;
use crate::stop::Stop;

/// What the user chose.
#[derive(Debug, Clone)]
pub struct DemoOptions {
    /// The `hopperkv` program.
    pub server: PathBuf,
    /// Length of each of the two measurements.
    pub measure: Duration,
}

/// Runs the demo; 0 if HARE's throughput is above static's for both tenants, else 1.
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
    let stage = Stage { server, measure: options.measure, stop };
    let mut table = Table::new();

    table.say("Filling both caches at raised quotas.");
    stage.fill(&quotas(admin).await?).await?;
    if stop.is_raised() {
        return Ok(stopped_early(&mut table));
    }
    table.say("Static: each tenant has its own share.");
    admin.set_allocator(&Allocator { policy: "static", enabled: true }).await?;
    let fixed = stage.measure("static", None, &mut table).await?;

    if stop.is_raised() {
        return Ok(stopped_early(&mut table));
    }
    let run = allocate(admin).await?;
    let shares = quotas(admin).await?;
    table.say("HARE has moved quotas. Filling the caches it resized, at raised quotas.");
    stage.fill(&shares).await?;
    let hare = stage.measure("hare", Some((&run, &fixed)), &mut table).await?;

    if stop.is_raised() {
        return Ok(stopped_early(&mut table));
    }
    table.summary(&run, &fixed, &hare);
    let all_gain = fixed.iter().zip(&hare).all(|(before, after)| gain(before, after) > 1.0);
    Ok(u8::from(!all_gain))
}

/// Says that there is no verdict; returns the exit code for that.
fn stopped_early(table: &mut Table) -> u8 {
    table.say("Stopped before the end: no verdict.");
    1
}

/// Has HARE decide on what it saw under static quotas, once, and keeps the result in place.
async fn allocate(admin: &Admin) -> Result<Run, LoadError> {
    admin.set_allocator(&Allocator { policy: "hare", enabled: true }).await?;
    let run = admin.allocate_now().await?;
    admin.set_allocator(&Allocator { policy: "hare", enabled: false }).await?;
    if !run.applied {
        let reason = run.reason.as_deref().unwrap_or("no reason given");
        return Err(LoadError::Demo(format!("HARE's decision was not applied: {reason}")));
    }
    Ok(run)
}

async fn quotas(admin: &Admin) -> Result<Vec<(Tenant, Quota)>, LoadError> {
    let mut quotas = Vec::new();
    for tenant in TENANTS {
        quotas.push((tenant, admin.quota(tenant.name).await?));
    }
    Ok(quotas)
}

/// Throughput under HARE over throughput under static; 0 where nothing was served before.
fn gain(before: &Measured, after: &Measured) -> f64 {
    if before.requests_per_s > 0.0 { after.requests_per_s / before.requests_per_s } else { 0.0 }
}
