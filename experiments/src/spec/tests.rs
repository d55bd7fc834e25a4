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
    Spec::parse(text, Path::new("specs/6a.toml")).map_err(|error| error.to_string())
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
        (with("n=6m", "m=6m"), ["6a.toml", "tenant b: workload", "unknown field"]),
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
fn a_scale_that_leaves_nothing_is_refused() {
    let spec = parse(SPEC).unwrap();
    let error = spec.at(0, "1/1000".parse().unwrap()).unwrap_err().to_string();
    assert!(error.contains("scale 1/1000") && error.contains("4 MiB"), "{error}");
    for bad in ["0", "2", "1/0", "-1", "half"] {
        assert!(bad.parse::<Scale>().is_err(), "{bad}");
    }
}
