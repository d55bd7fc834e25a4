//! Properties that policies keep on random tenants; `optimum` has more of its own.

mod optimum;
mod tenants;

use hare::{Demand, Minimums, Policy, Resources, TenantInput, allocate, enforce_minimums};
use proptest::prelude::{ProptestConfig, Strategy, prop, proptest};
use tenants::{PARAMS, assert_base_kept, assert_sane, tenant};

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

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sums_are_conserved(tenants in tenants()) {
        for policy in [Policy::Static, Policy::Drf, Policy::Hare, Policy::Memshare, Policy::Optimum] {
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
        for policy in [Policy::Drf, Policy::Hare, Policy::HareNonconserving, Policy::Optimum] {
            let allocation = allocate(policy, &PARAMS, &tenants);
            assert_base_kept(&tenants, &allocation);
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
        for policy in [Policy::Drf, Policy::Hare, Policy::Memshare, Policy::Optimum] {
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
