//! Properties every policy keeps on random tenants, idle and saturated ones among them.

use hare::{
    Allocation, Demand, Minimums, MissRatioCurve, Params, Policy, Resources, TenantInput, allocate,
    enforce_minimums, throughput_per_s,
};
use proptest::prelude::{Just, ProptestConfig, Strategy, prop, prop_oneof, proptest};

const MIB: u64 = 1 << 20;
const STEP_BYTES: u64 = 4 * MIB;
const PARAMS: Params =
    Params { cache_step_bytes: STEP_BYTES, min_cache_bytes: 10 * MIB, total_net: true };

fn curve() -> impl Strategy<Value = MissRatioCurve> {
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

fn amount(max: f64) -> impl Strategy<Value = f64> {
    prop_oneof![1 => Just(0.0), 4 => max * 1e-3..max]
}

fn tenant() -> impl Strategy<Value = TenantInput> {
    let demand = (amount(4.0), amount(4.0), amount(8192.0), prop_oneof![Just(0.0), 0.0..=1.0]);
    let base = (0..64_u64, amount(1e4), amount(1e4), amount(1e8));
    (demand, curve(), base).prop_map(|(demand, curve, base)| {
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

fn tenants() -> impl Strategy<Value = Vec<TenantInput>> {
    prop::collection::vec(tenant(), 0..12)
}

fn base_of(tenants: &[TenantInput]) -> Vec<Resources> {
    tenants.iter().map(|tenant| *tenant.base()).collect()
}

fn assert_same_sums(got: &[Resources], want: &[Resources]) {
    let (got, want): (Resources, Resources) = (got.iter().sum(), want.iter().sum());
    assert_eq!(got.cache_bytes, want.cache_bytes);
    for (got, want) in [
        (got.read_units_per_s, want.read_units_per_s),
        (got.write_units_per_s, want.write_units_per_s),
        (got.net_bytes_per_s, want.net_bytes_per_s),
    ] {
        assert!((got - want).abs() <= 1e-9 * want.max(1.0), "{got} not {want}");
    }
}

fn assert_sane(allocation: &Allocation) {
    assert!(allocation.improve_ratio.is_finite(), "{}", allocation.improve_ratio);
    assert!(allocation.predicted_gain.iter().all(|gain| gain.is_finite() && *gain >= 0.0));
    for share in &allocation.shares {
        let rates = [share.read_units_per_s, share.write_units_per_s, share.net_bytes_per_s];
        assert!(rates.iter().all(|rate| rate.is_finite() && *rate >= 0.0), "{share:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sums_are_conserved(tenants in tenants()) {
        for policy in [Policy::Static, Policy::Drf, Policy::Hare, Policy::Memshare] {
            let allocation = allocate(policy, &PARAMS, &tenants);
            assert_sane(&allocation);
            assert_same_sums(&allocation.shares, &base_of(&tenants));
        }
    }

    #[test]
    fn nonconserving_gives_out_no_more_than_there_is(tenants in tenants()) {
        let allocation = allocate(Policy::HareNonconserving, &PARAMS, &tenants);
        assert_sane(&allocation);
        let given: Resources = allocation.shares.iter().sum();
        let total: Resources = base_of(&tenants).iter().sum();
        assert_eq!(given.cache_bytes, total.cache_bytes);
        assert!(given.read_units_per_s <= total.read_units_per_s * (1.0 + 1e-9));
        assert!(given.write_units_per_s <= total.write_units_per_s * (1.0 + 1e-9));
        assert!(given.net_bytes_per_s <= total.net_bytes_per_s * (1.0 + 1e-9));
    }

    #[test]
    fn nobody_falls_below_base(tenants in tenants()) {
        for policy in [Policy::Drf, Policy::Hare, Policy::HareNonconserving] {
            let allocation = allocate(policy, &PARAMS, &tenants);
            for (tenant, share) in tenants.iter().zip(&allocation.shares) {
                if let Some(base) = throughput_per_s(tenant, tenant.base()) {
                    let new = throughput_per_s(tenant, share).unwrap_or(f64::INFINITY);
                    assert!(new >= base * (1.0 - 1e-9), "{policy}: {new} below {base}");
                }
            }
        }
    }

    #[test]
    fn hare_is_no_worse_than_drf(tenants in tenants()) {
        let ratio = |policy| allocate(policy, &PARAMS, &tenants).improve_ratio;
        assert!(ratio(Policy::Hare) >= ratio(Policy::Drf) - 1e-12);
    }

    #[test]
    fn donors_keep_the_minimum_cache(tenants in tenants()) {
        let allocation = allocate(Policy::Hare, &PARAMS, &tenants);
        for (tenant, share) in tenants.iter().zip(&allocation.shares) {
            let least = tenant.base().cache_bytes.min(PARAMS.min_cache_bytes);
            assert!(share.cache_bytes >= least);
        }
    }

    #[test]
    fn a_tenant_alone_is_left_alone(tenant in tenant()) {
        for policy in Policy::ALL {
            let allocation = allocate(policy, &PARAMS, std::slice::from_ref(&tenant));
            assert_eq!(allocation.shares, [*tenant.base()]);
            assert!(allocation.trades.is_empty());
        }
    }

    #[test]
    fn idle_tenants_alone_are_left_alone(mut tenants in tenants()) {
        for tenant in &mut tenants {
            let (curve, base) = (tenant.curve().clone(), *tenant.base());
            *tenant = TenantInput::new(Demand::default(), curve, base).expect("idle is valid");
        }
        for policy in Policy::ALL {
            assert_eq!(allocate(policy, &PARAMS, &tenants).shares, base_of(&tenants));
        }
    }

    #[test]
    fn minimums_hold_and_conserve(tenants in tenants()) {
        let minimums = Minimums::default();
        for policy in [Policy::Drf, Policy::Hare, Policy::Memshare] {
            let base = base_of(&tenants);
            let mut shares = allocate(policy, &PARAMS, &tenants).shares;
            enforce_minimums(&mut shares, &base, &minimums);
            assert_same_sums(&shares, &base);
            for (share, base) in shares.iter().zip(&base) {
                assert!(share.cache_bytes >= base.cache_bytes.min(minimums.cache_bytes));
                let least = minimums.rate_fraction * (1.0 - 1e-9);
                assert!(share.read_units_per_s >= base.read_units_per_s * least);
                assert!(share.write_units_per_s >= base.write_units_per_s * least);
                assert!(share.net_bytes_per_s >= base.net_bytes_per_s * least);
            }
        }
    }
}
