//! That a report is whole, says the right numbers, and stands whatever it is given.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::{document_of, html, markdown, write};
use crate::outcome::Outcome;
use crate::results::{Experiment, made_up};
use crate::spec::{Engine, Policy, Spec};

/// A report of everything that is made up; set `HOPPERKV_SAMPLE_REPORT` to a directory to look at it.
#[test]
fn a_sample_is_well_formed() {
    let specs = vec![
        made_up::varied(),
        made_up::mixed(),
        made_up::drifting(),
        made_up::many(),
        unfinished(),
        made_up::periodic_and_varied(),
    ];
    let mut outcomes: Vec<Outcome> =
        specs[..4].iter().flat_map(|spec| made_up::outcomes(spec, Engine::Sim, "1")).collect();
    outcomes.extend(made_up::outcomes(&specs[5], Engine::Sim, "1"));
    outcomes.extend(made_up::outcomes(&specs[0], Engine::Sim, "1/16"));
    outcomes.extend(made_up::outcomes(&specs[0], Engine::Live, "1/16"));
    outcomes.extend(
        made_up::outcomes(&specs[1], Engine::Live, "1/16")
            .into_iter()
            .filter(|outcome| outcome.policy != Policy::Hare),
    );
    let temporary = tempfile::tempdir().unwrap();
    let out = std::env::var_os("HOPPERKV_SAMPLE_REPORT").map(PathBuf::from);
    let out = out.as_deref().unwrap_or(temporary.path());
    let html = write(&specs, &outcomes, out).unwrap();
    check(&html);
    let text = std::fs::read_to_string(&html).unwrap();
    for needle in [
        "Up to ",
        "No results",
        "<code>hopperkv-experiments run",
        "1 of 6 runs have no result",
        "hare",
        "Live against simulated",
    ] {
        assert!(text.contains(needle), "{needle}");
    }
}

/// The text of the page that tells of two tenants in `6a`, at its first point.
fn told(throughputs: &[(Engine, Policy, [f64; 2])]) -> String {
    let spec = made_up::varied();
    let mut outcomes = made_up::outcomes(&spec, Engine::Sim, "1/16");
    outcomes.extend(made_up::outcomes(&spec, Engine::Live, "1/16"));
    let known = |run: &Outcome| {
        throughputs
            .iter()
            .find(|(engine, policy, _)| (run.engine, run.policy) == (*engine, *policy))
    };
    outcomes.retain(|run| run.point == 0 && known(run).is_some());
    for run in &mut outcomes {
        let of_tenants = known(run).unwrap().2;
        for (tenant, throughput) in run.tenants.iter_mut().zip(of_tenants) {
            (tenant.throughput_per_s, tenant.share) = (throughput, tenant.base);
            tenant.hit_ratio = 0.8;
            tenant.predicted_gain = (run.policy == Policy::Ours).then_some(1.75);
        }
    }
    let specs = [spec];
    let experiments = Experiment::of(&specs[0], &outcomes);
    markdown::render(&document_of(&specs, &outcomes, &experiments), "figures")
}

#[track_caller]
fn says(text: &str, line: &str) {
    assert!(text.contains(line), "{line}\n--- is not in ---\n{text}");
}

#[test]
fn the_headline_says_where_it_comes_from_and_who_gains_least() {
    let text = told(&[
        (Engine::Sim, Policy::Static, [1000.0, 200.0]),
        (Engine::Sim, Policy::Ours, [1800.0, 190.0]),
        (Engine::Sim, Policy::NonPartitioned, [5000.0, 10.0]),
    ]);
    says(
        &text,
        "**Up to 1.80× the throughput of the static base share: tenant t1 at Keys of tenant 1 = 1m in 6a (figure 6a), policy \
         ours, simulated, scale 1/16. The tenant that gains least in the same run, t2, gets 0.95×, which is below its base.",
    );
    says(
        &text,
        "| ours | simulated, scale 1/16 | 1.80× | 6a | t1 at 1m | **▼ 0.95×** | **▼ 0.95×** |",
    );
    // Of policies that did not run, one is said to be missing; it is partial, as five points are missing.
    says(
        &text,
        "| 6a | simulated, scale 1/16 | 0.05× to 5.00× (partial) | missing | missing | missing |",
    );
    says(&text, "33 of 36 runs have no result");
}

#[test]
fn who_fell_below_base_is_named_with_by_how_much() {
    let text = told(&[
        (Engine::Sim, Policy::Static, [1000.0, 200.0]),
        (Engine::Sim, Policy::Ours, [1800.0, 190.0]),
        (Engine::Sim, Policy::Hare, [1000.0, 194.0]),
    ]);
    says(
        &text,
        "| ours | 0.95× (t2 at 1m) | 1.80× (t1 at 1m) | 1.38× | 1.31× | **▼ no, 1 of 2: t2 at 1m −5.0\u{a0}%** |",
    );
    says(&text, "| hare | 0.97× (t2 at 1m) | 1.00× (t1 at 1m) | 0.98× | 0.98× | yes |");
}

#[test]
fn predictions_that_are_off_by_more_than_ten_percent_are_marked() {
    let text = told(&[
        (Engine::Sim, Policy::Static, [1000.0, 200.0]),
        (Engine::Sim, Policy::Ours, [1800.0, 190.0]),
    ]);
    says(&text, "1 of 2 are within 10 %");
    says(&text, "| t1 at 1m | 1.75× → 1.80× (+2.9\u{a0}%) |");
    says(&text, "| t2 at 1m | **▼ 1.75× → 0.95× (−45.7\u{a0}%)** |");
}

#[test]
fn both_engines_are_held_against_each_other() {
    let text = told(&[
        (Engine::Live, Policy::Static, [1000.0, 200.0]),
        (Engine::Live, Policy::Ours, [1800.0, 0.0]),
        (Engine::Sim, Policy::Static, [1050.0, 189.0]),
        (Engine::Sim, Policy::Ours, [1800.0, 0.0]),
    ]);
    says(&text, "Of 4 comparisons 3 meet the bar of throughput and 4 of 4 that of the hit ratio.");
    says(
        &text,
        "| 6a | 1/16 | static | **▼ 1 of 2** | −5.5\u{a0}% | 2 of 2 | 0.000 | 0.0\u{a0}% |",
    );
    says(&text, "| 6a | 1/16 | ours | 2 of 2 | 0.0\u{a0}% | 2 of 2 | 0.000 | 0.0\u{a0}% |");
    says(&text, "| t2 at 1m | **▼ −5.5\u{a0}%, 0.000** | 0.0\u{a0}%, 0.000 |");
    let one = told(&[(Engine::Live, Policy::Static, [1000.0, 200.0])]);
    says(&one, "No experiment has runs by both engines at the same scale");
    says(&one, "No headline yet");
}

#[test]
fn markdown_and_html_leave_names_as_they_are() {
    let spec = made_up::spec(
        "name = \"x\"\ntitle = \"a_b | <c> & *d*\"\nshows = \"All.\"",
        "[[tenant]]\nname = \"a\"\nworkload = \"n=6m\"",
    );
    let document = document_of(&[spec], &[], &[]);
    says(&markdown::render(&document, "figures"), "## x: a\\_b \\| \\<c\\> \\& \\*d\\*");
    says(&html::render(&document), "x: a_b | &lt;c&gt; &amp; *d*");
}

fn unfinished() -> Spec {
    made_up::spec(
        "name = \"ycsb\"\ntitle = \"YCSB\"\nshows = \"All gain.\"",
        "[[tenant]]\nname = \"a\"\nworkload = \"n=6m\"",
    )
}

/// All files of a report are well-formed, and every figure that Markdown names is there.
fn check(html: &Path) {
    let out = html.parent().unwrap();
    check_page(&std::fs::read_to_string(html).unwrap());
    for file in std::fs::read_dir(out.join("figures")).unwrap() {
        let path = file.unwrap().path();
        let svg = std::fs::read_to_string(&path).unwrap();
        let svg = roxmltree::Document::parse(&svg).unwrap_or_else(|e| panic!("{path:?}: {e}"));
        let title = ("http://www.w3.org/2000/svg", "title");
        assert!(svg.descendants().any(|node| node.has_tag_name(title)));
    }
    let markdown = std::fs::read_to_string(out.join("report.md")).unwrap();
    let named = markdown.split("](figures/").skip(1).map(|rest| rest.split(')').next().unwrap());
    for name in named {
        assert!(out.join("figures").join(name).is_file(), "{name}");
    }
}

/// It is well-formed, needs nothing from elsewhere, runs nothing, and its anchors are there once.
pub(super) fn check_page(text: &str) {
    let options = roxmltree::ParsingOptions { allow_dtd: true, ..Default::default() };
    let page = roxmltree::Document::parse_with_options(text, options).unwrap_or_else(|error| {
        let start = text.len().min(300);
        panic!("{error}: {}", &text[..start])
    });
    let mut ids = HashSet::new();
    for node in page.descendants().filter(roxmltree::Node::is_element) {
        let name = node.tag_name().name();
        assert!(!matches!(name, "script" | "link" | "img" | "iframe" | "object"), "{name}");
        if let Some(id) = node.attribute("id") {
            assert!(ids.insert(id), "{id} is there twice");
        }
        if name == "svg" {
            assert_eq!(node.attribute("role"), Some("img"));
        }
        if name == "text" {
            assert_eq!(node.attribute("font-family"), Some("sans-serif"));
        }
        for attribute in node.attributes() {
            assert!(!attribute.name().starts_with("on"), "{}", attribute.name());
            let is_place = matches!(attribute.name(), "x" | "y" | "points" | "width" | "height");
            assert!(!is_place || !attribute.value().contains("NaN"), "{attribute:?}");
        }
    }
    for href in page.descendants().filter_map(|node| node.attribute("href")) {
        assert!(ids.contains(href.strip_prefix('#').unwrap()), "{href}");
    }
}

#[test]
fn a_report_written_again_leaves_no_figure_of_the_one_before() {
    let specs = [made_up::varied()];
    let of = |scale| made_up::outcomes(&specs[0], Engine::Sim, scale);
    let out = tempfile::tempdir().unwrap();
    let figures = || {
        let listed = std::fs::read_dir(out.path().join("figures")).unwrap();
        let mut names: Vec<String> =
            listed.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    write(&specs, &of("1"), out.path()).unwrap();
    let before = figures();
    assert!(!before.is_empty());
    // What somebody else put there is nobody's to remove.
    std::fs::write(out.path().join("figures/mine.svg"), "<svg/>").unwrap();
    write(&specs, &of("1/16"), out.path()).unwrap();
    let after = figures();
    assert!(after.contains(&"mine.svg".to_owned()));
    assert_eq!(after.len(), before.len() + 1);
    assert!(before.iter().all(|name| !after.contains(name)), "{before:?} {after:?}");
}

#[test]
fn the_comparison_of_engines_tells_of_shares_and_busy_machines() {
    let spec = made_up::varied();
    let mut outcomes = made_up::outcomes(&spec, Engine::Sim, "1/16");
    outcomes.extend(made_up::outcomes(&spec, Engine::Live, "1/16"));
    let wanted = [Policy::Static, Policy::Ours, Policy::NonPartitioned];
    outcomes.retain(|run| run.point == 0 && wanted.contains(&run.policy));
    for run in &mut outcomes {
        for tenant in &mut run.tenants {
            (tenant.throughput_per_s, tenant.hit_ratio) = (1000.0, 0.8);
            tenant.share = tenant.base;
        }
        let is_live = run.engine == Engine::Live;
        if is_live && run.policy == Policy::NonPartitioned {
            run.tenants[0].hit_ratio = 0.1;
            run.notes.push("the machine was busy".into());
        }
        if is_live && run.policy == Policy::Ours {
            run.tenants[1].share.net_bytes_per_s /= 1.25;
        }
    }
    let specs = [spec];
    let experiments = Experiment::of(&specs[0], &outcomes);
    let text = markdown::render(&document_of(&specs, &outcomes, &experiments), "figures");
    says(&text, "Of 6 comparisons 6 meet the bar of throughput and 4 of 4 that of the hit ratio.");
    says(&text, "| 6a | 1/16 | ours | 2 of 2 | 0.0\u{a0}% | 2 of 2 | 0.000 | +25.0\u{a0}% |");
    says(&text, "| 6a | 1/16 | non-partitioned | 2 of 2 | 0.0\u{a0}% | – | – | 0.0\u{a0}% |");
    says(&text, "0.0\u{a0}%, 0.000; shares +25.0\u{a0}% |");
    says(&text, "1 of 3 live runs say that the machine was busy");
}
