//! A synthetic run: `clients` connections go through the phases of a workload together, in a closed or an open loop.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::arrivals::{Rate, Timetable};
use crate::client::{Client, Target};
use crate::closed_loop::{Budget, Checks, LoopClient, Sizes};
use crate::error::LoadError;
use crate::keys::KeySpace;
use crate::mix::Mix;
use crate::open_loop::OpenPhase;
use crate::spec::{Phase, Workload};
use crate::stop::Stop;
use crate::supervisor::{Observer, Outcome, Supervisor};

/// How long a phase without a duration lasts, if no number of requests bounds the run either.
const DEFAULT_PHASE: Duration = Duration::from_secs(10);

/// Everything a run needs to know.
#[derive(Debug, Clone)]
pub struct LoadPlan {
    /// The server.
    pub target: Target,
    /// What to send.
    pub workload: Workload,
    /// Connections.
    pub clients: u64,
    /// Requests in flight per connection, in an open loop at most.
    pub depth: usize,
    /// The rate of an open loop; without one the loop is closed: a request follows a reply.
    pub rate: Option<Rate>,
    /// Duration of phases that state none.
    pub duration: Option<Duration>,
    /// Requests in total, over all clients and phases.
    pub requests: Option<u64>,
    /// What to check.
    pub checks: Checks,
    /// Seed of the random choices.
    pub seed: u64,
}

impl LoadPlan {
    /// A closed loop of eight connections without pipelining that verifies every value, for as long as the workload says.
    #[must_use]
    pub fn new(target: Target, workload: Workload) -> Self {
        Self {
            target,
            workload,
            clients: 8,
            depth: 1,
            rate: None,
            duration: None,
            requests: None,
            checks: Checks::default(),
            seed: 1,
        }
    }

    /// How long it takes in all, unless only the number of requests bounds it.
    #[must_use]
    pub fn length(&self) -> Option<Duration> {
        self.durations().into_iter().sum()
    }

    /// Sizes of a phase's keys and values.
    #[must_use]
    pub fn sizes(phase: &Phase) -> Sizes {
        Sizes { key_bytes: phase.key_bytes, value_bytes: phase.value_bytes }
    }

    /// How long each phase lasts; `None` where only the number of requests bounds it.
    fn durations(&self) -> Vec<Option<Duration>> {
        let fallback = self.duration.or(self.requests.is_none().then_some(DEFAULT_PHASE));
        self.workload.phases.iter().map(|phase| phase.duration.or(fallback)).collect()
    }

    /// Runs it to its end, or until `stop`.
    ///
    /// # Errors
    /// If the endpoint cannot be reached; what goes wrong later is in the outcome.
    pub async fn run(
        &self,
        stop: Stop,
        observers: &mut [Box<dyn Observer>],
    ) -> Result<Outcome, LoadError> {
        self.run_until(stop, None, observers).await
    }

    /// The same, but it also ends, as at its own end, when `enough` is raised.
    pub(crate) async fn run_until(
        &self,
        stop: Stop,
        enough: Option<Stop>,
        observers: &mut [Box<dyn Observer>],
    ) -> Result<Outcome, LoadError> {
        let mut supervisor = Supervisor::new(stop);
        if let Some(enough) = enough {
            let ending = supervisor.worker_stop();
            supervisor.spawn_watch(async move {
                enough.raised().await;
                ending.raise();
            });
        }
        let budget = Budget::new(self.requests);
        let space = |phase| KeySpace::new(phase).awaiting_replies();
        let spaces: Vec<KeySpace> = self.workload.phases.iter().map(space).collect();
        let mut clients = Vec::new();
        for _ in 0..self.clients {
            let client = Client::connect(&self.target).await?;
            let (stop, tally) = (supervisor.worker_stop(), supervisor.new_tally());
            let budget = budget.clone();
            clients.push(LoopClient::new(client, self.depth, self.checks, stop, budget, tally));
        }
        let durations = self.durations();
        let plan = Arc::new(self.clone());
        let start = Instant::now();
        for (number, mut client) in (0..self.clients).zip(clients) {
            let (plan, spaces, durations) = (plan.clone(), spaces.clone(), durations.clone());
            supervisor.spawn(async move {
                let mut begin = Some(start);
                for (index, (phase, space)) in plan.workload.phases.iter().zip(&spaces).enumerate()
                {
                    let seed = plan.seed.wrapping_add((index as u64) << 32);
                    let mut mix = Mix::new(phase, space, number, plan.clients, seed);
                    let until = begin.zip(durations[index]).map(|(begin, lasts)| begin + lasts);
                    let sizes = LoadPlan::sizes(phase);
                    if let Some(rate) = plan.rate {
                        let table = Timetable::new(rate, number, plan.clients, seed);
                        let (start, give_up_after) =
                            (begin.unwrap_or_else(Instant::now), rate.give_up_after);
                        let times = OpenPhase { table, start, until, give_up_after };
                        client.run_open_phase(&mut mix, sizes, times).await?;
                    } else {
                        client.run_phase(&mut mix, sizes, until).await?;
                    }
                    begin = until;
                }
                Ok(())
            });
        }
        Ok(supervisor.watch(self.length(), observers).await)
    }
}
