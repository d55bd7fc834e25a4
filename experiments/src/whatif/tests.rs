//! Questions whose answers are known.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::{Question, WhatIfError, render};
use crate::spec::Policy;

/// A trace that reads `keys` keys of 1,000 bytes in turns, `rounds` times.
fn trace(dir: &Path, name: &str, keys: u32, rounds: u32, extra: &str) -> PathBuf {
    let mut text = String::from(extra);
    for round in 0..rounds {
        for key in 0..keys {
            let _ = writeln!(text, "{round},key{key:07},1000");
        }
    }
    let path = dir.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

fn question(traces: Vec<PathBuf>, base: &str) -> Question {
    Question { traces, bases: vec![base.parse().unwrap()], warm_up: 0, simulate: None }
}

#[test]
fn a_loop_that_does_not_fit_gets_the_cache_of_one_that_does() {
    let dir = tempfile::tempdir().unwrap();
    // 20,000 entries of some 1.1 kB are 22 MB; 2,000 are 2.2 MB.
    let large = trace(dir.path(), "large.csv", 20_000, 12, "");
    let small = trace(dir.path(), "small.csv", 2_000, 120, "");
    let base = "cache=16MiB,rcu=100,wcu=100,net=1MB/s";
    let mut question = question(vec![large, small], base);
    question.warm_up = 20_000;
    question.simulate = Some(5);
    let answer = question.answer().unwrap();
    let told = |policy| answer.policies.iter().find(|told| told.policy == policy).unwrap();
    let fixed = told(Policy::Static);
    assert!((fixed.tenants[0].miss_ratio - 1.0).abs() < 0.01, "a loop hits nothing until it fits");
    assert!(fixed.tenants[1].miss_ratio < 0.01);
    let per_s = fixed.tenants[0].throughput_per_s.unwrap();
    assert!((per_s - 100.0).abs() < 2.0, "one unit for each read: {per_s}");
    let ours = told(Policy::Ours);
    assert!(ours.tenants[0].miss_ratio < 0.05, "it fits now: {:?}", ours.tenants[0]);
    let least = ours.tenants.iter().map(|tenant| tenant.gain).fold(f64::INFINITY, f64::min);
    assert!(least >= 1.0, "nobody loses: {ours:?}");
    assert!(ours.tenants[0].simulated_gain.is_some());
    let text = render(&answer);
    assert!(text.contains("large") && text.contains("simulated"), "{text}");
}

#[test]
fn malformed_lines_are_counted_and_the_first_is_shown() {
    let dir = tempfile::tempdir().unwrap();
    let good = trace(dir.path(), "a.csv", 100, 3, "");
    let bad = trace(dir.path(), "b.csv", 100, 3, "1,key,50\nnonsense\n2,key\n");
    let question = question(vec![good, bad], "cache=8MiB,rcu=100,wcu=100,net=1MB/s");
    let answer = question.answer().unwrap();
    assert_eq!(answer.tenants[1].notes.malformed, 2);
    let text = render(&answer);
    assert!(text.contains("b.csv: 2 malformed lines") && text.contains("line 2"), "{text}");
}

#[test]
fn questions_without_an_answer_say_why() {
    let dir = tempfile::tempdir().unwrap();
    let one = trace(dir.path(), "a.csv", 10, 1, "");
    let base = "cache=8MiB,rcu=100,wcu=100,net=1MB/s";
    let said = |question: &Question| question.answer().map(drop).unwrap_err().to_string();
    assert!(said(&question(vec![one.clone()], base)).contains("sharing takes two"));
    let missing = dir.path().join("nowhere.csv");
    assert!(said(&question(vec![one.clone(), missing], base)).contains("nowhere.csv"));
    let mut uneven = question(vec![one.clone(), one.clone()], base);
    uneven.bases = vec![uneven.bases[0]; 3];
    assert!(said(&uneven).contains("3 times for 2 traces"));
    let mut warm = question(vec![one.clone(), one], base);
    warm.warm_up = 10;
    assert!(matches!(warm.answer(), Err(WhatIfError::Trace(_))));
    for (bad, part) in [
        ("cache=1GiB", "rcu is missing"),
        ("cache=1GiB,rcu=-5", "rcu=-5"),
        ("ram=1GiB", "unknown `ram`"),
        ("cache", "NAME=VALUE"),
    ] {
        let error = bad.parse::<super::Base>().unwrap_err();
        assert!(error.contains(part), "{bad}: {error}");
    }
}
