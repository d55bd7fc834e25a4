//! Commands that Redis computes: hits come from the cache and prove themselves, misses and evictions show in nothing but
//! time, replies have Redis's types, and whatever fails changes nothing.

mod dialects;
mod failures;

use std::sync::atomic::{AtomicBool, Ordering};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::support::{
    Client, CountedEndpoint, Proxy, ProxyBuilder, StockRedis, Value, effort, encode, eventually,
    seed,
};

const WRONG_TYPE: &str = "WRONGTYPE Operation against a key holding the wrong kind of value";

fn at(endpoint: &CountedEndpoint) -> ProxyBuilder {
    ProxyBuilder::default().storage(&endpoint.storage()).cache(CountedEndpoint::cache())
}

fn evict_all(proxy: &Proxy) {
    assert_eq!(proxy.redis("orders").cmd("FLUSHALL"), Value::ok());
}

/// The reply to a command as the bytes it came in.
fn raw(client: &mut Client, line: &str) -> String {
    client.send_command(&line.split_whitespace().collect::<Vec<_>>());
    client.read_reply_bytes().expect("a reply").escape_ascii().to_string()
}

/// A counter of the tenant.
fn total(proxy: &Proxy, name: &str) -> u64 {
    let stats = proxy.get("/v1/tenants/orders/stats");
    stats["requests"][name].as_u64().unwrap_or_else(|| panic!("{name}: {stats}"))
}

#[test]
fn hits_come_from_redis_and_are_counted_as_hits() {
    let endpoint = CountedEndpoint::open();
    let proxy = at(&endpoint).start();
    let mut client = proxy.client();
    for line in ["HSET h f v g w", "ZADD z 1 a 2 b", "SADD s x", "RPUSH l 1 2 3", "SET str value"] {
        client.cmd(line);
    }
    assert_eq!(client.cmd("XADD x 1-1 f v"), Value::bulk("1-1"));
    let (reads, misses) = (endpoint.count("GetItem"), total(&proxy, "misses"));
    let before = total(&proxy, "hits");
    for (line, reply) in [
        ("HGET h f", "$1\\r\\nv\\r\\n"),
        ("HLEN h", ":2\\r\\n"),
        ("hmget h f none", "*2\\r\\n$1\\r\\nv\\r\\n$-1\\r\\n"),
        ("HGET h none", "$-1\\r\\n"),
        ("HEXISTS h none", ":0\\r\\n"),
        ("ZRANGEBYSCORE z 2 3", "*1\\r\\n$1\\r\\nb\\r\\n"),
        ("ZSCORE z none", "$-1\\r\\n"),
        ("SISMEMBER s x", ":1\\r\\n"),
        ("SISMEMBER s y", ":0\\r\\n"),
        ("LRANGE l 1 1", "*1\\r\\n$1\\r\\n2\\r\\n"),
        ("LINDEX l 9", "$-1\\r\\n"),
        ("XLEN x", ":1\\r\\n"),
        ("STRLEN str", ":5\\r\\n"),
        ("GETRANGE str 1 2", "$2\\r\\nal\\r\\n"),
        ("GETRANGE str 9 9", "$0\\r\\n\\r\\n"),
        ("TYPE z", "+zset\\r\\n"),
        ("EXISTS h", ":1\\r\\n"),
        ("OBJECT ENCODING h", "$8\\r\\nlistpack\\r\\n"),
    ] {
        assert_eq!(raw(&mut client, line), reply, "{line}");
    }
    assert_eq!(endpoint.count("GetItem"), reads);
    assert_eq!(total(&proxy, "hits") - before, 18);
    assert_eq!(total(&proxy, "misses"), misses);
    // Read behind the proxy's back: it is the cached copy that answers.
    assert_eq!(proxy.redis("orders").cmd("HSET h f tampered").int(), 0);
    assert_eq!(client.cmd("HGET h f"), Value::bulk("tampered"));
    evict_all(&proxy);
    assert_eq!(client.cmd("HGET h f"), Value::bulk("v"));
    assert_eq!(endpoint.count("GetItem"), reads + 1);
    assert_eq!(total(&proxy, "misses"), misses + 1);
    assert_eq!(client.cmd("HGET h g"), Value::bulk("w"));
    assert_eq!(endpoint.count("GetItem"), reads + 1);
}

#[test]
fn absent_keys_read_storage_once_while_they_are_remembered() {
    let endpoint = CountedEndpoint::open();
    let cache = format!("{}\nnegative_ttl = \"1m\"", CountedEndpoint::cache());
    let proxy = at(&endpoint).cache(&cache).start();
    let mut client = proxy.client();
    for (line, reply) in [
        ("HGET k f", "$-1\\r\\n"),
        ("HGETALL k", "*0\\r\\n"),
        ("LLEN k", ":0\\r\\n"),
        ("ZSCORE k m", "$-1\\r\\n"),
        ("SSCAN k 0", "*2\\r\\n$1\\r\\n0\\r\\n*0\\r\\n"),
        ("XINFO STREAM k", "-ERR no such key\\r\\n"),
        ("TYPE k", "+none\\r\\n"),
        ("EXISTS k", ":0\\r\\n"),
    ] {
        assert_eq!(raw(&mut client, line), reply, "{line}");
    }
    assert_eq!(endpoint.count("GetItem"), 1);
    assert_eq!(total(&proxy, "absent"), 8);
    assert_eq!(client.cmd("HSET k f v").int(), 1);
    assert_eq!(client.cmd("HGET k f"), Value::bulk("v"));
}

#[test]
fn other_types_are_told_apart() {
    let proxy = Proxy::start();
    let mut client = proxy.client();
    assert_eq!(client.cmd("HSET h f v").int(), 1);
    assert_eq!(client.cmd("SET s v"), Value::ok());
    for round in 0..2 {
        for line in ["GET h", "STRLEN h", "INCR h", "LLEN h", "ZADD h 1 m", "GETDEL h", "HGET s f"]
        {
            assert_eq!(client.cmd(line).error(), WRONG_TYPE, "{line}");
        }
        assert_eq!(
            client.cmd("MGET h s h"),
            Value::Array(vec![Value::Nil, Value::bulk("v"), Value::Nil])
        );
        assert_eq!(client.cmd("TYPE h"), Value::Simple(String::from("hash")));
        assert_eq!(client.cmd("TTL h").int(), -1);
        assert_eq!(client.cmd("EXISTS h s h none").int(), 3);
        assert_eq!(client.cmd("HGET h f"), Value::bulk("v"), "round {round}");
        evict_all(&proxy);
    }
    assert_eq!(client.cmd("SET h now"), Value::ok());
    assert_eq!(client.cmd("GET h"), Value::bulk("now"));
    assert_eq!(client.cmd("HGET h f").error(), WRONG_TYPE);
}

#[test]
fn a_pipeline_on_one_key_runs_in_order_whatever_is_evicted() {
    let mut random = StdRng::seed_from_u64(seed());
    let (proxy, stock) = (Proxy::start(), StockRedis::start());
    let (mut ours, mut theirs) = (proxy.client(), stock.client());
    let done = AtomicBool::new(false);
    std::thread::scope(|threads| {
        let mut cache = proxy.redis("orders");
        let done = &done;
        threads.spawn(move || {
            while !done.load(Ordering::Relaxed) {
                assert_eq!(cache.cmd("FLUSHALL"), Value::ok());
                cache.cmd("PING");
            }
        });
        // Ends the other thread also when an assertion fails.
        let _end = end_of(done);
        for round in 0..effort(60, 2_000) {
            let mut lines = Vec::new();
            for n in 0..random.random_range(1..40) {
                let key = ["a", "b"][random.random_range(0..2)];
                lines.push(match random.random_range(0..18) {
                    0 => format!("SET {key} {round}"),
                    1 => format!("DEL {key}"),
                    2..5 => format!("HSET {key} f {n}"),
                    5 => format!("HDEL {key} f"),
                    6..9 => format!("HGET {key} f"),
                    9 => format!("HEXISTS {key} f"),
                    10 => format!("HGETALL {key}"),
                    11 => format!("TYPE {key}"),
                    12 => format!("EXISTS {key}"),
                    13 => String::from("MGET a b"),
                    14 => format!("HSTRLEN {key} f"),
                    15 => format!("HELLO {}", random.random_range(2..4)),
                    _ => format!("GET {key}"),
                });
            }
            let bytes: Vec<u8> =
                lines.iter().flat_map(|l| encode(&l.split(' ').collect::<Vec<_>>())).collect();
            ours.send(&bytes);
            theirs.send(&bytes);
            for (at, line) in lines.iter().enumerate() {
                let (reply, expected) = (ours.read_reply_bytes(), theirs.read_reply_bytes());
                if !line.starts_with("HELLO") {
                    assert_eq!(reply, expected, "round {round}, {at}: {line} in {lines:?}");
                }
            }
        }
    });
}

/// Sets a flag when dropped.
fn end_of(flag: &AtomicBool) -> impl Drop + '_ {
    struct Set<'a>(&'a AtomicBool);
    impl Drop for Set<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    Set(flag)
}

#[test]
fn several_keys_are_read_as_they_were_at_one_instant() {
    let proxy = Proxy::start();
    let mut writer = proxy.client();
    for key in ["x", "y"] {
        assert_eq!(writer.call(&["SET", key, "0"]), Value::ok());
    }
    let done = AtomicBool::new(false);
    std::thread::scope(|threads| {
        for n in 0..2 {
            let done = &done;
            let (mut client, mut evictor) = (proxy.client(), proxy.redis("orders"));
            threads.spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    let Value::Array(values) = client.cmd("MGET y x y") else { panic!("an array") };
                    let numbers: Vec<u64> =
                        values.iter().map(|value| value.text().parse().unwrap()).collect();
                    // x is written first.
                    assert!(numbers[0] == numbers[2] && numbers[1] >= numbers[0], "{numbers:?}");
                    assert!(numbers[1] - numbers[0] <= 1, "{numbers:?}");
                    if n == 0 {
                        evictor.cmd("DEL x");
                    }
                }
            });
        }
        let _end = end_of(&done);
        for n in 1..=effort(200, 5_000) {
            for key in ["x", "y"] {
                assert_eq!(writer.call(&["SET", key, &n.to_string()]), Value::ok());
            }
        }
    });
}

#[test]
fn several_keys_are_counted_as_they_were_at_one_instant() {
    let proxy = Proxy::start();
    let mut writer = proxy.client();
    assert_eq!(writer.cmd("SET x 1"), Value::ok());
    let done = AtomicBool::new(false);
    std::thread::scope(|threads| {
        for line in ["EXISTS y x", "TOUCH x y", "EXISTS y x y"] {
            let done = &done;
            let (mut client, mut evictor) = (proxy.client(), proxy.redis("orders"));
            threads.spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    let existing = client.cmd(line).int();
                    // Always one of the two; one line names y twice.
                    assert!(
                        existing == 1 || existing == 2 && line.len() > 10,
                        "{line}: {existing}"
                    );
                    evictor.cmd("DEL x");
                }
            });
        }
        let _end = end_of(&done);
        for _ in 0..effort(200, 5_000) {
            for [from, to] in [["x", "y"], ["y", "x"]] {
                assert_eq!(writer.call(&["RENAME", from, to]), Value::ok());
            }
        }
    });
    assert_eq!(writer.cmd("EXISTS x x none x"), Value::Int(3));
}

#[test]
fn a_hash_of_ten_thousand_fields_is_served() {
    let endpoint = CountedEndpoint::open();
    let proxy = at(&endpoint).start();
    let mut client = proxy.client();
    let fields: Vec<String> =
        (0..10_000).flat_map(|n| [format!("f{n}"), format!("v{n}")]).collect();
    let mut words = vec![String::from("HSET"), String::from("h")];
    words.extend(fields);
    assert_eq!(client.call(&words).int(), 10_000);
    let (reads, writes) = (endpoint.count("GetItem"), endpoint.count("PutItem"));
    assert_eq!(client.cmd("HGET h f9999"), Value::bulk("v9999"));
    assert_eq!(client.cmd("HGET h none"), Value::Nil);
    let Value::Array(all) = client.cmd("HGETALL h") else { panic!("an array") };
    assert_eq!(all.len(), 20_000);
    assert_eq!(endpoint.count("GetItem"), reads);
    // What changes nothing is not written.
    assert_eq!(client.cmd("HSET h f5 v5").int(), 0);
    assert_eq!(client.cmd("HDEL h none").int(), 0);
    assert_eq!(endpoint.count("PutItem"), writes);
    assert_eq!(client.cmd("HSET h f5 other").int(), 0);
    assert_eq!(endpoint.count("PutItem"), writes + 1);
    evict_all(&proxy);
    assert_eq!(client.cmd("HLEN h").int(), 10_000);
    assert_eq!(client.cmd("HGET h f5"), Value::bulk("other"));
    assert_eq!(endpoint.count("GetItem"), reads + 1);
}

#[test]
fn adding_what_is_there_writes_nothing() {
    let endpoint = CountedEndpoint::open();
    let proxy = at(&endpoint).start();
    let mut client = proxy.client();
    let mut words = vec![String::from("SADD"), String::from("s")];
    words.extend((0..1_000).map(|n| format!("member:{n}")));
    assert_eq!(client.call(&words).int(), 1_000);
    assert_eq!(client.cmd("OBJECT ENCODING s"), Value::bulk("hashtable"));
    let writes = endpoint.count("PutItem");
    for evict in [false, true, false] {
        if evict {
            evict_all(&proxy);
        }
        assert_eq!(client.cmd("SADD s member:500 member:1").int(), 0);
        assert_eq!(client.cmd("SREM s nobody").int(), 0);
    }
    assert_eq!(endpoint.count("PutItem"), writes);
    assert_eq!(client.cmd("SADD s member:1000").int(), 1);
    assert_eq!(endpoint.count("PutItem"), writes + 1);
    assert_eq!(client.cmd("SCARD s").int(), 1_001);
    assert_eq!(client.cmd("EXPIRE s 1000").int(), 1);
    assert_eq!(client.cmd("SADD s member:3").int(), 0);
    assert_eq!(endpoint.count("PutItem"), writes + 2);
    assert!((999..=1000).contains(&client.cmd("TTL s").int()));
}

#[test]
fn an_item_that_storage_cannot_hold_is_refused_and_nothing_changes() {
    let endpoint = CountedEndpoint::open();
    let proxy = at(&endpoint).start();
    let mut client = proxy.client();
    let part = "v".repeat(150_000);
    for n in 0..2 {
        let value: String = format!("{n}{part}");
        assert_eq!(client.call(&["RPUSH", "l", &value]).int(), n + 1);
    }
    let writes = endpoint.count("PutItem");
    for evict in [false, true] {
        if evict {
            evict_all(&proxy);
        }
        let mut random = StdRng::seed_from_u64(seed());
        let noise: String =
            (0..300_000).map(|_| char::from(random.random_range(b'!'..b'~'))).collect();
        let refusal = client.call(&["RPUSH", "l", &noise, &noise]);
        assert!(refusal.error().ends_with("bytes; DynamoDB items hold 400 KB"), "{refusal:?}");
        assert_eq!(client.cmd("LLEN l").int(), 2);
    }
    assert_eq!(endpoint.count("PutItem"), writes);
}

#[test]
fn what_asks_for_no_value_gets_none_from_the_cache() {
    let proxy = Proxy::start();
    let mut client = proxy.client();
    let value = "v".repeat(300_000);
    assert_eq!(client.call(&["SET", "big", &value, "EX", "1000"]), Value::ok());
    let mut cache = proxy.redis("orders");
    let mut sent = || {
        let info = cache.cmd("INFO stats").text();
        let line = info.lines().find_map(|l| l.strip_prefix("total_net_output_bytes:"));
        line.unwrap().parse::<u64>().unwrap()
    };
    let before = sent();
    for _ in 0..10 {
        assert_eq!(client.cmd("EXISTS big none").int(), 1);
        assert_eq!(client.cmd("TOUCH big").int(), 1);
        assert!((990..=1000).contains(&client.cmd("TTL big").int()));
        assert!(client.cmd("PEXPIRETIME big").int() > 0);
        assert_eq!(client.cmd("TYPE big"), Value::Simple(String::from("string")));
        assert_eq!(client.cmd("STRLEN big").int(), 300_000);
    }
    let moved = sent() - before;
    assert!(moved < 100_000, "{moved} bytes");
}

#[test]
fn touch_counts_as_a_use_of_the_copy() {
    const AGE: &str = "return redis.call('RESTORE', KEYS[1], 0, redis.call('DUMP', KEYS[1]), 'REPLACE', 'IDLETIME', 1000)";
    let proxy = Proxy::start();
    let mut client = proxy.client();
    assert_eq!(client.cmd("HSET h f 1").int(), 1);
    assert_eq!(client.cmd("SET s v"), Value::ok());
    let mut cache = proxy.redis("orders");
    for (line, hits) in [("TOUCH h s none", 2), ("TOUCH s h s", 3)] {
        for key in ["h", "s"] {
            assert_eq!(cache.call(&["EVAL", AGE, "1", key]), Value::ok());
        }
        assert_eq!(client.cmd("EXISTS h s none").int(), 2);
        for key in ["h", "s"] {
            assert!(client.call(&["OBJECT", "IDLETIME", key]).int() >= 1000, "{key}");
        }
        assert_eq!(client.cmd(line).int(), hits);
        for key in ["h", "s"] {
            assert!(client.call(&["OBJECT", "IDLETIME", key]).int() < 1000, "{key}");
        }
    }
}

#[test]
fn forgotten_scripts_are_loaded_again() {
    let proxy = Proxy::start();
    let mut client = proxy.client();
    assert_eq!(client.cmd("HSET h f 1").int(), 1);
    for n in 2..6 {
        let mut cache = proxy.redis("orders");
        assert_eq!(cache.cmd("SCRIPT FLUSH"), Value::ok());
        assert_eq!(client.cmd("HGET h none"), Value::Nil);
        let text = n.to_string();
        eventually("it computes again", || {
            (client.call(&["HSET", "h", "f", &text]) == Value::Int(0)).then_some(())
        });
        assert_eq!(client.cmd("HGET h f"), Value::bulk(text));
        assert_eq!(cache.cmd("SELECT 1"), Value::ok());
        assert_eq!(cache.cmd("DBSIZE").int(), 0);
    }
}
