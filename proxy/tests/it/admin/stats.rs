//! Statistics: counters that are exact, hot keys that are right, curves that rise with nothing but misses.

use serde_json::json;

use super::MIB;
use crate::support::{Client, Proxy, ProxyBuilder, Value, effort, encode, eventually};

fn requests(proxy: &Proxy, field: &str) -> u64 {
    proxy.get("/v1/tenants/orders/stats")["requests"][field].as_u64().unwrap()
}

fn key(number: usize) -> String {
    format!("K{number:010}s16EY")
}

/// Storage that knows every key and takes `latency` to say so; one worker, so that sampling is exact.
fn synthetic(latency: &str, allocator: &str) -> Proxy {
    ProxyBuilder::default()
        .server("workers = 1")
        .storage(&format!("kind = \"synthetic\"\nlatency = \"{latency}\"\nvalue_bytes = 500"))
        .cache("kind = \"managed\"\nnegative_ttl = \"60s\"")
        .allocator(&format!("enabled = false\n{allocator}"))
        .tenant("orders", "")
        .start()
}

#[test]
fn counters_are_exact_after_a_known_sequence() {
    let proxy = synthetic("1s", "");
    // Ten clients miss the same key while storage thinks: one storage read.
    let mut clients: Vec<Client> = (0..10).map(|_| proxy.client()).collect();
    for client in &mut clients {
        client.send_command(&["GET", &key(1)]);
    }
    for client in &mut clients {
        assert_eq!(client.read().text().len(), 500);
    }
    let client = &mut clients[0];
    for _ in 0..5 {
        assert_eq!(client.call(&["GET", &key(1)]).text().len(), 500);
    }
    // Absent: one storage read, then a negative entry.
    for _ in 0..3 {
        assert_eq!(client.cmd("GET nowhere"), Value::Nil);
    }
    // Two writes and a deletion; the value of the second stays in the cache.
    assert_eq!(client.cmd("SET a first"), Value::ok());
    assert_eq!(client.cmd("SET a second"), Value::ok());
    assert_eq!(client.cmd("GET a"), Value::bulk("second"));
    assert_eq!(client.call(&["DEL", &key(1)]), Value::Int(1));
    assert_eq!(client.cmd("PING"), Value::Simple(String::from("PONG")));

    let stats = proxy.get("/v1/tenants/orders/stats");
    let requests = &stats["requests"];
    let want = json!({
        "reads": 10 + 5 + 3 + 1,
        "hits": 9 + 5 + 2 + 1,
        "misses": 1 + 1,
        "coalesced": 9,
        "negative_hits": 2,
        "writes": 3,
        "throttled": 0,
        "errors": 0,
        "bypassed": 0,
        // 15 reads of 16 + 500 bytes, three of an absent key, one of "a".
        "read_bytes": 15 * 516 + 3 * 7 + 1 + 6,
        "written_bytes": 1 + 5 + 1 + 6 + 16,
        "milli_read_units_if_missed": 19 * 1000,
        "milli_read_units": 2 * 1000,
        "milli_write_units": 3 * 1000,
    });
    for (field, want) in want.as_object().unwrap() {
        assert_eq!(&requests[field], want, "{field} of {requests}");
    }
    assert_eq!(stats["clients"], 10);
    assert_eq!(stats["latency_us"]["write"]["count"], 3);
    let (hit, miss) = (&stats["latency_us"]["hit"], &stats["latency_us"]["miss"]);
    assert_eq!(hit["count"].as_u64().unwrap() + miss["count"].as_u64().unwrap(), 19);
    assert!(miss["max"].as_u64().unwrap() >= 1_000_000, "storage takes a second: {miss}");
    for of in [hit, miss] {
        let at = |field: &str| of[field].as_u64().unwrap();
        let quantiles = ["p50", "p90", "p99", "p999", "max"].map(at);
        assert!(quantiles.is_sorted(), "{of}");
    }
    drop(clients);
    eventually("the clients are gone", || {
        (proxy.get("/v1/tenants/orders/stats")["clients"] == 0).then_some(())
    });
}

#[test]
fn rates_follow_the_counters() {
    let proxy = synthetic("1ms", "");
    let rates = || proxy.get("/v1/tenants/orders/stats")["rates"].clone();
    eventually("counters were read once", || {
        (rates()["over_s"].as_f64().unwrap() > 0.0).then_some(())
    });
    let mut client = proxy.client();
    for _ in 0..100 {
        client.call(&["GET", &key(1)]);
    }
    let seen = eventually("the rates see the reads", || {
        Some(rates()).filter(|rates| rates["reads_per_s"].as_f64().unwrap() > 0.0)
    });
    let at = |field: &str| seen[field].as_f64().unwrap();
    assert!((at("reads_per_s") * at("over_s") - 100.0).abs() < 1e-6, "{seen}");
    assert!((at("hits_per_s") * at("over_s") - 99.0).abs() < 1e-6, "{seen}");
    assert!((at("hit_ratio") - 0.99).abs() < 1e-12, "{seen}");
    if effort(0, 1) > 0 {
        eventually("they look back ten seconds", || {
            (rates()["reads_per_s"] == 0.0 && rates()["hit_ratio"].is_null()).then_some(())
        });
    }
}

#[test]
fn hot_keys_are_found_and_shown_with_their_bytes() {
    let proxy = synthetic("1ms", "");
    let mut client = proxy.client();
    // Every third read is of the hot key; 3 and the sketch's sampling have no common factor.
    for i in 0..1920 {
        let name = if i % 3 == 0 { b"hot\xff\n".to_vec() } else { key(i).into_bytes() };
        client.call(&[b"GET".to_vec(), name]);
    }
    let stats = proxy.get("/v1/tenants/orders/stats");
    let hot = &stats["hot_keys"][0];
    assert_eq!(hot["key"], "hot\\xff\\n");
    assert_eq!(hot["key_base64"], "aG90/wo=");
    let reads = hot["reads"].as_u64().unwrap();
    assert!((608..=672).contains(&reads), "640 reads, one in 32 sampled: {reads}");
    let all = stats["hot_keys"].as_array().unwrap();
    assert_eq!(all.len(), 20);
    assert!(all.iter().skip(1).all(|other| other["reads"] == 32), "{all:?}");
}

#[test]
fn a_curve_shows_where_the_working_set_fits() {
    let proxy = synthetic("1ms", "min_cache = \"2MiB\"");
    let empty = proxy.get("/v1/tenants/orders/curve");
    assert_eq!((&empty["bytes"], &empty["sampled_reads"]), (&json!([]), &json!(0)));
    // 8000 keys in turn, four times: all misses where they do not fit, only first reads miss where they do.
    let mut client = proxy.client();
    for _ in 0..4 {
        for chunk in (0..8000).collect::<Vec<_>>().chunks(200) {
            let gets: Vec<Vec<u8>> = chunk.iter().map(|i| encode(&["GET", &key(*i)])).collect();
            client.send(&gets.concat());
            for _ in chunk {
                assert!(!client.read().is_error());
            }
        }
    }
    assert_eq!(requests(&proxy, "reads"), 32_000);
    assert_eq!(requests(&proxy, "misses"), 8000);
    assert_eq!(proxy.api("POST", "/v1/allocator/runs", None).0, 200);
    let curve = proxy.get("/v1/tenants/orders/curve");
    assert_eq!(curve["sampled_reads"], 32_000);
    assert_eq!(curve["tracked_keys"], 8000);
    let numbers = |field: &str| -> Vec<f64> {
        curve[field].as_array().unwrap().iter().map(|n| n.as_f64().unwrap()).collect()
    };
    let (bytes, misses) = (numbers("bytes"), numbers("miss_ratio"));
    assert_eq!(bytes.len(), misses.len());
    assert!(bytes.is_sorted() && bytes.len() > 10, "{bytes:?}");
    assert!(misses.is_sorted_by(|a, b| a >= b), "{misses:?}");
    assert!(misses[0] > 0.99, "nothing fits: {misses:?}");
    let last = misses.last().unwrap();
    assert!((last - 0.25).abs() < 0.01, "everything fits: {last}");
    let knee = bytes.iter().zip(&misses).find(|(_, miss)| **miss < 0.5).unwrap().0;
    // 516 bytes of key and value and about a hundred of overhead, 8000 times, above an empty Redis.
    assert!((4.0e6..9.0e6).contains(knee), "{knee}");
    let current = &curve["current"];
    assert_eq!(current["cache_bytes"], 32 * MIB);
    assert!((current["predicted_miss_ratio"].as_f64().unwrap() - 0.25).abs() < 0.01);
    let measured = current["measured_miss_ratio"].as_f64().unwrap();
    assert!((measured - 0.25).abs() < 0.02, "{measured}");
}
