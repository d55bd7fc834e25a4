//! The published instances, policy by policy: cache to the byte, rates to a millionth.

use std::collections::BTreeMap;

use hare::instance::{Instance, InstanceShare, Solution, solve};
use hare::{Policy, allocate};
use serde::Deserialize;

const VECTORS: &str = include_str!("vectors/allocation.jsonl");

#[derive(Deserialize)]
struct Expected {
    improve_ratio: f64,
    rounds: usize,
    alloc: Vec<InstanceShare>,
}

#[derive(Deserialize)]
struct Vector {
    #[serde(flatten)]
    instance: Instance,
    expect: BTreeMap<String, Expected>,
    upper_bound_ratio: f64,
}

fn vectors() -> Vec<Vector> {
    VECTORS.lines().map(|line| serde_json::from_str(line).expect("a vector parses")).collect()
}

/// Within 1e-6 relative. `floor` is the size below which a difference is rounding noise.
fn near(got: f64, want: f64, floor: f64) -> bool {
    (got - want).abs() <= 1e-6 * want.abs().max(floor)
}

fn mismatch(got: &Solution, want: &Expected) -> Option<String> {
    if !near(got.improve_ratio, want.improve_ratio, 1e-6) {
        return Some(format!("improve_ratio {} not {}", got.improve_ratio, want.improve_ratio));
    }
    if got.rounds != want.rounds {
        return Some(format!("rounds {} not {}", got.rounds, want.rounds));
    }
    if got.alloc.len() != want.alloc.len() {
        return Some(format!("{} tenants not {}", got.alloc.len(), want.alloc.len()));
    }
    got.alloc.iter().zip(&want.alloc).enumerate().find_map(|(tenant, (got, want))| {
        let same = got.cache == want.cache
            && near(got.rcu, want.rcu, 1e-6)
            && near(got.wcu, want.wcu, 1e-6)
            && near(got.net, want.net, 1e-6);
        (!same).then(|| format!("tenant {tenant}: {got:?} not {want:?}"))
    })
}

fn check(policy: Policy) {
    let vectors = vectors();
    assert_eq!(vectors.len(), 60);
    let failures: Vec<String> = vectors
        .iter()
        .filter_map(|vector| {
            let got = solve(&vector.instance, policy).expect("a vector is a valid instance");
            let problem = mismatch(&got, &vector.expect[policy.name()])?;
            Some(format!("instance {}: {problem}", vector.instance.id))
        })
        .collect();
    assert!(failures.is_empty(), "{policy}: {} wrong\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn drf_is_exact() {
    check(Policy::Drf);
}

#[test]
fn hare_is_exact() {
    check(Policy::Hare);
}

#[test]
fn nonconserving_hare_is_exact() {
    check(Policy::HareNonconserving);
}

#[test]
fn memshare_is_exact() {
    check(Policy::Memshare);
}

#[test]
fn no_trading_beats_the_upper_bound() {
    // Memshare is left out: it measures its ratio from a throughput that may lie below base.
    for vector in vectors() {
        for policy in Policy::ALL.into_iter().filter(|policy| *policy != Policy::Memshare) {
            let ratio = solve(&vector.instance, policy).expect("valid").improve_ratio;
            assert!(ratio <= vector.upper_bound_ratio + 1e-6, "{}: {policy}", vector.instance.id);
        }
    }
}

#[test]
fn hare_leaves_nobody_below_base() {
    for vector in vectors() {
        let (params, tenants) = vector.instance.inputs().expect("valid");
        let allocation = allocate(Policy::Hare, &params, &tenants);
        for (tenant, gain) in allocation.predicted_gain.iter().enumerate() {
            assert!(
                *gain >= 1.0 + allocation.improve_ratio - 1e-6,
                "instance {} tenant {tenant}: {gain}",
                vector.instance.id
            );
        }
    }
}

#[test]
fn a_solution_prints_as_the_vectors_do() {
    let vector = vectors().swap_remove(0);
    let solution = solve(&vector.instance, Policy::Drf).expect("valid");
    let json = serde_json::to_value(&solution).expect("a solution is plain data");
    assert_eq!(json["id"], 0);
    assert_eq!(json["rounds"], 0);
    assert!(json["improve_ratio"].is_number());
    let share = json["alloc"][0].as_object().expect("a share is an object");
    assert_eq!(share.keys().collect::<Vec<_>>(), ["cache", "net", "rcu", "wcu"]);
    assert_eq!(share["cache"], 533_725_184);
}

#[test]
fn the_documented_problem_is_solved() {
    let lines = include_str!("../../docs/allocation.md").lines();
    let problem =
        lines.skip_while(|line| !line.starts_with("    {")).take_while(|line| !line.is_empty());
    let instance: Instance = serde_json::from_str(&problem.collect::<String>()).expect("it parses");
    let solution = solve(&instance, Policy::Optimum).expect("it is valid");
    assert_eq!(solution.alloc.len(), 1);
    let (params, tenants) = instance.inputs().expect("it is valid");
    assert!(params.reserve > 0.0 && params.stability > 0.0);
    assert!((tenants[0].weight() - 2.0).abs() < 1e-12);
    assert_eq!(tenants[0].bounds().min.cache_bytes, 67_108_864);
}
