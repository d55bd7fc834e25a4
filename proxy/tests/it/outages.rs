//! Redis fails in every way while clients read and write: nobody gets an error, and nobody ever reads a value older than
//! one that was acknowledged before the read began.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::support::{Client, Proxy, Value, effort, encode, eventually, seed};

const WRITERS: usize = 3;
const READERS: usize = 3;
const KEYS: usize = 24;

/// What all clients know of the keys: each counts up, by one writer.
#[derive(Debug, Default)]
struct Known {
    begun: [AtomicU64; KEYS],
    acked: [AtomicU64; KEYS],
    reads: AtomicU64,
    writes: AtomicU64,
    stop: AtomicBool,
}

/// Clients at work.
struct Traffic {
    known: Arc<Known>,
    threads: Vec<JoinHandle<()>>,
}

impl Traffic {
    fn start(proxy: &Proxy, seed: u64) -> Self {
        let known = Arc::<Known>::default();
        let threads = (0..WRITERS + READERS).map(|n| {
            let (client, known) = (proxy.client(), Arc::clone(&known));
            let random = StdRng::seed_from_u64(seed.wrapping_add(n as u64));
            std::thread::spawn(move || {
                if n < WRITERS {
                    write(n, client, &known, random)
                } else {
                    read(client, &known, random)
                }
            })
        });
        Self { threads: threads.collect(), known }
    }

    /// Waits until so many more reads and writes are done.
    fn goes_on(&self, requests: u64) {
        let count = |of: &AtomicU64| of.load(Ordering::Relaxed);
        let before = [count(&self.known.reads), count(&self.known.writes)];
        eventually("the traffic goes on", || {
            let failed = self.threads.iter().any(JoinHandle::is_finished);
            let now = [count(&self.known.reads), count(&self.known.writes)];
            (failed || (now[0] >= before[0] + requests && now[1] >= before[1] + requests))
                .then_some(())
        });
    }

    /// Ends the traffic and passes on what any client complained about; then reads everything once more.
    fn end(self, proxy: &Proxy) {
        self.known.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            if let Err(complaint) = thread.join() {
                std::panic::resume_unwind(complaint);
            }
        }
        let mut client = proxy.client();
        for key in 0..KEYS {
            let last = self.known.acked[key].load(Ordering::SeqCst);
            assert_eq!(number(&client.call(&["GET", &name(key)])), last, "{}", name(key));
        }
    }
}

fn name(key: usize) -> String {
    format!("key:{key}")
}

fn number(reply: &Value) -> u64 {
    match reply {
        Value::Nil => 0,
        Value::Bulk(text) => std::str::from_utf8(text).unwrap().parse().unwrap(),
        other => panic!("{other:?}"),
    }
}

fn write(writer: usize, mut client: Client, known: &Known, mut random: StdRng) {
    while !known.stop.load(Ordering::Relaxed) {
        // A few keys of its own at once; each key has one writer.
        let first = random.random_range(0..KEYS / WRITERS);
        let keys = (first..KEYS / WRITERS).take(4).map(|n| n * WRITERS + writer);
        let mut sent = Vec::new();
        for key in keys {
            let next = known.begun[key].fetch_add(1, Ordering::SeqCst) + 1;
            let request = match random.random_range(0..4) {
                0 => encode(&["INCR", &name(key)]),
                1 => encode(&["GETSET", &name(key), &next.to_string()]),
                _ => encode(&["SET", &name(key), &next.to_string()]),
            };
            client.send(&request);
            sent.push((key, next));
        }
        for (key, next) in sent {
            match client.read() {
                Value::Simple(ok) => assert_eq!(ok, "OK"),
                Value::Int(count) => assert_eq!(count.cast_unsigned(), next, "INCR {}", name(key)),
                old => assert_eq!(number(&old), next - 1, "GETSET {}", name(key)),
            }
            known.acked[key].store(next, Ordering::SeqCst);
            known.writes.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn read(mut client: Client, known: &Known, mut random: StdRng) {
    while !known.stop.load(Ordering::Relaxed) {
        let keys: Vec<usize> =
            (0..random.random_range(1..6)).map(|_| random.random_range(0..KEYS)).collect();
        let least: Vec<u64> = keys.iter().map(|k| known.acked[*k].load(Ordering::SeqCst)).collect();
        let names: Vec<String> = keys.iter().map(|k| name(*k)).collect();
        let mget = random.random_range(0..3) == 0;
        let replies = if mget {
            match client.call(&[vec![String::from("MGET")], names].concat()) {
                Value::Array(replies) => replies,
                other => panic!("{other:?}"),
            }
        } else {
            client.send(&names.iter().flat_map(|n| encode(&["GET", n])).collect::<Vec<u8>>());
            names.iter().map(|_| client.read()).collect()
        };
        for ((key, least), reply) in keys.iter().zip(least).zip(&replies) {
            let (found, most) = (number(reply), known.begun[*key].load(Ordering::SeqCst));
            assert!(
                (least..=most).contains(&found),
                "{} is {found}, not {least} to {most}",
                name(*key)
            );
            known.reads.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Waits until another Redis than `old` runs, and is asked by the proxy again.
fn until_replaced(proxy: &Proxy, old: Pid) {
    eventually("Redis runs again", || {
        let new = proxy.redis_pid("orders");
        (new != old && proxy.redis_cli("orders", &["PING"]).trim() == "PONG").then_some(())
    });
    until_served_from_redis(proxy);
}

/// Redis is asked again when a value that only Redis knows is served.
fn until_served_from_redis(proxy: &Proxy) {
    let (mut client, name) = (proxy.client(), format!("probe:{}", rand::random::<u64>()));
    eventually("hits come from Redis", || {
        proxy.redis_cli("orders", &["SET", &name, "only-in-redis"]);
        (client.call(&["GET", &name]) == Value::bulk("only-in-redis")).then_some(())
    });
}

fn under_traffic(strikes: usize, mut strike: impl FnMut(&Proxy, &Traffic)) {
    let seed = seed();
    let proxy = Proxy::start();
    let traffic = Traffic::start(&proxy, seed);
    traffic.goes_on(50);
    for _ in 0..strikes {
        strike(&proxy, &traffic);
        traffic.goes_on(100);
    }
    traffic.end(&proxy);
}

#[test]
fn no_reader_sees_an_old_value_while_redis_is_killed_again_and_again() {
    under_traffic(effort(3, 30), |proxy, _| {
        let redis = proxy.redis_pid("orders");
        kill(redis, Signal::SIGKILL).unwrap();
        until_replaced(proxy, redis);
    });
}

#[test]
fn no_reader_sees_an_old_value_while_everything_is_evicted_all_the_time() {
    under_traffic(effort(40, 5_000), |proxy, _| {
        assert_eq!(proxy.redis("orders").cmd("FLUSHALL"), Value::ok());
    });
}

#[test]
fn no_reader_sees_an_old_value_while_connections_to_redis_are_cut() {
    under_traffic(effort(10, 100), |proxy, _| {
        assert!(proxy.redis("orders").cmd("CLIENT KILL TYPE normal").int() > 0);
        until_served_from_redis(proxy);
    });
}

#[test]
fn no_reader_sees_an_old_value_while_redis_stands_still_for_three_seconds() {
    under_traffic(effort(1, 10), |proxy, traffic| {
        let (redis, since) = (proxy.redis_pid("orders"), Instant::now());
        kill(redis, Signal::SIGSTOP).unwrap();
        traffic.goes_on(50);
        eventually("three seconds are over", || {
            (since.elapsed() >= Duration::from_secs(3)).then_some(())
        });
        // It may have been replaced by then.
        let _ = kill(redis, Signal::SIGCONT);
        until_served_from_redis(proxy);
    });
}

#[test]
fn a_redis_that_stands_still_for_good_is_replaced() {
    under_traffic(1, |proxy, traffic| {
        let redis = proxy.redis_pid("orders");
        kill(redis, Signal::SIGSTOP).unwrap();
        traffic.goes_on(50);
        until_replaced(proxy, redis);
    });
}

#[test]
fn what_was_written_while_redis_was_out_is_read_when_it_is_back() {
    let proxy = Proxy::start();
    let (mut client, mut other) = (proxy.client(), proxy.client());
    let redis = proxy.redis_pid("orders");
    for line in ["SET set old", "SET deleted old", "SET counted 1", "SET untouched old"] {
        assert_eq!(client.cmd(line), Value::ok());
    }
    kill(redis, Signal::SIGSTOP).unwrap();
    assert_eq!(client.cmd("SET set new"), Value::ok());
    assert_eq!(client.cmd("DEL deleted").int(), 1);
    assert_eq!(client.cmd("INCR counted").int(), 2);
    assert_eq!(client.cmd("MSETNX absent new also new").int(), 1);
    let expected: Vec<Value> = [Some("new"), None, Some("2"), Some("old"), Some("new")]
        .map(|v| v.map_or(Value::Nil, Value::bulk))
        .to_vec();
    let read = |client: &mut Client| client.cmd("MGET set deleted counted untouched absent");
    assert_eq!(read(&mut client), Value::Array(expected.clone()));
    kill(redis, Signal::SIGCONT).unwrap();
    let (mut probe, mut reads) = (proxy.client(), 0);
    eventually("Redis serves again", || {
        assert_eq!(read(&mut other), Value::Array(expected.clone()));
        assert_eq!(other.cmd("GET set"), Value::bulk("new"));
        reads += 1;
        proxy.redis_cli("orders", &["SET", "probe", "only-in-redis"]);
        (probe.cmd("GET probe") == Value::bulk("only-in-redis")).then_some(())
    });
    assert_eq!(read(&mut other), Value::Array(expected.clone()));
    assert_eq!(read(&mut client), Value::Array(expected));
    println!("{reads} reads until Redis served again");
}
