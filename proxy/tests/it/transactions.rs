//! MULTI, EXEC, DISCARD, WATCH and UNWATCH: the replies of a stock Redis, all or nothing, and no lost update.

mod conditions;
mod crashes;
mod races;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::support::{Client, Proxy, ProxyBuilder, StockRedis, Value, effort, encode, seed};

/// The same commands to a stock Redis and to the proxy, in one dialect; the bytes of the replies must be equal.
struct Pair {
    redis: Client,
    proxy: Client,
}

impl Pair {
    fn connect(redis: &StockRedis, proxy: &Proxy, resp3: bool) -> Self {
        let mut pair = Self { redis: redis.client(), proxy: proxy.client() };
        if resp3 {
            pair.redis.cmd("HELLO 3");
            pair.proxy.cmd("HELLO 3");
        }
        pair
    }

    fn agree<A: AsRef<[u8]> + std::fmt::Debug>(&mut self, args: &[A]) {
        self.redis.send_command(args);
        self.proxy.send_command(args);
        let expected = self.redis.read_reply_bytes().expect("a reply of Redis");
        let got = self.proxy.read_reply_bytes().expect("a reply of the proxy");
        assert_eq!(got.escape_ascii().to_string(), expected.escape_ascii().to_string(), "{args:?}");
    }
}

const SCRIPTS: &[&str] = &[
    "EXEC; DISCARD; MULTI; EXEC; EXEC",
    "MULTI; SET a 1; GET a; INCR a; EXEC; GET a",
    "MULTI; MULTI; SET a 2; EXEC; GET a",
    "MULTI; SET a 9; DISCARD; GET a; DISCARD",
    "MULTI; NOSUCH x; SET a 9; EXEC; GET a; EXEC",
    "MULTI; GET; SET a 9; EXEC; GET a",
    "MULTI; SET a 3 BAD; SET a 4; INCRBY a x; HGET a f; GET a; EXEC; GET a",
    "MULTI; EXEC x; EXEC; MULTI; MULTI x; EXEC; MULTI; DISCARD x; EXEC; EXEC x; MULTI x",
    "MULTI; WATCH a; SET a 5; EXEC; MULTI; WATCH; EXEC; WATCH",
    "WATCH a; SET a 5; MULTI; GET a; EXEC; GET a",
    "WATCH a; SET a 6; UNWATCH; MULTI; GET a; EXEC",
    "WATCH a b; MULTI; SET a 7; SET b 7; EXEC; MGET a b",
    "WATCH a; MULTI; SET b 1; DISCARD; SET a 8; MULTI; GET a; EXEC",
    "WATCH nosuch; DEL nosuch; MULTI; PING; EXEC; WATCH nosuch; SET nosuch 1; MULTI; PING; EXEC; DEL nosuch",
    "SADD s a; WATCH s; SADD s a; MULTI; PING; EXEC; WATCH s; SADD s b; MULTI; PING; EXEC",
    "SET k v; WATCH k; EXPIRE nosuch 5; PERSIST k; GETEX k; MULTI; PING; EXEC",
    "SET k v; WATCH k; SET k v; MULTI; PING; EXEC; WATCH k; EXPIRE k 100; MULTI; PING; EXEC",
    "WATCH k; MSET x 1 k 2; MULTI; PING; EXEC; WATCH k; MSETNX k 1 z 1; MULTI; PING; EXEC",
    "WATCH k; RENAME k l; MULTI; PING; EXEC; WATCH l; COPY l m; MULTI; GET m; EXEC",
    "WATCH m; MULTI; SET m 1; EXEC; MULTI; SET m 2; EXEC; GET m",
    "MULTI; PING; PING hi; ECHO x; SELECT 0; CLIENT GETNAME; CLIENT SETNAME me; CLIENT GETNAME; UNWATCH; CONFIG GET appendonly; GET a; EXEC; CLIENT GETNAME",
    "MULTI; SET a 1; RESET",
    "WATCH a; MULTI; CLIENT SETNAME other; SET a 1; EXEC; CLIENT GETNAME; SET a 2",
    "MULTI; CLIENT NOSUCH; EXEC; MULTI; CLIENT; EXEC; MULTI; AUTH; EXEC",
    "MULTI; RPUSH list 1 2 3; LMOVE list other LEFT RIGHT; LRANGE list 0 -1; LRANGE other 0 -1; EXEC; LLEN list",
    "MULTI; HSET h f 1 g 2; HINCRBY h f 5; HGETALL h; HGET h nosuch; TYPE h; EXEC; HGETALL h",
    "MULTI; ZADD z 1 a 2.5 b; ZSCORE z b; ZRANGE z 0 -1 WITHSCORES; SINTERSTORE d s s; SCARD d; DEL d s; EXEC",
    "MULTI; SET t 1 EX 1000; TTL t; PERSIST t; PTTL t; EXPIRE t 0; EXISTS t; EXEC; EXISTS t",
    "MULTI; DEL a; SET a 1; DEL a; EXEC; EXISTS a; MULTI; DEL a a; EXEC",
    "MULTI; APPEND a x; SETRANGE a 3 y; GETRANGE a 0 -1; GETDEL a; STRLEN a; EXEC",
    "MULTI; MSETNX p 1 q 2; MSETNX q 3 r 4; MGET p q r; EXEC; MGET p q r",
    "SET p v; MULTI; COPY p q DB 0 REPLACE; GET q; COPY p r; SORT list STORE s; TYPE s; OBJECT ENCODING p; EXEC; GET q",
    "MULTI; SUBSTR p 0 0; DUMP nosuch; RENAME nosuch p; RESTORE p x y; EXEC",
    "WATCH list; RPUSH list x; RPOP list; MULTI; PING; EXEC",
];

#[test]
fn transactions_reply_as_redis_does() {
    let (redis, proxy) = (StockRedis::start(), Proxy::start());
    for resp3 in [false, true] {
        for flush in [false, true] {
            redis.client().cmd("FLUSHALL");
            let mut pair = Pair::connect(&redis, &proxy, resp3);
            for key in ["a", "b", "k", "l", "m", "s", "d", "x", "z", "t", "p", "q", "r"] {
                pair.proxy.cmd(&format!("DEL {key}"));
            }
            pair.proxy.cmd("DEL list other h nosuch");
            for script in SCRIPTS {
                for line in script.split("; ") {
                    if flush {
                        proxy.redis("orders").cmd("FLUSHALL");
                    }
                    pair.agree(&line.split_whitespace().collect::<Vec<_>>());
                }
                if script.ends_with("RESET") {
                    pair.proxy.cmd("AUTH orders orders-pw");
                    pair.agree(&["EXEC"]);
                    pair = Pair::connect(&redis, &proxy, resp3);
                }
            }
        }
    }
}

#[test]
fn random_blocks_reply_as_redis_does() {
    let seed = seed();
    let mut random = StdRng::seed_from_u64(seed);
    let (redis, proxy) = (StockRedis::start(), Proxy::start());
    let mut behind = proxy.redis("orders");
    for resp3 in [false, true] {
        let mut pair = Pair::connect(&redis, &proxy, resp3);
        let mut other = Pair::connect(&redis, &proxy, resp3);
        for _ in 0..effort(150, 3_000) {
            if random.random_bool(0.3) {
                behind.cmd("FLUSHALL");
            }
            let watched = [key(&mut random), key(&mut random)];
            let before = random.random_bool(0.3).then(|| {
                pair.agree(&["WATCH", &watched[0], &watched[1]]);
                values(&redis, &watched)
            });
            let mut others = random.random_bool(0.4);
            if others {
                other.agree(&command(&mut random));
            }
            pair.agree(&["MULTI"]);
            for _ in 0..random.random_range(0..8) {
                if random.random_bool(0.1) {
                    behind.cmd("FLUSHALL");
                }
                pair.agree(&command(&mut random));
            }
            if random.random_bool(0.2) {
                other.agree(&command(&mut random));
                others = true;
            }
            // A write that leaves a key as it was ends a watch in Redis only, so that is no block to compare.
            let unclear = others && before.is_some_and(|before| values(&redis, &watched) == before);
            let ends = if !unclear && random.random_bool(0.9) { "EXEC" } else { "DISCARD" };
            pair.agree(&[ends]);
            other.agree(&command(&mut random));
        }
    }
}

fn values(redis: &StockRedis, keys: &[String]) -> Vec<Option<Vec<u8>>> {
    let mut client = redis.client();
    let mut all = Vec::new();
    for key in keys {
        for asked in ["DUMP", "PEXPIRETIME"] {
            client.send_command(&[asked, key]);
            all.push(client.read_reply_bytes());
        }
    }
    all
}

fn key(random: &mut StdRng) -> String {
    format!("k{}", random.random_range(0..6))
}

/// One command, of any type on any key, now and then a wrong one. None whose reply has no order in Redis.
fn command(random: &mut StdRng) -> Vec<String> {
    const PATTERNS: &[&str] = &[
        "SET K V",
        "SET K V NX",
        "SET K V GET",
        "SET K V EX 1000",
        "GET K",
        "INCR K",
        "APPEND K V",
        "STRLEN K",
        "GETDEL K",
        "SETRANGE K 3 V",
        "MSET K V K V",
        "MGET K K",
        "DEL K",
        "DEL K K",
        "EXISTS K K",
        "TYPE K",
        "EXPIRE K 1000",
        "PERSIST K",
        "TTL K",
        "RENAME K K",
        "COPY K K",
        "COPY K K REPLACE",
        "HSET K f V",
        "HGET K f",
        "HINCRBY K n 2",
        "HGETALL K",
        "HDEL K f",
        "SADD K V",
        "SREM K V",
        "SCARD K",
        "SISMEMBER K V",
        "SMOVE K K V",
        "SINTERSTORE K K K",
        "LPUSH K V V",
        "RPOP K",
        "LRANGE K 0 -1",
        "LMOVE K K LEFT RIGHT",
        "LLEN K",
        "ZADD K 1 V",
        "ZINCRBY K 2.5 V",
        "ZRANGE K 0 -1 WITHSCORES",
        "ZSCORE K V",
        "ZUNIONSTORE K 2 K K",
        "SETBIT K 7 1",
        "BITCOUNT K",
        "BITOP OR K K K",
        "PFADD K V",
        "PFCOUNT K",
        "INCRBY K x",
        "SET K V XX NX",
        "PING",
        "ECHO V",
        "MSETNX K V K V",
        "GETEX K PERSIST",
        "INCRBYFLOAT K 1.5",
        "SORT K ALPHA STORE K",
    ];
    let pattern = PATTERNS[random.random_range(0..PATTERNS.len())];
    let mut fill = |word: &str| match word {
        "K" => key(random),
        "V" => random.random_range(0..20).to_string(),
        word => word.to_owned(),
    };
    pattern.split(' ').map(&mut fill).collect()
}

#[test]
fn a_transaction_is_answered_in_its_place_of_a_pipeline() {
    let proxy = Proxy::start();
    let mut client = proxy.client();
    let mut sent = Vec::new();
    for i in 0..50 {
        for line in [
            format!("SET k {i}"),
            String::from("WATCH k"),
            String::from("MULTI"),
            String::from("GET k"),
            String::from("CLIENT SETNAME c"),
            format!("SET j {i}"),
            String::from("EXEC"),
            String::from("GET j"),
            String::from("MULTI"),
            String::from("INCR j"),
            String::from("GET k"),
            String::from("EXEC"),
            String::from("GET j"),
        ] {
            sent.extend(encode(&line.split(' ').collect::<Vec<_>>()));
        }
    }
    client.send(&sent);
    let (ok, queued) = (Value::ok(), Value::Simple(String::from("QUEUED")));
    for i in 0..50 {
        let (now, next) = (Value::bulk(i.to_string()), Value::bulk((i + 1).to_string()));
        let first = Value::Array(vec![now.clone(), ok.clone(), ok.clone()]);
        let second = Value::Array(vec![Value::Int(i + 1), now.clone()]);
        let expected = [
            ok.clone(),
            ok.clone(),
            ok.clone(),
            queued.clone(),
            queued.clone(),
            queued.clone(),
            first,
            now,
            ok.clone(),
            queued.clone(),
            queued.clone(),
            second,
            next,
        ];
        for value in expected {
            assert_eq!(client.read(), value, "round {i}");
        }
    }
}

#[test]
fn a_key_that_expires_after_watch_counts_as_changed() {
    let proxy = Proxy::start();
    let mut client = proxy.client();
    for flush in [false, true] {
        assert_eq!(client.cmd("SET k v PX 150"), Value::ok());
        assert_eq!(client.cmd("WATCH k"), Value::ok());
        crate::support::eventually("the key expires", || {
            (proxy.client().cmd("EXISTS k") == Value::Int(0)).then_some(())
        });
        if flush {
            proxy.redis("orders").cmd("FLUSHALL");
        }
        client.cmd("MULTI");
        client.cmd("PING");
        assert_eq!(client.cmd("EXEC"), Value::Nil);
        // A key that was absent already is no change.
        assert_eq!(client.cmd("WATCH k"), Value::ok());
        client.cmd("MULTI");
        client.cmd("PING");
        assert_eq!(client.cmd("EXEC"), Value::Array(vec![Value::Simple(String::from("PONG"))]));
    }
}

#[test]
fn more_keys_than_storage_takes_are_refused_before_anything_is_done() {
    let proxy = Proxy::start();
    let mut client = proxy.client();
    let queue = |client: &mut Client, keys: usize| {
        client.cmd("MULTI");
        for i in 0..keys {
            client.cmd(&format!("SET many{i} 1"));
        }
        client.cmd("EXEC")
    };
    let writes = |proxy: &Proxy| proxy.get("/v1/tenants/orders/stats")["totals"].clone();
    let before = writes(&proxy);
    let refused = queue(&mut client, 101);
    assert_eq!(
        refused.error(),
        "ERR storage refused the request: 101 keys in one all-or-nothing write; DynamoDB takes 100"
    );
    assert_eq!(before["milli_write_units"], writes(&proxy)["milli_write_units"]);
    for i in 0..101 {
        assert_eq!(client.cmd(&format!("EXISTS many{i}")), Value::Int(0));
    }
    assert_eq!(queue(&mut client, 100), Value::Array(vec![Value::ok(); 100]));
    proxy.redis("orders").cmd("FLUSHALL");
    for i in 0..100 {
        assert_eq!(client.cmd(&format!("GET many{i}")), Value::bulk("1"));
    }
    // Reads are not limited by what storage writes at once.
    client.cmd("MULTI");
    for i in 0..150 {
        client.cmd(&format!("GET many{i}"));
    }
    let Value::Array(values) = client.cmd("EXEC") else { panic!("an array") };
    assert_eq!(values.iter().filter(|value| **value == Value::bulk("1")).count(), 100);
}

#[test]
fn values_and_blocks_too_large_are_refused_and_change_nothing() {
    let proxy = Proxy::start();
    let mut client = proxy.client();
    let half = "v".repeat(300_000);
    client.cmd("MULTI");
    client.cmd("SET small 1");
    client.call(&["SET", "large", &half]);
    client.call(&["APPEND", "large", &half]);
    let refused = client.cmd("EXEC");
    assert_eq!(refused.error(), "ERR value is 600000 bytes; DynamoDB items hold 400 KB");
    client.cmd("MULTI");
    for i in 0..15 {
        client.call(&["SET", &format!("part{i}"), &half]);
    }
    let refused = client.cmd("EXEC");
    assert!(refused.error().ends_with("DynamoDB takes 4194304"), "{refused:?}");
    assert_eq!(client.cmd("EXISTS small large part0 part14"), Value::Int(0));
    // What the words alone tell is known without Redis making the value; the others run.
    client.cmd("MULTI");
    client.cmd("SETRANGE huge 536870000 x");
    client.cmd("SET small 2");
    let Value::Array(replies) = client.cmd("EXEC") else { panic!("an array") };
    assert!(replies[0].error().ends_with("DynamoDB items hold 400 KB"), "{replies:?}");
    assert_eq!(replies[1], Value::ok());
}

#[test]
fn replies_without_end_are_refused() {
    let proxy = Proxy::start();
    let mut client = proxy.client();
    client.call(&["SET", "large", &"v".repeat(400_000)]);
    let read = |client: &mut Client, times: usize| {
        client.cmd("MULTI");
        client.cmd("SET small 1");
        for _ in 0..times {
            client.cmd("GET large");
        }
        client.cmd("EXEC")
    };
    let text = "ERR the replies to this transaction could hold more than 128 MiB; send it in parts";
    assert_eq!(read(&mut client, 400).error(), text);
    assert_eq!(client.cmd("EXISTS small"), Value::Int(0));
    let Value::Array(replies) = read(&mut client, 40) else { panic!("an array") };
    assert_eq!(replies.len(), 41);
}

#[test]
fn a_queue_without_end_is_refused() {
    let proxy = Proxy::start();
    let mut client = proxy.client();
    let value = "v".repeat(400_000);
    assert_eq!(client.cmd("MULTI"), Value::ok());
    let queued = Value::Simple(String::from("QUEUED"));
    let mut refused = None;
    for _ in 0..200 {
        let reply = client.call(&["SET", "k", &value]);
        if reply != queued {
            refused = Some(reply);
            break;
        }
    }
    let text = "ERR a transaction may queue 100000 commands and 32 MiB";
    assert_eq!(refused.expect("refused").error(), text);
    assert_eq!(client.cmd("SET k v"), queued);
    let aborted = "EXECABORT Transaction discarded because of previous errors.";
    assert_eq!(client.cmd("EXEC").error(), aborted);
    assert_eq!(client.cmd("EXISTS k"), Value::Int(0));
}

#[test]
fn commands_over_the_whole_table_and_changes_of_dialect_before_keys_are_refused_when_queued() {
    let proxy = Proxy::start();
    let mut client = proxy.client();
    let aborted = "EXECABORT Transaction discarded because of previous errors.";
    for line in ["SCAN 0", "KEYS *", "DBSIZE", "RANDOMKEY", "FLUSHALL", "FLUSHDB"] {
        client.cmd("MULTI");
        let refused = client.cmd(line);
        assert!(refused.error().contains("cannot run inside a transaction"), "{refused:?}");
        assert_eq!(client.cmd("EXEC").error(), aborted);
    }
    client.cmd("MULTI");
    assert_eq!(client.cmd("HELLO 3"), Value::Simple(String::from("QUEUED")));
    assert!(client.cmd("GET k").error().contains("change of user or protocol"));
    assert_eq!(client.cmd("EXEC").error(), aborted);
    client.cmd("MULTI");
    client.cmd("SET k v");
    client.cmd("HELLO 3");
    let Value::Array(replies) = client.cmd("EXEC") else { panic!("an array") };
    assert!(matches!(&replies[..], [Value::Simple(_), Value::Map(_)]), "{replies:?}");
    assert_eq!(client.cmd("GET nosuch"), Value::Nil);
}

#[test]
fn a_throttled_transaction_has_changed_nothing() {
    let proxy = ProxyBuilder::default()
        .tenant_with(
            "orders",
            "cache = \"32MiB\"\nread_units = \"1m\"\nwrite_units = 80\nnet = \"10GB/s\"\nmax_wait = \"1200ms\"",
        )
        .start();
    let mut client = proxy.client();
    // Four keys take 8 units, which 100 ms bring; 96 keys take twice as long as a request may wait.
    let block = |client: &mut Client, n: usize, keys: usize| {
        client.cmd("MULTI");
        for i in 0..keys {
            client.cmd(&format!("SET k{i} {n}"));
        }
        client.cmd("EXEC")
    };
    let (mut done, mut done_in_full, mut throttled) = (0, 0, 0);
    for n in 1..10 {
        let is_large = n % 3 == 0;
        match block(&mut client, n, if is_large { 96 } else { 4 }) {
            Value::Array(_) => {
                done = n;
                done_in_full = if is_large { n } else { done_in_full };
            }
            Value::Error(text) => {
                assert!(text.starts_with("THROTTLED orders write"), "{text}");
                throttled += 1;
            }
            other => panic!("{other:?}"),
        }
        proxy.redis("orders").cmd("FLUSHALL");
        for i in [0, 1, 2, 3, 4, 50, 95] {
            let last = if i < 4 { done } else { done_in_full };
            let expected = if last == 0 { Value::Nil } else { Value::bulk(last.to_string()) };
            assert_eq!(client.cmd(&format!("GET k{i}")), expected, "{n}");
        }
    }
    assert!(done > 0 && throttled > 0, "{done}, {throttled}");
}
