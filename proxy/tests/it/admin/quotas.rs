//! Quotas set by hand: in force in Redis and in the limits when the call returns.

use serde_json::json;

use super::{MIB, maxmemory};
use crate::support::{Proxy, ProxyBuilder, Value, encode, eventually};

const VALUE_BYTES: usize = 50_000;

/// A proxy whose storage knows every key, each with a large value.
fn large_values() -> Proxy {
    ProxyBuilder::default()
        .storage(&format!("kind = \"synthetic\"\nlatency = \"1ms\"\nvalue_bytes = {VALUE_BYTES}"))
        .tenant("orders", "")
        .start()
}

fn set_cache(proxy: &Proxy, cache_bytes: u64) {
    let body = json!({"cache_bytes": cache_bytes});
    let (status, set) = proxy.api("PUT", "/v1/tenants/orders/quota", Some(&body));
    assert_eq!(status, 200, "{set}");
    assert_eq!((&set["cache_bytes"], &set["pinned"]), (&json!(cache_bytes), &json!(true)));
    assert_eq!(proxy.get("/v1/tenants/orders/quota"), set);
}

/// Reads `count` keys, each once.
fn read_keys(proxy: &Proxy, count: usize) {
    let mut client = proxy.client();
    for chunk in (0..count).collect::<Vec<_>>().chunks(50) {
        let gets: Vec<Vec<u8>> =
            chunk.iter().map(|i| encode(&["GET", &format!("K{i:010}s16EY")])).collect();
        client.send(&gets.concat());
        for _ in chunk {
            match client.read() {
                Value::Bulk(value) => assert_eq!(value.len(), VALUE_BYTES),
                other => panic!("{other:?}"),
            }
        }
    }
}

fn used_memory(proxy: &Proxy) -> u64 {
    proxy.get("/v1/tenants/orders/stats")["cache"]["used_bytes"].as_u64().unwrap()
}

#[test]
fn a_filled_cache_shrinks_below_its_new_quota_and_grows_again() {
    let proxy = large_values();
    set_cache(&proxy, 64 * MIB);
    read_keys(&proxy, 1500);
    assert!(used_memory(&proxy) > 55 * MIB, "75 MB were read into 64 MiB");

    set_cache(&proxy, 20 * MIB);
    assert_eq!(maxmemory(&proxy, "orders"), 20 * MIB);
    let stats = proxy.get("/v1/tenants/orders/stats");
    assert_eq!(stats["cache"]["maxmemory_bytes"], 20 * MIB);
    assert!(stats["cache"]["evicted"].as_u64().unwrap() > 500, "{stats}");
    let used = eventually("the memory in use is below the quota", || {
        Some(used_memory(&proxy)).filter(|used| *used <= 20 * MIB)
    });
    assert!(used > 10 * MIB, "no more is evicted than needed: {used}");

    set_cache(&proxy, 96 * MIB);
    assert_eq!(maxmemory(&proxy, "orders"), 96 * MIB);
    read_keys(&proxy, 1500);
    assert!(used_memory(&proxy) > 70 * MIB, "the larger cache is used");
}

#[test]
fn rates_hold_at_once_and_what_is_left_out_stays() {
    let proxy = Proxy::start();
    let limit = |resource: &str| {
        let stats = proxy.get("/v1/tenants/orders/stats");
        stats["waits"][resource]["limit_per_s"].clone()
    };
    let body = json!({"read_units_per_s": 12.5, "net_bytes_per_s": 3e6});
    let (status, set) = proxy.api("PUT", "/v1/tenants/orders/quota", Some(&body));
    assert_eq!(status, 200, "{set}");
    assert_eq!(
        ["read_units", "write_units", "net"].map(limit),
        [json!(12.5), json!(1e6), json!(3e6)]
    );
    assert_eq!(set["cache_bytes"], 32 * MIB);
    assert_eq!(set["base"]["read_units_per_s"], 1e6, "the base is not touched");
}

#[test]
fn a_raised_limit_lets_waiting_requests_go() {
    let proxy = ProxyBuilder::default().tenant("orders", "max_wait = \"60s\"").start();
    let body = json!({"write_units_per_s": 0.001});
    assert_eq!(proxy.api("PUT", "/v1/tenants/orders/quota", Some(&body)).0, 200);
    let mut client = proxy.client();
    for i in 0..50 {
        client.send_command(&["SET", &format!("k{i}"), "v"]);
    }
    eventually("requests wait", || {
        let waits =
            proxy.get("/v1/tenants/orders/stats")["waits"]["write_units"]["waiting"].as_u64();
        waits.filter(|waiting| *waiting > 0)
    });
    let body = json!({"write_units_per_s": 1e6});
    assert_eq!(proxy.api("PUT", "/v1/tenants/orders/quota", Some(&body)).0, 200);
    for _ in 0..50 {
        assert_eq!(client.read(), Value::ok());
    }
    let wait = proxy.get("/v1/tenants/orders/stats")["waits"]["write_units"].clone();
    assert_eq!((&wait["waiting"], &wait["throttled"]), (&json!(0), &json!(0)), "{wait}");
    assert!(wait["waits"].as_u64().unwrap() > 0 && wait["waited_ms"].as_f64().unwrap() > 0.0);
}

#[test]
fn a_pinned_tenant_is_released_to_its_base_share() {
    let proxy = Proxy::start();
    let base = proxy.get("/v1/tenants/orders/quota");
    assert_eq!(base["pinned"], false);
    let quota = |body: serde_json::Value| {
        let (status, set) = proxy.api("PUT", "/v1/tenants/orders/quota", Some(&body));
        assert_eq!(status, 200, "{set}");
        set
    };
    let small = json!({"cache_bytes": 16 * MIB, "write_units_per_s": 5});
    for release in [None, Some(json!({"pinned": false}))] {
        let set = quota(small.clone());
        assert_eq!((set["pinned"].as_bool(), maxmemory(&proxy, "orders")), (Some(true), 16 * MIB));
        let released = match release {
            None => proxy.api("DELETE", "/v1/tenants/orders/quota", None).1,
            Some(body) => quota(body),
        };
        assert_eq!(released, base);
        assert_eq!(maxmemory(&proxy, "orders"), 32 * MIB);
    }
    // A pin alone keeps what is there, and a quota need not pin.
    assert_eq!(quota(json!({"pinned": true}))["pinned"], true);
    let set = quota(json!({"cache_bytes": 20 * MIB, "pinned": false}));
    assert_eq!((set["pinned"].as_bool(), maxmemory(&proxy, "orders")), (Some(false), 20 * MIB));
}
