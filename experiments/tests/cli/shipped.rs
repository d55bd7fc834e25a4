//! Every spec of this program parses at full scale, and runs.

use super::tool::{outcomes, run};

/// The smallest scale that leaves every tenant a cache.
fn scale_of(name: &str) -> &'static str {
    match name {
        "many-tenants" => "1/16",
        "cliffs" | "flash-crowd" | "tenant-churn" => "1/64",
        "9" => "1/128",
        _ => "1/512",
    }
}

fn runs(name: &str) {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().to_str().unwrap();
    let ended = run(&[
        "run",
        name,
        "--scale",
        scale_of(name),
        "--policy",
        "ours",
        "--point",
        "0",
        "--out",
        out,
    ]);
    assert_eq!(ended.code, 0, "{name}: {}", ended.stderr);
    let kept = outcomes(dir.path(), name, "sim");
    assert_eq!(kept.len(), 2, "{name}: static and ours");
    for (path, outcome) in kept {
        for tenant in outcome["tenants"].as_array().unwrap() {
            let per_s = tenant["throughput_per_s"].as_f64().unwrap();
            assert!(per_s > 0.0, "{}: {} was served nothing", path.display(), tenant["name"]);
        }
    }
    assert!(dir.path().join("report.html").is_file(), "{name}");
}

#[test]
fn every_one_is_listed_shown_and_checked() {
    let listed = run(&["list"]);
    assert_eq!(listed.code, 0);
    let names: Vec<&str> =
        listed.stdout.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(
        names,
        [
            "6a",
            "6b",
            "7",
            "8",
            "9",
            "ycsb",
            "many-tenants",
            "cliffs",
            "flash-crowd",
            "tenant-churn"
        ]
    );
    for name in names {
        let shown = run(&["show", name]);
        assert!(shown.stdout.contains(&format!("name = \"{name}\"")), "{name}");
        let checked = run(&["check", name, "--scale", scale_of(name)]);
        assert_eq!(checked.code, 0, "{name}: {}", checked.stderr);
    }
    let traces = run(&["check", "9"]);
    assert!(traces.stdout.contains("cluster2-stand-in"), "{}", traces.stdout);
    assert!(traces.stdout.contains("there is no traces/cluster2.csv.zst"), "{}", traces.stdout);
}

#[test]
fn figures_6a_and_6b_run() {
    runs("6a");
    runs("6b");
}

#[test]
fn figure_7_runs() {
    runs("7");
}

#[test]
fn figure_8_runs() {
    runs("8");
}

#[test]
fn figure_9_runs_on_stand_ins() {
    runs("9");
}

#[test]
fn ycsb_runs() {
    runs("ycsb");
}

#[test]
fn many_tenants_run() {
    runs("many-tenants");
}

#[test]
fn cliffs_run() {
    runs("cliffs");
}

#[test]
fn a_flash_crowd_and_tenant_churn_run() {
    runs("flash-crowd");
    runs("tenant-churn");
}
