//! The simulation of a question: its traces, over and over, at its base shares.

use std::fmt::Write;
use std::path::Path;

use super::{Answer, WhatIfError};
use crate::runner::Settings;
use crate::simulation;
use crate::spec::{Policy, Scale, Spec};

/// Simulates every policy, and notes what it gives beside what was predicted.
pub(super) fn replay(answer: &mut Answer, seed: u64) -> Result<(), WhatIfError> {
    let spec = spec(answer)?;
    let settings = Settings { scale: Scale::FULL, seed };
    let run = |policy| simulation::run(&spec, 0, policy, &settings);
    let base = run(Policy::Static)?;
    for told in &mut answer.policies {
        let outcome = if told.policy == Policy::Static { base.clone() } else { run(told.policy)? };
        let gains = outcome.gains_over(&base);
        for ((tenant, simulated), gain) in told.tenants.iter_mut().zip(&outcome.tenants).zip(gains)
        {
            tenant.simulated_gain = gain.is_finite().then_some(gain);
            tenant.simulated_throughput_per_s = Some(simulated.throughput_per_s);
        }
    }
    Ok(())
}

/// Bounds on how long each part of a simulated run is, in seconds.
const LENGTH_S: (f64, f64) = (30.0, 7200.0);

/// A part of the run is at least one pass of every trace, at what base shares are predicted to give.
fn pass_s(answer: &Answer) -> f64 {
    let base = answer.policies.first().map_or(&[][..], |told| &told.tenants);
    let passes = answer.tenants.iter().zip(base).filter_map(|(tenant, told)| {
        Some(tenant.learned.requests as f64 / told.throughput_per_s?.max(1e-6))
    });
    passes.fold(LENGTH_S.0, f64::max).min(LENGTH_S.1).ceil()
}

fn spec(answer: &Answer) -> Result<Spec, WhatIfError> {
    let pass_s = pass_s(answer);
    let mut text = format!(
        "name = \"what-if\"\ntitle = \"What if\"\nshows = \"your own traces\"\n\
         policies = [\"static\", \"drf\", \"memshare\", \"hare\", \"ours\"]\n\
         [base]\ncache = \"1GiB\"\nread_units = 1\nwrite_units = 1\nnet = \"1MB/s\"\n\
         [time]\nlearn = \"{pass_s}s\"\nsettle = \"{pass_s}s\"\nmeasure = \"{pass_s}s\"\n",
    );
    for tenant in &answer.tenants {
        let base = &tenant.base.0;
        let path = std::path::absolute(&tenant.trace).unwrap_or_else(|_| tenant.trace.clone());
        let _ = write!(
            text,
            "[[tenant]]\nname = {}\ntrace = {}\nbase = {{ cache = \"{}\", read_units = {}, write_units = {}, net = \"{}\" }}\n",
            toml::Value::from(tenant.name.as_str()),
            toml::Value::from(path.to_string_lossy().as_ref()),
            base.cache_bytes,
            toml::Value::from(base.read_units_per_s),
            toml::Value::from(base.write_units_per_s),
            base.net_bytes_per_s.round(),
        );
    }
    Ok(Spec::parse(&text, Path::new("what-if"), None)?)
}
