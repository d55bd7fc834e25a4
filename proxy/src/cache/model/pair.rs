//! Two keys that change in one transaction: who sees one change sees them all.
//!
//! As in the model of one key the scripts are the real ones, and run on each key by itself. What is left out here is
//! checked there: flights (one reader per key), outages, expiries, negative entries that expire.
//!
//! **What is checked.** One order of all changes, each of which changes its keys at once, explains what everybody is
//! told: through one proxy everything, through several the changes and all that any one client was told. In the end the
//! cache holds of each key what storage holds, or nothing.

mod history;
mod scenarios;
mod steps;
mod world;

use std::collections::{HashSet, VecDeque};
use std::hash::BuildHasher as _;

use foldhash::fast::FixedState;

use self::steps::{Action, Run};
use self::world::{Setup, Slip, World};
use super::engine::Engine;
use super::server::Server;

/// More than the largest scenario has.
const MAX_STATES: usize = 20_000_000;

/// Visits every state; how many there are, and the first violation with the way to it.
fn exhaust(setup: &Setup, slip: Option<Slip>, engine: &mut Engine) -> (usize, Option<String>) {
    let hasher = FixedState::default();
    let start = World::new(setup);
    let mut seen = HashSet::from([hasher.hash_one(&start)]);
    let mut origins: Vec<(usize, Option<Action>)> = vec![(0, None)];
    let mut queue = VecDeque::from([(0, start)]);
    while let Some((index, world)) = queue.pop_front() {
        let actions = Run { world: world.clone(), setup, slip, engine: &mut *engine }.actions();
        if actions.is_empty() && !world.is_over() {
            return (origins.len(), Some(format!("nothing can go on: {world:?}")));
        }
        for action in actions {
            let mut run = Run { world: world.clone(), setup, slip, engine: &mut *engine };
            if let Err(what) = run.apply(action) {
                return (origins.len(), Some(told(what, &origins, index, action)));
            }
            if seen.insert(hasher.hash_one(&run.world)) {
                assert!(origins.len() < MAX_STATES, "{} is too large", setup.name);
                queue.push_back((origins.len(), run.world));
                origins.push((index, Some(action)));
            }
        }
    }
    (origins.len(), None)
}

/// The violation, and below it the way to it.
fn told(what: String, origins: &[(usize, Option<Action>)], mut at: usize, last: Action) -> String {
    let mut way = vec![last];
    while let Some((origin, Some(action))) = origins.get(at) {
        way.push(*action);
        at = *origin;
    }
    way.reverse();
    let lines = way.iter().enumerate().map(|(number, action)| format!("\n{number:3} {action:?}"));
    lines.fold(what, |text, line| text + &line)
}

#[test]
fn who_sees_one_change_of_a_transaction_sees_them_all() {
    let server = Server::start();
    let mut engine = Engine::new(&server, &[]);
    let mut setups = scenarios::small();
    if super::is_long() {
        setups.extend(scenarios::big());
    }
    let mut broken = Vec::new();
    for setup in &setups {
        let (states, violation) = exhaust(setup, None, &mut engine);
        println!("{}: {states} states", setup.name);
        if let Some(violation) = violation {
            println!("{violation}");
            broken.push(setup.name);
        }
    }
    assert!(broken.is_empty(), "broken: {broken:?}");
}

#[test]
fn each_mistake_with_two_keys_is_caught() {
    let server = Server::start();
    let mut engine = Engine::new(&server, &[]);
    let setups = scenarios::small();
    let mut missed = Vec::new();
    for (slip, name) in scenarios::mistakes() {
        let setup = setups.iter().find(|setup| setup.name == name).expect(name);
        if exhaust(setup, Some(slip), &mut engine).1.is_none() {
            missed.push(format!("{slip:?} in {name}"));
        }
    }
    assert!(missed.is_empty(), "not caught: {missed:#?}");
}

/// The page on correctness names them.
#[test]
fn what_a_reading_transaction_may_see_is_known() {
    let server = Server::start();
    let mut engine = Engine::new(&server, &[]);
    for setup in scenarios::residual() {
        let (_, violation) = exhaust(&setup, None, &mut engine);
        assert!(violation.is_some(), "{} is not a risk any more: say so", setup.name);
    }
}
