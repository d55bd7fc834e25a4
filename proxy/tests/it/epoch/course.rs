//! The way from one allocation to the next: the caches' sum is never above what there is, at no moment.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

use serde_json::json;

use super::load::{Load, read_evenly};
use super::{
    ALPHA_KEYS, BASE_BYTES, BETA_KEYS, RESOURCES, assert_in_force, assert_near, learned, number,
    part, quota, run, set_options,
};
use crate::admin::{MIB, maxmemory};
use crate::support::{Client, Proxy, eventually};

/// Used memory above `maxmemory` that does not count: buffers come and go.
const SLACK_BYTES: u64 = MIB;

/// Reads both `maxmemory`, and what is used, over and over while a change is under way.
///
/// The cache that grows is read first. The other only shrinks, so the sum of the two readings is not above the sum at
/// the moment of the first.
struct Watch {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Vec<(u64, u64)>>>,
    /// The most that both held at once: their limits or what they used, whichever was more.
    most_held: Arc<AtomicU64>,
}

impl Watch {
    fn start(proxy: &Proxy, grows: &str, shrinks: &str) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (mut grows, mut shrinks) = (proxy.redis(grows), proxy.redis(shrinks));
        let stopped = Arc::clone(&stop);
        let most_held = Arc::new(AtomicU64::new(0));
        let most = Arc::clone(&most_held);
        let thread = std::thread::spawn(move || {
            let mut seen = Vec::new();
            loop {
                // One more look after the change is over.
                let last = stopped.load(Ordering::Relaxed);
                let reading = (size(&mut grows), size(&mut shrinks));
                let held =
                    reading.0 + reading.1.max(used(&mut shrinks).saturating_sub(SLACK_BYTES));
                most.fetch_max(held, Ordering::Relaxed);
                if seen.last() != Some(&reading) {
                    seen.push(reading);
                }
                if last {
                    return seen;
                }
            }
        });
        Self { stop, thread: Some(thread), most_held }
    }

    /// The distinct readings, in order. Never was more held than `total`.
    fn finish(mut self, total: u64) -> Vec<(u64, u64)> {
        self.stop.store(true, Ordering::Relaxed);
        let seen = self.thread.take().unwrap().join().unwrap();
        for (grows, shrinks) in &seen {
            assert!(grows + shrinks <= total, "{grows} + {shrinks} > {total} in {seen:?}");
        }
        let held = self.most_held.load(Ordering::Relaxed);
        assert!(held <= total, "{held} of {total} held, limits {seen:?}");
        seen
    }
}

fn size(redis: &mut Client) -> u64 {
    match redis.cmd("CONFIG GET maxmemory") {
        crate::support::Value::Array(pair) => pair[1].text().parse().unwrap(),
        other => panic!("{other:?}"),
    }
}

fn used(redis: &mut Client) -> u64 {
    let info = redis.cmd("INFO memory").text();
    let line = info.lines().find_map(|line| line.strip_prefix("used_memory:"));
    line.unwrap_or_else(|| panic!("{info}")).trim().parse().unwrap()
}

#[test]
fn a_direct_change_shrinks_before_it_grows() {
    let proxy = learned(&[]);
    let loads = [Load::start(&proxy, "alpha", ALPHA_KEYS), Load::start(&proxy, "beta", BETA_KEYS)];
    set_options(&proxy, json!({"policy": "hare", "apply": "direct"}));
    let watch = Watch::start(&proxy, "beta", "alpha");
    // While the loads have hardly begun their window may differ from the one before; then a later run confirms it.
    let applied = eventually("the change is confirmed", || {
        let run = run(&proxy, "");
        assert!(run["applied"] == true || run["reason_code"] == "unconfirmed", "{run}");
        (run["applied"] == true).then_some(run)
    });
    watch.finish(2 * BASE_BYTES);
    assert_in_force(&proxy, &applied, &["alpha", "beta"]);

    let watch = Watch::start(&proxy, "alpha", "beta");
    set_options(&proxy, json!({"policy": "static"}));
    let seen = watch.finish(2 * BASE_BYTES);
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

    // Rounds wait for the cache that grew to be filled or to hit; reading all of beta's keys brings that about.
    eventually("the last round is in place", || {
        read_evenly(&proxy, "beta", BETA_KEYS, 1);
        (proxy.get("/v1/allocator")["rounds_to_come"] == 0).then_some(())
    });
    let seen = watch.finish(2 * BASE_BYTES);
    let grown: Vec<u64> = seen.windows(2).map(|pair| pair[1].0.saturating_sub(pair[0].0)).collect();
    assert!(grown.iter().all(|step| *step <= 4 * MIB + 1), "{grown:?}");
    assert_in_force(&proxy, &applied, &["alpha", "beta"]);
}

#[test]
fn with_boost_the_cache_that_grows_has_its_base_rates_until_it_is_warm() {
    let proxy = learned(&[]);
    set_options(&proxy, json!({"policy": "hare", "apply": "boost"}));
    let watch = Watch::start(&proxy, "beta", "alpha");
    let applied = run(&proxy, "");
    watch.finish(2 * BASE_BYTES);
    assert_eq!(applied["applied"], true, "{applied}");
    let (now, beta) = (quota(&proxy, "beta"), part(&applied, "beta"));
    assert_eq!(now["cache_bytes"], beta["share"]["cache_bytes"], "all cache at once");
    let mut boosted = 0;
    for resource in &RESOURCES[1..] {
        let (share, base) = (number(&beta["share"][resource]), number(&now["base"][resource]));
        assert_near(number(&now[resource]), share.max(base), resource);
        let said = beta["boost"][resource].as_f64().unwrap_or(0.0);
        assert!((said - (base - share).max(0.0)).abs() < 1e-6 * base, "{resource}: {beta}");
        boosted += usize::from(share < base);
    }
    let shown =
        || proxy.api("GET", "/metrics", None).1.to_string().contains("hopperkv_quota_boost{");
    assert_eq!(shown(), boosted > 0, "{applied}");

    let load = Load::start(&proxy, "beta", BETA_KEYS);
    eventually("its cache is warm", || (!shown()).then_some(()));
    drop(load);
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
