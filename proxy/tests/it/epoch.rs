//! The allocator on a running proxy: decisions from real traffic, put in place without overcommitting anything.

mod course;
mod failures;
mod load;
mod runs;
mod terms;

use serde_json::{Value as Json, json};

use crate::admin::{MIB, maxmemory};
use crate::support::{Proxy, ProxyBuilder};
use load::read_evenly;

/// Base cache of every tenant here.
const BASE_BYTES: u64 = 24 * MIB;
/// Keys of `alpha`: far fewer than its base cache holds.
const ALPHA_KEYS: u32 = 1000;
/// Keys of `beta`: more than its base cache holds, fewer than both together.
const BETA_KEYS: u32 = 8000;
/// With its key, an item of one read unit.
const VALUE_BYTES: usize = 4000;
const RESOURCES: [&str; 4] =
    ["cache_bytes", "read_units_per_s", "write_units_per_s", "net_bytes_per_s"];

/// Two tenants, `alpha` and `beta`, and whoever else is named; nothing is decided unless a test asks.
fn builder(others: &[&str]) -> ProxyBuilder {
    let builder = ProxyBuilder::default()
        .storage(&format!("kind = \"synthetic\"\nlatency = \"1ms\"\nvalue_bytes = {VALUE_BYTES}"))
        .allocator(
            "enabled = false\npolicy = \"static\"\ninterval = \"10m\"\napply = \"direct\"\n\
             min_cache = \"4MiB\"\nsmoothing = 5",
        );
    ["alpha", "beta"].iter().chain(others).fold(builder, |builder, name| {
        builder.tenant_with(
            name,
            "cache = \"24MiB\"\nread_units = 5000\nwrite_units = 100\nnet = \"200MB/s\"",
        )
    })
}

/// A proxy that has seen enough of `alpha` and `beta` to decide, every tenant with its base share.
fn learned(others: &[&str]) -> Proxy {
    let proxy = builder(others).start();
    for tenant in ["alpha", "beta"] {
        // Rates far above base while it learns, so that the tests need not wait for limits.
        let rates = json!({"read_units_per_s": 1e6, "net_bytes_per_s": 1e10, "pinned": false});
        call(&proxy, "PUT", &format!("/v1/tenants/{tenant}/quota"), &rates);
    }
    read_evenly(&proxy, "alpha", ALPHA_KEYS, 8);
    read_evenly(&proxy, "beta", BETA_KEYS, 4);
    set_options(&proxy, json!({"enabled": true, "policy": "static"}));
    for tenant in ["alpha", "beta"] {
        let quota = quota(&proxy, tenant);
        assert!(RESOURCES.iter().all(|r| quota[r] == quota["base"][r]), "static is base: {quota}");
    }
    proxy
}

/// A call that succeeds.
fn call(proxy: &Proxy, method: &str, path: &str, body: &Json) -> Json {
    let (status, answer) = proxy.api(method, path, Some(body));
    assert_eq!(status, 200, "{method} {path}: {answer}");
    answer
}

fn set_options(proxy: &Proxy, options: Json) -> Json {
    call(proxy, "PUT", "/v1/allocator", &options)
}

/// Runs the allocator now.
fn run(proxy: &Proxy, query: &str) -> Json {
    call(proxy, "POST", &format!("/v1/allocator/runs{query}"), &Json::Null)
}

fn quota(proxy: &Proxy, tenant: &str) -> Json {
    proxy.get(&format!("/v1/tenants/{tenant}/quota"))
}

/// A tenant's part of a run.
fn part<'a>(run: &'a Json, tenant: &str) -> &'a Json {
    let tenants = run["tenants"].as_array().unwrap();
    tenants.iter().find(|part| part["name"] == tenant).unwrap()
}

fn number(value: &Json) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

/// Sum of one resource over all tenants of a run.
fn sum(run: &Json, of: &str, resource: &str) -> f64 {
    run["tenants"].as_array().unwrap().iter().map(|part| number(&part[of][resource])).sum()
}

fn assert_near(got: f64, want: f64, what: &str) {
    assert!((got - want).abs() <= 1e-6 * want.abs(), "{what}: {got} instead of {want}");
}

/// Quotas, `maxmemory` and limits are what the run decided.
fn assert_in_force(proxy: &Proxy, run: &Json, tenants: &[&str]) {
    for tenant in tenants {
        let (share, quota) = (&part(run, tenant)["share"], quota(proxy, tenant));
        assert_eq!(quota["cache_bytes"], share["cache_bytes"], "{tenant}");
        assert_eq!(share["cache_bytes"], maxmemory(proxy, tenant), "{tenant}");
        let waits = proxy.get(&format!("/v1/tenants/{tenant}/stats"))["waits"].clone();
        for (resource, limit) in RESOURCES[1..].iter().zip(["read_units", "write_units", "net"]) {
            assert_near(number(&quota[resource]), number(&share[resource]), resource);
            // Limits count in whole thousandths.
            let in_force = number(&waits[limit]["limit_per_s"]);
            assert!((in_force - number(&share[resource])).abs() < 0.01, "{resource}: {in_force}");
        }
    }
}
