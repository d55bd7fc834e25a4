//! `/metrics` can be scraped, and says what `stats` says.

use super::exposition::Exposition;
use super::{MIB, send};
use crate::support::{Proxy, ProxyBuilder, Value};

fn scrape(proxy: &Proxy) -> Exposition {
    let token = [("authorization", "Bearer test-admin-token")];
    let answer = send(proxy.admin, "GET", "/metrics", &token, "");
    assert_eq!(answer.status, 200);
    assert_eq!(answer.content_type, "text/plain; version=0.0.4; charset=utf-8");
    Exposition::read(answer.body.as_str().unwrap())
}

#[test]
fn metrics_are_well_formed_and_agree_with_stats() {
    let proxy = ProxyBuilder::default().tenant("orders", "").tenant("carts", "").start();
    let mut client = proxy.client();
    for i in 0..20 {
        assert_eq!(client.cmd(&format!("SET k{i} value{i}")), Value::ok());
        assert_eq!(client.cmd(&format!("GET k{i}")), Value::bulk(format!("value{i}")));
        assert_eq!(client.cmd(&format!("GET absent{i}")), Value::Nil);
    }
    assert!(client.cmd("AUTH orders wrong").is_error());
    let mut carts = proxy.client_of("carts");
    assert_eq!(carts.cmd("SET a 1"), Value::ok());
    assert_eq!(proxy.api("POST", "/v1/allocator/runs", None).0, 200);

    let scrape = scrape(&proxy);
    for tenant in ["orders", "carts"] {
        let stats = proxy.get(&format!("/v1/tenants/{tenant}/stats"));
        let of = ("tenant", tenant);
        let same = |name: &str, labels: &[(&str, &str)], pointer: &str| {
            let labels: Vec<_> = std::iter::once(of).chain(labels.iter().copied()).collect();
            let (metric, stat) = (scrape.value(name, &labels), stats.pointer(pointer));
            assert_eq!(Some(metric), stat.and_then(serde_json::Value::as_f64), "{name} {labels:?}");
        };
        for (kind, field) in [("hit", "hits"), ("miss", "misses"), ("write", "writes")] {
            let pointer = format!("/requests/{field}");
            same("hopperkv_requests_total", &[("kind", kind)], &pointer);
            let pointer = format!("/latency_us/{kind}/count");
            same("hopperkv_request_latency_seconds_count", &[("kind", kind)], &pointer);
        }
        for (name, field) in [
            ("commands_total", "commands"),
            ("reads_coalesced_total", "coalesced"),
            ("reads_negative_total", "negative_hits"),
            ("absent_total", "absent"),
            ("throttled_total", "throttled"),
            ("errors_total", "errors"),
            ("cache_bypassed_total", "bypassed"),
        ] {
            same(&format!("hopperkv_{name}"), &[], &format!("/requests/{field}"));
        }
        for kind in ["read", "written", "storage"] {
            let pointer = format!("/requests/{kind}_bytes");
            same("hopperkv_bytes_total", &[("kind", kind)], &pointer);
        }
        for resource in ["read_units", "write_units", "net"] {
            let labels = [("resource", resource)];
            same("hopperkv_limit_waits_total", &labels, &format!("/waits/{resource}/waits"));
            same("hopperkv_quota", &labels, &format!("/waits/{resource}/limit_per_s"));
        }
        same("hopperkv_tenant_clients", &[], "/clients");
        same("hopperkv_cache_maxmemory_bytes", &[], "/cache/maxmemory_bytes");
    }
    let orders = [("tenant", "orders"), ("kind", "write")];
    assert_eq!(scrape.whole("hopperkv_requests_total", &orders), 20);
    let cache = [("tenant", "orders"), ("resource", "cache")];
    assert_eq!(scrape.whole("hopperkv_quota", &cache), 32 * MIB);
    assert_eq!(scrape.whole("hopperkv_logins_denied_total", &[]), 1);
    assert_eq!(scrape.whole("hopperkv_connections_accepted_total", &[]), 2);
    assert_eq!(scrape.whole("hopperkv_tenants", &[]), 2);
    let runs = |applied| scrape.whole("hopperkv_allocator_runs_total", &[("applied", applied)]);
    assert_eq!((runs("true"), runs("false")), (0, 1));
}

#[test]
fn every_metric_of_the_operations_guide_exists() {
    let proxy = ProxyBuilder::default().tenant("orders", "near_cache = \"1MiB\"").start();
    // Its latencies and its Redis's memory are there from the first use on.
    assert_eq!(proxy.client().cmd("SET k v"), Value::ok());
    let scrape = scrape(&proxy);
    let guide = include_str!("../../../../docs/operations.md");
    let watch = guide.split("## Watch").nth(1).unwrap().split("Worth an alert").next().unwrap();
    let rows = watch.lines().filter(|line| line.starts_with("| `"));
    let cells = rows.map(|line| line.split('|').nth(1).unwrap());
    let mut found = 0;
    for name in cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)) {
        let name = name.split('{').next().unwrap().trim();
        // What a run brings is there after the first run, a boost while there is one.
        let later = [
            "allocator_last_run",
            "allocator_runs_by_reason",
            "allocator_improve",
            "allocator_pre",
            "allocator_mea",
            "quota_boost",
        ];
        if name.is_empty() || later.iter().any(|start| name.starts_with(start)) {
            continue;
        }
        found += 1;
        let known = scrape.families().contains_key(&format!("hopperkv_{name}"));
        assert!(known, "{name} is in the guide, not in /metrics");
    }
    assert!(found > 25, "{found} metrics in the guide");
}
