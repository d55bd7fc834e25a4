//! Decisions where caches take long to fill.

use std::time::Duration;

use hare::{Confidence, MissRatioCurve, Policy, Resources, WindowUsage};
use proptest::prelude::{ProptestConfig, prop_assert, proptest};

use crate::caution::Caution;
use crate::decide::{Options, decide};
use crate::decide_tests::view;
use crate::decision::Decision;
use crate::filling::Filling;
use crate::snapshot::{Snapshot, TenantView};

const MIB: u64 = 1 << 20;
const EPOCH: Duration = Duration::from_secs(20);
const ENTRY_BYTES: f64 = 600.0;
const OPTIONS: Options = Options {
    policy: Policy::Optimum,
    threshold: 0.05,
    caution: Caution::Salt(0.0),
    min_cache_bytes: 2 * MIB,
    reserve: 0.0,
    stability: 0.0,
    epoch: Some(EPOCH),
};

/// A tenant with a base cache of 256 MiB that is warm; misses fall linearly until `working_set` MiB are cached, but for a
/// fiftieth.
fn tenant(name: &str, working_set: u64, writes: u64) -> TenantView {
    let reads = 10_000 - writes;
    let usage = WindowUsage {
        reads,
        hits: 0,
        writes,
        read_half_units_if_missed: 2 * reads,
        write_units: writes,
        client_read_bytes: reads * 516,
        client_write_bytes: writes * 516,
        storage_read_bytes_if_missed: reads * 516,
        storage_write_bytes: writes * 516,
    };
    let points = (1..=64).map(|tick| 16 * MIB * tick);
    let ratio = |bytes: u64| (1.0 - bytes as f64 / (working_set * MIB) as f64).max(0.02);
    let curve = MissRatioCurve::new(points.clone().collect(), points.map(ratio).collect());
    let base = Resources {
        cache_bytes: 256 * MIB,
        read_units_per_s: 200.0,
        write_units_per_s: 200.0,
        net_bytes_per_s: 20e6,
    };
    TenantView {
        confidence: Confidence { sampled_reads: 1_000_000, ..Confidence::default() },
        filling: Some(Filling {
            warm_bytes: base.cache_bytes,
            base_warm_bytes: base.cache_bytes,
            bytes_per_s: 200.0 * ENTRY_BYTES,
            entry_bytes: ENTRY_BYTES,
            measured: None,
        }),
        ..view(name, base, usage, curve.unwrap())
    }
}

fn pair() -> Vec<TenantView> {
    vec![tenant("alpha", 128, 500), tenant("beta", 900, 500)]
}

fn run(tenants: &[TenantView], options: &Options) -> Decision {
    let snapshot = Snapshot { tenants: tenants.to_vec(), found_better: true, on_the_way: false };
    decide(&snapshot, options)
}

/// One epoch later: shares are in place, caches filled as far as they can be.
fn go_on(tenants: &mut [TenantView], decision: &Decision) {
    for (view, decided) in tenants.iter_mut().zip(&decision.tenants) {
        if decision.is_to_apply() {
            view.current = decided.share;
        }
        let filling = view.filling.as_mut().unwrap();
        let taken_in = filling.bytes_of(filling.bytes_per_s / ENTRY_BYTES, EPOCH);
        filling.warm_bytes = (filling.warm_bytes + taken_in).min(view.current.cache_bytes);
        filling.base_warm_bytes = (filling.base_warm_bytes + taken_in)
            .min(view.base.cache_bytes)
            .max(filling.warm_bytes.min(view.base.cache_bytes));
    }
}

#[test]
fn a_cache_grows_no_faster_than_it_fills_and_its_rates_follow() {
    let mut tenants = pair();
    let first = run(&tenants, &OPTIONS);
    assert!(first.is_to_apply() && first.is_a_step, "{}", first.reason);
    let grown = |decision: &Decision| decision.tenants[1].share.cache_bytes;
    let fills = tenants[1].filling.unwrap().bytes_of(200.0, EPOCH);
    assert!(grown(&first) > 256 * MIB && grown(&first) <= 256 * MIB + fills, "{}", grown(&first));
    let steady = run(&tenants, &Options { epoch: None, ..OPTIONS });
    let gain = |decision: &Decision| decision.tenants[1].predicted_gain;
    assert!(gain(&first) < gain(&steady), "nothing is promised for a cache that is not filled");
    let mut last = first;
    for _ in 0..80 {
        go_on(&mut tenants, &last);
        last = run(&tenants, &OPTIONS);
    }
    let steps = (grown(&last) - 256 * MIB) / fills;
    assert!(steps >= 10, "it goes on as the cache fills, for {steps} steps");
}

#[test]
fn a_cache_that_is_still_cold_gets_no_more() {
    let mut tenants = pair();
    let filling = tenants[1].filling.as_mut().unwrap();
    (filling.warm_bytes, filling.base_warm_bytes) = (100 * MIB, 100 * MIB);
    let decision = run(&tenants, &OPTIONS);
    assert!(decision.tenants[1].share.cache_bytes <= 256 * MIB, "{}", decision.reason);
    assert!(decision.tenants.iter().all(|tenant| tenant.predicted_gain > 1.0 - 1e-6));
}

#[test]
fn nobody_gives_what_it_could_not_fill_again() {
    let mut tenants = pair();
    let could_fill = tenants[0].filling.unwrap().bytes_of(200.0, EPOCH * 30);
    for _ in 0..200 {
        let decision = run(&tenants, &OPTIONS);
        go_on(&mut tenants, &decision);
    }
    let given = 256 * MIB - tenants[0].current.cache_bytes;
    assert!(given > 0 && given <= could_fill, "{} of {}", given / MIB, could_fill / MIB);
}

#[test]
fn where_caches_fill_at_once_the_steady_optimum_is_had_at_once() {
    let mut tenants = pair();
    for view in &mut tenants {
        view.filling.as_mut().unwrap().bytes_per_s *= 1e6;
        view.filling.as_mut().unwrap().entry_bytes *= 1e6;
    }
    let quick = run(&tenants, &OPTIONS);
    let steady = run(&tenants, &Options { epoch: None, ..OPTIONS });
    let shares = |decision: &Decision| -> Vec<Resources> {
        decision.tenants.iter().map(|tenant| tenant.share).collect()
    };
    assert_eq!(shares(&quick), shares(&steady));
    assert!(!quick.is_a_step && quick.is_to_apply());
}

#[test]
fn the_level_of_a_curve_is_the_measured_one() {
    let mut tenants = pair();
    let at_base = 1.0 - 256.0 / 900.0;
    let measured = crate::filling::Measured { miss_ratio: at_base - 0.3, warm_bytes: 256 * MIB };
    tenants[1].filling.as_mut().unwrap().measured = Some(measured);
    let decision = run(&tenants, &OPTIONS);
    let requests_per_s = decision.tenants[1].base_requests_per_s.unwrap();
    // 200 read units for 95 reads in 100 requests, of which those miss that were seen to; the cache is full.
    let expected = 200.0 / (0.95 * (at_base - 0.3));
    assert!((requests_per_s / expected - 1.0).abs() < 1e-6, "{requests_per_s} {expected}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// From base shares on, with caches as cold as they may be, nobody is ever predicted to be below base, and the sums stay.
    #[test]
    fn nobody_is_below_base_while_caches_fill(
        kinds in proptest::collection::vec((32..2_000_u64, 1..9_000_u64, 0..240_u64, 1.0..5e4_f64), 2..6),
        epochs in 1..12_usize,
    ) {
        let mut tenants: Vec<TenantView> = kinds.iter().enumerate().map(|(index, &(working_set, writes, filled, per_s))| {
            let mut view = tenant(&format!("t{index}"), working_set, writes);
            let filling = view.filling.as_mut().unwrap();
            let warm_bytes = MIB * (16 + filled);
            (filling.warm_bytes, filling.base_warm_bytes) = (warm_bytes, warm_bytes);
            filling.bytes_per_s = per_s * ENTRY_BYTES;
            view
        }).collect();
        for _ in 0..epochs {
            let decision = run(&tenants, &OPTIONS);
            let total: Resources = decision.tenants.iter().map(|tenant| tenant.share).sum();
            let base: Resources = tenants.iter().map(|tenant| tenant.base).sum();
            prop_assert!(total.cache_bytes == base.cache_bytes);
            prop_assert!(total.read_units_per_s <= base.read_units_per_s * (1.0 + 1e-9));
            prop_assert!(total.write_units_per_s <= base.write_units_per_s * (1.0 + 1e-9));
            for tenant in &decision.tenants {
                let (name, gain) = (&tenant.name, tenant.predicted_gain);
                prop_assert!(gain >= 1.0 - 1e-6, "{name}: {gain}, {}", decision.reason);
            }
            go_on(&mut tenants, &decision);
        }
    }
}
