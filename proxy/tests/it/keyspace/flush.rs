//! FLUSHALL and FLUSHDB: only where they are allowed, and then for everybody and for good.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use super::{counted, fill, in_memory, strings};
use crate::support::{Database, Fault, FaultEndpoint, Of, Proxy, ProxyBuilder, Value, eventually};

fn allow(proxy: &Proxy, allowed: bool) {
    let body = json!({"allow_flush": allowed});
    let (status, tenant) = proxy.api("PATCH", "/v1/tenants/orders", Some(&body));
    assert_eq!((status, &tenant["allow_flush"]), (200, &json!(allowed)));
}

#[test]
fn a_flush_needs_to_be_allowed() {
    let mut proxy = Proxy::start();
    let mut client = proxy.client();
    client.cmd("SET a v");
    assert_eq!(proxy.get("/v1/tenants/orders")["allow_flush"], false);
    for command in ["FLUSHALL", "FLUSHDB", "FLUSHALL ASYNC"] {
        let name = command.split(' ').next().unwrap();
        assert_eq!(
            client.cmd(command).error(),
            format!(
                "NOPERM {name} deletes all keys of the table, which this tenant may not do; \
                 allow_flush = true in its configuration allows it"
            )
        );
    }
    assert_eq!(client.cmd("FLUSHALL NOW").error(), "ERR syntax error");
    assert_eq!(client.cmd("GET a"), Value::bulk("v"));
    allow(&proxy, true);
    proxy.stop();
    proxy.restart();
    let mut client = proxy.client();
    assert_eq!(client.cmd("FLUSHDB SYNC"), Value::ok());
    assert_eq!(client.cmd("GET a"), Value::Nil);
    allow(&proxy, false);
    assert!(client.cmd("FLUSHDB").error().starts_with("NOPERM "));
}

#[test]
fn what_a_flush_deleted_never_comes_back() {
    let (database, builder) = in_memory();
    let proxy = builder.tenant("orders", "allow_flush = true").start();
    let mut client = proxy.client();
    let keys: Vec<_> = fill(&mut client, 1500, 60).into_iter().collect();
    client.cmd("RPUSH list a b");
    client.cmd("SET \0hkmkey:0000001 v");
    client.cmd("SET expiring v EX 1000");
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for part in 0..2 {
            let (keys, done, mut reader) = (&keys, &done, proxy.client());
            scope.spawn(move || {
                let mut gone = vec![false; keys.len()];
                loop {
                    let last_round = done.load(Ordering::Acquire);
                    for (key, gone) in keys.iter().zip(&mut gone).skip(part).step_by(2) {
                        let value = reader.call(&[&b"GET"[..], key]);
                        let is_gone = value == Value::Nil;
                        assert!(is_gone || !*gone && !last_round, "{}", key.escape_ascii());
                        *gone = is_gone;
                    }
                    if last_round {
                        return;
                    }
                }
            });
        }
        assert_eq!(client.cmd("FLUSHALL"), Value::ok());
        done.store(true, Ordering::Release);
    });
    assert_eq!(client.cmd("DBSIZE"), Value::Int(0));
    assert_eq!(client.cmd("EXISTS list expiring \0hkmkey:0000001"), Value::Int(0));
    assert_eq!(database.get("orders", "key:0000007"), None);
    assert_eq!(strings(client.cmd("KEYS *")).len(), 0);
    client.cmd("SET key:0000007 new");
    assert_eq!(client.cmd("DBSIZE"), Value::Int(1));
}

#[test]
fn a_flush_waits_for_write_units_and_is_not_throttled() {
    let (_database, builder) = in_memory();
    let limits = "cache = \"32MiB\"\nread_units = 1000\nwrite_units = 1000\nnet = \"10GB/s\"\n\
                  max_wait = \"20ms\"\nallow_flush = true";
    let proxy = builder.tenant_with("orders", limits).start();
    let mut client = proxy.client();
    for i in 0..120 {
        // Refused ones are sent again: this tenant does not wait.
        eventually("the write is taken", || {
            (client.cmd(&format!("SET k:{i} v")) == Value::ok()).then_some(())
        });
    }
    let quota = json!({"write_units_per_s": 50});
    let (status, answer) = proxy.api("PUT", "/v1/tenants/orders/quota", Some(&quota));
    assert_eq!(status, 200, "{answer}");
    let started = Instant::now();
    assert_eq!(client.cmd("FLUSHALL"), Value::ok());
    assert!(started.elapsed() > Duration::from_millis(2000), "{:?}", started.elapsed());
    assert_eq!(client.cmd("DBSIZE"), Value::Int(0));
}

#[test]
fn a_flush_that_fails_says_how_far_it_came() {
    let database = Database::start();
    let endpoint = FaultEndpoint::before(database.endpoint());
    let proxy = ProxyBuilder::default()
        .storage(&endpoint.lines())
        .tenant("orders", "allow_flush = true")
        .start();
    let mut client = proxy.client();
    fill(&mut client, 400, 60);
    std::thread::scope(|scope| {
        let writes = endpoint.counts().1;
        let mut other = proxy.client();
        let flush = scope.spawn(move || other.cmd("FLUSHALL"));
        eventually("it has begun", || (endpoint.counts().1 > writes + 50).then_some(()));
        endpoint.fail(Of::Writes, Fault::Error(400, "ValidationException"));
        let reply = flush.join().unwrap();
        let text = reply.error();
        let (cause, rest) = text.split_once("; the flush ended early, ").unwrap();
        assert!(cause.starts_with("ERR storage refused the request: "), "{text}");
        let deleted: i64 = rest.strip_suffix(" keys were deleted").unwrap().parse().unwrap();
        assert!(deleted >= 50, "{text}");
        endpoint.heal();
        assert_eq!(client.cmd("DBSIZE"), Value::Int(400 - deleted));
    });
    assert_eq!(client.cmd("FLUSHALL"), Value::ok());
    assert_eq!(client.cmd("DBSIZE"), Value::Int(0));
    assert_eq!(counted(&proxy, "errors"), 1);
}

#[test]
fn a_flush_changes_watched_keys() {
    let proxy = ProxyBuilder::default().tenant("orders", "allow_flush = true").start();
    let (mut watcher, mut other) = (proxy.client(), proxy.client());
    for (key, executed) in [("present", false), ("absent", true)] {
        other.cmd("SET present v");
        assert_eq!(watcher.cmd(&format!("WATCH {key}")), Value::ok());
        assert_eq!(other.cmd("FLUSHALL"), Value::ok());
        watcher.cmd("MULTI");
        watcher.cmd("SET done v");
        assert_eq!(watcher.cmd("EXEC") != Value::Nil, executed, "{key}");
    }
}
