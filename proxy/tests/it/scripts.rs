//! Transparent: scripts loaded with SCRIPT LOAD run on the keys they are given, and are durable like any other change.

mod endless;

use crate::support::{Client, Proxy, StockRedis, Value};

/// What redis-py's Lock runs to let go.
const RELEASE: &str = "local token = redis.call('get', KEYS[1])\n\
    if not token or token ~= ARGV[1] then return 0 end\nredis.call('del', KEYS[1])\nreturn 1";

fn load(client: &mut Client, text: &str) -> String {
    client.call(&["SCRIPT", "LOAD", text]).text()
}

fn run(client: &mut Client, text: &str, keys: &[&str], args: &[&str]) -> Value {
    let (hash, count) = (load(client, text), keys.len().to_string());
    let words = [&["EVALSHA", hash.as_str(), count.as_str()], keys, args].concat();
    client.call(&words)
}

#[test]
fn scripts_reply_as_in_a_stock_redis() {
    let (proxy, redis) = (Proxy::start(), StockRedis::start());
    let (mut ours, mut theirs) = (proxy.client(), redis.client());
    let many = "redis.call('rpush', KEYS[1], unpack(ARGV)) \
        redis.call('zadd', KEYS[2], 1, 'a') return {redis.call('llen', KEYS[1]), redis.call('type', KEYS[2])}";
    let lines: &[(&str, &[&str], &[&str])] = &[
        ("return 1", &[], &[]),
        ("return {1, 'two', {3, false}, redis.status_reply('FINE')}", &[], &[]),
        ("return redis.call('incrby', KEYS[1], ARGV[1])", &["n"], &["5"]),
        ("return redis.call('incrby', KEYS[1], ARGV[1])", &["n"], &["5"]),
        (many, &["list", "zset"], &["x", "y"]),
        ("return redis.call('lrange', KEYS[1], 0, -1)", &["list"], &[]),
        ("return redis.pcall('incr', KEYS[1])['err']", &["list"], &[]),
        ("return {KEYS, ARGV, redis.sha1hex('')}", &["a", "b"], &["c"]),
        ("return redis.call('ping')", &[], &[]),
        ("return redis.error_reply('MY own')", &[], &[]),
        (
            "redis.call('set', KEYS[1], 'v', 'px', 90000) return redis.call('pttl', KEYS[1]) > 80000",
            &["t"],
            &[],
        ),
        (RELEASE, &["lock"], &["me"]),
    ];
    for (text, keys, args) in lines {
        let (got, expected) =
            (run(&mut ours, text, keys, args), run(&mut theirs, text, keys, args));
        assert_eq!(got, expected, "{text}");
    }
    for line in [
        "SCRIPT EXISTS e0e1f9fabfc9d4800c877a703b823ac0578ff8db 0000",
        "SCRIPT LOAD retrun",
        "SCRIPT FLUSH FOO",
        "EVALSHA abc 0",
        "EVALSHA abc -1",
        "EVALSHA E0E1F9FABFC9D4800C877A703B823AC0578FF8DB 0",
        "EVALSHA e0e1f9fabfc9d4800c877a703b823ac0578ff8db 2 a",
        "EVALSHA_RO e0e1f9fabfc9d4800c877a703b823ac0578ff8db 0",
        "SCRIPT FLUSH",
        "EVALSHA e0e1f9fabfc9d4800c877a703b823ac0578ff8db 0",
        "SCRIPT EXISTS e0e1f9fabfc9d4800c877a703b823ac0578ff8db",
    ] {
        assert_eq!(ours.cmd(line), theirs.cmd(line), "{line}");
    }
}

#[test]
fn what_a_script_changed_outlives_cache_and_proxy() {
    let mut proxy = Proxy::start();
    let mut client = proxy.client();
    let text = "redis.call('hset', KEYS[1], 'f', ARGV[1]) return redis.call('incr', KEYS[2])";
    assert_eq!(run(&mut client, text, &["h", "n"], &["v"]), Value::Int(1));
    assert_eq!(client.cmd("SET lock me"), Value::ok());
    assert_eq!(run(&mut client, RELEASE, &["lock"], &["another"]), Value::Int(0));
    assert_eq!(run(&mut client, RELEASE, &["lock"], &["me"]), Value::Int(1));
    proxy.kill();
    proxy.restart();
    let mut client = proxy.client();
    assert_eq!(client.cmd("HGET h f"), Value::bulk("v"));
    assert_eq!(client.cmd("GET n"), Value::bulk("1"));
    assert_eq!(client.cmd("GET lock"), Value::Nil);
    let hash = "e0e1f9fabfc9d4800c877a703b823ac0578ff8db";
    let unknown = client.call(&["EVALSHA", hash, "0"]);
    assert_eq!(unknown.error(), "NOSCRIPT No matching script. Please use EVAL.");
}

#[test]
fn a_script_reaches_nothing_but_the_keys_it_was_given() {
    let proxy = Proxy::start();
    let mut client = proxy.client();
    for line in ["SET a 1", "SET b 2"] {
        assert_eq!(client.cmd(line), Value::ok());
    }
    let others = "ERR a script may use the keys that it is given, and no others: 'b'";
    let cases = [
        ("return redis.call('get', 'b')", others),
        ("return redis.call('set', 'b', '3')", others),
        ("return redis.pcall('mget', KEYS[1], 'b')", others),
        ("redis.call('set', KEYS[1], '9') return redis.call('rename', 'b', 'c')", others),
        ("return redis.call('flushall')", "ERR 'flushall' cannot run inside a script"),
        ("return redis.call('select', '0')", "ERR 'select' cannot run inside a script"),
        ("return redis.call('publish', 'a', 'b')", "ERR 'publish' cannot run inside a script"),
        ("return redis.call('keys', '*')", "ERR 'keys' cannot run inside a script"),
        ("return redis.call('config', 'get', '*')", "ERR 'config' cannot run inside a script"),
        ("return redis.call('copy', KEYS[1], KEYS[1], 'DB', '0')", "ERR COPY to another database"),
        ("return redis.call('move', KEYS[1], '0')", "ERR 'move' cannot run inside a script"),
        ("return _G.redis.call('get', 'b')", others),
        ("return getmetatable(redis).__index.call('get', 'b')", "ERR user_script:1:"),
        ("return loadstring('return redis')().call('get', 'b')", "ERR user_script:1:"),
    ];
    for (text, refusal) in cases {
        let reply = run(&mut client, text, &["a"], &[]);
        assert!(reply.error().starts_with(refusal), "{text}: {reply:?}");
    }
    assert_eq!(client.cmd("GET b"), Value::bulk("2"));
    // As in Redis, what was done before the error stays.
    assert_eq!(client.cmd("GET a"), Value::bulk("9"));
}

#[test]
fn scripts_run_inside_of_transactions_and_are_loaded_outside() {
    let proxy = Proxy::start();
    let mut client = proxy.client();
    let hash = load(&mut client, "return redis.call('incr', KEYS[1])");
    assert_eq!(client.cmd("MULTI"), Value::ok());
    for line in ["SET n 4".to_owned(), format!("EVALSHA {hash} 1 n"), "GET n".to_owned()] {
        assert_eq!(client.cmd(&line), Value::Simple(String::from("QUEUED")));
    }
    let replies = vec![Value::ok(), Value::Int(5), Value::bulk("5")];
    assert_eq!(client.cmd("EXEC"), Value::Array(replies));
    assert_eq!(client.cmd("MULTI"), Value::ok());
    assert!(client.call(&["SCRIPT", "LOAD", "return 1"]).is_error());
    assert!(client.cmd("EXEC").error().starts_with("EXECABORT"));
}
