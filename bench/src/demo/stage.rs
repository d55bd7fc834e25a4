//! One act of the demo: fill the caches, or drive both tenants and measure.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, interval_at};

use super::admin::{Quota, Requests, Run};
use super::scenario::{CLIENTS, FILL_CLIENTS, SIZES, TENANTS, Tenant};
use super::server::Server;
use super::table::{Row, Table};
use crate::closed_loop::Checks;
use crate::error::LoadError;
use crate::load::LoadPlan;
use crate::preload::{self, Fill, Plan};
use crate::progress::{per_second, ratio};
use crate::spec::Workload;
use crate::stop::Stop;
use crate::supervisor::{Observer, Outcome, Tick};

/// Load before the measurement begins, so that what the limiters had saved is spent.
const SETTLE: Duration = Duration::from_secs(3);
/// Time between two lines of the live table.
const LOOK: Duration = Duration::from_secs(1);
/// Rates while caches are filled: no limit in practice.
const RAISED_UNITS_PER_S: f64 = 100_000.0;
const RAISED_NET_BYTES_PER_S: f64 = 1e9;

/// What a stage needs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stage<'a> {
    pub(super) server: &'a Server,
    pub(super) measure: Duration,
    pub(super) stop: &'a Stop,
}

/// One tenant's measurement under one policy.
#[derive(Debug, Clone, Copy)]
pub(super) struct Measured {
    pub(super) requests_per_s: f64,
    pub(super) hit_ratio: f64,
    pub(super) quota: Quota,
}

/// Progress of one tenant's load, written by its ticks and read by the table.
#[derive(Debug, Clone, Default)]
struct Meter {
    seen: Arc<Mutex<Seen>>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    latest_per_s: f64,
    settled: Option<(Duration, u64)>,
    last: (Duration, u64),
}

impl Meter {
    fn seen(&self) -> Seen {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Meter {
    fn tick(&mut self, tick: &Tick<'_>) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let now = (tick.elapsed, tick.total.counts.requests());
        if tick.elapsed >= SETTLE {
            seen.settled.get_or_insert(now);
        }
        if tick.interval > Duration::from_millis(500) {
            seen.latest_per_s = per_second(tick.recent.counts.requests(), tick.interval);
        }
        seen.last = now;
    }
}

impl Seen {
    fn measured_per_s(&self) -> f64 {
        let (from, before) = self.settled.unwrap_or_default();
        let (to, after) = self.last;
        per_second(after.saturating_sub(before), to.saturating_sub(from))
    }
}

impl Stage<'_> {
    /// Reads every key once at raised rates, then puts the rates in `quotas` back.
    pub(super) async fn fill(&self, quotas: &[(Tenant, Quota)]) -> Result<(), LoadError> {
        let admin = self.server.admin();
        let mut fills = JoinSet::new();
        for (tenant, quota) in quotas {
            let raised = Quota {
                cache_bytes: quota.cache_bytes,
                read_units_per_s: RAISED_UNITS_PER_S,
                write_units_per_s: RAISED_UNITS_PER_S,
                net_bytes_per_s: RAISED_NET_BYTES_PER_S,
            };
            admin.set_quota(tenant.name, &raised).await?;
            let (target, stop) = (self.server.target(tenant), self.stop.clone());
            let plan =
                Plan { keys: tenant.keys, sizes: SIZES, fill: Fill::Read, clients: FILL_CLIENTS };
            let name = tenant.name;
            fills.spawn(async move {
                let filled = preload::run(&target, plan, stop, &mut []).await;
                filled.and_then(|outcome| served(name, outcome))
            });
        }
        while let Some(filled) = fills.join_next().await {
            filled.map_err(|error| LoadError::Demo(error.to_string()))??;
        }
        for (tenant, quota) in quotas {
            admin.set_quota(tenant.name, quota).await?;
        }
        Ok(())
    }

    /// Drives both tenants at once, shows them live, and returns what each got.
    ///
    /// With `compare` (the decision and the measurement before it) the table shows gains.
    pub(super) async fn measure(
        &self,
        policy: &'static str,
        compare: Option<(&Run, &[Measured])>,
        table: &mut Table,
    ) -> Result<Vec<Measured>, LoadError> {
        let (meters, before) = ([Meter::default(), Meter::default()], self.requests().await?);
        let mut loads = JoinSet::new();
        for (tenant, meter) in TENANTS.iter().zip(&meters) {
            let (plan, stop, meter) = (self.plan(tenant)?, self.stop.clone(), meter.clone());
            let name = tenant.name;
            loads.spawn(async move {
                let outcome = plan.run(stop, &mut [Box::new(meter)]).await;
                outcome.and_then(|outcome| served(name, outcome))
            });
        }
        let mut looks = interval_at(Instant::now() + LOOK, LOOK);
        let mut past = before.clone();
        while !loads.is_empty() {
            tokio::select! {
                Some(ended) = loads.join_next() => {
                    ended.map_err(|error| LoadError::Demo(error.to_string()))??;
                }
                _ = looks.tick() => {
                    let now = self.requests().await?;
                    let mut rows = Vec::new();
                    for (index, tenant) in TENANTS.iter().enumerate() {
                        let requests_per_s = meters[index].seen().latest_per_s;
                        let gains = compare.map(|(run, fixed)| {
                            let base = fixed[index].requests_per_s.max(f64::MIN_POSITIVE);
                            (run.predicted_gain(tenant.name), requests_per_s / base)
                        });
                        let measured = Measured {
                            requests_per_s,
                            hit_ratio: hit_ratio(past[index], now[index]),
                            quota: self.server.admin().quota(tenant.name).await?,
                        };
                        rows.push(Row { policy, tenant: tenant.name, measured, gains });
                    }
                    table.show(&rows);
                    past = now;
                }
            }
        }
        let after = self.requests().await?;
        let mut results = Vec::new();
        for (index, tenant) in TENANTS.iter().enumerate() {
            results.push(Measured {
                requests_per_s: meters[index].seen().measured_per_s(),
                hit_ratio: hit_ratio(before[index], after[index]),
                quota: self.server.admin().quota(tenant.name).await?,
            });
        }
        Ok(results)
    }

    fn plan(&self, tenant: &Tenant) -> Result<LoadPlan, LoadError> {
        let workload: Workload = tenant.workload().parse()?;
        Ok(LoadPlan {
            target: self.server.target(tenant),
            workload,
            clients: CLIENTS,
            depth: 1,
            duration: Some(SETTLE + self.measure),
            requests: None,
            checks: Checks { verify: true, nil_is_loss: true },
            seed: 1,
        })
    }

    async fn requests(&self) -> Result<Vec<Requests>, LoadError> {
        let mut all = Vec::new();
        for tenant in TENANTS {
            all.push(self.server.admin().requests(tenant.name).await?);
        }
        Ok(all)
    }
}

/// Turns a load that broke off or read a wrong value into an error.
fn served(tenant: &str, outcome: Outcome) -> Result<(), LoadError> {
    if let Some(error) = outcome.failure {
        return Err(error);
    }
    let counts = outcome.total.counts;
    if !outcome.total.is_correct() || counts.errors > 0 {
        let words = [outcome.total.failures, outcome.total.error_replies].concat().join("; ");
        return Err(LoadError::Demo(format!("{tenant} was served wrongly: {words}")));
    }
    Ok(())
}

fn hit_ratio(before: Requests, after: Requests) -> f64 {
    let hits = after.hits.saturating_sub(before.hits);
    ratio(hits, hits + after.misses.saturating_sub(before.misses))
}
