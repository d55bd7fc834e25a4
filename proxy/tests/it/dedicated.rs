//! A Redis of one's own: taken only if it is safe to take, kept only if it is known to be clean, and never stale,
//! whether one proxy uses it or several.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::support::{
    Client, Database, Gate, Proxy, ProxyBuilder, RedisServer, Refusal, Value, eventually, relay_to,
    seed,
};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

const OWNER_MARK: &str = "\\x00hko";

/// A proxy with one tenant whose Redis is at `url`.
fn builder(storage: &str, url: &str, cache: &str) -> ProxyBuilder {
    ProxyBuilder::default()
        .storage(storage)
        .cache(&format!("kind = \"dedicated\"\n{cache}"))
        .tenant("orders", &format!("redis = \"{url}\""))
}

fn refused(url: &str) -> Refusal {
    builder("kind = \"embedded\"", url, "").refused()
}

#[test]
fn an_empty_redis_is_marked_sized_and_served_from() {
    let redis = RedisServer::start(Some("s3cret:/@"));
    let url = format!("redis://:s3cret%3A%2F%40@{}", redis.address());
    let proxy = builder("kind = \"embedded\"", &url, "exclusive = true").start();
    let mut client = proxy.client();
    assert_eq!(client.cmd("SET k v"), Value::ok());
    assert_eq!(client.cmd("GET k"), Value::bulk("v"));
    assert_eq!(redis.cli(&["GET", "k"]), "v");
    assert!(redis.cli(&["--no-raw", "KEYS", "*hko"]).contains(OWNER_MARK));
    assert_eq!(redis.cli(&["CONFIG", "GET", "maxmemory"]), format!("maxmemory\n{}", 32 << 20));
    assert_eq!(redis.cli(&["CONFIG", "GET", "maxmemory-policy"]), "maxmemory-policy\nallkeys-lru");
    assert_eq!(redis.cli(&["CONFIG", "GET", "save"]), "save");
}

#[test]
fn a_unix_socket_will_do() {
    let redis = RedisServer::start(None);
    let proxy = builder("kind = \"embedded\"", &redis.unix_url(), "").start();
    assert_eq!(proxy.client().cmd("SET k v"), Value::ok());
    assert_eq!(redis.cli(&["GET", "k"]), "v");
}

#[test]
fn a_redis_with_foreign_keys_is_refused_and_not_touched() {
    let redis = RedisServer::start(None);
    assert_eq!(redis.cli(&["MSET", "theirs", "1", "more", "2"]), "OK");
    let refusal = refused(&redis.url());
    refusal.assert_is(&format!(
        "tenant \"orders\": Redis at {} holds 2 keys that HopperKV did not put there; a cache must not share its \
         Redis: use an empty one, or empty it with FLUSHALL if nobody needs the data",
        redis.address()
    ));
    assert_eq!(redis.cli(&["MGET", "theirs", "more"]), "1\n2");
    assert_eq!(redis.cli(&["DBSIZE"]), "2");
    assert_eq!(redis.cli(&["CONFIG", "GET", "maxmemory"]), "maxmemory\n0");
}

#[test]
fn an_old_redis_is_refused_by_its_version() {
    let old = Gate::open_on_free_port(redis_of_2019);
    refused(&format!("redis://{}", old.address())).assert_is(&format!(
        "tenant \"orders\": Redis at {} is version 5.0.7; HopperKV needs 6.2 or later",
        old.address()
    ));
}

/// Just enough of a Redis to be asked for its version.
fn redis_of_2019(stream: TcpStream) {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    while stream.read_line(&mut line).is_ok_and(|n| n > 0) {
        let count = line.trim().trim_start_matches('*').parse::<usize>().unwrap();
        let mut words = Vec::new();
        for _ in 0..count {
            let mut word = String::new();
            stream.read_line(&mut word).unwrap();
            word.clear();
            stream.read_line(&mut word).unwrap();
            words.push(word.trim().to_uppercase());
        }
        let info = "# Server\r\nredis_version:5.0.7\r\nrun_id:0123456789\r\n";
        let reply = match words[0].as_str() {
            "PING" => String::from("+PONG\r\n"),
            "INFO" => format!("${}\r\n{info}\r\n", info.len()),
            "DBSIZE" => String::from(":0\r\n"),
            _ => String::from("-ERR unknown command\r\n"),
        };
        stream.get_mut().write_all(reply.as_bytes()).unwrap();
        line.clear();
    }
}

#[test]
fn a_redis_that_cannot_be_reached_or_entered_is_named() {
    let nobody = crate::support::Port::reserve();
    refused(&format!("redis://{}", nobody.address())).assert_like(
        &format!("tenant \"orders\": cannot reach Redis at {}: ", nobody.address()),
        "; start it or mend the tenant's `redis` URL",
    );
    refused("unix:///tmp/no-such-redis.sock").assert_like(
        "tenant \"orders\": cannot reach Redis at /tmp/no-such-redis.sock: ",
        "; start it or mend the tenant's `redis` URL",
    );
    let redis = RedisServer::start(Some("right"));
    let wrong = format!("redis://:wrong@{}", redis.address());
    let refusal = refused(&wrong);
    refusal.assert_like(
        &format!("tenant \"orders\": cannot reach Redis at {}: ", redis.address()),
        "; start it or mend the tenant's `redis` URL",
    );
    assert!(!refusal.stderr.contains("wrong@"), "the password is not shown");
}

#[test]
fn a_clean_end_keeps_the_cache_warm_and_a_crash_empties_it() {
    let redis = RedisServer::start(None);
    let mut proxy = builder("kind = \"embedded\"", &redis.url(), "exclusive = true").start();
    assert_eq!(proxy.client().cmd("SET warm 1"), Value::ok());
    assert!(proxy.stop().success());
    assert_eq!(redis.cli(&["GET", "warm"]), "1");
    proxy.restart();
    assert_eq!(redis.cli(&["GET", "warm"]), "1", "kept after a clean end");
    assert_eq!(proxy.client().cmd("GET warm"), Value::bulk("1"));
    proxy.kill();
    assert_eq!(redis.cli(&["SET", "warm", "stale, for all one knows"]), "OK");
    proxy.restart();
    assert_eq!(redis.cli(&["EXISTS", "warm"]), "0", "emptied after a crash");
    assert_eq!(proxy.client().cmd("GET warm"), Value::bulk("1"));
    // The mark of a clean end is good for one start.
    assert!(proxy.stop().success());
    proxy.restart();
    proxy.kill();
    assert_eq!(redis.cli(&["SET", "warm", "stale"]), "OK");
    proxy.restart();
    assert_eq!(proxy.client().cmd("GET warm"), Value::bulk("1"));
}

#[test]
fn an_exclusive_proxy_writes_without_its_redis_and_serves_nothing_stale_after() {
    let redis = RedisServer::start(None);
    let way = relay_to(redis.address());
    let url = redis.url_at(way.address());
    let proxy = builder("kind = \"embedded\"", &url, "exclusive = true").start();
    let mut client = proxy.client();
    for i in 0..50 {
        assert_eq!(client.cmd(&format!("SET k{i} old")), Value::ok());
    }
    way.close();
    for i in 0..50 {
        assert_eq!(client.cmd(&format!("SET k{i} new")), Value::ok());
        assert_eq!(client.cmd(&format!("GET k{i}")), Value::bulk("new"));
    }
    assert_eq!(redis.cli(&["GET", "k7"]), "old", "out of reach");
    way.open();
    eventually("Redis serves again", || {
        for i in 0..50 {
            assert_eq!(client.cmd(&format!("GET k{i}")), Value::bulk("new"));
        }
        (redis.cli(&["GET", "k7"]) == "new").then_some(())
    });
}

/// Two proxies that share a Redis and a table; each has a way to Redis that can be cut.
struct Twins {
    a: Proxy,
    b: Proxy,
    way_a: Gate,
    redis: RedisServer,
    database: Database,
}

fn twins() -> Twins {
    let (redis, database) = (RedisServer::start(Some("pw")), Database::start());
    let start = |url: &str| builder(&database.lines(), url, "exclusive = false").start();
    let way_a = relay_to(redis.address());
    let (a, b) = (start(&redis.url_at(way_a.address())), start(&redis.url()));
    Twins { a, b, way_a, redis, database }
}

#[test]
fn no_proxy_reads_anything_older_than_what_another_acknowledged() {
    const KEYS: usize = 4;
    let twins = twins();
    let seed = seed();
    let end = Instant::now() + Duration::from_secs(4);
    let acknowledged: [AtomicU64; KEYS] = Default::default();
    let versions: [AtomicU64; KEYS] = Default::default();
    let reads = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for n in 0..8_u64 {
            let proxy = if n % 2 == 0 { &twins.a } else { &twins.b };
            let mut client = proxy.client();
            let mut random = StdRng::seed_from_u64(seed.wrapping_add(n));
            let (acknowledged, versions, reads) = (&acknowledged, &versions, &reads);
            scope.spawn(move || {
                while Instant::now() < end {
                    let k = random.random_range(0..KEYS);
                    // One writer per key (through either proxy), so that versions have an order.
                    let writes = k as u64 == n / 2 && n % 2 == (k as u64) % 2;
                    if writes && random.random_bool(0.5) {
                        let version = versions[k].fetch_add(1, Ordering::SeqCst) + 1;
                        assert_eq!(client.cmd(&format!("SET k{k} {version}")), Value::ok());
                        acknowledged[k].store(version, Ordering::SeqCst);
                        continue;
                    }
                    let floor = acknowledged[k].load(Ordering::SeqCst);
                    let seen = version(&client.cmd(&format!("GET k{k}")));
                    let begun = versions[k].load(Ordering::SeqCst);
                    assert!(floor <= seen && seen <= begun, "k{k}: {floor} <= {seen} <= {begun}");
                    // What was read now may not be older than that in any read that begins after it.
                    acknowledged[k].fetch_max(seen, Ordering::SeqCst);
                    reads.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    let writes: u64 = versions.iter().map(|v| v.load(Ordering::SeqCst)).sum();
    let reads = reads.into_inner();
    println!("{writes} writes, {reads} reads");
    assert!(writes > 100 && reads > 1000, "{writes} writes, {reads} reads");
}

fn version(reply: &Value) -> u64 {
    match reply {
        Value::Nil => 0,
        other => other.text().parse().unwrap(),
    }
}

#[test]
fn a_proxy_cut_off_from_a_shared_redis_reads_from_storage_and_refuses_writes() {
    let twins = twins();
    let (mut a, mut b) = (twins.a.client(), twins.b.client());
    assert_eq!(a.cmd("SET k 1"), Value::ok());
    assert_eq!(b.cmd("GET k"), Value::bulk("1"));
    twins.way_a.close();
    let refusal = "UNAVAILABLE cache of this tenant cannot be reached and other proxies may serve from it; \
                   nothing was written";
    let started = Instant::now();
    for write in ["SET k 2", "DEL k", "INCR k", "MSETNX x 1 y 2", "EXPIRE k 9", "GETDEL k"] {
        assert_eq!(a.cmd(write), Value::Error(refusal.to_owned()), "{write}");
    }
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    assert_eq!(twins.database.value("orders", "k").as_deref(), Some("1"));
    // Reads go on, and are as fresh as ever.
    assert_eq!(a.cmd("GET k"), Value::bulk("1"));
    for i in 2..30 {
        assert_eq!(b.cmd(&format!("SET k {i}")), Value::ok());
        assert_eq!(a.cmd("GET k"), Value::bulk(i.to_string()));
    }
    twins.way_a.open();
    eventually("the proxy writes again", || (a.cmd("SET k last") == Value::ok()).then_some(()));
    assert_eq!(b.cmd("GET k"), Value::bulk("last"));
    assert_eq!(a.cmd("GET k"), Value::bulk("last"));
}

#[test]
fn a_redis_that_comes_back_with_an_old_snapshot_serves_nothing_of_it() {
    let mut twins = twins();
    let mut a = twins.a.client();
    for i in 0..20 {
        assert_eq!(a.cmd(&format!("SET k{i} old")), Value::ok());
    }
    assert_eq!(twins.redis.cli(&["SAVE"]), "OK");
    for i in 0..20 {
        assert_eq!(a.cmd(&format!("SET k{i} new")), Value::ok());
    }
    twins.redis.kill();
    twins.redis.restart();
    // The other proxy had no client yet, hence no connection that broke: its first request opens one.
    let mut b = twins.b.client();
    for i in 0..20 {
        assert_eq!(b.cmd(&format!("GET k{i}")), Value::bulk("new"), "k{i} through the other proxy");
        assert_eq!(a.cmd(&format!("GET k{i}")), Value::bulk("new"), "k{i}");
    }
    eventually("the snapshot is gone", || {
        (twins.redis.cli(&["GET", "k3"]) == "new").then_some(()).or_else(|| {
            assert_eq!(b.cmd("GET k3"), Value::bulk("new"));
            None
        })
    });
    for i in 0..20 {
        assert_eq!(b.cmd(&format!("GET k{i}")), Value::bulk("new"));
    }
}

#[test]
fn writes_go_on_through_the_others_when_one_proxy_is_killed() {
    let mut twins = twins();
    let (stop, last) = (AtomicBool::new(false), AtomicU64::new(0));
    let mut writer: Client = twins.a.client();
    let mut b = twins.b.client();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut n = 0;
            while !stop.load(Ordering::SeqCst) {
                n += 1;
                writer.send_command(&["SET", "k", &n.to_string()]);
                match writer.try_read() {
                    Some(reply) => assert_eq!(reply, Value::ok()),
                    None => return,
                }
                last.store(n, Ordering::SeqCst);
            }
        });
        eventually("some writes are done", || (last.load(Ordering::SeqCst) > 50).then_some(()));
        twins.a.kill();
        stop.store(true, Ordering::SeqCst);
    });
    // The last, unacknowledged write may have got through.
    let acknowledged = last.load(Ordering::SeqCst);
    let seen = version(&b.cmd("GET k"));
    assert!(seen == acknowledged || seen == acknowledged + 1, "{seen}, {acknowledged}");
    // Its fence may still stand; writes through the other proxy do not care, nor are they hidden by it.
    for n in 0..50 {
        assert_eq!(b.cmd(&format!("SET k {n}")), Value::ok());
        assert_eq!(b.cmd("GET k"), Value::bulk(n.to_string()));
        assert_eq!(twins.database.value("orders", "k"), Some(n.to_string()));
    }
}
