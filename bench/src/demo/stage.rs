//! What the acts of the demo are made of: filling the caches, and driving both tenants.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, Interval, interval_at};

use super::meter::{Measured, Meter};
use super::scenario::{CLIENTS, Cast, FILL_CLIENTS, SIZES, Tenant};
use super::server::Server;
use crate::admin::{Quota, Requests};
use crate::closed_loop::Checks;
use crate::error::LoadError;
use crate::load::LoadPlan;
use crate::preload::{self, Fill, Order, Plan};
use crate::progress::ratio;
use crate::spec::Workload;
use crate::stop::Stop;
use crate::supervisor::Outcome;

/// Time between two lines of the live table.
const LOOK: Duration = Duration::from_secs(1);
/// Rates while caches are filled: no limit in practice.
const RAISED_UNITS_PER_S: f64 = 100_000.0;
const RAISED_NET_BYTES_PER_S: f64 = 1e9;

/// What a stage needs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stage<'a> {
    pub(super) server: &'a Server,
    pub(super) stop: &'a Stop,
}

/// Both tenants under load, watched once a second.
#[derive(Debug)]
pub(super) struct Drive<'a> {
    stage: Stage<'a>,
    cast: &'a Cast,
    loads: JoinSet<Result<(), LoadError>>,
    meters: [Meter; 2],
    looks: Interval,
    settle_until: Instant,
    /// Counters one second ago, and when the measurement began.
    past: [Requests; 2],
    settled: [Requests; 2],
}

impl<'a> Stage<'a> {
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
            let plan = Plan {
                order: Order::LastFirst(tenant.keys),
                first_key: 0,
                sizes: SIZES,
                fill: Fill::Read,
                clients: FILL_CLIENTS,
            };
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

    /// Starts both loads at once; what they do after `settle` is measured, for `measure`.
    pub(super) async fn drive(
        self,
        cast: &'a Cast,
        settle: Duration,
        measure: Duration,
    ) -> Result<Drive<'a>, LoadError> {
        let meters = [Meter::new(settle), Meter::new(settle)];
        let before = self.requests(cast).await?;
        let mut loads = JoinSet::new();
        for (tenant, meter) in cast.iter().zip(&meters) {
            let (plan, stop) = (self.plan(tenant, settle + measure)?, self.stop.clone());
            let (meter, name) = (meter.clone(), tenant.name);
            loads.spawn(async move {
                let outcome = plan.run(stop, &mut [Box::new(meter)]).await;
                outcome.and_then(|outcome| served(name, outcome))
            });
        }
        let start = Instant::now();
        let (looks, settle_until) = (interval_at(start + LOOK, LOOK), start + settle);
        let (past, settled) = (before, before);
        Ok(Drive { stage: self, cast, loads, meters, looks, settle_until, past, settled })
    }

    fn plan(&self, tenant: &Tenant, duration: Duration) -> Result<LoadPlan, LoadError> {
        let workload: Workload = tenant.workload().parse()?;
        Ok(LoadPlan {
            clients: CLIENTS,
            duration: Some(duration),
            checks: Checks { nil_is_loss: true, ..Checks::default() },
            ..LoadPlan::new(self.server.target(tenant), workload)
        })
    }

    async fn requests(&self, cast: &Cast) -> Result<[Requests; 2], LoadError> {
        let admin = self.server.admin();
        Ok([admin.requests(cast[0].name).await?, admin.requests(cast[1].name).await?])
    }
}

impl Drive<'_> {
    /// What both tenants got in the second that has just passed; `None` once the loads have ended.
    pub(super) async fn next_second(&mut self) -> Result<Option<[Measured; 2]>, LoadError> {
        while !self.loads.is_empty() {
            tokio::select! {
                Some(ended) = self.loads.join_next() => {
                    ended.map_err(|error| LoadError::Demo(error.to_string()))??;
                }
                _ = self.looks.tick() => {
                    let now = self.stage.requests(self.cast).await?;
                    if Instant::now() <= self.settle_until {
                        self.settled = now;
                    }
                    let past = std::mem::replace(&mut self.past, now);
                    let latest = [self.meters[0].latest_per_s(), self.meters[1].latest_per_s()];
                    return self.measured(latest, &past, &now).await.map(Some);
                }
            }
        }
        Ok(None)
    }

    /// What both tenants got after they had settled, once the loads have ended.
    pub(super) async fn results(&self) -> Result<[Measured; 2], LoadError> {
        let now = self.stage.requests(self.cast).await?;
        let rates = [self.meters[0].measured_per_s(), self.meters[1].measured_per_s()];
        self.measured(rates, &self.settled, &now).await
    }

    /// Requests/s of both tenants, second by second from the start.
    pub(super) fn seconds(&self) -> [Vec<f64>; 2] {
        [self.meters[0].seconds(), self.meters[1].seconds()]
    }

    async fn measured(
        &self,
        requests_per_s: [f64; 2],
        before: &[Requests; 2],
        after: &[Requests; 2],
    ) -> Result<[Measured; 2], LoadError> {
        let admin = self.stage.server.admin();
        let quotas = [admin.quota(self.cast[0].name).await?, admin.quota(self.cast[1].name).await?];
        Ok([0, 1].map(|index| Measured {
            requests_per_s: requests_per_s[index],
            hit_ratio: hit_ratio(before[index], after[index]),
            quota: quotas[index],
        }))
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
