//! The whole keyspace: SCAN, KEYS, DBSIZE and RANDOMKEY tell what storage holds, at the tenant's own cost.

mod cursors;
mod flush;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::{
    Client, CountedEndpoint, Database, Proxy, ProxyBuilder, StockRedis, Value, effort, eventually,
    seed,
};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

type Keys = BTreeSet<Vec<u8>>;

/// Cursor and keys of one SCAN.
fn step(client: &mut Client, cursor: &str, options: &str) -> (String, Vec<Vec<u8>>) {
    let reply = client.cmd(&format!("SCAN {cursor} {options}"));
    let Value::Array(parts) = reply else { panic!("SCAN {cursor} {options} gave {reply:?}") };
    let [cursor, keys] = &parts[..] else { panic!("{parts:?}") };
    (cursor.text(), strings(keys.clone()))
}

fn strings(reply: Value) -> Vec<Vec<u8>> {
    let Value::Array(items) = reply else { panic!("not an array: {reply:?}") };
    let bytes = |item| match item {
        Value::Bulk(bytes) => bytes,
        other => panic!("not a string: {other:?}"),
    };
    items.into_iter().map(bytes).collect()
}

/// Everything that a full iteration returns, and in how many steps.
fn iterate(client: &mut Client, options: &str) -> (Keys, usize) {
    let (mut cursor, mut all, mut steps) = (String::from("0"), Keys::new(), 0);
    loop {
        let (next, keys) = step(client, &cursor, options);
        all.extend(keys);
        steps += 1;
        if next == "0" {
            return (all, steps);
        }
        cursor = next;
    }
}

/// Sends many commands at once and reads their replies.
fn pipeline(client: &mut Client, commands: &[Vec<Vec<u8>>]) -> Vec<Value> {
    commands
        .chunks(500)
        .flat_map(|chunk| {
            for args in chunk {
                client.send_command(args);
            }
            chunk.iter().map(|_| client.read()).collect::<Vec<_>>()
        })
        .collect()
}

fn set(key: &[u8], value: &str) -> Vec<Vec<u8>> {
    vec![b"SET".to_vec(), key.to_vec(), value.as_bytes().to_vec()]
}

/// Sets `count` keys of `bytes` each, name included.
fn fill(client: &mut Client, count: usize, bytes: usize) -> Keys {
    let keys: Keys = (0..count).map(|i| format!("key:{i:07}").into_bytes()).collect();
    // "k" and "v" are stored beside.
    let value = "x".repeat(bytes - 2 - b"key:0000000".len());
    let commands: Vec<_> = keys.iter().map(|key| set(key, &value)).collect();
    assert!(pipeline(client, &commands).iter().all(|reply| *reply == Value::ok()));
    keys
}

fn in_memory() -> (Database, ProxyBuilder) {
    let database = Database::start();
    let builder = ProxyBuilder::default().storage(&database.lines());
    (database, builder)
}

fn counted(proxy: &Proxy, field: &str) -> u64 {
    let stats = proxy.get("/v1/tenants/orders/stats");
    stats["requests"][field].as_u64().unwrap_or_else(|| panic!("no {field} in {stats}"))
}

#[test]
fn a_full_iteration_returns_every_key_that_is_there_all_the_time() {
    let (_database, builder) = in_memory();
    let proxy = builder.start();
    let stays = fill(&mut proxy.client(), 10_000, 40);
    let done = AtomicBool::new(false);
    let (found, steps) = std::thread::scope(|scope| {
        let (mut client, done) = (proxy.client(), &done);
        scope.spawn(move || {
            let mut round = 0;
            while !done.load(Ordering::Relaxed) {
                let names: Vec<Vec<u8>> =
                    (0..50).map(|i| format!("{i}:passing:{round}").into_bytes()).collect();
                pipeline(&mut client, &names.iter().map(|key| set(key, "v")).collect::<Vec<_>>());
                let delete = |key: &Vec<u8>| vec![b"DEL".to_vec(), key.clone()];
                pipeline(&mut client, &names.iter().map(delete).collect::<Vec<_>>());
                round += 1;
            }
        });
        // Any connection may go on.
        let mut clients = [proxy.client(), proxy.client(), proxy.client()];
        let (mut cursor, mut all, mut steps) = (String::from("0"), Keys::new(), 0);
        while steps == 0 || cursor != "0" {
            let (next, keys) = step(&mut clients[steps % 3], &cursor, "COUNT 300");
            assert!(keys.len() <= 300);
            all.extend(keys);
            (cursor, steps) = (next, steps + 1);
        }
        done.store(true, Ordering::Relaxed);
        (all, steps)
    });
    assert!(steps >= 34, "{steps} steps");
    assert_eq!(stays.difference(&found).count(), 0);
    let mut client = proxy.client();
    assert_eq!(client.cmd("DBSIZE"), Value::Int(10_000));
    let keys = strings(client.cmd("KEYS *"));
    assert_eq!(keys.len(), 10_000, "no key twice");
    assert_eq!(keys.into_iter().collect::<Keys>(), stays);
    assert_eq!(strings(client.cmd("KEYS key:00012??")).len(), 100);
}

/// Whatever is asked, the keys are those that Redis returns; only their order is storage's.
fn agrees_with_redis(proxy: &Proxy) {
    let mut random = StdRng::seed_from_u64(seed());
    let redis = StockRedis::start();
    let (mut theirs, mut ours) = (redis.client(), proxy.client());
    let alphabet: &[&[u8]] = &[b"a", b"b", b"A", b":", b"*", b"[", b"\\", b"\0", b"\xff", b"\r\n"];
    let mut keys: Keys = (0..120)
        .map(|_| {
            let len = random.random_range(1..6);
            (0..len)
                .flat_map(|_| alphabet[random.random_range(0..alphabet.len())])
                .copied()
                .collect()
        })
        .collect();
    for reserved in [&b"\0hk"[..], b"\0hkmab", b"\0hkda", b"\0hko"] {
        keys.insert(reserved.to_vec());
    }
    let types: [&[&[u8]]; 6] = [
        &[b"SET", b"", b"v"],
        &[b"RPUSH", b"", b"v"],
        &[b"SADD", b"", b"v"],
        &[b"HSET", b"", b"f", b"v"],
        &[b"ZADD", b"", b"1", b"v"],
        &[b"SET", b"", b"v", b"PX", b"100000"],
    ];
    for key in &keys {
        let mut command: Vec<&[u8]> = types[random.random_range(0..types.len())].to_vec();
        command[1] = key;
        assert_eq!(ours.call(&command), theirs.call(&command), "{}", key.escape_ascii());
    }
    assert_eq!(ours.cmd("DBSIZE"), theirs.cmd("DBSIZE"));
    let patterns =
        ["*", "a*", "A*", "*a", "[ab]*", "[^a]*", "??", "\\**", "*:*", "ab", "\\[a*", "b"];
    for pattern in patterns {
        let all = |client: &mut Client| strings(client.cmd(&format!("KEYS {pattern}")));
        let as_set = |keys: Vec<Vec<u8>>| keys.into_iter().collect::<Keys>();
        assert_eq!(as_set(all(&mut ours)), as_set(all(&mut theirs)), "KEYS {pattern}");
        for options in ["", "COUNT 7", "COUNT 1000", "TYPE hash", "TYPE STRING COUNT 3", "TYPE x"] {
            let options = format!("MATCH {pattern} {options}");
            let (found, expected) = (iterate(&mut ours, &options), iterate(&mut theirs, &options));
            assert_eq!(found.0, expected.0, "SCAN 0 {options}");
        }
    }
    assert!(matches!(ours.cmd("HELLO 3"), Value::Map(_)));
    assert_eq!(iterate(&mut ours, "COUNT 50").0, keys);
    assert!(keys.contains(&match ours.cmd("RANDOMKEY") {
        Value::Bulk(key) => key,
        other => panic!("{other:?}"),
    }));
}

#[test]
fn keys_are_those_of_redis() {
    agrees_with_redis(&Proxy::start());
}

#[test]
fn keys_are_those_of_redis_on_dynalite() {
    let Some(executable) = std::env::var_os("HOPPERKV_DYNALITE") else {
        println!("skipped: HOPPERKV_DYNALITE does not name the dynalite executable");
        return;
    };
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let mut server = std::process::Command::new(executable)
        .args(["--port", &address.port().to_string(), "--createTableMs", "50"])
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    eventually("dynalite listens", || std::net::TcpStream::connect(address).ok());
    let lines =
        format!("kind = \"dynamodb\"\nendpoint = \"http://{address}\"\ncreate_tables = true");
    agrees_with_redis(&ProxyBuilder::default().storage(&lines).start());
    server.kill().unwrap();
    server.wait().unwrap();
}

#[test]
fn expired_keys_are_gone_from_everywhere() {
    let proxy = Proxy::start();
    let mut client = proxy.client();
    for i in 0..40 {
        client.cmd(&format!("SET short:{i} v PX 300"));
    }
    client.cmd("SET stays v");
    client.cmd("SET later v EX 1000");
    eventually("they expire", || (client.cmd("DBSIZE") == Value::Int(2)).then_some(()));
    assert_eq!(strings(client.cmd("KEYS short:*")), Vec::<Vec<u8>>::new());
    let left = Keys::from([b"stays".to_vec(), b"later".to_vec()]);
    assert_eq!(iterate(&mut client, "COUNT 5").0, left);
    let random: Keys = (0..40).map(|_| client.cmd("RANDOMKEY").text().into_bytes()).collect();
    assert_eq!(random, left);
    client.cmd("DEL stays later");
    assert_eq!(client.cmd("RANDOMKEY"), Value::Nil);
    assert_eq!(iterate(&mut client, "").0, Keys::new());
    assert_eq!(client.cmd("DBSIZE"), Value::Int(0));
}

#[test]
fn a_scan_costs_the_read_units_of_the_items_it_looks_at() {
    let (_database, builder) = in_memory();
    let proxy = builder.start();
    let mut client = proxy.client();
    fill(&mut client, 100, 1024);
    let cost = |client: &mut Client, command: &str| {
        let before = [counted(&proxy, "milli_read_units"), counted(&proxy, "scanned_items")];
        let reply = client.cmd(command);
        let after = [counted(&proxy, "milli_read_units"), counted(&proxy, "scanned_items")];
        (reply, after[0] - before[0], after[1] - before[1])
    };
    assert_eq!(cost(&mut client, "DBSIZE"), (Value::Int(100), 25_000, 100));
    let (keys, milli_units, items) = cost(&mut client, "KEYS nothing*");
    assert_eq!((strings(keys).len(), milli_units, items), (0, 25_000, 100));
    let (_, milli_units, items) = cost(&mut client, "SCAN 0 COUNT 8 MATCH nothing");
    assert_eq!((milli_units, items), (2_000, 8));
    let (_, milli_units, items) = cost(&mut client, "SCAN 0");
    assert_eq!((milli_units, items), (3_000, 10));
    assert_eq!(cost(&mut client, "SCAN 0 TYPE graph").1, 0);
    let stats = proxy.get("/v1/tenants/orders/stats");
    assert_eq!(stats["waits"]["read_units"]["used"], 25.0 + 25.0 + 2.0 + 3.0);
    assert_eq!(stats["latency_us"]["scan"]["count"], 5);
    assert_eq!(stats["requests"]["reads"], 0, "they are no reads of keys");
    let metrics = proxy.get("/metrics");
    let line = "hopperkv_scanned_items_total{tenant=\"orders\"} 218";
    assert!(metrics.as_str().unwrap().lines().any(|l| l == line), "{metrics}");
}

#[test]
fn a_pattern_without_wildcards_is_one_read() {
    let endpoint = CountedEndpoint::open();
    let proxy = ProxyBuilder::default()
        .storage(&endpoint.storage())
        .cache(CountedEndpoint::cache())
        .start();
    let mut client = proxy.client();
    client.cmd("SET a v");
    assert_eq!(strings(client.cmd("KEYS a")), [b"a"]);
    assert_eq!(strings(client.cmd("KEYS b")), Vec::<Vec<u8>>::new());
    assert_eq!(strings(client.call(&["KEYS", ""])), Vec::<Vec<u8>>::new());
    assert_eq!(strings(client.call(&["KEYS", &"k".repeat(3000)])), Vec::<Vec<u8>>::new());
    assert_eq!(
        client.call(&["KEYS", &"*".repeat(5000)]).error(),
        "ERR pattern is 5000 bytes; the longest is 4096"
    );
    assert_eq!((endpoint.count("Scan"), endpoint.count("GetItem")), (0, 1));
}

/// In long runs only: it takes a table of 65 MiB of keys.
#[test]
fn a_reply_of_too_many_keys_is_refused() {
    let (_database, builder) = in_memory();
    let (proxy, pad) = (builder.start(), "k".repeat(2000));
    let mut client = proxy.client();
    let commands: Vec<_> =
        (0..effort(0, 33_200)).map(|i| set(format!("{i:05}{pad}").as_bytes(), "v")).collect();
    if commands.is_empty() {
        return;
    }
    pipeline(&mut client, &commands);
    assert_eq!(
        client.cmd("KEYS *").error(),
        "ERR the reply would hold more than 64 MiB of keys; go through them with SCAN"
    );
    assert_eq!(strings(client.cmd("KEYS 0000*")).len(), 10);
    assert_eq!(client.cmd("DBSIZE"), Value::Int(33_200));
}

/// 100 items of 4 KB are 100 read units: several seconds at this quota.
#[test]
fn a_long_walk_keeps_to_the_quota_and_leaves_room_for_others() {
    let (_database, builder) = in_memory();
    let limits = "cache = \"32MiB\"\nread_units = 40\nwrite_units = \"1m\"\nnet = \"10GB/s\"\nmax_wait = \"400ms\"";
    let proxy = builder.tenant_with("orders", limits).start();
    fill(&mut proxy.client(), 100, 4096);
    let started = Instant::now();
    std::thread::scope(|scope| {
        let mut other = proxy.client();
        let counting = scope.spawn(move || other.cmd("DBSIZE"));
        let mut client = proxy.client();
        let mut reads = 0;
        while !counting.is_finished() {
            // A miss, and nobody knows of this key yet.
            let reply = client.cmd(&format!("GET absent:{reads}"));
            assert_eq!(reply, Value::Nil);
            reads += 1;
        }
        assert_eq!(counting.join().unwrap(), Value::Int(100));
        let units = counted(&proxy, "milli_read_units") as f64 / 1000.0;
        let seconds = started.elapsed().as_secs_f64();
        assert!(units <= 40.0 * (seconds + 0.5), "{units} units in {seconds} s");
        assert!(units >= f64::from(reads) + 100.0 && reads > 20, "{reads} reads, {units} units");
    });
    assert_eq!(counted(&proxy, "throttled"), 0);
}

#[test]
fn a_walk_ends_when_its_client_is_gone() {
    let endpoint = CountedEndpoint::open();
    let limits = "cache = \"32MiB\"\nread_units = 25\nwrite_units = \"1m\"\nnet = \"10GB/s\"";
    let proxy = ProxyBuilder::default()
        .storage(&endpoint.storage())
        .cache(CountedEndpoint::cache())
        .tenant_with("orders", limits)
        .start();
    fill(&mut proxy.client(), 40, 1024);
    for command in ["KEYS *x", "DBSIZE", "FLUSHALL"] {
        let (status, _) =
            proxy.api("PATCH", "/v1/tenants/orders", Some(&json!({"allow_flush": true})));
        assert_eq!(status, 200);
        let before = endpoint.count("Scan");
        endpoint.hold("Scan");
        let mut client = proxy.client();
        client.send_command(&command.split(' ').collect::<Vec<_>>());
        endpoint.until_waiting(1);
        drop(client);
        let clients = || proxy.get("/v1/tenants/orders/stats")["clients"].as_u64();
        eventually("the client is gone", || (clients() == Some(0)).then_some(()));
        endpoint.release();
        assert_eq!(proxy.client().cmd("SET other v"), Value::ok());
        assert_eq!(endpoint.count("Scan"), before + 1, "{command}: 40 items are many pages here");
        assert_eq!(endpoint.count("DeleteItem"), 0);
    }
    // One that only sends no more still gets its answer.
    let mut client = proxy.client();
    client.send_command(&["DBSIZE"]);
    client.finish_sending();
    assert_eq!(client.read(), Value::Int(41));
}

#[test]
fn these_commands_take_their_turn_in_a_pipeline() {
    let proxy = ProxyBuilder::default().tenant("orders", "allow_flush = true").start();
    let mut client = proxy.client();
    for line in ["SET a v", "SET b v", "KEYS *", "DEL a", "DBSIZE", "FLUSHALL", "GET b", "SET c v"]
    {
        client.send_command(&line.split(' ').collect::<Vec<_>>());
    }
    let replies: Vec<_> = (0..8).map(|_| client.read()).collect();
    assert_eq!(strings(replies[2].clone()).len(), 2);
    assert_eq!(replies[4..7], [Value::Int(1), Value::ok(), Value::Nil]);
    assert_eq!(client.cmd("DBSIZE"), Value::Int(1));
}

#[test]
fn random_keys_are_spread_over_all() {
    let (_database, builder) = in_memory();
    let proxy = builder.start();
    let mut client = proxy.client();
    let keys = fill(&mut client, 300, 60);
    let drawn: Keys = (0..600).map(|_| client.cmd("RANDOMKEY").text().into_bytes()).collect();
    assert!(drawn.is_subset(&keys));
    // Even draws would leave out one in seven.
    assert!(drawn.len() > 200, "{} of 300 in 600 draws", drawn.len());
}

#[test]
fn synthetic_storage_says_that_it_has_no_list_of_keys() {
    let proxy = ProxyBuilder::default()
        .storage("kind = \"synthetic\"\nlatency = \"0ms\"")
        .tenant("orders", "allow_flush = true")
        .start();
    let mut client = proxy.client();
    for command in ["SCAN 0", "KEYS *", "DBSIZE", "RANDOMKEY", "FLUSHALL"] {
        let reply = client.cmd(command);
        assert!(reply.error().starts_with("ERR storage refused the request: "), "{reply:?}");
    }
    assert_eq!(counted(&proxy, "errors"), 5);
    eventually("the connection is still good", || {
        (client.cmd("PING") == Value::Simple(String::from("PONG"))).then_some(())
    });
    assert!(Duration::from_millis(counted(&proxy, "milli_read_units")).is_zero());
}
