//! What the API refuses, and how it says so.

use serde_json::json;

use super::send;
use crate::support::Proxy;

const TOKEN: (&str, &str) = ("authorization", "Bearer test-admin-token");
const JSON: (&str, &str) = ("content-type", "application/json");

#[test]
fn only_the_token_opens_the_api() {
    let proxy = Proxy::start();
    let protected = [
        ("GET", "/v1/session"),
        ("GET", "/v1/overview"),
        ("GET", "/v1/events"),
        ("GET", "/v1/history"),
        ("GET", "/v1/connect"),
        ("GET", "/v1/allocator/shares"),
        ("GET", "/v1/tenants/orders/history"),
        ("GET", "/v1/tenants/orders/errors"),
        ("GET", "/v1/tenants/orders/clients"),
        ("GET", "/v1/tenants"),
        ("POST", "/v1/tenants"),
        ("GET", "/v1/tenants/orders"),
        ("PATCH", "/v1/tenants/orders"),
        ("DELETE", "/v1/tenants/orders"),
        ("GET", "/v1/tenants/orders/stats"),
        ("GET", "/v1/tenants/orders/curve"),
        ("GET", "/v1/tenants/orders/quota"),
        ("PUT", "/v1/tenants/orders/quota"),
        ("DELETE", "/v1/tenants/orders/quota"),
        ("GET", "/v1/allocator"),
        ("PUT", "/v1/allocator"),
        ("GET", "/v1/allocator/runs"),
        ("POST", "/v1/allocator/runs"),
        ("GET", "/v1/openapi.json"),
        ("GET", "/metrics"),
    ];
    let wrong = [
        None,
        Some("Bearer wrong"),
        Some("Bearer "),
        Some("Bearer test-admin-token2"),
        Some("Bearer test-admin-toke"),
        Some("Basic test-admin-token"),
        Some("test-admin-token"),
    ];
    for (method, path) in protected {
        for authorization in wrong {
            let mut headers = vec![JSON];
            headers.extend(authorization.map(|value| ("authorization", value)));
            let answer = send(proxy.admin, method, path, &headers, "");
            answer.assert_problem(401, "unauthorized");
            assert_eq!(answer.challenge.as_deref(), Some("Bearer"), "{method} {path}");
        }
    }
    assert_eq!(proxy.get("/v1/tenants/orders")["name"], "orders", "nothing was done");
    for path in ["/healthz", "/readyz"] {
        assert_eq!(send(proxy.admin, "GET", path, &[], "").status, 200, "{path}");
        let wrong = [("authorization", "Bearer wrong")];
        assert_eq!(send(proxy.admin, "GET", path, &wrong, "").status, 200, "{path}");
    }
}

#[test]
fn unknown_paths_methods_and_bodies_become_problem_documents() {
    let proxy = Proxy::start();
    let call = |method: &str, path: &str, body: &str| {
        send(proxy.admin, method, path, &[TOKEN, JSON], body)
    };
    for path in ["/nope", "/v1", "/v1/nope", "/v1/tenants/orders/nope", "/metrics/x"] {
        assert!(call("GET", path, "").assert_problem(404, "not_found").contains(path));
    }
    for path in ["", "/stats", "/curve", "/quota"] {
        let answer = call("GET", &format!("/v1/tenants/nobody{path}"), "");
        assert!(answer.assert_problem(404, "not_found").contains("\"nobody\""));
    }
    for (method, path) in [
        ("DELETE", "/v1/tenants"),
        ("PUT", "/v1/tenants/orders"),
        ("POST", "/v1/tenants/orders/stats"),
        ("DELETE", "/v1/allocator"),
        ("PUT", "/v1/allocator/runs"),
        ("POST", "/metrics"),
        ("POST", "/healthz"),
    ] {
        let answer = call(method, path, "");
        assert!(answer.assert_problem(405, "method_not_allowed").contains(path), "{answer:?}");
    }

    let text = [TOKEN, ("content-type", "text/plain")];
    for headers in [&text[..], &[TOKEN]] {
        let answer = send(proxy.admin, "PUT", "/v1/allocator", headers, "{}");
        answer.assert_problem(415, "not_json");
    }
    let with_charset = [TOKEN, ("content-type", "application/json; charset=utf-8")];
    assert_eq!(send(proxy.admin, "PUT", "/v1/allocator", &with_charset, "{}").status, 200);

    let blank = |len: usize| format!("{{{}}}", " ".repeat(len - 2));
    assert_eq!(call("PUT", "/v1/allocator", &blank(64 << 10)).status, 200);
    let answer = call("PUT", "/v1/allocator", &blank((64 << 10) + 1));
    assert!(answer.assert_problem(413, "too_large").contains("65536 bytes"));

    for body in ["", "{", "null", "[]", "{\"policy\": }"] {
        call("PUT", "/v1/allocator", body).assert_problem(400, "malformed");
    }
    for path in ["/v1/allocator/runs?limit=x", "/v1/allocator/runs?limt=3"] {
        call("GET", path, "").assert_problem(400, "malformed");
    }
    let runs = "/v1/allocator/runs";
    call("POST", &format!("{runs}?dry_run=maybe"), "").assert_problem(400, "malformed");
    let answer = call("POST", &format!("{runs}?policy=hars"), "");
    assert!(answer.assert_problem(422, "invalid").contains("hare_nonconserving"), "{answer:?}");
}

#[test]
fn an_unknown_field_is_named() {
    let proxy = Proxy::start();
    for (method, path, body, field) in [
        ("PUT", "/v1/allocator", json!({"polcy": "hare"}), "polcy"),
        ("POST", "/v1/tenants", json!({"name": "x", "cach": "16MiB"}), "cach"),
        ("PATCH", "/v1/tenants/orders", json!({"read_unit": 5}), "read_unit"),
        ("PUT", "/v1/tenants/orders/quota", json!({"cache": 5}), "cache"),
    ] {
        let (status, answer) = proxy.api(method, path, Some(&body));
        assert_eq!(status, 400, "{answer}");
        let detail = super::assert_problem(&answer, 400, "malformed");
        assert!(detail.contains(&format!("`{field}`")), "{detail}");
    }
}

#[test]
fn every_wrong_value_is_named_and_nothing_is_changed() {
    let proxy = Proxy::start();
    let before = (proxy.get("/v1/tenants"), proxy.get("/v1/allocator"));
    let fields = |body: &serde_json::Value| -> Vec<String> {
        let errors = body["errors"].as_array().unwrap();
        errors.iter().map(|error| error["field"].as_str().unwrap().to_owned()).collect()
    };
    for (method, path, body, wrong) in [
        (
            "PUT",
            "/v1/allocator",
            json!({"policy": "hars", "interval": "1ns", "threshold": -1, "smoothing": 0, "salt": "much",
                "tracked_keys": 1, "reserve": 0.95, "stability": 2, "sample_one_in": 32}),
            &[
                "policy",
                "interval",
                "threshold",
                "smoothing",
                "salt",
                "tracked_keys",
                "reserve",
                "stability",
                "sample_one_in",
            ][..],
        ),
        (
            "POST",
            "/v1/tenants",
            json!({"name": "n w", "cache": "1KiB", "read_units": -1, "write_units": "x", "net": "5"}),
            &["name", "cache", "read_units", "write_units", "net"],
        ),
        ("POST", "/v1/tenants", json!({}), &["name", "cache", "read_units", "write_units", "net"]),
        ("PATCH", "/v1/tenants/orders", json!({"cache": "1 MiBB"}), &["cache"]),
        ("PUT", "/v1/tenants/orders/quota", json!({"cache_bytes": 1 << 20}), &["cache_bytes"]),
        ("PUT", "/v1/tenants/orders/quota", json!({"net_bytes_per_s": 0}), &["net_bytes_per_s"]),
    ] {
        let (status, answer) = proxy.api(method, path, Some(&body));
        assert_eq!(status, 422, "{answer}");
        super::assert_problem(&answer, 422, "invalid");
        let mut named = fields(&answer);
        let mut wrong: Vec<String> = wrong.iter().map(ToString::to_string).collect();
        named.sort();
        wrong.sort();
        assert_eq!(named, wrong, "{answer}");
    }
    assert_eq!((proxy.get("/v1/tenants"), proxy.get("/v1/allocator")), before);
    assert!(!proxy.data_dir().join("state.json").exists(), "nothing was saved");
}
