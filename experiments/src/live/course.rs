//! A run from the first request to the last: with one decision, or with decisions at an interval.

use std::time::Duration;

use hopperkv_bench::admin::{Allocator, Curve, Quota, Run};
use hopperkv_bench::stop::Stop;
use tokio::time::{interval, timeout};

use super::cast::Cast;
use super::drive::{Act, Drive, Seen};
use super::fill::Filling;
use super::processor::Reading;
use super::proxy::{Proxy, policy_name};
use super::{LiveError, Setup};
use crate::runner::Settings;
use crate::spec::{Policy, Spec};

/// How long quotas may take to be what was decided.
const IN_PLACE_LIMIT: Duration = Duration::from_secs(60);
/// Pause between two looks at whether they are.
const LOOK: Duration = Duration::from_millis(100);

/// What a run needs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Course<'a> {
    pub(super) spec: &'a Spec,
    /// How long it is with periodic decisions.
    pub(super) length: Duration,
    pub(super) policy: Policy,
    pub(super) settings: &'a Settings,
    pub(super) setup: &'a Setup,
    pub(super) cast: &'a Cast,
    pub(super) proxy: &'a Proxy,
    pub(super) stop: &'a Stop,
}

/// What was seen of a run.
#[derive(Debug, Default)]
pub(super) struct Record {
    pub(super) acts: Vec<Seen>,
    /// The measurement, by the run's clock.
    pub(super) measured_from: Duration,
    pub(super) measured: Duration,
    /// Decisions with their time by the run's clock, oldest first.
    pub(super) runs: Vec<(Duration, Run)>,
    /// Of every seat, as the last decision saw it.
    pub(super) curves: Vec<Curve>,
    pub(super) notes: Vec<String>,
}

impl Course<'_> {
    pub(super) async fn run(&self) -> Result<Record, LiveError> {
        let mut record = Record::default();
        let bases: Vec<Quota> = self.cast.seats.iter().map(super::cast::Seat::base_quota).collect();
        self.filling(Duration::ZERO).run(&bases, true).await?;
        if self.spec.allocator.every.is_some() {
            self.periodic(&mut record).await?;
        } else {
            self.once(&mut record).await?;
        }
        Ok(record)
    }

    /// Learn at base shares, decide once, fill the caches again, measure.
    async fn once(&self, record: &mut Record) -> Result<(), LiveError> {
        let Spec { learn, settle, measure, .. } = *self.spec;
        let mut offset = Duration::ZERO;
        if self.decides() {
            let admin = &self.proxy.admin;
            // Closes the window in which caches were filled.
            admin.set_allocator(&Allocator::of("static")).await?;
            let act = Act { offset, length: learn, measure_from: Duration::MAX };
            record.acts.push(self.drive().play(act).await?);
            offset = learn;
            let shares = self.decide(record, offset).await?;
            self.filling(offset).run(&shares, false).await?;
        }
        let measure_from = offset + settle;
        let act = Act { offset, length: settle + measure, measure_from };
        self.measure(record, act, measure).await
    }

    /// Decisions at an interval, from the first request to the last; all of it is measured.
    async fn periodic(&self, record: &mut Record) -> Result<(), LiveError> {
        let admin = &self.proxy.admin;
        let length = self.length;
        let begun_ms = unix_ms();
        if self.decides() {
            admin.set_allocator(&Allocator::of(policy_name(self.policy))).await?;
        }
        let offset = Duration::ZERO;
        let act = Act { offset, length, measure_from: offset };
        self.measure(record, act, length).await?;
        if self.decides() {
            let runs = admin.all_runs().await?;
            let at = |run: &Run| Duration::from_millis(run.at_ms.saturating_sub(begun_ms));
            record.runs = runs.into_iter().rev().map(|run| (at(&run), run)).collect();
            record.curves = self.curves().await;
        }
        Ok(())
    }

    async fn measure(
        &self,
        record: &mut Record,
        act: Act,
        measured: Duration,
    ) -> Result<(), LiveError> {
        self.proxy.servers.begin();
        let before = Reading::take(self.proxy.pid());
        record.acts.push(self.drive().play(act).await?);
        let after = Reading::take(self.proxy.pid());
        record.notes.extend(before.zip(after).and_then(|(before, after)| before.note(&after)));
        record.notes.extend(self.proxy.servers.note());
        (record.measured_from, record.measured) = (act.measure_from, measured);
        Ok(())
    }

    /// Has the proxy decide on what it saw, and waits until that is in place; returns what everybody has then.
    async fn decide(&self, record: &mut Record, at: Duration) -> Result<Vec<Quota>, LiveError> {
        let admin = &self.proxy.admin;
        // Switched off: no other decision follows this one, so it is for full caches, which are filled next.
        let policy = Allocator::of(policy_name(self.policy));
        admin.set_allocator(&Allocator { enabled: false, apply: Some("direct"), ..policy }).await?;
        let run = admin.allocate_now().await?;
        record.curves = self.curves().await;
        let waited = timeout(IN_PLACE_LIMIT, self.in_place(&run)).await;
        let shares = waited.map_err(|_| {
            let limit_s = IN_PLACE_LIMIT.as_secs();
            self.proxy.failure(&format!("a decision was not in place after {limit_s} s"))
        })??;
        record.runs.push((at, run));
        Ok(shares)
    }

    /// Waits until everybody has the cache that was decided.
    async fn in_place(&self, run: &Run) -> Result<Vec<Quota>, LiveError> {
        let mut looks = interval(LOOK);
        loop {
            looks.tick().await;
            let (mut quotas, mut is_there) = (Vec::new(), true);
            for seat in &self.cast.seats {
                let quota = self.proxy.admin.quota(&seat.name).await?;
                let decided = run.tenants.iter().find(|tenant| tenant.name == seat.name);
                let decided = decided.and_then(|tenant| tenant.share).filter(|_| run.applied);
                is_there &= decided.is_none_or(|share| share.cache_bytes == quota.cache_bytes);
                quotas.push(quota);
            }
            if is_there {
                return Ok(quotas);
            }
        }
    }

    /// What the proxy has learned of every seat; nothing of those that have left.
    async fn curves(&self) -> Vec<Curve> {
        let mut curves = Vec::new();
        for seat in &self.cast.seats {
            curves.push(self.proxy.admin.curve(&seat.name).await.unwrap_or_default());
        }
        curves
    }

    fn decides(&self) -> bool {
        !matches!(self.policy, Policy::Static | Policy::NonPartitioned)
    }

    fn filling(&self, at: Duration) -> Filling<'_> {
        let Self { spec, cast, proxy, stop, .. } = *self;
        let (storage, seed, learns) = (&self.setup.storage, self.settings.seed, self.decides());
        Filling { spec, learns, cast, proxy, storage, seed, at, stop }
    }

    fn drive(&self) -> Drive<'_> {
        let Self { spec, cast, proxy, stop, .. } = *self;
        Drive { spec, cast, proxy, seed: self.settings.seed, stop }
    }
}

fn unix_ms() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    u64::try_from(since.unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
}
