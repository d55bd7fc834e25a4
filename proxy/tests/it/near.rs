//! The near cache: hot keys are answered without Redis, within the quota, and nobody can tell by the values.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::sys::signal::{Signal, kill};
use serde_json::{Value as Json, json};

use crate::admin::{MIB, maxmemory};
use crate::support::{Client, Proxy, ProxyBuilder, Value, encode, eventually};

/// Two workers, so that clients dealt in turn are on different ones.
fn near(lines: &str) -> ProxyBuilder {
    ProxyBuilder::default()
        .server("workers = 2")
        .tenant("orders", &format!("near_cache = \"8MiB\"\nallow_flush = true\n{lines}"))
}

fn requests(proxy: &Proxy) -> Json {
    proxy.get("/v1/tenants/orders/stats")["requests"].clone()
}

fn near_hits(proxy: &Proxy) -> u64 {
    requests(proxy)["near_hits"].as_u64().unwrap()
}

/// Reads a key until it is served from near on this client's worker.
fn heat(proxy: &Proxy, client: &mut Client, key: &str) {
    eventually("the key is served from near", || {
        let before = near_hits(proxy);
        for _ in 0..10 {
            assert!(!client.call(&["GET", key]).is_error());
        }
        (near_hits(proxy) >= before + 8).then_some(())
    });
}

/// `GET`s that a tenant's Redis has run.
fn gets_in_redis(proxy: &Proxy) -> u64 {
    let stats = proxy.redis("orders").cmd("INFO commandstats").text();
    let line = stats.lines().find_map(|line| line.strip_prefix("cmdstat_get:calls="));
    line.map_or(0, |line| line.split(',').next().unwrap().parse().unwrap())
}

fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(since.as_millis()).unwrap()
}

#[test]
fn a_hot_key_does_not_reach_redis_and_counts_as_a_hit() {
    let proxy = near("").start();
    let mut client = proxy.client();
    assert_eq!(client.cmd("SET k value"), Value::ok());
    heat(&proxy, &mut client, "k");
    let (in_redis, before) = (gets_in_redis(&proxy), requests(&proxy));
    for _ in 0..640 {
        assert_eq!(client.cmd("GET k"), Value::bulk("value"));
    }
    assert_eq!(gets_in_redis(&proxy) - in_redis, 10, "one use in 64 keeps it warm in Redis");
    let after = requests(&proxy);
    let grew = |name: &str| after[name].as_u64().unwrap() - before[name].as_u64().unwrap();
    assert_eq!(grew("near_hits"), 630);
    for name in ["reads", "hits", "commands"] {
        assert_eq!(grew(name), 640, "{name}");
    }
    assert_eq!(grew("read_bytes"), 640 * 6);
    assert_eq!(grew("misses"), 0);
    // A strongly consistent read of an item of up to 4 KB.
    assert_eq!(grew("milli_read_units_if_missed"), 640 * 1000);
    let stats = proxy.get("/v1/tenants/orders/stats");
    assert_eq!(stats["cache"]["near"]["copies"], 1);
    assert!(stats["latency_us"]["hit"]["count"].as_u64().unwrap() >= 640);
    assert_eq!(stats["hot_keys"][0]["key"], "k");
    let (_, metrics) = proxy.api("GET", "/metrics", None);
    let metrics = metrics.as_str().unwrap().to_owned();
    assert!(metrics.contains("hopperkv_reads_near_total{tenant=\"orders\"}"), "{metrics}");
    assert!(metrics.contains("hopperkv_near_copies{tenant=\"orders\"} 1"), "{metrics}");
}

#[test]
fn resp3_clients_are_served_the_same() {
    let proxy = near("").start();
    let (mut two, mut three) = (proxy.client(), Client::connect(proxy.listen));
    three.send(b"HELLO 3 AUTH orders orders-pw\r\n");
    let _ = three.read_reply_bytes();
    assert_eq!(two.cmd("SET k value"), Value::ok());
    for client in [&mut two, &mut three] {
        heat(&proxy, client, "k");
    }
    let before = near_hits(&proxy);
    for client in [&mut two, &mut three] {
        client.send(&encode(&["GET", "k"]));
        assert_eq!(client.read_raw(11), b"$5\r\nvalue\r\n");
    }
    assert_eq!(near_hits(&proxy) - before, 2);
}

/// A command and what `GET k` replies after it: nothing, a value, or the beginning of an error.
const WRITES: &[(&str, &str)] = &[
    ("SET k new", "new"),
    ("SET k new XX", "new"),
    ("SETEX k 100 new", "new"),
    ("GETSET k new", "new"),
    ("APPEND k 1", "71"),
    ("INCR k", "8"),
    ("DECRBY k 2", "5"),
    ("INCRBYFLOAT k 0.5", "7.5"),
    ("SETRANGE k 1 x", "7x"),
    ("SETBIT k 7 0", "6"),
    ("BITFIELD k SET u8 0 65", "A"),
    ("MSET k new other x", "new"),
    ("GETDEL k", ""),
    ("DEL k", ""),
    ("UNLINK other k", ""),
    ("PEXPIREAT k 1", ""),
    ("EXPIRE k -1", ""),
    ("RENAME k other", ""),
    ("RENAME other k", "theirs"),
    ("RENAMENX k third", ""),
    ("COPY other k REPLACE", "theirs"),
    ("BITOP NOT k empty", ""),
    ("SDIFFSTORE k set", "WRONGTYPE"),
    ("ZRANGESTORE k zset 0 -1", "WRONGTYPE"),
    ("MULTI|SET other x|SET k new|EXEC", "new"),
    ("MULTI|DEL k|HSET k f v|EXEC", "WRONGTYPE"),
    ("WATCH k|MULTI|INCR k|EXEC", "8"),
    ("FLUSHALL", ""),
    ("FLUSHDB", ""),
];

#[test]
fn every_kind_of_write_on_another_worker_is_seen_at_once() {
    let proxy = near("").start();
    let mut writer = proxy.client();
    let mut readers = [proxy.client(), proxy.client()];
    for (command, expected) in WRITES {
        assert!(writer.cmd("DEL third").int() <= 1);
        assert_eq!(writer.cmd("MSET k 7 other theirs"), Value::ok());
        assert!(!writer.cmd("SADD set a").is_error() && !writer.cmd("ZADD zset 1 a").is_error());
        for reader in &mut readers {
            heat(&proxy, reader, "k");
        }
        for part in command.split('|') {
            let reply = writer.cmd(part);
            assert!(!reply.is_error(), "{part}: {reply:?}");
        }
        for reader in &mut readers {
            for _ in 0..3 {
                match (reader.cmd("GET k"), *expected) {
                    (Value::Nil, "") => {}
                    (Value::Error(text), start) if !start.is_empty() => {
                        assert!(text.starts_with(start), "{command}: {text}");
                    }
                    (got, value) => assert_eq!(got, Value::bulk(value), "{command}"),
                }
            }
        }
        assert!(writer.cmd("DEL k set zset other").int() >= 0);
    }
}

#[test]
fn a_script_that_writes_is_seen_at_once() {
    let proxy = near("").start();
    let (mut writer, mut reader) = (proxy.client(), proxy.client());
    assert_eq!(writer.cmd("SET k old"), Value::ok());
    let script = "return redis.call('SET', KEYS[1], ARGV[1])";
    let hash = writer.call(&["SCRIPT", "LOAD", script]).text();
    heat(&proxy, &mut reader, "k");
    assert_eq!(writer.call(&["EVALSHA", &hash, "1", "k", "new"]), Value::ok());
    assert_eq!(reader.cmd("GET k"), Value::bulk("new"));
}

#[test]
fn requests_of_one_connection_keep_their_order() {
    let proxy = near("").start();
    let mut client = proxy.client();
    assert_eq!(client.cmd("MSET k 0 other cold"), Value::ok());
    for round in 0..200 {
        if round % 20 == 0 {
            heat(&proxy, &mut client, "k");
        }
        let mut sent = Vec::new();
        for words in [
            vec!["GET", "k"],
            vec!["GET", "other"],
            vec!["GET", "k"],
            vec!["INCR", "k"],
            vec!["GET", "k"],
            vec!["STRLEN", "other"],
            vec!["GET", "k"],
        ] {
            sent.extend_from_slice(&encode(&words));
        }
        client.send(&sent);
        let (before, after) =
            (Value::bulk(round.to_string()), Value::bulk((round + 1).to_string()));
        let replies: Vec<Value> = (0..7).map(|_| client.read()).collect();
        let expected = [
            before.clone(),
            Value::bulk("cold"),
            before,
            Value::Int(round + 1),
            after.clone(),
            Value::Int(4),
            after,
        ];
        assert_eq!(replies, expected);
    }
}

#[test]
fn a_value_is_gone_when_it_expires() {
    let proxy = near("")
        .storage("kind = \"embedded\"\nattempt_timeout = \"1s\"\noperation_timeout = \"1s\"")
        .cache("kind = \"managed\"\nfence = \"1100ms\"")
        .start();
    let mut client = proxy.client();
    for _ in 0..3 {
        // A slow disk may take most of the time that the value has.
        let expires_at = eventually("the key is served from near before it expires", || {
            let before = near_hits(&proxy);
            assert_eq!(client.cmd("SET k v PX 3000"), Value::ok());
            let expires_at = client.cmd("PEXPIRETIME k").int();
            for _ in 0..30 {
                client.cmd("GET k");
            }
            (near_hits(&proxy) > before + 15).then_some(u64::try_from(expires_at).ok()?)
        });
        let last = loop {
            let asked = unix_ms();
            match client.cmd("GET k") {
                Value::Nil => break asked,
                _ => assert!(asked <= expires_at, "served {} ms late", asked - expires_at),
            }
        };
        assert!(last + 1000 > expires_at && unix_ms() >= expires_at);
    }
}

#[test]
fn a_redis_that_dies_takes_nothing_along_and_brings_nothing_back() {
    let proxy = near("").start();
    let (mut client, mut writer) = (proxy.client(), proxy.client());
    assert_eq!(client.cmd("MSET kept same changed old"), Value::ok());
    for key in ["kept", "changed"] {
        heat(&proxy, &mut client, key);
    }
    kill(proxy.redis_pid("orders"), Signal::SIGKILL).unwrap();
    assert_eq!(writer.cmd("SET changed new"), Value::ok());
    for _ in 0..20 {
        assert_eq!(client.cmd("GET changed"), Value::bulk("new"));
        assert_eq!(client.cmd("GET kept"), Value::bulk("same"));
    }
    eventually("Redis serves again", || {
        let stats = proxy.get("/v1/tenants/orders/stats");
        (stats["cache"]["serving"] == true && stats["cache"]["interruptions"] != 0).then_some(())
    });
    for key in ["kept", "changed"] {
        heat(&proxy, &mut client, key);
    }
    assert_eq!(client.cmd("GET changed"), Value::bulk("new"));
    assert_eq!(client.cmd("GET kept"), Value::bulk("same"));
}

#[test]
fn the_near_cache_is_part_of_the_quota_and_follows_it() {
    let proxy = near("").start();
    let view = || proxy.get("/v1/tenants/orders/stats")["cache"]["near"].clone();
    let bytes = |field: &str| view()[field].as_u64().unwrap();
    assert_eq!(maxmemory(&proxy, "orders"), 24 * MIB);
    let mut clients = [proxy.client(), proxy.client()];
    let mut fill = || {
        for client in &mut clients {
            for first in (0..6_000).step_by(50) {
                let keys = first..first + 50;
                let get = |key| encode(&["GET", &format!("key:{key}")]);
                client.send(&keys.clone().flat_map(get).collect::<Vec<u8>>());
                for _ in keys {
                    assert!(!client.read().is_error());
                }
            }
        }
    };
    let mut writer = proxy.client();
    for first in (0..6_000).step_by(50) {
        let mut pairs = vec!["MSET".to_owned()];
        for key in first..first + 50 {
            pairs.extend([format!("key:{key}"), "x".repeat(500)]);
        }
        assert_eq!(writer.call(&pairs), Value::ok());
    }
    eventually("most of the near cache is used", || {
        fill();
        assert!(bytes("budget_bytes") <= 8 * MIB && bytes("used_bytes") <= bytes("budget_bytes"));
        (bytes("used_bytes") > 5 * MIB).then_some(())
    });
    // A quarter of 16 MiB, and Redis has the rest.
    for (quota, of_redis) in [(16, 12), (20, 15), (64, 56), (32, 24)] {
        let body = json!({"cache_bytes": quota * MIB});
        let (status, answer) = proxy.api("PUT", "/v1/tenants/orders/quota", Some(&body));
        assert_eq!((status, &answer["cache_bytes"]), (200, &json!(quota * MIB)));
        eventually("both parts have their size", || {
            let near_has = bytes("budget_bytes") <= (quota - of_redis) * MIB;
            (near_has && maxmemory(&proxy, "orders") == of_redis * MIB).then_some(())
        });
        fill();
        assert!(bytes("used_bytes") <= bytes("budget_bytes"), "{}", view());
    }
    // Odd sizes are recognised too: nothing is left to be done.
    let body = json!({"cache_bytes": 16 * MIB + 3});
    assert_eq!(proxy.api("PUT", "/v1/tenants/orders/quota", Some(&body)).0, 200);
    assert_eq!(proxy.get("/v1/allocator")["rounds_to_come"], 0);
    kill(proxy.redis_pid("orders"), Signal::SIGKILL).unwrap();
    eventually("a new Redis has its part only", || {
        let cache = proxy.get("/v1/tenants/orders/stats")["cache"].clone();
        let is_back = cache["interruptions"] != 0 && cache["serving"] == true;
        (is_back && cache["maxmemory_bytes"] == 12 * MIB + 3).then_some(())
    });
}

#[test]
fn bytes_from_near_are_paid_for() {
    let lines = "cache = \"32MiB\"\nread_units = \"1m\"\nwrite_units = \"1m\"\nnet = \"100kB/s\"\n\
                 max_wait = \"0s\"\nnear_cache = \"8MiB\"";
    let proxy = ProxyBuilder::default().server("workers = 1").tenant_with("orders", lines).start();
    let mut client = proxy.client();
    let mut get = || client.cmd("GET k");
    eventually("the value is written", || {
        (proxy.client().call(&["SET", "k", &"x".repeat(2000)]) == Value::ok()).then_some(())
    });
    let served = |seconds: u64, get: &mut dyn FnMut() -> Value| {
        let (since, mut bytes) = (std::time::Instant::now(), 0);
        while since.elapsed() < Duration::from_secs(seconds) {
            match get() {
                Value::Error(text) => assert!(text.starts_with("THROTTLED orders net"), "{text}"),
                value => bytes += value.text().len(),
            }
        }
        bytes
    };
    let before = near_hits(&proxy);
    let bytes = served(3, &mut get);
    // Less only where the machine stalls.
    assert!((100_000..350_000).contains(&bytes), "{bytes} bytes in 3 s at 100 kB/s");
    assert!(near_hits(&proxy) - before > bytes as u64 / 4000);
}

#[test]
fn a_near_cache_that_cannot_be_is_refused() {
    let shared = ProxyBuilder::default()
        .cache("kind = \"dedicated\"\nexclusive = false")
        .tenant("orders", "redis = \"redis://127.0.0.1:1\"\nnear_cache = \"8MiB\"");
    let said = shared.refused();
    let why = "tenant \"orders\" near_cache = \"8MiB\": needs [cache] exclusive = true: a proxy that is not alone is \
               not told what others write";
    assert!(said.line().contains(why), "{said:?}");
    let large = ProxyBuilder::default().tenant("orders", "near_cache = \"9MiB\"").refused();
    let why = "tenant \"orders\" near_cache = \"9MiB\": is more than a quarter of cache, which it is taken from; the \
               most is 8MiB";
    assert!(large.line().contains(why), "{large:?}");
    let small = ProxyBuilder::default().tenant("orders", "near_cache = \"10kB\"").refused();
    assert!(small.line().contains("is too small; the least is 1MiB, or 0 for none"), "{small:?}");

    let proxy = near("").start();
    let body = json!({"near_cache": "4MiB"});
    let (status, problem) = proxy.api("PATCH", "/v1/tenants/orders", Some(&body));
    assert_eq!(status, 409);
    assert!(
        problem["detail"].as_str().unwrap().contains("near_cache cannot be changed"),
        "{problem}"
    );
    assert_eq!(proxy.get("/v1/tenants/orders")["near_cache_bytes"], 8 * MIB);
}
