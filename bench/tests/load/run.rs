//! `run`: synthetic load.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::fake::{Fault, serve};
use crate::server::Redis;
use crate::tool::{command, load};

#[test]
fn a_preloaded_run_hits_and_verifies_everything() {
    let redis = Redis::start(&["--requirepass", "secret"]);
    let csv = redis.dir.path().join("seconds.csv");
    let ended = load(&[
        "run",
        "--endpoint",
        &redis.endpoint(),
        "--password",
        "secret",
        "--preload",
        "--workload",
        "n=2k,k=20,v=300,w=0.2,d=zipf:0.9 @1200ms; ~d=scan:0.5:20 @300ms",
        "--clients",
        "3",
        "--depth",
        "4",
        "--json",
        "-",
        "--csv",
        &csv.display().to_string(),
    ]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let json = ended.json();
    let count = |name: &str| json["counts"][name].as_u64().unwrap();
    assert!(count("gets") > 1_000 && count("sets") > 100, "{json}");
    assert_eq!(count("verified"), count("gets"));
    assert_eq!((count("nils"), count("mismatches"), count("lost")), (0, 0, 0));
    assert!(json["get_latency"]["p99_us"].as_f64().unwrap() > 0.0);
    assert!(json["elapsed_s"].as_f64().unwrap() >= 1.4, "{json}");
    assert!(ended.stderr.contains("requests/s"), "a progress line: {}", ended.stderr);
    let rows = std::fs::read_to_string(csv).unwrap();
    assert!(rows.lines().count() >= 3 && rows.starts_with("elapsed_s,"), "{rows}");
}

#[test]
fn without_preload_nil_is_counted_and_requests_are_bounded() {
    let redis = Redis::start(&[]);
    let endpoint = redis.endpoint();
    let ended = load(&[
        "run",
        "--endpoint",
        &endpoint,
        "--workload",
        "n=100",
        "--requests",
        "1k",
        "--json",
        "-",
    ]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let json = ended.json();
    assert_eq!(json["requests"], 1_000);
    assert_eq!(json["counts"]["nils"], 1_000);
}

#[test]
fn a_wrong_or_missing_value_fails_the_run() {
    let redis = Redis::start(&[]);
    let endpoint = redis.endpoint();
    let workload = "n=20,k=16,v=100,d=seq";
    let workload = ["--workload", workload, "--requests", "100", "--clients", "1", "--quiet"];
    let run = ["run", "--endpoint", &endpoint];
    assert_eq!(load(&[&run[..], &["--preload"], &workload[..]].concat()).code, 0);
    assert_eq!(redis.say("SETRANGE K0000000007s16EY 50 B"), ":100");
    let ended = load(&[&run[..], &workload[..]].concat());
    assert_eq!(ended.code, 1);
    assert!(ended.stdout.contains("VERIFICATION FAILED: 5 wrong"), "{}", ended.stdout);
    assert!(ended.stdout.contains("offset 7: wrong byte at 50 of 100"), "{}", ended.stdout);
    let ended = load(&[&run[..], &["--verify", "false"], &workload[..]].concat());
    assert_eq!(ended.code, 0);
    assert!(ended.stdout.contains("values were not verified"), "{}", ended.stdout);

    let forgetful = serve(Fault::Forgets(3));
    let run = ["run", "--endpoint", &forgetful, "--preload"];
    let ended = load(&[&run[..], &workload[..]].concat());
    assert_eq!(ended.code, 1, "{}", ended.stdout);
    assert!(ended.stdout.contains("nil, though it was preloaded"), "{}", ended.stdout);
    let ended = load(&[&run[..], &["--cache-only"], &workload[..]].concat());
    assert_eq!(ended.code, 0, "{}", ended.stdout);
}

#[test]
fn throttled_requests_are_counted_and_a_broken_connection_ends_the_run() {
    let throttling = serve(Fault::Throttles(10));
    let run = ["run", "--workload", "n=50,v=100,w=0.5", "--requests", "2k", "--json", "-"];
    let ended = load(&[&run[..], &["--endpoint", &throttling]].concat());
    assert_eq!(ended.code, 0, "{}", ended.stdout);
    assert_eq!(ended.json()["counts"]["throttled"], 200);
    let ended = load(&[&run[..], &["--endpoint", &serve(Fault::HangsUp(500))]].concat());
    assert_eq!(ended.code, 1);
    let json = ended.json();
    let cause = json["broken_off_by"].as_str().unwrap();
    assert!(cause.starts_with("lost the connection to 127.0.0.1:"), "{cause}");
}

#[test]
fn ctrl_c_ends_the_run_with_its_summary() {
    let redis = Redis::start(&[]);
    let mut child = command()
        .args(["run", "--workload", "n=100", "--duration", "1h", "--endpoint", &redis.endpoint()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut progress = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(progress.next().unwrap().unwrap().contains("requests/s"));
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), Signal::SIGINT).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("(stopped early)") && text.contains("p99.9"), "{text}");
}
