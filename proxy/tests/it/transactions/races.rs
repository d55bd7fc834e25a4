//! Clients that change the same keys at the same time, through one proxy and through two that share a table.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::support::{Client, Database, Proxy, ProxyBuilder, RedisServer, Value, effort, seed};

/// Two proxies that share a Redis and a table.
struct Twins {
    proxies: [Proxy; 2],
    redis: RedisServer,
    database: Database,
}

impl Twins {
    fn start() -> Self {
        let (redis, database) = (RedisServer::start(None), Database::start());
        let start = || {
            ProxyBuilder::default()
                .storage(&database.lines())
                .cache("kind = \"dedicated\"\nexclusive = false")
                .tenant("orders", &format!("redis = \"{}\"", redis.url()))
                .start()
        };
        Self { proxies: [start(), start()], redis, database }
    }
}

/// Runs clients side by side for a while, and now and then `disturb`.
fn race(
    proxies: &[Proxy],
    clients: usize,
    for_ms: usize,
    work: impl Fn(&mut Client, usize, &mut StdRng) + Sync,
    disturb: impl Fn(),
) {
    let seed = seed();
    let stop = AtomicBool::new(false);
    let end = Instant::now() + Duration::from_millis(for_ms as u64);
    std::thread::scope(|scope| {
        for n in 0..clients {
            let (work, stop) = (&work, &stop);
            let mut client = proxies[n % proxies.len()].client();
            let mut random = StdRng::seed_from_u64(seed.wrapping_add(n as u64));
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    work(&mut client, n, &mut random);
                }
            });
        }
        let mut random = StdRng::seed_from_u64(!seed);
        while Instant::now() < end {
            let pause = Duration::from_millis(random.random_range(5..60));
            let _ = std::sync::mpsc::sync_channel::<()>(1).1.recv_timeout(pause);
            disturb();
        }
        stop.store(true, Ordering::Relaxed);
    });
}

/// The one refusal that two proxies at one key may meet: nothing was changed.
const CONTENDED: &str = "UNAVAILABLE storage met a concurrent change by another proxy each time it was tried; nothing was changed";

/// True if it was done.
fn is_done(reply: &Value) -> bool {
    match reply {
        Value::Error(text) => {
            assert_eq!(text, CONTENDED);
            false
        }
        _ => true,
    }
}

fn read_modify_writes_lose_nothing(proxies: &[Proxy], flush: impl Fn(), mut reader: Client) {
    let acknowledged: [AtomicI64; 6] = Default::default();
    let refused = AtomicI64::new(0);
    let serial = AtomicI64::new(0);
    race(
        proxies,
        8,
        effort(3_000, 30_000),
        |client, n, random| {
            let unique = format!("{n}-{}", serial.fetch_add(1, Ordering::Relaxed));
            let which = random.random_range(0..6);
            let line = match which {
                0 => String::from("INCR number"),
                1 => String::from("APPEND text x"),
                2 => String::from("HINCRBY hash f 1"),
                3 => format!("SADD set {unique}"),
                4 => format!("LPUSH list {unique}"),
                _ => format!("HSET fields {unique} 1"),
            };
            if is_done(&client.cmd(&line)) {
                acknowledged[which].fetch_add(1, Ordering::Relaxed);
            } else {
                refused.fetch_add(1, Ordering::Relaxed);
            }
        },
        flush,
    );
    let found = [
        reader.cmd("GET number").text().parse().unwrap(),
        reader.cmd("STRLEN text").int(),
        reader.cmd("HGET hash f").text().parse().unwrap(),
        reader.cmd("SCARD set").int(),
        reader.cmd("LLEN list").int(),
        reader.cmd("HLEN fields").int(),
    ];
    println!("{found:?}, {} refused", refused.load(Ordering::Relaxed));
    assert_eq!(found, acknowledged.map(AtomicI64::into_inner));
    assert!(found.iter().all(|n| *n > 10), "{found:?}");
    assert!(refused.into_inner() * 100 <= found.iter().sum::<i64>());
}

#[test]
fn read_modify_writes_through_one_proxy_lose_nothing() {
    let proxy = Proxy::start();
    let reader = proxy.client();
    let flush = || drop(proxy.redis("orders").cmd("FLUSHALL"));
    read_modify_writes_lose_nothing(std::slice::from_ref(&proxy), flush, reader);
}

#[test]
fn read_modify_writes_through_two_proxies_lose_nothing() {
    let twins = Twins::start();
    let reader = twins.proxies[0].client();
    let flush = || drop(twins.redis.cli(&["FLUSHALL"]));
    read_modify_writes_lose_nothing(&twins.proxies, flush, reader);
    assert!(twins.database.value("orders", "number").is_some());
}

/// `WATCH k; GET k; MULTI; SET k n+1; EXEC` of many clients: each EXEC that was done added one.
fn optimistic_increments_lose_nothing(proxies: &[Proxy], flush: impl Fn(), mut reader: Client) {
    let (done, failed) = (AtomicI64::new(0), AtomicI64::new(0));
    race(
        proxies,
        16,
        effort(3_000, 30_000),
        |client, _, _| {
            assert_eq!(client.cmd("WATCH k"), Value::ok());
            let n = match client.cmd("GET k") {
                Value::Nil => 0,
                value => value.text().parse::<i64>().unwrap(),
            };
            client.cmd("MULTI");
            client.cmd(&format!("SET k {}", n + 1));
            client.cmd(&format!("HSET log {} 1", n + 1));
            match client.cmd("EXEC") {
                Value::Array(_) => done.fetch_add(1, Ordering::Relaxed),
                Value::Nil => failed.fetch_add(1, Ordering::Relaxed),
                other => {
                    assert!(!is_done(&other), "{other:?}");
                    failed.fetch_add(1, Ordering::Relaxed)
                }
            };
        },
        flush,
    );
    let (done, failed) = (done.into_inner(), failed.into_inner());
    println!("{done} done, {failed} not");
    assert_eq!(reader.cmd("GET k"), Value::bulk(done.to_string()));
    assert_eq!(reader.cmd("HLEN log"), Value::Int(done));
    assert!(done > 10 && failed > 10, "{done} done, {failed} not");
}

#[test]
fn watched_keys_lose_no_update_through_one_proxy() {
    let proxy = Proxy::start();
    let reader = proxy.client();
    let flush = || drop(proxy.redis("orders").cmd("FLUSHALL"));
    optimistic_increments_lose_nothing(std::slice::from_ref(&proxy), flush, reader);
}

#[test]
fn watched_keys_lose_no_update_through_two_proxies() {
    let twins = Twins::start();
    let reader = twins.proxies[1].client();
    let flush = || drop(twins.redis.cli(&["FLUSHALL"]));
    optimistic_increments_lose_nothing(&twins.proxies, flush, reader);
}

/// Money moves between accounts; whoever looks at all of them at once sees the same sum.
fn transfers_keep_the_sum(proxies: &[Proxy], flush: impl Fn(), mut reader: Client) {
    const ACCOUNTS: usize = 4;
    for n in 0..ACCOUNTS {
        assert_eq!(reader.cmd(&format!("SET account{n} 100")), Value::ok());
    }
    let (moved, looked) = (AtomicI64::new(0), AtomicI64::new(0));
    let alone = proxies.len() == 1;
    race(
        proxies,
        8,
        effort(3_000, 30_000),
        |client, n, random| {
            client.cmd("MULTI");
            if n < 6 {
                let from = random.random_range(0..ACCOUNTS);
                let to = (from + random.random_range(1..ACCOUNTS)) % ACCOUNTS;
                let amount = random.random_range(1..50);
                client.cmd(&format!("DECRBY account{from} {amount}"));
                client.cmd(&format!("INCRBY account{to} {amount}"));
                if is_done(&client.cmd("EXEC")) {
                    moved.fetch_add(1, Ordering::Relaxed);
                }
                return;
            }
            for n in 0..ACCOUNTS {
                client.cmd(&format!("GET account{n}"));
            }
            let Value::Array(values) = client.cmd("EXEC") else { panic!("an array") };
            // Another proxy may write between the reads of this one.
            if alone {
                let sum: i64 = values.iter().map(|v| v.text().parse::<i64>().unwrap()).sum();
                assert_eq!(sum, 100 * ACCOUNTS as i64, "{values:?}");
            }
            looked.fetch_add(1, Ordering::Relaxed);
        },
        flush,
    );
    let balance = |n: usize, client: &mut Client| {
        client.cmd(&format!("GET account{n}")).text().parse::<i64>().unwrap()
    };
    let sum: i64 = (0..ACCOUNTS).map(|n| balance(n, &mut reader)).sum();
    let (moved, looked) = (moved.into_inner(), looked.into_inner());
    println!("{moved} transfers, {looked} looks");
    assert_eq!(sum, 100 * ACCOUNTS as i64);
    assert!(moved > 20 && looked > 20, "{moved}, {looked}");
}

#[test]
fn transfers_through_one_proxy_keep_the_sum() {
    let proxy = Proxy::start();
    let reader = proxy.client();
    let flush = || drop(proxy.redis("orders").cmd("FLUSHALL"));
    transfers_keep_the_sum(std::slice::from_ref(&proxy), flush, reader);
}

#[test]
fn transfers_through_two_proxies_keep_the_sum() {
    let twins = Twins::start();
    let reader = twins.proxies[0].client();
    let flush = || drop(twins.redis.cli(&["FLUSHALL"]));
    transfers_keep_the_sum(&twins.proxies, flush, reader);
}
