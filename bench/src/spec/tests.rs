//! What workload texts mean, and what is said of those that mean nothing.

use super::{Distribution, Workload};
use std::time::Duration;

#[test]
fn phases_copy_and_change() {
    let text = "n=6m,k=16,v=2k,w=0.05,d=scan:.99:100 @4min; ~w=0.45 @30s ;~ d=seq,n=5";
    let workload: Workload = text.parse().unwrap();
    let [first, second, third] = workload.phases.as_slice() else { panic!("three phases") };
    assert_eq!((first.keys, first.key_bytes, first.value_bytes), (6_000_000, 16, 2_000));
    assert_eq!(first.distribution, Distribution::Scan { theta: 0.99, max: 100 });
    assert_eq!(first.duration, Some(Duration::from_secs(240)));
    assert!((second.write_ratio - 0.45).abs() < 1e-12);
    assert_eq!(second.distribution, first.distribution);
    assert_eq!(second.duration, Some(Duration::from_secs(30)));
    assert_eq!((third.keys, third.distribution), (5, Distribution::Sequential));
    assert_eq!(third.duration, None);
    assert_eq!(workload.to_string().parse::<Workload>(), Ok(workload));
}

#[test]
fn defaults_fill_in() {
    let workload: Workload = "n=10".parse().unwrap();
    assert_eq!(workload.to_string(), "n=10,k=16,v=500,w=0,d=unif");
}

#[test]
fn mistakes_name_phase_and_remedy() {
    for (text, part) in [
        ("", "phase 1: n (the number of keys)"),
        ("k=16", "phase 1: n (the number of keys)"),
        ("n=10;~w=2", "phase 2: w=2"),
        ("~w=0.1", "there is none"),
        ("n=10,x=1", "unknown field `x`"),
        ("n=10,w", "`w` is not NAME=VALUE"),
        ("n=ten", "`ten` is not a whole number"),
        ("n=10,d=zipf", "expected seq, unif"),
        ("n=10,d=zipf:1.2", "theta `1.2`"),
        ("n=10,d=scan:0.9:0", "at least 1 key"),
        ("n=10,k=14", "k=14 is too small: a key is K, ten digits, s, its size and Y, 15 bytes"),
        ("n=10,v=3", "v=3 is too small"),
        ("ycsb:g,n=10", "`g` is no YCSB workload: a, b, c, d, e or f"),
        ("ycsb:a", "n (the number of keys) is missing"),
        ("n=10,i=0.1", "i=0.1 with d=unif: new keys are only read by latest:THETA and scan"),
        ("n=10,m=0.1,d=scan:0.9:5", "scans do not modify"),
        ("n=10,w=0.6,m=0.5", "add up to 1.1"),
        ("n=10,m=x", "m=x: a ratio is a number from 0 to 1"),
        ("n=10 @soon", "`soon` is not a duration"),
        ("n=10 @-1s", "not a duration"),
        ("n=20000m", "more than"),
    ] {
        let error = text.parse::<Workload>().expect_err(text).to_string();
        assert!(error.contains(part), "{text}: {error}");
    }
}

#[test]
fn ycsb_workloads_go_by_name_and_can_be_changed() {
    let shown = |text: &str| text.parse::<Workload>().unwrap().to_string();
    for (text, meaning) in [
        ("ycsb:a,n=6m @30s", "n=6000000,k=16,v=1000,w=0.5,d=zipf:0.99 @30s"),
        ("ycsb:B, n=5", "n=5,k=16,v=1000,w=0.05,d=zipf:0.99"),
        ("ycsb:c,n=5,v=500", "n=5,k=16,v=500,w=0,d=zipf:0.99"),
        ("ycsb:d,n=5", "n=5,k=16,v=1000,w=0,d=latest:0.99,i=0.05"),
        (
            "ycsb:e,n=5;~d=scan:0.5:10",
            "n=5,k=16,v=1000,w=0,d=scan:0.99:100,i=0.05; n=5,k=16,v=1000,w=0,d=scan:0.5:10,i=0.05",
        ),
        ("ycsb:f,n=5", "n=5,k=16,v=1000,w=0,d=zipf:0.99,m=0.5"),
    ] {
        assert_eq!(shown(text), meaning);
        assert_eq!(shown(meaning), meaning, "and back");
    }
}
