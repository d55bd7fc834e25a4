//! Server-sent events over a plain socket: in order, bounded, and over when the proxy is.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;

use nix::sys::signal::Signal;
use serde_json::Value as Json;

use crate::support::{PATIENCE, Proxy, ProxyBuilder, Value, eventually};

/// One who listens.
pub(super) struct Listener {
    reader: BufReader<TcpStream>,
}

impl Listener {
    /// Asks for events and reads the head of the answer.
    pub(super) fn open(proxy: &Proxy, query: &str) -> Self {
        let mut socket = TcpStream::connect(proxy.admin).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(
            socket,
            "GET /v1/events{query} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer test-admin-token\r\n\r\n"
        )
        .unwrap();
        let mut listener = Self { reader: BufReader::new(socket) };
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(listener.reader.read_line(&mut head).unwrap() > 0, "{head}");
        }
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        assert!(head.contains("content-type: text/event-stream"), "{head}");
        listener
    }

    /// The next event and its data; `None` when the stream has ended.
    pub(super) fn next(&mut self) -> Option<(String, Json)> {
        let mut event = String::new();
        let mut line = String::new();
        loop {
            line.clear();
            if self.reader.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            // Lines between events are lengths of chunks.
            if let Some(name) = line.strip_prefix("event: ") {
                event = name.trim().to_owned();
            } else if let Some(data) = line.strip_prefix("data: ") {
                return Some((event, serde_json::from_str(data).unwrap()));
            }
        }
    }

    /// The next event of this kind.
    pub(super) fn next_of(&mut self, kind: &str) -> Json {
        loop {
            let (event, data) =
                self.next().unwrap_or_else(|| panic!("the stream ended before {kind}"));
            if event == kind {
                return data;
            }
        }
    }
}

fn listeners(proxy: &Proxy) -> u64 {
    let metrics = proxy.get("/metrics");
    let line =
        metrics.as_str().unwrap().lines().find(|l| l.starts_with("hopperkv_admin_listeners "));
    line.unwrap().rsplit_once(' ').unwrap().1.parse().unwrap()
}

#[test]
fn overviews_come_in_order_and_say_what_the_overview_says() {
    let proxy = Proxy::start();
    let mut listener = Listener::open(&proxy, "");
    let mut last_ms = 0;
    for _ in 0..3 {
        let (event, data) = listener.next().unwrap();
        assert_eq!(event, "overview");
        let at_ms = data["at_ms"].as_u64().unwrap();
        assert!(at_ms > last_ms, "{at_ms} after {last_ms}");
        last_ms = at_ms;
        assert_eq!(data["tenants"][0]["name"], "orders");
        assert_eq!(data["instance"], proxy.get("/v1/session")["instance"]);
    }
}

#[test]
fn a_tenant_is_told_of_until_it_is_removed() {
    let proxy = ProxyBuilder::default().tenant("orders", "").tenant("carts", "").start();
    let mut listener = Listener::open(&proxy, "?tenant=carts");
    assert_eq!(listener.next().unwrap().0, "overview");
    let (event, data) = listener.next().unwrap();
    assert_eq!((event.as_str(), &data["tenant"]), ("tenant", &Json::from("carts")));
    let mut client = proxy.client_of("carts");
    assert_eq!(client.cmd("SET a b"), Value::ok());
    eventually("the write is told of", || {
        (listener.next_of("tenant")["requests"]["writes"] == 1).then_some(())
    });
    assert_eq!(proxy.api("DELETE", "/v1/tenants/carts", None).0, 204);
    assert_eq!(listener.next_of("tenant_removed")["tenant"], "carts");
    eventually("it is not in the overview", || {
        (listener.next_of("overview")["tenants"].as_array().unwrap().len() == 1).then_some(())
    });
    let answer = proxy.api("GET", "/v1/events?tenant=carts", None);
    super::assert_problem(&answer.1, 404, "not_found");
}

#[test]
fn runs_are_told_of_by_number() {
    let proxy = Proxy::start();
    let mut listener = Listener::open(&proxy, "");
    listener.next_of("overview");
    for query in ["?dry_run=true", ""] {
        let (_, run) = proxy.api("POST", &format!("/v1/allocator/runs{query}"), None);
        assert_eq!(listener.next_of("run"), serde_json::json!({"id": run["id"]}));
    }
}

#[test]
fn the_stream_ends_when_the_proxy_does() {
    let mut proxy = Proxy::start();
    let (mut one, mut other) =
        (Listener::open(&proxy, ""), Listener::open(&proxy, "?tenant=orders"));
    one.next_of("overview");
    other.next_of("tenant");
    assert_eq!(listeners(&proxy), 2);
    // A third does not read at all, and holds nobody up.
    let _silent = Listener::open(&proxy, "");
    proxy.signal(Signal::SIGTERM);
    while one.next().is_some() {}
    while other.next().is_some() {}
    assert_eq!(proxy.wait().code(), Some(0));
}

#[test]
fn who_does_not_read_is_not_written_for_without_end() {
    let names = (0..150).map(|i| format!("tenant{i:03}"));
    let proxy = names.fold(ProxyBuilder::default(), |all, name| all.tenant(&name, "")).start();
    let slow: Vec<Listener> = (0..20).map(|_| Listener::open(&proxy, "")).collect();
    let mut quick = Listener::open(&proxy, "");
    // An overview of 150 tenants is about 100 KB: after these the sockets of those who do not read are full.
    for _ in 0..5 {
        quick.next_of("overview");
    }
    let before = rss_bytes(&proxy);
    for _ in 0..8 {
        quick.next_of("overview");
    }
    let grown = rss_bytes(&proxy).saturating_sub(before);
    // What was written out is shared by all; what is kept for each is what its connection holds anyway.
    assert!(grown < 16 << 20, "{grown} bytes");
    drop(slow);
    eventually("their places are free", || (listeners(&proxy) == 1).then_some(()));
}

#[test]
fn there_are_places_for_64() {
    let proxy = Proxy::start();
    let all: Vec<Listener> = (0..64).map(|_| Listener::open(&proxy, "")).collect();
    let (status, answer) = proxy.api("GET", "/v1/events", None);
    assert_eq!(status, 503, "{answer}");
    assert!(super::assert_problem(&answer, 503, "unavailable").contains("64"));
    drop(all);
    eventually("there are places again", || (listeners(&proxy) == 0).then_some(()));
    Listener::open(&proxy, "").next_of("overview");
}

fn rss_bytes(proxy: &Proxy) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", proxy.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
}
