//! Reads of many clients at once, through as many connections to Redis as are needed: every reply is the right one and
//! in its place, whether the connections can be had or not.

use std::thread;

use crate::support::{Client, Proxy, ProxyBuilder, RedisServer, Value};

/// Clients that read at once, and reads that each sends before it reads a reply.
const CLIENTS: usize = 12;
const DEPTH: usize = 400;
const KEYS: usize = 1000;

fn proxy_on(redis: &RedisServer) -> Proxy {
    ProxyBuilder::default()
        .server("workers = 1")
        .storage("kind = \"embedded\"")
        .cache("kind = \"dedicated\"")
        .tenant("orders", &format!("redis = \"{}\"", redis.url()))
        .start()
}

fn connected(redis: &RedisServer) -> usize {
    let info = redis.cli(&["INFO", "clients"]);
    let line = info.lines().find_map(|line| line.strip_prefix("connected_clients:"));
    line.and_then(|count| count.trim().parse().ok()).expect("a number of clients")
}

fn fill(client: &mut Client) {
    for key in 0..KEYS {
        client.send_command(&["SET".into(), format!("k{key}"), format!("value of {key}")]);
    }
    for _ in 0..KEYS {
        assert_eq!(client.read(), Value::ok());
    }
}

/// All clients send all their reads, a write of one's own key among them, and only then look at the replies.
fn read_all_at_once(proxy: &Proxy) {
    let clients: Vec<Client> = (0..CLIENTS).map(|_| proxy.client()).collect();
    thread::scope(|scope| {
        for (number, mut client) in clients.into_iter().enumerate() {
            scope.spawn(move || {
                let key = |n: usize| (number * 131 + n * 7) % KEYS;
                for n in 0..DEPTH {
                    if n == DEPTH / 2 {
                        client.send_command(&["APPEND".into(), format!("own{number}"), ".".into()]);
                        client.send_command(&["GET".into(), format!("own{number}")]);
                    }
                    let name = if n % 2 == 0 { "GET" } else { "GETRANGE" };
                    let mut words = vec![name.to_owned(), format!("k{}", key(n))];
                    if n % 2 == 1 {
                        words.extend(["0".to_owned(), "-1".to_owned()]);
                    }
                    client.send_command(&words);
                }
                for n in 0..DEPTH {
                    if n == DEPTH / 2 {
                        let length = usize::try_from(client.read().int()).unwrap();
                        assert_eq!(client.read(), Value::bulk(".".repeat(length)));
                    }
                    assert_eq!(client.read(), Value::bulk(format!("value of {}", key(n))));
                }
            });
        }
    });
}

#[test]
fn many_reads_at_once_open_further_connections_and_come_back_in_order() {
    let redis = RedisServer::start(None);
    let proxy = proxy_on(&redis);
    fill(&mut proxy.client());
    let before = connected(&redis);
    for _ in 0..5 {
        read_all_at_once(&proxy);
    }
    let after = connected(&redis);
    assert!(after > before, "{before} connections before, {after} after");
    // Seven besides the first, and the control connection that may come and go.
    assert!(after <= before + 8, "{before} connections before, {after} after");
}

#[test]
fn where_redis_takes_no_further_connections_one_does_all() {
    let redis = RedisServer::start(None);
    let proxy = proxy_on(&redis);
    let mut client = proxy.client();
    fill(&mut client);
    // The one that asks counts as well.
    let most = connected(&redis) - 1;
    assert_eq!(redis.cli(&["CONFIG", "SET", "maxclients", &most.to_string()]), "OK");
    for _ in 0..3 {
        read_all_at_once(&proxy);
    }
    assert_eq!(client.cmd("SET k0 v"), Value::ok());
    assert_eq!(client.cmd("GET k0"), Value::bulk("v"));
    let tenant = proxy.get("/v1/tenants/orders");
    assert_eq!(tenant["cache_serving"], true, "{tenant}");
}
