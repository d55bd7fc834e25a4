//! Gains, means and who fell below base, by numbers that can be checked by hand.

use super::made_up;
use super::{Experiment, Summary};
use crate::outcome::{DecisionMark, Interval, Outcome};
use crate::spec::{Engine, Policy, Spec};

/// Outcomes of two tenants with these throughputs.
fn runs(spec: &Spec, throughputs: &[(Policy, [f64; 2])]) -> Vec<Outcome> {
    let mut outcomes = made_up::outcomes(spec, Engine::Sim, "1/16");
    outcomes.retain(|run| run.point == 0 && throughputs.iter().any(|(p, _)| *p == run.policy));
    for run in &mut outcomes {
        let (_, of_tenants) = throughputs.iter().find(|(p, _)| *p == run.policy).unwrap();
        for (tenant, throughput) in run.tenants.iter_mut().zip(of_tenants) {
            tenant.throughput_per_s = *throughput;
            tenant.predicted_gain = None;
        }
    }
    outcomes
}

fn rounded(value: Option<f64>) -> Option<f64> {
    value.map(|value| (value * 1000.0).round() / 1000.0)
}

#[test]
fn a_gain_is_throughput_over_that_of_static() {
    let spec = made_up::varied();
    let outcomes =
        runs(&spec, &[(Policy::Static, [1000.0, 200.0]), (Policy::Ours, [1800.0, 190.0])]);
    let experiments = Experiment::of(&spec, &outcomes);
    let [experiment] = experiments.as_slice() else { panic!("one experiment") };
    let summary = Summary::of(&experiment.gains(0, Policy::Ours));
    let (least, largest) = (summary.least.unwrap(), summary.largest.unwrap());
    assert_eq!((least.tenant, rounded(least.gain)), ("t2", Some(0.95)));
    assert_eq!((largest.tenant, rounded(largest.gain)), ("t1", Some(1.8)));
    assert_eq!(rounded(summary.mean), Some(1.375));
    assert_eq!(rounded(summary.geometric_mean), Some(1.308));
    let below: Vec<&str> = summary.below.iter().map(|tenant| tenant.tenant).collect();
    assert_eq!(below, ["t2"]);
    assert_eq!((summary.known, summary.unknown), (2, 0));
    // 6 points and 6 policies, of which two runs are there.
    assert_eq!(experiment.missing().len(), 34);
}

#[test]
fn three_percent_below_base_are_noise() {
    let spec = made_up::varied();
    let at = |throughput: f64| {
        let outcomes = runs(
            &spec,
            &[(Policy::Static, [1000.0, 1000.0]), (Policy::Hare, [throughput, 2000.0])],
        );
        let experiment = &Experiment::of(&spec, &outcomes)[0];
        Summary::of(&experiment.gains(0, Policy::Hare)).below.len()
    };
    assert_eq!((at(970.0), at(969.0)), (0, 1));
}

#[test]
fn nothing_under_base_gives_no_gain() {
    let spec = made_up::varied();
    let outcomes = runs(&spec, &[(Policy::Static, [0.0, f64::NAN]), (Policy::Ours, [10.0, 10.0])]);
    let experiment = &Experiment::of(&spec, &outcomes)[0];
    let summary = Summary::of(&experiment.gains(0, Policy::Ours));
    assert_eq!((summary.known, summary.unknown, summary.least), (0, 2, None));
    assert_eq!((summary.mean, summary.geometric_mean), (None, None));
}

#[test]
fn the_same_scale_and_seed_are_one_experiment_and_the_last_run_counts() {
    let spec = made_up::varied();
    let mut outcomes = made_up::outcomes(&spec, Engine::Sim, "1/16");
    outcomes.extend(made_up::outcomes(&spec, Engine::Live, "1/16"));
    outcomes.extend(made_up::outcomes(&spec, Engine::Sim, "1"));
    let mut again = outcomes[0].clone();
    again.wall_s = 99.0;
    outcomes.push(again);
    let experiments = Experiment::of(&spec, &outcomes);
    let kinds: Vec<(Engine, f64)> = experiments.iter().map(|e| (e.engine, e.scale)).collect();
    assert_eq!(kinds, [(Engine::Live, 0.0625), (Engine::Sim, 1.0), (Engine::Sim, 0.0625)]);
    let (point, policy) = (outcomes[0].point, outcomes[0].policy);
    assert!((experiments[2].run(point, policy).unwrap().wall_s - 99.0).abs() < 1e-9);
    assert!(experiments[2].missing().is_empty());
}

#[test]
fn a_prediction_is_held_against_what_came_after_it() {
    let spec = made_up::drifting();
    let mut outcomes = made_up::outcomes(&spec, Engine::Sim, "1");
    outcomes.retain(|run| matches!(run.policy, Policy::Static | Policy::Ours));
    for run in &mut outcomes {
        run.measured_s = 100.0;
        run.tenants.truncate(1);
        let is_ours = run.policy == Policy::Ours;
        run.decisions = vec![];
        if is_ours {
            let reason = String::new();
            run.decisions =
                vec![DecisionMark { at_s: 75.0, applied: true, reason, improvement: 0.5 }];
        }
        let share = run.tenants[0].base;
        let until = |until_s: f64, throughput_per_s: f64| Interval {
            until_s,
            throughput_per_s,
            hit_ratio: 0.5,
            share,
        };
        let tenant = &mut run.tenants[0];
        tenant.throughput_per_s = if is_ours { 110.0 } else { 100.0 };
        tenant.predicted_gain = is_ours.then_some(2.0);
        // After 75 s: 25 s of the second interval at 100, and 50 s of the third at 190, against 100.
        tenant.series = vec![
            until(50.0, 100.0),
            until(100.0, 100.0),
            until(150.0, if is_ours { 190.0 } else { 100.0 }),
        ];
    }
    let experiment = &Experiment::of(&spec, &outcomes)[0];
    let tenant = experiment.gains(0, Policy::Ours)[0];
    assert_eq!(rounded(tenant.gain), Some(1.1));
    assert_eq!(rounded(tenant.delivered), Some(1.6));
    assert_eq!(rounded(tenant.off_by()), Some(-0.2));
    assert!(tenant.is_off());
}
