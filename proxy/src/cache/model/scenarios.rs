//! Who meets whom, and what may go wrong meanwhile.

use super::record::Expiry::{Long, Never, Short};
use super::record::Kind::{Foreign, List, Text};
use super::world::Op::{Delete, Exact, Find, Get, Modify, Once, Put, PutAs};
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
    Setup { name, plans, initial: Some(Never), shared: false, lasts: true, recorded: false, budget }
}

/// Several proxies at one Redis: no reader may be told less than what was acknowledged before it came.
fn shared(name: &'static str, plans: &[(usize, Op)], budget: Budget) -> Setup {
    Setup {
        name,
        plans: plans.to_vec(),
        initial: Some(Never),
        shared: true,
        lasts: true,
        recorded: false,
        budget,
    }
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

/// Writes that depend on the old item, through one, two and three proxies: what the clients are told is explained by one
/// order of all changes.
pub(super) fn dependent() -> Vec<Setup> {
    let crash = Budget { crashes: 1, ..QUIET };
    let lost = Budget { lost_results: 1, ..QUIET };
    let evicted = Budget { fence_evictions: 1, value_evictions: 1, ..QUIET };
    let two = [(0, Modify), (1, Modify), (1, Get)];
    let mut all = vec![
        alone("one proxy, ambiguous", &[Modify, Modify, Get], Budget { failures: 1, ..lost }),
        alone("one proxy, all kinds", &[Once, Put(Never), Delete, Find], lost),
        alone(
            "two writers, a slow read",
            &[Find, Put(Never), Modify, Get],
            Budget { value_evictions: 1, ..QUIET },
        ),
        alone("one proxy, dying", &[Modify, Modify, Find], Budget { lost_results: 1, ..crash }),
        alone("one proxy, outage", &[Modify, Modify, Get], Budget { outages: 1, ..lost }),
        shared("two modify", &two, ROUGH),
        shared("two modify, one dies", &two, Budget { lost_results: 1, ..crash }),
        shared("two modify, evicted", &two, Budget { slow_writers: 1, ..evicted }),
        shared("two modify, outage", &two[..2], Budget { outages: 1, ..lost }),
        shared("two modify, one writes", &[(0, Modify), (1, Modify), (1, Put(Long))], lost),
        shared("one deletes", &[(0, Delete), (1, Modify), (0, Once), (1, Find)], lost),
        shared("three modify", &[(0, Modify), (1, Modify), (2, Modify)], lost),
        shared("three modify, one dies", &[(0, Modify), (1, Modify), (2, Modify)], crash),
    ];
    for setup in &mut all {
        setup.recorded = true;
    }
    // What a lost fence leaves stale, the next change that depends on it finds out.
    all.push(Setup {
        lasts: false,
        ..shared(
            "stale, then refuted",
            &[(0, Put(Never)), (1, Find), (1, Once)],
            Budget { crashes: 1, ..evicted },
        )
    });
    all
}

/// Values of other types, also such as this Redis refuses.
pub(super) fn typed() -> Vec<Setup> {
    let rough = Budget { crashes: 1, ..ROUGH };
    vec![
        Setup { initial: None, ..alone("list", &[Get, Find, PutAs(List, Long)], ROUGH) },
        alone("list over text", &[Get, PutAs(List, Short), Exact], ROUGH),
        alone("text over list", &[PutAs(List, Never), Get, Put(Long)], ROUGH),
        alone("foreign", &[Get, Find, PutAs(Foreign, Never)], ROUGH),
        alone("list over foreign", &[PutAs(Foreign, Never), Find, PutAs(List, Never)], ROUGH),
        alone("list, outage", &[Get, Find, PutAs(List, Never)], Budget { outages: 1, ..QUIET }),
        shared(
            "lists of two",
            &[(0, PutAs(List, Never)), (1, PutAs(Text, Never)), (1, Find)],
            rough,
        ),
        shared(
            "foreign, two proxies",
            &[(0, PutAs(Foreign, Never)), (1, PutAs(List, Never)), (1, Get)],
            rough,
        ),
        shared("list, modified", &[(0, PutAs(List, Never)), (1, Modify), (0, Find)], rough),
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
