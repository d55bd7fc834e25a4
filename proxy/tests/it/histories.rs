//! Random clients, real mishaps, and the histories of what the clients saw: through one proxy every key is linearizable;
//! through two that share table and cache no read is older than an acknowledged change.
//!
//! `HOPPERKV_SEED` repeats the choices of clients and storm; in which order threads and processes run is the machine's
//! choice, so that a violation may take some repetitions (`HOPPERKV_ROUNDS`).

mod judge;
mod object;
mod record;
mod storm;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, RwLock};

use rand::SeedableRng as _;
use rand::rngs::StdRng;

use self::judge::{Promise, judge};
use self::object::Call;
use self::record::{Clock, Event, Habit, Room};
use self::storm::Stack;
use crate::support::{Database, FaultEndpoint, ProxyBuilder, RedisServer, effort, seed};

const CLIENTS: usize = 10;
/// Operations of a client in one round.
const OPS: usize = 250;
/// Longer than any storage operation, and than a request is held back.
const TIMES: &str = "fence = \"3s\"\nlease = \"2s\"\nnegative_ttl = \"300ms\"";

const KEYS: [Habit; 8] = {
    use Habit::{Accounts, Counter, Fleeting, Hash, List, Plain, Set, Text};
    [Plain, Text, Counter, Fleeting, Hash, Set, List, Accounts]
};

fn rounds(short: usize, long: usize) -> usize {
    let given = std::env::var("HOPPERKV_ROUNDS").ok().map(|text| text.parse().unwrap());
    given.unwrap_or_else(|| effort(short, long))
}

/// The proxies' storage, and what stands before it.
fn storage() -> (Database, FaultEndpoint, String) {
    let database = Database::start();
    let endpoint = FaultEndpoint::before(database.endpoint());
    let lines = endpoint.lines_with(300, 600);
    (database, endpoint, lines)
}

/// Plays one round and checks it.
fn play(stack: &mut Stack, room: &Room, mishaps: usize) -> Vec<Event> {
    let total = CLIENTS * OPS;
    let mut random = StdRng::seed_from_u64(room.seed.wrapping_add(room.round as u64));
    std::thread::scope(|scope| {
        for client in 0..CLIENTS {
            scope.spawn(move || {
                room.live(client, OPS);
            });
        }
        stack.storm(room, total, mishaps, &mut random);
    });
    // What everybody sees when all is over.
    let mut events = std::mem::take(&mut *room.events.lock().unwrap());
    for (proxy, _) in room.doors.iter().enumerate() {
        let mut client = room.connect(proxy).expect("a proxy that serves");
        for (key, habit) in room.keys.iter().enumerate() {
            let call = match habit {
                Habit::Hash => Call::HashGet("f0".to_owned()),
                Habit::Set => Call::SetSize,
                Habit::List => Call::List,
                Habit::Accounts => Call::LookAt(1),
                _ => Call::Get,
            };
            for _ in 0..2 {
                events.extend(room.ask(&mut client, (CLIENTS, proxy, key), call.clone()).0);
            }
        }
    }
    events
}

fn check(room: &Room, events: &[Event], promise: Promise) {
    let (mut unknown, mut weak) = (0, 0);
    for (key, habit) in room.keys.iter().enumerate() {
        let of_key: Vec<&Event> = events.iter().filter(|event| event.key == key).collect();
        unknown += of_key.iter().filter(|event| event.fate.is_some()).count();
        match judge(&of_key, promise) {
            Ok(kept) => weak += usize::from(kept == Promise::Fresh),
            Err(why) => {
                let (seed, round, name) = (room.seed, room.round, room.key(key));
                panic!("HOPPERKV_SEED={seed} round {round} key {name} ({habit:?}): {why}")
            }
        }
    }
    println!(
        "  round {}: {} operations, {unknown} without an answer, {weak} of {} keys not linearizable",
        room.round,
        events.len(),
        room.keys.len()
    );
    assert!(events.len() > CLIENTS * OPS / 4, "most operations were done");
}

/// In every third round of one proxy no write takes effect late, and transactions that only read are atomic.
fn room(stack: &Stack, seed: u64, round: usize) -> Room {
    let snapshots = stack.proxies.len() == 1 && round.is_multiple_of(3);
    Room {
        late_effects: !snapshots,
        snapshots,
        clock: Clock::start(),
        seed,
        round,
        doors: stack.proxies.iter().map(|proxy| RwLock::new(Some(proxy.listen))).collect(),
        keys: KEYS.to_vec(),
        done: AtomicUsize::new(0),
        over: AtomicBool::new(false),
        events: Mutex::default(),
    }
}

#[test]
fn one_proxy_is_linearizable_whatever_happens() {
    play_alone("");
}

#[test]
fn one_proxy_with_a_near_cache_is_linearizable_whatever_happens() {
    let stack = play_alone("near_cache = \"8MiB\"");
    // Since the last restart.
    let stats = stack.proxies[0].get("/v1/tenants/orders/stats");
    println!(
        "  {} of {} hits were near",
        stats["requests"]["near_hits"], stats["requests"]["hits"]
    );
}

/// Rounds of one proxy, whose tenant has these lines.
fn play_alone(tenant: &str) -> Stack {
    let seed = seed();
    let (_database, endpoint, storage) = storage();
    let proxy = ProxyBuilder::default()
        .storage(&storage)
        .cache(&format!("kind = \"managed\"\n{TIMES}"))
        .tenant("orders", tenant)
        .start();
    let mut stack = Stack { proxies: vec![proxy], redis: None, endpoint };
    for round in 0..rounds(3, 100) {
        let room = room(&stack, seed, round);
        let events = play(&mut stack, &room, 3);
        check(&room, &events, Promise::Linearizable);
        room.over.store(true, Ordering::Relaxed);
    }
    stack
}

#[test]
fn two_proxies_serve_nothing_older_than_what_was_acknowledged_whatever_happens() {
    let seed = seed();
    let (_database, endpoint, storage) = storage();
    let redis = RedisServer::start(None);
    let start = || {
        ProxyBuilder::default()
            .storage(&storage)
            .cache(&format!("kind = \"dedicated\"\nexclusive = false\n{TIMES}"))
            .tenant("orders", &format!("redis = \"{}\"", redis.url()))
            .start()
    };
    let proxies = vec![start(), start()];
    let mut stack = Stack { proxies, redis: Some(redis), endpoint };
    for round in 0..rounds(3, 100) {
        let room = room(&stack, seed, round);
        let events = play(&mut stack, &room, 3);
        check(&room, &events, Promise::Fresh);
    }
}
