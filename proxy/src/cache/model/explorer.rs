//! Walks through the model: every state breadth first, so that the first violation is a shortest one, or at random.

use std::collections::HashSet;
use std::collections::VecDeque;
use std::hash::BuildHasher as _;

use foldhash::fast::FixedState;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::engine::Engine;
use super::run::{Action, Run};
use super::world::{Setup, Slip, World};

/// What a walk saw.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) states: usize,
    pub(super) steps: usize,
    /// The walk ended before it had seen everything.
    pub(super) cut_short: bool,
    pub(super) violation: Option<Violation>,
}

/// A broken promise and how it came about.
#[derive(Debug)]
pub(super) struct Violation {
    pub(super) what: String,
    pub(super) trace: Vec<Action>,
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{}", self.what)?;
        for (number, action) in self.trace.iter().enumerate() {
            writeln!(f, "{number:3} {action:?}")?;
        }
        Ok(())
    }
}

/// Every state that the scenario can reach, `max_states` at most; ends at the first violation.
pub(super) fn exhaust(
    setup: &Setup,
    slip: Option<Slip>,
    engine: &mut Engine,
    max_states: usize,
) -> Report {
    let hasher = FixedState::default();
    let start = World::new(setup);
    let mut seen = HashSet::from([hasher.hash_one(&start)]);
    // Each state's predecessor, for the trace.
    let mut origins: Vec<Option<(usize, Action)>> = vec![None];
    let mut queue = VecDeque::from([(0, start)]);
    let mut report = Report::default();
    while let Some((index, world)) = queue.pop_front() {
        let actions = Run { world: world.clone(), setup, slip, engine: &mut *engine }.actions();
        let stuck = actions.is_empty() && !world.is_over();
        if stuck {
            let what = format!("nothing can go on: {world:?}");
            report.violation = Some(Violation { what, trace: trace(&origins, index, None) });
            break;
        }
        for action in actions {
            report.steps += 1;
            let mut run = Run { world: world.clone(), setup, slip, engine: &mut *engine };
            if let Err(what) = run.apply(action) {
                let trace = trace(&origins, index, Some(action));
                report.violation = Some(Violation { what, trace });
                report.states = origins.len();
                return report;
            }
            if seen.insert(hasher.hash_one(&run.world)) {
                if origins.len() == max_states {
                    report.cut_short = true;
                    report.states = origins.len();
                    return report;
                }
                queue.push_back((origins.len(), run.world));
                origins.push(Some((index, action)));
            }
        }
    }
    report.states = origins.len();
    report
}

/// `walks` ways through the scenario, chosen by the seed.
pub(super) fn wander(setup: &Setup, engine: &mut Engine, walks: usize, seed: u64) -> Report {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut report = Report::default();
    for _ in 0..walks {
        let mut run = Run { world: World::new(setup), setup, slip: None, engine: &mut *engine };
        let mut trace = Vec::new();
        loop {
            let actions = run.actions();
            if actions.is_empty() {
                break;
            }
            let action = actions[rng.random_range(0..actions.len())];
            trace.push(action);
            report.steps += 1;
            if let Err(what) = run.apply(action) {
                report.violation = Some(Violation { what, trace });
                return report;
            }
        }
        report.states += trace.len();
    }
    report
}

fn trace(origins: &[Option<(usize, Action)>], end: usize, last: Option<Action>) -> Vec<Action> {
    let mut trace: Vec<Action> = last.into_iter().collect();
    let mut at = end;
    while let Some(Some((origin, action))) = origins.get(at) {
        trace.push(*action);
        at = *origin;
    }
    trace.reverse();
    trace
}
