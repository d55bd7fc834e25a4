//! Model test of the coherence protocol: the real scripts in a real Redis, everything around them as a model.
//!
//! - [`record`] is what Redis holds for the key, [`engine`] runs a script on it;
//! - [`world`] is the whole state, [`run`] what may happen next, [`reader`] and [`writer`] the service's steps;
//! - [`scenarios`] says who meets whom, [`explorer`] visits every state of the small ones and wanders in the large;
//! - [`history`] is what the clients were told, and asks for an order that explains it;
//! - [`mistakes`] are deliberate ones, each of which has to be found;
//! - [`pair`] is a model of its own: two keys that change in one transaction.
//!
//! For all else one key is enough: no script touches two, and a key has its own lock and flight.
//!
//! **What is checked.** Storage takes the writes of a key in one order, and each version keeps its place in it.
//! *Fresh*: a read is told a version no older than the newest that was acknowledged when it began; through one proxy,
//! also none older than what an earlier read was told. The latter is linearizability: with the order of the writes
//! given by storage, reads that never go back and never miss an acknowledged write are all that it asks for. (An
//! ambiguous write counts from the moment at which it takes effect, if ever.) *Explained*: where writes depend on the
//! old item, one order of all changes explains what everybody was told; such a write is conditional, so that neither
//! another proxy nor an earlier write that takes effect late comes between its read and its write. *Lasting*: when everybody has ended or
//! died and leases and fences have expired, the cache is empty or equal to storage, expiry included. *Exact*: a value
//! in the cache has its own expiry or that of a fence which stands, and a failed write restores it. No lease is granted
//! while a fence stands.
//!
//! `HOPPERKV_SEED` replays a random test, `HOPPERKV_LONG_TESTS=1` explores more.

mod engine;
mod explorer;
mod history;
mod mistakes;
mod pair;
mod reader;
mod record;
mod run;
mod scenarios;
mod server;
mod world;
mod writer;

use engine::Engine;
use explorer::{Report, exhaust, wander};
use server::Server;
use world::Setup;

/// More than the largest scenario has.
const MAX_STATES: usize = 20_000_000;

fn is_long() -> bool {
    std::env::var_os("HOPPERKV_LONG_TESTS").is_some()
}

fn show(setup: &Setup, report: &Report) {
    println!("{}: {} states, {} steps", setup.name, report.states, report.steps);
    if let Some(violation) = &report.violation {
        println!("{violation}");
    }
}

#[test]
fn no_reachable_state_breaks_a_promise() {
    let server = Server::start();
    let mut engine = Engine::new(&server, &[]);
    let mut setups = scenarios::small();
    setups.extend(scenarios::dependent());
    setups.extend(scenarios::typed());
    setups.extend(scenarios::medium());
    if is_long() {
        setups.extend(scenarios::big());
    }
    let (mut states, mut broken) = (0, Vec::new());
    for setup in &setups {
        let report = exhaust(setup, None, &mut engine, MAX_STATES);
        show(setup, &report);
        assert!(!report.cut_short, "{} is too large", setup.name);
        states += report.states;
        broken.extend(report.violation.map(|_| setup.name));
    }
    println!("{states} states, {} different requests to Redis", engine.runs());
    assert!(broken.is_empty(), "broken: {broken:?}");
}

#[test]
fn no_random_walk_breaks_a_promise() {
    let seed = std::env::var("HOPPERKV_SEED").ok().and_then(|text| text.parse().ok());
    let seed = seed.unwrap_or_else(rand::random);
    println!("HOPPERKV_SEED={seed}");
    let walks = if is_long() { 200_000 } else { 20_000 };
    let server = Server::start();
    let mut engine = Engine::new(&server, &[]);
    for setup in scenarios::large() {
        let report = wander(&setup, &mut engine, walks, seed);
        show(&setup, &report);
        assert!(report.violation.is_none(), "HOPPERKV_SEED={seed}");
    }
}

#[test]
fn each_mistake_is_caught() {
    let server = Server::start();
    let mut missed = Vec::new();
    let setups =
        [scenarios::small(), scenarios::medium(), scenarios::dependent(), scenarios::typed()];
    let setups = setups.concat();
    let find = |name: &str| setups.iter().find(|s| s.name == name).expect(name);
    for (mistake, scenario) in mistakes::in_scripts() {
        let mut engine = Engine::new(&server, &[mistake]);
        let report = exhaust(find(scenario), None, &mut engine, MAX_STATES);
        if report.violation.is_none() {
            missed.push(format!("{mistake:?} in {scenario}"));
        }
    }
    let mut engine = Engine::new(&server, &[]);
    for (slip, scenario) in mistakes::in_steps() {
        let report = exhaust(find(scenario), Some(slip), &mut engine, MAX_STATES);
        if report.violation.is_none() {
            missed.push(format!("{slip:?} in {scenario}"));
        }
    }
    assert!(missed.is_empty(), "not caught: {missed:#?}");
}

/// The module comment of `cache::scripts` names them.
#[test]
fn what_remains_is_known_and_never_hides_an_acknowledged_write() {
    let server = Server::start();
    let mut engine = Engine::new(&server, &[]);
    for setup in scenarios::residual() {
        let report = exhaust(&setup, None, &mut engine, MAX_STATES);
        show(&setup, &report);
        assert!(report.violation.is_some(), "{} is not a risk any more: say so", setup.name);
        let fresh = Setup { lasts: false, ..setup };
        let report = exhaust(&fresh, None, &mut engine, MAX_STATES);
        show(&fresh, &report);
        assert!(report.violation.is_none(), "{}", fresh.name);
    }
}
