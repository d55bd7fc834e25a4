//! The way from one allocation to the next: the caches' sum is never above what there is, at no moment.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use serde_json::json;

use super::load::Load;
use super::{
    ALPHA_KEYS, BASE_BYTES, BETA_KEYS, assert_in_force, learned, part, quota, run, set_options,
};
use crate::admin::{MIB, maxmemory};
use crate::support::{Client, Proxy, eventually};

/// Reads both `maxmemory` over and over while a change is under way.
///
/// The cache that grows is read first. The other only shrinks, so the sum of the two readings is not above the sum at
/// the moment of the first.
struct Watch {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Vec<(u64, u64)>>>,
}

impl Watch {
    fn start(proxy: &Proxy, grows: &str, shrinks: &str) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (mut grows, mut shrinks) = (proxy.redis(grows), proxy.redis(shrinks));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut seen = Vec::new();
            loop {
                // One more look after the change is over.
                let last = stopped.load(Ordering::Relaxed);
                let reading = (size(&mut grows), size(&mut shrinks));
                if seen.last() != Some(&reading) {
                    seen.push(reading);
                }
                if last {
                    return seen;
                }
            }
        });
        Self { stop, thread: Some(thread) }
    }

    /// The distinct readings, in order.
    fn finish(mut self) -> Vec<(u64, u64)> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap()
    }
}

fn size(redis: &mut Client) -> u64 {
    match redis.cmd("CONFIG GET maxmemory") {
        crate::support::Value::Array(pair) => pair[1].text().parse().unwrap(),
        other => panic!("{other:?}"),
    }
}

fn assert_never_above(seen: &[(u64, u64)], total: u64) {
    for (grows, shrinks) in seen {
        assert!(grows + shrinks <= total, "{grows} + {shrinks} > {total} in {seen:?}");
    }
}

#[test]
fn a_direct_change_shrinks_before_it_grows() {
    let proxy = learned(&[]);
    let loads = [Load::start(&proxy, "alpha", ALPHA_KEYS), Load::start(&proxy, "beta", BETA_KEYS)];
    set_options(&proxy, json!({"policy": "hare", "apply": "direct"}));
    let watch = Watch::start(&proxy, "beta", "alpha");
    let applied = run(&proxy, "");
    let seen = watch.finish();
    assert_eq!(applied["applied"], true, "{applied}");
    assert_never_above(&seen, 2 * BASE_BYTES);
    assert_in_force(&proxy, &applied, &["alpha", "beta"]);

    let watch = Watch::start(&proxy, "alpha", "beta");
    set_options(&proxy, json!({"policy": "static"}));
    let seen = watch.finish();
    assert_never_above(&seen, 2 * BASE_BYTES);
    assert_eq!(seen.last(), Some(&(BASE_BYTES, BASE_BYTES)), "{seen:?}");
    drop(loads);
}

#[test]
fn a_gradual_change_moves_a_step_a_round_and_arrives() {
    let proxy = learned(&[]);
    set_options(&proxy, json!({"policy": "hare", "apply": "gradual", "gradual_step": "4MiB"}));
    let watch = Watch::start(&proxy, "beta", "alpha");
    let applied = run(&proxy, "");
    assert_eq!(applied["applied"], true, "{applied}");
    let to_come = proxy.get("/v1/allocator")["rounds_to_come"].as_u64().unwrap();
    assert!(to_come > 1, "{to_come} rounds for {applied}");
    assert_ne!(
        quota(&proxy, "beta")["cache_bytes"],
        part(&applied, "beta")["share"]["cache_bytes"]
    );

    // Rounds wait for the cache that grew to be filled; reading beta's keys fills it.
    let load = Load::start(&proxy, "beta", BETA_KEYS);
    eventually("the last round is in place", || {
        (proxy.get("/v1/allocator")["rounds_to_come"] == 0).then_some(())
    });
    drop(load);
    let seen = watch.finish();
    assert_never_above(&seen, 2 * BASE_BYTES);
    let grown: Vec<u64> = seen.windows(2).map(|pair| pair[1].0.saturating_sub(pair[0].0)).collect();
    assert!(grown.iter().all(|step| *step <= 4 * MIB + 1), "{grown:?}");
    assert_in_force(&proxy, &applied, &["alpha", "beta"]);
}

#[test]
fn static_in_the_middle_of_a_gradual_change_brings_base_back() {
    let proxy = learned(&[]);
    let options = json!({"policy": "hare", "apply": "gradual", "gradual_step": "2MiB"});
    set_options(&proxy, options);
    assert_eq!(run(&proxy, "")["applied"], true);
    assert!(proxy.get("/v1/allocator")["rounds_to_come"].as_u64().unwrap() > 1);
    let now = set_options(&proxy, json!({"policy": "static"}));
    assert_eq!(now["rounds_to_come"], 0);
    assert_eq!([maxmemory(&proxy, "alpha"), maxmemory(&proxy, "beta")], [BASE_BYTES; 2]);
    for tenant in ["alpha", "beta"] {
        assert_eq!(quota(&proxy, tenant)["read_units_per_s"], 5000.0);
    }
}
