//! Conditions: what they cost, that they hold for every encoding of a value, and that a late write undoes nothing.

use std::fmt::Write as _;

use crate::support::{
    Client, CountedEndpoint, Database, Fault, FaultEndpoint, Of, Proxy, ProxyBuilder, RedisServer,
    Value, eventually,
};

/// Requests of one command.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
struct Requests {
    conditional: u64,
    reads: u64,
    puts: u64,
    deletes: u64,
    transactions: u64,
}

fn requests(endpoint: &CountedEndpoint, run: impl FnOnce()) -> Requests {
    let operations =
        ["ConditionExpression", "GetItem", "PutItem", "DeleteItem", "TransactWriteItems"];
    let count = || operations.map(|operation| endpoint.count(operation));
    let before = count();
    run();
    let after = count();
    let [conditional, reads, puts, deletes, transactions] =
        std::array::from_fn(|n| after[n] - before[n]);
    Requests { conditional, reads, puts, deletes, transactions }
}

const NONE: Requests = Requests { conditional: 0, reads: 0, puts: 0, deletes: 0, transactions: 0 };
const PUT: Requests = Requests { puts: 1, ..NONE };
const PUT_IF: Requests = Requests { puts: 1, conditional: 1, ..NONE };
const DELETE: Requests = Requests { deletes: 1, ..NONE };
const DELETE_IF: Requests = Requests { deletes: 1, conditional: 1, ..NONE };
const TRANSACTION: Requests = Requests { transactions: 1, ..NONE };
const TRANSACTION_IF: Requests = Requests { transactions: 1, conditional: 1, ..NONE };

/// A proxy that is alone, and one that shares its Redis and table.
fn alone_and_shared(endpoint: &CountedEndpoint, redis: &RedisServer) -> [Proxy; 2] {
    let alone = ProxyBuilder::default()
        .storage(&endpoint.storage())
        .cache(CountedEndpoint::cache())
        .start();
    let shared = ProxyBuilder::default()
        .storage(&endpoint.storage())
        .cache("kind = \"dedicated\"\nexclusive = false\nfence = \"30s\"\nlease = \"30s\"")
        .tenant("shared", &format!("redis = \"{}\"\ntable = \"shared\"", redis.url()))
        .start();
    [alone, shared]
}

#[test]
fn conditions_cost_no_request_and_checks_only_where_a_table_is_shared() {
    let (endpoint, redis) = (CountedEndpoint::open(), RedisServer::start(None));
    for (proxy, shared) in alone_and_shared(&endpoint, &redis).iter().zip([false, true]) {
        let mut client = proxy.client();
        for line in ["SET n 1", "HSET h f 1", "RPUSH l a b", "SET s v", "SADD tags a b"] {
            client.cmd(line);
        }
        for (line, expected) in [
            ("SET blind 1", PUT),
            ("DEL blind", DELETE),
            ("INCR n", PUT_IF),
            ("HSET h f 2", PUT_IF),
            ("HSET h f 2", NONE),
            ("GETDEL n", DELETE_IF),
            ("RENAME s t", Requests { reads: 1, ..TRANSACTION_IF }),
            ("LMOVE l m LEFT RIGHT", Requests { reads: 1, ..TRANSACTION_IF }),
            ("MSETNX x 1", PUT_IF),
            ("MSETNX y 1 z 1", TRANSACTION_IF),
            // A set kept as a hash table: its cached copy cannot be a condition.
            ("SADD tags c", if shared { Requests { reads: 1, ..PUT_IF } } else { PUT }),
        ] {
            let words: Vec<_> = line.split(' ').collect();
            let sent = requests(&endpoint, || assert!(!client.call(&words).is_error(), "{line}"));
            assert_eq!(sent, expected, "{line}, shared: {shared}");
        }
        for (lines, expected) in [
            (&["SET x 1", "GET x", "INCR x"][..], PUT),
            (&["INCR x", "GET y"], if shared { TRANSACTION_IF } else { PUT_IF }),
            (&["SET x 1", "SET y 2"], TRANSACTION),
            (&["GET x", "GET y", "HGETALL h"], NONE),
            (&["SETNX x 1", "PING"], NONE),
        ] {
            client.cmd("MULTI");
            for line in lines {
                client.cmd(line);
            }
            let sent = requests(&endpoint, || assert!(!client.cmd("EXEC").is_error()));
            assert_eq!(sent, expected, "{lines:?}, shared: {shared}");
        }
    }
}

/// How the cached copy of a value stands to the stored payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Copy {
    /// It is the same, byte for byte.
    Same,
    /// A hash table: in no order.
    Table,
    /// Redis loads the payload as another encoding.
    Converted,
}

/// A value of every encoding: its key, the commands that make it, one that changes it, and what its copy is.
fn encodings() -> Vec<(&'static str, Vec<String>, &'static str, Copy)> {
    let many = |head: &str, count: usize, one: &dyn Fn(usize) -> String| {
        (0..count).fold(head.to_owned(), |mut line, n| {
            let _ = write!(line, " {}", one(n));
            line
        })
    };
    let long = "long ".replace(' ', "-").repeat(40);
    let texts = |n: usize| format!("text-{n}-{long}");
    let fields = |n: usize| format!("field{n} {n}");
    let gone = |n: usize| format!("field{}", n + 2);
    let scores = |n: usize| format!("{}.{n} member{n}", n * 7 % 50);
    vec![
        ("s-int", vec!["SET s-int 123".into()], "INCR s-int", Copy::Same),
        ("s-text", vec![format!("SET s-text {long} EX 5000")], "APPEND s-text x", Copy::Same),
        ("hll", vec![many("PFADD hll", 500, &texts)], "PFADD hll new-ROUND more-ROUND", Copy::Same),
        ("bits", vec!["SETBIT bits 70000 1".into()], "SETBIT bits 5 1", Copy::Same),
        ("l-small", vec!["RPUSH l-small a 1 2.5 -7".into()], "LPUSH l-small x", Copy::Same),
        ("l-large", vec![many("RPUSH l-large", 1000, &texts)], "LPOP l-large", Copy::Same),
        (
            "set-ints",
            vec![many("SADD set-ints", 300, &|n| (n * n).to_string())],
            "SADD set-ints 7",
            Copy::Same,
        ),
        ("set-table", vec![many("SADD set-table", 300, &texts)], "SADD set-table x", Copy::Table),
        ("h-small", vec![many("HSET h-small", 20, &fields)], "HSET h-small x y", Copy::Same),
        ("h-table", vec![many("HSET h-table", 600, &fields)], "HSET h-table x y", Copy::Table),
        (
            "h-long",
            vec![format!("HSET h-long f {}", long.repeat(2))],
            "HSET h-long x y",
            Copy::Table,
        ),
        (
            "h-shrunk",
            vec![many("HSET h-shrunk", 600, &fields), many("HDEL h-shrunk", 598, &gone)],
            "HSET h-shrunk x y",
            Copy::Converted,
        ),
        ("z-small", vec![many("ZADD z-small", 20, &scores)], "ZADD z-small inf x", Copy::Same),
        ("z-large", vec![many("ZADD z-large", 400, &scores)], "ZINCRBY z-large 0.1 x", Copy::Same),
        (
            "geo",
            vec!["GEOADD geo 13.361389 38.115556 p 15.087269 37.502669 c".into()],
            "GEOADD geo 1 1 x",
            Copy::Same,
        ),
        (
            "stream",
            (0..250)
                .map(|n| format!("XADD stream {}-1 field {n} other {long}", n + 1))
                .chain([
                    "XGROUP CREATE stream g 0".into(),
                    "XREADGROUP GROUP g alice COUNT 20 STREAMS stream >".into(),
                    "XREADGROUP GROUP g bob COUNT 20 STREAMS stream >".into(),
                    "XACK stream g 3-1 25-1".into(),
                    "XDEL stream 5-1 6-1".into(),
                ])
                .collect(),
            "XADD stream * f v",
            Copy::Same,
        ),
    ]
}

#[test]
fn the_cached_copy_of_every_encoding_but_hash_tables_is_the_stored_item() {
    let (endpoint, redis) = (CountedEndpoint::open(), RedisServer::start(None));
    for (proxy, shared) in alone_and_shared(&endpoint, &redis).iter().zip([false, true]) {
        let mut client = proxy.client();
        for (key, setup, change, copy) in encodings() {
            for line in setup {
                let reply = client.call(&line.split(' ').collect::<Vec<_>>());
                assert!(!reply.is_error(), "{key}: {reply:?}");
            }
            for from_storage in [false, true] {
                if from_storage {
                    forget(proxy, &redis, shared);
                    client.cmd(&format!("EXISTS {key}"));
                }
                let change = change.replace("ROUND", &from_storage.to_string());
                let dump = client.cmd(&format!("DUMP {key}"));
                let sent = requests(&endpoint, || {
                    let reply = client.call(&change.split(' ').collect::<Vec<_>>());
                    assert!(!reply.is_error(), "{key}: {reply:?}");
                });
                assert_ne!(client.cmd(&format!("DUMP {key}")), dump, "{change} changed nothing");
                let (conditions, reads) = match (copy, shared) {
                    (Copy::Table, false) => (0, 0),
                    (Copy::Table, true) => (1, 1),
                    _ => (1, 0),
                };
                let what = format!("{key}, shared: {shared}, from storage: {from_storage}");
                if copy == Copy::Converted {
                    assert!((1..=2).contains(&sent.puts), "{what}: {sent:?}");
                } else {
                    let expected = Requests { puts: 1, conditional: conditions, reads, ..NONE };
                    assert_eq!(sent, expected, "{what}");
                }
                // So that the next round changes something as well.
                client.call(&undo(key).split(' ').collect::<Vec<_>>());
            }
        }
    }
}

#[test]
fn a_key_that_is_only_read_is_not_written_whatever_its_encoding() {
    let (endpoint, redis) = (CountedEndpoint::open(), RedisServer::start(None));
    let [proxy, _] = alone_and_shared(&endpoint, &redis);
    let mut client = proxy.client();
    let computed = vec!["ZADD a 1 m 2.5 n".into(), "ZUNIONSTORE z-computed 1 a".into()];
    let numbers = vec!["SADD set-shrunk x 1 2 3".into(), "SREM set-shrunk x".into()];
    let more = [("z-computed", computed), ("set-shrunk", numbers)];
    let all = encodings().into_iter().map(|(key, setup, _, _)| (key, setup));
    for (key, setup) in all.chain(more) {
        for line in setup {
            let reply = client.call(&line.split(' ').collect::<Vec<_>>());
            assert!(!reply.is_error(), "{key}: {reply:?}");
        }
        for from_storage in [true, false] {
            if from_storage {
                forget(&proxy, &redis, false);
            }
            let mut lines = vec![format!("COPY {key} copy REPLACE")];
            // Redis unpacks a sorted set that it sorts.
            if key.starts_with('z') {
                lines.push(format!("SORT {key} ALPHA STORE copy"));
            }
            for line in lines {
                let sent = requests(&endpoint, || {
                    let reply = client.cmd(&line);
                    assert!(!reply.is_error() && reply != Value::Int(0), "{line}: {reply:?}");
                });
                let writes = (sent.puts, sent.transactions);
                assert_eq!(writes, (1, 0), "{line}, from storage: {from_storage}");
                client.cmd("DEL copy");
            }
        }
    }
}

fn undo(key: &str) -> &'static str {
    match key {
        "bits" => "SETBIT bits 5 0",
        "set-ints" => "SREM set-ints 7",
        "set-table" => "SREM set-table x",
        "h-small" => "HDEL h-small x",
        "h-table" => "HDEL h-table x",
        "h-long" => "HDEL h-long x",
        "h-shrunk" => "HDEL h-shrunk x",
        "z-small" => "ZREM z-small x",
        "geo" => "ZREM geo x",
        _ => "PING",
    }
}

fn forget(proxy: &Proxy, redis: &RedisServer, shared: bool) {
    if shared {
        redis.cli(&["FLUSHALL"]);
    } else {
        assert_eq!(proxy.redis("orders").cmd("FLUSHALL"), Value::ok());
    }
}

/// A proxy whose storage requests can be held; a fence that falls soon.
fn held() -> (Proxy, FaultEndpoint, Database) {
    let database = Database::start();
    let endpoint = FaultEndpoint::before(database.endpoint());
    let proxy = ProxyBuilder::default()
        .storage(&endpoint.lines())
        .cache("kind = \"managed\"\nfence = \"3s\"\nlease = \"3s\"")
        .start();
    (proxy, endpoint, database)
}

/// Sends commands while storage answers no write; the last reply says that nobody knows.
fn unconfirmed(endpoint: &FaultEndpoint, client: &mut Client, lines: &[&str]) {
    endpoint.fail(Of::Writes, Fault::Held);
    let replies: Vec<Value> = lines.iter().map(|line| client.cmd(line)).collect();
    let last = replies.last().expect("a reply").error();
    assert!(last.starts_with("UNAVAILABLE storage did not confirm the write"), "{last}");
    endpoint.heal();
}

#[test]
fn a_late_write_that_was_computed_from_an_old_item_undoes_nothing() {
    let (proxy, endpoint, database) = held();
    let (mut client, mut other) = (proxy.client(), proxy.client());
    for line in ["SET n 7", "HSET h f 7", "SET a 7", "SET b 7"] {
        client.cmd(line);
    }
    unconfirmed(&endpoint, &mut client, &["INCR n"]);
    unconfirmed(&endpoint, &mut client, &["HINCRBY h f 1"]);
    unconfirmed(&endpoint, &mut client, &["MULTI", "INCR a", "INCR b", "EXEC"]);
    unconfirmed(&endpoint, &mut client, &["SET blind 1"]);
    for n in [8, 9] {
        assert_eq!(other.cmd("INCR n"), Value::Int(n));
        assert_eq!(other.cmd("HINCRBY h f 1"), Value::Int(n));
        assert_eq!(other.cmd("INCR a"), Value::Int(n));
    }
    assert!(endpoint.let_through() >= 4);
    for _ in 0..2 {
        assert_eq!(other.cmd("GET n"), Value::bulk("9"));
        assert_eq!(other.cmd("HGET h f"), Value::bulk("9"));
        assert_eq!(other.cmd("MGET a b"), Value::Array(vec![Value::bulk("9"), Value::bulk("7")]));
        assert_eq!(proxy.redis("orders").cmd("FLUSHALL"), Value::ok());
    }
    assert_eq!(database.value("orders", "n").as_deref(), Some("9"));
    // What depends on nothing may take effect at any time.
    assert_eq!(other.cmd("GET blind"), Value::bulk("1"));
    assert_eq!(other.cmd("INCR n"), Value::Int(10));
}

#[test]
fn a_late_write_of_a_hash_table_finds_no_other_write_before_it() {
    let (proxy, endpoint, _database) = held();
    let (mut client, mut other) = (proxy.client(), proxy.client());
    client.cmd("SADD set a b");
    unconfirmed(&endpoint, &mut client, &["SADD set late"]);
    other.send_command(&["SADD", "set", "next"]);
    // Reads do not wait for it; the write does, for as long as the late one may come.
    assert_eq!(client.cmd("SCARD set"), Value::Int(2));
    assert_eq!(endpoint.release(), 1);
    assert_eq!(other.read(), Value::Int(1));
    eventually("all are there", || (client.cmd("SCARD set") == Value::Int(4)).then_some(()));
}
