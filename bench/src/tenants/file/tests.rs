//! What a file of tenants means, and what is said of one that means nothing.

use std::path::Path;
use std::time::Duration;

use super::TenantsPlan;
use crate::job::Traffic;
use crate::preload::Preload;
use crate::replay::pace::Pace;

const FILE: &str = r#"
[defaults]
endpoint = "127.0.0.1:7000"
duration = "60s"
workload = "n=10"

[[tenant]]
name = "a"
password = "secret"
workload = "ycsb:a,n=1k"
preload = "warm-up:5k"
rate = "2k"
arrivals = "poisson"

[[tenant]]
name = "b"
endpoint = "unix:/tmp/s"
start_after = "5s"
clients = 2
depth = 16
"#;

fn parse(text: &str) -> Result<TenantsPlan, String> {
    TenantsPlan::parse(text, Path::new("dir/load.toml")).map_err(|error| error.to_string())
}

#[test]
fn tenants_have_what_they_say_and_the_defaults_for_the_rest() {
    let plan = parse(FILE).unwrap();
    let [a, b] = plan.tenants.as_slice() else { panic!("two tenants") };
    let (Traffic::Workload(first), Traffic::Workload(second)) = (&a.job.traffic, &b.job.traffic)
    else {
        panic!("workloads")
    };
    assert_eq!(a.job.preloads, [Preload::WarmUp(Some(5_000))]);
    assert_eq!(first.workload.to_string(), "n=1000,k=16,v=1000,w=0.5,d=zipf:0.99");
    let rate = first.rate.unwrap();
    assert!((rate.per_s - 2_000.0).abs() < 1e-9);
    assert_eq!((first.clients, first.depth), (8, 64));
    let credentials = first.target.credentials.as_ref().unwrap();
    assert_eq!(credentials.user.as_deref(), Some("a"), "the name, as no user is given");
    assert_eq!(first.target.endpoint.to_string(), "127.0.0.1:7000");
    assert_eq!(second.workload.to_string(), "n=10,k=16,v=500,w=0,d=unif");
    assert_eq!(second.target.endpoint.to_string(), "unix:/tmp/s");
    assert_eq!((second.clients, second.depth), (2, 16));
    assert_eq!((second.duration, b.start_after.as_secs()), (Some(Duration::from_secs(60)), 5));
}

#[test]
fn defaults_that_mean_nothing_to_a_tenant_are_not_its() {
    let dir = tempfile::TempDir::new().unwrap();
    std::fs::write(dir.path().join("t.csv"), "time,key,size\n").unwrap();
    let text = r#"
        defaults = { rate = 100, preload = "fill", duration = "1s", pace = "timestamp", seed = 3 }
        tenant = [{ name = "a", workload = "n=1" }, { name = "b", trace = "t.csv" }]
    "#;
    let plan = TenantsPlan::parse(text, &dir.path().join("load.toml")).unwrap();
    let [a, b] = plan.tenants.as_slice() else { panic!("two tenants") };
    let (Traffic::Workload(load), Traffic::Trace(replay)) = (&a.job.traffic, &b.job.traffic) else {
        panic!("a workload and a trace")
    };
    assert_eq!((load.rate.is_some(), load.seed, a.job.preloads.len()), (true, 3, 1));
    assert_eq!((replay.pace, b.job.preloads.len()), (Pace::Timestamp { speedup: 1.0 }, 0));
}

#[test]
fn mistakes_say_which_and_where() {
    let with = |from: &str, to: &str| parse(&FILE.replace(from, to)).unwrap_err();
    for (error, parts) in [
        (with("depth = 16", "deep = 16"), ["dir/load.toml", "line 20", "deep"]),
        (with("ycsb:a,n=1k", "ycsb:x,n=1k"), ["dir/load.toml", "tenant a: workload", "`x`"]),
        (with("name = \"b\"", "name = \"a\""), ["tenant a", "two of this name", ""]),
        (with("\"secret\"", "\"env:NO_SUCH_VARIABLE\""), ["tenant a", "NO_SUCH_VARIABLE", ""]),
        (with("depth = 16", "pace = \"fast\""), ["tenant b", "pace is for traces", ""]),
        (with("clients = 2", "clients = 0"), ["tenant b: clients", "1 to 10000", ""]),
        (with("rate = \"2k\"", ""), ["tenant a", "need a rate", ""]),
        (with("\"warm-up:5k\"", "\"hot\""), ["tenant a: preload", "`hot`", "image:FILE"]),
        (with("depth = 16", "trace = \"no.csv\""), ["tenant b: trace", "dir/no.csv", ""]),
        (with("name = \"b\"", ""), ["tenant 2", "name is missing", ""]),
        (parse("").unwrap_err(), ["dir/load.toml", "no tenant", "[[tenant]]"]),
    ] {
        for part in parts {
            assert!(error.contains(part), "{part}: {error}");
        }
    }
}
