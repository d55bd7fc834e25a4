//! A tenant at a station: its traffic, what is counted of it and what is learned of it.

use hare::Access;

use super::learner::Learner;
use super::limit::NEVER_NS;
use super::source::{Demand, Source};
use super::tally::Tally;

const NS_PER_S: f64 = 1e9;

/// How requests follow each other.
#[derive(Debug, Clone, Copy)]
pub(super) enum Loop {
    /// A new one when one is answered.
    Closed {
        /// Connections.
        connections: u32,
        /// Requests under way on each.
        depth: u32,
    },
    /// At a constant rate.
    Open {
        /// Requests per second.
        rate_per_s: f64,
    },
}

/// A tenant at a station.
#[derive(Debug)]
pub(super) struct Guest {
    /// Its place in the spec.
    pub(super) tenant: usize,
    pub(super) source: Source,
    pub(super) traffic: Loop,
    pub(super) tally: Tally,
    pub(super) learner: Option<Learner>,
    /// Where its keys begin among those of the station.
    pub(super) first_key: u32,
    arrived_ns: Option<u64>,
    /// Requests of an open loop so far.
    arrivals: u64,
}

impl Guest {
    /// A tenant that has not arrived.
    pub(super) fn new(
        tenant: usize,
        source: Source,
        traffic: Loop,
        learner: Option<Learner>,
        first_key: u32,
    ) -> Self {
        let tally = Tally::new();
        Self { tenant, source, traffic, tally, learner, first_key, arrived_ns: None, arrivals: 0 }
    }

    /// Becomes one that has not arrived, and will ask for the same.
    pub(super) fn begin_again(&mut self) {
        self.source.begin_again();
        (self.tally, self.arrived_ns, self.arrivals) = (Tally::new(), None, 0);
    }

    pub(super) fn arrive(&mut self, now_ns: u64) {
        self.arrived_ns = Some(now_ns);
    }

    pub(super) fn leave(&mut self) {
        self.arrived_ns = None;
    }

    pub(super) fn is_present(&self) -> bool {
        self.arrived_ns.is_some()
    }

    /// When its traffic changes.
    pub(super) fn changes_ns(&self) -> u64 {
        let change = self.arrived_ns.zip(self.source.changes_ns());
        change.map_or(NEVER_NS, |(arrived, after)| arrived.saturating_add(after))
    }

    /// When an open loop sends its next request.
    #[inline]
    pub(super) fn next_arrival_ns(&self) -> u64 {
        match (self.traffic, self.arrived_ns) {
            (Loop::Open { rate_per_s }, Some(arrived_ns)) => {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "a positive time; the cast saturates"
                )]
                let after_ns = ((self.arrivals + 1) as f64 / rate_per_s * NS_PER_S) as u64;
                arrived_ns.saturating_add(after_ns)
            }
            _ => NEVER_NS,
        }
    }

    pub(super) fn arrived_one(&mut self) {
        self.arrivals += 1;
    }

    /// Shows a request to what learns from it; the key is counted within the tenant.
    #[inline]
    pub(super) fn saw(&mut self, key: u32, demand: &Demand, access: Access) {
        if let Some(learner) = &mut self.learner {
            learner.saw(key, || demand.entry_bytes(), access);
        }
    }
}
