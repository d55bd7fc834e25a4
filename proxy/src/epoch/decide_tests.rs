//! Decisions on made-up snapshots.

use std::sync::Arc;

use hare::{MissRatioCurve, Policy, Resources, WindowUsage};

use super::decide::{Options, decide};
use super::decision::{Decision, ReasonCode, Role};
use super::snapshot::{Snapshot, TenantView};

const MIB: u64 = 1 << 20;
const OPTIONS: Options =
    Options { policy: Policy::Hare, threshold: 0.05, salt: 0.01, min_cache_bytes: 10 * MIB };

fn base() -> Resources {
    Resources {
        cache_bytes: 128 * MIB,
        read_units_per_s: 60.0,
        write_units_per_s: 60.0,
        net_bytes_per_s: 3e6,
    }
}

/// Reads of 500 B; misses fall linearly until `working_set_bytes` are cached.
fn tenant(name: &str, working_set_bytes: u64) -> TenantView {
    let usage = WindowUsage {
        reads: 9_500,
        hits: 0,
        writes: 500,
        read_half_units_if_missed: 19_000,
        write_units: 500,
        client_read_bytes: 9_500 * 516,
        client_write_bytes: 500 * 516,
        storage_read_bytes_if_missed: 9_500 * 516,
        storage_write_bytes: 500 * 516,
    };
    let ticks = 64;
    let points = (1..=ticks).map(|tick| 8 * MIB * tick);
    let ratio = |bytes: u64| 1.0 - (bytes as f64 / working_set_bytes as f64).min(1.0);
    let curve = MissRatioCurve::new(points.clone().collect(), points.map(ratio).collect());
    TenantView {
        name: Arc::from(name),
        base: base(),
        current: base(),
        pinned: false,
        usage,
        refused: 0,
        curve: Some(curve.unwrap()),
        sampled_reads: 1_000,
    }
}

/// One tenant with cache to spare and one without.
fn pair() -> Vec<TenantView> {
    vec![tenant("alpha", 64 * MIB), tenant("beta", 256 * MIB)]
}

fn run(tenants: &[TenantView], options: &Options) -> Decision {
    decide(&Snapshot { tenants: tenants.to_vec() }, options)
}

fn total(decision: &Decision) -> Resources {
    decision.tenants.iter().map(|tenant| tenant.share).sum()
}

fn assert_conserved(decision: &Decision, expected: &Resources) {
    let total = total(decision);
    assert_eq!(total.cache_bytes, expected.cache_bytes);
    let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-6 * b, "{a} is not {b}");
    near(total.read_units_per_s, expected.read_units_per_s);
    near(total.write_units_per_s, expected.write_units_per_s);
    near(total.net_bytes_per_s, expected.net_bytes_per_s);
}

#[test]
fn cache_that_one_does_not_need_makes_both_faster() {
    let decision = run(&pair(), &OPTIONS);
    assert!(decision.is_to_apply(), "{}", decision.reason);
    assert_eq!(decision.reason_code, ReasonCode::Improves);
    assert!(decision.improvement > 0.2, "{}", decision.improvement);
    assert!(decision.tenants.iter().all(|tenant| tenant.predicted_gain > 1.2));
    assert!(decision.tenants[1].share.cache_bytes > 128 * MIB);
    assert_conserved(&decision, &[base(), base()].iter().sum());
}

#[test]
fn a_change_must_beat_the_present_allocation_by_the_threshold() {
    let first = run(&pair(), &OPTIONS);
    let mut settled = pair();
    for (view, decided) in settled.iter_mut().zip(&first.tenants) {
        view.current = decided.share;
    }
    assert_eq!(run(&settled, &OPTIONS).reason_code, ReasonCode::Unchanged);
    settled[1].curve = tenant("beta", 253 * MIB).curve;
    let second = run(&settled, &OPTIONS);
    assert_eq!(second.reason_code, ReasonCode::BelowThreshold, "{}", second.reason);
    assert!(!second.is_to_apply());
    let eager = Options { threshold: 0.0, ..OPTIONS };
    assert!(run(&settled, &eager).improvement >= second.current_improvement);
    let strict = Options { threshold: 5.0, ..OPTIONS };
    assert_eq!(run(&pair(), &strict).reason_code, ReasonCode::BelowThreshold);
}

#[test]
fn a_pinned_tenant_keeps_its_quota_and_the_others_get_what_it_leaves() {
    let mut tenants = pair();
    tenants.push(tenant("gamma", 512 * MIB));
    tenants[2].pinned = true;
    tenants[2].current.cache_bytes = 64 * MIB;
    tenants[2].current.read_units_per_s = 1e6;
    let decision = run(&tenants, &OPTIONS);
    assert_eq!(decision.tenants[2].role, Role::Pinned);
    assert_eq!(decision.tenants[2].share, tenants[2].current);
    assert!(decision.is_to_apply());
    let given: Resources = decision.tenants[..2].iter().map(|t| t.share).sum();
    assert_eq!(given.cache_bytes, (2 * 128 + 64) * MIB);
    assert!((given.read_units_per_s - 120.0).abs() < 1e-6, "the gift costs nobody anything");
}

#[test]
fn an_idle_tenant_gets_its_base_share_back() {
    let first = run(&pair(), &OPTIONS);
    let mut tenants = pair();
    for (view, decided) in tenants.iter_mut().zip(&first.tenants) {
        view.current = decided.share;
    }
    tenants[0].usage = WindowUsage::default();
    let decision = run(&tenants, &OPTIONS);
    assert_eq!(decision.tenants[0].role, Role::Idle);
    assert_eq!(decision.reason_code, ReasonCode::RestoresBase);
    assert!(decision.tenants.iter().all(|tenant| tenant.share == base()));
}

#[test]
fn no_progress_leaves_everything_as_it_is() {
    let mut tenants = pair();
    tenants[0].usage = WindowUsage::default();
    tenants[0].refused = 7;
    tenants[1].current.cache_bytes = 100 * MIB;
    let decision = run(&tenants, &OPTIONS);
    assert_eq!(decision.reason_code, ReasonCode::NoProgress);
    assert!(decision.reason.contains("alpha") && !decision.is_to_apply());
    assert_eq!(decision.tenants[1].share, tenants[1].current);
}

#[test]
fn one_tenant_alone_has_nobody_to_trade_with() {
    let decision = run(&pair()[..1], &OPTIONS);
    assert_eq!(decision.reason_code, ReasonCode::TooFewTenants);
    assert_eq!(decision.tenants[0].share, base());
    assert_eq!(run(&[], &OPTIONS).reason_code, ReasonCode::TooFewTenants);
}

#[test]
fn too_few_samples_are_no_ground_for_a_trade() {
    let mut tenants = pair();
    tenants[1].sampled_reads = 10;
    let decision = run(&tenants, &OPTIONS);
    assert_eq!(decision.tenants[1].role, Role::TooFewSamples);
    assert!(!decision.is_to_apply());
}

#[test]
fn static_puts_base_shares_back_and_then_rests() {
    let options = Options { policy: Policy::Static, ..OPTIONS };
    let mut tenants = pair();
    tenants[0].current.cache_bytes = 100 * MIB;
    tenants[1].current.cache_bytes = 156 * MIB;
    let decision = run(&tenants, &options);
    assert_eq!(decision.reason_code, ReasonCode::RestoresBase);
    assert!(decision.tenants.iter().all(|tenant| tenant.share == base()));
    assert_eq!(run(&pair(), &options).reason_code, ReasonCode::Unchanged);
}

#[test]
fn minimums_hold() {
    let mut tenants = pair();
    // Writes only: its cache is worth nothing to it.
    tenants[0].usage = WindowUsage {
        writes: 1_000,
        write_units: 1_000,
        client_write_bytes: 516_000,
        storage_write_bytes: 516_000,
        ..WindowUsage::default()
    };
    let decision = run(&tenants, &OPTIONS);
    assert_eq!(decision.tenants[0].role, Role::Active);
    assert!(decision.tenants[0].share.cache_bytes >= 10 * MIB);
    assert!(decision.tenants[0].share.read_units_per_s >= 0.6 - 1e-9);
    assert_conserved(&decision, &[base(), base()].iter().sum());
}

#[test]
fn what_a_departed_tenant_left_behind_is_taken_back() {
    let mut tenants = pair();
    let strict = Options { threshold: 5.0, ..OPTIONS };
    tenants[0].current.read_units_per_s += 30.0;
    let decision = run(&tenants, &strict);
    assert_eq!(decision.reason_code, ReasonCode::TotalExceeded);
    assert_conserved(&decision, &[base(), base()].iter().sum());
}
