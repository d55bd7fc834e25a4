//! Storage fails: hits go on, the rest fails fast and clearly, nothing stale stays, and all is well again by itself.
//!
//! The proxy talks to a real endpoint through one that spoils requests on demand.

use std::time::{Duration, Instant};

use crate::support::{
    Client, Database, Fault, FaultEndpoint, Of, Proxy, ProxyBuilder, Value, eventually,
};

/// The `operation_timeout` of [`FaultEndpoint::lines`].
const OPERATION_TIMEOUT: Duration = Duration::from_secs(2);

const THROTTLED: Fault = Fault::Error(400, "ProvisionedThroughputExceededException");
const LIMITED: Fault = Fault::Error(400, "ThrottlingException");
const BROKEN: Fault = Fault::Error(500, "InternalServerError");

/// How the endpoint fails.
#[derive(Debug, Clone, Copy)]
enum Failing {
    By(Fault),
    Down,
}

impl Failing {
    fn begin(self, endpoint: &FaultEndpoint, of: Of) {
        match self {
            Self::By(fault) => endpoint.fail(of, fault),
            Self::Down => endpoint.go_down(),
        }
    }
}

struct Stack {
    proxy: Proxy,
    endpoint: FaultEndpoint,
    database: Database,
}

fn start() -> Stack {
    let database = Database::start();
    let endpoint = FaultEndpoint::before(database.endpoint());
    let proxy = ProxyBuilder::default()
        .storage(&endpoint.lines())
        .cache("kind = \"managed\"\nfence = \"2100ms\"\nlease = \"2100ms\"")
        .start();
    Stack { proxy, endpoint, database }
}

/// Runs a command and says how long it took.
fn timed(client: &mut Client, line: &str) -> (Value, Duration) {
    let started = Instant::now();
    let reply = client.cmd(line);
    (reply, started.elapsed())
}

/// Asserts an error that begins like this and came in time.
fn assert_fails_fast(client: &mut Client, line: &str, start: &str) {
    let (reply, took) = timed(client, line);
    assert!(reply.error().starts_with(start), "{line}: {reply:?}");
    assert!(took < OPERATION_TIMEOUT * 3, "{line} took {took:?}");
}

fn outages() -> [Failing; 6] {
    [
        Failing::Down,
        Failing::By(THROTTLED),
        Failing::By(LIMITED),
        Failing::By(BROKEN),
        Failing::By(Fault::Silent),
        Failing::By(Fault::Cut),
    ]
}

#[test]
fn hits_are_served_while_storage_is_gone_and_the_rest_fails_fast() {
    const FAIL: [&str; 10] = [
        "GET cold#",
        "MGET hot cool#",
        "EXISTS cool#",
        "TTL cold#",
        "INCR counter#",
        "SET other x",
        "DEL hot2",
        "MSET a 1 b 2",
        "MSETNX c 1 d 2",
        "SETNX e 1",
    ];
    let stack = start();
    let Stack { proxy, endpoint, .. } = &stack;
    let mut clients = FAIL.map(|_| proxy.client());
    let mut client = proxy.client();
    assert_eq!(client.cmd("SET hot value"), Value::ok());
    for (n, outage) in outages().into_iter().enumerate() {
        outage.begin(endpoint, Of::All);
        for _ in 0..20 {
            assert_eq!(client.cmd("GET hot"), Value::bulk("value"), "{outage:?}");
        }
        let started = Instant::now();
        let lines = FAIL.map(|line| line.replace('#', &n.to_string()));
        for (client, line) in clients.iter_mut().zip(&lines) {
            client.send(format!("{line}\r\n").as_bytes());
        }
        for (client, line) in clients.iter_mut().zip(&lines) {
            let reply = client.read();
            assert!(
                reply.error().starts_with("UNAVAILABLE storage "),
                "{outage:?} {line}: {reply:?}"
            );
        }
        let took = started.elapsed();
        assert!(took < OPERATION_TIMEOUT * 3, "{outage:?}: {took:?}");
        assert_eq!(client.cmd("GET hot"), Value::bulk("value"), "{outage:?}");
        endpoint.heal();
        // No pause, no restart: the next request is served. The names are new in each round, as absence is remembered.
        assert_eq!(client.cmd(&lines[0]), Value::Nil, "{outage:?}");
        assert_eq!(client.cmd("SET fresh 1"), Value::ok(), "{outage:?}");
        assert_eq!(client.cmd("GET fresh"), Value::bulk("1"), "{outage:?}");
    }
}

#[test]
fn an_error_names_what_storage_said_once() {
    let stack = start();
    let Stack { proxy, endpoint, .. } = &stack;
    let mut client = proxy.client();
    endpoint.fail(Of::All, THROTTLED);
    let expected = "UNAVAILABLE storage throttled the request: \
                    ProvisionedThroughputExceededException (HTTP 400): made to fail";
    assert_eq!(client.cmd("GET a"), Value::Error(expected.to_owned()));
    assert_eq!(client.cmd("SET a 1"), Value::Error(expected.to_owned()));
    endpoint.fail(Of::All, BROKEN);
    assert_eq!(
        client.cmd("GET a"),
        Value::Error(String::from(
            "UNAVAILABLE storage is unavailable: InternalServerError (HTTP 500): made to fail"
        ))
    );
    assert_eq!(
        client.cmd("SET a 1"),
        Value::Error(String::from(
            "UNAVAILABLE storage did not confirm the write, which may have been applied: \
             InternalServerError (HTTP 500): made to fail"
        ))
    );
    endpoint.fail(Of::All, Fault::Error(400, "ValidationException"));
    let refused = "ERR storage refused the request: ValidationException (HTTP 400): made to fail";
    assert_eq!(client.cmd("SET a 1"), Value::Error(refused.to_owned()));
}

#[test]
fn a_throttled_request_is_tried_again_before_it_fails() {
    let stack = start();
    let Stack { proxy, endpoint, .. } = &stack;
    let mut client = proxy.client();
    endpoint.fail(Of::All, THROTTLED);
    let before = endpoint.counts();
    assert!(client.cmd("GET a").error().starts_with("UNAVAILABLE"));
    assert!(client.cmd("SET a 1").error().starts_with("UNAVAILABLE"));
    let after = endpoint.counts();
    assert_eq!((after.0 - before.0, after.1 - before.1), (2, 2), "max_attempts = 2");
}

#[test]
fn a_write_that_definitely_failed_leaves_value_and_expiry_everywhere() {
    let Stack { proxy, endpoint, database } = start();
    let mut client = proxy.client();
    for failing in [Failing::By(THROTTLED), Failing::By(LIMITED), Failing::Down] {
        for expiring in [true, false] {
            let set = if expiring { "SET k old PX 100000" } else { "SET k old" };
            assert_eq!(client.cmd(set), Value::ok());
            let expires_at_ms = client.cmd("PEXPIRETIME k").int();
            let stored = database.get("orders", "k");
            failing.begin(&endpoint, Of::Writes);
            // A write on a connection that was being cut is in doubt, rightly; wait until none of those is left.
            eventually("writes fail for certain", || {
                let failed = client.cmd("SET other x");
                (!failed.error().contains("may have been applied")).then_some(())
            });
            for write in
                ["SET k new", "DEL k", "APPEND k new", "PERSIST k", "EXPIRE k 7", "GETDEL k"]
            {
                if write == "PERSIST k" && !expiring {
                    continue;
                }
                assert_fails_fast(&mut client, write, "UNAVAILABLE storage ");
                assert_eq!(client.cmd("GET k"), Value::bulk("old"), "{failing:?} {write}");
                let in_cache = proxy.redis_cli("orders", &["PEXPIRETIME", "k"]);
                assert_eq!(in_cache.trim(), expires_at_ms.to_string(), "{failing:?} {write}");
                let value = proxy.redis_cli("orders", &["GET", "k"]);
                assert_eq!(value.trim(), "old", "{failing:?} {write}");
            }
            endpoint.heal();
            assert_eq!(database.get("orders", "k"), stored, "{failing:?}");
            assert_eq!(client.cmd("PEXPIRETIME k").int(), expires_at_ms);
        }
    }
}

#[test]
fn a_definitely_failed_write_of_an_absent_key_leaves_it_absent() {
    let Stack { proxy, endpoint, database } = start();
    let mut client = proxy.client();
    assert_eq!(client.cmd("GET k"), Value::Nil);
    endpoint.fail(Of::Writes, THROTTLED);
    for write in ["SET k v", "INCR k", "MSETNX k 1 l 2"] {
        assert_fails_fast(&mut client, write, "UNAVAILABLE storage ");
        assert_eq!(client.cmd("GET k"), Value::Nil);
    }
    endpoint.heal();
    assert_eq!(client.cmd("GET k"), Value::Nil);
    assert_eq!(database.get("orders", "k"), None);
}

/// Waits until a read has filled the cache again, then compares cache, client and storage.
fn assert_agrees(stack: &Stack, client: &mut Client, key: &str, what: &str) {
    let stored = stack.database.value("orders", key);
    let seen = |reply: Value| match reply {
        Value::Nil => None,
        other => Some(other.text()),
    };
    assert_eq!(seen(client.cmd(&format!("GET {key}"))), stored, "{what}: at once");
    if let Some(value) = &stored {
        eventually("the fence has gone and a read fills the cache", || {
            assert_eq!(seen(client.cmd(&format!("GET {key}"))), stored, "{what}: meanwhile");
            let cached = stack.proxy.redis_cli("orders", &["GET", key]);
            let filled = cached.trim() == value.as_str();
            assert!(filled || cached.trim().is_empty(), "{what}: cached {cached:?}");
            filled.then_some(())
        });
    }
    assert_eq!(seen(client.cmd(&format!("GET {key}"))), stored, "{what}: afterwards");
}

#[test]
fn an_unconfirmed_write_leaves_no_stale_entry() {
    let stack = start();
    let mut client = stack.proxy.client();
    let faults = [
        (Fault::AppliedThenCut, true),
        (Fault::AppliedThenSilent, true),
        (Fault::AppliedThenError, true),
        (Fault::Cut, false),
        (Fault::Silent, false),
        (BROKEN, false),
    ];
    for (n, (fault, applied)) in faults.into_iter().enumerate() {
        assert_eq!(client.cmd(&format!("SET k{n} old")), Value::ok());
        stack.endpoint.fail(Of::Writes, fault);
        let (reply, took) = timed(&mut client, &format!("SET k{n} new"));
        let unconfirmed =
            "UNAVAILABLE storage did not confirm the write, which may have been applied: ";
        assert!(reply.error().starts_with(unconfirmed), "{fault:?}: {reply:?}");
        assert!(took < OPERATION_TIMEOUT * 3, "{fault:?} took {took:?}");
        stack.endpoint.heal();
        let expected = if applied { "new" } else { "old" };
        let key = format!("k{n}");
        assert_eq!(stack.database.value("orders", &key).as_deref(), Some(expected), "{fault:?}");
        assert_eq!(client.cmd(&format!("GET k{n}")), Value::bulk(expected), "{fault:?}");
    }
    for (n, (fault, _)) in faults.into_iter().enumerate() {
        assert_agrees(&stack, &mut client, &format!("k{n}"), &format!("{fault:?}"));
        assert_eq!(client.cmd(&format!("SET k{n} last")), Value::ok());
        assert_eq!(client.cmd(&format!("GET k{n}")), Value::bulk("last"), "{fault:?}");
        assert_agrees(&stack, &mut client, &format!("k{n}"), &format!("{fault:?}, written again"));
    }
}

#[test]
fn an_unconfirmed_deletion_leaves_no_stale_entry() {
    let stack = start();
    let mut client = stack.proxy.client();
    for (fault, left) in
        [(Fault::AppliedThenCut, None), (Fault::Cut, Some("old")), (Fault::AppliedThenError, None)]
    {
        assert_eq!(client.cmd("SET k old"), Value::ok());
        stack.endpoint.fail(Of::Writes, fault);
        assert_fails_fast(&mut client, "DEL k", "UNAVAILABLE storage did not confirm the write");
        stack.endpoint.heal();
        assert_eq!(stack.database.value("orders", "k").as_deref(), left, "{fault:?}");
        assert_agrees(&stack, &mut client, "k", &format!("{fault:?}"));
    }
}

#[test]
fn a_write_that_arrives_after_it_was_given_up_is_seen_from_then_on() {
    let stack = start();
    let Stack { proxy, endpoint, database } = &stack;
    let mut client = proxy.client();
    assert_eq!(client.cmd("SET k old"), Value::ok());
    endpoint.fail(Of::Writes, Fault::Held);
    assert_fails_fast(&mut client, "SET k new", "UNAVAILABLE storage did not confirm the write");
    endpoint.heal();
    assert_eq!(endpoint.held(), 1, "a lost put is not sent again");
    for _ in 0..10 {
        assert_eq!(client.cmd("GET k"), Value::bulk("old"));
    }
    assert_eq!(endpoint.release(), 1);
    assert_eq!(database.value("orders", "k").as_deref(), Some("new"));
    assert_agrees(&stack, &mut client, "k", "the late write");
}

#[test]
fn an_expiry_survives_an_unconfirmed_write_that_was_not_applied() {
    let stack = start();
    let mut client = stack.proxy.client();
    assert_eq!(client.cmd("SET k old PX 100000"), Value::ok());
    let expires_at_ms = client.cmd("PEXPIRETIME k").int();
    stack.endpoint.fail(Of::Writes, Fault::Cut);
    assert_fails_fast(&mut client, "SET k new", "UNAVAILABLE storage did not confirm");
    stack.endpoint.heal();
    assert_eq!(client.cmd("PEXPIRETIME k").int(), expires_at_ms);
    assert_agrees(&stack, &mut client, "k", "with an expiry");
    let cached = stack.proxy.redis_cli("orders", &["PEXPIRETIME", "k"]);
    assert_eq!(cached.trim(), expires_at_ms.to_string());
}

#[test]
fn nothing_hangs_when_storage_answers_nothing() {
    let stack = start();
    let Stack { proxy, endpoint, .. } = &stack;
    let mut clients: Vec<_> = (0..40).map(|_| proxy.client()).collect();
    endpoint.fail(Of::All, Fault::Silent);
    let started = Instant::now();
    for (n, client) in clients.iter_mut().enumerate() {
        for i in 0..2 {
            client.send_command(&["GET", &format!("cold{n}:{i}")]);
            client.send_command(&["SET", &format!("new{n}:{i}"), "v"]);
            client.send_command(&["GET", "one-for-all"]);
        }
        client.send_command(&["PING"]);
    }
    for client in &mut clients {
        for _ in 0..6 {
            let reply = client.read();
            assert!(reply.error().starts_with("UNAVAILABLE storage "), "{reply:?}");
        }
        assert_eq!(client.read(), Value::Simple(String::from("PONG")));
    }
    let took = started.elapsed();
    // The requests of a client on one key follow each other: two operations, each at most its time-out.
    assert!(took < OPERATION_TIMEOUT * 2 + Duration::from_secs(3), "took {took:?}");
    endpoint.heal();
    for client in &mut clients {
        assert_eq!(client.cmd("SET one-for-all 1"), Value::ok());
    }
    assert_eq!(clients[0].cmd("GET one-for-all"), Value::bulk("1"));
}

#[test]
fn a_multi_key_write_in_doubt_leaves_nothing_stale() {
    let stack = start();
    let mut client = stack.proxy.client();
    // A transaction is sent again under its token, so both attempts must fail for doubt to remain.
    for (fault, applied) in [(Fault::AppliedThenCut, true), (Fault::Cut, false)] {
        let (a, b) = (format!("a{applied}"), format!("b{applied}"));
        assert_eq!(
            client.cmd(&format!("MGET {a} {b}")),
            Value::Array(vec![Value::Nil, Value::Nil])
        );
        stack.endpoint.fail(Of::Writes, fault);
        let write = format!("MSETNX {a} 1 {b} 2");
        assert_fails_fast(&mut client, &write, "UNAVAILABLE storage did not confirm");
        stack.endpoint.heal();
        for key in [&a, &b] {
            assert_eq!(stack.database.get("orders", key).is_some(), applied, "{fault:?}");
            assert_agrees(&stack, &mut client, key, &format!("{fault:?}"));
        }
    }
}

#[test]
fn the_basics_hold_against_dynalite() {
    let Some(executable) = std::env::var_os("HOPPERKV_DYNALITE") else {
        println!("skipped: set HOPPERKV_DYNALITE to dynalite's executable to run this");
        return;
    };
    let dynalite = Dynalite::start(&executable);
    let proxy = ProxyBuilder::default().storage(&dynalite.lines()).start();
    let mut client = proxy.client();
    assert_eq!(client.cmd("GET k"), Value::Nil);
    assert_eq!(client.cmd("SET k v"), Value::ok());
    assert_eq!(client.cmd("GET k"), Value::bulk("v"));
    assert_eq!(client.call(&[b"SET".as_slice(), b"\0\xff", b"\r\n\0\xfe"]), Value::ok());
    proxy.redis_cli("orders", &["FLUSHDB"]);
    assert_eq!(client.cmd("GET k"), Value::bulk("v"));
    assert_eq!(client.call(&[b"GET".as_slice(), b"\0\xff"]), Value::bulk(b"\r\n\0\xfe"));
    assert_eq!(client.cmd("EXPIRE k 100"), Value::Int(1));
    let at = client.cmd("PEXPIRETIME k");
    proxy.redis_cli("orders", &["FLUSHDB"]);
    assert_eq!(client.cmd("PEXPIRETIME k"), at);
    assert_eq!(client.cmd("PEXPIRE k 1"), Value::Int(1));
    eventually("the key has expired", || (client.cmd("GET k") == Value::Nil).then_some(()));
    assert_eq!(client.cmd("DEL k"), Value::Int(0));
    assert_eq!(client.cmd("SET gone 1"), Value::ok());
    assert_eq!(client.cmd("DEL gone"), Value::Int(1));
    proxy.redis_cli("orders", &["FLUSHDB"]);
    assert_eq!(client.cmd("GET gone"), Value::Nil);
    assert_eq!(client.cmd("INCR n"), Value::Int(1));
    assert_eq!(client.cmd("INCR n"), Value::Int(2));
    let large = vec![b'x'; 300_000];
    assert_eq!(client.call(&[b"SET".as_slice(), b"large", &large]), Value::ok());
    proxy.redis_cli("orders", &["FLUSHDB"]);
    assert_eq!(client.cmd("GET large"), Value::Bulk(large));
}

/// An endpoint that shares no code with the embedded one.
struct Dynalite {
    child: std::process::Child,
    port: crate::support::Port,
}

impl Dynalite {
    fn start(executable: &std::ffi::OsStr) -> Self {
        let port = crate::support::Port::reserve();
        let child = std::process::Command::new(executable)
            .args(["--port", &port.number.to_string(), "--createTableMs", "20"])
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let started = Self { child, port };
        eventually("dynalite listens", || {
            std::net::TcpStream::connect(started.port.address()).ok()
        });
        started
    }

    fn lines(&self) -> String {
        let endpoint = self.port.address();
        format!("kind = \"dynamodb\"\nendpoint = \"http://{endpoint}\"\ncreate_tables = true")
    }
}

impl Drop for Dynalite {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
