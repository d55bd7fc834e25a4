//! The Redis that computes fails, or cannot: clear errors at once, nothing changed, and all is well again by itself.

use std::time::{Duration, Instant};

use hopperkv::command::{Item, ValueKind};

use super::WRONG_TYPE;
use crate::support::{
    Client, CountedEndpoint, Database, Proxy, ProxyBuilder, RedisServer, Value, eventually,
};

const DOWN: &str = "UNAVAILABLE cache of this tenant cannot be reached, which computes this command; nothing was changed";

/// A proxy whose tenant has a Redis of its own.
fn before(redis: &RedisServer, storage: &str) -> Proxy {
    before_with(redis, storage, "exclusive = true")
}

/// The same, with more lines for `[cache]`.
fn before_with(redis: &RedisServer, storage: &str, cache: &str) -> Proxy {
    ProxyBuilder::default()
        .storage(storage)
        .cache(&format!("kind = \"dedicated\"\nfence = \"30s\"\nlease = \"30s\"\n{cache}"))
        .tenant("orders", &format!("redis = \"{}\"", redis.url()))
        .start()
}

fn clients(proxy: &Proxy) -> [Client; 2] {
    let (resp2, mut resp3) = (proxy.client(), proxy.client());
    resp3.cmd("HELLO 3");
    [resp2, resp3]
}

#[test]
fn without_any_redis_nothing_is_computed_and_the_connection_lives_on() {
    let endpoint = CountedEndpoint::open();
    let mut redis = RedisServer::start(None);
    let no_spare = "exclusive = true\nredis_server = \"/nowhere/redis-server\"";
    let proxy = before_with(&redis, &endpoint.storage(), no_spare);
    let mut both = clients(&proxy);
    for client in &mut both {
        client.cmd("HSET h f v");
        assert_eq!(client.cmd("HGET h f"), Value::bulk("v"));
    }
    redis.kill();
    let writes = endpoint.count("PutItem");
    for client in &mut both {
        for line in ["HSET h f w", "HGET h f", "HGETALL h", "SUNION a b", "SADD s m", "HGET h f"] {
            let asked = Instant::now();
            assert_eq!(client.cmd(line).error(), DOWN, "{line}");
            assert!(asked.elapsed() < Duration::from_secs(3), "{line}: {:?}", asked.elapsed());
        }
        assert_eq!(client.cmd("TYPE h"), Value::Simple(String::from("hash")));
        assert_eq!(client.cmd("EXISTS h").int(), 1);
        assert_eq!(client.cmd("SET str 1"), Value::ok());
        assert_eq!(client.cmd("GET str"), Value::bulk("1"));
    }
    assert_eq!(endpoint.count("PutItem") - writes, 2);
    redis.restart();
    for client in &mut both {
        eventually("it computes again", || {
            (client.cmd("HGET h f") == Value::bulk("v")).then_some(())
        });
        assert_eq!(client.cmd("HSET h f v").int(), 0);
    }
    assert_eq!(both[0].cmd("HSET h f w").int(), 0);
    assert_eq!(both[1].cmd("HGET h f"), Value::bulk("w"));
}

#[test]
fn while_redis_is_down_a_spare_one_computes() {
    let endpoint = CountedEndpoint::open();
    let mut redis = RedisServer::start(None);
    let proxy = before(&redis, &endpoint.storage());
    let mut both = clients(&proxy);
    assert_eq!(both[0].cmd("HSET h n 0 f v").int(), 2);
    for round in 0..2 {
        redis.kill();
        for (at, client) in both.iter_mut().enumerate() {
            let before = 3 * round + i64::try_from(at).unwrap();
            assert_eq!(client.cmd("HGET h n"), Value::bulk(before.to_string()));
            assert_eq!(client.cmd("HINCRBY h n 1").int(), before + 1);
            assert_eq!(client.cmd("HLEN h").int(), 2);
            assert_eq!(client.cmd("HGET h none"), Value::Nil);
            assert_eq!(client.cmd("LLEN none").int(), 0);
            assert_eq!(client.cmd("SUNIONSTORE u a b").int(), 0);
            assert_eq!(client.cmd("LPUSH h x").error(), WRONG_TYPE);
        }
        assert!(matches!(both[1].cmd("HGETALL h"), Value::Map(pairs) if pairs.len() == 2));
        assert!(matches!(both[0].cmd("HGETALL h"), Value::Array(words) if words.len() == 4));
        redis.restart();
        eventually("the cache is used again", || {
            both[0].cmd("HGET h n");
            (redis.cli(&["HGET", "h", "n"]) == (3 * round + 2).to_string()).then_some(())
        });
        assert_eq!(both[1].cmd("HINCRBY h n 1").int(), 3 * round + 3);
        assert_eq!(both[0].cmd("HGET h n"), Value::bulk((3 * round + 3).to_string()));
    }
}

#[test]
fn where_other_proxies_may_serve_the_spare_redis_serves_reads_only() {
    let mut redis = RedisServer::start(None);
    let proxy = before_with(&redis, "kind = \"embedded\"", "exclusive = false");
    let mut client = proxy.client();
    assert_eq!(client.cmd("HSET h f v").int(), 1);
    redis.kill();
    assert_eq!(client.cmd("HGET h f"), Value::bulk("v"));
    assert_eq!(
        client.cmd("HSET h f w").error(),
        "UNAVAILABLE cache of this tenant cannot be reached and other proxies may serve from it; nothing was written"
    );
    assert_eq!(client.cmd("HGET h f"), Value::bulk("v"));
}

#[test]
fn a_managed_redis_that_dies_computes_again_when_it_is_back() {
    let proxy = Proxy::start();
    let mut both = clients(&proxy);
    for round in 0..3 {
        for client in &mut both {
            let value = round.to_string();
            eventually("it computes again", || {
                let reply = client.call(&["HSET", "h", "f", &value]);
                assert!(!reply.is_error() || reply.error() == DOWN, "{reply:?}");
                (!reply.is_error()).then_some(())
            });
            eventually("it reads", || {
                let reply = client.cmd("HGET h f");
                assert!(reply == Value::bulk(&value) || reply.error() == DOWN, "{reply:?}");
                (!reply.is_error()).then_some(())
            });
        }
        let pid = proxy.redis_pid("orders");
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).unwrap();
    }
}

#[test]
fn a_redis_with_one_database_is_told_from_others() {
    let redis = RedisServer::start_with(None, &["--databases", "1"]);
    let proxy = before(&redis, "kind = \"embedded\"");
    let error = "ERR this command is computed in database 1 of the tenant's Redis, which cannot be selected: set \
                 'databases' to at least 2 there and allow SELECT (it says: ERR DB index is out of range)";
    for client in &mut clients(&proxy) {
        assert_eq!(client.cmd("HSET h f v").error(), error);
        assert_eq!(client.cmd("SUNION a b").error(), error);
        // Nothing need be computed for these.
        assert_eq!(client.cmd("HGET h f"), Value::Nil);
        assert_eq!(client.cmd("SET str 1"), Value::ok());
        assert_eq!(client.cmd("GET str"), Value::bulk("1"));
        assert_eq!(client.cmd("EXISTS h").int(), 0);
    }
}

#[test]
fn what_lies_in_the_staging_database_of_a_redis_is_left_alone() {
    let redis = RedisServer::start(None);
    let proxy = before(&redis, "kind = \"embedded\"");
    assert_eq!(proxy.client().cmd("HSET h f v").int(), 1);
    assert_eq!(redis.cli(&["-n", "1", "SET", "h", "theirs"]), "OK");
    // Looked at when a connection is made.
    assert!(redis.cli(&["CLIENT", "KILL", "TYPE", "normal"]).parse::<u32>().unwrap() > 0);
    let error = "ERR this command is computed in database 1 of the tenant's Redis, which must be empty but holds 1 keys: \
                 empty it, or give the tenant a Redis of its own";
    let mut client = proxy.client();
    // The spare Redis computes until the connection is back.
    eventually("it was seen", || {
        (client.cmd("HSET h f v") == Value::Error(error.into())).then_some(())
    });
    assert_eq!(client.cmd("HGET h f"), Value::bulk("v"));
    assert_eq!(redis.cli(&["-n", "1", "GET", "h"]), "theirs");
}

#[test]
fn a_redis_without_memory_refuses_in_its_own_words() {
    let redis = RedisServer::start(None);
    let proxy = before(&redis, "kind = \"embedded\"");
    let mut client = proxy.client();
    assert_eq!(client.cmd("HSET h f v").int(), 1);
    assert_eq!(redis.cli(&["CONFIG", "SET", "maxmemory", "1"]), "OK");
    let refusal = client.cmd("HSET h f w").error().to_owned();
    assert!(
        refusal.starts_with("OOM command not allowed when used memory > 'maxmemory'"),
        "{refusal}"
    );
    assert!(!refusal.contains("script"), "{refusal}");
    assert_eq!(redis.cli(&["CONFIG", "SET", "maxmemory", "100mb"]), "OK");
    eventually("there is room again", || {
        (client.cmd("HGET h f") == Value::bulk("v")).then_some(())
    });
    eventually("it computes again", || (client.cmd("HSET h f w") == Value::Int(0)).then_some(()));
    assert_eq!(client.cmd("HGET h f"), Value::bulk("w"));
}

#[test]
fn a_payload_of_a_newer_redis_is_said_to_be_one() {
    let database = Database::start();
    let proxy = ProxyBuilder::default().storage(&database.lines()).start();
    let mut client = proxy.client();
    assert_eq!(client.cmd("HSET h f v").int(), 1);
    let made = database.get("orders", "h").unwrap();
    assert_eq!(made.kind, ValueKind::Hash);
    // The version stands before the checksum, which Redis looks at later.
    let mut payload = made.value.to_vec();
    let version_at = payload.len() - 10;
    payload[version_at] = 200;
    database.put("orders", "h", &Item { value: payload.clone().into(), ..made });
    assert_eq!(proxy.redis("orders").cmd("FLUSHALL"), Value::ok());
    let error = "ERR the stored value cannot be loaded: a newer Redis than the tenant's made it, or it is damaged; nothing \
                 was changed";
    for client in &mut clients(&proxy) {
        for line in ["HGET h f", "HSET h f w", "HGETALL h", "RENAME h i"] {
            assert_eq!(client.cmd(line).error(), error, "{line}");
        }
        assert_eq!(client.cmd("TYPE h"), Value::Simple(String::from("hash")));
    }
    assert_eq!(database.get("orders", "h").unwrap().value, payload);
    assert_eq!(client.cmd("DEL h").int(), 1);
    assert_eq!(client.cmd("HSET h f w").int(), 1);
}
