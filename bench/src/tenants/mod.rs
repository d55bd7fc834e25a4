//! Several tenants at once: each with a load of its own, all from the same moment on.
//!
//! [`mod@file`] reads them from TOML, [`run()`] carries them out, [`summary`] says what came of it, and [`observe`] shows and writes
//! it second by second.

pub mod file;
pub mod observe;
pub mod summary;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::error::LoadError;
use crate::job::{Ended, Job, served};
use crate::report::Preloaded;
use crate::stop::Stop;
use crate::supervisor::{Observer, Outcome, Tick};

/// One tenant's load.
#[derive(Debug, Clone)]
pub struct TenantLoad {
    /// Its name, in every output.
    pub name: String,
    /// What it sends.
    pub job: Job,
    /// How long after the others it begins.
    pub start_after: Duration,
}

/// The loads of all tenants.
#[derive(Debug, Clone)]
pub struct TenantsPlan {
    /// In the order of the output.
    pub tenants: Vec<TenantLoad>,
}

/// Something that is shown or written once a second for each tenant.
pub trait TenantsObserver: Send {
    /// Called at each second of each tenant, by its place in the plan, and once at its end.
    fn tick(&mut self, tenant: usize, tick: &Tick<'_>);

    /// The same of what happens before; of no interest unless it is implemented.
    fn preload_tick(&mut self, _tenant: usize, _tick: &Tick<'_>) {}
}

/// How one tenant's load ended.
#[derive(Debug)]
pub struct TenantEnded {
    /// What its preload did.
    pub preloaded: Option<Preloaded>,
    /// What its load did; of a preload that failed, what that did.
    pub ended: Ended,
    /// Whether it came no further than its preload.
    pub only_preloaded: bool,
}

/// Observers that all tenants share.
type Shared = Arc<Mutex<Vec<Box<dyn TenantsObserver>>>>;

/// Tells the shared observers what one tenant does.
struct Reporter {
    tenant: usize,
    preloads: bool,
    observers: Shared,
}

impl Observer for Reporter {
    fn tick(&mut self, tick: &Tick<'_>) {
        for observer in &mut *self.observers.lock().unwrap_or_else(PoisonError::into_inner) {
            if self.preloads {
                observer.preload_tick(self.tenant, tick);
            } else {
                observer.tick(self.tenant, tick);
            }
        }
    }
}

/// Preloads all tenants, then runs all loads; the outcomes are in the order of the plan. If a preload fails, nothing is run. A
/// load that breaks off leaves the others alone.
///
/// # Errors
/// The first load that cannot begin, with the tenant's name; the others are stopped.
pub async fn run(
    plan: &TenantsPlan,
    stop: Stop,
    observers: Vec<Box<dyn TenantsObserver>>,
) -> Result<Vec<TenantEnded>, LoadError> {
    let observers: Shared = Arc::new(Mutex::new(observers));
    let preloads = preload(plan, &stop, &observers).await?;
    let whole = preloads.iter().flatten().all(served);
    let preloaded: Vec<_> =
        preloads.iter().map(|outcome| outcome.as_ref().map(Preloaded::new)).collect();
    if !whole {
        let stopped = stop.is_raised();
        let outcomes = preloads.into_iter().zip(preloaded);
        return Ok(outcomes
            .map(|(outcome, preloaded)| {
                let outcome = outcome.unwrap_or_else(|| Outcome::nothing(stopped));
                let ended = Ended { outcome, notes: None };
                TenantEnded { preloaded, ended, only_preloaded: true }
            })
            .collect());
    }
    let ended = on_all(plan, &stop, |index, tenant, stop| {
        let observers = observers.clone();
        async move {
            tokio::select! {
                () = sleep(tenant.start_after) => {}
                () = stop.raised() => {
                    return Ok(Ended { outcome: Outcome::nothing(true), notes: None });
                }
            }
            tenant
                .job
                .run(stop, &mut [Box::new(Reporter { tenant: index, preloads: false, observers })])
                .await
        }
    })
    .await?;
    let ended = ended.into_iter().zip(preloaded);
    Ok(ended
        .map(|(ended, preloaded)| TenantEnded { preloaded, ended, only_preloaded: false })
        .collect())
}

async fn preload(
    plan: &TenantsPlan,
    stop: &Stop,
    observers: &Shared,
) -> Result<Vec<Option<Outcome>>, LoadError> {
    on_all(plan, stop, |index, tenant, stop| {
        let reporter = Reporter { tenant: index, preloads: true, observers: observers.clone() };
        async move { tenant.job.preload(stop, &mut [Box::new(reporter)]).await }
    })
    .await
}

/// Does something for all tenants at once; results are in their order.
async fn on_all<T, W>(
    plan: &TenantsPlan,
    stop: &Stop,
    work: impl Fn(usize, TenantLoad, Stop) -> W,
) -> Result<Vec<T>, LoadError>
where
    T: Send + 'static,
    W: Future<Output = Result<T, LoadError>> + Send + 'static,
{
    // Raised by the user's stop, and by the first that cannot begin.
    let ending = Stop::default();
    let mut tasks = JoinSet::new();
    for (index, tenant) in plan.tenants.iter().enumerate() {
        let name = tenant.name.clone();
        let work = work(index, tenant.clone(), ending.clone());
        tasks.spawn(async move { (index, name, work.await) });
    }
    let mut results: Vec<Option<T>> = plan.tenants.iter().map(|_| None).collect();
    let mut failure = None;
    loop {
        let ended = tokio::select! {
            ended = tasks.join_next() => ended,
            () = stop.raised(), if !ending.is_raised() => {
                ending.raise();
                continue;
            }
        };
        match ended {
            None => break,
            Some(Ok((index, _, Ok(result)))) => results[index] = Some(result),
            Some(Ok((_, name, Err(error)))) => {
                ending.raise();
                failure.get_or_insert(LoadError::Tenant { name, source: Box::new(error) });
            }
            Some(Err(error)) => {
                ending.raise();
                failure.get_or_insert(LoadError::Tenants(error.to_string()));
            }
        }
    }
    match failure {
        Some(failure) => Err(failure),
        None => Ok(results.into_iter().flatten().collect()),
    }
}
