//! Everybody under load at once, for one act of a run.

use std::time::Duration;

use hopperkv_bench::arrivals::Rate;
use hopperkv_bench::closed_loop::Checks;
use hopperkv_bench::load::LoadPlan;
use hopperkv_bench::stop::Stop;
use hopperkv_bench::supervisor::Outcome;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::LiveError;
use super::cast::{Actor, Cast};
use super::proxy::Proxy;
use super::recorder::Recorder;
use super::watch::{Sample, Watch};
use crate::runner::stream_seed;
use crate::spec::Spec;

/// A stretch of load.
#[derive(Debug, Clone, Copy)]
pub(super) struct Act {
    /// When it begins, by the run's clock.
    pub(super) offset: Duration,
    pub(super) length: Duration,
    /// What is measured of it: from here, by the run's clock, to its end.
    pub(super) measure_from: Duration,
}

/// What was seen in an act.
#[derive(Debug)]
pub(super) struct Seen {
    /// Of every actor, what its clients saw.
    pub(super) recorders: Vec<Recorder>,
    /// Of every seat, what the proxy says.
    pub(super) samples: Vec<Vec<Sample>>,
}

/// Who drives whom.
#[derive(Debug, Clone, Copy)]
pub(super) struct Drive<'a> {
    pub(super) spec: &'a Spec,
    pub(super) cast: &'a Cast,
    pub(super) proxy: &'a Proxy,
    pub(super) seed: u64,
    pub(super) stop: &'a Stop,
}

impl Drive<'_> {
    /// Drives everybody to the end of the act. Those who arrive in it have a seat from then on, those who leave no longer.
    pub(super) async fn play(&self, act: Act) -> Result<Seen, LiveError> {
        let seats = self.cast.seats.iter().map(|seat| seat.name.clone()).collect();
        let watch =
            Watch::begin(&self.proxy.admin, &self.proxy.servers, seats, Instant::now(), act.offset);
        let end = act.offset + act.length;
        let abandon = Stop::default();
        let (mut recorders, mut loads) = (Vec::new(), JoinSet::new());
        let mut comings: Vec<Coming<'_>> = Vec::new();
        for (number, actor) in (0_u64..).zip(&self.cast.actors) {
            let recorder = Recorder::new(act.offset + actor.arrives, act.measure_from, end);
            recorders.push(recorder.clone());
            let stays = actor.leaves.unwrap_or(act.length).min(act.length);
            let length = stays.saturating_sub(actor.arrives);
            if length.is_zero() {
                continue;
            }
            let seed = stream_seed(self.seed, number, act.offset);
            let plan = self.plan(actor, length, seed);
            let (name, stop) = (actor.name.clone(), abandon.clone());
            let load = async move {
                let mut observers: [Box<dyn hopperkv_bench::supervisor::Observer>; 1] =
                    [Box::new(recorder)];
                served(&name, plan.run(stop, &mut observers).await?)
            };
            let leaves = actor.leaves.is_some_and(|leaves| leaves < act.length);
            if actor.arrives.is_zero() && !leaves {
                loads.spawn(load);
            } else {
                comings.push(Box::pin(self.visit(actor, leaves, load, &abandon)));
            }
        }
        let visits = futures_util::future::try_join_all(comings);
        let rest = async {
            while let Some(ended) = loads.join_next().await {
                ended.map_err(|error| LiveError::Unable(error.to_string()))??;
            }
            Ok(())
        };
        let all = async { tokio::try_join!(visits, rest) };
        tokio::pin!(all);
        let mut lost = None;
        let played = loop {
            tokio::select! {
                played = &mut all => break played,
                () = self.stop.raised(), if !abandon.is_raised() => abandon.raise(),
                seat = watch.lost(), if lost.is_none() => {
                    abandon.raise();
                    lost = Some(seat);
                }
            }
        };
        abandon.raise();
        if self.stop.is_raised() {
            return Err(LiveError::Stopped);
        }
        if let Some(seat) = lost {
            let problem = format!("the Redis server of tenant {seat} was lost meanwhile");
            return Err(self.proxy.failure(&problem).into());
        }
        played?;
        Ok(Seen { recorders, samples: watch.end().await })
    }

    /// A tenant that comes, or goes, within the act.
    async fn visit(
        &self,
        actor: &Actor,
        leaves: bool,
        load: impl Future<Output = Result<(), LiveError>> + Send,
        abandon: &Stop,
    ) -> Result<(), LiveError> {
        let seat = &self.cast.seats[actor.seat];
        if !actor.arrives.is_zero() {
            tokio::select! {
                () = sleep(actor.arrives) => {}
                () = abandon.raised() => return Ok(()),
            }
            if !self.cast.is_shared {
                self.proxy.seat(seat).await?;
            }
        }
        load.await?;
        if leaves && !self.cast.is_shared {
            self.proxy.admin.remove_tenant(&seat.name).await?;
        }
        Ok(())
    }

    fn plan(&self, actor: &Actor, length: Duration, seed: u64) -> LoadPlan {
        LoadPlan {
            target: self.proxy.target(&self.cast.seats[actor.seat]),
            workload: actor.within(length),
            clients: self.spec.connections,
            depth: self.spec.depth,
            rate: actor.rate_per_s.map(Rate::constant),
            duration: Some(length),
            requests: None,
            checks: Checks { nil_is_loss: true, ..Checks::default() },
            seed,
        }
    }
}

type Coming<'a> = std::pin::Pin<Box<dyn Future<Output = Result<(), LiveError>> + Send + 'a>>;

/// Turns a load that broke off or read a wrong value into an error.
pub(super) fn served(tenant: &str, outcome: Outcome) -> Result<(), LiveError> {
    if let Some(error) = outcome.failure {
        return Err(error.into());
    }
    if !outcome.total.is_correct() || outcome.total.counts.errors > 0 {
        let words = [outcome.total.failures, outcome.total.error_replies].concat().join("; ");
        return Err(LiveError::Wrong { tenant: tenant.to_owned(), words });
    }
    Ok(())
}
