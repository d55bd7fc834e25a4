//! Every bad input gets exit code 2 and an error that says which and where.

use super::tool::{SMALL, run, write};

#[track_caller]
fn refused(arguments: &[&str], parts: &[&str]) {
    let ended = run(arguments);
    assert_eq!(ended.code, 2, "{arguments:?}: {} {}", ended.stdout, ended.stderr);
    for part in parts {
        assert!(ended.stderr.contains(part), "{arguments:?}: no {part:?} in {}", ended.stderr);
    }
    assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
}

#[test]
fn specs_that_are_wrong() {
    let dir = tempfile::tempdir().unwrap();
    let spec = |name: &str, from: &str, to: &str| write(dir.path(), name, &SMALL.replace(from, to));
    let misspelt = spec("misspelt.toml", "measure =", "mesure =");
    refused(&["run", &misspelt], &["misspelt.toml", "line 17", "mesure"]);
    let workload = spec("workload.toml", "d=unif", "d=zipf:3");
    refused(&["check", &workload], &["workload.toml", "tenant a: workload", "theta `3`"]);
    let trace = spec(
        "trace.toml",
        "workload = \"n=12k,k=16,v=1000,w=0.05,d=unif\"",
        "trace = \"gone.csv\"",
    );
    refused(&["run", &trace], &["trace.toml", "tenant b: trace", "gone.csv"]);
    let elsewhere = dir.path().join("elsewhere");
    let elsewhere = elsewhere.to_str().unwrap();
    refused(&["run", &trace, "--traces", elsewhere], &["tenant b: trace", "elsewhere/gone.csv"]);
    let twice = spec("twice.toml", "Two small", "Other small");
    let small = spec("small.toml", "", "");
    refused(&["run", &small, &twice], &["two specs are called `small`"]);
    refused(&["run", "nowhere.toml"], &["nowhere.toml", "No such file"]);
    refused(&["run", "6c"], &["`6c`", "6a"]);
    refused(&["show", "6c"], &["`6c`", "6a"]);
}

#[test]
fn choices_that_leave_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let small = write(dir.path(), "small.toml", SMALL);
    refused(&["run", &small, "--scale", "1/64"], &["spec small: scale 1/64", "100 are needed"]);
    refused(&["run", &small, "--scale", "2"], &["--scale", "`2` is no scale"]);
    refused(&["run", &small, "--policy", "fair"], &["no policy `fair`", "memshare"]);
    refused(&["run", &small, "--policy", "drf"], &["policy drf is in none"]);
    refused(&["run", &small, "--point", "5k"], &["no point `5k`", "keys = 2k, 3k"]);
    refused(&["run", &small, "--engine", "dream"], &["dream"]);
    let live = |more: &[&'static str]| {
        [&["run", small.as_str(), "--engine", "live", "--scale", "1"], more].concat()
    };
    refused(&live(&["--server", "/nowhere/hopperkv"]), &["/nowhere/hopperkv", "no such file"]);
    refused(&live(&["--storage", "tape"]), &["`tape` is neither"]);
    let empty = dir.path().to_str().unwrap();
    refused(&["report", empty], &[empty, "no outcomes", "--out"]);
}

#[test]
fn live_runs_of_what_is_only_simulated() {
    let dir = tempfile::tempdir().unwrap();
    let proxy = super::tool::proxy();
    let out = dir.path().join("out");
    let out = out.to_str().unwrap();
    let spec = |name: &str, from: &str, to: &str| write(dir.path(), name, &SMALL.replace(from, to));
    let refused_live = |spec: &str, parts: &[&str]| {
        refused(
            &["run", spec, "--engine", "live", "--scale", "1", "--server", &proxy, "--out", out],
            parts,
        );
    };
    let many = spec("many.toml", "name = \"b\"", "name = \"b\"\ncount = 70");
    refused_live(&many, &["71 tenants", "--engine sim"]);
    write(dir.path(), "b.csv", "0,key,100\n");
    let trace = "trace = \"b.csv\"";
    let trace = spec("trace.toml", "workload = \"n=12k,k=16,v=1000,w=0.05,d=unif\"", trace);
    refused_live(&trace, &["tenant b", "a trace cannot be run live", "--engine sim"]);
}

#[test]
fn questions_that_make_no_sense() {
    let dir = tempfile::tempdir().unwrap();
    let trace = write(dir.path(), "a.csv", "0,key,100\n");
    let base = "cache=16MiB,rcu=10,wcu=10,net=1MB/s";
    refused(&["what-if", "--trace", &trace, "--base", base], &["sharing takes two"]);
    refused(&["what-if", "--trace", &trace, "--trace", "gone.csv", "--base", base], &["gone.csv"]);
    refused(&["what-if", "--trace", &trace, "--base", "cache=16MiB"], &["rcu is missing"]);
}
