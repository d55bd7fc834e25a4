//! What holds a tenant back.

use serde::Serialize;
use utoipa::ToSchema;

use super::super::pulse::Recent;

/// Requests that wait for a limit, on average, from which that limit is what holds a tenant back.
const WAITERS: f64 = 0.05;
/// Part of the cache from which it is full.
const FULL: f64 = 0.95;
/// Misses among reads from which a larger cache would tell.
const MANY_MISSES: f64 = 0.02;

/// What a tenant is short of, or what else sets its pace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Bottleneck {
    /// Its Redis is out of service; or no limit holds it back, but its cache is full and reads miss.
    Cache,
    /// Requests wait for read units.
    ReadUnits,
    /// Requests wait for write units.
    WriteUnits,
    /// Requests wait for bandwidth.
    Net,
    /// Storage fails, or takes requests slower than they come.
    Storage,
    /// Nothing: it is served all that its clients ask for.
    Clients,
}

/// What a bottleneck is told by.
#[derive(Debug)]
pub(super) struct Signs<'a> {
    /// Counters of the last seconds.
    pub(super) recent: &'a Recent,
    /// Requests waiting for read units, write units and bandwidth now.
    pub(super) waiting: [usize; 3],
    /// Requests waiting for storage now.
    pub(super) storage_waiting: u64,
    /// Its Redis is out of service.
    pub(super) is_cache_down: bool,
    /// Bytes in the cache over its quota.
    pub(super) cache_fill: f64,
}

impl Bottleneck {
    /// The first that applies, from what hurts most. `None` for an idle tenant.
    ///
    /// A limit is judged by how many requests wait for it on average: time waited over time passed.
    pub(super) fn of(signs: &Signs<'_>) -> Option<Self> {
        let totals = &signs.recent.counted.totals;
        let is_waiting = signs.waiting.iter().any(|waiting| *waiting > 0);
        if totals.commands == 0 && !is_waiting {
            return None;
        }
        if totals.errors > 0 {
            return Some(Self::Storage);
        }
        if signs.is_cache_down {
            return Some(Self::Cache);
        }
        let over_s = signs.recent.over.as_secs_f64().max(1e-3);
        let limits = [Self::ReadUnits, Self::WriteUnits, Self::Net];
        let waits = signs.recent.counted.waits.iter().zip(&signs.waiting);
        // Time is counted when a wait ends; who still waits counts as one.
        let waiters =
            waits.map(|(waited, now)| (waited.time.as_secs_f64() / over_s).max(*now as f64));
        let worst = limits.into_iter().zip(waiters).max_by(|a, b| a.1.total_cmp(&b.1));
        if let Some((limit, waiters)) = worst
            && waiters >= WAITERS
        {
            return Some(limit);
        }
        if signs.storage_waiting > 0 {
            return Some(Self::Storage);
        }
        let misses = totals.misses as f64 > totals.reads as f64 * MANY_MISSES;
        Some(if misses && signs.cache_fill >= FULL { Self::Cache } else { Self::Clients })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::super::pulse::{Counted, Recent};
    use super::{Bottleneck, Signs};
    use crate::tenant::Totals;

    fn told(change: impl Fn(&mut Signs<'_>, &mut Recent)) -> Option<Bottleneck> {
        let totals =
            Totals { commands: 100, reads: 100, hits: 50, misses: 50, ..Totals::default() };
        let counted = Counted { totals, ..Counted::default() };
        let none = Recent::default();
        let mut recent = Recent { counted, over: Duration::from_secs(5) };
        let mut signs = Signs {
            recent: &none,
            waiting: [0; 3],
            storage_waiting: 0,
            is_cache_down: false,
            cache_fill: 0.5,
        };
        change(&mut signs, &mut recent);
        Bottleneck::of(&Signs { recent: &recent, ..signs })
    }

    #[test]
    fn what_hurts_most_is_named() {
        assert_eq!(told(|_, _| ()), Some(Bottleneck::Clients));
        assert_eq!(told(|_, recent| *recent = Recent::default()), None);
        assert_eq!(told(|signs, _| signs.cache_fill = 0.99), Some(Bottleneck::Cache));
        let few_misses = |signs: &mut Signs<'_>, recent: &mut Recent| {
            (signs.cache_fill, recent.counted.totals.misses) = (0.99, 1);
        };
        assert_eq!(told(few_misses), Some(Bottleneck::Clients));
        assert_eq!(told(|signs, _| signs.storage_waiting = 1), Some(Bottleneck::Storage));
        assert_eq!(told(|signs, _| signs.waiting = [0, 2, 1]), Some(Bottleneck::WriteUnits));
        let short_waits = |_: &mut Signs<'_>, recent: &mut Recent| {
            recent.counted.waits[2].time = Duration::from_millis(20);
        };
        assert_eq!(told(short_waits), Some(Bottleneck::Clients), "0.004 waiters on average");
        let long_waits = |signs: &mut Signs<'_>, recent: &mut Recent| {
            recent.counted.waits[2].time = Duration::from_secs(20);
            signs.waiting = [1, 0, 0];
        };
        assert_eq!(told(long_waits), Some(Bottleneck::Net));
        assert_eq!(told(|signs, _| signs.is_cache_down = true), Some(Bottleneck::Cache));
        let fails = |signs: &mut Signs<'_>, recent: &mut Recent| {
            (signs.waiting, recent.counted.totals.errors) = ([9; 3], 1);
        };
        assert_eq!(told(fails), Some(Bottleneck::Storage));
    }

    #[test]
    fn who_only_waits_is_not_idle() {
        let waits = |signs: &mut Signs<'_>, recent: &mut Recent| {
            *recent = Recent::default();
            signs.waiting = [1, 0, 0];
        };
        assert_eq!(told(waits), Some(Bottleneck::ReadUnits));
    }
}
