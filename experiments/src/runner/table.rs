//! The short table at the end of a run: what each policy gave, at least and at most.

use std::fmt::Write;

use crate::outcome::Outcome;
use crate::spec::{Engine, Policy};

/// Below this part of its base throughput a tenant counts as worse off.
const BASE_BAR: f64 = 0.97;

/// Gains of one policy over all points of a spec.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Row {
    least: f64,
    most: f64,
    /// Geometric mean.
    mean: f64,
    below: usize,
    tenants: usize,
}

/// A line for each spec, engine and policy; empty if there is nothing to compare.
#[must_use]
pub fn render(outcomes: &[Outcome]) -> String {
    let mut text = String::new();
    let mut groups: Vec<(&str, Engine)> = Vec::new();
    for outcome in outcomes {
        let group = (outcome.spec.as_str(), outcome.engine);
        if !groups.contains(&group) {
            groups.push(group);
        }
    }
    for (spec, engine) in groups {
        for policy in Policy::ALL {
            let ran = |outcome: &&Outcome| outcome.spec == spec && outcome.engine == engine;
            let Some(row) = row(&outcomes.iter().filter(ran).collect::<Vec<_>>(), policy) else {
                continue;
            };
            if text.is_empty() {
                let _ = writeln!(
                    text,
                    "{:<14} {:<5} {:<16} {:>7} {:>7} {:>7}  below base",
                    "spec", "by", "policy", "least", "mean", "most"
                );
            }
            let Row { least, most, mean, below, tenants } = row;
            let _ = writeln!(
                text,
                "{spec:<14} {:<5} {:<16} {least:>6.2}x {mean:>6.2}x {most:>6.2}x  {below} of {tenants}",
                engine.name(),
                policy.name(),
            );
        }
    }
    text
}

fn row(outcomes: &[&Outcome], policy: Policy) -> Option<Row> {
    let mut gains = Vec::new();
    for outcome in outcomes.iter().filter(|outcome| outcome.policy == policy) {
        let is_base = |other: &&&Outcome| {
            other.policy == Policy::Static
                && other.point == outcome.point
                && policy != Policy::Static
        };
        let Some(base) = outcomes.iter().find(is_base) else { continue };
        gains.extend(outcome.gains_over(base).into_iter().filter(|gain| gain.is_finite()));
    }
    let first = *gains.first()?;
    let logs: f64 = gains.iter().map(|gain| gain.max(1e-9).ln()).sum();
    Some(Row {
        least: gains.iter().copied().fold(first, f64::min),
        most: gains.iter().copied().fold(first, f64::max),
        mean: (logs / gains.len() as f64).exp(),
        below: gains.iter().filter(|gain| **gain < BASE_BAR).count(),
        tenants: gains.len(),
    })
}
