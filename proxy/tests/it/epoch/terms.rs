//! What operators ask of the allocator, and what they can ask it afterwards.

use std::process::Command;

use serde_json::{Value as Json, json};

use super::{assert_near, call, learned, number, part, run, set_options};
use crate::admin::MIB;
use crate::support::Proxy;

/// What `hopperkv allocate --file` makes of an allocation problem.
fn solved(problem: &Json, policy: &str) -> Json {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("run.json");
    std::fs::write(&file, problem.to_string()).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_hopperkv"))
        .args(["allocate", "--policy", policy, "--file"])
        .arg(&file)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn dry_run(proxy: &Proxy) -> Json {
    run(proxy, "?dry_run=true&policy=optimum")
}

#[test]
fn what_a_run_was_asked_has_the_same_answer_offline() {
    let proxy = learned(&[]);
    call(&proxy, "PATCH", "/v1/tenants/alpha", &json!({"weight": 2, "min": {"cache": "8MiB"}}));
    for policy in ["drf", "hare", "memshare", "optimum"] {
        let run = run(&proxy, &format!("?dry_run=true&policy={policy}"));
        let problem = proxy.get(&format!("/v1/allocator/runs/{}", run["id"]));
        assert_eq!(problem["id"], run["id"]);
        let solution = solved(&problem, policy);
        assert_near(number(&solution["improve_ratio"]), number(&run["improve_ratio"]), policy);
        for (tenant, share) in ["alpha", "beta"].iter().zip(solution["alloc"].as_array().unwrap()) {
            let decided = &part(&run, tenant)["share"];
            assert_eq!(decided["cache_bytes"], share["cache"], "{policy}: {tenant}");
            for (online, offline) in [
                ("read_units_per_s", "rcu"),
                ("write_units_per_s", "wcu"),
                ("net_bytes_per_s", "net"),
            ] {
                assert_near(number(&decided[online]), number(&share[offline]), online);
            }
        }
    }
    let asked_nothing = run(&proxy, "?dry_run=true&policy=static")["id"].to_string();
    for id in [asked_nothing.as_str(), "1000", "x"] {
        let (status, answer) = proxy.api("GET", &format!("/v1/allocator/runs/{id}"), None);
        assert_eq!((status, &answer["code"]), (404, &json!("not_found")), "{answer}");
    }
}

#[test]
fn weights_bounds_and_the_reserve_are_heeded_from_the_next_run_on() {
    let proxy = learned(&[]);
    let gain = |run: &Json, tenant: &str| number(&part(run, tenant)["predicted_gain"]) - 1.0;
    let even = dry_run(&proxy);
    assert!(gain(&even, "alpha") > 0.1 && gain(&even, "beta") > 0.1, "{even}");

    call(&proxy, "PATCH", "/v1/tenants/beta", &json!({"weight": 0.5}));
    let weighted = dry_run(&proxy);
    assert!(gain(&weighted, "alpha") > gain(&even, "alpha") + 0.01, "{weighted}");
    assert!(gain(&weighted, "beta") < gain(&even, "beta") - 0.01, "{weighted}");
    assert_eq!(part(&weighted, "beta")["weight"], 0.5);

    call(&proxy, "PATCH", "/v1/tenants/beta", &json!({"weight": 1, "max": {"cache": "25MiB"}}));
    call(&proxy, "PATCH", "/v1/tenants/alpha", &json!({"min": {"read_units": 5000}}));
    let bounded = dry_run(&proxy);
    assert!(
        part(&bounded, "beta")["share"]["cache_bytes"].as_u64().unwrap() <= 25 * MIB,
        "{bounded}"
    );
    assert!(number(&part(&bounded, "alpha")["share"]["read_units_per_s"]) >= 4999.999, "{bounded}");

    for tenant in ["alpha", "beta"] {
        call(&proxy, "PATCH", &format!("/v1/tenants/{tenant}"), &json!({"min": {}, "max": {}}));
    }
    set_options(&proxy, json!({"reserve": 0.1}));
    let reserved = dry_run(&proxy);
    for resource in ["read_units_per_s", "write_units_per_s", "net_bytes_per_s"] {
        let sum = |of: &str| super::sum(&reserved, of, resource);
        assert!(sum("share") <= sum("base") * 0.9 + 1e-6, "{resource}: {reserved}");
    }
    assert!(gain(&reserved, "alpha") > -0.001 && gain(&reserved, "beta") > -0.001, "{reserved}");
}
