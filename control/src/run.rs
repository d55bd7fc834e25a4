//! What is remembered of a decision, and what came of it an epoch later.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use serde::Serialize;
use utoipa::ToSchema;

use crate::account::Served;
use crate::decision::{Decision, ReasonCode};

/// Runs kept; older ones are forgotten.
const KEPT: usize = 256;
/// Curve points kept with the newest runs, so that they can be decided again offline; 16 bytes each.
const KEPT_POINTS: usize = 1 << 20;

/// A tenant's part of the four resources.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct Share {
    /// Cache, as Redis counts `maxmemory`.
    pub cache_bytes: u64,
    /// Read units per second.
    pub read_units_per_s: f64,
    /// Write units per second.
    pub write_units_per_s: f64,
    /// Bytes per second, client and storage side together.
    pub net_bytes_per_s: f64,
}

/// What set a run off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
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
pub struct Run {
    /// Counts up from 1 since the start of the proxy.
    pub id: u64,
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
    /// What set it off.
    pub trigger: Trigger,
    /// Whether quotas were changed, or a gradual change was begun.
    pub applied: bool,
    /// Whether the decision was in place before the epoch began in which its gain was measured; absent until then, and false
    /// while a gradual change or a boost was under way.
    pub measured_in_place: Option<bool>,
    /// What was decided, on what grounds.
    #[serde(flatten)]
    pub decision: Decision,
}

/// The last runs, newest last.
#[derive(Debug, Default)]
pub struct History {
    runs: VecDeque<Run>,
    last_id: u64,
    measured: u64,
    counts: RunCounts,
}

/// Runs since start by what they came to, for metrics.
#[derive(Debug, Clone, Default)]
pub struct RunCounts(pub BTreeMap<ReasonCode, u64>);

impl RunCounts {
    /// Runs that changed quotas.
    pub fn applied(&self) -> u64 {
        self.0.iter().filter(|(reason, _)| reason.is_to_apply()).map(|(_, count)| count).sum()
    }

    /// Runs that did not, dry runs left out.
    pub fn kept(&self) -> u64 {
        let kept = |reason: &ReasonCode| !reason.is_to_apply() && *reason != ReasonCode::DryRun;
        self.0.iter().filter(|(reason, _)| kept(reason)).map(|(_, count)| count).sum()
    }
}

impl History {
    /// Adds a run and returns it as it is kept.
    pub fn add(&mut self, at_ms: u64, trigger: Trigger, mut decision: Decision) -> Run {
        self.last_id += 1;
        let applied = trigger != Trigger::DryRun && decision.is_to_apply();
        if trigger == Trigger::DryRun {
            let would = if decision.is_to_apply() { "would be applied" } else { "would be kept" };
            decision.reason = format!("dry run, {would}: {}", decision.reason);
            decision.reason_code = ReasonCode::DryRun;
        }
        *self.counts.0.entry(decision.reason_code).or_default() += 1;
        let (id, measured_in_place) = (self.last_id, None);
        let run = Run { id, at_ms, trigger, applied, measured_in_place, decision };
        if self.runs.len() >= KEPT {
            self.runs.pop_front();
        }
        self.runs.push_back(run.clone());
        self.forget_inputs();
        run
    }

    /// Fills in what runs since the last call led to, by tenant. `in_place`: nothing was under way when the window began.
    /// Runs from the last applied one on are measured again until what was decided was in place.
    pub fn measured(&mut self, served: &HashMap<Arc<str>, Served>, in_place: bool) {
        let unmeasured = self.measured;
        let applied = self.iter().find(|run| run.applied).map_or(0, |run| run.id);
        let is_due = |run: &&mut Run| {
            run.id > unmeasured || (run.id >= applied && run.measured_in_place == Some(false))
        };
        for run in self.runs.iter_mut().filter(is_due) {
            run.measured_in_place = Some(in_place);
            for tenant in &mut run.decision.tenants {
                let Some(served) = served.get(&tenant.name) else { continue };
                tenant.measured_requests_per_s = Some(served.requests_per_s);
                let base = served.base_requests_per_s.filter(|base| *base > 0.0);
                tenant.measured_base_requests_per_s = base;
                tenant.measured_gain = base.map(|base| served.requests_per_s / base);
                tenant.measured_limited = Some(served.limited);
            }
        }
        self.measured = self.last_id;
    }

    /// A run that is still kept.
    pub fn get(&self, id: u64) -> Option<&Run> {
        self.runs.iter().find(|run| run.id == id)
    }

    /// The runs that are kept, newest first.
    pub fn iter(&self) -> impl Iterator<Item = &Run> {
        self.runs.iter().rev()
    }

    /// The newest `most` runs, newest first.
    pub fn newest(&self, most: usize) -> Vec<Run> {
        self.runs.iter().rev().take(most).cloned().collect()
    }

    /// Runs since start.
    pub fn counts(&self) -> RunCounts {
        self.counts.clone()
    }

    /// Keeps the inputs of as many of the newest runs as the bound allows, of one at least.
    fn forget_inputs(&mut self) {
        let mut points = 0;
        for run in self.runs.iter_mut().rev() {
            let Some(inputs) = &run.decision.inputs else { continue };
            let fits = points == 0 || points + inputs.points() <= KEPT_POINTS;
            points += inputs.points().max(1);
            if !fits {
                run.decision.inputs = None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use hare::Policy;

    use super::{History, Trigger};
    use crate::decision::{Decision, ReasonCode};

    fn decision(reason_code: ReasonCode) -> Decision {
        Decision {
            policy: Policy::Optimum,
            improve_ratio: 0.0,
            improvement: 0.0,
            current_improvement: 0.0,
            rounds: 0,
            reason_code,
            reason: String::new(),
            tenants: Vec::new(),
            inputs: None,
            is_a_step: false,
        }
    }

    #[test]
    fn a_change_is_measured_until_it_has_settled() {
        let (mut history, served) = (History::default(), HashMap::new());
        let in_place = |history: &History| -> Vec<Option<bool>> {
            history.iter().map(|run| run.measured_in_place).collect()
        };
        history.add(1, Trigger::Timer, decision(ReasonCode::Improves));
        assert_eq!(in_place(&history), [None]);
        history.measured(&served, false);
        history.add(2, Trigger::Timer, decision(ReasonCode::Unchanged));
        assert_eq!(in_place(&history), [None, Some(false)], "newest first");
        history.measured(&served, true);
        assert_eq!(in_place(&history), [Some(true), Some(true)], "now it has settled");
        history.measured(&served, false);
        assert_eq!(in_place(&history), [Some(true), Some(true)], "once is enough");
        history.add(3, Trigger::Timer, decision(ReasonCode::Improves));
        history.measured(&served, false);
        history.add(4, Trigger::Timer, decision(ReasonCode::Improves));
        history.measured(&served, true);
        let settled = [Some(true), Some(false), Some(true), Some(true)];
        assert_eq!(in_place(&history), settled, "what was replaced never settled");
    }
}
