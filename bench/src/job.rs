//! One tenant's load from its preload to its summary: a workload or a trace, against one endpoint.

use hopperkv_trace::TraceNotes;

use crate::client::Target;
use crate::error::LoadError;
use crate::load::LoadPlan;
use crate::preload::Preload;
use crate::preload::image::Image;
use crate::progress::Goal;
use crate::replay::ReplayPlan;
use crate::replay::pace::Pace;
use crate::report::{Preloaded, Setting, Summary};
use crate::stop::Stop;
use crate::supervisor::{Observer, Outcome};

/// What is sent.
#[derive(Debug, Clone)]
pub enum Traffic {
    /// A synthetic workload.
    Workload(LoadPlan),
    /// A trace.
    Trace(ReplayPlan),
}

/// A load and what happens before it.
#[derive(Debug, Clone)]
pub struct Job {
    /// What is sent.
    pub traffic: Traffic,
    /// What is done before, one after the other.
    pub preloads: Vec<Preload>,
}

/// How a load ended.
#[derive(Debug)]
pub struct Ended {
    /// What happened.
    pub outcome: Outcome,
    /// What the trace's reader noticed.
    pub notes: Option<TraceNotes>,
}

impl Job {
    /// What a summary repeats.
    #[must_use]
    pub fn setting(&self) -> Setting {
        match &self.traffic {
            Traffic::Workload(plan) => Setting {
                command: "run",
                endpoint: plan.target.endpoint.to_string(),
                input: plan.workload.to_string(),
                clients: plan.clients,
                depth: plan.depth,
                verify: plan.checks.verify,
                seed: Some(plan.seed),
                rate_per_s: plan.rate.map(|rate| rate.per_s),
                arrivals: plan.rate.map(|rate| format!("{:?}", rate.arrivals).to_lowercase()),
            },
            Traffic::Trace(plan) => Setting {
                command: "replay",
                endpoint: plan.target.endpoint.to_string(),
                input: plan.trace.display().to_string(),
                clients: plan.clients as u64,
                depth: plan.depth,
                verify: plan.checks.verify,
                seed: None,
                rate_per_s: None,
                arrivals: (plan.pace != Pace::Fast).then(|| plan.pace.to_string()),
            },
        }
    }

    /// When it will be over.
    #[must_use]
    pub fn goal(&self) -> Goal {
        match &self.traffic {
            Traffic::Workload(plan) => {
                plan.length().map(Goal::Elapsed).or(plan.requests.map(Goal::Requests))
            }
            Traffic::Trace(plan) => plan.limit.map(Goal::Requests),
        }
        .unwrap_or(Goal::Unknown)
    }

    /// When the preload will be over.
    #[must_use]
    pub fn preload_goal(&self) -> Goal {
        match (&self.traffic, self.preloads.as_slice()) {
            (Traffic::Workload(plan), [Preload::Fill | Preload::Read]) => {
                Goal::Requests(plan.workload.max_keys())
            }
            (_, [Preload::WarmUp(Some(count))]) => Goal::Requests(*count),
            _ => Goal::Unknown,
        }
    }

    /// Does what is to be done before; `None` if that is nothing.
    ///
    /// # Errors
    /// If it cannot begin; what goes wrong later is in the outcome.
    pub async fn preload(
        &self,
        stop: Stop,
        observers: &mut [Box<dyn Observer>],
    ) -> Result<Option<Outcome>, LoadError> {
        let mut all: Option<Outcome> = None;
        for preload in &self.preloads {
            let outcome = self.preload_one(preload, stop.clone(), observers).await?;
            let whole = served(&outcome);
            let sum = all.get_or_insert_with(|| Outcome::nothing(false));
            sum.total.merge(&outcome.total);
            sum.elapsed += outcome.elapsed;
            sum.interrupted |= outcome.interrupted;
            sum.failure = outcome.failure;
            if !whole {
                break;
            }
        }
        Ok(all)
    }

    async fn preload_one(
        &self,
        preload: &Preload,
        stop: Stop,
        observers: &mut [Box<dyn Observer>],
    ) -> Result<Outcome, LoadError> {
        match (&self.traffic, preload) {
            (Traffic::Workload(plan), preload) => preload.run(plan, stop, observers).await,
            (Traffic::Trace(plan), Preload::Image(path, fill)) => {
                let image = Image { path: path.clone(), fill: *fill };
                Ok(image.run(&plan.target, plan.clients, stop, observers).await?.0)
            }
            (Traffic::Trace(_), _) => Err(LoadError::Usage(String::from(
                "a trace is preloaded with an image: image:FILE or read-image:FILE",
            ))),
        }
    }

    /// Sends the load.
    ///
    /// # Errors
    /// If it cannot begin; what goes wrong later is in the outcome.
    pub async fn run(
        &self,
        stop: Stop,
        observers: &mut [Box<dyn Observer>],
    ) -> Result<Ended, LoadError> {
        match &self.traffic {
            Traffic::Workload(plan) => {
                let outcome = plan.run(stop, observers).await?;
                Ok(Ended { outcome, notes: None })
            }
            Traffic::Trace(plan) => {
                let (outcome, notes) = plan.run(stop, observers).await?;
                Ok(Ended { outcome, notes: Some(notes) })
            }
        }
    }

    /// The summary of a preload that failed or was interrupted, after which nothing follows.
    #[must_use]
    pub fn preload_failure(&self, outcome: Outcome) -> Summary {
        Summary::new(Setting { command: "preload", ..self.setting() }, outcome, None)
    }

    /// The summary of a load.
    #[must_use]
    pub fn summary(&self, preloaded: Option<Preloaded>, ended: Ended) -> Summary {
        let mut summary = Summary::new(self.setting(), ended.outcome, ended.notes);
        summary.preload = preloaded;
        summary
    }

    /// Where it goes.
    #[must_use]
    pub fn target(&self) -> &Target {
        match &self.traffic {
            Traffic::Workload(plan) => &plan.target,
            Traffic::Trace(plan) => &plan.target,
        }
    }
}

/// Whether a preload did all it should.
#[must_use]
pub fn served(outcome: &Outcome) -> bool {
    outcome.total.counts.errors == 0 && outcome.failure.is_none() && !outcome.interrupted
}
