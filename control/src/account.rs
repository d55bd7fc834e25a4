//! One tenant's recent windows: growing counters in, sums over the last few windows out.

use std::collections::VecDeque;
use std::time::Duration;

use hare::{
    Calibration, MissRatioCurve, Resources, TenantInput, WindowUsage, older_window_weight,
    predicted_gain, throughput_per_s,
};

use crate::filling::{Filling, Seen};
use crate::reading::Reading;
use crate::reading::{Counted, Learned};

/// Part of what its base share gives at the very least, below which a tenant is starved: promise 5's tolerance.
const STARVED: f64 = 0.97;
/// A cache that takes in this part of its size in a window is being filled: what it costs to fill is not starvation.
const FILLING: f64 = 0.01;
/// After a window that a tenant spent starving, the windows until its curve is more than cold misses.
const STARVED_WINDOWS: u32 = 2;
/// A base cache of which base read units fill this part in a window counts as full.
const QUICK: f64 = 0.1;
/// A window shorter than this says nothing about throughput.
const SHORTEST_MEASURE: Duration = Duration::from_secs(1);

/// What was counted of one tenant, and what was learned of it.
///
/// Demand and curve are both sums over the last few windows, so that they describe the same traffic.
#[derive(Debug, Default)]
pub(crate) struct Account {
    last: Counted,
    waits: u64,
    since: Duration,
    windows: VecDeque<Window>,
    /// Windows still to be closed before the curve is more than cold misses.
    unsettled_windows: u32,
    stuck_windows: u32,
    is_starved: bool,
    /// What its Redis used when the window began.
    used_bytes: u64,
    calibration: Calibration,
    learned: Option<Learned>,
    filling: Option<Filling>,
}

/// What was counted in one window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Window {
    /// The allocator's view of the requests.
    pub(crate) usage: WindowUsage,
    /// Requests that were refused or failed.
    pub(crate) refused: u64,
}

/// What a tenant was served in a window that was closed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Served {
    /// Requests per second.
    pub requests_per_s: f64,
    /// Requests per second that its base share sustains, by the demand of the same window and the curve after it; `None`
    /// if nothing limits it or no read was sampled yet.
    pub base_requests_per_s: Option<f64>,
    /// Whether a limit held a request back: without that, it was served all it asked for.
    pub limited: bool,
}

impl Account {
    /// The account of a tenant that is there when its first window begins.
    pub(crate) fn open(reading: &Reading, now: Duration) -> Self {
        Self { last: reading.counted, waits: reading.waits, since: now, ..Self::default() }
    }

    /// The account of a tenant that appeared in the middle of a window: all it counted so far is in it.
    pub(crate) fn arrived(now: Duration) -> Self {
        Self { since: now, unsettled_windows: 2, ..Self::default() }
    }

    /// Closes the window; the last `keep` are summed. `learn` is told how many reads the window had and how many windows to
    /// sum, and gives the curve.
    /// `None` for a window too short to say anything.
    pub(crate) fn close(
        &mut self,
        reading: &Reading,
        keep: usize,
        now: Duration,
        learn: impl FnOnce(u64, usize) -> Learned,
    ) -> Option<Served> {
        let counted = reading.counted.since(&self.last);
        let window = Window::of(&counted);
        let open_for = now.saturating_sub(self.since);
        let limited = reading.waits > self.waits || counted.throttled > 0;
        let requests_per_s = (open_for >= SHORTEST_MEASURE)
            .then(|| window.usage.requests() as f64 / open_for.as_secs_f64());
        let used_bytes = reading.memory.map_or(0, |memory| memory.total_allocated_bytes);
        let taken_in_bytes = used_bytes.saturating_sub(self.used_bytes) as f64;
        let is_filling = taken_in_bytes >= FILLING * reading.quota.cache_bytes as f64;
        self.used_bytes = used_bytes;
        self.is_starved = limited
            && !is_filling
            && requests_per_s.is_some_and(|per_s| per_s < STARVED * window.least_per_s(reading));
        self.unsettled_windows = self.unsettled_windows.saturating_sub(1);
        if self.is_starved {
            self.unsettled_windows = STARVED_WINDOWS;
        }
        // What made it starve is not the traffic of the windows before, of which there was much more.
        let keep = if self.is_starved { 1 } else { keep };
        let learned = learn(counted.reads, keep);
        if let Some(memory) = reading.memory {
            self.calibration = Calibration::measure(&memory, learned.mean_entry_bytes);
        }
        self.learned = Some(learned);
        let served = requests_per_s.map(|requests_per_s| Served {
            requests_per_s,
            base_requests_per_s: self.base_throughput_per_s(reading, &window),
            limited,
        });
        self.filling = self.filled(reading, &counted, open_for).or(self.filling);
        let is_stuck = window.usage.requests() == 0 && window.refused > 0;
        self.stuck_windows = if is_stuck { self.stuck_windows.saturating_add(1) } else { 0 };
        self.push(window, keep);
        (self.last, self.waits, self.since) = (reading.counted, reading.waits, now);
        served
    }

    /// Its curve is hardly more than cold misses: it has just arrived, or has just been starved.
    pub(crate) fn is_unsettled(&self) -> bool {
        self.unsettled_windows > 0
    }

    /// Windows closed in a row in which requests came and none was served.
    pub(crate) fn stuck_windows(&self) -> u32 {
        self.stuck_windows
    }

    /// In the last window limits kept it below what its base share gives at the very least.
    pub(crate) fn is_starved(&self) -> bool {
        self.is_starved
    }

    /// From modelled entries to `maxmemory`, as last measured.
    pub(crate) fn calibration(&self) -> Calibration {
        self.calibration
    }

    /// The curve after the last closed window, over modelled entries, and what it rests on.
    pub(crate) fn learned(&self) -> Option<&Learned> {
        self.learned.as_ref()
    }

    /// The curve after the last closed window, over `maxmemory` bytes as the tenant's Redis counts them now.
    pub(crate) fn curve(&self, reading: &Reading) -> Option<MissRatioCurve> {
        let learned = self.learned.as_ref()?;
        let measured =
            reading.memory.as_ref().map(|m| Calibration::measure(m, learned.mean_entry_bytes));
        Some(measured.unwrap_or(self.calibration).apply(learned.curve.as_ref()?))
    }

    /// Throughput that `share` sustains over that of `base`, by what the last `keep` closed windows say.
    pub(crate) fn gain(&self, base: &Resources, share: &Resources, keep: usize) -> Option<f64> {
        let usage = self.sum(&self.last, keep).usage;
        let curve = self.learned.as_ref()?.curve.as_ref()?;
        if usage.requests() == 0 {
            return None;
        }
        let input = TenantInput::new(usage.demand(true), self.calibration.apply(curve), *base);
        Some(predicted_gain(&input.ok()?, share))
    }

    /// How far its cache was filled at the end of the last closed window.
    pub(crate) fn filling(&self) -> Option<Filling> {
        self.filling
    }

    /// The sum that closing the window now would leave, without closing it.
    pub(crate) fn sum(&self, now: &Counted, keep: usize) -> Window {
        let mut sum = Window::of(&now.since(&self.last));
        let is_empty = sum == Window::default();
        let kept = if is_empty { keep.max(1) } else { keep.max(1) - 1 };
        let kept = self.windows.iter().rev().take(kept);
        let newest = if is_empty { self.windows.back().copied().unwrap_or_default() } else { sum };
        let newest = newest.usage.requests() as f64;
        for window in kept {
            // As the curve's windows are summed.
            let weight = older_window_weight(newest, window.usage.requests() as f64);
            sum.usage += window.usage.weighted(weight);
            sum.refused += window.refused;
        }
        sum
    }

    /// `None` where too little is known to tell.
    fn filled(&self, reading: &Reading, counted: &Counted, window: Duration) -> Option<Filling> {
        if window < SHORTEST_MEASURE {
            return None;
        }
        let curve = self.curve(reading)?;
        let seen = Seen {
            size_bytes: reading.quota.cache_bytes,
            used_bytes: reading.memory?.total_allocated_bytes,
            base_bytes: reading.base.cache_bytes,
            window,
            reads: counted.reads,
            misses: counted.reads.saturating_sub(counted.hits),
            entry_bytes: self.learned.as_ref()?.mean_entry_bytes * self.calibration.scale,
            curve: &curve,
        };
        // What fills in a few windows is full for all that a decision can tell.
        let fills_bytes = reading.base.read_units_per_s * seen.entry_bytes * window.as_secs_f64();
        let is_quick = fills_bytes >= QUICK * reading.base.cache_bytes as f64;
        (!is_quick).then(|| Filling::after(self.filling, &seen))
    }

    fn base_throughput_per_s(&self, reading: &Reading, window: &Window) -> Option<f64> {
        let input =
            TenantInput::new(window.usage.demand(true), self.curve(reading)?, reading.base).ok()?;
        throughput_per_s(&input, &reading.base)
    }

    fn push(&mut self, window: Window, keep: usize) {
        while self.windows.len() >= keep.max(1) {
            self.windows.pop_front();
        }
        self.windows.push_back(window);
    }
}

impl Window {
    /// The allocator's view of counters; client and storage bytes of a request are counted alike, as they are charged.
    pub(crate) fn of(counted: &Counted) -> Self {
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

    /// Requests per second that the base share gives at the very least: with the miss ratio of this window if that was had
    /// with no more cache, for more cache never makes LRU miss more, else if every read misses. 0 for a tenant that has its
    /// base rates anyway.
    fn least_per_s(&self, reading: &Reading) -> f64 {
        let (has, base) = (reading.quota.rates(), reading.base.rates());
        if has.zip(base, |has, base| has - base * STARVED).least() >= 0.0 {
            return 0.0;
        }
        let has_less = reading.quota.cache_bytes <= reading.base.cache_bytes;
        let miss_ratio = self.usage.miss_ratio().filter(|_| has_less).unwrap_or(1.0);
        self.usage.demand(true).at_miss_ratio(miss_ratio).throughput_per_s(base).unwrap_or(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::{Account, Counted, Window};

    #[test]
    fn windows_are_summed_with_what_was_counted_since() {
        let mut account = Account::default();
        for reads in [100, 10, 1] {
            account.push(Window::of(&Counted { reads, ..Counted::default() }), 3);
        }
        account.last = Counted { reads: 111, ..Counted::default() };
        let now = Counted { reads: 1111, throttled: 3, ..Counted::default() };
        let sum = account.sum(&now, 3);
        assert_eq!((sum.usage.reads, sum.refused), (1011, 3), "as closing now would leave it");
        assert_eq!(account.sum(&account.last, 3).usage.reads, 111, "nothing is open");
    }

    #[test]
    fn charges_become_demand() {
        let counted = Counted {
            reads: 3,
            hits: 2,
            writes: 1,
            read_bytes: 300,
            written_bytes: 50,
            milli_read_units_if_missed: 3000,
            milli_write_units: 2000,
            ..Counted::default()
        };
        let demand = Window::of(&counted).usage.demand(true);
        assert!((demand.read_units - 0.75).abs() < 1e-12);
        assert!((demand.write_units - 0.5).abs() < 1e-12);
        assert!((demand.net_bytes - 175.0).abs() < 1e-12, "300 + 300 + 50 + 50 bytes, 4 requests");
    }
}
