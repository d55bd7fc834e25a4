//! Tenants do not notice each other: not in time, not in data, not in the list of clients.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::support::{Client, Proxy, ProxyBuilder, Value, eventually};

/// Length of a stretch in which latencies are taken.
const STRETCH: Duration = Duration::from_secs(2);

/// The p99 of a victim beside a flood of refused requests may be this many times the p99 of its twin, who asks the same
/// of a proxy without a flood, request by request at the same time: what the flood takes of the machine meets both.
const FACTOR: f64 = 10.0;

/// A p99 below this says nothing about isolation: it is how late a shared machine wakes a thread.
const WAKE_UP: Duration = Duration::from_millis(5);

fn two_tenants() -> Proxy {
    ProxyBuilder::default().tenant("ann", "").tenant("bob", "").start()
}

fn proxy_for_a_flood() -> Proxy {
    ProxyBuilder::default()
        .storage("kind = \"synthetic\"\nlatency = \"1ms\"\nvalue_bytes = 500")
        .tenant("victim", "")
        .tenant_with(
            "flood",
            "cache = \"32MiB\"\nread_units = 100\nwrite_units = 100\nnet = \"10GB/s\"\nmax_wait = \"400ms\"",
        )
        .start()
}

#[test]
fn a_flood_of_refused_requests_does_not_move_the_others() {
    let (proxy, calm) = (proxy_for_a_flood(), proxy_for_a_flood());
    let mut victims = [proxy.client_of("victim"), calm.client_of("victim")];
    for victim in &mut victims {
        assert_eq!(victim.cmd("SET hot value"), Value::ok());
    }
    let flooders: Vec<Client> = (0..8).map(|_| proxy.client_of("flood")).collect();
    let (stop, refused, served) = (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
    let measured = std::thread::scope(|scope| {
        for (n, client) in flooders.into_iter().enumerate() {
            let (stop, refused, served) = (&stop, &refused, &served);
            scope.spawn(move || flood(client, n, stop, refused, served));
        }
        eventually("the flood is refused", || {
            (refused.load(Ordering::Relaxed) > 500).then_some(())
        });
        let hits = p99s(&mut victims, |_| "GET hot".to_owned());
        let misses = p99s(&mut victims, |n| format!("GET K{n:010}s16EY"));
        stop.store(true, Ordering::Relaxed);
        [hits, misses]
    });
    let (refused, served) = (refused.into_inner(), served.into_inner());
    println!("p99 beside the flood and without, hits and misses: {measured:?}");
    println!("the flood: {refused} refused, {served} served");
    assert!(refused > 2000, "only {refused} requests of the flood were refused");
    for [beside, without] in measured {
        let most = without.max(WAKE_UP).mul_f64(FACTOR);
        assert!(beside <= most, "p99 {beside:?}, {without:?} without the flood");
    }
}

/// Pipelines of a thousand reads and writes that their tenant cannot pay, over and over.
fn flood(mut client: Client, n: usize, stop: &AtomicBool, refused: &AtomicU64, served: &AtomicU64) {
    let mut next = n * 100_000_000;
    while !stop.load(Ordering::Relaxed) {
        let mut batch = String::new();
        for _ in 0..500 {
            next += 1;
            batch += &format!("GET K{next:010}s16EY\r\nSET w{next} value\r\n");
        }
        client.send(batch.as_bytes());
        for _ in 0..1000 {
            match client.read() {
                Value::Error(text) => {
                    assert!(text.starts_with("THROTTLED flood "), "{text}");
                    refused.fetch_add(1, Ordering::Relaxed);
                }
                _ => {
                    served.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    }
}

/// The 99th percentiles of two clients' latencies, who ask the same in turn.
fn p99s(clients: &mut [Client; 2], line: impl Fn(usize) -> String) -> [Duration; 2] {
    let end = Instant::now() + STRETCH;
    let mut latencies = [Vec::new(), Vec::new()];
    while Instant::now() < end {
        for (client, latencies) in clients.iter_mut().zip(&mut latencies) {
            let line = line(latencies.len());
            let started = Instant::now();
            let reply = client.cmd(&line);
            latencies.push(started.elapsed());
            assert!(matches!(reply, Value::Bulk(_)), "{line}: {reply:?}");
        }
    }
    latencies.map(|mut latencies| {
        latencies.sort();
        latencies[latencies.len() * 99 / 100]
    })
}

#[test]
fn the_same_key_is_another_key_for_another_tenant() {
    let mut proxy = two_tenants();
    let (mut ann, mut bob) = (proxy.client_of("ann"), proxy.client_of("bob"));
    assert_eq!(ann.cmd("SET k anns"), Value::ok());
    assert_eq!(ann.cmd("SET only 1"), Value::ok());
    assert_eq!(bob.cmd("GET k"), Value::Nil);
    assert_eq!(bob.cmd("EXISTS k only"), Value::Int(0));
    assert_eq!(bob.cmd("DEL k only"), Value::Int(0));
    assert_eq!(bob.cmd("TYPE k"), Value::Simple(String::from("none")));
    assert_eq!(bob.cmd("SETNX k bobs"), Value::Int(1));
    assert_eq!(ann.cmd("MGET k only"), Value::Array(vec![Value::bulk("anns"), Value::bulk("1")]));
    assert_eq!(bob.cmd("MGET k only"), Value::Array(vec![Value::bulk("bobs"), Value::Nil]));
    // Each has its own Redis and its own table.
    assert_eq!(proxy.redis_cli("ann", &["GET", "k"]).trim(), "anns");
    assert_eq!(proxy.redis_cli("bob", &["GET", "k"]).trim(), "bobs");
    assert_ne!(proxy.redis_pid("ann"), proxy.redis_pid("bob"));
    proxy.kill();
    proxy.restart();
    assert_eq!(proxy.client_of("ann").cmd("GET k"), Value::bulk("anns"));
    assert_eq!(proxy.client_of("bob").cmd("GET k"), Value::bulk("bobs"));
    assert_eq!(proxy.client_of("bob").cmd("GET only"), Value::Nil);
}

#[test]
fn a_tenant_sees_and_ends_only_its_own_clients() {
    let proxy = two_tenants();
    let (mut ann, mut ann2, mut bob) =
        (proxy.client_of("ann"), proxy.client_of("ann"), proxy.client_of("bob"));
    let ids: Vec<i64> = [&mut ann, &mut ann2, &mut bob].map(|c| c.cmd("CLIENT ID").int()).into();
    let list = bob.cmd("CLIENT LIST").text();
    assert_eq!(list.lines().count(), 1, "{list}");
    assert!(list.starts_with(&format!("id={} ", ids[2])) && list.contains("user=bob"), "{list}");
    let list = ann.cmd("CLIENT LIST").text();
    assert_eq!(list.lines().count(), 2, "{list}");
    assert!(!list.contains("user=bob"), "{list}");
    assert_eq!(bob.cmd(&format!("CLIENT KILL ID {}", ids[0])), Value::Int(0));
    assert_eq!(
        bob.cmd("CLIENT KILL USER ann"),
        Value::Error(String::from("ERR No such user 'ann'"))
    );
    assert_eq!(bob.cmd("CLIENT KILL TYPE normal"), Value::Int(0));
    assert_eq!(ann.cmd("PING"), Value::Simple(String::from("PONG")));
    assert_eq!(ann2.cmd("PING"), Value::Simple(String::from("PONG")));
    assert_eq!(ann.cmd("CLIENT KILL TYPE normal"), Value::Int(1));
    assert_eq!(ann2.try_read(), None, "the other client of the same tenant is ended");
    assert_eq!(bob.cmd("PING"), Value::Simple(String::from("PONG")));
}

#[test]
fn a_password_opens_one_tenant_only() {
    let proxy = two_tenants();
    let mut client = Client::connect(proxy.listen);
    assert_eq!(client.cmd("GET k").error(), "NOAUTH Authentication required.");
    let wrong = "WRONGPASS invalid username-password pair or user is disabled.";
    assert_eq!(client.cmd("AUTH bob ann-pw").error(), wrong);
    assert_eq!(client.cmd("AUTH carol ann-pw").error(), wrong);
    assert_eq!(client.cmd("AUTH ann-pw").error(), wrong);
    assert_eq!(client.cmd("GET k").error(), "NOAUTH Authentication required.");
    assert_eq!(client.cmd("AUTH ann ann-pw"), Value::ok());
    assert_eq!(client.cmd("SET k 1"), Value::ok());
    // A failed attempt changes nothing; a successful one changes the tenant.
    assert_eq!(client.cmd("AUTH bob ann-pw").error(), wrong);
    assert_eq!(client.cmd("GET k"), Value::bulk("1"));
    assert_eq!(client.cmd("AUTH bob bob-pw"), Value::ok());
    assert_eq!(client.cmd("GET k"), Value::Nil);
}

#[test]
fn one_tenants_dead_redis_leaves_the_others_alone() {
    let proxy = two_tenants();
    let (mut ann, mut bob) = (proxy.client_of("ann"), proxy.client_of("bob"));
    assert_eq!(ann.cmd("SET k anns"), Value::ok());
    assert_eq!(bob.cmd("SET k bobs"), Value::ok());
    let bobs = proxy.redis_pid("bob");
    nix::sys::signal::kill(proxy.redis_pid("ann"), nix::sys::signal::Signal::SIGKILL).unwrap();
    for _ in 0..100 {
        assert_eq!(bob.cmd("GET k"), Value::bulk("bobs"));
        assert_eq!(ann.cmd("GET k"), Value::bulk("anns"), "from storage, until its Redis is back");
    }
    assert_eq!(proxy.redis_pid("bob"), bobs);
    assert_eq!(
        proxy.redis_cli("bob", &["GET", "k"]).trim(),
        "bobs",
        "nothing of bob's was flushed"
    );
}
