//! Who meets whom, and what may go wrong meanwhile.

use super::record::Expiry::{Long, Never, Short};
use super::world::Op::{Delete, Exact, Find, Get, Modify, Put};
use super::world::{Budget, Op, Setup};

const QUIET: Budget = Budget {
    failures: 0,
    lost_results: 0,
    outages: 0,
    fence_evictions: 0,
    slow_writers: 0,
    value_evictions: 0,
    crashes: 0,
};

/// What storage does to writes, and the value's eviction.
const ROUGH: Budget = Budget { failures: 1, lost_results: 1, value_evictions: 1, ..QUIET };

/// One proxy: reads and writes have to be linearizable.
fn alone(name: &'static str, ops: &[Op], budget: Budget) -> Setup {
    let plans = ops.iter().map(|op| (0, *op)).collect();
    Setup { name, plans, initial: Some(Never), shared: false, lasts: true, budget }
}

/// Several proxies at one Redis: no reader may be told less than what was acknowledged before it came.
fn shared(name: &'static str, plans: &[(usize, Op)], budget: Budget) -> Setup {
    Setup { name, plans: plans.to_vec(), initial: Some(Never), shared: true, lasts: true, budget }
}

/// Small enough to visit every state.
pub(super) fn small() -> Vec<Setup> {
    let outage = Budget { outages: 1, ..QUIET };
    vec![
        Setup { initial: None, ..alone("put", &[Get, Find, Put(Never)], ROUGH) },
        alone("delete", &[Get, Find, Delete], ROUGH),
        Setup { initial: Some(Long), ..alone("exact", &[Get, Exact, Put(Long)], ROUGH) },
        alone("exact, no expiry", &[Get, Exact, Put(Never)], ROUGH),
        Setup { initial: Some(Short), ..alone("modify", &[Get, Modify, Put(Short)], ROUGH) },
        Setup { initial: None, ..alone("two writers", &[Find, Delete, Put(Never)], ROUGH) },
        alone(
            "fence evicted",
            &[Get, Exact, Modify],
            Budget { fence_evictions: 1, slow_writers: 1, ..ROUGH },
        ),
        alone("outage", &[Get, Find, Put(Never)], Budget { value_evictions: 1, ..outage }),
        alone("outage, exact", &[Get, Exact, Put(Never)], outage),
        alone(
            "outage, ambiguous",
            &[Find, Put(Never)],
            Budget { lost_results: 1, outages: 2, ..QUIET },
        ),
        shared(
            "two proxies",
            &[(0, Get), (0, Put(Long)), (1, Put(Never)), (1, Find)],
            Budget { value_evictions: 1, ..QUIET },
        ),
        shared("two proxies, rough", &[(0, Put(Long)), (1, Delete), (1, Find)], ROUGH),
        shared(
            "one of two dies",
            &[(0, Put(Long)), (1, Modify), (1, Find)],
            Budget { crashes: 1, lost_results: 1, ..QUIET },
        ),
        shared(
            "one of two dies, exact",
            &[(0, Put(Long)), (1, Exact), (1, Get)],
            Budget { crashes: 1, ..ROUGH },
        ),
        shared(
            "shared fence evicted",
            &[(0, Put(Long)), (1, Modify), (1, Get)],
            Budget { fence_evictions: 1, slow_writers: 1, ..ROUGH },
        ),
        shared(
            "shared outage",
            &[(0, Find), (0, Put(Long)), (1, Get)],
            Budget { lost_results: 1, ..outage },
        ),
        shared(
            "shared outage, dying",
            &[(0, Put(Never)), (1, Get), (1, Find)],
            Budget { crashes: 1, ..outage },
        ),
        shared(
            "alone at a shared cache",
            &[(0, Get), (0, Find), (0, Put(Long))],
            Budget { value_evictions: 1, ..outage },
        ),
        shared(
            "alone at a shared cache, exact",
            &[(0, Get), (0, Exact), (0, Put(Long))],
            Budget { fence_evictions: 1, ..ROUGH },
        ),
        shared(
            "three proxies",
            &[(0, Put(Long)), (1, Put(Never)), (2, Find)],
            Budget { crashes: 1, ..ROUGH },
        ),
    ]
}

/// Visited completely only when there is time.
pub(super) fn medium() -> Vec<Setup> {
    let outage = Budget { outages: 1, ..QUIET };
    vec![
        alone(
            "outage, two writers",
            &[Get, Delete, Put(Never)],
            Budget { lost_results: 1, ..outage },
        ),
        alone(
            "outage, late joiners",
            &[Find, Find, Put(Never)],
            Budget { lost_results: 1, ..outage },
        ),
        alone("late joiners", &[Find, Find, Get, Put(Never)], ROUGH),
        shared("shared, four", &[(0, Find), (0, Put(Long)), (1, Modify), (1, Find)], ROUGH),
        shared(
            "shared, dying, four",
            &[(0, Find), (0, Put(Long)), (1, Put(Never)), (1, Find)],
            Budget { crashes: 1, lost_results: 1, ..QUIET },
        ),
    ]
}

/// Takes minutes.
pub(super) fn big() -> Vec<Setup> {
    let outages = Budget { outages: 2, lost_results: 1, ..QUIET };
    vec![
        alone("two outages", &[Get, Find, Put(Never)], Budget { value_evictions: 1, ..outages }),
        alone(
            "outage, evicted",
            &[Get, Exact, Modify],
            Budget { fence_evictions: 1, outages: 1, ..ROUGH },
        ),
        shared("shared, two outages", &[(0, Find), (0, Put(Long)), (1, Get)], outages),
        shared(
            "shared, anything",
            &[(0, Put(Long)), (0, Get), (1, Modify)],
            Budget { crashes: 1, outages: 1, ..ROUGH },
        ),
    ]
}

/// For random walks.
pub(super) fn large() -> Vec<Setup> {
    let stormy = Budget { outages: 3, slow_writers: 1, ..ROUGH };
    let evicting =
        Budget { fence_evictions: 2, slow_writers: 1, failures: 1, value_evictions: 2, ..QUIET };
    vec![
        alone("alone, stormy", &[Get, Find, Exact, Get, Find, Put(Never), Modify, Delete], stormy),
        alone(
            "alone, evicting",
            &[Get, Find, Exact, Get, Find, Put(Long), Modify, Delete],
            evicting,
        ),
        shared(
            "shared, stormy",
            &[
                (0, Get),
                (0, Exact),
                (0, Put(Never)),
                (1, Find),
                (1, Modify),
                (2, Find),
                (2, Delete),
            ],
            Budget { crashes: 1, slow_writers: 0, ..stormy },
        ),
        shared(
            "shared, evicting",
            &[
                (0, Get),
                (0, Exact),
                (0, Put(Long)),
                (1, Find),
                (1, Modify),
                (2, Find),
                (2, Put(Short)),
            ],
            Budget { lost_results: 1, ..evicting },
        ),
    ]
}

/// What remains: in the end a stale value may stay in the cache. Each fails with `lasts` and holds without.
pub(super) fn residual() -> Vec<Setup> {
    let evicted = Budget { fence_evictions: 1, ..QUIET };
    vec![
        shared(
            "fence evicted, then its proxy dies",
            &[(0, Put(Never)), (1, Find)],
            Budget { crashes: 1, value_evictions: 1, ..evicted },
        ),
        shared(
            "fence fell, then its proxy dies",
            &[(0, Put(Never)), (1, Find)],
            Budget { crashes: 1, slow_writers: 1, ..QUIET },
        ),
        shared(
            "ambiguous, fence evicted, then its proxy dies",
            &[(0, Put(Never)), (1, Find)],
            Budget { crashes: 1, lost_results: 1, ..evicted },
        ),
    ]
}
