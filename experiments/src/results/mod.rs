//! Outcomes side by side: all runs of one spec by one engine at one scale, which is what a figure draws and a table tells.
//!
//! What is missing (a run that was stopped, a child that died) is asked for here too, so that no one leaves it out.

mod gain;

#[cfg(test)]
pub(crate) mod made_up;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

pub use gain::{BELOW_BASE, OFF_PREDICTION, Summary, TenantGain};

use crate::outcome::Outcome;
use crate::spec::{Engine, Policy, Spec};

/// The runs of one spec by one engine, at one scale and seed.
#[derive(Debug, Clone)]
pub struct Experiment<'a> {
    /// What was to be run.
    pub spec: &'a Spec,
    /// What ran it.
    pub engine: Engine,
    /// Sizes and rates were those of the spec times this.
    pub scale: f64,
    /// Seed of every random choice.
    pub seed: u64,
    runs: BTreeMap<(usize, Policy), &'a Outcome>,
}

impl<'a> Experiment<'a> {
    /// Everything that `outcomes` holds of `spec`: live before simulated, large scales before small ones. If a run is there
    /// twice, the last one counts.
    #[must_use]
    pub fn of(spec: &'a Spec, outcomes: &'a [Outcome]) -> Vec<Self> {
        let mut experiments: Vec<Self> = Vec::new();
        for outcome in outcomes.iter().filter(|outcome| outcome.spec == spec.name) {
            let Outcome { engine, scale, seed, .. } = *outcome;
            let same = |other: &Self| {
                other.engine == engine
                    && other.scale.total_cmp(&scale).is_eq()
                    && other.seed == seed
            };
            let key = (outcome.point, outcome.policy);
            if let Some(known) = experiments.iter_mut().find(|other| same(other)) {
                known.runs.insert(key, outcome);
            } else {
                let runs = BTreeMap::from([(key, outcome)]);
                experiments.push(Self { spec, engine, scale, seed, runs });
            }
        }
        experiments.sort_by(|a, b| {
            a.engine.cmp(&b.engine).then(b.scale.total_cmp(&a.scale)).then(a.seed.cmp(&b.seed))
        });
        experiments
    }

    /// Every run there is, by point and policy.
    pub fn runs(&self) -> impl Iterator<Item = &'a Outcome> {
        self.runs.values().copied()
    }

    /// The run of one point and policy.
    #[must_use]
    pub fn run(&self, point: usize, policy: Policy) -> Option<&'a Outcome> {
        self.runs.get(&(point, policy)).copied()
    }

    /// The points of the spec, and any other that has a run.
    #[must_use]
    pub fn points(&self) -> Vec<usize> {
        let planned = 0..self.spec.points();
        let ran = self.runs.keys().map(|(point, _)| *point);
        planned.chain(ran).collect::<BTreeSet<usize>>().into_iter().collect()
    }

    /// The value of a point as the spec writes it, or as its runs do.
    #[must_use]
    pub fn point_label(&self, point: usize) -> &'a str {
        let of_run = || self.runs().find(|run| run.point == point).map(|run| &*run.point_label);
        match self.spec.point_label(point) {
            "" => of_run().unwrap_or(""),
            label => label,
        }
    }

    /// Policies that have a run, in the order of figures.
    #[must_use]
    pub fn policies(&self) -> Vec<Policy> {
        let ran = |policy: &Policy| self.runs.keys().any(|(_, other)| other == policy);
        Policy::ALL.into_iter().filter(ran).collect()
    }

    /// As [`Self::policies`], without the static one that the others are compared with.
    #[must_use]
    pub fn compared(&self) -> Vec<Policy> {
        self.policies().into_iter().filter(|policy| *policy != Policy::Static).collect()
    }

    /// Runs that the spec asks for and that are not there.
    #[must_use]
    pub fn missing(&self) -> Vec<(usize, Policy)> {
        let policies = &self.spec.policies;
        let asked = (0..self.spec.points())
            .flat_map(|point| policies.iter().map(move |policy| (point, *policy)));
        asked.filter(|key| !self.runs.contains_key(key)).collect()
    }

    /// Names of the tenants, in the order of the spec, of the points that ran.
    #[must_use]
    pub fn tenants(&self) -> Vec<&'a str> {
        let mut seen = BTreeSet::new();
        let names = self.runs().flat_map(|run| run.tenants.iter().map(|tenant| &*tenant.name));
        names.filter(|name| seen.insert(*name)).collect()
    }

    /// Gains of the tenants of one run; empty if it is missing.
    #[must_use]
    pub fn gains(&self, point: usize, policy: Policy) -> Vec<TenantGain<'a>> {
        let base = self.run(point, Policy::Static);
        self.run(point, policy).map_or_else(Vec::new, |run| gain::of_run(run, base))
    }

    /// Gains of the tenants under one policy, at every point.
    #[must_use]
    pub fn all_gains(&self, policy: Policy) -> Vec<TenantGain<'a>> {
        self.points().into_iter().flat_map(|point| self.gains(point, policy)).collect()
    }
}

/// A finite number of at least 0, and of a size that can be drawn and told.
#[must_use]
pub fn sane(value: f64) -> Option<f64> {
    (0.0..1e15).contains(&value).then_some(value)
}
