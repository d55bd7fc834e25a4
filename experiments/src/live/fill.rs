//! Fills caches at raised rates, so that what is measured is a cache as the workload leaves it, not one that is filling.

use std::time::Duration;

use hopperkv_bench::admin::Quota;
use hopperkv_bench::closed_loop::Checks;
use hopperkv_bench::load::LoadPlan;
use hopperkv_bench::preload::{self, Fill, Plan};
use hopperkv_bench::spec::Workload;
use hopperkv_bench::stop::Stop;
use tokio::task::JoinSet;

use super::cast::{Actor, Cast, Seat};
use super::drive::served;
use super::proxy::Proxy;
use super::{LiveError, Storage};

/// Rates while caches are filled: no limit in practice.
const RAISED_UNITS_PER_S: f64 = 1e6;
const RAISED_NET_BYTES_PER_S: f64 = 1e10;
/// Connections of a tenant meanwhile, and requests in flight on each.
const CLIENTS: u64 = 4;
const DEPTH: usize = 32;
/// Least bytes that an entry takes in Redis besides key and value.
const ENTRY_OVERHEAD_BYTES: u64 = 70;
/// Requests after the preload, in entries that fit the cache: enough for the order of recency to be the workload's own.
const TURNS: u64 = 2;

/// What is filled, from where.
#[derive(Debug, Clone, Copy)]
pub(super) struct Filling<'a> {
    pub(super) cast: &'a Cast,
    pub(super) proxy: &'a Proxy,
    pub(super) storage: &'a Storage,
    pub(super) seed: u64,
    pub(super) stop: &'a Stop,
}

impl Filling<'_> {
    /// Brings every key in place, the last first, and then lets the workload run for a while; ends with the quotas given,
    /// one for each seat. `is_first`: storage that does not compute its values has none yet.
    pub(super) async fn run(&self, quotas: &[Quota], is_first: bool) -> Result<(), LiveError> {
        let here = |seat: &Seat| seat.is_first();
        for (seat, quota) in self.cast.seats.iter().zip(quotas).filter(|(seat, _)| here(seat)) {
            let raised = Quota {
                cache_bytes: quota.cache_bytes,
                read_units_per_s: RAISED_UNITS_PER_S,
                write_units_per_s: RAISED_UNITS_PER_S,
                net_bytes_per_s: RAISED_NET_BYTES_PER_S,
            };
            self.proxy.admin.set_quota(&seat.name, &raised).await?;
        }
        let mut fills = JoinSet::new();
        for actor in self.cast.actors.iter().filter(|actor| actor.arrives.is_zero()) {
            let cache_bytes = quotas.get(actor.seat).map_or(0, |quota| quota.cache_bytes);
            fills.spawn(self.fill(actor, cache_bytes, is_first));
        }
        while let Some(filled) = fills.join_next().await {
            filled.map_err(|error| LiveError::Unable(error.to_string()))??;
        }
        if self.stop.is_raised() {
            return Err(LiveError::Stopped);
        }
        for (seat, quota) in self.cast.seats.iter().zip(quotas).filter(|(seat, _)| here(seat)) {
            self.proxy.admin.set_quota(&seat.name, quota).await?;
        }
        Ok(())
    }

    fn fill(
        &self,
        actor: &Actor,
        cache_bytes: u64,
        is_first: bool,
    ) -> impl Future<Output = Result<(), LiveError>> + Send + 'static {
        let target = self.proxy.target(&self.cast.seats[actor.seat]);
        let computes = matches!(self.storage, Storage::Synthetic { .. });
        let fill = if is_first && !computes { Fill::Write } else { Fill::Read };
        let (actor, stop, seed) = (actor.clone(), self.stop.clone(), self.seed);
        async move {
            let phase = actor.first();
            let sizes = LoadPlan::sizes(phase);
            // What later phases ask for has to be in storage, too.
            let keys = if fill == Fill::Write { actor.workload.max_keys() } else { phase.keys };
            let plan = Plan { keys, first_key: phase.first_key, sizes, fill, clients: CLIENTS };
            served(&actor.name, preload::run(&target, plan, stop.clone(), &mut []).await?)?;
            let entry_bytes = (sizes.key_bytes + sizes.value_bytes) as u64 + ENTRY_OVERHEAD_BYTES;
            let turn = phase.keys.min(cache_bytes / entry_bytes).max(1);
            let mut steady = phase.clone();
            steady.duration = None;
            let plan = LoadPlan {
                target,
                workload: Workload { phases: vec![steady] },
                clients: CLIENTS,
                depth: DEPTH,
                rate: None,
                duration: Some(Duration::from_secs(3600)),
                requests: Some(TURNS * turn),
                checks: Checks { nil_is_loss: true, ..Checks::default() },
                seed,
            };
            served(&actor.name, plan.run(stop, &mut []).await?)
        }
    }
}
