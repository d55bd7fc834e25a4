//! Generated problems like the published ones: equal or mixed base shares, curves as zipf's, on a
//! line to a flat end, or with a cliff, up to four times the base cache.

use hare::{
    Demand, MissRatioCurve, Params, Policy, Resources, TenantInput, allocate, throughput_per_s,
};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

const MIB: f64 = 1024.0 * 1024.0;

/// One allocation problem.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    /// What the policy may do.
    pub(crate) params: Params,
    /// The tenants.
    pub(crate) tenants: Vec<TenantInput>,
}

impl Problem {
    /// The problem with net about as scarce as read units once cache is moved for reads.
    pub(crate) fn balanced(mut self, rng: &mut StdRng) -> Self {
        let allocation = allocate(Policy::Optimum, &self.params, &self.tenants);
        let (mut read, mut net) = (0.0, 0.0);
        let total: Resources = self.tenants.iter().map(TenantInput::base).sum();
        for (tenant, share) in self.tenants.iter().zip(&allocation.shares) {
            let per_s = throughput_per_s(tenant, tenant.base()).unwrap_or(0.0);
            let miss_ratio = tenant.curve().miss_ratio_at(share.cache_bytes);
            let used = tenant.demand().at_miss_ratio(miss_ratio).rates_at(per_s);
            read += used.read_units_per_s / total.read_units_per_s;
            net += used.net_bytes_per_s / total.net_bytes_per_s;
        }
        let factor = net / read * rng.random_range(0.95..1.01);
        for tenant in &mut self.tenants {
            let mut base = *tenant.base();
            base.net_bytes_per_s *= factor;
            base.write_units_per_s *= 2.0;
            *tenant = TenantInput::new(*tenant.demand(), tenant.curve().clone(), base)
                .expect("amounts within range");
        }
        self
    }
}

/// A problem with so many tenants, each with so many ticks on its curve.
#[must_use]
pub(crate) fn sized(seed: u64, tenants: usize, ticks: usize) -> Problem {
    of_size(&mut StdRng::seed_from_u64(seed), tenants, ticks..=ticks)
}

/// A problem with so many tenants and a number of ticks in `ticks` on each curve.
pub(crate) fn of_size(
    rng: &mut StdRng,
    tenants: usize,
    ticks: std::ops::RangeInclusive<usize>,
) -> Problem {
    let is_net_total = rng.random_bool(0.75);
    let has_equal_shares = rng.random_bool(0.75);
    let unit_bytes = rng.random_range(128.0..2048.0) * MIB;
    let step_bytes = whole(unit_bytes / 64.0);
    let rates = [
        rng.random_range(200.0..4500.0),
        rng.random_range(200.0..4500.0),
        rng.random_range(5.0..200.0) * MIB,
    ];
    let tenants = (0..tenants).map(|_| {
        let scale = if has_equal_shares { 1.0 } else { rng.random_range(0.5..2.0) };
        let cache_bytes = if has_equal_shares {
            64 * step_bytes
        } else {
            whole(unit_bytes * rng.random_range(0.5..2.0))
        };
        let base = Resources {
            cache_bytes,
            read_units_per_s: rates[0] * scale,
            write_units_per_s: rates[1] * scale,
            net_bytes_per_s: rates[2] * scale,
        };
        let ticks = rng.random_range(ticks.clone());
        let curve = curve(rng, ticks, 4.0 * unit_bytes, unit_bytes);
        TenantInput::new(demand(rng, is_net_total), curve, base).expect("amounts within range")
    });
    let tenants = tenants.collect();
    let mut params = Params::paper(step_bytes, 10 << 20);
    params.total_net = is_net_total;
    Problem { params, tenants }
}

fn demand(rng: &mut StdRng, is_net_total: bool) -> Demand {
    let write_part = match rng.random_range(0..5) {
        0 | 1 => 0.0,
        2 | 3 => rng.random_range(0.0..0.1),
        _ => rng.random_range(0.1..0.6),
    };
    let item_bytes: f64 = rng.random_range(30.0..4000.0);
    let units_per_write = (item_bytes / 1024.0).ceil();
    let client_bytes = item_bytes;
    let read_bytes = if is_net_total { item_bytes * (1.0 - write_part) } else { 0.0 };
    let write_bytes = if is_net_total { item_bytes * write_part } else { 0.0 };
    let net_bytes = client_bytes + read_bytes + write_bytes;
    Demand {
        read_units: 1.0 - write_part,
        write_units: write_part * units_per_write,
        net_bytes,
        net_alpha: read_bytes / net_bytes,
    }
}

/// Like the published curves: of 20, 9 fall as zipf's do, 9 on a line to a flat end, and 2 (scans)
/// off a cliff.
fn curve(rng: &mut StdRng, ticks: usize, most_bytes: f64, unit_bytes: f64) -> MissRatioCurve {
    let kind = rng.random_range(0..20);
    let floor = rng.random_range(0.0..0.17);
    let working_set_bytes = rng.random_range(0.5..12.0) * unit_bytes;
    let theta = rng.random_range(0.2..0.95);
    let cliff_bytes = rng.random_range(0.2..3.8) * unit_bytes;
    let after_cliff = rng.random_range(0.03..0.18);
    let miss_ratio = |bytes: f64| {
        let part = (bytes / working_set_bytes).min(1.0);
        match kind {
            0..9 => 1.0 - (1.0 - floor) * part.powf(1.0 - theta),
            9..18 => 1.0 - (1.0 - floor) * part,
            _ if bytes < cliff_bytes => 1.0 - 0.05 * bytes / cliff_bytes,
            _ => after_cliff * (1.0 - 0.2 * part),
        }
    };
    let points = (1..=ticks).map(|tick| most_bytes * tick as f64 / ticks as f64);
    let points = points.map(|bytes| (whole(bytes), miss_ratio(bytes).clamp(0.0, 1.0)));
    let (bytes, ratios) = points.unzip();
    MissRatioCurve::new(bytes, ratios).expect("falls from left to right")
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small and positive")]
fn whole(bytes: f64) -> u64 {
    bytes as u64
}
