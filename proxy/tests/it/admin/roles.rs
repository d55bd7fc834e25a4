//! Two tokens: one does everything, the other only looks.

use serde_json::json;

use super::send;
use crate::support::{Proxy, ProxyBuilder, eventually};

const READER: (&str, &str) = ("authorization", "Bearer look-only");
const OPERATOR: (&str, &str) = ("authorization", "Bearer test-admin-token");
const JSON: (&str, &str) = ("content-type", "application/json");

fn with_reader() -> Proxy {
    ProxyBuilder::default().server("admin_read_token = \"look-only\"").start()
}

#[test]
fn a_session_tells_the_role_and_the_run() {
    let mut proxy = with_reader();
    let session = |proxy: &Proxy, token| send(proxy.admin, "GET", "/v1/session", &[token], "").body;
    let operator = session(&proxy, OPERATOR);
    assert_eq!(operator["role"], "operator");
    assert_eq!(operator["token_required"], true);
    assert_eq!(operator["version"], env!("CARGO_PKG_VERSION"));
    let reader = session(&proxy, READER);
    assert_eq!(reader["role"], "read_only");
    assert_eq!(reader["instance"], operator["instance"]);
    assert_eq!(proxy.get("/v1/overview")["instance"], operator["instance"]);
    proxy.stop();
    proxy.restart();
    assert_ne!(session(&proxy, READER)["instance"], operator["instance"], "another run");
}

/// Over every route that the document lists: whatever is added later is refused here too, or listed below.
#[test]
fn who_only_looks_changes_nothing() {
    let proxy = with_reader();
    let document = proxy.get("/v1/openapi.json");
    let mut refused = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        let asked = path.replace("{tenant}", "orders").replace("{id}", "1");
        for method in methods.as_object().unwrap().keys() {
            if method == "get" {
                if path == "/v1/events" {
                    continue; // does not end
                }
                let answer = send(proxy.admin, "GET", &asked, &[READER], "");
                assert_ne!(answer.status, 403, "{path}: {answer:?}");
                assert_ne!(answer.status, 401, "{path}: {answer:?}");
            } else {
                let method = method.to_uppercase();
                let answer = send(proxy.admin, &method, &asked, &[READER, JSON], "{}");
                assert!(answer.assert_problem(403, "forbidden").contains("admin_token"));
                refused.push(format!("{method} {path}"));
            }
        }
    }
    refused.sort();
    assert_eq!(
        refused,
        [
            "DELETE /v1/tenants/{tenant}",
            "DELETE /v1/tenants/{tenant}/quota",
            "PATCH /v1/tenants/{tenant}",
            "POST /v1/allocator/runs",
            "POST /v1/tenants",
            "PUT /v1/allocator",
            "PUT /v1/tenants/{tenant}/quota",
        ]
    );
    assert!(!proxy.data_dir().join("state.json").exists(), "nothing was saved");
    // Asking what would be decided changes nothing.
    let dry = "/v1/allocator/runs?dry_run=true&policy=hare";
    let answer = send(proxy.admin, "POST", dry, &[READER], "");
    assert_eq!((answer.status, &answer.body["trigger"]), (200, &json!("dry_run")), "{answer:?}");
    let twice = "/v1/allocator/runs?dry_run=true&dry_run=false";
    send(proxy.admin, "POST", twice, &[READER], "").assert_problem(403, "forbidden");
}

#[test]
fn who_is_turned_away_is_counted_and_a_wrong_token_is_logged() {
    let mut proxy = with_reader();
    let wrong = ("authorization", "Bearer guess");
    for _ in 0..5 {
        send(proxy.admin, "GET", "/v1/session", &[wrong], "").assert_problem(401, "unauthorized");
    }
    send(proxy.admin, "GET", "/v1/session", &[], "").assert_problem(401, "unauthorized");
    send(proxy.admin, "PUT", "/v1/allocator", &[READER, JSON], "{}")
        .assert_problem(403, "forbidden");
    let metrics = proxy.get("/metrics");
    for (reason, count) in [("wrong", 5), ("missing", 1), ("read_only", 1)] {
        let line = format!("hopperkv_admin_denied_total{{reason=\"{reason}\"}} {count}");
        assert!(metrics.as_str().unwrap().lines().any(|l| l == line), "{line}");
    }
    eventually("it is logged", || {
        proxy
            .log()
            .iter()
            .any(|line| line.contains("wrong token") && line.contains("127.0.0.1"))
            .then_some(())
    });
    let lines = proxy.log().iter().filter(|line| line.contains("wrong token")).count();
    assert_eq!(lines, 1, "five in a row are one line");
    assert!(
        !proxy.log().iter().any(|line| line.contains("guess")),
        "a token is no matter for a log"
    );
}

#[test]
fn a_token_that_only_reads_needs_one_that_does_everything() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("h.toml");
    let text = "[server]\nadmin_read_token = \"look\"\n";
    std::fs::write(&config, text).unwrap();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_hopperkv"))
        .args(["check", "--config"])
        .arg(&config)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("admin_read_token") && said.contains("add admin_token"), "{said}");
}
