//! A Redis that dies or hangs while quotas move gets its size when it is back.

use nix::sys::signal::{Signal, kill};
use serde_json::json;

use super::{BASE_BYTES, assert_in_force, learned, part, quota, run, set_options};
use crate::admin::{MIB, maxmemory};
use crate::support::{Proxy, eventually};

fn wait_until_ready(proxy: &Proxy) {
    eventually("every cache serves again", || {
        (proxy.api("GET", "/readyz", None).0 == 200).then_some(())
    });
}

#[test]
fn a_redis_killed_during_a_gradual_change_comes_back_with_the_right_size() {
    let proxy = learned(&[]);
    let options = json!({"policy": "hare", "apply": "gradual", "gradual_step": "4MiB"});
    set_options(&proxy, options);
    let applied = run(&proxy, "");
    assert!(proxy.get("/v1/allocator")["rounds_to_come"].as_u64().unwrap() > 1, "{applied}");
    let killed = proxy.redis_pid("beta");
    kill(killed, Signal::SIGKILL).unwrap();
    eventually("its keeper starts another", || (proxy.redis_pid("beta") != killed).then_some(()));
    wait_until_ready(&proxy);
    eventually("it has the size of its quota", || {
        (maxmemory(&proxy, "beta") == quota(&proxy, "beta")["cache_bytes"]).then_some(())
    });
    // Switching to direct brings the rest at once.
    set_options(&proxy, json!({"apply": "direct", "threshold": 0}));
    let total = quota(&proxy, "alpha")["cache_bytes"].as_u64().unwrap() + maxmemory(&proxy, "beta");
    assert!(total <= 48 * MIB, "{total}");
}

#[test]
fn a_redis_killed_before_a_direct_change_gets_its_share_when_it_is_back() {
    let proxy = learned(&[]);
    set_options(&proxy, json!({"policy": "hare", "apply": "direct"}));
    let killed = proxy.redis_pid("beta");
    kill(killed, Signal::SIGKILL).unwrap();
    let applied = run(&proxy, "");
    assert_eq!(applied["applied"], true, "{applied}");
    wait_until_ready(&proxy);
    eventually("it has its share", || {
        (part(&applied, "beta")["share"]["cache_bytes"] == maxmemory(&proxy, "beta")).then_some(())
    });
    assert_in_force(&proxy, &applied, &["alpha", "beta"]);
}

#[test]
fn a_redis_that_cannot_be_shrunk_keeps_the_others_from_growing() {
    let proxy = learned(&[]);
    set_options(&proxy, json!({"policy": "hare", "apply": "direct"}));
    let stopped = proxy.redis_pid("alpha");
    kill(stopped, Signal::SIGSTOP).unwrap();
    let applied = run(&proxy, "");
    let grown = maxmemory(&proxy, "beta");
    let allocator = proxy.get("/v1/allocator");
    let metrics = proxy.api("GET", "/metrics", None).1;
    kill(stopped, Signal::SIGCONT).unwrap();
    assert_eq!(applied["applied"], true, "{applied}");
    assert_eq!(grown, BASE_BYTES, "what alpha holds is not free");
    assert_eq!(allocator["rounds_to_come"], 1, "it is not in place: {allocator}");
    let metrics = metrics.as_str().unwrap();
    let held_back = metrics.lines().find_map(|line| {
        line.strip_prefix("hopperkv_allocator_cache_held_back_bytes ")?.parse::<f64>().ok()
    });
    assert!(held_back > Some(0.0), "{held_back:?}");

    eventually("both have their shares", || {
        let has =
            |tenant| part(&applied, tenant)["share"]["cache_bytes"] == maxmemory(&proxy, tenant);
        (has("alpha") && has("beta")).then_some(())
    });
    wait_until_ready(&proxy);
    eventually("nothing is left to do", || {
        (proxy.get("/v1/allocator")["rounds_to_come"] == 0).then_some(())
    });
    assert_in_force(&proxy, &applied, &["alpha", "beta"]);
}

#[test]
fn a_redis_that_hangs_delays_nobody_and_is_resized_afterwards() {
    let proxy = learned(&[]);
    let stopped = proxy.redis_pid("beta");
    kill(stopped, Signal::SIGSTOP).unwrap();
    let body = json!({"cache_bytes": 12 * MIB});
    let (status, set) = proxy.api("PUT", "/v1/tenants/beta/quota", Some(&body));
    kill(stopped, Signal::SIGCONT).unwrap();
    assert_eq!((status, set["cache_bytes"].as_u64()), (200, Some(12 * MIB)), "{set}");
    wait_until_ready(&proxy);
    // The loop puts right what the call could not.
    set_options(&proxy, json!({"enabled": false, "interval": "200ms"}));
    eventually("it has its size", || (maxmemory(&proxy, "beta") == 12 * MIB).then_some(()));
}
