//! What a run decides, says and remembers.

use serde_json::json;

use super::load::Load;
use super::{
    BASE_BYTES, RESOURCES, assert_in_force, assert_near, call, learned, number, part, quota, run,
    set_options, sum,
};
use crate::admin::{MIB, maxmemory};
use crate::support::eventually;

#[test]
fn a_dry_run_changes_nothing_and_a_run_does_what_it_said() {
    let proxy = learned(&[]);
    let before = ["alpha", "beta"].map(|tenant| quota(&proxy, tenant));
    let dry = run(&proxy, "?dry_run=true&policy=hare");
    assert_eq!((&dry["applied"], &dry["trigger"]), (&json!(false), &json!("dry_run")), "{dry}");
    assert_eq!(dry["reason_code"], "dry_run");
    assert!(dry["reason"].as_str().unwrap().starts_with("dry run, would be applied: "), "{dry}");
    assert_eq!(["alpha", "beta"].map(|tenant| quota(&proxy, tenant)), before);
    assert_eq!(proxy.get("/v1/allocator")["policy"], "static");
    assert_eq!([maxmemory(&proxy, "alpha"), maxmemory(&proxy, "beta")], [BASE_BYTES; 2]);

    set_options(&proxy, json!({"policy": "hare"}));
    let applied = run(&proxy, "");
    assert_eq!((&applied["applied"], &applied["reason_code"]), (&json!(true), &json!("improves")));
    for tenant in ["alpha", "beta"] {
        assert_eq!(part(&applied, tenant)["role"], "active");
        // But for what Redis's memory became meanwhile: a step of the trade or two.
        for resource in RESOURCES {
            let [did, said] =
                [&applied, &dry].map(|run| number(&part(run, tenant)["share"][resource]));
            assert!((did / said - 1.0).abs() < 0.05, "{resource}: {did} and not {said} as it said");
        }
        assert!(number(&part(&applied, tenant)["predicted_gain"]) > 1.1, "{applied}");
    }
    for resource in RESOURCES {
        assert_near(sum(&applied, "share", resource), sum(&applied, "base", resource), resource);
    }
    let caches = ["alpha", "beta"].map(|t| part(&applied, t)["share"]["cache_bytes"].clone());
    assert!(caches[0].as_u64() < caches[1].as_u64(), "the cache goes where it helps: {applied}");
    assert_in_force(&proxy, &applied, &["alpha", "beta"]);

    let again = run(&proxy, "");
    assert_eq!(again["applied"], false, "nothing has changed since: {again}");
    let ids: Vec<_> = proxy.get("/v1/allocator/runs")["runs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|run| run["id"].as_u64().unwrap())
        .collect();
    assert_eq!(ids, [4, 3, 2, 1], "newest first: static, dry, applied, kept");
    let limited = proxy.get("/v1/allocator/runs?limit=2");
    assert_eq!(limited["runs"].as_array().unwrap().len(), 2);
    assert_eq!(limited["runs"][1]["tenants"][0]["share"], applied["tenants"][0]["share"]);

    set_options(&proxy, json!({"policy": "static"}));
    assert_eq!(["alpha", "beta"].map(|tenant| quota(&proxy, tenant)), before, "base is back");
    assert_eq!([maxmemory(&proxy, "alpha"), maxmemory(&proxy, "beta")], [BASE_BYTES; 2]);
}

#[test]
fn every_policy_keeps_the_sums() {
    let proxy = learned(&[]);
    for policy in ["drf", "memshare", "hare", "static"] {
        let run = run(&proxy, &format!("?policy={policy}"));
        assert_eq!(run["policy"], policy);
        for resource in RESOURCES {
            let (had, has) = (sum(&run, "base", resource), sum(&run, "share", resource));
            assert!(has <= had * (1.0 + 1e-6), "{policy} {resource}: {has} of {had}");
        }
        if run["applied"] == true {
            assert_in_force(&proxy, &run, &["alpha", "beta"]);
        }
    }
}

#[test]
fn what_is_not_worth_it_is_not_applied() {
    let proxy = learned(&[]);
    let before = ["alpha", "beta"].map(|tenant| quota(&proxy, tenant));
    set_options(&proxy, json!({"policy": "hare", "threshold": 10}));
    let kept = run(&proxy, "");
    assert_eq!(
        (&kept["applied"], &kept["reason_code"]),
        (&json!(false), &json!("below_threshold"))
    );
    let reason = kept["reason"].as_str().unwrap();
    assert!(reason.contains("a change needs 1000.0 points more"), "{reason}");
    assert!(number(&kept["improvement"]) > 0.1, "it says what it would bring: {kept}");
    assert_eq!(["alpha", "beta"].map(|tenant| quota(&proxy, tenant)), before);
}

#[test]
fn a_pinned_tenant_is_left_alone_and_an_idle_one_keeps_its_base() {
    let proxy = learned(&["gamma", "idle"]);
    let pinned = json!({"cache_bytes": 20 * MIB, "read_units_per_s": 123.0});
    call(&proxy, "PUT", "/v1/tenants/gamma/quota", &pinned);
    let before = ["gamma", "idle"].map(|tenant| quota(&proxy, tenant));
    set_options(&proxy, json!({"policy": "hare"}));
    let run = run(&proxy, "");
    assert_eq!(run["applied"], true, "{run}");
    assert_eq!(
        (&part(&run, "gamma")["role"], &part(&run, "idle")["role"]),
        (&json!("pinned"), &json!("idle"))
    );
    assert_eq!(["gamma", "idle"].map(|tenant| quota(&proxy, tenant)), before);
    assert_eq!(maxmemory(&proxy, "gamma"), 20 * MIB);
    // What gamma leaves of its base goes to the others, and not a byte more.
    for resource in RESOURCES {
        assert_near(sum(&run, "share", resource), sum(&run, "base", resource), resource);
    }
    assert_in_force(&proxy, &run, &["alpha", "beta", "gamma", "idle"]);
    set_options(&proxy, json!({"policy": "static"}));
    assert_eq!(quota(&proxy, "gamma"), before[0], "static does not release");
    // Released, it is owed its base, and what the others had of it is taken back.
    set_options(&proxy, json!({"policy": "hare"}));
    self::run(&proxy, "");
    assert_eq!(proxy.api("DELETE", "/v1/tenants/gamma/quota", None).0, 200);
    let run = self::run(&proxy, "");
    assert_eq!(
        (&run["applied"], &run["reason_code"]),
        (&json!(true), &json!("total_exceeded")),
        "{run}"
    );
    for resource in RESOURCES {
        assert_near(sum(&run, "share", resource), sum(&run, "base", resource), resource);
    }
    assert_in_force(&proxy, &run, &["alpha", "beta", "gamma", "idle"]);
}

#[test]
fn switched_off_the_last_quotas_hold_and_curves_are_still_learned() {
    let proxy = learned(&[]);
    set_options(&proxy, json!({"policy": "hare"}));
    let applied = run(&proxy, "");
    assert_eq!(applied["applied"], true, "{applied}");
    set_options(&proxy, json!({"enabled": false, "interval": "200ms", "smoothing": 100}));
    let newest = || proxy.get("/v1/allocator/runs?limit=1")["runs"][0]["id"].clone();
    let (last, learned) =
        (newest(), proxy.get("/v1/tenants/alpha/curve")["sampled_reads"].as_u64());
    let load = Load::start(&proxy, "alpha", super::ALPHA_KEYS);
    eventually("an epoch learns from reads", || {
        let now = proxy.get("/v1/tenants/alpha/curve")["sampled_reads"].as_u64();
        (now > learned).then_some(())
    });
    drop(load);
    assert_eq!(newest(), last, "nothing is decided");
    assert_in_force(&proxy, &applied, &["alpha", "beta"]);
}

#[test]
fn the_loop_decides_by_itself_and_measures_what_came_of_it() {
    let proxy = learned(&[]);
    let loads = [
        Load::start(&proxy, "alpha", super::ALPHA_KEYS),
        Load::start(&proxy, "beta", super::BETA_KEYS),
    ];
    set_options(&proxy, json!({"policy": "hare", "interval": "1500ms"}));
    let runs = || proxy.get("/v1/allocator/runs")["runs"].as_array().unwrap().clone();
    let applied = eventually("the timer has quotas moved", || {
        runs().into_iter().find(|run| run["trigger"] == "timer" && run["applied"] == true)
    });
    let measured = eventually("the next epoch measures", || {
        let run = runs().into_iter().find(|run| run["id"] == applied["id"])?;
        run["tenants"].as_array()?.iter().all(|part| part["measured_gain"].is_f64()).then_some(run)
    });
    for (tenant, load) in ["alpha", "beta"].iter().zip(&loads) {
        let part = part(&measured, tenant);
        assert!(number(&part["predicted_gain"]) > 1.1, "{part}");
        let per_s = number(&part["measured_requests_per_s"]);
        let gain = per_s / number(&part["measured_base_requests_per_s"]);
        assert_near(number(&part["measured_gain"]), gain, "measured over base");
        assert!(per_s > 0.0 && load.served() > 0, "{part}");
    }
    let first = |field: &str| measured["tenants"][0][field].clone();
    assert_eq!(first("predicted_gain"), applied["tenants"][0]["predicted_gain"], "stays as it was");
    assert!(proxy.get("/v1/allocator")["rounds_to_come"].is_u64());
}
