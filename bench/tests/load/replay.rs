//! `replay`: traces.

use std::fmt::Write;
use std::path::PathBuf;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::fake::{Fault, serve};
use crate::server::Redis;
use crate::tool::{load, load_with_input};

/// Rows of the real trace that are replayed.
const ROWS: &str = "200000";
const SEED: u64 = 7;

/// The real trace, if it is at hand: in `$HOPPERKV_TRACES`, or next to the workspace.
fn real_trace() -> Option<PathBuf> {
    let dir = std::env::var_os("HOPPERKV_TRACES").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/traces"),
        PathBuf::from,
    );
    let path = dir.join("twitter_cluster52_1m.csv.gz");
    if !path.exists() {
        // Not through the test harness, which hides what passing tests print.
        let mut stderr = std::io::stderr();
        let _ = std::io::Write::write_fmt(
            &mut stderr,
            format_args!("SKIPPED: {} is absent (set HOPPERKV_TRACES)\n", path.display()),
        );
    }
    path.exists().then_some(path)
}

#[test]
fn a_real_trace_replays_with_every_value_verified() {
    let Some(trace) = real_trace() else { return };
    let redis = Redis::start(&[]);
    let (endpoint, trace) = (redis.endpoint(), trace.display().to_string());
    let replay = ["replay", "--endpoint", &endpoint, "--trace", &trace, "--limit", ROWS];
    let options = ["--clients", "4", "--depth", "16", "--json", "-", "--quiet"];
    let first = load(&[&replay[..], &options[..]].concat());
    assert_eq!(first.code, 0, "{}{}", first.stdout, first.stderr);
    let json = first.json();
    let count = |name: &str| json["counts"][name].as_u64().unwrap();
    assert_eq!(count("gets"), 200_000);
    assert_eq!(count("nils"), count("sets"), "each key is missed once");
    assert_eq!(count("verified"), count("hits"));
    assert_eq!(redis.say("DBSIZE"), format!(":{}", count("sets")));
    // What an earlier replay left behind is verified too.
    let second = load(&[&replay[..], &options[..]].concat());
    assert_eq!(second.code, 0, "{}{}", second.stdout, second.stderr);
    assert_eq!(second.json()["counts"]["verified"], 200_000);
}

/// A trace of every operation over few keys, so that most requests wait for others of their key.
fn busy_trace(rows: u32) -> String {
    eprintln!("seed {SEED}");
    let mut rng = StdRng::seed_from_u64(SEED);
    let mut text = "timestamp,key,key_size,value_size,client_id,op,ttl\n".to_owned();
    for _ in 0..rows {
        let (key, size) = (rng.random_range(0..40), rng.random_range(0..2_000));
        let op =
            ["get", "gets", "set", "add", "cas", "delete", "incr", "decr"][rng.random_range(0..8)];
        let counter = if key >= 30 { "n" } else { "k" };
        let op = match (counter, op) {
            ("n", "set" | "add" | "cas") => "incr",
            (_, op) => op,
        };
        let ttl = if rng.random_range(0..10) == 0 { 1000 } else { 0 };
        let _ = writeln!(text, "0,{counter}{key},3,{size},1,{op},{ttl}");
    }
    text
}

#[test]
fn every_operation_stays_in_order_per_key_at_depth() {
    let redis = Redis::start(&[]);
    let endpoint = redis.endpoint();
    let trace = busy_trace(60_000);
    for on_nil in ["set", "count"] {
        redis.say("FLUSHALL");
        let ended = load_with_input(
            &[
                "replay",
                "--endpoint",
                &endpoint,
                "--trace",
                "-",
                "--clients",
                "3",
                "--depth",
                "32",
                "--on-nil",
                on_nil,
                "--json",
                "-",
                "--quiet",
            ],
            &trace,
        );
        assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
        let json = ended.json();
        assert_eq!(json["trace"]["requests"], 60_000);
        assert!(json["counts"]["incrs"].as_u64().unwrap() > 1_000, "{json}");
        assert!(json["counts"]["verified"].as_u64().unwrap() > 10_000, "{json}");
        let count = |name: &str| json["counts"][name].as_u64().unwrap();
        let follow_ups = if on_nil == "set" { count("nils") } else { 0 };
        let skipped = json["trace"]["skipped_ops"].as_u64().unwrap();
        assert_eq!(json["requests"].as_u64().unwrap() + skipped - follow_ups, 60_000);
    }
}

#[test]
fn throttled_operations_are_repeated_until_none_is_missing() {
    let address = serve(Fault::Throttles(5));
    let mut trace = String::new();
    for row in 0..3_000 {
        let _ = writeln!(trace, "{row},object{},{}", row * row % 61, row % 61 * 7);
    }
    // Sizes follow from the object here, as they do in real traces.
    let ended = load_with_input(
        &[
            "replay",
            "--endpoint",
            &address,
            "--trace",
            "-",
            "--clients",
            "2",
            "--depth",
            "64",
            "--json",
            "-",
            "--quiet",
        ],
        &trace,
    );
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
    let json = ended.json();
    assert_eq!(json["counts"]["gets"], 3_000);
    assert!(json["counts"]["throttled"].as_u64().unwrap() > 600, "{json}");
    assert_eq!(json["counts"]["nils"], json["counts"]["sets"]);
}

#[test]
fn a_lost_write_is_found() {
    let trace = "time,object,size\n0,a,10\n1,b,10\n2,b,10\n3,a,10\n";
    let replay = ["replay", "--trace", "-", "--clients", "1", "--quiet", "--endpoint"];
    let ended = load_with_input(&[&replay[..], &[&serve(Fault::Forgets(1))]].concat(), trace);
    assert_eq!(ended.code, 1, "{}", ended.stdout);
    assert!(ended.stdout.contains("0 wrong, 1 lost, 1 right"), "{}", ended.stdout);
    assert!(ended.stdout.contains("key a: nil, though Value"), "{}", ended.stdout);
    let forgetful = serve(Fault::Forgets(1));
    let ended = load_with_input(&[&replay[..], &[&forgetful, "--cache-only"]].concat(), trace);
    assert_eq!(ended.code, 0, "{}", ended.stdout);
}

#[test]
fn malformed_lines_are_reported_with_their_number() {
    let redis = Redis::start(&[]);
    let endpoint = redis.endpoint();
    let trace = "0,a,10\n0,b,ten\n0,c\n0,a,10\n";
    let ended = load_with_input(&["replay", "--endpoint", &endpoint, "--trace", "-"], trace);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stdout.contains("2 requests, 2 malformed lines"), "{}", ended.stdout);
    assert!(
        ended.stdout.contains("first malformed: line 2: size `ten` is not a whole number"),
        "{}",
        ended.stdout
    );
}
