//! What a spec means, and what is said of one that means nothing.

use std::path::Path;

use super::{Policy, Scale, Spec, Traffic};

const SPEC: &str = r#"
name = "6a"
title = "t"
shows = "s"
policies = ["ours", "static", "hare"]
[base]
cache = "2GiB"
read_units = 1000
write_units = 1000
net = "50MiB/s"
[vary]
name = "keys"
label = "Keys"
values = ["1m", "16m"]
[[tenant]]
name = "a"
workload = "n={keys},d=zipf:0.9"
[[tenant]]
name = "b"
count = 2
workload = "n=6m"
"#;

fn parse(text: &str) -> Result<Spec, String> {
    Spec::parse(text, Path::new("specs/6a.toml"), None).map_err(|error| error.to_string())
}

#[test]
fn a_point_has_its_tenants_at_its_scale() {
    let spec = parse(SPEC).unwrap();
    assert_eq!(spec.policies, [Policy::Static, Policy::Hare, Policy::Ours]);
    assert_eq!((spec.points(), spec.point_label(1)), (2, "16m"));
    let tenants = spec.at(1, "1/16".parse().unwrap()).unwrap();
    let names: Vec<&str> = tenants.iter().map(|tenant| tenant.name.as_str()).collect();
    assert_eq!(names, ["a", "b-1", "b-2"]);
    let Traffic::Workload(workload) = &tenants[0].traffic else { panic!("a workload") };
    assert_eq!(workload.phases[0].keys, 1_000_000);
    assert_eq!(tenants[0].base.cache_bytes, 128 << 20);
    assert!((tenants[0].base.read_units_per_s - 62.5).abs() < 1e-9);
}

#[test]
fn mistakes_say_which_and_where() {
    let with = |from: &str, to: &str| parse(&SPEC.replace(from, to)).unwrap_err();
    for (error, parts) in [
        (with("title", "titel"), ["6a.toml", "line 3", "titel"]),
        (with("\"hare\"", "\"hair\""), ["6a.toml", "policies", "hair"]),
        (with("2GiB", "2 lumps"), ["6a.toml", "base: cache", "2 lumps"]),
        (with("n=6m", "x=6m"), ["6a.toml", "tenant b: workload", "unknown field"]),
        (with("\"16m\"", "\"many\""), ["6a.toml", "tenant a: workload", "many"]),
        (with("workload = \"n=6m\"", "trace = \"x.csv\""), ["6a.toml", "tenant b: trace", "x.csv"]),
        (with("name = \"b\"", "name = \"a\""), ["6a.toml", "tenant a", "twice"]),
        (with("count = 2", "arrives = \"5s\""), ["6a.toml", "allocator: every", "periodic"]),
    ] {
        for part in parts {
            assert!(error.contains(part), "{part}: {error}");
        }
    }
}

#[test]
fn a_missing_trace_has_a_stand_in_that_says_so() {
    let traced =
        |more: &str| SPEC.replace("workload = \"n=6m\"", &format!("trace = \"x.csv\"\n{more}"));
    let spec = parse(&traced("stand_in = \"n=2m,v=100\"")).unwrap();
    let tenants = spec.at(0, Scale::FULL).unwrap();
    assert_eq!(tenants[2].name, "b-2-stand-in");
    assert_eq!(tenants[2].stands_in_for.as_deref(), Some(Path::new("specs/x.csv")));
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("x.csv"), "").unwrap();
    let text = traced("stand_in = \"n=2m,v=100\"");
    let spec = Spec::parse(&text, Path::new("specs/6a.toml"), Some(dir.path())).unwrap();
    let tenants = spec.at(0, Scale::FULL).unwrap();
    assert_eq!((tenants[2].name.as_str(), &tenants[2].stands_in_for), ("b-2", &None));
    assert_eq!(tenants[2].traffic, Traffic::Trace(dir.path().join("x.csv")));
    let error = parse(&traced("stand_in = \"n=2m,v=1\"")).unwrap_err();
    assert!(error.contains("tenant b: stand_in") && error.contains("v=1"), "{error}");
    let error = parse(&SPEC.replace("count = 2", "stand_in = \"n=5\"")).unwrap_err();
    assert!(error.contains("tenant b: "), "{error}");
}

#[test]
fn what_is_varied_may_be_in_a_base() {
    let text =
        SPEC.replace("\"2GiB\"", "\"{keys}\"").replace("\"1m\", \"16m\"", "\"512MiB\", \"1GiB\"");
    let spec = parse(&text.replace("n={keys}", "n=5m")).unwrap();
    assert_eq!(spec.at(1, Scale::FULL).unwrap()[0].base.cache_bytes, 1 << 30);
}

#[test]
fn a_scale_that_leaves_nothing_is_refused() {
    let spec = parse(SPEC).unwrap();
    let error = spec.at(0, "1/1000".parse().unwrap()).unwrap_err().to_string();
    assert!(error.contains("scale 1/1000") && error.contains("4 MiB"), "{error}");
    for bad in ["0", "2", "1/0", "-1", "half"] {
        assert!(bad.parse::<Scale>().is_err(), "{bad}");
    }
}
