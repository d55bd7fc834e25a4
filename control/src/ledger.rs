//! The accounts of all tenants: closes their windows together and gives the snapshot that a decision is made from. Pure:
//! readings and the time come from the caller.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use hare::{Calibration, Resources};

use crate::account::{Account, Served, Window};
use crate::reading::Learned;
use crate::reading::Reading;
use crate::snapshot::{Snapshot, TenantView};

/// What was counted of each tenant in recent windows, by its number.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    accounts: BTreeMap<u32, Account>,
    /// Who took part in the last run that was no dry one.
    took_part: BTreeSet<u32>,
    /// That run found a change that was worth it, and left it at that.
    found_better: bool,
    /// That run moved cache, but not all that it wanted to move.
    on_the_way: bool,
}

impl Ledger {
    /// Begins the first window of these tenants; those that are not here yet have just arrived when a window is closed.
    pub(crate) fn open(&mut self, readings: &[Reading], now: Duration) {
        for reading in readings {
            self.accounts.entry(reading.number).or_insert_with(|| Account::open(reading, now));
        }
    }

    /// Closes the window of every tenant; `keep` windows are summed. `learn` gives the curve of the tenant at an index of
    /// `readings`, told how many reads its window had and how many windows to sum.
    ///
    /// Returns what was served in the closed windows, by tenant.
    pub(crate) fn close(
        &mut self,
        readings: &[Reading],
        keep: usize,
        now: Duration,
        mut learn: impl FnMut(usize, u64, usize) -> Learned,
    ) -> HashMap<Arc<str>, Served> {
        self.accounts.retain(|number, _| readings.iter().any(|reading| reading.number == *number));
        let mut all_served = HashMap::new();
        for (index, reading) in readings.iter().enumerate() {
            let account =
                self.accounts.entry(reading.number).or_insert_with(|| Account::arrived(now));
            let served = account.close(reading, keep, now, |reads, keep| learn(index, reads, keep));
            if let Some(served) = served {
                all_served.insert(Arc::clone(&reading.name), served);
            }
        }
        all_served
    }

    /// What closing the windows now would leave to decide from, without closing anything.
    pub(crate) fn snapshot(&self, readings: &[Reading], keep: usize) -> Snapshot {
        let tenants = readings.iter().map(|reading| self.view(reading, keep)).collect();
        Snapshot { tenants, found_better: self.found_better, on_the_way: self.on_the_way }
    }

    /// Notes what the next decision has to know of this one: who takes part, whether a change is worth it, and whether it is
    /// made in full.
    pub(crate) fn remember(
        &mut self,
        took_part: impl Iterator<Item = u32>,
        found_better: bool,
        on_the_way: bool,
    ) {
        self.took_part = took_part.collect();
        self.found_better = found_better;
        self.on_the_way = on_the_way;
    }

    /// From modelled entries to the `maxmemory` of this tenant.
    pub(crate) fn calibration(&self, number: u32) -> Calibration {
        self.accounts.get(&number).map(Account::calibration).unwrap_or_default()
    }

    /// See [`Planner::gain`](crate::planner::Planner::gain).
    pub(crate) fn gain(
        &self,
        number: u32,
        base: &Resources,
        share: &Resources,
        keep: usize,
    ) -> Option<f64> {
        self.accounts.get(&number)?.gain(base, share, keep)
    }

    fn view(&self, reading: &Reading, keep: usize) -> TenantView {
        let account = self.accounts.get(&reading.number);
        let learned = account.and_then(Account::learned);
        let sum = match account {
            Some(account) => account.sum(&reading.counted, keep),
            None => Window::of(&reading.counted),
        };
        TenantView {
            name: Arc::clone(&reading.name),
            base: reading.base,
            current: reading.current,
            pinned: reading.pinned,
            weight: reading.weight,
            bounds: reading.bounds,
            usage: sum.usage,
            refused: sum.refused,
            arrived: account.is_none_or(Account::is_unsettled),
            starved: account.is_some_and(Account::is_starved),
            stuck_windows: account.map_or(0, Account::stuck_windows),
            took_part: self.took_part.contains(&reading.number),
            curve: account.and_then(|account| account.curve(reading)),
            confidence: learned.map(|learned| learned.confidence).unwrap_or_default(),
            filling: account.and_then(Account::filling),
        }
    }
}
