//! A live run of seconds: real Redis servers, a real proxy, every value verified.

use super::tool::{SMALL, below, live_run, outcomes, run, write};

#[test]
fn two_tenants_gain_live_and_every_value_is_right() {
    let dir = tempfile::tempdir().unwrap();
    let spec = SMALL.replace("\"static\", ", "\"static\", \"non-partitioned\", ");
    // Values of two sizes, and a tenant whose name is too short for a table.
    let spec = spec.replace("n=12k,k=16,v=1000", "n=12k,k=16,v=600");
    let spec = write(dir.path(), "small.toml", &spec);
    let out = dir.path().join("out");
    let ended = run(&live_run(
        &spec,
        &out,
        &["--point", "2k", "--policy", "ours", "--policy", "non-partitioned"],
    ));
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stdout.contains("report.html"), "{}", ended.stdout);
    assert!(below(std::process::id()).iter().all(|(_, name)| name != "redis-server"));
    let kept = outcomes(&out, "small", "live");
    assert_eq!(kept.len(), 3);
    for (path, outcome) in &kept {
        let path = path.display();
        assert!((outcome["measured_s"].as_f64().unwrap() - 3.0).abs() < 0.5, "{path}");
        for tenant in outcome["tenants"].as_array().unwrap() {
            let number = |field: &str| tenant[field].as_f64().unwrap();
            assert!(number("throughput_per_s") > 100.0, "{path}: {tenant}");
            assert!((0.1..=1.0).contains(&number("hit_ratio")), "{path}: {tenant}");
            assert_eq!(tenant["refused"].as_u64(), Some(0), "{path}: {tenant}");
            let used = tenant["used"]["read_units_per_s"].as_f64().unwrap();
            let share = tenant["share"]["read_units_per_s"].as_f64().unwrap();
            assert!(used <= share * 1.1 + 5.0, "{path}: {used} units of {share}");
            assert!(!tenant["series"].as_array().unwrap().is_empty(), "{path}");
        }
        let decisions = outcome["decisions"].as_array().unwrap().len();
        let is_ours = outcome["policy"] == "ours";
        assert_eq!(decisions, usize::from(is_ours), "{path}");
        if is_ours {
            let tenants = outcome["tenants"].as_array().unwrap();
            assert!(tenants.iter().all(|tenant| tenant["predicted_gain"].as_f64().unwrap() > 0.9));
            assert!(tenants.iter().all(|tenant| !tenant["curve"].as_array().unwrap().is_empty()));
        }
    }
}

#[test]
fn tenants_come_and_go_live() {
    let dir = tempfile::tempdir().unwrap();
    let spec = SMALL.replace("[vary]", "[allocator]\nevery = \"2s\"\napply = \"gradual\"\n[vary]");
    let spec = spec.replace("measure = \"3s\"", "measure = \"8s\"");
    let comes =
        "[[tenant]]\nname = \"c\"\nworkload = \"n=3k,v=700\"\narrives = \"2s\"\nleaves = \"6s\"\n";
    let spec = write(dir.path(), "small.toml", &(spec + comes));
    let out = dir.path().join("out");
    let ended = run(&live_run(&spec, &out, &["--point", "2k", "--policy", "ours"]));
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    for (path, outcome) in outcomes(&out, "small", "live") {
        let series = outcome["tenants"][2]["series"].as_array().unwrap();
        let times: Vec<f64> = series.iter().map(|at| at["until_s"].as_f64().unwrap()).collect();
        let within = times.iter().all(|at| (2.0..=6.6).contains(at));
        assert!(within && times.len() >= 3, "{}: {times:?}", path.display());
        if outcome["policy"] == "ours" {
            assert!(outcome["decisions"].as_array().unwrap().len() >= 2);
        }
    }
}

#[test]
fn a_run_on_the_embedded_store_serves_what_it_wrote() {
    let dir = tempfile::tempdir().unwrap();
    let spec = SMALL.replace("n=12k,k=16,v=1000", "n=6k,k=16,v=1000").replace("8MiB", "5MiB");
    let spec = write(dir.path(), "small.toml", &spec);
    let out = dir.path().join("out");
    let ended = run(&live_run(
        &spec,
        &out,
        &["--point", "2k", "--policy", "hare", "--storage", "embedded"],
    ));
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(below(std::process::id()).iter().all(|(_, name)| name != "redis-server"));
    let kept = outcomes(&out, "small", "live");
    assert_eq!(kept.len(), 2);
    for (path, outcome) in &kept {
        for tenant in outcome["tenants"].as_array().unwrap() {
            let number = |field: &str| tenant[field].as_f64().unwrap();
            // Every value was verified, and a key that was written and is not there would have ended the run.
            assert!(number("throughput_per_s") > 50.0, "{}: {tenant}", path.display());
            assert_eq!(tenant["refused"].as_u64(), Some(0), "{}: {tenant}", path.display());
            assert!(number("hit_ratio") < 1.0 || tenant["name"] == "a", "storage was asked");
        }
    }
}
