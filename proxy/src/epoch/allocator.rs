//! The epoch loop: its clock, its options, and the way from a verdict to quotas.

use std::collections::HashMap;
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use hare::{Instance, MissRatioCurve, Rates, Resources};
use parking_lot::Mutex;
use tokio::sync::{Mutex as TurnMutex, Notify, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::gains::GainBook;
use super::reading;
use hopperkv_control::caution::Caution;
use hopperkv_control::course::Pace;
use hopperkv_control::decide::Options;
use hopperkv_control::decision::{ReasonCode, Role};
use hopperkv_control::planner::{Closing, Occasion, Planner};
use hopperkv_control::reading::{Learned, Reading};
use hopperkv_control::run::{History, Run, RunCounts, Trigger};

use crate::apply::{Applier, Change};
use crate::config::{AllocatorConfig, Choice as _, Policy, Salt};
use crate::server::Shared;
use crate::tenant::{Tenant, curve_max_bytes};

/// A run in short.
#[derive(Debug, Clone)]
pub(crate) struct LastRun {
    /// Its number.
    pub(crate) id: u64,
    /// When, in epoch ms.
    pub(crate) at_ms: u64,
    /// Whether quotas were changed.
    pub(crate) applied: bool,
    /// Why or why not, for people.
    pub(crate) reason: String,
    /// Why or why not, for programs.
    pub(crate) reason_code: ReasonCode,
}

/// Observes all tenants once an epoch, decides, and has decisions applied.
#[derive(Debug)]
pub(crate) struct Allocator {
    shared: Arc<Shared>,
    options: ArcSwap<AllocatorConfig>,
    options_changed: Notify,
    started: Instant,
    /// Held for a whole run: one at a time.
    planner: TurnMutex<Planner>,
    history: Arc<Mutex<History>>,
    applier: Arc<Applier>,
    /// When the next epoch ends; `None` while one does.
    next: Mutex<Option<Instant>>,
    /// Number of the newest run, for those who wait for one.
    newest: watch::Sender<u64>,
    gains: GainBook,
}

impl Allocator {
    /// An allocator with the configured options that has not yet seen anything.
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        let options = ArcSwap::from_pointee(shared.config.allocator.clone());
        let history = Arc::<Mutex<History>>::default();
        Self {
            shared,
            options,
            options_changed: Notify::new(),
            started: Instant::now(),
            planner: TurnMutex::new(Planner::new(Arc::clone(&history))),
            history,
            applier: Arc::default(),
            next: Mutex::default(),
            newest: watch::Sender::new(0),
            gains: GainBook::default(),
        }
    }

    /// Runs an epoch whenever the interval has passed, until `stop`.
    pub(crate) async fn run(self: Arc<Self>, stop: CancellationToken) {
        let tenants = self.shared.tenants.all();
        let readings = reading::read(&tenants, &self.applier).await;
        self.planner.lock().await.open(&readings, self.started.elapsed());
        // Quotas restored from an earlier run are not yet in Redis.
        self.applier.reconcile(&self.shared.tenants.all()).await;
        tokio::join!(self.epochs(&stop), self.applier.run(&stop));
    }

    /// One run now: closes the window, decides, and applies the decision if it is worth it. A dry run only decides.
    pub(crate) async fn run_once(&self, trigger: Trigger, policy: Option<Policy>) -> Run {
        let mut planner = self.planner.lock().await;
        let options = self.options.load_full();
        let tenants = self.shared.tenants.all();
        let readings = reading::read(&tenants, &self.applier).await;
        if trigger != Trigger::DryRun {
            self.close_window(&mut planner, &tenants, &readings, &options);
        }
        let policy = policy.unwrap_or(options.policy);
        let at_ms = crate::clock::unix_ms();
        let occasion = Occasion { trigger, at_ms, apply: options.apply };
        let run = planner.run(&readings, keep(&options), &options_for(&options, policy), occasion);
        tracing::debug!(run = run.id, ?trigger, %policy, reason = %run.decision.reason, "decided");
        if run.applied {
            tracing::info!(run = run.id, ?trigger, %policy, reason = %run.decision.reason, "moving quotas");
            let changes = tenants.iter().zip(&run.decision.tenants);
            let changes =
                changes.filter(|(tenant, _)| !tenant.is_pinned()).map(|(tenant, decided)| Change {
                    tenant: Arc::clone(tenant),
                    share: decided.share,
                    meanwhile: decided.meanwhile,
                });
            let pace = run.decision.pace(options.apply, options.gradual_step_bytes);
            self.applier.change(changes.collect(), pace).await;
        }
        self.newest.send_replace(run.id);
        run
    }

    /// The options in force.
    pub(crate) fn options(&self) -> Arc<AllocatorConfig> {
        self.options.load_full()
    }

    /// Changes the options. The static policy puts base shares back at once; switched off, the last quotas stay.
    pub(crate) async fn set_options(&self, options: AllocatorConfig) {
        for tenant in self.shared.tenants.all() {
            let reach = |multiple| curve_max_bytes(tenant.base().cache_bytes, multiple);
            if reach(options.curve_max) != reach(self.options.load().curve_max) {
                tenant.observer.set_max_bytes(reach(options.curve_max));
            }
        }
        let (enabled, policy) = (options.enabled, options.policy);
        self.options.store(Arc::new(options));
        self.options_changed.notify_one();
        if !enabled {
            self.applier.cancel();
        } else if policy == Policy::Static {
            self.run_once(Trigger::Options, None).await;
        }
    }

    /// Gives one tenant a share at once. What was under way for others stops where it is.
    pub(crate) async fn set_share(&self, tenant: Arc<Tenant>, share: Resources) {
        self.applier.change(vec![Change { tenant, share, meanwhile: None }], Pace::Direct).await;
    }

    /// A tenant's curve over `maxmemory` bytes, without salt, and what it rests on.
    pub(crate) async fn curve(&self, tenant: &Tenant) -> (Option<MissRatioCurve>, Learned) {
        let learned = tenant.observer.learned();
        let calibration = self.planner.lock().await.calibration(tenant.number);
        (learned.curve.as_ref().map(|curve| calibration.apply(curve)), learned)
    }

    /// What the policy was asked in a run, as `hopperkv allocate --file` takes it: the same policy gives the shares that the
    /// run decided, but for minimums, or where caches take long to fill those that it is on the way to. `None` if the run is not kept, or not with its curves, or asked no policy.
    pub(crate) fn instance_of(&self, run: u64) -> Option<Instance> {
        let history = self.history.lock();
        Some(history.get(run)?.decision.inputs.as_ref()?.instance(run))
    }

    /// The newest `most` runs, newest first.
    pub(crate) fn runs(&self, most: usize) -> Vec<Run> {
        self.history.lock().newest(most)
    }

    /// What `of` makes of the runs that are kept, newest first; nothing where it makes nothing.
    pub(crate) fn of_runs<T>(&self, of: impl FnMut(&Run) -> Option<T>) -> Vec<T> {
        self.history.lock().iter().filter_map(of).collect()
    }

    /// Tells of the number of the newest run.
    pub(crate) fn newest_run(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }

    /// Time until the next epoch ends; `None` while it is switched off, and while one is being worked on.
    pub(crate) fn next_run_in(&self) -> Option<Duration> {
        let next = *self.next.lock();
        next.filter(|_| self.options.load().enabled)
            .map(|at| at.saturating_duration_since(Instant::now()))
    }

    /// The last run that was no dry one, in short.
    pub(crate) fn last_run(&self) -> Option<LastRun> {
        let history = self.history.lock();
        let run = history.iter().find(|run| run.trigger != Trigger::DryRun)?;
        Some(LastRun {
            id: run.id,
            at_ms: run.at_ms,
            applied: run.applied,
            reason: run.decision.reason.clone(),
            reason_code: run.decision.reason_code,
        })
    }

    /// Whether and why each tenant took part in that run.
    pub(crate) fn roles(&self) -> HashMap<Arc<str>, Role> {
        let history = self.history.lock();
        let run = history.iter().find(|run| run.trigger != Trigger::DryRun);
        let tenants = run.iter().flat_map(|run| &run.decision.tenants);
        tenants.map(|tenant| (Arc::clone(&tenant.name), tenant.role)).collect()
    }

    /// Throughput that the model gives each tenant with its present quota over that with its base share, by number.
    /// Tenants of which nothing is known are left out.
    pub(crate) fn gains(&self, tenants: &[Arc<Tenant>]) -> Arc<HashMap<u32, f64>> {
        let keep = keep(&self.options.load());
        // While a run is under way the last gains stay.
        let Ok(planner) = self.planner.try_lock() else { return self.gains.last() };
        self.gains.of(&planner, tenants, keep)
    }

    /// Runs since start.
    pub(crate) fn run_counts(&self) -> RunCounts {
        self.history.lock().counts()
    }

    /// Rounds of a gradual change that are still to come.
    pub(crate) fn rounds_to_come(&self) -> usize {
        self.applier.rounds_to_come()
    }

    /// Rates that a tenant has above those decided, while its cache warms up.
    pub(crate) fn boost_of(&self, tenant: &Tenant) -> Option<Rates> {
        self.applier.boost_of(tenant)
    }

    /// Cache that is due to tenants and waits for others to shrink, in bytes.
    pub(crate) fn held_back_bytes(&self) -> u64 {
        self.applier.held_back_bytes()
    }

    async fn epochs(&self, stop: &CancellationToken) {
        loop {
            let interval = self.options.load().interval;
            *self.next.lock() = Some(Instant::now() + interval);
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.options_changed.notified() => continue,
                () = tokio::time::sleep(interval) => {}
            }
            *self.next.lock() = None;
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.epoch() => {}
            }
        }
    }

    async fn epoch(&self) {
        if self.options.load().enabled {
            self.run_once(Trigger::Timer, None).await;
        } else {
            // Curves are kept fresh, for those who look before they switch it on.
            let mut planner = self.planner.lock().await;
            let tenants = self.shared.tenants.all();
            let readings = reading::read(&tenants, &self.applier).await;
            self.close_window(&mut planner, &tenants, &readings, &self.options.load_full());
        }
        self.applier.reconcile(&self.shared.tenants.all()).await;
    }

    fn close_window(
        &self,
        planner: &mut Planner,
        tenants: &[Arc<Tenant>],
        readings: &[Reading],
        options: &AllocatorConfig,
    ) {
        let keep = keep(options);
        let settled = self.applier.is_settled();
        let closing = Closing { keep, now: self.started.elapsed(), settled };
        let learn = |index: usize, reads, keep| tenants[index].observer.end_epoch(reads, keep);
        planner.close_window(readings, closing, learn);
        self.gains.window_closed();
    }
}

/// Windows summed into one curve and one demand.
fn keep(options: &AllocatorConfig) -> usize {
    usize::try_from(options.smoothing).unwrap_or(1)
}

/// The allocation crate's name for a configured policy.
fn policy_of(policy: Policy) -> hare::Policy {
    // Both sides use the same names; a test holds them to it.
    hare::Policy::from_str(policy.name()).unwrap_or(hare::Policy::Static)
}

fn options_for(config: &AllocatorConfig, policy: Policy) -> Options {
    Options {
        policy: policy_of(policy),
        threshold: config.threshold,
        caution: match config.salt {
            Salt::Auto => Caution::Confidence,
            Salt::Fixed(salt) => Caution::Salt(salt),
        },
        min_cache_bytes: config.min_cache_bytes,
        reserve: config.reserve,
        stability: config.stability,
        epoch: config.enabled.then_some(config.interval),
    }
}

#[cfg(test)]
mod tests {
    use super::{Policy, policy_of};
    use crate::config::Choice as _;

    #[test]
    fn every_configured_policy_exists() {
        for (name, policy) in Policy::ALL {
            assert_eq!(policy_of(*policy).name(), *name);
        }
    }
}
