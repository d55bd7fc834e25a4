//! A key expires at the millisecond that was asked for, whoever looks and wherever its value is just then.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::support::{
    Client, CountedEndpoint, Database, Proxy, ProxyBuilder, RedisServer, Value, effort,
};

/// How one value of each type is made, and a command that reads it and says nothing of a key that is not there.
const KINDS: [(&str, &str, &str); 7] = [
    ("string", "SET string v", "GET string"),
    ("list", "RPUSH list a b", "LRANGE list 0 -1"),
    ("set", "SADD set a b", "SMEMBERS set"),
    ("zset", "ZADD zset 1 a 2 b", "ZRANGE zset 0 -1"),
    ("hash", "HSET hash f v", "HGET hash f"),
    ("stream", "XADD stream 1-1 f v", "XRANGE stream - +"),
    ("bits", "SETBIT bits 7 1", "BITCOUNT bits"),
];

/// Redis counts a key as there at its very millisecond, and takes its clock once per round of its event loop.
const SLACK_MS: i64 = 3;

fn now_ms() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

fn is_nothing(reply: &Value) -> bool {
    match reply {
        Value::Nil | Value::Int(0) => true,
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

/// Two proxies on one table and one Redis.
struct Pair {
    _database: Database,
    redis: RedisServer,
    proxies: [Proxy; 2],
}

impl Pair {
    fn start() -> Self {
        let (database, redis) = (Database::start(), RedisServer::start(None));
        let proxy = || {
            ProxyBuilder::default()
                .storage(&database.lines())
                .cache("kind = \"dedicated\"")
                .tenant("orders", &format!("redis = \"{}\"", redis.url()))
                .start()
        };
        let proxies = [proxy(), proxy()];
        Self { _database: database, redis, proxies }
    }

    fn clients(&self) -> [Client; 2] {
        [self.proxies[0].client(), self.proxies[1].client()]
    }

    /// Redis drops the values, as when it needs memory.
    fn evict(&self) {
        for (key, ..) in KINDS {
            self.redis.cli(&["DEL", key]);
        }
    }
}

/// Every way to ask says the same, now and once more from what the first answer brought into the cache.
fn expires_at(client: &mut Client, at_ms: i64, when: &str) {
    for (key, ..) in KINDS {
        for round in ["first", "again"] {
            let told = client.cmd(&format!("PEXPIRETIME {key}"));
            assert_eq!(told, Value::Int(at_ms), "{key} {when}, {round}");
            let (asked_ms, left_ms) = (now_ms(), client.cmd(&format!("PTTL {key}")).int());
            let answered_ms = now_ms();
            let true_ms = at_ms - answered_ms - SLACK_MS..=at_ms - asked_ms + SLACK_MS;
            assert!(true_ms.contains(&left_ms), "{key} {when}: {left_ms} of {true_ms:?}");
            assert_eq!(client.cmd(&format!("EXPIRETIME {key}")).int(), (at_ms + 500) / 1000);
        }
    }
}

#[test]
fn an_expiry_is_the_same_for_every_type_and_every_proxy() {
    let mut pair = Pair::start();
    let [mut a, mut b] = pair.clients();
    for (_, make, _) in KINDS {
        assert!(!a.cmd(make).is_error(), "{make}");
    }
    // The second lies nearer than a fence reaches, so that what the cache says is doubted.
    for (ahead_ms, name) in [(3_600_123, "far"), (9_321, "near")] {
        let at_ms = now_ms() + ahead_ms;
        for (key, ..) in KINDS {
            assert_eq!(b.cmd(&format!("PEXPIREAT {key} {at_ms}")), Value::Int(1));
        }
        for (client, who) in [(&mut a, "one proxy"), (&mut b, "the other")] {
            expires_at(client, at_ms, &format!("{name}, {who}, cached"));
            pair.evict();
            expires_at(client, at_ms, &format!("{name}, {who}, evicted"));
        }
    }
    let at_ms = now_ms() + 3_600_777;
    for (key, ..) in KINDS {
        let told = a.cmd(&format!("PEXPIREAT {key} {at_ms}"));
        assert_eq!(told, Value::Int(1), "{key} is still there");
    }
    // Changes that keep the expiry, by the other proxy.
    for change in
        ["APPEND string w", "RPUSH list c", "SADD set c", "ZADD zset 3 c", "HSET hash g v"]
    {
        assert!(!b.cmd(change).is_error(), "{change}");
    }
    for change in ["XADD stream 2-1 f v", "SETBIT bits 6 1", "SET string x KEEPTTL"] {
        assert!(!a.cmd(change).is_error(), "{change}");
    }
    expires_at(&mut b, at_ms, "changed");
    pair.redis.kill();
    pair.redis.restart();
    expires_at(&mut a, at_ms, "after Redis began again");
    pair.proxies[0].kill();
    pair.proxies[0].restart();
    let [mut a, mut b] = pair.clients();
    expires_at(&mut a, at_ms, "after the proxy began again");
    expires_at(&mut b, at_ms, "at the other proxy after that");
    for (key, ..) in KINDS {
        assert_eq!(a.cmd(&format!("PERSIST {key}")), Value::Int(1));
        assert_eq!(b.cmd(&format!("PTTL {key}")), Value::Int(-1));
    }
    pair.evict();
    for (key, ..) in KINDS {
        assert_eq!(b.cmd(&format!("PTTL {key}")), Value::Int(-1), "{key}");
    }
}

/// Asks until the key is gone; it must be there before its time and gone after it.
fn goes_at(at_ms: i64, what: &str, mut ask: impl FnMut() -> Value) {
    loop {
        let asked_ms = now_ms();
        let reply = ask();
        let answered_ms = now_ms();
        if is_nothing(&reply) {
            assert!(answered_ms + SLACK_MS >= at_ms, "{what}: {} ms early", at_ms - answered_ms);
            return;
        }
        assert!(!reply.is_error(), "{what}: {reply:?}");
        assert!(asked_ms <= at_ms + SLACK_MS, "{what}: {} ms late", asked_ms - at_ms);
    }
}

#[test]
fn a_key_of_any_type_is_gone_at_its_millisecond_by_every_path() {
    let pair = Pair::start();
    for _ in 0..effort(1, 20) {
        for (key, make, read) in KINDS {
            let [mut a, mut b] = pair.clients();
            let begin = |client: &mut Client| {
                assert!(!client.cmd(make).is_error(), "{make}");
                let at_ms = now_ms() + 250;
                assert_eq!(client.cmd(&format!("PEXPIREAT {key} {at_ms}")), Value::Int(1));
                at_ms
            };
            goes_at(begin(&mut a), &format!("{read}, cached"), || a.cmd(read));
            goes_at(begin(&mut a), &format!("{read}, the other proxy"), || b.cmd(read));
            goes_at(begin(&mut a), &format!("{read}, evicted"), || {
                pair.redis.cli(&["DEL", key]);
                b.cmd(read)
            });
            goes_at(begin(&mut b), &format!("EXISTS {key}"), || a.cmd(&format!("EXISTS {key}")));
            goes_at(begin(&mut b), &format!("KEYS {key}*"), || a.cmd(&format!("KEYS {key}*")));
            let block = |client: &mut Client| {
                client.cmd("MULTI");
                client.cmd(read);
                let Value::Array(mut replies) = client.cmd("EXEC") else {
                    panic!("{read} in EXEC")
                };
                replies.remove(0)
            };
            goes_at(begin(&mut b), &format!("{read}, in EXEC"), || block(&mut a));
            // Nothing of it is left: a new value begins without expiry.
            assert!(!b.cmd(make).is_error(), "{make}");
            assert_eq!(a.cmd(&format!("PTTL {key}")), Value::Int(-1));
            assert_eq!(a.cmd(&format!("DEL {key}")), Value::Int(1));
        }
    }
}

/// A negative entry must not hide a key that came, nor a key that went be remembered as there.
#[test]
fn an_absent_key_that_comes_for_a_moment() {
    let pair = Pair::start();
    let [mut a, mut b] = pair.clients();
    for round in 0..effort(5, 100) {
        assert_eq!((a.cmd("GET k"), b.cmd("GET k")), (Value::Nil, Value::Nil));
        assert_eq!(a.cmd("HGET h f"), Value::Nil);
        let at_ms = now_ms() + 300;
        assert_eq!(a.cmd(&format!("SET k {round} PXAT {at_ms}")), Value::ok());
        let seen = b.cmd("GET k");
        // A machine that is busy elsewhere may get here too late to see it.
        assert!(seen == Value::bulk(round.to_string()) || now_ms() >= at_ms, "{seen:?}");
        assert_eq!(b.cmd("HSET h f v"), Value::Int(1));
        assert_eq!(b.cmd(&format!("PEXPIREAT h {at_ms}")), Value::Int(1));
        let seen = a.cmd("HGET h f");
        assert!(seen == Value::bulk("v") || now_ms() >= at_ms, "{seen:?}");
        goes_at(at_ms, "GET", || b.cmd("GET k"));
        goes_at(at_ms, "HGET", || b.cmd("HGET h f"));
        assert_eq!(a.cmd("TYPE k"), Value::Simple(String::from("none")));
    }
}

/// While a write waits for storage the old value may be read, but not beyond its own time.
#[test]
fn a_value_under_a_fence_goes_at_its_own_time() {
    let endpoint = CountedEndpoint::open();
    let proxy = ProxyBuilder::default()
        .storage(&endpoint.storage())
        .cache(CountedEndpoint::cache())
        .start();
    let mut reader = proxy.client();
    for (make, change, read) in [
        ("SET k v", "SET k w", "GET k"),
        ("SET k v", "APPEND k w", "GET k"),
        ("RPUSH k a", "RPUSH k b", "LRANGE k 0 -1"),
        ("HSET k f v", "HSET k g v", "HGET k f"),
    ] {
        let mut writer = proxy.client();
        assert!(!writer.cmd(make).is_error());
        let at_ms = now_ms() + 500;
        assert_eq!(writer.cmd(&format!("PEXPIREAT k {at_ms}")), Value::Int(1));
        endpoint.hold("PutItem");
        writer.send_command(&change.split(' ').collect::<Vec<_>>());
        endpoint.until_waiting(1);
        assert!(now_ms() < at_ms, "the machine is too slow for this test");
        assert!(!is_nothing(&reader.cmd(read)), "{read} under the fence of {change}");
        goes_at(at_ms, &format!("{read} under the fence of {change}"), || reader.cmd(read));
        endpoint.release();
        assert!(!writer.read().is_error());
        // SET starts anew; the others were decided when the key still had its expiry.
        let left = reader.cmd(read);
        assert_eq!(
            is_nothing(&left),
            !change.starts_with("SET"),
            "{read} after {change}: {left:?}"
        );
        reader.cmd("DEL k");
    }
}
