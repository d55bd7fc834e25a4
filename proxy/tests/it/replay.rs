//! A real trace through `hopperkv-load`, every value verified.
//!
//! The trace is not part of the project: it is looked for in `$HOPPERKV_TRACES` or in `shared/traces` beside the
//! checkout. 100,000 requests by default, the first million with `HOPPERKV_LONG_TESTS`.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::Proxy;

const TRACE: &str = "twitter_cluster52_1m.csv.gz";

fn trace() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/traces");
    let dir = std::env::var_os("HOPPERKV_TRACES").map_or(beside, PathBuf::from);
    Some(dir.join(TRACE)).filter(|path| path.exists())
}

#[test]
fn a_replayed_trace_reads_back_every_value_it_wrote() {
    let Some(trace) = trace() else {
        eprintln!("skipped: {TRACE} is not here; set HOPPERKV_TRACES to its directory");
        return;
    };
    let load = Path::new(env!("CARGO_BIN_EXE_hopperkv")).with_file_name("hopperkv-load");
    assert!(load.exists(), "build the load generator first: cargo build -p hopperkv-bench");
    let long = std::env::var_os("HOPPERKV_LONG_TESTS").is_some();
    let proxy = Proxy::start();
    let output = Command::new(load)
        .args(["replay", "--endpoint", &proxy.listen.to_string(), "--user", "orders"])
        .args(["--clients", "8", "--depth", "16", "--quiet", "--json", "-"])
        .args(["--limit", if long { "1000000" } else { "100000" }])
        .arg("--trace")
        .arg(trace)
        .env("HOPPERKV_PASSWORD", "orders-pw")
        .output()
        .unwrap();
    let out = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{out}\n{}", String::from_utf8_lossy(&output.stderr));
    let summary: serde_json::Value = serde_json::from_str(&out[out.find('{').unwrap()..]).unwrap();
    let counts = &summary["counts"];
    assert_eq!(counts["mismatches"], 0, "{summary}");
    assert_eq!(counts["lost"], 0, "{summary}");
    assert_eq!(counts["errors"], 0, "{summary}");
    assert_eq!(counts["verified"], counts["hits"], "{summary}");
    assert!(counts["hits"].as_u64().unwrap() > 50_000, "{summary}");
}
