//! Who meets whom, and what may go wrong meanwhile.

use super::world::Wish::{Both, Look, One, Snapshot};
use super::world::{Budget, Setup, Slip, Wish};

const QUIET: Budget =
    Budget { crashes: 0, failures: 0, lost_results: 0, evictions: 0, lost_fences: 0 };
/// What storage may do.
const ROUGH: Budget = Budget { failures: 1, lost_results: 1, ..QUIET };
const CRASH: Budget = Budget { crashes: 1, ..QUIET };

fn setup(name: &'static str, plans: &[(usize, Wish)], budget: Budget) -> Setup {
    Setup { name, plans: plans.to_vec(), cached: [true; 2], budget, backwards: false }
}

/// Small enough to visit every state.
pub(super) fn small() -> Vec<Setup> {
    let half = [false, true];
    let backwards = |setup: Setup| Setup { backwards: true, ..setup };
    let evicting = Budget { evictions: 1, ..ROUGH };
    vec![
        setup("one reader", &[(0, Both), (0, Look([0, 1]))], evicting),
        Setup { cached: half, ..setup("half cached", &[(0, Both), (0, Look([0, 1]))], ROUGH) },
        backwards(setup("one reader, backwards", &[(0, Both), (0, Look([0, 1]))], evicting)),
        backwards(setup(
            "two proxies, backwards",
            &[(0, Both), (1, Both), (1, Look([0, 1]))],
            QUIET,
        )),
        backwards(setup("dying, backwards", &[(0, Both), (1, Look([0, 1]))], CRASH)),
        setup("two readers", &[(0, Both), (0, Look([0, 1])), (0, Look([1, 0]))], QUIET),
        setup("dying", &[(0, Both), (1, Look([0, 1]))], Budget { lost_results: 1, ..CRASH }),
        setup("two proxies", &[(0, Both), (1, Both)], Budget { crashes: 1, ..ROUGH }),
        setup("two proxies, one reader", &[(0, Both), (1, Both), (1, Look([1, 0]))], QUIET),
        setup("one key beside", &[(0, Both), (1, One(1)), (1, Look([0, 1]))], QUIET),
        setup("one key beside, rough", &[(0, Both), (1, One(0))], Budget { crashes: 1, ..ROUGH }),
        setup("one proxy, one key beside", &[(0, Both), (0, One(0)), (0, Look([0, 1]))], ROUGH),
        setup("one proxy, ambiguous", &[(0, Both), (0, Both), (0, Look([1, 0]))], ROUGH),
        setup(
            "snapshot",
            &[(0, Both), (0, Snapshot), (0, Snapshot)],
            Budget { lost_results: 0, ..evicting },
        ),
    ]
}

/// A transaction that only reads asks for one key after the other: another proxy's change, or an unconfirmed one that
/// takes effect late, may come in between.
pub(super) fn residual() -> Vec<Setup> {
    vec![
        setup("snapshot, ambiguous", &[(0, Both), (0, Snapshot)], ROUGH),
        setup("snapshot, two proxies", &[(0, Both), (1, Snapshot)], QUIET),
    ]
}

/// Takes minutes.
pub(super) fn big() -> Vec<Setup> {
    let rough = Budget { crashes: 1, lost_results: 1, ..QUIET };
    vec![
        setup("three proxies", &[(0, Both), (1, Both), (2, Look([0, 1]))], rough),
        setup("two readers, rough", &[(0, Both), (0, Look([0, 1])), (0, Look([1, 0]))], ROUGH),
        setup("beside, rough", &[(0, Both), (1, One(1)), (1, Look([0, 1]))], rough),
    ]
}

/// Mistakes, each with a scenario in which it has to be found.
pub(super) fn mistakes() -> Vec<(Slip, &'static str)> {
    vec![
        (Slip::NotHidden, "half cached"),
        (Slip::LateSecondFence, "one reader"),
        (Slip::OneFence, "one reader"),
        (Slip::TwoWrites, "dying"),
        (Slip::PublishedFirst, "one reader"),
        (Slip::Unconditional, "two proxies"),
        (Slip::HalfCondition, "one key beside"),
    ]
}
