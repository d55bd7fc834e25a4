//! Durable: a write that was acknowledged is there after `kill -9` of the proxy, of Redis, of both, and after a stop in
//! the middle of the traffic.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::{
    Client, CountedEndpoint, Proxy, ProxyBuilder, Value, effort, encode, eventually,
};

/// Writers at once, and how many writes each has under way.
const WRITERS: usize = 4;
const WINDOW: usize = 64;
/// Each writer counts on this many keys of its own.
const KEYS: usize = 50;

/// What one writer knows: the last number of each of its keys that was sent, and that was acknowledged.
#[derive(Debug)]
struct Ledger {
    writer: usize,
    sent: Vec<usize>,
    acked: Vec<usize>,
}

impl Ledger {
    fn key(&self, n: usize) -> String {
        format!("w{}:{}", self.writer, n % KEYS)
    }

    /// What was acknowledged is there, or something sent after it.
    fn check(&self, client: &mut Client) {
        for key in 0..KEYS {
            let name = self.key(key);
            let found = match client.call(&["GET", &name]) {
                Value::Nil => 0,
                value => value.text().trim_start_matches('v').parse().unwrap(),
            };
            assert!(
                (self.acked[key]..=self.sent[key]).contains(&found),
                "{name} is {found}; acknowledged {}, sent {}",
                self.acked[key],
                self.sent[key]
            );
        }
    }
}

/// Writes in a pipeline until the connection ends or everything is written.
fn write_until_the_end(
    mut client: Client,
    writer: usize,
    total: usize,
    acked: &AtomicUsize,
) -> Ledger {
    let mut ledger = Ledger { writer, sent: vec![0; KEYS], acked: vec![0; KEYS] };
    let mut sender = client.sender();
    let (mut next_sent, mut next_acked) = (1, 1);
    while next_acked <= total {
        let mut batch = Vec::new();
        while next_sent <= total && next_sent < next_acked + WINDOW {
            batch.extend(encode(&["SET", &ledger.key(next_sent), &format!("v{next_sent}")]));
            ledger.sent[next_sent % KEYS] = next_sent;
            next_sent += 1;
        }
        // After a kill the kernel takes some of it or nothing; counting it as sent only widens the range.
        let _ = sender.send(&batch);
        match client.try_read() {
            Some(reply) => {
                assert_eq!(reply, Value::ok());
                ledger.acked[next_acked % KEYS] = next_acked;
                next_acked += 1;
                acked.fetch_add(1, Ordering::Relaxed);
            }
            None => break,
        }
    }
    ledger
}

/// Runs the writers and `strike` once enough is acknowledged; gives what they know.
fn write_while(proxy: &mut Proxy, writes: usize, strike: impl FnOnce(&mut Proxy)) -> Vec<Ledger> {
    let acked = Arc::new(AtomicUsize::new(0));
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let (client, acked) = (proxy.client(), Arc::clone(&acked));
            std::thread::spawn(move || {
                write_until_the_end(client, writer, writes / WRITERS, &acked)
            })
        })
        .collect();
    eventually("a third of the writes is acknowledged", || {
        (acked.load(Ordering::Relaxed) > writes / 3).then_some(())
    });
    strike(proxy);
    let ledgers: Vec<Ledger> = writers.into_iter().map(|w| w.join().unwrap()).collect();
    let acked = acked.load(Ordering::Relaxed);
    println!("{acked} of {writes} writes were acknowledged");
    ledgers
}

fn check_all(proxy: &Proxy, ledgers: &[Ledger]) {
    let mut client = proxy.client();
    // Twice: once from storage, once from the cache that the first pass filled.
    for _ in 0..2 {
        for ledger in ledgers {
            ledger.check(&mut client);
        }
    }
}

fn is_running(pid: Pid) -> bool {
    // A process that ended and was not waited for still has an entry, in state Z.
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| {
        !stat.rsplit(')').next().unwrap_or_default().trim_start().starts_with('Z')
    })
}

#[test]
fn kill_9_of_the_proxy_in_the_middle_of_10_000_writes_loses_none_acknowledged() {
    let mut proxy = Proxy::start();
    for round in 0..effort(1, 10) {
        println!("round {round}");
        let ledgers = write_while(&mut proxy, 10_000, Proxy::kill);
        assert!(ledgers.iter().any(|l| l.acked != l.sent), "all was written before the kill");
        proxy.restart();
        check_all(&proxy, &ledgers);
        let mut client = proxy.client();
        let keys: Vec<String> = ledgers.iter().flat_map(|l| (0..KEYS).map(|n| l.key(n))).collect();
        client.call(&[vec![String::from("DEL")], keys].concat());
    }
}

#[test]
fn kill_9_of_the_proxy_and_redis_together_loses_none_acknowledged() {
    let mut proxy = Proxy::start();
    let ledgers = write_while(&mut proxy, 6_000, |proxy| {
        let redis = proxy.redis_pid("orders");
        proxy.kill();
        kill(redis, Signal::SIGKILL).unwrap();
    });
    proxy.restart();
    check_all(&proxy, &ledgers);
}

#[test]
fn kill_9_of_redis_alone_loses_nothing_and_nobody_notices() {
    let mut proxy = Proxy::start();
    let ledgers = write_while(&mut proxy, 6_000, |proxy| {
        kill(proxy.redis_pid("orders"), Signal::SIGKILL).unwrap();
    });
    for ledger in &ledgers {
        assert_eq!(ledger.acked, ledger.sent, "every write was answered with OK");
    }
    check_all(&proxy, &ledgers);
}

#[test]
fn counters_count_every_acknowledged_increment_across_kill_9() {
    let mut proxy = Proxy::start();
    let (mut sent, mut acked) = (0, 0);
    for _ in 0..effort(3, 20) {
        let mut client = proxy.client();
        let mut sender = client.sender();
        sender.send(&encode(&["INCR", "counter"]).repeat(500)).unwrap();
        sent += 500;
        for n in 0..200 {
            let count = client.read().int();
            assert!(
                (acked + 1..=sent).contains(&count),
                "{count} after {acked} were acknowledged, {n}"
            );
            acked = count;
        }
        proxy.kill();
        // What was answered before the kill and not yet read counts as well.
        while let Some(reply) = client.try_read() {
            acked = reply.int();
        }
        proxy.restart();
    }
    let count: i64 = proxy.client().cmd("GET counter").text().parse().unwrap();
    assert!((acked..=sent).contains(&count), "{count}; acknowledged {acked}, sent {sent}");
}

#[test]
fn every_kind_of_write_survives_kill_9() {
    let mut proxy = Proxy::start();
    let mut client = proxy.client();
    for line in [
        "SET a 1",
        "SET gone 1",
        "SET kept 1 EX 1000",
        "MSET b 2 c 3",
        "MSETNX d 4 e 5",
        "INCRBY a 9",
        "APPEND b x",
        "SETRANGE c 3 y",
        "GETSET d 44",
        "INCRBYFLOAT e 0.5",
        "PERSIST kept",
        "DEL gone",
        "GETDEL never",
        "SETNX f 6",
        "PEXPIREAT f 9999999999999",
        "SET g 7",
        "EXPIRE g -1",
    ] {
        assert!(!matches!(client.cmd(line), Value::Error(_)), "{line}");
    }
    proxy.kill();
    proxy.restart();
    let mut client = proxy.client();
    let texts = ["10", "2x", "3\0\0y", "44", "5.5", "6", "1"].map(Value::bulk);
    assert_eq!(client.cmd("MGET a b c d e f kept"), Value::Array(texts.to_vec()));
    assert_eq!(client.cmd("MGET gone g never"), Value::Array(vec![Value::Nil; 3]));
    assert_eq!(client.cmd("TTL kept").int(), -1);
    assert_eq!(client.cmd("PEXPIRETIME f").int(), 9_999_999_999_999);
}

#[test]
fn sigint_answers_what_is_under_way_and_leaves_no_process_behind() {
    let endpoint = CountedEndpoint::open();
    let mut proxy = ProxyBuilder::default()
        .storage(&endpoint.storage())
        .cache(CountedEndpoint::cache())
        .tenant("orders", "")
        .tenant("carts", "")
        .start();
    let redis = ["orders", "carts"].map(|tenant| proxy.redis_pid(tenant));
    let mut clients: Vec<Client> = (0..5).map(|_| proxy.client()).collect();
    endpoint.hold("PutItem");
    for (n, client) in clients.iter_mut().enumerate() {
        client.send(&encode(&["SET", &format!("k{n}"), "v"]));
        client.send(&encode(&["GET", &format!("k{n}")]));
        // One after the other, or they would go together.
        endpoint.until_waiting(n + 1);
    }
    let mut idle = proxy.client();
    proxy.signal(Signal::SIGINT);
    assert!(idle.is_closed(), "an idle client is let go");
    endpoint.release();
    for client in &mut clients {
        assert_eq!(client.read(), Value::ok());
        assert_eq!(client.read(), Value::bulk("v"));
        assert!(client.is_closed());
    }
    assert_eq!(proxy.wait().code(), Some(0));
    for pid in redis {
        assert!(!is_running(pid), "redis-server {pid} is left");
    }
    proxy.restart();
    assert_eq!(proxy.client().cmd("MGET k0 k4"), Value::Array(vec![Value::bulk("v"); 2]));
}

#[test]
fn sigint_in_the_middle_of_the_traffic_ends_in_order() {
    let mut proxy = Proxy::start();
    let redis = proxy.redis_pid("orders");
    let ledgers = write_while(&mut proxy, 10_000, |proxy| assert_eq!(proxy.stop().code(), Some(0)));
    assert!(ledgers.iter().any(|l| l.acked != l.sent), "all was written before the end");
    assert!(!is_running(redis), "redis-server {redis} is left");
    proxy.restart();
    check_all(&proxy, &ledgers);
}

#[test]
fn a_redis_left_by_kill_9_is_replaced_and_its_values_are_not_served() {
    let mut proxy = Proxy::start();
    let orphan = proxy.redis_pid("orders");
    let mut client = proxy.client();
    assert_eq!(client.cmd("SET k stored"), Value::ok());
    proxy.kill();
    assert!(is_running(orphan));
    for line in ["SET k stale", "SET never stale"] {
        assert_eq!(proxy.redis("orders").cmd(line), Value::ok());
    }
    proxy.restart();
    let mut client = proxy.client();
    assert_eq!(client.cmd("GET k"), Value::bulk("stored"));
    assert_eq!(client.cmd("GET never"), Value::Nil);
    assert_ne!(proxy.redis_pid("orders"), orphan);
    assert!(!is_running(orphan), "the orphan {orphan} still runs");
}

#[test]
fn an_orphaned_redis_that_hangs_is_replaced_too() {
    let mut proxy = Proxy::start();
    let orphan = proxy.redis_pid("orders");
    assert_eq!(proxy.client().cmd("SET k stored"), Value::ok());
    assert_eq!(proxy.redis("orders").cmd("SET k stale"), Value::ok());
    kill(orphan, Signal::SIGSTOP).unwrap();
    proxy.kill();
    proxy.restart();
    assert_eq!(proxy.client().cmd("GET k"), Value::bulk("stored"));
    assert!(!is_running(orphan), "the orphan {orphan} still runs");
}

#[test]
fn a_value_is_never_seen_before_it_is_durable() {
    let mut proxy = Proxy::start();
    let seen = Arc::new(Mutex::new(HashSet::new()));
    let mut readers = Vec::new();
    for _ in 0..2 {
        let (mut client, seen) = (proxy.client(), Arc::clone(&seen));
        readers.push(std::thread::spawn(move || {
            let mut sender = client.sender();
            while sender.send(&encode(&["GET", "k"])).is_ok() {
                let Some(value) = client.try_read() else { return };
                if let Value::Bulk(text) = value {
                    let number: usize = String::from_utf8(text).unwrap().parse().unwrap();
                    seen.lock().unwrap().insert(number);
                }
            }
        }));
    }
    let mut client = proxy.client();
    for n in 1..=300 {
        assert_eq!(client.call(&["SET", "k", &n.to_string()]), Value::ok());
    }
    client.send(&encode(&["SET", "k", "301"]));
    proxy.kill();
    for reader in readers {
        reader.join().unwrap();
    }
    let last = seen.lock().unwrap().iter().copied().max().unwrap();
    proxy.restart();
    let found: usize = proxy.client().cmd("GET k").text().parse().unwrap();
    assert!(found >= last && found >= 300, "{found} after {last} was seen");
}

#[test]
fn msetnx_is_all_or_nothing_across_kill_9() {
    let mut proxy = Proxy::start();
    let mut client = proxy.client();
    let mut sender = client.sender();
    let group = |n: usize| (0..5).map(move |part| format!("group:{n}:{part}"));
    let mut requests = Vec::new();
    for n in 0..600 {
        let pairs = group(n).flat_map(|key| [key, n.to_string()]);
        requests
            .extend(encode(&[String::from("MSETNX")].into_iter().chain(pairs).collect::<Vec<_>>()));
    }
    sender.send(&requests).unwrap();
    for _ in 0..100 {
        assert_eq!(client.read(), Value::Int(1));
    }
    proxy.kill();
    let mut acked = 100;
    while client.try_read().is_some() {
        acked += 1;
    }
    proxy.restart();
    let mut client = proxy.client();
    let mut whole = 0;
    for n in 0..600 {
        let keys = [String::from("EXISTS")].into_iter().chain(group(n)).collect::<Vec<_>>();
        let found = client.call(&keys).int();
        assert!(
            found == 5 || (found == 0 && n >= acked),
            "group {n} of {acked} acknowledged: {found} of 5 keys"
        );
        whole += usize::from(found == 5);
    }
    assert!(whole < 600, "all was written before the kill");
}
