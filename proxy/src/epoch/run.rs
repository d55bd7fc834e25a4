//! What is remembered of a decision, and what came of it an epoch later.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use serde::Serialize;
use utoipa::ToSchema;

use super::decision::{Decision, ReasonCode};

/// Runs kept; older ones are forgotten.
const KEPT: usize = 256;

/// A tenant's part of the four resources.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub(crate) struct Share {
    /// Cache, as Redis counts `maxmemory`.
    pub(crate) cache_bytes: u64,
    /// Read units per second.
    pub(crate) read_units_per_s: f64,
    /// Write units per second.
    pub(crate) write_units_per_s: f64,
    /// Bytes per second, client and storage side together.
    pub(crate) net_bytes_per_s: f64,
}

/// What set a run off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Trigger {
    /// The interval passed.
    Timer,
    /// An operator asked for it.
    Manual,
    /// An operator asked what would be decided.
    DryRun,
    /// The options changed.
    Options,
}

/// One run of the allocator.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Run {
    /// Counts up from 1 since the start of the proxy.
    pub(crate) id: u64,
    /// When, in milliseconds since 1970.
    pub(crate) at_ms: u64,
    /// What set it off.
    pub(crate) trigger: Trigger,
    /// Whether quotas were changed, or a gradual change was begun.
    pub(crate) applied: bool,
    /// What was decided, on what grounds.
    #[serde(flatten)]
    pub(crate) decision: Decision,
}

/// The last runs, newest last.
#[derive(Debug, Default)]
pub(super) struct History {
    runs: VecDeque<Run>,
    last_id: u64,
    measured: u64,
    counts: RunCounts,
}

/// Runs since start, for metrics.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct RunCounts {
    /// Runs that changed quotas.
    pub(crate) applied: u64,
    /// Runs that did not.
    pub(crate) kept: u64,
}

impl History {
    /// Adds a run and returns it as it is kept.
    pub(super) fn add(&mut self, at_ms: u64, trigger: Trigger, mut decision: Decision) -> Run {
        self.last_id += 1;
        let applied = trigger != Trigger::DryRun && decision.is_to_apply();
        if trigger == Trigger::DryRun {
            let would = if decision.is_to_apply() { "would be applied" } else { "would be kept" };
            decision.reason = format!("dry run, {would}: {}", decision.reason);
            decision.reason_code = ReasonCode::DryRun;
        } else if applied {
            self.counts.applied += 1;
        } else {
            self.counts.kept += 1;
        }
        let run = Run { id: self.last_id, at_ms, trigger, applied, decision };
        if self.runs.len() >= KEPT {
            self.runs.pop_front();
        }
        self.runs.push_back(run.clone());
        run
    }

    /// Fills in what runs since the last call led to: requests/s served since then, by tenant.
    pub(super) fn measured(&mut self, requests_per_s: &HashMap<Arc<str>, f64>) {
        let unmeasured = self.measured;
        for run in self.runs.iter_mut().filter(|run| run.id > unmeasured) {
            for tenant in &mut run.decision.tenants {
                let Some(&measured) = requests_per_s.get(&tenant.name) else { continue };
                tenant.measured_requests_per_s = Some(measured);
                let base = tenant.base_requests_per_s.filter(|base| *base > 0.0);
                tenant.measured_gain = base.map(|base| measured / base);
            }
        }
        self.measured = self.last_id;
    }

    /// The newest `most` runs, newest first.
    pub(super) fn newest(&self, most: usize) -> Vec<Run> {
        self.runs.iter().rev().take(most).cloned().collect()
    }

    /// Runs since start.
    pub(super) fn counts(&self) -> RunCounts {
        self.counts
    }
}
