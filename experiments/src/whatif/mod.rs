//! What would sharing give the tenants whose traces these are? Exact curves and demand from each trace, then every policy's
//! shares and what they are predicted to bring; simulated as well if asked for.
//!
//! Reading order: `base` (shares as they are written), `learn` (a trace in, curve and demand out), `answer` (shares and
//! gains), `text` (the table), `replay` (the simulation).

mod answer;
mod base;
mod learn;
mod replay;
mod text;

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use hopperkv_trace::{TraceError, TraceNotes};
use serde::Serialize;

use crate::simulation::SimulationError;
use crate::spec::SpecError;

pub use answer::{Answer, PolicyAnswer, TenantAnswer, answer};
pub use base::Base;
use learn::Counted;
pub use learn::Learned;
pub use text::render;

/// What is asked.
#[derive(Debug, Clone)]
pub struct Question {
    /// A trace of each tenant.
    pub traces: Vec<PathBuf>,
    /// One base share for all, or one for each trace.
    pub bases: Vec<Base>,
    /// Requests at the start of each trace that warm caches and count for nothing else. A simulation takes the traces as going
    /// over and over instead.
    pub warm_up: u64,
    /// Whether to simulate as well, with this seed.
    pub simulate: Option<u64>,
}

/// A tenant: its trace, read.
#[derive(Debug, Clone, Serialize)]
pub struct Tenant {
    /// Name of its trace without directory and endings.
    pub name: String,
    /// The trace.
    pub trace: PathBuf,
    /// What the reader noticed.
    pub notes: TraceNotes,
    /// Curve and demand.
    pub learned: Learned,
    /// What it is entitled to.
    pub base: Base,
}

/// A question that has no answer.
#[derive(Debug, thiserror::Error)]
pub enum WhatIfError {
    /// A trace that cannot be used.
    #[error(transparent)]
    Trace(#[from] TraceError),
    /// The question makes no sense.
    #[error("{0}")]
    Question(String),
    /// It cannot be simulated.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// The simulation failed.
    #[error(transparent)]
    Simulation(#[from] SimulationError),
}

impl Question {
    /// Reads every trace and answers.
    ///
    /// # Errors
    /// If a trace cannot be used, there are too few of them, or as many bases as make no sense.
    pub fn answer(&self) -> Result<Answer, WhatIfError> {
        let tenants = self.tenants()?;
        let mut answered = answer(tenants);
        if let Some(seed) = self.simulate {
            replay::replay(&mut answered, seed)?;
        }
        Ok(answered)
    }

    fn tenants(&self) -> Result<Vec<Tenant>, WhatIfError> {
        let (traces, bases) = (self.traces.len(), self.bases.len());
        if traces < 2 {
            return Err(WhatIfError::Question(
                "sharing takes two: give --trace twice or more".into(),
            ));
        }
        let stdin = self.traces.iter().any(|trace| trace.as_os_str() == "-");
        if stdin && self.simulate.is_some() {
            let words = "standard input can be read only once; --simulate needs files";
            return Err(WhatIfError::Question(words.into()));
        }
        if bases != 1 && bases != traces {
            return Err(WhatIfError::Question(format!(
                "--base is given {bases} times for {traces} traces; give it once for all, or once for each"
            )));
        }
        // What is simulated goes over and over, and so it is predicted.
        let counted = match self.simulate {
            Some(_) => Counted::SecondPass,
            None => Counted::After(self.warm_up),
        };
        let mut tenants: Vec<Tenant> = Vec::new();
        for (index, trace) in self.traces.iter().enumerate() {
            let base = self.bases[if bases == 1 { 0 } else { index }];
            let (learned, notes) = learn::learn(trace, &base, counted)?;
            let plain = name_of(trace);
            let taken = tenants.iter().filter(|tenant| name_of(&tenant.trace) == plain).count();
            let name = if taken > 0 { format!("{plain}-{}", taken + 1) } else { plain };
            tenants.push(Tenant { name, trace: trace.clone(), notes, learned, base });
        }
        Ok(tenants)
    }
}

fn name_of(trace: &std::path::Path) -> String {
    let name =
        trace.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let plain = name.split('.').next().unwrap_or_default();
    let is_fit = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let plain: String = plain.chars().map(|c| if is_fit(c) { c } else { '-' }).collect();
    if plain.is_empty() { "tenant".into() } else { plain }
}
