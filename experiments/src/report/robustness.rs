//! Whatever outcomes say, the report is written, and its HTML and SVG are well-formed.

use std::path::Path;

use hare::Resources;
use proptest::prelude::*;
use proptest::sample::select;

use super::html;
use super::tests::check_page;
use super::{document_of, listing, markdown};
use crate::outcome::{DecisionMark, Interval, Outcome};
use crate::results::{Experiment, made_up};
use crate::spec::{Engine, Policy, Spec};

const FLOATS: [f64; 12] = [
    0.0,
    -0.0,
    -1.0,
    1.0,
    1e-300,
    1e300,
    f64::NAN,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::MIN_POSITIVE,
    1e14,
    12_345.678,
];
const COUNTS: [u64; 5] = [0, 1, 4096, 1 << 45, u64::MAX];
const NAMES: [&str; 8] = [
    "",
    "<script>alert('x')</script>",
    "a & b \"quoted\" 'too'",
    "]]> --> <!-- </svg>",
    "\u{0}\u{1}\u{b}\u{1b}[31m\u{fffe}\u{ffff}",
    "line\nbreak | pipe ` tick \\ [x](y)",
    "ein sehr langer Name 名前 🦀🦀🦀🦀🦀🦀🦀🦀🦀🦀🦀🦀🦀🦀🦀🦀 that goes on, and on, and on, and on, and on, and on, and on",
    "t1",
];

/// One thing that is changed about one run.
#[derive(Debug, Clone)]
struct Change {
    run: usize,
    tenant: usize,
    field: usize,
    float: f64,
    count: u64,
    name: &'static str,
}

fn change() -> impl Strategy<Value = Change> {
    let parts =
        (0..64_usize, 0..4_usize, 0..18_usize, select(&FLOATS), select(&COUNTS), select(&NAMES));
    parts.prop_map(|(run, tenant, field, float, count, name)| Change {
        run,
        tenant,
        field,
        float,
        count,
        name,
    })
}

impl Change {
    fn apply(&self, outcomes: &mut Vec<Outcome>) {
        let Some(place) = self.run.checked_rem(outcomes.len()) else { return };
        let Self { float, count, .. } = *self;
        let run = &mut outcomes[place];
        match self.field {
            0 => drop(outcomes.remove(place)),
            1 => run.tenants.clear(),
            2 => run.scale = float,
            3 => run.measured_s = float,
            4 => run.point = usize::try_from(count % 1000).unwrap(),
            5 => run.point_label = self.name.to_owned(),
            6 => run.wall_s = float,
            7 => run.decisions.push(DecisionMark {
                at_s: float,
                applied: true,
                reason: self.name.to_owned(),
                improvement: float,
            }),
            _ => self.apply_to_tenant(run),
        }
    }

    fn apply_to_tenant(&self, run: &mut Outcome) {
        let Self { float, count, .. } = *self;
        let Some(place) = self.tenant.checked_rem(run.tenants.len()) else { return };
        let share = Resources {
            cache_bytes: count,
            read_units_per_s: float,
            write_units_per_s: float,
            net_bytes_per_s: float,
        };
        let tenant = &mut run.tenants[place];
        match self.field {
            8 => tenant.name = self.name.to_owned(),
            9 => tenant.workload = self.name.to_owned(),
            10 => tenant.throughput_per_s = float,
            11 => (tenant.hit_ratio, tenant.p99_ms) = (float, float),
            12 => tenant.base = share,
            13 => tenant.share = share,
            14 => tenant.predicted_gain = Some(float),
            15 => tenant.curve.clear(),
            16 => tenant.curve.push((count, float)),
            _ => tenant.series.push(Interval {
                until_s: float,
                throughput_per_s: float,
                hit_ratio: float,
                share,
            }),
        }
    }
}

fn one_tenant() -> Spec {
    made_up::spec(
        "name = \"one\"\ntitle = \"<one> & only\"\nshows = \"'nothing' > \\\"all\\\"\"",
        "[[tenant]]\nname = \"a\"\nworkload = \"n=6m\"",
    )
}

fn written(specs: &[Spec], outcomes: &[Outcome]) {
    let experiments: Vec<Experiment<'_>> =
        specs.iter().flat_map(|spec| Experiment::of(spec, outcomes)).collect();
    let document = document_of(specs, outcomes, &experiments);
    check_page(&html::render(&document));
    assert!(markdown::render(&document, "figures").starts_with("# "));
    assert!(listing::of(&experiments).starts_with("spec,"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_outcomes_make_a_well_formed_report(
        shape in 0..4_usize,
        changes in prop::collection::vec(change(), 0..40),
    ) {
        let spec = match shape {
            0 => one_tenant(),
            1 => made_up::varied(),
            2 => made_up::periodic_and_varied(),
            _ => made_up::drifting(),
        };
        let mut outcomes = made_up::outcomes(&spec, Engine::Sim, "1/16");
        outcomes.extend(made_up::outcomes(&spec, Engine::Live, "1/16"));
        for change in &changes {
            change.apply(&mut outcomes);
        }
        written(&[spec], &outcomes);
    }
}

/// Every value in every field of every run at once: what chance may miss.
#[test]
fn the_worst_of_everything_makes_a_well_formed_report() {
    for spec in [one_tenant(), made_up::periodic_and_varied()] {
        for field in 1..18 {
            for (index, float) in FLOATS.into_iter().enumerate().step_by(3) {
                let mut outcomes = made_up::outcomes(&spec, Engine::Sim, "1");
                for run in 0..outcomes.len() {
                    for tenant in 0..4 {
                        let (count, name) =
                            (COUNTS[index % COUNTS.len()], NAMES[index % NAMES.len()]);
                        Change { run, tenant, field, float, count, name }.apply(&mut outcomes);
                    }
                }
                written(std::slice::from_ref(&spec), &outcomes);
            }
        }
    }
}

#[test]
fn nothing_at_all_makes_a_report() {
    written(&[], &[]);
    written(&[made_up::varied()], &[]);
    let outcomes = made_up::outcomes(&made_up::varied(), Engine::Sim, "1");
    written(&[], &outcomes);
    let only_base: Vec<Outcome> =
        outcomes.into_iter().filter(|outcome| outcome.policy == Policy::Static).collect();
    written(&[made_up::varied()], &only_base);
}

#[test]
fn a_place_that_cannot_be_written_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, "no directory").unwrap();
    let error = super::write(&[], &[], Path::new(&file)).unwrap_err().to_string();
    assert!(error.contains("file/figures"), "{error}");
}
