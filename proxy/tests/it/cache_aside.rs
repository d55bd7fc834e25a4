//! Cache-aside: hits come from Redis, misses are shared, absence is remembered, and an
//! eviction shows in nothing but time.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::support::{
    Client, CountedEndpoint, Proxy, ProxyBuilder, Value, effort, encode, eventually, seed,
};

fn at(endpoint: &CountedEndpoint) -> ProxyBuilder {
    ProxyBuilder::default().storage(&endpoint.storage()).cache(CountedEndpoint::cache())
}

fn evict_all(proxy: &Proxy) {
    assert_eq!(proxy.redis("orders").cmd("FLUSHALL"), Value::ok());
}

fn now_ms() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

#[test]
fn a_thousand_concurrent_misses_of_one_key_read_storage_once() {
    let endpoint = CountedEndpoint::open();
    let proxy = at(&endpoint).start();
    let mut watcher = proxy.client();
    assert_eq!(watcher.cmd("SET k popular"), Value::ok());
    evict_all(&proxy);
    let reads = endpoint.count("GetItem");
    endpoint.hold("GetItem");
    let mut clients: Vec<Client> = (0..1_000).map(|_| proxy.client()).collect();
    for client in &mut clients {
        client.send_command(&["GET", "k"]);
    }
    endpoint.until_waiting(1);
    eventually("all thousand requests are at work", || {
        watcher.cmd("INFO stats").text().contains("total_commands_processed:1001\r\n").then_some(())
    });
    endpoint.release();
    for client in &mut clients {
        assert_eq!(client.read(), Value::bulk("popular"));
    }
    assert_eq!(endpoint.count("GetItem") - reads, 1);
}

#[test]
fn hits_come_from_redis_and_misses_from_storage() {
    let endpoint = CountedEndpoint::open();
    let proxy = at(&endpoint).start();
    let (mut client, mut cache) = (proxy.client(), proxy.redis("orders"));
    assert_eq!(client.cmd("SET k stored"), Value::ok());
    let reads = endpoint.count("GetItem");
    assert_eq!(client.cmd("GET k"), Value::bulk("stored"));
    assert_eq!(cache.cmd("SET k tampered"), Value::ok());
    assert_eq!(client.cmd("GET k"), Value::bulk("tampered"));
    assert_eq!(client.cmd("MGET k"), Value::Array(vec![Value::bulk("tampered")]));
    assert_eq!(endpoint.count("GetItem"), reads);
    evict_all(&proxy);
    assert_eq!(client.cmd("GET k"), Value::bulk("stored"));
    assert_eq!(endpoint.count("GetItem"), reads + 1);
    assert_eq!(cache.cmd("GET k"), Value::bulk("stored"));
    assert_eq!(client.cmd("STRLEN k").int(), 6);
    assert_eq!(client.cmd("EXISTS k k").int(), 2);
    assert_eq!(endpoint.count("GetItem"), reads + 1);
}

#[test]
fn an_absent_key_is_remembered_until_it_is_written() {
    let endpoint = CountedEndpoint::open();
    let cache = format!("{}\nnegative_ttl = \"1m\"", CountedEndpoint::cache());
    let proxy = at(&endpoint).cache(&cache).start();
    let (mut client, mut other) = (proxy.client(), proxy.client());
    let reads = endpoint.count("GetItem");
    for _ in 0..5 {
        assert_eq!(client.cmd("GET k"), Value::Nil);
        assert_eq!(other.cmd("TTL k").int(), -2);
        assert_eq!(other.cmd("EXISTS k").int(), 0);
    }
    assert_eq!(endpoint.count("GetItem") - reads, 1);
    assert_eq!(client.cmd("SET k 1"), Value::ok());
    assert_eq!(other.cmd("GET k"), Value::bulk("1"));
    assert_eq!(client.cmd("DEL k").int(), 1);
    assert_eq!(other.cmd("GET k"), Value::Nil);
    assert_eq!(client.cmd("DEL k").int(), 0);
    assert_eq!(client.cmd("SETNX k 2").int(), 1);
    assert_eq!(other.cmd("GET k"), Value::bulk("2"));
    assert_eq!(endpoint.count("GetItem") - reads, 1);
}

#[test]
fn absence_is_forgotten_after_the_configured_time() {
    let endpoint = CountedEndpoint::open();
    let cache = format!("{}\nnegative_ttl = \"300ms\"", CountedEndpoint::cache());
    let proxy = at(&endpoint).cache(&cache).start();
    let mut client = proxy.client();
    let reads = endpoint.count("GetItem");
    let asked = Instant::now();
    assert_eq!(client.cmd("GET k"), Value::Nil);
    eventually("storage is asked again", || {
        assert_eq!(client.cmd("GET k"), Value::Nil);
        (endpoint.count("GetItem") - reads == 2).then_some(())
    });
    assert!(asked.elapsed() >= Duration::from_millis(295), "{:?}", asked.elapsed());
}

#[test]
fn different_keys_of_one_connection_proceed_together() {
    let proxy = ProxyBuilder::default().storage("kind = \"synthetic\"\nlatency = \"50ms\"").start();
    let mut client = proxy.client();
    let key = |n: usize| format!("K{n:010}s500Y");
    for protocol in ["2", "3"] {
        evict_all(&proxy);
        client.cmd(&format!("HELLO {protocol}"));
        let started = Instant::now();
        let requests: Vec<u8> = (0..100).flat_map(|n| encode(&["GET", &key(n)])).collect();
        client.send(&requests);
        for n in 0..100 {
            let value = client.read().text();
            assert!(value.len() == 500 && value.starts_with(&format!("V{n:010}s500")), "{value}");
        }
        let took = started.elapsed();
        assert!(took >= Duration::from_millis(50) && took < Duration::from_secs(2), "{took:?}");
    }
}

#[test]
fn a_slow_key_holds_back_later_replies_but_not_later_work() {
    let endpoint = CountedEndpoint::open();
    let proxy = at(&endpoint).start();
    let (mut client, mut other) = (proxy.client(), proxy.client());
    for line in ["SET slow s", "SET warm w"] {
        assert_eq!(client.cmd(line), Value::ok());
    }
    assert_eq!(proxy.redis("orders").cmd("DEL slow").int(), 1);
    endpoint.hold("GetItem");
    client.send(b"get slow\r\nget warm\r\nset new n\r\nget slow\r\nping\r\n");
    endpoint.until_waiting(1);
    // The write behind the slow read is done before the read is.
    eventually("the later write is visible to others", || {
        (proxy.redis("orders").cmd("GET new") == Value::bulk("n")).then_some(())
    });
    assert_eq!(other.cmd("GET new"), Value::bulk("n"));
    endpoint.release();
    let expected = b"$1\r\ns\r\n$1\r\nw\r\n+OK\r\n$1\r\ns\r\n+PONG\r\n";
    assert_eq!(client.read_raw(expected.len()), expected);
}

#[test]
fn pipelined_commands_on_one_key_keep_their_order() {
    let seed = seed();
    let mut random = StdRng::seed_from_u64(seed);
    let endpoint = CountedEndpoint::open();
    endpoint.delay(Duration::from_millis(3));
    let proxy = at(&endpoint).start();
    let mut client = proxy.client();
    let rounds = effort(600, 20_000);
    let mut done = 0;
    while done < rounds {
        if random.random_range(0..4) == 0 {
            evict_all(&proxy);
        }
        let (mut requests, mut expected) = (Vec::new(), Vec::new());
        // Up to 50 rounds in one packet, on few or many keys, cold and warm, with other keys' slow reads between.
        for round in 0..random.random_range(1..50) {
            let key = format!("k{}", random.random_range(0..40));
            for line in [
                &["SET", &key, "1"][..],
                &["GET", &key],
                &["INCR", &key],
                &["GET", &key],
                &["MGET", &key, "never", &key],
                &["DEL", "never", &key],
                &["GET", &key],
            ] {
                requests.extend(encode(line));
            }
            expected.extend_from_slice(
                b"+OK\r\n$1\r\n1\r\n:2\r\n$1\r\n2\r\n*3\r\n$1\r\n2\r\n$-1\r\n$1\r\n2\r\n:1\r\n$-1\r\n",
            );
            if random.random_range(0..3) == 0 {
                requests.extend(encode(&["GET", &format!("cold{done}-{round}")]));
                expected.extend_from_slice(b"$-1\r\n");
            }
            done += 1;
        }
        client.send(&requests);
        let got = client.read_raw(expected.len());
        assert!(
            got == expected,
            "seed {seed}:\n{}\n{}",
            got.escape_ascii(),
            expected.escape_ascii()
        );
    }
}

#[test]
fn an_expiry_is_the_same_to_the_millisecond_wherever_it_is_read() {
    let mut proxy = Proxy::start();
    let mut client = proxy.client();
    let at_ms = now_ms() + 3_600_123;
    let absolute = |client: &mut Client, key: &str| client.call(&["PEXPIRETIME", key]).int();
    assert_eq!(client.cmd(&format!("SET k 0 PXAT {at_ms}")), Value::ok());
    assert_eq!(client.cmd("SET j 0 PX 3600123"), Value::ok());
    let j_ms = absolute(&mut client, "j");
    assert!((0..5_000).contains(&(j_ms - at_ms)), "{}", j_ms - at_ms);
    // Many times: a clock that ticks between two readings of it would show.
    for n in 1..effort(700, 20_000) {
        assert_eq!(absolute(&mut client, "k"), at_ms, "read {n} from the cache");
        assert_eq!(client.cmd("INCR k").int(), i64::try_from(n).unwrap());
        assert_eq!(absolute(&mut client, "j"), j_ms, "read {n} from the cache");
        if n % 100 == 0 {
            evict_all(&proxy);
            assert_eq!(absolute(&mut client, "k"), at_ms, "read {n} from storage");
            assert_eq!(absolute(&mut client, "j"), j_ms, "read {n} from storage");
        }
    }
    assert_eq!(client.cmd("SET k 5 KEEPTTL"), Value::ok());
    assert_eq!(client.cmd("APPEND j x").int(), 2);
    proxy.kill();
    proxy.restart();
    let mut client = proxy.client();
    assert_eq!([absolute(&mut client, "k"), absolute(&mut client, "j")], [at_ms, j_ms]);
    assert_eq!([absolute(&mut client, "k"), absolute(&mut client, "j")], [at_ms, j_ms]);
    assert_eq!(client.cmd("PERSIST k").int(), 1);
    assert_eq!(client.cmd("TTL k").int(), -1);
    evict_all(&proxy);
    assert_eq!(client.cmd("TTL k").int(), -1);
}

#[test]
fn an_expiry_far_beyond_any_calendar_is_kept_exactly_and_harms_nobody() {
    let proxy = Proxy::start();
    let (mut client, mut cache) = (proxy.client(), proxy.redis("orders"));
    for at_ms in [(1_i64 << 53) - 1, 1 << 53, (1 << 53) + 1, i64::MAX - 1, i64::MAX] {
        assert_eq!(client.cmd("SET k 0"), Value::ok());
        assert_eq!(client.cmd(&format!("PEXPIREAT k {at_ms}")).int(), 1);
        for n in 1..4 {
            assert_eq!(client.cmd("PEXPIRETIME k").int(), at_ms);
            assert_eq!(client.cmd("INCR k").int(), n);
            assert_eq!(client.cmd("GET k"), Value::bulk(n.to_string()));
            evict_all(&proxy);
            assert_eq!(client.cmd("PEXPIRETIME k").int(), at_ms);
            assert_eq!(client.cmd("GET k"), Value::bulk(n.to_string()));
            assert_eq!(client.cmd("MGET k"), Value::Array(vec![Value::bulk(n.to_string())]));
        }
        // Redis is still in service.
        assert_eq!(cache.cmd("SET k tampered"), Value::ok());
        assert_eq!(client.cmd("GET k"), Value::bulk("tampered"));
    }
}

#[test]
fn a_key_expires_at_its_millisecond_warm_and_cold() {
    let proxy = Proxy::start();
    let mut client = proxy.client();
    for cold in [false, true] {
        let at_ms = now_ms() + 400;
        assert_eq!(client.cmd(&format!("SET k v PXAT {at_ms}")), Value::ok());
        loop {
            if cold {
                evict_all(&proxy);
            }
            let asked_ms = now_ms();
            let reply = client.cmd("GET k");
            let answered_ms = now_ms();
            if reply == Value::Nil {
                assert!(
                    answered_ms >= at_ms,
                    "gone {} ms early (cold: {cold})",
                    at_ms - answered_ms
                );
                break;
            }
            assert_eq!(reply, Value::bulk("v"));
            assert!(asked_ms <= at_ms, "served {} ms late (cold: {cold})", asked_ms - at_ms);
        }
        assert_eq!(client.cmd("EXISTS k").int(), 0);
        assert_eq!(client.cmd("SET k w NX"), Value::ok());
        assert_eq!(client.cmd("TTL k").int(), -1);
        assert_eq!(client.cmd("DEL k").int(), 1);
    }
}

#[test]
fn keys_that_look_like_ours_are_keys_like_any_other() {
    let proxy = Proxy::start();
    let mut client = proxy.client();
    let names: [&[u8]; 9] = [
        b"x",
        b"\0hk",
        b"\0hkm",
        b"\0hkmx",
        b"\0hkdx",
        b"\0hkd\0hkdx",
        b"\0hko",
        b"\0hkc",
        b"\0hkm\0hkmx",
    ];
    let value_of = |n: usize| format!("value {n}");
    for (n, name) in names.iter().enumerate() {
        assert_eq!(client.call(&[b"GET", *name]), Value::Nil);
        assert_eq!(client.call(&[b"SET", *name, value_of(n).as_bytes()]), Value::ok());
    }
    let all: Vec<&[u8]> = [&b"MGET"[..]].into_iter().chain(names).collect();
    let values = Value::Array((0..names.len()).map(|n| Value::bulk(value_of(n))).collect());
    for cold in [false, true, false] {
        if cold {
            evict_all(&proxy);
        }
        assert_eq!(client.call(&all), values);
        for (n, name) in names.iter().enumerate() {
            assert_eq!(client.call(&[b"GET", *name]), Value::bulk(value_of(n)));
            assert_eq!(client.call(&[&b"TTL"[..], *name]).int(), -1);
        }
    }
    for (n, name) in names.iter().enumerate() {
        assert_eq!(client.call(&[b"DEL", *name]).int(), 1);
        for (m, other) in names.iter().enumerate() {
            let expected = if m <= n { Value::Nil } else { Value::bulk(value_of(m)) };
            assert_eq!(
                client.call(&[b"GET", *other]),
                expected,
                "after DEL of {}",
                name.escape_ascii()
            );
        }
    }
}

#[test]
fn a_cache_much_smaller_than_the_data_evicts_and_every_read_is_right() {
    let seed = seed();
    let mut random = StdRng::seed_from_u64(seed);
    let proxy = ProxyBuilder::default()
        .allocator("enabled = false\nmin_cache = \"2MiB\"")
        .tenant_with(
            "orders",
            "cache = \"4MiB\"\nread_units = \"1m\"\nwrite_units = \"1m\"\nnet = \"10GB/s\"",
        )
        .start();
    let mut client = proxy.client();
    let mut written = vec![1; 1_500];
    let value =
        |key: usize, version: usize| format!("{key}:{version}:").repeat(1 + (key * 7) % 900);
    for keys in (0..written.len()).collect::<Vec<_>>().chunks(100) {
        let pairs = keys.iter().flat_map(|key| [format!("key:{key}"), value(*key, 1)]);
        let line: Vec<String> = [String::from("MSET")].into_iter().chain(pairs).collect();
        assert_eq!(client.call(&line), Value::ok());
    }
    for _ in 0..effort(120, 3_000) {
        let (mut requests, mut expected) = (Vec::new(), Vec::new());
        for _ in 0..30 {
            let key = random.random_range(0..written.len());
            let name = format!("key:{key}");
            match random.random_range(0..3) {
                0 => {
                    written[key] += 1;
                    requests.extend(encode(&["SET", &name, &value(key, written[key])]));
                    expected.push(Value::ok());
                }
                n => {
                    let found = Value::bulk(value(key, written[key]));
                    let (command, reply) =
                        if n == 1 { ("GET", found) } else { ("MGET", Value::Array(vec![found])) };
                    requests.extend(encode(&[command, &name]));
                    expected.push(reply);
                }
            }
        }
        client.send(&requests);
        for reply in expected {
            let got = client.read();
            assert!(got == reply, "seed {seed}: {got:?} is not {reply:?}");
        }
    }
    let stats = proxy.redis_cli("orders", &["INFO", "stats"]);
    let evicted: u64 = stats
        .lines()
        .find_map(|l| l.strip_prefix("evicted_keys:"))
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    assert!(evicted > 0, "{stats}");
    let info = client.cmd("INFO stats").text();
    let hits: u64 =
        info.lines().find_map(|l| l.strip_prefix("keyspace_hits:")).unwrap().parse().unwrap();
    assert!(hits > 0, "{info}");
    println!("{evicted} evicted, {hits} hits");
}
