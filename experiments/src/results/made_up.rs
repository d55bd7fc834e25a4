//! Made-up specs and outcomes that look like real ones, for tests of what is drawn and told.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::too_many_lines,
    reason = "small, made-up numbers"
)]

use std::path::Path;

use hare::Resources;

use crate::outcome::{DecisionMark, Interval, Outcome, TenantOutcome, Used};
use crate::spec::{Engine, Policy, Scale, Spec, Traffic};

const HEAD: &str = r#"
policies = ["static", "drf", "memshare", "hare", "ours", "non-partitioned"]
[base]
cache = "2GiB"
read_units = 1000
write_units = 1000
net = "50MiB/s"
"#;

/// A spec with the usual base shares: `top` goes first, `rest` after them.
pub(crate) fn spec(top: &str, rest: &str) -> Spec {
    let text = format!("{top}\n{HEAD}\n{rest}");
    Spec::parse(&text, Path::new("specs/made-up.toml"), None).unwrap()
}

/// Two tenants, one thing varied.
pub(crate) fn varied() -> Spec {
    spec(
        "name = \"6a\"\ntitle = \"Two tenants, one working set varied\"\npaper = \"figure 6a\"\n\
         shows = \"Cache moves to whom it helps most; both tenants gain at every size of the first one's working set.\"",
        r#"
[vary]
name = "keys"
label = "Keys of tenant 1"
values = ["1m", "2m", "4m", "8m", "12m", "16m"]
[[tenant]]
name = "t1"
workload = "n={keys},v=500,w=0.05,d=unif"
[[tenant]]
name = "t2"
workload = "n=6m,v=500,w=0.05,d=unif"
"#,
    )
}

/// Sixteen tenants.
pub(crate) fn mixed() -> Spec {
    let mut tenants = String::new();
    for (keys, letter) in [("6m", 's'), ("12m", 'l')] {
        for value in [500, 2000] {
            for (kind, rest) in [
                ("write-heavy", "w=0.5,d=zipf:0.99"),
                ("mixed", "w=0.05,d=zipf:0.99"),
                ("read", "w=0,d=zipf:0.99"),
                ("scan", "w=0.05,d=scan:0.99:100"),
            ] {
                tenants.push_str(&format!(
                    "[[tenant]]\nname = \"{letter}{value}-{kind}\"\nworkload = \"n={keys},v={value},{rest}\"\n"
                ));
            }
        }
    }
    spec(
        "name = \"7a\"\ntitle = \"Sixteen tenants of mixed workloads\"\npaper = \"figure 7a\"\n\
         shows = \"Every tenant of a broad mix gains.\"",
        &tenants,
    )
}

/// Four tenants that drift, for an hour.
pub(crate) fn drifting() -> Spec {
    spec(
        "name = \"8\"\ntitle = \"Drifting workloads\"\npaper = \"figure 8\"\nshows = \"Shares follow what tenants need.\"",
        r#"
[allocator]
every = "20s"
[time]
measure = "60min"
[[tenant]]
name = "writes"
workload = "n=6m,w=0.05,d=zipf:0.99 @12min; ~w=0.45 @12min; ~w=0.3 @12min; ~w=0.1 @24min"
[[tenant]]
name = "keys"
workload = "n=2m,w=0.05,d=zipf:0.9 @15min; ~n=12m @15min; ~n=6m,w=0.2,d=zipf:0.5 @3min; ~n=3m @27min"
[[tenant]]
name = "theta"
workload = "n=6m,d=zipf:0.2 @20min; ~d=zipf:0.99 @20min; ~d=zipf:0.6 @20min"
[[tenant]]
name = "late"
workload = "n=6m,d=scan:0.99:50 @20min; ~d=scan:0.99:200 @20min"
arrives = "10min"
leaves = "50min"
"#,
    )
}

/// Nine tenants, decisions that are periodic, and something that is varied.
pub(crate) fn periodic_and_varied() -> Spec {
    spec(
        "name = \"both\"\ntitle = \"Both\"\nshows = \"All.\"",
        "[allocator]\nevery = \"20s\"\n[vary]\nname = \"k\"\nlabel = \"<k>\"\nvalues = [\"1m\", \"2m\"]\n\
         [[tenant]]\nname = \"t\"\ncount = 9\nworkload = \"n={k}\"",
    )
}

/// A thousand tenants.
pub(crate) fn many() -> Spec {
    spec(
        "name = \"many\"\ntitle = \"A thousand tenants\"\nshows = \"Nobody is too small to gain.\"",
        "[[tenant]]\nname = \"tenant\"\ncount = 1000\nworkload = \"n=6m,w=0.05,d=zipf:0.9\"",
    )
}

/// A number from 0 to 1 that looks random.
pub(crate) fn noise(of: &[usize]) -> f64 {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for value in of {
        state = (state ^ *value as u64).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        state ^= state >> 29;
    }
    (state >> 11) as f64 / (1_u64 << 53) as f64
}

/// All runs of a spec.
pub(crate) fn outcomes(spec: &Spec, engine: Engine, scale: &str) -> Vec<Outcome> {
    let scale: Scale = scale.parse().unwrap();
    let policies = spec.policies.iter();
    let keys = policies.flat_map(|policy| (0..spec.points()).map(move |point| (point, *policy)));
    keys.map(|(point, policy)| outcome(spec, engine, scale, point, policy)).collect()
}

fn outcome(spec: &Spec, engine: Engine, scale: Scale, point: usize, policy: Policy) -> Outcome {
    let order = Policy::ALL.iter().position(|other| *other == policy).unwrap();
    let best = [0.0, 0.3, 0.45, 0.6, 0.75, 0.9][order];
    let end_s = if spec.allocator.every.is_some() { 3600.0 } else { 120.0 };
    let of_tenant = |(number, tenant): (usize, crate::spec::Tenant)| {
        let jitter =
            if engine == Engine::Live { 0.02 * noise(&[number, point, order, 9]) } else { 0.0 };
        let gain = 1.0 + best * (0.35 + 0.65 * noise(&[number, point])) + jitter
            - if policy == Policy::NonPartitioned { 0.6 * noise(&[number, 77]) } else { 0.0 };
        let base_throughput = 21_000.0 / (1.0 + 0.4 * (point + number % 7) as f64) * scale.factor();
        let factor = 0.5 + noise(&[number, 5, point]) * (0.6 + 0.1 * order as f64);
        let share =
            if policy == Policy::Static { tenant.base } else { scaled(tenant.base, factor, gain) };
        let moving = |at_s: f64| {
            let phase = (at_s / 720.0).floor();
            gain * (0.8
                + 0.3 * noise(&[phase as usize, number])
                + 0.05 * noise(&[at_s as usize, order]))
        };
        let alive = |at_s: f64| {
            at_s > tenant.arrives.as_secs_f64()
                && tenant.leaves.is_none_or(|leaves| at_s <= leaves.as_secs_f64())
        };
        let intervals = (end_s / 10.0) as usize;
        let series = (1..=intervals).map(|index| {
            let until_s = index as f64 * 10.0;
            let on = if alive(until_s) { 1.0 } else { 0.0 };
            let swing = 0.6 + 0.8 * noise(&[(until_s / 400.0) as usize, number, order]);
            Interval {
                until_s,
                throughput_per_s: on * base_throughput * moving(until_s),
                hit_ratio: 0.8,
                share: if policy == Policy::Static {
                    tenant.base
                } else {
                    scaled(tenant.base, on * factor * swing, on * swing)
                },
            }
        });
        let reach = tenant.base.cache_bytes as f64 * 4.0;
        let curve = (0..=64).map(|tick| {
            let part = f64::from(tick) / 64.0;
            (
                (reach * part) as u64,
                (1.0 - part).powf(1.0 + 4.0 * noise(&[number, 3])) * 0.95 + 0.05,
            )
        });
        let decides = !matches!(policy, Policy::Static | Policy::NonPartitioned);
        let workload = match &tenant.traffic {
            Traffic::Workload(workload) => workload.to_string(),
            Traffic::Trace(path) => path.display().to_string(),
        };
        TenantOutcome {
            name: tenant.name,
            workload,
            base: tenant.base,
            share,
            throughput_per_s: base_throughput * gain,
            hit_ratio: 0.5 + 0.4 * noise(&[number, order]) + jitter,
            used: Used::default(),
            p50_ms: 1.2,
            p99_ms: 9.0 + gain,
            refused: 0,
            predicted_gain: decides.then(|| gain * (0.92 + 0.16 * noise(&[number, order, 4]))),
            curve: if decides { curve.collect() } else { Vec::new() },
            series: if spec.name == "many" { Vec::new() } else { series.collect() },
        }
    };
    let tenants = spec.at(point, scale).unwrap().into_iter().enumerate().map(of_tenant).collect();
    let decisions = match (policy, spec.allocator.every) {
        (Policy::Static | Policy::NonPartitioned, _) => Vec::new(),
        (_, None) => vec![decision(40.0, true)],
        (_, Some(_)) => {
            let at = (1..180)
                .map(|index| (f64::from(index) * 20.0, noise(&[index as usize, order]) > 0.8));
            at.map(|(at_s, applied)| decision(at_s, applied)).collect()
        }
    };
    Outcome {
        spec: spec.name.clone(),
        point,
        point_label: spec.point_label(point).to_owned(),
        policy,
        engine,
        scale: scale.factor(),
        seed: 7,
        fingerprint: "made up".to_owned(),
        measured_s: if spec.allocator.every.is_some() { end_s } else { 60.0 },
        wall_s: 3.5,
        tenants,
        decisions,
        notes: Vec::new(),
    }
}

fn decision(at_s: f64, applied: bool) -> DecisionMark {
    DecisionMark { at_s, applied, reason: "made up".to_owned(), improvement: 0.3 }
}

fn scaled(base: Resources, cache: f64, rates: f64) -> Resources {
    let rates = base.rates().zip(base.rates(), |rate, _| rate * rates);
    Resources::new((base.cache_bytes as f64 * cache) as u64, rates)
}
