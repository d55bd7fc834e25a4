//! Runs jobs and keeps what comes of each at once, until all are done, one fails, or somebody asks to stop.

use std::path::PathBuf;
use std::time::Instant;

use hopperkv_bench::stop::Stop;
use tokio::task::JoinSet;

use super::Settings;
use super::engine::{Driver, EngineError};
use super::plan::Job;
use super::progress::Progress;
use super::shipped;
use super::store::{Kept, Store, StoreError, fingerprint};
use crate::outcome::Outcome;
use crate::report::{self, ReportError};

/// Everything that a call of `run` needs.
#[derive(Debug)]
pub struct Runner {
    /// What runs jobs.
    pub driver: Driver,
    /// Scale and seed.
    pub settings: Settings,
    /// Where outcomes are kept.
    pub store: Store,
    /// Jobs at the same time.
    pub at_once: usize,
    /// Run what is there already, too.
    pub again: bool,
    /// Show nothing on the way.
    pub quiet: bool,
    /// Ends it early.
    pub stop: Stop,
}

/// How it ended.
#[derive(Debug, Default)]
pub struct Ended {
    /// Outcomes of the jobs that are done, in no order.
    pub outcomes: Vec<Outcome>,
    /// What ended it before all were done.
    pub failure: Option<RunError>,
    /// Whether it was stopped.
    pub stopped: bool,
}

/// What can end a run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A job failed.
    #[error("{job}: {source}")]
    Job {
        /// Which.
        job: String,
        /// Why.
        source: EngineError,
    },
    /// An outcome could not be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The report could not be written.
    #[error(transparent)]
    Report(#[from] ReportError),
}

impl Runner {
    /// Runs every job that has no outcome yet.
    pub async fn run(&self, jobs: &[Job]) -> Ended {
        let mut ended = Ended::default();
        let mut progress = Progress::new(jobs, self.quiet);
        let (engine, variant) = (self.driver.engine(), self.driver.variant());
        let mut to_do = Vec::new();
        for job in jobs {
            let print = fingerprint(job, engine, &self.settings, &variant);
            let found = if self.again { None } else { self.store.find(job, engine, &print) };
            match found {
                Some(outcome) => {
                    progress.end(job, None);
                    ended.outcomes.push(outcome);
                }
                None => to_do.push((job.clone(), print)),
            }
        }
        ended.failure = self.keep_specs(jobs).err().map(RunError::from);
        let mut to_do = to_do.into_iter();
        let is_live = matches!(self.driver, Driver::Live(_));
        let mut running = JoinSet::new();
        while ended.failure.is_none() {
            while running.len() < self.at_once.max(1) && !self.stop.is_raised() {
                let Some((job, print)) = to_do.next() else { break };
                progress.begin(&job);
                running.spawn(one(
                    self.driver.clone(),
                    job,
                    print,
                    self.settings,
                    self.stop.clone(),
                ));
            }
            let joined = tokio::select! {
                joined = running.join_next() => joined,
                // A live run cleans up behind itself; a simulation has nothing to clean up.
                () = self.stop.raised(), if !is_live => None,
            };
            let Some(joined) = joined else { break };
            ended.failure = self.take(joined, &mut ended.outcomes, &mut progress).err();
        }
        ended.stopped = self.stop.is_raised();
        if is_live && !running.is_empty() {
            // The others' servers end with them.
            self.stop.raise();
            while running.join_next().await.is_some() {}
        }
        if ended.stopped {
            // What failed because it was told to stop is no failure.
            ended.failure =
                ended.failure.filter(|failure| !matches!(failure, RunError::Job { .. }));
        }
        progress.finish();
        ended
    }

    fn keep_specs(&self, jobs: &[Job]) -> Result<(), StoreError> {
        let firsts = jobs.iter().enumerate().filter(|(index, job)| {
            jobs[..*index].iter().all(|earlier| earlier.spec.name != job.spec.name)
        });
        firsts.map(|(_, job)| job).try_for_each(|job| self.store.keep_spec(&job.spec))
    }

    fn take(
        &self,
        joined: Result<Done, tokio::task::JoinError>,
        outcomes: &mut Vec<Outcome>,
        progress: &mut Progress,
    ) -> Result<(), RunError> {
        let broke = |error: tokio::task::JoinError| RunError::Job {
            job: String::from("a run"),
            source: EngineError::Broke(error.to_string()),
        };
        let Done { job, took_s, ran } = joined.map_err(broke)?;
        let outcome = ran.map_err(|source| RunError::Job { job: job.label(), source })?;
        self.store.keep(&job, &outcome)?;
        progress.end(&job, Some(took_s));
        outcomes.push(outcome);
        Ok(())
    }

    /// Writes the report of everything in the store that is of this scale and seed, and of other specs and engines whatever
    /// there is; returns where it is, and the outcomes in it.
    ///
    /// # Errors
    /// If something cannot be read or written.
    pub fn report(&self, jobs: &[Job]) -> Result<(PathBuf, Vec<Outcome>), RunError> {
        let mut kept = self.store.load()?;
        let engine = self.driver.engine();
        let Settings { scale, seed } = self.settings;
        kept.outcomes.retain(|outcome| {
            let is_ours =
                outcome.engine == engine && jobs.iter().any(|job| job.spec.name == outcome.spec);
            let same = outcome.scale.to_bits() == scale.factor().to_bits() && outcome.seed == seed;
            !is_ours || same
        });
        write_report(kept, &self.store)
    }
}

/// Writes the report of what is kept.
///
/// # Errors
/// If a file cannot be written.
pub fn write_report(mut kept: Kept, store: &Store) -> Result<(PathBuf, Vec<Outcome>), RunError> {
    let place = |name: &str| shipped::names().position(|known| known == name).unwrap_or(usize::MAX);
    kept.specs.sort_by_key(|spec| (place(&spec.name), spec.name.clone()));
    kept.outcomes.sort_by_key(|outcome| {
        (
            place(&outcome.spec),
            outcome.spec.clone(),
            outcome.engine.name(),
            outcome.point,
            outcome.policy,
        )
    });
    kept.specs.retain(|spec| kept.outcomes.iter().any(|outcome| outcome.spec == spec.name));
    let path = report::write(&kept.specs, &kept.outcomes, store.path())?;
    Ok((path, kept.outcomes))
}

/// A job that ended.
struct Done {
    job: Job,
    took_s: f64,
    ran: Result<Outcome, EngineError>,
}

async fn one(driver: Driver, job: Job, print: String, settings: Settings, stop: Stop) -> Done {
    let begun = Instant::now();
    let mut ran = driver.run(&job, &settings, &stop).await;
    if let Ok(outcome) = &mut ran {
        outcome.fingerprint = print;
    }
    Done { job, took_s: begun.elapsed().as_secs_f64(), ran }
}
