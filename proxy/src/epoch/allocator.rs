//! The epoch loop: its clock, its options, and the way from a verdict to quotas.

use std::str::FromStr as _;
use std::sync::Arc;

use arc_swap::ArcSwap;
use hare::{MissRatioCurve, Resources};
use parking_lot::Mutex;
use tokio::sync::{Mutex as TurnMutex, Notify};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::decide::{Options, decide};
use super::ledger::Ledger;
use super::run::{History, Run, RunCounts, Trigger};
use crate::apply::{Applier, Change, Pace};
use crate::config::{AllocatorConfig, Apply, Choice as _, Policy};
use crate::server::Shared;
use crate::tenant::{Learned, Tenant, curve_max_bytes};

/// Observes all tenants once an epoch, decides, and has decisions applied.
#[derive(Debug)]
pub(crate) struct Allocator {
    shared: Arc<Shared>,
    options: ArcSwap<AllocatorConfig>,
    options_changed: Notify,
    /// Held for a whole run: one at a time.
    ledger: TurnMutex<Ledger>,
    history: Mutex<History>,
    applier: Arc<Applier>,
}

impl Allocator {
    /// An allocator with the configured options that has not yet seen anything.
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        let options = ArcSwap::from_pointee(shared.config.allocator.clone());
        Self {
            shared,
            options,
            options_changed: Notify::new(),
            ledger: TurnMutex::default(),
            history: Mutex::default(),
            applier: Arc::default(),
        }
    }

    /// Runs an epoch whenever the interval has passed, until `stop`.
    pub(crate) async fn run(self: Arc<Self>, stop: CancellationToken) {
        // Quotas restored from an earlier run are not yet in Redis.
        self.applier.reconcile(&self.shared.tenants.all()).await;
        tokio::join!(self.epochs(&stop), self.applier.run(&stop));
    }

    /// One run now: closes the window, decides, and applies the decision if it is worth it. A dry run only decides.
    pub(crate) async fn run_once(&self, trigger: Trigger, policy: Option<Policy>) -> Run {
        let mut ledger = self.ledger.lock().await;
        let options = self.options.load_full();
        let tenants = self.shared.tenants.all();
        if trigger != Trigger::DryRun {
            self.close_window(&mut ledger, &tenants, &options).await;
        }
        let mut snapshot = ledger.snapshot(&tenants);
        for (view, tenant) in snapshot.tenants.iter_mut().zip(&tenants) {
            view.current = self.applier.destination(tenant);
        }
        let policy = policy.unwrap_or(options.policy);
        let decision = decide(&snapshot, &options_for(&options, policy));
        let run = self.history.lock().add(crate::clock::unix_ms(), trigger, decision);
        tracing::debug!(run = run.id, ?trigger, %policy, reason = %run.decision.reason, "decided");
        if run.applied {
            tracing::info!(run = run.id, ?trigger, %policy, reason = %run.decision.reason, "moving quotas");
            self.apply(&run, &tenants, &options, policy).await;
        }
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
        self.applier.change(vec![Change { tenant, share }], Pace::Direct).await;
    }

    /// A tenant's curve over `maxmemory` bytes, without salt, and what it rests on.
    pub(crate) async fn curve(&self, tenant: &Tenant) -> (Option<MissRatioCurve>, Learned) {
        self.ledger.lock().await.curve(tenant)
    }

    /// The newest `most` runs, newest first.
    pub(crate) fn runs(&self, most: usize) -> Vec<Run> {
        self.history.lock().newest(most)
    }

    /// Runs since start.
    pub(crate) fn run_counts(&self) -> RunCounts {
        self.history.lock().counts()
    }

    /// Rounds of a gradual change that are still to come.
    pub(crate) fn rounds_to_come(&self) -> usize {
        self.applier.rounds_to_come()
    }

    async fn epochs(&self, stop: &CancellationToken) {
        loop {
            let interval = self.options.load().interval;
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.options_changed.notified() => continue,
                () = tokio::time::sleep(interval) => {}
            }
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
            let mut ledger = self.ledger.lock().await;
            let tenants = self.shared.tenants.all();
            self.close_window(&mut ledger, &tenants, &self.options.load_full()).await;
        }
        self.applier.reconcile(&self.shared.tenants.all()).await;
    }

    async fn close_window(
        &self,
        ledger: &mut Ledger,
        tenants: &[Arc<Tenant>],
        options: &AllocatorConfig,
    ) {
        let keep = usize::try_from(options.smoothing).unwrap_or(1);
        let served = ledger.close(tenants, keep, Instant::now()).await;
        if !served.is_empty() {
            self.history.lock().measured(&served);
        }
    }

    async fn apply(
        &self,
        run: &Run,
        tenants: &[Arc<Tenant>],
        options: &AllocatorConfig,
        policy: Policy,
    ) {
        let changes = tenants.iter().zip(&run.decision.tenants);
        let changes = changes
            .filter(|(tenant, _)| !tenant.is_pinned())
            .map(|(tenant, decided)| Change { tenant: Arc::clone(tenant), share: decided.share });
        let pace = match options.apply {
            Apply::Gradual if policy != Policy::Static => Pace::Gradual(options.gradual_step_bytes),
            Apply::Gradual | Apply::Direct => Pace::Direct,
        };
        self.applier.change(changes.collect(), pace).await;
    }
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
        salt: config.salt,
        min_cache_bytes: config.min_cache_bytes,
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
