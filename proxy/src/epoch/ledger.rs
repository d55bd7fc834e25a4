//! Turns growing counters into windows, and curves over modelled entries into curves over `maxmemory`.
//!
//! Demand and curve are both sums over the last few windows, so that they describe the same traffic.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use hare::{Calibration, MissRatioCurve, RedisMemory, WindowUsage};
use tokio::time::Instant;

use super::snapshot::{Snapshot, TenantView};
use crate::cache::control::Control;
use crate::tenant::{Learned, Tenant, Totals};

/// A window shorter than this says nothing about throughput.
const SHORTEST_MEASURE: Duration = Duration::from_secs(1);

/// What was counted of each tenant in recent windows.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    accounts: HashMap<u32, Account>,
}

#[derive(Debug)]
struct Account {
    last: Totals,
    since: Instant,
    windows: VecDeque<Window>,
    calibration: Calibration,
}

#[derive(Debug, Clone, Copy, Default)]
struct Window {
    usage: WindowUsage,
    refused: u64,
}

impl Ledger {
    /// Closes the window of every tenant and measures its Redis; `keep` windows are summed.
    ///
    /// Returns requests/s served in the closed windows, by tenant.
    pub(super) async fn close(
        &mut self,
        tenants: &[Arc<Tenant>],
        keep: usize,
        now: Instant,
    ) -> HashMap<Arc<str>, f64> {
        self.accounts.retain(|number, _| tenants.iter().any(|tenant| tenant.number == *number));
        let memories = join_all(tenants.iter().map(|tenant| memory_of(tenant))).await;
        let mut served = HashMap::new();
        for (tenant, memory) in tenants.iter().zip(memories) {
            let account = self.accounts.entry(tenant.number).or_insert_with(|| Account::new(now));
            let totals = tenant.totals();
            let counted = totals.since(&account.last);
            let learned = tenant.observer.end_epoch(counted.reads, keep);
            if let Some(memory) = memory {
                account.calibration = Calibration::measure(&memory, learned.mean_entry_bytes);
            }
            let window = Window::of(&counted);
            let open_for = now.saturating_duration_since(account.since);
            if open_for >= SHORTEST_MEASURE {
                let requests = window.usage.requests() as f64;
                served.insert(Arc::clone(&tenant.name), requests / open_for.as_secs_f64());
            }
            account.push(window, keep);
            (account.last, account.since) = (totals, now);
        }
        served
    }

    /// The sum of the kept windows and of what was counted since, without closing anything.
    pub(super) fn snapshot(&self, tenants: &[Arc<Tenant>]) -> Snapshot {
        let tenants = tenants.iter().map(|tenant| self.view(tenant)).collect();
        Snapshot { tenants }
    }

    /// The tenant's curve over `maxmemory` bytes, and what it rests on.
    pub(super) fn curve(&self, tenant: &Tenant) -> (Option<MissRatioCurve>, Learned) {
        let learned = tenant.observer.learned();
        let calibration = self.accounts.get(&tenant.number).map(|account| account.calibration);
        let curve = learned.curve.as_ref().map(|c| calibration.unwrap_or_default().apply(c));
        (curve, learned)
    }

    fn view(&self, tenant: &Tenant) -> TenantView {
        let (curve, learned) = self.curve(tenant);
        let sum = match self.accounts.get(&tenant.number) {
            Some(account) => account.sum(&tenant.totals()),
            None => Window::of(&tenant.totals()),
        };
        TenantView {
            name: Arc::clone(&tenant.name),
            base: tenant.base(),
            current: tenant.quota(),
            pinned: tenant.is_pinned(),
            usage: sum.usage,
            refused: sum.refused,
            curve,
            sampled_reads: learned.sampled_reads,
        }
    }
}

impl Account {
    fn new(now: Instant) -> Self {
        Self {
            last: Totals::default(),
            since: now,
            windows: VecDeque::new(),
            calibration: Calibration::default(),
        }
    }

    fn push(&mut self, window: Window, keep: usize) {
        while self.windows.len() >= keep.max(1) {
            self.windows.pop_front();
        }
        self.windows.push_back(window);
    }

    fn sum(&self, now: &Totals) -> Window {
        let mut sum = Window::of(&now.since(&self.last));
        for window in &self.windows {
            sum.usage += window.usage;
            sum.refused += window.refused;
        }
        sum
    }
}

impl Window {
    /// The allocator's view of counters; client and storage bytes of a request are counted alike, as they are charged.
    fn of(counted: &Totals) -> Self {
        let usage = WindowUsage {
            reads: counted.reads,
            hits: counted.hits,
            writes: counted.writes,
            read_half_units_if_missed: counted.milli_read_units_if_missed / 500,
            write_units: counted.milli_write_units / 1000,
            client_read_bytes: counted.read_bytes,
            client_write_bytes: counted.written_bytes,
            storage_read_bytes_if_missed: counted.read_bytes,
            storage_write_bytes: counted.written_bytes,
        };
        Self { usage, refused: counted.throttled + counted.errors }
    }
}

/// Redis's memory report; `None` if it cannot be had, and the last calibration stays.
async fn memory_of(tenant: &Tenant) -> Option<RedisMemory> {
    if !tenant.cache.health.is_serving() {
        return None;
    }
    let mut control = Control::open(&tenant.cache.address).await.ok()?;
    control.memory_stats().await.ok()
}

#[cfg(test)]
mod tests {
    use super::{Account, Totals, Window};
    use tokio::time::Instant;

    #[test]
    fn windows_are_summed_with_what_was_counted_since() {
        let mut account = Account::new(Instant::now());
        for reads in [100, 10, 1] {
            account.push(Window::of(&Totals { reads, ..Totals::default() }), 2);
        }
        account.last = Totals { reads: 111, ..Totals::default() };
        let sum = account.sum(&Totals { reads: 1111, throttled: 3, ..Totals::default() });
        assert_eq!((sum.usage.reads, sum.refused), (1011, 3));
    }

    #[test]
    fn charges_become_demand() {
        let counted = Totals {
            reads: 3,
            hits: 2,
            writes: 1,
            read_bytes: 300,
            written_bytes: 50,
            milli_read_units_if_missed: 3000,
            milli_write_units: 2000,
            ..Totals::default()
        };
        let demand = Window::of(&counted).usage.demand(true);
        assert!((demand.read_units - 0.75).abs() < 1e-12);
        assert!((demand.write_units - 0.5).abs() < 1e-12);
        assert!((demand.net_bytes - 175.0).abs() < 1e-12, "300 + 300 + 50 + 50 bytes, 4 requests");
    }
}
