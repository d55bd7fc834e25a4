//! The question about one's own traces, as a table and as JSON.

use std::fmt::Write as _;

use super::tool::{run, write};

#[test]
fn the_answer_is_a_table_or_json() {
    let dir = tempfile::tempdir().unwrap();
    let mut hot = String::from("broken line\n");
    let mut wide = String::new();
    for at in 0..60_000_u32 {
        let _ = writeln!(hot, "{},hot{},800", at / 100, at % 500);
        let _ = writeln!(wide, "{},wide{},800", at / 100, at.wrapping_mul(2_654_435_761) % 20_000);
    }
    // The first line says which columns there are.
    let hot = hot.split_once('\n').map(|(broken, rest)| {
        let (first, rest) = rest.split_once('\n').unwrap();
        format!("{first}\n{broken}\n{rest}")
    });
    let hot = write(dir.path(), "hot.csv", &hot.unwrap());
    let wide = write(dir.path(), "wide.csv", &wide);
    let base = "cache=12MiB,rcu=100,wcu=100,net=1MB/s";
    let ask = ["what-if", "--trace", &hot, "--trace", &wide, "--base", base, "--warm-up", "20000"];
    let table = run(&ask);
    assert_eq!(table.code, 0, "{}", table.stderr);
    for part in ["hot", "wide", "memshare", "ours", "1 malformed lines", "line 2"] {
        assert!(table.stdout.contains(part), "no {part:?} in {}", table.stdout);
    }
    let json = run(&[&ask[..], &["--json"]].concat());
    assert_eq!(json.code, 0, "{}", json.stderr);
    let answer: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(answer["tenants"][0]["notes"]["malformed"], 1);
    assert_eq!(answer["tenants"][1]["learned"]["requests"], 40_000);
    assert!(answer["tenants"][1]["learned"]["curve"].as_array().unwrap().len() > 10);
    let ours = answer["policies"].as_array().unwrap().iter().find(|told| told["policy"] == "ours");
    for tenant in ours.unwrap()["tenants"].as_array().unwrap() {
        assert!(tenant["gain"].as_f64().unwrap() >= 0.999, "{tenant}");
    }
}
