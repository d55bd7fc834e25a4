//! What a run takes, roughly, in seconds of this machine: so that the time that is left can be told from the start, and a set of
//! long and short runs is not taken for one of equals.
//!
//! The figures are of the whole set at full scale on two cores; a progress display corrects them by what it sees.

use std::time::Duration;

use crate::spec::{Engine, Policy, Spec, Tenant, Traffic};

/// To draw a warm cache of a million keys.
const WARM_S_PER_MILLION: f64 = 0.025;
/// To draw it twice, with a ghost cache.
const DECIDED_S_PER_MILLION: f64 = 0.055;
/// To simulate a second of a tenant, for each read unit that it has.
const S_PER_UNIT: f64 = 1.5e-6;
/// Times that, where requests are watched and decided upon.
const DECIDED: f64 = 1.5;
/// Times that, where all share one cache: one thread, and more requests than any share lets through.
const SHARED: f64 = 4.0;
/// To start servers and fill their caches, live; once more after a decision.
const FILL: Duration = Duration::from_secs(12);

/// Of one point under one policy, by one engine, in seconds.
#[must_use]
pub(super) fn seconds(spec: &Spec, tenants: &[Tenant], policy: Policy, engine: Engine) -> f64 {
    let decides = !matches!(policy, Policy::Static | Policy::NonPartitioned);
    let mut length = spec.length(tenants);
    if spec.allocator.every.is_none() && !decides {
        length = length.saturating_sub(spec.learn);
    }
    if engine == Engine::Live {
        let fills = if decides && spec.allocator.every.is_none() { 2 } else { 1 };
        return (length + fills * FILL).as_secs_f64();
    }
    let keys = |tenant: &Tenant| match &tenant.traffic {
        Traffic::Workload(workload) => workload.max_keys() as f64 / 1e6,
        Traffic::Trace(_) => 0.0,
    };
    let millions: f64 = tenants.iter().map(keys).sum();
    let units: f64 = tenants.iter().map(|tenant| tenant.base.read_units_per_s).sum();
    let (draw_s, weight) = match policy {
        Policy::Static => (WARM_S_PER_MILLION, 1.0),
        Policy::NonPartitioned => (WARM_S_PER_MILLION, SHARED),
        _ => (DECIDED_S_PER_MILLION, DECIDED),
    };
    millions * draw_s + units * length.as_secs_f64() * S_PER_UNIT * weight
}

#[cfg(test)]
mod tests {
    use crate::runner::{Settings, plan, shipped};
    use crate::spec::{Engine, Policy, Scale};

    /// Measured on two cores, in seconds.
    const MEASURED: [(&str, Policy, f64); 8] = [
        ("6a", Policy::Hare, 0.9),
        ("7", Policy::Static, 3.4),
        ("7", Policy::Ours, 7.0),
        ("8", Policy::Static, 20.1),
        ("8", Policy::NonPartitioned, 84.2),
        ("8", Policy::Ours, 31.6),
        ("many-tenants", Policy::Hare, 10.9),
        ("ycsb", Policy::Static, 2.1),
    ];

    #[test]
    fn costs_are_what_runs_took_within_a_factor() {
        let settings = Settings { scale: Scale::FULL, seed: 1 };
        for (name, policy, measured_s) in MEASURED {
            let specs = [std::sync::Arc::new(shipped::open(name, None).unwrap())];
            let jobs = plan::jobs(&specs, &plan::Only::default(), &settings, Engine::Sim).unwrap();
            let job = jobs.iter().find(|job| job.policy == policy).unwrap();
            let factor = job.cost_s / measured_s;
            assert!(
                (0.5..2.0).contains(&factor),
                "{name} {policy}: {} of {measured_s} s",
                job.cost_s
            );
        }
    }
}
