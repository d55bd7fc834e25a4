//! A tenant gets its quota, no more and no less, and a request that waited too long is told so.
//!
//! Rates are taken between the first and the last reply of a stretch in which the tenant always has more requests
//! waiting than it may run, so neither the start nor the end of the measurement adds an error of its own. What remains
//! is a machine that lets nobody run for a while: a bucket holds 40 ms, and what flows over is lost. So the stalls are
//! measured beside the rate, and a stretch with stalls is repeated.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::support::{Client, Database, Fault, FaultEndpoint, Of, Proxy, ProxyBuilder, Value};

/// How far a measured rate may be off: the promise.
const TOLERANCE: f64 = 0.01;
/// Length of a measured stretch.
const STRETCH: Duration = Duration::from_secs(4);
/// How often a stretch is measured at most, where the machine stalls.
const ATTEMPTS: u32 = 4;
/// What is served before it counts: full buckets, connections being made.
const WARM_UP: Duration = Duration::from_millis(700);

/// Never seen before in this process, in the format of synthetic storage.
fn cold_key() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    format!("K{:010}s16EY", NEXT.fetch_add(1, Ordering::Relaxed))
}

fn synthetic(value_bytes: usize) -> String {
    format!("kind = \"synthetic\"\nlatency = \"0ms\"\nvalue_bytes = {value_bytes}")
}

/// Limits that stop nothing but what `lines` says.
fn limits(read_units: u64, write_units: u64, net: u64) -> String {
    format!(
        "cache = \"64MiB\"\nread_units = {read_units}\nwrite_units = {write_units}\nnet = {net}\n\
         max_wait = \"60s\""
    )
}

/// The most that can be configured.
const PLENTY: u64 = 1_000_000_000;

/// A measured rate.
struct Measured {
    per_s: f64,
    /// The part of the time for which the machine did not run a thread that was due.
    stalled: f64,
}

/// The time a thread is woken too late in all, counted from delays that matter, until `end`.
fn stalls_until(end: Instant) -> Duration {
    let (period, notable) = (Duration::from_millis(2), Duration::from_millis(10));
    let (_keep, never) = std::sync::mpsc::sync_channel::<()>(0);
    let mut sum = Duration::ZERO;
    while Instant::now() < end {
        let started = Instant::now();
        let _ = never.recv_timeout(period);
        let late = started.elapsed().saturating_sub(period);
        sum += if late > notable { late } else { Duration::ZERO };
    }
    sum
}

/// Two connections of a tenant.
fn pair(proxy: &Proxy, tenant: &str) -> Vec<Client> {
    (0..2).map(|_| proxy.client_of(tenant)).collect()
}

/// What a tenant asks for in a measurement: `depth` requests wait on each connection, each for `units`.
struct Load<F> {
    clients: Vec<Client>,
    depth: usize,
    request: F,
    units: f64,
}

impl<A: AsRef<[u8]>, F: Fn() -> Vec<A> + Sync> Load<F> {
    /// Replies per second while the tenant asks for more than it may have. Nothing is left unread.
    fn saturate(&mut self) -> Measured {
        let (depth, request) = (self.depth, &self.request);
        let started = Instant::now();
        let end = started + WARM_UP + STRETCH;
        let (mut replies, stalls): (Vec<Instant>, Duration) = std::thread::scope(|scope| {
            let stalls = scope.spawn(move || stalls_until(end));
            let threads: Vec<_> = self
                .clients
                .iter_mut()
                .map(|client| {
                    scope.spawn(move || {
                        let mut seen = Vec::new();
                        for _ in 0..depth {
                            client.send_command(&request());
                        }
                        while Instant::now() < end {
                            seen.push(served(client));
                            client.send_command(&request());
                        }
                        (0..depth).for_each(|_| _ = served(client));
                        seen
                    })
                })
                .collect();
            let replies = threads.into_iter().flat_map(|t| t.join().unwrap()).collect();
            (replies, stalls.join().unwrap())
        });
        replies.sort();
        replies.retain(|at| (started + WARM_UP..end).contains(at));
        let (first, last) = (replies[0], replies[replies.len() - 1]);
        let per_s = (replies.len() - 1) as f64 / (last - first).as_secs_f64();
        Measured { per_s, stalled: stalls.as_secs_f64() / STRETCH.as_secs_f64() }
    }

    /// Asserts a rate of units per second. A stretch in which the machine stalled says little and is repeated; where
    /// it always stalls, a rate may be off by as much: what flows over is lost, and what was due before the stretch may
    /// be read in it.
    fn assert_rate(mut self, what: &str, quota: f64) {
        for attempt in 1..=ATTEMPTS {
            let Measured { per_s, stalled } = self.saturate();
            let units_per_s = self.units * per_s;
            let off = units_per_s / quota - 1.0;
            println!(
                "{what}: {units_per_s:.1}/s of {quota}/s ({:+.2} %), machine stalled {:.2} %",
                off * 100.0,
                stalled * 100.0
            );
            if stalled > TOLERANCE && attempt < ATTEMPTS {
                continue;
            }
            assert!(
                off.abs() <= TOLERANCE + stalled,
                "{what}: {units_per_s:.1}/s of {quota}/s, machine stalled {stalled}"
            );
            return;
        }
    }
}

/// When a reply that is none of an error was read.
fn served(client: &mut Client) -> Instant {
    let reply = client.read();
    assert!(!matches!(reply, Value::Error(_) | Value::Nil), "{reply:?}");
    Instant::now()
}

#[test]
fn read_units_flow_at_the_quota() {
    // An item of 17 + 1 + 8174 B is exactly 2 RCU; of 36 KB 9.
    let proxy = ProxyBuilder::default()
        .storage(&synthetic(8174))
        .tenant_with("slow", &limits(50, PLENTY, PLENTY))
        .tenant_with("fair", &limits(1000, PLENTY, PLENTY))
        .tenant_with("fast", &limits(5000, PLENTY, PLENTY))
        .start();
    let get = || vec![String::from("GET"), cold_key()];
    std::thread::scope(|scope| {
        for (tenant, quota, depth) in
            [("slow", 50.0, 8), ("fair", 1000.0, 40), ("fast", 5000.0, 200)]
        {
            let clients = pair(&proxy, tenant);
            scope.spawn(move || {
                Load { clients, depth, request: get, units: 2.0 }.assert_rate(tenant, quota);
            });
        }
    });
}

#[test]
fn write_units_flow_at_the_quota() {
    let proxy = ProxyBuilder::default()
        .storage(&synthetic(500))
        .tenant_with("slow", &limits(PLENTY, 50, PLENTY))
        .tenant_with("fair", &limits(PLENTY, 1000, PLENTY))
        .tenant_with("fast", &limits(PLENTY, 50_000, PLENTY))
        .start();
    std::thread::scope(|scope| {
        for (tenant, quota, depth, value_len, units) in [
            ("slow", 50.0, 8, 10, 1.0),
            ("fair", 1000.0, 40, 1500, 2.0),
            ("fast", 50_000.0, 40, 100_000, 98.0),
        ] {
            let clients = pair(&proxy, tenant);
            scope.spawn(move || {
                let value = vec![b'v'; value_len];
                let request =
                    || vec![b"SET".to_vec(), format!("w{}", cold_key()).into(), value.clone()];
                Load { clients, depth, request, units }.assert_rate(tenant, quota);
            });
        }
    });
}

#[test]
fn the_bytes_of_hits_flow_at_the_quota() {
    let proxy = ProxyBuilder::default()
        .storage(&synthetic(500))
        .tenant_with("slow", &limits(PLENTY, PLENTY, 50_000))
        .tenant_with("fair", &limits(PLENTY, PLENTY, 1_000_000))
        .tenant_with("fast", &limits(PLENTY, PLENTY, 50_000_000))
        .start();
    std::thread::scope(|scope| {
        for (tenant, quota, depth, value_len) in [
            ("slow", 50_000.0, 8, 997),
            ("fair", 1_000_000.0, 20, 9_997),
            ("fast", 50_000_000.0, 20, 99_997),
        ] {
            let mut clients = pair(&proxy, tenant);
            scope.spawn(move || {
                let value = vec![b'v'; value_len];
                assert_eq!(clients[0].call(&[b"SET".as_slice(), b"hot", &value]), Value::ok());
                let bytes = (value_len + 3) as f64;
                let request = || vec!["GET", "hot"];
                Load { clients, depth, request, units: bytes }.assert_rate(tenant, quota);
            });
        }
    });
}

#[test]
fn a_miss_is_charged_by_the_size_of_its_item() {
    // Key 16 B, attribute names 1 B each.
    assert_read_units(true, [(9000, 3.0), (4096 - 18, 1.0), (4097 - 18, 2.0)]);
}

#[test]
fn an_eventually_consistent_miss_costs_half() {
    assert_read_units(false, [(9000, 1.5), (4096 - 18, 0.5), (10, 0.5)]);
}

fn assert_read_units(consistent: bool, cases: [(usize, f64); 3]) {
    std::thread::scope(|scope| {
        for (value_bytes, units) in cases {
            scope.spawn(move || {
                let storage =
                    synthetic(value_bytes) + &format!("\nconsistent_reads = {consistent}");
                let proxy = ProxyBuilder::default()
                    .storage(&storage)
                    .tenant_with("orders", &limits(150, PLENTY, PLENTY))
                    .start();
                let request = || vec![String::from("GET"), cold_key()];
                let clients = pair(&proxy, "orders");
                Load { clients, depth: 20, request, units }
                    .assert_rate(&format!("{value_bytes} B"), 150.0);
            });
        }
    });
}

/// One unit per second and hardly any patience: every request is refused, and says what it would have cost.
fn stingy() -> Proxy {
    ProxyBuilder::default()
        .storage(&synthetic(9000))
        .tenant_with(
            "orders",
            "cache = \"32MiB\"\nread_units = 1\nwrite_units = 1\nnet = \"10GB/s\"\nmax_wait = \"150ms\"",
        )
        .start()
}

fn throttled(resource: &str, amount: &str, rate: &str) -> Value {
    Value::Error(format!(
        "THROTTLED orders {resource}: waited 150 ms for {amount} at {rate}; lower the rate or raise the quota"
    ))
}

#[test]
fn a_write_costs_a_unit_for_each_kilobyte_begun() {
    let proxy = stingy();
    let mut client = proxy.client();
    // Key 1 B, attribute names 1 B each.
    for (value_len, units) in
        [(3500, 4), (4096 - 3, 4), (4097 - 3, 5), (2048 - 3, 2), (2049 - 3, 3)]
    {
        let value = vec![b'v'; value_len];
        let reply = client.call(&[b"SET".as_slice(), b"k", &value]);
        assert_eq!(
            reply,
            throttled("write_units", &format!("{units} WCU"), "1 WCU/s"),
            "{value_len}"
        );
    }
    // The expiry's two numbers are part of the item: names "px" and "ttl", 8 B and 6 B.
    let value = vec![b'v'; 2048 - 3];
    let reply = client.call(&[b"SET".as_slice(), b"k", &value, b"EX", b"1000"]);
    assert_eq!(reply, throttled("write_units", "3 WCU", "1 WCU/s"));
    // Two items at twice the price.
    let reply = client.call(&[b"MSETNX".as_slice(), b"k", &value, b"l", b"1"]);
    assert_eq!(reply, throttled("write_units", "6 WCU", "1 WCU/s"));
}

#[test]
fn a_refusal_comes_after_max_wait_and_not_much_later() {
    let proxy = stingy();
    let mut client = proxy.client();
    let value = vec![b'v'; 10_000];
    let mut waits: Vec<Duration> = (0..8)
        .map(|_| {
            let started = Instant::now();
            let reply = client.call(&[b"SET".as_slice(), b"k", &value]);
            assert_eq!(reply, throttled("write_units", "10 WCU", "1 WCU/s"));
            started.elapsed()
        })
        .collect();
    waits.sort();
    println!("waits: {waits:?}");
    let max_wait = Duration::from_millis(150);
    assert!(waits[0] >= max_wait, "{waits:?}");
    // Not all of them, as a busy machine may delay any single one.
    assert!(waits[2] < max_wait + Duration::from_millis(20), "{waits:?}");
}

#[test]
fn each_resource_makes_only_those_wait_that_use_it() {
    let proxy = ProxyBuilder::default()
        .storage(&synthetic(500))
        .tenant_with(
            "orders",
            "cache = \"32MiB\"\nread_units = 1\nwrite_units = \"1m\"\nnet = \"10GB/s\"\nmax_wait = \"400ms\"",
        )
        .start();
    let mut client = proxy.client();
    assert_eq!(client.cmd("SET hot 1"), Value::ok());
    let mut reader = proxy.client();
    for _ in 0..20 {
        reader.call(&["GET", &cold_key()]);
        // The one unit there was is used up now, and 20 more readers wait.
        if reader.call(&["GET", &cold_key()]).is_error() {
            break;
        }
    }
    let cold: Vec<String> = (0..20).map(|_| cold_key()).collect();
    let started = Instant::now();
    for key in &cold {
        reader.send_command(&["GET", key]);
    }
    for i in 0..50 {
        assert_eq!(client.cmd("GET hot"), Value::bulk("1"));
        assert_eq!(client.cmd(&format!("SET new{i} 1")), Value::ok());
    }
    let (took, max_wait) = (started.elapsed(), Duration::from_millis(400));
    let refused = cold.iter().filter(|_| reader.read().is_error()).count();
    assert!(refused >= 19, "{refused} of 20 were refused at 1 RCU/s");
    assert!(took < max_wait, "100 requests that need no read units took {took:?}");
}

#[test]
fn a_hit_waits_for_bytes_and_is_refused_after_max_wait() {
    let proxy = ProxyBuilder::default()
        .storage(&synthetic(500))
        .tenant_with(
            "orders",
            "cache = \"32MiB\"\nread_units = \"1m\"\nwrite_units = \"1m\"\nnet = 100000\nmax_wait = \"2s\"",
        )
        .start();
    let mut client = proxy.client();
    let value = vec![b'v'; 20_000];
    // 2 * 20,003 B, to storage and from the client.
    assert_eq!(client.call(&[b"SET".as_slice(), b"hot", &value]), Value::ok());
    let started = Instant::now();
    for _ in 0..5 {
        assert_eq!(client.cmd("GET hot"), Value::Bulk(value.clone()));
    }
    let took = started.elapsed().as_secs_f64();
    // At most one bucketful (4,096 B) can have been there.
    let least = (5.0 * 20_003.0 - 4096.0) / 100_000.0;
    assert!(took >= least && took < least * 1.2, "{took} s, at least {least} s");
    // 30 of them need 6 s; those that would wait for more than 2 s are refused, those before are not.
    for _ in 0..30 {
        client.send_command(&["GET", "hot"]);
    }
    let replies: Vec<Value> = (0..30).map(|_| client.read()).collect();
    let served = replies.iter().filter(|r| !r.is_error()).count();
    assert!((9..=11).contains(&served), "{served} of 30 were served within 2 s at 5 per second");
    let text = "THROTTLED orders net: waited 2000 ms for 20003 B at 100000 B/s; lower the rate or raise the quota";
    for reply in replies.iter().filter(|r| r.is_error()) {
        assert_eq!(reply.error(), text);
    }
}

#[test]
fn those_who_wait_for_the_same_miss_pay_for_one_read() {
    let proxy = ProxyBuilder::default()
        .storage("kind = \"synthetic\"\nlatency = \"300ms\"\nvalue_bytes = 500")
        .tenant_with(
            "orders",
            "cache = \"32MiB\"\nread_units = 1\nwrite_units = \"1m\"\nnet = \"10GB/s\"\nmax_wait = \"1500ms\"",
        )
        .start();
    let key = cold_key();
    let mut clients: Vec<Client> = (0..200).map(|_| proxy.client()).collect();
    for client in &mut clients {
        client.send_command(&["GET", &key]);
    }
    for client in &mut clients {
        let reply = client.read();
        assert!(matches!(reply, Value::Bulk(_)), "one unit is enough for all: {reply:?}");
    }
}

#[test]
fn a_failed_request_gets_its_units_back() {
    let database = Database::start();
    let endpoint = FaultEndpoint::before(database.endpoint());
    let proxy = ProxyBuilder::default()
        .storage(&endpoint.lines())
        .tenant_with(
            "orders",
            "cache = \"32MiB\"\nread_units = 2\nwrite_units = 2\nnet = \"10GB/s\"\nmax_wait = \"3s\"",
        )
        .start();
    let mut client = proxy.client();
    assert_eq!(client.cmd("GET a"), Value::Nil);
    endpoint.fail(Of::All, Fault::Error(400, "ProvisionedThroughputExceededException"));
    let started = Instant::now();
    for i in 0..20 {
        for command in ["GET", "DEL", "INCR"] {
            let reply = client.cmd(&format!("{command} {i}"));
            assert!(reply.error().starts_with("UNAVAILABLE storage throttled"), "{reply:?}");
        }
        let reply = client.cmd(&format!("SET {i} {i}"));
        assert!(reply.error().starts_with("UNAVAILABLE storage throttled"), "{reply:?}");
    }
    // 40 units of each kind were asked for, which is 20 s worth.
    let took = started.elapsed();
    assert!(took < Duration::from_secs(10), "{took:?}");
    endpoint.heal();
}

#[test]
fn replies_stay_in_order_when_some_are_refused() {
    let proxy = stingy();
    let mut client = proxy.client();
    let value = vec![b'v'; 5000];
    for i in 0..50 {
        client.send_command(&[b"SET".as_slice(), format!("k{i}").as_bytes(), &value]);
        client.send_command(&["ECHO", &i.to_string()]);
    }
    for i in 0..50 {
        assert_eq!(client.read(), throttled("write_units", "5 WCU", "1 WCU/s"));
        assert_eq!(client.read(), Value::bulk(i.to_string()));
    }
}
