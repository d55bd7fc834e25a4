//! The two engines behind one call.

use std::sync::Arc;

use hopperkv_bench::stop::Stop;

use super::Settings;
use super::plan::Job;
use crate::live::{self, LiveError, Setup};
use crate::outcome::Outcome;
use crate::simulation::{self, SimulationError};
use crate::spec::Engine;

/// What runs jobs.
#[derive(Debug, Clone)]
pub enum Driver {
    /// Virtual time.
    Sim,
    /// This machine.
    Live(Arc<Setup>),
}

/// Why a job has no outcome.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The simulation says so.
    #[error(transparent)]
    Simulation(#[from] SimulationError),
    /// The live engine says so.
    #[error(transparent)]
    Live(#[from] LiveError),
    /// The simulation ended without a result.
    #[error("the simulation broke off: {0}")]
    Broke(String),
}

impl Driver {
    /// Which of the engines.
    #[must_use]
    pub fn engine(&self) -> Engine {
        match self {
            Self::Sim => Engine::Sim,
            Self::Live(_) => Engine::Live,
        }
    }

    /// What an outcome hangs on besides spec, scale and seed.
    #[must_use]
    pub fn variant(&self) -> String {
        match self {
            Self::Sim => String::new(),
            Self::Live(setup) => setup.storage.to_string(),
        }
    }

    /// Runs a job. A simulation does not heed `stop`: drop the future, and nobody waits for it any more.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn run(
        &self,
        job: &Job,
        settings: &Settings,
        stop: &Stop,
    ) -> Result<Outcome, EngineError> {
        let Job { spec, point, policy, .. } = job.clone();
        match self {
            Self::Sim => {
                let settings = *settings;
                let simulate = move || simulation::run(&spec, point, policy, &settings);
                let ran = tokio::task::spawn_blocking(simulate).await;
                Ok(ran.map_err(|error| EngineError::Broke(error.to_string()))??)
            }
            Self::Live(setup) => Ok(live::run(&spec, point, policy, settings, setup, stop).await?),
        }
    }
}
