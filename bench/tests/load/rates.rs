//! `run --rate`: requests at set times.

use crate::fake::{Fault, serve};
use crate::server::Redis;
use crate::tool::load;

/// 2,000 requests in a second over one connection without pipelining, at a server that pauses once for 400 ms.
fn over_a_pause(more: &[&str]) -> crate::tool::Ended {
    let endpoint = serve(Fault::Pauses(500));
    let run = ["run", "--endpoint", &endpoint, "--workload", "n=100", "--requests", "2k"];
    let rate = ["--rate", "2k", "--clients", "1", "--depth", "1", "--quiet"];
    load(&[&run[..], &rate[..], more].concat())
}

#[test]
fn a_pause_is_in_the_latency_of_all_that_waited_for_it() {
    let ended = over_a_pause(&["--json", "-"]);
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
    let json = ended.json();
    assert_eq!(json["requests"], 2_000);
    assert_eq!((&json["arrivals"], &json["rate_per_s"]), (&"constant".into(), &2_000.0.into()));
    let p90_ms = |latency: &str| json[latency]["p90_us"].as_f64().unwrap() / 1e3;
    // 800 requests were due in those 400 ms; each waited for what was left of them.
    assert!(p90_ms("get_latency") > 150.0, "{json}");
    assert!(p90_ms("uncorrected_latency") < 100.0, "a closed loop sees one slow answer: {json}");
    assert!(json["uncorrected_latency"]["max_us"].as_f64().unwrap() >= 400_000.0, "{json}");
}

#[test]
fn what_is_too_late_is_counted_and_not_sent() {
    let ended = over_a_pause(&["--give-up-after", "50ms"]);
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
    let text = &ended.stdout;
    let unsent = text.lines().find_map(|line| line.strip_prefix("NOT SENT ")).unwrap();
    let unsent: u64 = unsent.split(':').next().unwrap().parse().unwrap();
    assert!(
        (500..1_000).contains(&unsent),
        "about 700 are due 50 ms before the pause ends: {text}"
    );
    let json = over_a_pause(&["--give-up-after", "50ms", "--json", "-"]).json();
    let count = |value: &serde_json::Value| value.as_u64().unwrap();
    assert_eq!(count(&json["requests"]) + count(&json["counts"]["unsent"]), 2_000, "{json}");
}

#[test]
fn a_phase_leaves_no_backlog_to_the_next() {
    let endpoint = serve(Fault::Pauses(1));
    let workload = "n=100 @200ms; ~n=50 @600ms";
    let ended = load(&[
        "run",
        "--endpoint",
        &endpoint,
        "--workload",
        workload,
        "--rate",
        "1k",
        "--clients",
        "1",
        "--depth",
        "1",
        "--quiet",
        "--json",
        "-",
    ]);
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
    let json = ended.json();
    let unsent = json["counts"]["unsent"].as_u64().unwrap();
    assert!(
        (190..=200).contains(&unsent),
        "the first phase has ended before its first reply: {json}"
    );
    assert!(json["requests"].as_u64().unwrap() + unsent <= 800, "{json}");
}

#[test]
fn poisson_arrivals_have_their_rate_and_every_latency_is_written() {
    let redis = Redis::start(&[]);
    let hdr = redis.dir.path().join("run.hlog").display().to_string();
    let csv = redis.dir.path().join("run.csv").display().to_string();
    let ended = load(&[
        "run",
        "--endpoint",
        &redis.endpoint(),
        "--workload",
        "ycsb:a,n=1k @2s",
        "--rate",
        "5k",
        "--arrivals",
        "poisson",
        "--preload",
        "--json",
        "-",
        "--hdr",
        &hdr,
        "--csv",
        &csv,
    ]);
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
    let json = ended.json();
    let requests = json["requests"].as_u64().unwrap() + json["counts"]["unsent"].as_u64().unwrap();
    // Four standard deviations of a count of 10,000.
    assert!((9_600..10_400).contains(&requests), "{json}");
    assert_eq!(json["preload"]["requests"], 1_000);
    assert_eq!(json["counts"]["verified"], json["counts"]["gets"]);
    let (p999, p9999) = (&json["get_latency"]["p999_us"], &json["get_latency"]["p9999_us"]);
    assert!(p9999.as_f64().unwrap() >= p999.as_f64().unwrap(), "{json}");
    let log = std::fs::read_to_string(hdr).unwrap();
    for tag in ["Tag=GET,", "Tag=SET,"] {
        assert!(log.lines().filter(|line| line.starts_with(tag)).count() >= 2, "{log}");
    }
    let rows = std::fs::read_to_string(csv).unwrap();
    let header: Vec<&str> = rows.lines().next().unwrap().split(',').collect();
    assert!(header.contains(&"get_p9999_us") && header.contains(&"unsent"), "{rows}");
    assert!(rows.lines().all(|row| row.split(',').count() == header.len()), "{rows}");
    assert!(ended.stderr.contains(" left"), "how long it will take: {}", ended.stderr);
}

#[test]
fn every_ycsb_workload_runs_and_loses_nothing() {
    let redis = Redis::start(&[]);
    let endpoint = redis.endpoint();
    for name in ["a", "b", "c", "d", "e", "f"] {
        redis.say("FLUSHALL");
        let workload = format!("ycsb:{name},n=500,v=200");
        let ended = load(&[
            "run",
            "--endpoint",
            &endpoint,
            "--workload",
            &workload,
            "--requests",
            "20k",
            "--depth",
            "8",
            "--preload",
            "--quiet",
            "--json",
            "-",
        ]);
        assert_eq!(ended.code, 0, "{name}: {}{}", ended.stdout, ended.stderr);
        let json = ended.json();
        assert_eq!(json["requests"], 20_000, "{name}");
        assert_eq!(json["counts"]["nils"], 0, "{name}: only what is there is read: {json}");
        let keys: u64 = redis.say("DBSIZE").trim_start_matches(':').parse().unwrap();
        assert_eq!(keys > 500, ["d", "e"].contains(&name), "{name}: {keys} keys");
    }
}
