//! Changes that meet: with each other, with clients, and with the allocator.

use std::net::SocketAddr;

use serde_json::json;

use super::{MIB, maxmemory, send, signed_in};
use crate::support::{Client, Port, Proxy, ProxyBuilder, Value, eventually};

fn body(name: &str) -> serde_json::Value {
    json!({"name": name, "password": "pw", "cache": "16MiB", "read_units": 1000, "write_units": 1000,
        "net": "10MB/s"})
}

/// Statuses of the same call made by many at once.
fn at_once(count: usize, call: impl Fn(usize) -> u16 + Sync) -> Vec<u16> {
    let mut statuses: Vec<u16> = std::thread::scope(|scope| {
        let call = &call;
        let callers: Vec<_> = (0..count).map(|i| scope.spawn(move || call(i))).collect();
        callers.into_iter().map(|caller| caller.join().unwrap()).collect()
    });
    statuses.sort_unstable();
    statuses
}

/// The status of a call with the token.
fn status(admin: SocketAddr, method: &str, path: &str, body: &serde_json::Value) -> u16 {
    let headers =
        [("authorization", "Bearer test-admin-token"), ("content-type", "application/json")];
    send(admin, method, path, &headers, &body.to_string()).status
}

#[test]
fn of_many_who_create_the_same_tenant_one_succeeds() {
    let proxy = Proxy::start();
    let admin = proxy.admin;
    for _ in 0..3 {
        let create = |_| status(admin, "POST", "/v1/tenants", &body("gamma"));
        assert_eq!(at_once(6, create), [201, 409, 409, 409, 409, 409]);
        assert_eq!(signed_in(&proxy, "gamma", "pw").cmd("SET a 1"), Value::ok());
        let remove = |_| status(admin, "DELETE", "/v1/tenants/gamma", &json!({}));
        assert_eq!(at_once(6, remove), [204, 404, 404, 404, 404, 404]);
    }
    let redis = crate::support::redis_servers_under(&proxy.data_dir());
    assert_eq!(redis, Vec::<String>::new(), "of the tenant that is left nobody has used it");
}

#[test]
fn tenants_created_side_by_side_all_survive_a_crash() {
    let mut proxy = Proxy::start();
    let admin = proxy.admin;
    let create = |i| status(admin, "POST", "/v1/tenants", &body(&format!("side{i}")));
    assert_eq!(at_once(6, create), [201; 6]);
    proxy.kill();
    proxy.restart();
    for i in 0..6 {
        assert_eq!(signed_in(&proxy, &format!("side{i}"), "pw").cmd("GET a"), Value::Nil);
    }
}

#[test]
fn a_tenant_can_be_replaced_again_and_again_on_the_same_port() {
    let proxy = Proxy::start();
    let port = Port::reserve();
    let mut body = body("gamma");
    body["port"] = json!(port.number);
    for round in 0..5 {
        let (status, created) = proxy.api("POST", "/v1/tenants", Some(&body));
        assert_eq!(status, 201, "{round}: {created}");
        let mut client = Client::connect(port.address());
        assert_eq!(client.cmd("AUTH pw"), Value::ok());
        assert_eq!(client.cmd(&format!("SET a {round}")), Value::ok());
        assert_eq!(client.cmd("GET a"), Value::bulk(round.to_string()));
        assert_eq!(proxy.api("DELETE", "/v1/tenants/gamma", None).0, 204);
        assert!(client.is_closed());
    }
    assert_eq!(proxy.api("GET", "/readyz", None).0, 200);
}

#[test]
fn clients_are_served_without_errors_while_quotas_change() {
    let proxy = ProxyBuilder::default().tenant("orders", "").tenant("carts", "").start();
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let clients: Vec<_> = ["orders", "carts"]
            .map(|tenant| {
                let (mut client, stop) = (proxy.client_of(tenant), &stop);
                scope.spawn(move || {
                    let value = "x".repeat(20_000);
                    let mut rounds = 0;
                    while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                        let key = format!("k{}", rounds % 400);
                        assert_eq!(client.call(&["SET", &key, &value]), Value::ok());
                        assert_eq!(client.call(&["GET", &key]), Value::bulk(&value));
                        rounds += 1;
                    }
                    rounds
                })
            })
            .into_iter()
            .collect();
        for round in 0..12_u64 {
            let quota = json!({"cache_bytes": (12 + (round % 3) * 20) * MIB});
            let tenant = if round % 2 == 0 { "orders" } else { "carts" };
            let path = format!("/v1/tenants/{tenant}/quota");
            assert_eq!(proxy.api("PUT", &path, Some(&quota)).0, 200);
            assert_eq!(maxmemory(&proxy, tenant), quota["cache_bytes"].as_u64().unwrap());
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        for client in clients {
            assert!(client.join().unwrap() > 0);
        }
    });
    for tenant in ["orders", "carts"] {
        let requests = proxy.get(&format!("/v1/tenants/{tenant}/stats"))["requests"].clone();
        assert_eq!((&requests["errors"], &requests["throttled"]), (&json!(0), &json!(0)));
    }
}

#[test]
fn a_tenant_removed_under_load_takes_only_its_own_clients_along() {
    let proxy = ProxyBuilder::default().tenant("orders", "").tenant("carts", "").start();
    let mut other = proxy.client_of("orders");
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..4)
            .map(|_| {
                let mut client = proxy.client_of("carts");
                scope.spawn(move || {
                    // Replies are right until the connection ends; none is wrong.
                    loop {
                        if client
                            .sender()
                            .send(&crate::support::encode(&["SET", "a", "1"]))
                            .is_err()
                        {
                            return;
                        }
                        match client.try_read() {
                            Some(reply) => assert_eq!(reply, Value::ok()),
                            None => return,
                        }
                    }
                })
            })
            .collect();
        eventually("the load is on", || {
            let stats = proxy.get("/v1/tenants/carts/stats");
            (stats["requests"]["writes"].as_u64().unwrap() > 20).then_some(())
        });
        assert_eq!(proxy.api("DELETE", "/v1/tenants/carts", None).0, 204);
        for client in clients {
            client.join().unwrap();
        }
    });
    assert_eq!(other.cmd("SET b 2"), Value::ok());
    assert_eq!(proxy.api("GET", "/readyz", None).0, 200);
}
