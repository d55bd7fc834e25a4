//! Cases whose answers are known without a simulation.

use std::path::Path;
use std::time::Duration;

use super::{Eviction, Model, run_with};
use crate::outcome::{Interval, Outcome};
use crate::runner::Settings;
use crate::spec::{Policy, Scale, Spec};

const SEED: u64 = 20_26;
/// Room for 100,000 entries of 602 bytes beside the Redis itself.
const CACHE_BYTES: u64 = 100_000 * 602 + 1_400_000;

fn settings() -> Settings {
    println!("seed {SEED}");
    Settings { scale: Scale::FULL, seed: SEED }
}

/// A spec with these limits and tenants, learning and measuring for 30 s.
fn spec(limits: &str, rest: &str) -> Spec {
    let text = format!(
        "name = 'golden'\ntitle = 'golden'\nshows = 'a known answer'\npolicies = ['hare', 'ours', 'drf']\n\
         [base]\ncache = '{CACHE_BYTES}'\n{limits}\n\
         [time]\nlearn = '30s'\nsettle = '10s'\nmeasure = '30s'\n{rest}"
    );
    Spec::parse(&text, Path::new("golden.toml"), None).unwrap()
}

fn tenant(name: &str, workload: &str) -> String {
    format!("[[tenant]]\nname = '{name}'\nworkload = '{workload}'\n")
}

fn run(spec: &Spec, policy: Policy) -> Outcome {
    run_with(spec, 0, policy, &settings(), Model::default()).unwrap()
}

fn assert_near(what: &str, got: f64, wanted: f64, tolerance: f64) {
    assert!((got - wanted).abs() <= tolerance * wanted.abs(), "{what}: {got}, not {wanted}");
}

#[test]
fn all_hits_use_all_of_the_bandwidth() {
    let limits = "read_units = 100\nwrite_units = 100\nnet = '5160000B/s'";
    let outcome = run(&spec(limits, &tenant("t", "n=50k,w=0")), Policy::Static);
    let tenant = &outcome.tenants[0];
    assert_near("hits", tenant.hit_ratio, 1.0, 0.0);
    assert_near("5.16 MB/s of 516 bytes", tenant.throughput_per_s, 10_000.0, 0.001);
    assert_near("128 in flight", tenant.p50_ms, 12.8, 0.02);
}

#[test]
fn all_misses_are_served_at_the_read_units() {
    let limits = "read_units = 250\nwrite_units = 100\nnet = '50MiB/s'";
    // A loop over more keys than fit: LRU has evicted each when it is its turn again.
    for eviction in [Eviction::ExactLru, Eviction::Sampled] {
        let spec = spec(limits, &tenant("t", "n=1m,w=0,d=seq"));
        let model = Model { eviction, ..Model::default() };
        let outcome = run_with(&spec, 0, Policy::Static, &settings(), model).unwrap();
        let tenant = &outcome.tenants[0];
        assert!(tenant.hit_ratio < 0.001, "{eviction:?}: {}", tenant.hit_ratio);
        assert_near("250 read units", tenant.throughput_per_s, 250.0, 0.002);
        assert_near("128 in line", tenant.p50_ms, 128.0 / 250.0 * 1000.0, 0.02);
    }
}

#[test]
fn a_uniform_working_set_of_twice_the_cache_hits_half() {
    let limits = "read_units = 1000\nwrite_units = 100\nnet = '50MiB/s'";
    for eviction in [Eviction::ExactLru, Eviction::Sampled] {
        let spec = spec(limits, &tenant("t", "n=200k,w=0"));
        let model = Model { eviction, ..Model::default() };
        let outcome = run_with(&spec, 0, Policy::Static, &settings(), model).unwrap();
        let tenant = &outcome.tenants[0];
        assert_near("hit ratio", tenant.hit_ratio, 0.5, 0.01);
        assert_near("1,000 misses/s", tenant.throughput_per_s, 2000.0, 0.01);
    }
}

#[test]
fn writes_are_served_at_the_write_units() {
    let limits = "read_units = 1000\nwrite_units = 200\nnet = '50MiB/s'";
    // 1,500 bytes are two units.
    let outcome = run(&spec(limits, &tenant("t", "n=10k,v=1500,w=0.5")), Policy::Static);
    let tenant = &outcome.tenants[0];
    assert_near("100 writes/s are half", tenant.throughput_per_s, 200.0, 0.03);
    assert_near("write units", tenant.used.write_units_per_s, 200.0, 0.002);
}

#[test]
fn without_limits_latency_decides() {
    let limits = "read_units = 1e9\nwrite_units = 1e9\nnet = '100GiB/s'";
    let clients = "[clients]\nconnections = 10\ndepth = 2\n";
    let outcome =
        run(&spec(limits, &format!("{clients}{}", tenant("t", "n=1m,w=0,d=seq"))), Policy::Static);
    let tenant = &outcome.tenants[0];
    assert_near("20 in 5 ms", tenant.throughput_per_s, 4000.0, 0.001);
    assert_near("latency", tenant.p50_ms, 5.0, 0.02);
}

#[test]
fn an_open_loop_gets_what_it_asks_for_until_a_limit_holds_it() {
    let limits = "read_units = 100\nwrite_units = 100\nnet = '50MiB/s'";
    for (rate, served) in [(50.0, 50.0), (300.0, 100.0)] {
        let tenant = format!("{}rate = {rate}\n", tenant("t", "n=1m,w=0,d=seq"));
        let outcome = run(&spec(limits, &tenant), Policy::Static);
        assert_near("served", outcome.tenants[0].throughput_per_s, served, 0.01);
    }
}

#[test]
fn a_trace_is_looped_with_its_sizes_and_its_writes() {
    let dir = tempfile::tempdir().unwrap();
    // 100 keys of 8 bytes; one of ten requests writes 2,000 bytes, which are two units.
    let lines = (0..1000).map(|n| {
        let (op, bytes) = if n % 10 == 9 { ("set", 2000) } else { ("get", 1000) };
        format!("{n},{op},key{:05},{bytes}\n", n % 100)
    });
    let path = dir.path().join("trace.csv");
    std::fs::write(&path, lines.collect::<String>()).unwrap();
    let limits = "read_units = 100\nwrite_units = 200\nnet = '50MiB/s'";
    let tenant = format!("[[tenant]]\nname = 't'\ntrace = '{}'\n", path.display());
    let spec = spec(limits, &tenant);
    let outcome = run(&spec, Policy::Static);
    let tenant = &outcome.tenants[0];
    assert_near("all fit", tenant.hit_ratio, 1.0, 0.0);
    assert_near("100 writes/s are a tenth", tenant.throughput_per_s, 1000.0, 0.01);
    assert_eq!(tenant.workload, "trace.csv");
}

#[test]
fn tenants_that_share_everything_get_what_is_there_together() {
    let limits = "read_units = 500\nwrite_units = 100\nnet = '50MiB/s'";
    // Room for 200,000 entries between them, for 400,000 keys asked for alike: half of all reads miss.
    let tenants = [tenant("a", "n=200k,w=0"), tenant("b", "n=200k,w=0")].concat();
    let outcome = run(&spec(limits, &tenants), Policy::NonPartitioned);
    for tenant in &outcome.tenants {
        assert_near("hit ratio", tenant.hit_ratio, 0.5, 0.02);
        assert_near("half of 1,000 misses/s each", tenant.throughput_per_s, 1000.0, 0.02);
        assert_eq!(tenant.share.cache_bytes, 2 * CACHE_BYTES);
    }
}

#[test]
fn a_warm_cache_is_drawn_as_traffic_leaves_it() {
    // Ten minutes are five to ten times what it takes to replace everything.
    let limits = "read_units = 1000\nwrite_units = 500\nnet = '50MiB/s'";
    let tenants = [
        tenant("writes", "n=200k,w=0.5,d=zipf:0.99"),
        tenant("reads", "n=400k,w=0.02,d=zipf:0.9"),
        tenant("scans", "n=300k,w=0.02,d=scan:0.9:100"),
    ];
    let mut spec = spec(limits, &tenants.concat());
    (spec.settle, spec.measure) = (Duration::ZERO, Duration::from_secs(600));
    for policy in [Policy::Static, Policy::NonPartitioned] {
        for tenant in run(&spec, policy).tenants {
            let mean = |part: &[Interval], of: fn(&Interval) -> f64| {
                part.iter().map(of).sum::<f64>() / part.len() as f64
            };
            let (first, last) = (&tenant.series[..60], &tenant.series[480..]);
            let rate = |part| mean(part, |interval| interval.throughput_per_s);
            let hits = |part| mean(part, |interval| interval.hit_ratio);
            let what = format!("{policy} {}", tenant.name);
            println!("{what}: {} {}, {} {}", rate(first), rate(last), hits(first), hits(last));
            assert_near(&format!("{what}, requests/s"), rate(first), rate(last), 0.1);
            assert!((hits(first) - hits(last)).abs() < 0.03, "{what}, hits");
        }
    }
}

#[test]
fn a_phase_that_is_short_does_not_change_what_a_run_begins_with() {
    // A second phase that would hit nothing begins long before enough requests were watched to tell speeds.
    let limits = "read_units = 20\nwrite_units = 20\nnet = '50MiB/s'";
    let tenants = |later: &str| {
        let phases = format!("n=150k,w=0,d=zipf:0.9 @1min; {later}");
        [tenant("a", &phases), tenant("b", "n=150k,w=0,d=zipf:0.9")].concat()
    };
    let first_half_minute = |later: &str| -> Vec<f64> {
        let mut spec = spec(limits, &tenants(later));
        (spec.settle, spec.measure) = (Duration::ZERO, Duration::from_secs(30));
        run(&spec, Policy::NonPartitioned).tenants.iter().map(|t| t.throughput_per_s).collect()
    };
    assert_eq!(first_half_minute("~d=seq"), first_half_minute("~d=zipf:0.9"));
}

#[test]
fn what_two_tenants_can_trade_is_known_by_hand() {
    // The first hits always, needs half of its cache for that, and is held back by N bytes/s: N/516 requests/s. The second
    // reads 200,000 keys with room for 100,000: half of its reads miss, 1,000 read units serve 2,000 requests/s, which move
    // 516 bytes for each and 516 more for each miss: 1.548 MB/s.
    //
    // Sharing out what is idle, both go g times as fast where g * (N + 1.548 MB/s) = 2 N: that is 1.151. With half of the first
    // one's cache, the second misses a quarter and moves 1.29 MB/s: 1.238, and bandwidth, which is short, can be had for
    // nothing else. Read units do not matter: that takes 619 of 2,000.
    let limits = "read_units = 1000\nwrite_units = 100\nnet = '2MiB/s'";
    let tenants = [tenant("small", "n=50k,w=0"), tenant("large", "n=200k,w=0")].concat();
    let spec = spec(limits, &tenants);
    let base = run(&spec, Policy::Static);
    let net = 2.0 * 1_048_576.0;
    assert_near("all hits", base.tenants[0].throughput_per_s, net / 516.0, 0.01);
    assert_near("half misses", base.tenants[1].throughput_per_s, 2000.0, 0.01);
    for (policy, gain) in [(Policy::Drf, 1.151), (Policy::Hare, 1.238), (Policy::Ours, 1.238)] {
        let outcome = run(&spec, policy);
        assert!(outcome.decisions[0].applied, "{policy}: {:?}", outcome.decisions);
        for (tenant, got) in outcome.tenants.iter().zip(outcome.gains_over(&base)) {
            println!("{policy} {}: {got}, predicted {:?}", tenant.name, tenant.predicted_gain);
            assert_near(&format!("{policy} {}", tenant.name), got, gain, 0.03);
            assert_near("predicted", tenant.predicted_gain.unwrap(), gain, 0.03);
        }
    }
}

#[test]
fn a_seed_decides_everything_whatever_the_number_of_threads() {
    let limits = "read_units = 1000\nwrite_units = 300\nnet = '5MiB/s'";
    let tenants = [
        tenant("a", "n=100k,w=0.1,d=zipf:0.9"),
        tenant("b", "n=300k,w=0,d=scan:0.9:50"),
        tenant("c", "n=200k,w=0.05"),
    ];
    let spec = spec(limits, &tenants.concat());
    let text = |threads, seed, policy| {
        let settings = Settings { seed, ..settings() };
        let model = Model { threads, ..Model::default() };
        let mut outcome = run_with(&spec, 0, policy, &settings, model).unwrap();
        outcome.wall_s = 0.0;
        serde_json::to_string(&outcome).unwrap()
    };
    for policy in [Policy::Ours, Policy::NonPartitioned] {
        println!("{policy}");
        let first = text(1, 1, policy);
        assert!(first == text(2, 1, policy), "{policy}: threads");
        assert!(first != text(2, 2, policy), "{policy}: seed");
    }
}

/// A spec that decides every 20 s for five minutes.
fn periodic(tenants: &str) -> Spec {
    let text = format!(
        "name = 'golden'\ntitle = 'golden'\nshows = 'a known answer'\npolicies = ['ours']\n\
         [base]\ncache = '{CACHE_BYTES}'\nread_units = 1000\nwrite_units = 200\nnet = '2MiB/s'\n\
         [time]\nmeasure = '5min'\n[allocator]\nevery = '20s'\napply = 'gradual'\n{tenants}"
    );
    Spec::parse(&text, Path::new("golden.toml"), None).unwrap()
}

#[test]
fn periodic_decisions_come_to_the_optimum_and_share_out_no_more_than_there_is() {
    let tenants = [tenant("small", "n=50k,w=0"), tenant("large", "n=200k,w=0")].concat();
    let spec = periodic(&tenants);
    let (base, ours) = (run(&spec, Policy::Static), run(&spec, Policy::Ours));
    assert_eq!(ours.decisions.len(), 15);
    let served = |outcome: &Outcome, tenant: usize| -> f64 {
        let last_minute = &outcome.tenants[tenant].series[240..];
        last_minute.iter().map(|interval| interval.throughput_per_s).sum()
    };
    for tenant in 0..2 {
        let gain = served(&ours, tenant) / served(&base, tenant);
        assert_near("in the last minute", gain, 1.238, 0.03);
    }
    for second in 0..300 {
        let shares = ours.tenants.iter().map(|tenant| tenant.series[second].share);
        let all: hare::Resources = shares.sum();
        assert!(all.cache_bytes <= 2 * CACHE_BYTES, "{second}: {all:?}");
        assert!(all.net_bytes_per_s <= 4.0 * 1_048_576.0 * 1.001, "{second}: {all:?}");
    }
}

#[test]
fn who_comes_has_its_base_share_and_who_leaves_is_gone() {
    let guest = "arrives = '100s'\nleaves = '200s'\n";
    let visitor = format!("{}{guest}", tenant("visitor", "n=50k,w=0"));
    let tenants = [tenant("a", "n=50k,w=0"), tenant("b", "n=200k,w=0"), visitor].concat();
    let outcome = run(&periodic(&tenants), Policy::Ours);
    let visitor = &outcome.tenants[2];
    let (first, last) = (visitor.series[0], visitor.series[visitor.series.len() - 1]);
    assert_near("its first second ends", first.until_s, 101.0, 0.0);
    assert_eq!(first.share, visitor.base);
    assert!((200.0..203.0).contains(&last.until_s), "{}", last.until_s);
    let served: f64 = visitor.series.iter().map(|interval| interval.throughput_per_s).sum();
    assert_near("per second of its stay", visitor.throughput_per_s, served / 100.0, 0.01);
    let before = outcome.tenants[1].series[95].throughput_per_s;
    let after = outcome.tenants[1].series[299].throughput_per_s;
    assert_near("what was taken back is shared out again", after, before, 0.1);
}

#[test]
fn intervals_cover_the_whole_run() {
    let limits = "read_units = 100\nwrite_units = 100\nnet = '5MiB/s'";
    let outcome = run(&spec(limits, &tenant("t", "n=1m,w=0")), Policy::Static);
    let series = &outcome.tenants[0].series;
    assert_eq!(series.len(), 40, "nobody decides, so there is nothing to learn");
    assert!((series[39].until_s - Duration::from_secs(40).as_secs_f64()).abs() < 1e-9);
}
