//! What is to run: every point and policy of every spec, or those asked for.

use std::sync::Arc;

use super::{Settings, cost};
use crate::spec::{Engine, Policy, Spec, SpecError};

/// One run.
#[derive(Debug, Clone)]
pub struct Job {
    /// What of.
    pub spec: Arc<Spec>,
    /// Which value of what it varies, from 0.
    pub point: usize,
    /// Who decides.
    pub policy: Policy,
    /// What it takes to run it, roughly, in seconds of this machine.
    pub cost_s: f64,
}

/// Which of them.
#[derive(Debug, Clone, Default)]
pub struct Only {
    /// These policies, and `static`, which all are compared with; all if empty.
    pub policies: Vec<Policy>,
    /// These points, by label or by number from 0; all if empty.
    pub points: Vec<String>,
}

/// A choice that leaves nothing, or a spec that cannot run.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// Two specs have the same name, and results are kept by it.
    #[error("two specs are called `{0}`, and results are kept by name; rename one")]
    Twice(String),
    /// No spec has the point.
    #[error("no point `{point}`; {there_are}")]
    Point {
        /// What was asked for.
        point: String,
        /// What there is.
        there_are: String,
    },
    /// No spec has the policy.
    #[error("policy {0} is in none of the specs; add it to `policies` of one")]
    Policy(Policy),
    /// A spec cannot run at this scale.
    #[error("spec {name}: {source}")]
    Spec {
        /// Its name.
        name: String,
        /// Why.
        source: SpecError,
    },
}

/// Lists the jobs, spec by spec, point by point, `static` first.
///
/// # Errors
/// If a point or policy that was asked for is in no spec, or a spec cannot run at the scale.
pub fn jobs(
    specs: &[Arc<Spec>],
    only: &Only,
    settings: &Settings,
    engine: Engine,
) -> Result<Vec<Job>, PlanError> {
    for (index, spec) in specs.iter().enumerate() {
        if specs[..index].iter().any(|earlier| earlier.name == spec.name) {
            return Err(PlanError::Twice(spec.name.clone()));
        }
    }
    for policy in &only.policies {
        if !specs.iter().any(|spec| spec.policies.contains(policy)) {
            return Err(PlanError::Policy(*policy));
        }
    }
    for point in &only.points {
        if !specs.iter().any(|spec| (0..spec.points()).any(|at| is_point(spec, at, point))) {
            return Err(PlanError::Point { point: point.clone(), there_are: points_of(specs) });
        }
    }
    let mut jobs = Vec::new();
    for spec in specs {
        for point in (0..spec.points()).filter(|point| has_point(spec, *point, only)) {
            let tenants = spec
                .at(point, settings.scale)
                .map_err(|source| PlanError::Spec { name: spec.name.clone(), source })?;
            for policy in spec.policies.iter().copied().filter(|policy| has_policy(*policy, only)) {
                let cost_s = cost::seconds(spec, &tenants, policy, engine);
                jobs.push(Job { spec: Arc::clone(spec), point, policy, cost_s });
            }
        }
    }
    Ok(jobs)
}

fn has_policy(policy: Policy, only: &Only) -> bool {
    policy == Policy::Static || only.policies.is_empty() || only.policies.contains(&policy)
}

fn has_point(spec: &Spec, point: usize, only: &Only) -> bool {
    only.points.is_empty() || only.points.iter().any(|text| is_point(spec, point, text))
}

fn is_point(spec: &Spec, point: usize, text: &str) -> bool {
    let labels = spec.vary.as_ref().map_or(&[][..], |vary| &vary.values);
    if labels.iter().any(|label| label == text) {
        return labels.get(point).is_some_and(|label| label == text);
    }
    text.parse() == Ok(point)
}

fn points_of(specs: &[Arc<Spec>]) -> String {
    let of = |spec: &Arc<Spec>| {
        let labels: Vec<&str> = (0..spec.points()).map(|point| spec.point_label(point)).collect();
        match &spec.vary {
            Some(vary) => format!("{} has {} = {}", spec.name, vary.name, labels.join(", ")),
            None => format!("{} varies nothing and has only point 0", spec.name),
        }
    };
    specs.iter().map(of).collect::<Vec<_>>().join("; ")
}

impl Job {
    /// `6a keys=2m hare`.
    #[must_use]
    pub fn label(&self) -> String {
        match &self.spec.vary {
            Some(vary) => {
                let value = self.spec.point_label(self.point);
                format!("{} {}={value} {}", self.spec.name, vary.name, self.policy)
            }
            None => format!("{} {}", self.spec.name, self.policy),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::{Settings, shipped};
    use super::{Only, jobs};
    use crate::spec::{Engine, Policy, Scale};

    #[test]
    fn points_and_policies_can_be_chosen_and_static_is_always_there() {
        let specs = [Arc::new(shipped::open("6a", None).unwrap())];
        let settings = Settings { scale: Scale::FULL, seed: 1 };
        assert_eq!(jobs(&specs, &Only::default(), &settings, Engine::Sim).unwrap().len(), 7 * 5);
        let only = Only { policies: vec![Policy::Hare], points: vec!["16m".into(), "0".into()] };
        let labels: Vec<String> = jobs(&specs, &only, &settings, Engine::Sim)
            .unwrap()
            .iter()
            .map(super::Job::label)
            .collect();
        let expected =
            ["6a keys=1m static", "6a keys=1m hare", "6a keys=16m static", "6a keys=16m hare"];
        assert_eq!(labels, expected);
        let only = Only { points: vec!["3m".into()], ..Only::default() };
        let error = jobs(&specs, &only, &settings, Engine::Sim).unwrap_err().to_string();
        assert!(error.contains("`3m`") && error.contains("keys = 1m, 2m"), "{error}");
        let only = Only { policies: vec![Policy::NonPartitioned], ..Only::default() };
        let error = jobs(&specs, &only, &settings, Engine::Sim).unwrap_err().to_string();
        assert!(error.contains("non-partitioned"), "{error}");
        let twice = [specs[0].clone(), specs[0].clone()];
        let error = jobs(&twice, &Only::default(), &settings, Engine::Sim).unwrap_err().to_string();
        assert!(error.contains("two specs are called `6a`"), "{error}");
        let tiny = Settings { scale: "1/4096".parse().unwrap(), seed: 1 };
        let error = jobs(&specs, &Only::default(), &tiny, Engine::Sim).unwrap_err().to_string();
        assert!(error.contains("spec 6a: scale 1/4096"), "{error}");
    }
}
