//! The last hour, a point every five seconds; quotas over time; what went wrong lately; who is connected.

use serde_json::{Value as Json, json};

use super::{MIB, send};
use crate::support::{Proxy, ProxyBuilder, Value, eventually};

fn numbers(series: &Json) -> Vec<f64> {
    series.as_array().unwrap().iter().map(|number| number.as_f64().unwrap_or(0.0)).collect()
}

/// Writes in a history: rates times the intervals before them. Times and rates are rounded.
fn writes(history: &Json) -> f64 {
    let (times, writes) = (numbers(&history["at_ms"]), numbers(&history["writes_per_s"]));
    let gaps = times.windows(2).map(|pair| (pair[1] - pair[0]) / 1e3);
    gaps.zip(writes.iter().skip(1)).map(|(gap, rate)| gap * rate).sum()
}

/// Waits until about 50 writes are in the history.
fn seen(proxy: &Proxy, path: &str) -> Json {
    eventually("the writes are in the history", || {
        Some(proxy.get(path)).filter(|history| (40.0..=60.0).contains(&writes(history)))
    })
}

#[test]
fn what_happened_is_in_the_history() {
    let proxy = ProxyBuilder::default().tenant("orders", "").tenant("carts", "").start();
    eventually("there is a first point", || {
        let history = proxy.get("/v1/tenants/orders/history");
        (!history["at_ms"].as_array().unwrap().is_empty()).then_some(())
    });
    let mut client = proxy.client();
    for i in 0..50 {
        assert_eq!(client.call(&["SET", &format!("k{i}"), "value"]), Value::ok());
        assert_eq!(client.call(&["GET", &format!("k{i}")]), Value::bulk("value"));
    }
    let history = seen(&proxy, "/v1/tenants/orders/history?last=5m");
    assert_eq!(history["tenant"], "orders");
    let times = numbers(&history["at_ms"]);
    assert!(times.is_sorted_by(|a, b| a < b));
    for (field, series) in history.as_object().unwrap() {
        if field != "tenant" {
            assert_eq!(series.as_array().unwrap().len(), times.len(), "{field}");
        }
    }
    assert!(numbers(&history["write_p99_us"]).iter().any(|us| *us > 0.0));
    assert!(numbers(&history["hit_ratio"]).iter().any(|ratio| *ratio > 0.0));
    let quota = *numbers(&history["quota_cache_bytes"]).last().unwrap();
    assert!((quota - (32 * MIB) as f64).abs() < 1.0, "{quota}");
    let total = seen(&proxy, "/v1/history");
    let quota = *numbers(&total["quota_cache_bytes"]).last().unwrap();
    assert!((quota - (64 * MIB) as f64).abs() < 1.0, "both: {quota}");
    assert!(numbers(&total["sparklines"]["orders"]).iter().any(|rate| *rate > 0.0));
    assert!(numbers(&total["sparklines"]["carts"]).iter().all(|rate| rate.abs() < 1e-9));
    let metrics = proxy.get("/metrics");
    assert!(metrics.as_str().unwrap().contains("hopperkv_admin_history_bytes "));
    for last in ["0s", "x", "-5m"] {
        let (_, answer) = proxy.api("GET", &format!("/v1/history?last={last}"), None);
        super::assert_problem(&answer, 422, "invalid");
    }
}

#[test]
fn quotas_over_time_show_a_change() {
    let proxy = ProxyBuilder::default().tenant("orders", "").tenant("carts", "").start();
    let shares = || proxy.get("/v1/allocator/shares?last=1h");
    eventually("there is a first time", || {
        (!shares()["at_ms"].as_array().unwrap().is_empty()).then_some(())
    });
    let body = json!({"read_units_per_s": 777.0});
    assert_eq!(proxy.api("PUT", "/v1/tenants/orders/quota", Some(&body)).0, 200);
    let (_, run) = proxy.api("POST", "/v1/allocator/runs", None);
    let shares = eventually("the change is seen", || {
        let shares = shares();
        let units = numbers(&shares["tenants"]["orders"]["read_units_per_s"]);
        units.last().is_some_and(|units| (units - 777.0).abs() < 1e-6).then_some(shares)
    });
    let times = shares["at_ms"].as_array().unwrap().len();
    for tenant in ["orders", "carts"] {
        for (resource, series) in shares["tenants"][tenant].as_object().unwrap() {
            assert_eq!(series.as_array().unwrap().len(), times, "{tenant} {resource}");
        }
    }
    let before = numbers(&shares["tenants"]["orders"]["read_units_per_s"])[0];
    assert!((before - 1e6).abs() < 1.0, "{before}");
    let mark = &shares["runs"][0];
    assert_eq!((&mark["id"], &mark["applied"]), (&run["id"], &run["applied"]));
}

#[test]
fn a_run_says_who_gives_what_to_whom() {
    let proxy = ProxyBuilder::default().tenant("orders", "").tenant("carts", "").start();
    // Back to base: what orders has too much goes, and what it lacks comes.
    let body = json!({"cache_bytes": 48 * MIB, "read_units_per_s": 1000.0, "pinned": false});
    assert_eq!(proxy.api("PUT", "/v1/tenants/orders/quota", Some(&body)).0, 200);
    let (status, run) = proxy.api("POST", "/v1/allocator/runs?dry_run=true&policy=static", None);
    assert_eq!(status, 200, "{run}");
    let of = |resource: &str| {
        let trades = run["trades"].as_array().unwrap().iter();
        trades.filter(|trade| trade["resource"] == resource).cloned().collect::<Vec<Json>>()
    };
    let cache = of("cache_bytes");
    assert_eq!(cache.len(), 1, "{run}");
    assert_eq!(
        (&cache[0]["from"], &cache[0]["amount"]),
        (&json!("orders"), &json!((16 * MIB) as f64))
    );
    let units = of("read_units_per_s");
    assert_eq!((&units[0]["to"], units[0].get("from")), (&json!("orders"), None));
    assert_eq!(of("net_bytes_per_s"), Vec::<Json>::new());
    let listed = proxy.get("/v1/allocator/runs?limit=1");
    assert_eq!(listed["runs"][0]["trades"], run["trades"]);
}

#[test]
fn what_was_refused_is_listed_with_who_asked() {
    let proxy = ProxyBuilder::default()
        .tenant_with(
            "orders",
            "cache = \"32MiB\"\nread_units = \"1m\"\nwrite_units = 1\nnet = \"10GB/s\"\nmax_wait = \"0s\"",
        )
        .start();
    assert_eq!(proxy.get("/v1/tenants/orders/errors"), json!({"errors": []}));
    let mut client = proxy.client();
    let id = client.cmd("CLIENT ID");
    eventually("a write is refused", || client.cmd("SET k v").is_error().then_some(()));
    assert!(client.cmd("SET k").is_error(), "a mistake of the client's is not listed");
    let errors = proxy.get("/v1/tenants/orders/errors")["errors"].clone();
    assert_eq!(errors.as_array().unwrap().len(), 1, "{errors}");
    assert_eq!(errors[0]["code"], "THROTTLED");
    assert!(errors[0]["text"].as_str().unwrap().contains("write_units"), "{errors}");
    assert_eq!(Value::Int(errors[0]["client"].as_i64().unwrap()), id);
    assert!(errors[0]["count"].as_u64().unwrap() >= 1);
}

#[test]
fn connected_clients_are_listed() {
    let proxy = Proxy::start();
    let mut client = proxy.client();
    assert_eq!(client.cmd("CLIENT SETNAME checkout"), Value::ok());
    assert_eq!(client.cmd("CLIENT SETINFO LIB-NAME redis-py"), Value::ok());
    assert_eq!(client.cmd("CLIENT SETINFO LIB-VER 5.0"), Value::ok());
    let _other = proxy.client();
    let list = proxy.get("/v1/tenants/orders/clients?limit=1");
    assert_eq!(list["total"], 2);
    assert_eq!(list["clients"].as_array().unwrap().len(), 1);
    let first = &list["clients"][0];
    assert_eq!((&first["name"], &first["library"]), (&json!("checkout"), &json!("redis-py 5.0")));
    assert!(first["address"].as_str().unwrap().starts_with("127.0.0.1:"), "{first}");
    assert!(first["last_command"].as_str().unwrap().starts_with("client"), "{first}");
    assert!(first["age_s"].as_f64().unwrap() >= first["idle_s"].as_f64().unwrap(), "{first}");
    let answer = send(proxy.admin, "GET", "/v1/tenants/orders/clients", &[], "");
    answer.assert_problem(401, "unauthorized");
}

#[test]
fn an_overview_says_what_a_tenant_does_and_is_short_of() {
    let proxy = ProxyBuilder::default()
        .server("drain_timeout = \"1s\"")
        .tenant("orders", "")
        .tenant_with(
            "slow",
            "cache = \"32MiB\"\nread_units = \"1m\"\nwrite_units = 2\nnet = \"10GB/s\"\nmax_wait = \"20s\"",
        )
        .start();
    let row = |name: &str| {
        let overview = proxy.get("/v1/overview");
        let rows = overview["tenants"].as_array().unwrap();
        rows.iter().find(|row| row["name"] == name).unwrap().clone()
    };
    assert_eq!(row("orders")["active"], false);
    assert!(row("orders").get("bottleneck").is_none());
    assert_eq!(row("orders")["quota"]["cache_bytes"], 32 * MIB);
    let mut slow = proxy.client_of("slow");
    for i in 0..40 {
        slow.send_command(&["SET", &format!("k{i}"), "v"]);
    }
    let waits = eventually("it waits for write units", || {
        Some(row("slow")).filter(|row| row["bottleneck"] == "write_units")
    });
    assert!(waits["waiting"]["write_units"].as_u64().unwrap() > 0, "{waits}");
    let mut client = proxy.client();
    let busy = eventually("orders is busy and lacks nothing", || {
        assert_eq!(client.cmd("SET a b"), Value::ok());
        Some(row("orders")).filter(|row| {
            row["rates"]["writes_per_s"].as_f64().unwrap() > 0.0 && row["bottleneck"] == "clients"
        })
    });
    assert_eq!((&busy["active"], &busy["clients"]), (&json!(true), &json!(1)));
    let overview = proxy.get("/v1/overview");
    assert_eq!(overview["totals"]["quota"]["cache_bytes"], 64 * MIB);
    assert_eq!(overview["state"]["storage"]["kind"], "embedded");
    let redis = &overview["state"]["redis"];
    assert_eq!((&redis["asleep"], &redis["down"]), (&json!(0), &json!(0)), "{redis}");
    eventually("memory in the caches is seen", || {
        (row("orders")["use"]["cache_bytes"].as_u64().unwrap() > 0).then_some(())
    });
}
