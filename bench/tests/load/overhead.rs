//! `overhead` and `null-server`: what the generator itself costs.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::tool::{command, load};

#[test]
fn every_way_of_generating_is_measured_and_verified() {
    let ended = load(&["overhead", "--duration", "200ms", "--json", "-"]);
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
    let json = ended.json();
    let cases = json["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 4);
    for case in cases {
        let number = |name: &str| case[name].as_f64().unwrap();
        assert!(number("requests") > 1_000.0 && number("cpu_ns") > 10.0, "{case}");
        assert!((number("per_core_per_s") * number("cpu_ns") / 1e9 - 1.0).abs() < 1e-6, "{case}");
        let verifies = case["name"] != "run --verify false";
        assert_eq!(number("verified") > 0.0, verifies, "{case}");
    }
}

#[test]
fn a_null_server_serves_until_it_is_told_to_end() {
    let mut child = command()
        .args([
            "null-server",
            "--listen",
            "127.0.0.1:0",
            "--value-bytes",
            "100",
            "--values",
            "right",
        ])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let endpoint = line.trim().strip_prefix("listening on ").unwrap().to_owned();
    let run = ["run", "--endpoint", &endpoint, "--workload", "n=1k,v=100,w=0.2", "--quiet"];
    let ended = load(&[&run[..], &["--requests", "5k", "--depth", "16", "--json", "-"]].concat());
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
    assert_eq!(ended.json()["counts"]["verified"], ended.json()["counts"]["gets"]);
    let ended = load(&[&run[..], &["--requests", "10", "--preload", "warm-up"]].concat());
    assert_eq!(ended.code, 2, "{}", ended.stdout);
    assert!(ended.stderr.contains("has no keyspace_hits to watch"), "{}", ended.stderr);
    child.kill().unwrap();
    child.wait().unwrap();
}
