//! `tenants`: several loads from one file.

use std::fs;
use std::process::Stdio;

use crate::server::Redis;
use crate::tool::{Ended, command};

/// A Redis with two users, and a file with their loads.
fn two_tenants() -> (Redis, String) {
    let redis = Redis::start(&[]);
    for (user, keys) in [("orders", "K*"), ("feed", "*")] {
        assert_eq!(redis.say(&format!("ACL SETUSER {user} on >{user}-pass ~{keys} +@all")), "+OK");
    }
    fs::write(redis.dir.path().join("trace.csv"), "time,key,size\n1,a,100\n2,b,50\n3,a,100\n")
        .expect("it works");
    let file = redis.dir.path().join("load.toml");
    let text = format!(
        r#"
        [defaults]
        endpoint = "{}"
        duration = "1200ms"
        [[tenant]]
        name = "orders"
        password = "env:ORDERS_PASSWORD"
        workload = "ycsb:b,n=1k"
        preload = "fill"
        depth = 4
        [[tenant]]
        name = "slow"
        user = "orders"
        password = "env:ORDERS_PASSWORD"
        workload = "n=1k,v=1000"
        rate = 500
        arrivals = "poisson"
        start_after = "200ms"
        [[tenant]]
        name = "feed"
        password = "feed-pass"
        trace = "trace.csv"
        pace = "timestamp:10"
        "#,
        redis.endpoint()
    );
    fs::write(&file, text).expect("it works");
    (redis, file.display().to_string())
}

fn tenants(file: &str, password: &str, options: &[&str]) -> Ended {
    let output = command()
        .args(["tenants", file])
        .args(options)
        .env("ORDERS_PASSWORD", password)
        .stdin(Stdio::null())
        .output()
        .expect("it works");
    Ended {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

#[test]
fn each_has_a_summary_and_all_have_totals() {
    let (redis, file) = two_tenants();
    let path = |name: &str| redis.dir.path().join(name).display().to_string();
    let (csv, rows, hdr) = (path("summary.csv"), path("seconds.csv"), path("all.hlog"));
    let options = ["--json", "-", "--summary-csv", &csv, "--csv", &rows, "--hdr", &hdr];
    let ended = tenants(&file, "orders-pass", &options);
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
    let json = ended.json();
    let all = json["tenants"].as_array().unwrap();
    let names: Vec<_> = all.iter().map(|tenant| tenant["tenant"].as_str().unwrap()).collect();
    assert_eq!(names, ["orders", "slow", "feed"]);
    let requests = |tenant: &serde_json::Value| tenant["requests"].as_u64().unwrap();
    assert_eq!(all.iter().map(requests).sum::<u64>(), requests(&json["total"]), "{json}");
    assert_eq!(all[0]["preload"]["requests"], 1_000);
    assert!((450..750).contains(&requests(&all[1])), "600 are due: {json}");
    assert_eq!(requests(&all[2]), 5, "three reads, of which two find nothing and are written");
    assert_eq!(all[2]["trace"]["requests"], 3);
    let summary = fs::read_to_string(csv).unwrap();
    let firsts: Vec<_> = summary.lines().map(|row| row.split(',').next().unwrap()).collect();
    assert_eq!(firsts, ["tenant", "orders", "slow", "feed", "total"]);
    let rows = fs::read_to_string(rows).unwrap();
    assert!(rows.starts_with("tenant,elapsed_s,"), "{rows}");
    for name in ["orders", "slow", "feed"] {
        assert!(rows.lines().any(|row| row.starts_with(&format!("{name},"))), "{rows}");
    }
    assert!(fs::read_to_string(hdr).unwrap().contains("Tag=slow.GET,"));
    let ended = tenants(&file, "orders-pass", &[]);
    assert!(
        ended.stdout.contains("tenant ") && ended.stdout.contains("\ntotal "),
        "{}",
        ended.stdout
    );
    assert!(ended.stderr.contains("3 tenants"), "a line of all: {}", ended.stderr);
}

#[test]
fn a_tenant_that_cannot_begin_is_named() {
    let (_redis, file) = two_tenants();
    let ended = tenants(&file, "wrong", &["--quiet"]);
    assert_eq!(ended.code, 2, "{}", ended.stdout);
    assert!(ended.stderr.contains("tenant orders: "), "{}", ended.stderr);
    assert!(ended.stderr.contains("refused the login"), "{}", ended.stderr);
    let text = fs::read_to_string(&file).unwrap().replace("depth = 4", "dept = 4");
    fs::write(&file, text).unwrap();
    let ended = tenants(&file, "orders-pass", &["--quiet"]);
    assert_eq!(ended.code, 2, "{}", ended.stdout);
    assert!(ended.stderr.contains("line 10") && ended.stderr.contains("dept"), "{}", ended.stderr);
}
