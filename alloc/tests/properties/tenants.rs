//! Random tenants, idle and saturated ones among them, and what all checks of them need.

use hare::{Allocation, Demand, MissRatioCurve, Params, Resources, TenantInput, throughput_per_s};
use proptest::prelude::{Just, Strategy, prop, prop_oneof};

pub(crate) const MIB: u64 = 1 << 20;
pub(crate) const STEP_BYTES: u64 = 4 * MIB;
pub(crate) const MIN_CACHE_BYTES: u64 = 10 * MIB;
pub(crate) const PARAMS: Params = Params::paper(STEP_BYTES, MIN_CACHE_BYTES);

pub(crate) fn curve() -> impl Strategy<Value = MissRatioCurve> {
    let falls = prop::collection::vec(prop_oneof![Just(0.0), Just(1.0), 0.5..1.0], 1..40);
    (falls, 1..16 * MIB).prop_map(|(falls, tick_bytes)| {
        let bytes = (1..=falls.len() as u64).map(|tick| tick * tick_bytes).collect();
        let ratios = falls.into_iter().scan(1.0, |ratio, fall| {
            *ratio *= fall;
            Some(*ratio)
        });
        MissRatioCurve::new(bytes, ratios.collect()).expect("built in order")
    })
}

/// A miss ratio that falls smoothly, so that ties between tenants do not happen.
pub(crate) fn smooth_curve() -> impl Strategy<Value = MissRatioCurve> {
    (0.1..0.9, 0.0..0.2).prop_map(|(shape, floor)| {
        let part = |tick: u64| (tick as f64 / 64.0).powf(shape);
        let ratios = (1..=64).map(|tick| 1.0 - (1.0 - floor) * part(tick)).collect();
        MissRatioCurve::new((1..=64).map(|tick| tick * STEP_BYTES).collect(), ratios)
            .expect("built in order")
    })
}

fn amount(max: f64) -> impl Strategy<Value = f64> {
    prop_oneof![1 => Just(0.0), 4 => max * 1e-3..max]
}

pub(crate) fn tenant_with(
    curve: impl Strategy<Value = MissRatioCurve>,
) -> impl Strategy<Value = TenantInput> {
    let demand = (amount(4.0), amount(4.0), amount(8192.0), prop_oneof![Just(0.0), 0.0..=1.0]);
    let base = (0..64_u64, amount(1e4), amount(1e4), amount(1e8));
    (demand, curve, base).prop_map(|(demand, curve, base)| {
        let demand = Demand {
            read_units: demand.0,
            write_units: demand.1,
            net_bytes: demand.2,
            net_alpha: demand.3,
        };
        let base = Resources {
            cache_bytes: base.0 * STEP_BYTES,
            read_units_per_s: base.1,
            write_units_per_s: base.2,
            net_bytes_per_s: base.3,
        };
        TenantInput::new(demand, curve, base).expect("within range")
    })
}

/// Any tenant.
pub(crate) fn tenant() -> impl Strategy<Value = TenantInput> {
    tenant_with(curve())
}

/// Finite and not negative, all of it.
pub(crate) fn assert_sane(allocation: &Allocation) {
    assert!(allocation.improve_ratio.is_finite(), "{}", allocation.improve_ratio);
    assert!(allocation.predicted_gain.iter().all(|gain| gain.is_finite() && *gain >= 0.0));
    for share in &allocation.shares {
        let rates = [share.read_units_per_s, share.write_units_per_s, share.net_bytes_per_s];
        assert!(rates.iter().all(|rate| rate.is_finite() && *rate >= 0.0), "{share:?}");
    }
}

/// Nobody is below the throughput of its base share.
pub(crate) fn assert_base_kept(tenants: &[TenantInput], allocation: &Allocation) {
    for (tenant, share) in tenants.iter().zip(&allocation.shares) {
        if let Some(base) = throughput_per_s(tenant, tenant.base()) {
            let new = throughput_per_s(tenant, share).unwrap_or(f64::INFINITY);
            assert!(new >= base * (1.0 - 1e-9), "{new} below {base}");
        }
    }
}
