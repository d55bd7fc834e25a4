//! Decisions on made-up snapshots.

use std::sync::Arc;

use hare::{
    Bounds, Confidence, MissRatioCurve, Policy, Resources, TenantInput, WindowUsage, predicted_gain,
};

use crate::caution::Caution;
use crate::course::Apply;
use crate::course::Pace;
use crate::decide::{Options, decide};
use crate::decision::{Decision, ReasonCode, Role};
use crate::snapshot::{Snapshot, TenantView};

const MIB: u64 = 1 << 20;
const OPTIONS: Options = Options {
    policy: Policy::Hare,
    threshold: 0.05,
    caution: Caution::Salt(0.01),
    min_cache_bytes: 10 * MIB,
    reserve: 0.0,
    stability: 0.0,
    epoch: None,
};

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
    view(name, base(), usage, curve.unwrap())
}

/// A tenant that takes part with its base share, of which a thousand reads were sampled.
pub(crate) fn view(
    name: &str,
    base: Resources,
    usage: WindowUsage,
    curve: MissRatioCurve,
) -> TenantView {
    TenantView {
        name: Arc::from(name),
        base,
        current: base,
        pinned: false,
        weight: 1.0,
        bounds: Bounds::default(),
        usage,
        refused: 0,
        arrived: false,
        starved: false,
        stuck_windows: 0,
        took_part: true,
        curve: Some(curve),
        confidence: Confidence { sampled_reads: 1_000, ..Confidence::default() },
        filling: None,
    }
}

/// One tenant with cache to spare and one without.
fn pair() -> Vec<TenantView> {
    vec![tenant("alpha", 64 * MIB), tenant("beta", 256 * MIB)]
}

fn run(tenants: &[TenantView], options: &Options) -> Decision {
    decide(&Snapshot { tenants: tenants.to_vec(), found_better: false, on_the_way: false }, options)
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
fn a_window_without_progress_is_skipped_once_and_then_the_others_go_on() {
    let mut tenants = pair();
    tenants.push(tenant("gamma", 128 * MIB));
    tenants[2].usage = WindowUsage::default();
    (tenants[2].refused, tenants[2].stuck_windows) = (7, 1);
    tenants[2].current.cache_bytes = 100 * MIB;
    let skipped = run(&tenants, &OPTIONS);
    assert_eq!(skipped.reason_code, ReasonCode::NoProgress);
    assert!(skipped.reason.contains("gamma") && !skipped.is_to_apply());
    assert!(skipped.tenants.iter().zip(&tenants).all(|(t, view)| t.share == view.current));

    tenants[2].stuck_windows = 2;
    let decision = run(&tenants, &OPTIONS);
    assert_eq!(decision.reason_code, ReasonCode::RestoresBase);
    assert_eq!((decision.tenants[2].role, decision.tenants[2].share), (Role::NoProgress, base()));
    assert!(decision.tenants[1].share.cache_bytes > 128 * MIB, "the others are not frozen");
    assert_conserved(&decision, &[base(); 3].iter().sum());
}

#[test]
fn who_has_just_arrived_keeps_its_base_while_the_others_trade() {
    let mut tenants = pair();
    tenants.push(tenant("gamma", 512 * MIB));
    tenants[2].arrived = true;
    let decision = run(&tenants, &OPTIONS);
    assert_eq!((decision.tenants[2].role, decision.tenants[2].share), (Role::Arrived, base()));
    assert_eq!(decision.reason_code, ReasonCode::Improves);
    assert_conserved(&decision, &[base(); 3].iter().sum());
}

#[test]
fn few_sampled_reads_do_not_put_a_tenant_in_and_out() {
    let role = |took_part, sampled_reads| {
        let mut tenants = pair();
        tenants[1].took_part = took_part;
        tenants[1].confidence.sampled_reads = sampled_reads;
        run(&tenants, &OPTIONS).tenants[1].role
    };
    assert_eq!([role(false, 63), role(true, 31)], [Role::TooFewSamples; 2]);
    assert_eq!([role(false, 64), role(true, 32)], [Role::Active; 2]);
}

#[test]
fn the_less_is_known_of_a_tenant_the_less_is_hoped_for() {
    let cautious = Options { caution: Caution::Confidence, ..OPTIONS };
    let improvement = |sampled_reads| {
        let mut tenants = vec![tenant("alpha", 160 * MIB), tenant("beta", 1000 * MIB)];
        for tenant in &mut tenants {
            tenant.confidence.sampled_reads = sampled_reads;
        }
        run(&tenants, &cautious).improvement
    };
    let (much, some, little) = (improvement(1_000_000), improvement(1_000), improvement(64));
    assert!(much > some && some > little, "{much} {some} {little}");
    let unsure = run(&pair(), &cautious).tenants[1].curve;
    assert!(unsure.margin > 0.0 && unsure.believed_gain < 1.0 && unsure.feared_loss > 1.0);
}

#[test]
fn a_loss_against_base_is_ended_whatever_the_threshold() {
    let strict = Options { threshold: 5.0, ..OPTIONS };
    let mut tenants = pair();
    (tenants[1].current.cache_bytes, tenants[0].current.cache_bytes) = (110 * MIB, 146 * MIB);
    let decision = run(&tenants, &strict);
    assert_eq!(decision.reason_code, ReasonCode::EndsHarm, "{}", decision.reason);
    assert!(decision.tenants.iter().all(|tenant| tenant.predicted_gain > 0.97));
}

#[test]
fn a_small_improvement_has_to_be_seen_twice() {
    let improvement = run(&pair(), &OPTIONS).improvement;
    let options = Options { threshold: improvement * 0.7, ..OPTIONS };
    let mut snapshot = Snapshot { tenants: pair(), found_better: false, on_the_way: false };
    let first = decide(&snapshot, &options);
    assert_eq!(first.reason_code, ReasonCode::Unconfirmed, "{}", first.reason);
    snapshot.found_better = true;
    assert_eq!(decide(&snapshot, &options).reason_code, ReasonCode::Improves);
}

#[test]
fn who_is_starved_gets_its_base_at_once_whatever_the_pace() {
    let mut tenants = pair();
    tenants.push(tenant("gamma", 128 * MIB));
    (tenants[2].starved, tenants[2].current.read_units_per_s) = (true, 1.0);
    let decision = run(&tenants, &OPTIONS);
    assert_eq!((decision.tenants[2].role, decision.tenants[2].share), (Role::Starved, base()));
    assert_eq!(decision.reason_code, ReasonCode::RestoresBase);
    assert_eq!(decision.pace(Apply::Gradual, MIB), Pace::Direct);
    assert_eq!(run(&pair(), &OPTIONS).pace(Apply::Gradual, MIB), Pace::Gradual(MIB));
}

#[test]
fn boosted_tenants_keep_their_base_rates_and_no_more() {
    let mut decision = run(&pair(), &OPTIONS);
    decision.tenants[1].share.read_units_per_s = 40.0;
    decision.boost();
    assert_eq!(decision.tenants[0].boost, None, "its cache shrinks");
    let grows = &decision.tenants[1];
    let boost = grows.boost.unwrap();
    assert!((boost.read_units_per_s - 20.0).abs() < 1e-9, "60 is its base: {boost:?}");
    let net = grows.share.net_bytes_per_s + boost.net_bytes_per_s;
    assert!((net - grows.share.net_bytes_per_s.max(3e6)).abs() < 1e-6, "{boost:?}");
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
    tenants[1].confidence.sampled_reads = 10;
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

#[test]
fn what_is_predicted_has_no_margin_and_what_is_promised_has() {
    let tenants = pair();
    let options = Options { caution: Caution::Salt(0.05), ..OPTIONS };
    let decision = run(&tenants, &options);
    let mut exceeds = false;
    for (view, decided) in tenants.iter().zip(&decision.tenants) {
        let curve = view.curve.clone().unwrap();
        let input = TenantInput::new(view.usage.demand(true), curve, view.base).unwrap();
        let expected = predicted_gain(&input, &decided.share);
        assert!((decided.predicted_gain - expected).abs() < 1e-9, "{decided:?}");
        exceeds |= decided.predicted_gain > 1.01 + decision.improvement;
    }
    assert!(exceeds, "with a margin of 0.05 somebody is expected to gain more: {decision:?}");
}
