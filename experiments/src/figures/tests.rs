//! Which figures an experiment gets, and axes with round numbers.

use super::axis::Axis;
use super::canvas::{bytes, fitting, number};
use super::{Figure, of};
use crate::results::{Experiment, made_up};
use crate::spec::{Engine, Policy, Spec};

fn figures(spec: &Spec) -> Vec<Figure> {
    let outcomes = made_up::outcomes(spec, Engine::Sim, "1");
    let experiments = Experiment::of(spec, &outcomes);
    of(&experiments[0]).into_iter().map(Result::unwrap).collect()
}

fn kinds(spec: &Spec) -> Vec<String> {
    let prefix = format!("{}-sim-1-1-seed7-", spec.name);
    let figures = figures(spec);
    figures.iter().map(|figure| figure.id.strip_prefix(&prefix).unwrap().to_owned()).collect()
}

#[test]
fn figures_follow_from_the_shape() {
    assert_eq!(kinds(&made_up::varied()), ["varied", "curves"]);
    assert_eq!(kinds(&made_up::mixed()), ["normalised", "distribution", "curves"]);
    assert_eq!(
        kinds(&made_up::drifting()),
        [
            "normalised",
            "timeline",
            "shares-drf",
            "shares-memshare",
            "shares-hare",
            "shares-ours",
            "curves"
        ]
    );
    assert_eq!(kinds(&made_up::many()), ["distribution", "curves"]);
    let both = kinds(&made_up::periodic_and_varied());
    assert_eq!(both[..4], ["normalised", "normalised-1", "distribution", "distribution-1"]);
}

#[test]
fn a_timeline_marks_what_changes() {
    let figures = figures(&made_up::drifting());
    let timeline = &figures.iter().find(|figure| figure.id.ends_with("timeline")).unwrap().svg;
    for mark in ["arrives", "leaves", "w=0.45", "n=12m", ">\nzipf:0.99\n", "scan:0.99:200"] {
        assert!(timeline.contains(mark), "{mark}");
    }
}

#[test]
fn every_policy_and_tenant_is_named_in_text() {
    let [bars, ..] = &figures(&made_up::mixed())[..] else { panic!("bars") };
    for name in ["non-partitioned", "drf", "memshare", "hare", "ours", "s500-mixed", "l2000-scan"] {
        assert!(bars.svg.contains(&format!(">\n{name}\n</text>")), "{name}");
    }
    assert!(bars.svg.contains("role=\"img\"") && bars.svg.contains("fill=\"#FFFFFF\""));
}

#[test]
fn a_giant_does_not_make_dwarfs_of_the_others() {
    let limit = |gains: &[f64]| super::bars::limit(gains.iter().copied());
    assert!((limit(&[1.2, 1.5, 1.3, 60.0]) - 3.9).abs() < 1e-9);
    assert!((limit(&[1.2, 1.5, 1.3, 2.4]) - 2.4).abs() < 1e-9);
    assert!((limit(&[]) - 1.0).abs() < 1e-9);
    let spec = made_up::mixed();
    let mut outcomes = made_up::outcomes(&spec, Engine::Sim, "1");
    let giant = outcomes.iter_mut().find(|run| run.policy == Policy::NonPartitioned).unwrap();
    giant.tenants[3].throughput_per_s *= 60.0;
    let drawn = of(&Experiment::of(&spec, &outcomes)[0]);
    let bars = drawn[0].as_ref().unwrap();
    assert!(bars.svg.contains("×\n</text>"), "its number stands on top");
    assert!(drawn[1].as_ref().unwrap().description.contains("1 gains are beyond the axis"));
}

#[test]
fn axes_end_at_round_numbers() {
    let labels = |axis: &Axis| axis.ticks.iter().map(|(_, l)| l.clone()).collect::<Vec<_>>();
    let rate = Axis::from_zero("", 29_500.0, number);
    assert_eq!(labels(&rate).first().map(String::as_str), Some("0"));
    assert_eq!(labels(&rate).last().map(String::as_str), Some("35,000"));
    let cache = Axis::of_bytes("", (3_u64 << 30) as f64);
    assert_eq!(labels(&cache), ["0 B", "1 GiB", "2 GiB", "3 GiB"]);
    let time = Axis::of_time(3600.0);
    assert_eq!(labels(&time), ["0", "10", "20", "30", "40", "50", "60"]);
    for strange in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e300, 1e-300] {
        for axis in [
            Axis::from_zero("", strange, number),
            Axis::of_bytes("", strange),
            Axis::of_time(strange),
        ] {
            assert!(axis.to > axis.from && axis.ticks.len() >= 2, "{strange}: {axis:?}");
        }
    }
}

#[test]
fn numbers_and_names_are_short() {
    let texts = [number(0.25), number(62.5), number(1234.0), number(2.5e6), bytes(1536.0)];
    assert_eq!(texts, ["0.25", "62.5", "1,234", "2.5 M", "1.5 KiB"]);
    assert_eq!(fitting("short", 400, 20), "short");
    assert_eq!(fitting("a-rather-long-name-42", 120, 20), "a-rath…-42");
}

#[test]
fn of_a_thousand_tenants_the_largest_are_told_apart_and_the_rest_is_one_band() {
    let spec = made_up::spec(
        "name = \"crowd\"\ntitle = \"Crowd\"\nshows = \"all\"",
        "[allocator]\nevery = \"20s\"\n[[tenant]]\nname = \"small\"\ncount = 1000\nworkload = \"n=6m\"",
    );
    let shares = |outcomes: &[crate::outcome::Outcome]| -> Vec<Figure> {
        let experiments = Experiment::of(&spec, outcomes);
        let all = of(&experiments[0]).into_iter().map(Result::unwrap);
        all.filter(|figure| figure.id.contains("-shares-")).collect()
    };
    let mut outcomes = made_up::outcomes(&spec, Engine::Sim, "1");
    outcomes.retain(|run| matches!(run.policy, Policy::Static | Policy::Ours));
    // A thousand slivers show nothing.
    assert_eq!(shares(&outcomes), []);
    for run in &mut outcomes {
        for number in [3, 500, 900] {
            for interval in &mut run.tenants[number].series {
                interval.share.cache_bytes *= 40;
            }
        }
    }
    let [figure] = &shares(&outcomes)[..] else { panic!("one figure, of ours") };
    for name in ["small-4", "small-501", "small-901", "997 others"] {
        assert!(figure.svg.contains(&format!(">\n{name}\n</text>")), "{name}");
    }
    assert!(!figure.svg.contains("small-5\n"));
    // Nine can be told apart without any others.
    let spec = made_up::periodic_and_varied();
    let outcomes = made_up::outcomes(&spec, Engine::Sim, "1");
    let experiments = Experiment::of(&spec, &outcomes);
    let of_ours = of(&experiments[0]).into_iter().map(Result::unwrap);
    let of_ours: Vec<Figure> =
        of_ours.filter(|figure| figure.id.contains("-shares-ours")).collect();
    assert!(of_ours[0].svg.contains(">\nt-9\n") && !of_ours[0].svg.contains("others"));
}
