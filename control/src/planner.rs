//! The allocator without its surroundings: accounts, decision and history under a clock that is passed in.
//!
//! A live proxy and a simulation run the same planner; they differ in where readings and curves come from and in what is
//! done with a run.

use std::sync::Arc;
use std::time::Duration;

use hare::{Calibration, Resources};
use parking_lot::Mutex;

use crate::course::Apply;
use crate::course::Pace;
use crate::decide::{Options, decide};
use crate::decision::{ReasonCode, Role};
use crate::ledger::Ledger;
use crate::reading::Learned;
use crate::reading::Reading;
use crate::run::{History, Run, Trigger};

/// Closes windows, decides, remembers.
#[derive(Debug, Default)]
pub struct Planner {
    ledger: Ledger,
    history: Arc<Mutex<History>>,
    /// Nothing was under way when the present window began.
    began_settled: bool,
}

/// How windows are closed.
#[derive(Debug, Clone, Copy)]
pub struct Closing {
    /// Windows summed into one curve and one demand.
    pub keep: usize,
    /// The time, from any fixed beginning.
    pub now: Duration,
    /// No change is under way.
    pub settled: bool,
}

impl Planner {
    /// A planner that remembers its runs in `history`.
    pub fn new(history: Arc<Mutex<History>>) -> Self {
        Self { history, ..Self::default() }
    }

    /// Begins the first window of the tenants that are there from the start.
    pub fn open(&mut self, readings: &[Reading], now: Duration) {
        self.ledger.open(readings, now);
    }

    /// Closes the window of every tenant and fills in what the last run led to. `learn` gives the curve of the tenant at an
    /// index of `readings`, told how many reads its window had and how many windows to sum.
    pub fn close_window(
        &mut self,
        readings: &[Reading],
        closing: Closing,
        learn: impl FnMut(usize, u64, usize) -> Learned,
    ) {
        let Closing { keep, now, settled } = closing;
        let served = self.ledger.close(readings, keep, now, learn);
        if !served.is_empty() {
            self.history.lock().measured(&served, self.began_settled);
        }
        self.began_settled = settled;
    }

    /// Decides and remembers it.
    pub fn run(
        &mut self,
        readings: &[Reading],
        keep: usize,
        options: &Options,
        occasion: Occasion,
    ) -> Run {
        let mut decision = decide(&self.ledger.snapshot(readings, keep), options);
        if occasion.trigger != Trigger::DryRun {
            let parts = readings.iter().zip(&decision.tenants);
            let active = parts.filter(|(_, tenant)| tenant.role == Role::Active);
            let found_better = decision.reason_code == ReasonCode::Unconfirmed;
            let on_the_way = decision.is_to_apply() && decision.is_a_step;
            let active = active.map(|(reading, _)| reading.number);
            self.ledger.remember(active, found_better, on_the_way);
        }
        if decision.pace(occasion.apply, 0) == Pace::Boost {
            decision.boost();
        }
        let run = self.history.lock().add(occasion.at_ms, occasion.trigger, decision);
        // What it changes is not in place when the window begins that is open now.
        self.began_settled &= !run.applied;
        run
    }

    /// Throughput that `share` sustains over that of `base`, by the demand and the curve of the windows that were closed; the
    /// last `keep` are summed. `None` of a tenant that had no requests in them, or whose curve is not known.
    pub fn gain(
        &self,
        number: u32,
        base: &Resources,
        share: &Resources,
        keep: usize,
    ) -> Option<f64> {
        self.ledger.gain(number, base, share, keep)
    }

    /// From modelled entries to the `maxmemory` of this tenant.
    pub fn calibration(&self, number: u32) -> Calibration {
        self.ledger.calibration(number)
    }
}

/// When and why a run is made, and what becomes of it.
#[derive(Debug, Clone, Copy)]
pub struct Occasion {
    /// What set it off.
    pub trigger: Trigger,
    /// Milliseconds since 1970.
    pub at_ms: u64,
    /// How a decision is put in place.
    pub apply: Apply,
}
