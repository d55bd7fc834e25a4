//! The OpenAPI document lists what is served, and what it lists is served.

use std::collections::BTreeSet;

use crate::support::Proxy;

/// Every route of the API, and the methods it takes.
const ROUTES: [(&str, &[&str]); 20] = [
    ("/v1/session", &["get"]),
    ("/v1/overview", &["get"]),
    ("/v1/events", &["get"]),
    ("/v1/history", &["get"]),
    ("/v1/connect", &["get"]),
    ("/v1/allocator/shares", &["get"]),
    ("/v1/tenants/{tenant}/history", &["get"]),
    ("/v1/tenants/{tenant}/errors", &["get"]),
    ("/v1/tenants/{tenant}/clients", &["get"]),
    ("/v1/tenants", &["get", "post"]),
    ("/v1/tenants/{tenant}", &["get", "patch", "delete"]),
    ("/v1/tenants/{tenant}/stats", &["get"]),
    ("/v1/tenants/{tenant}/curve", &["get"]),
    ("/v1/tenants/{tenant}/quota", &["get", "put", "delete"]),
    ("/v1/allocator", &["get", "put"]),
    ("/v1/allocator/runs", &["get", "post"]),
    ("/v1/allocator/runs/{id}", &["get"]),
    ("/metrics", &["get"]),
    ("/healthz", &["get"]),
    ("/readyz", &["get"]),
];

#[test]
fn the_document_lists_every_route_and_each_answers() {
    let proxy = Proxy::start();
    let document = proxy.get("/v1/openapi.json");
    let kept = concat!(env!("CARGO_MANIFEST_DIR"), "/../admin-ui/openapi.json");
    let kept: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(kept).unwrap()).unwrap();
    assert!(kept == document, "admin-ui/openapi.json is old; see proxy/src/admin/tests.rs");
    assert!(document["openapi"].as_str().unwrap().starts_with("3."));
    let paths = document["paths"].as_object().unwrap();
    let listed: BTreeSet<(&str, &str)> = paths
        .iter()
        .flat_map(|(path, methods)| {
            methods.as_object().unwrap().keys().map(move |method| (path.as_str(), method.as_str()))
        })
        .collect();
    let routes: BTreeSet<(&str, &str)> = ROUTES
        .iter()
        .flat_map(|(path, methods)| methods.iter().map(move |method| (*path, *method)))
        .collect();
    assert_eq!(listed, routes);

    // DELETE last: it takes the tenant away that the others ask for.
    let mut order: Vec<_> = listed.into_iter().collect();
    order.sort_by_key(|(path, method)| (*method == "delete", !path.ends_with("/quota")));
    for (path, method) in order {
        let answers = paths[path][method]["responses"].as_object().unwrap();
        if path == "/v1/events" {
            continue; // does not end; its own tests read it
        }
        let asked = path.replace("{tenant}", "orders");
        // Bodies are left out on purpose: "malformed" is an answer as well.
        let (status, body) = proxy.api(&method.to_uppercase(), &asked, None);
        // No run asked a policy for one tenant alone.
        let expected = if path.ends_with("{id}") { [405, 500, 500] } else { [404, 405, 500] };
        assert!(!expected.contains(&status), "{method} {path}: {status} {body}");
        if status < 300 {
            assert!(answers.contains_key(&status.to_string()), "{method} {path}: {status}");
        }
        let secured = paths[path][method]["security"].is_array();
        assert_eq!(secured, !["/healthz", "/readyz"].contains(&path), "{path}");
        for field in ["summary", "tags"] {
            assert!(!paths[path][method][field].is_null(), "{method} {path} has no {field}");
        }
    }
}

#[test]
fn answers_have_exactly_the_fields_that_the_document_lists() {
    let proxy = Proxy::start();
    let document = proxy.get("/v1/openapi.json");
    assert_eq!(proxy.api("POST", "/v1/allocator/runs?dry_run=true", None).0, 200);
    for (path, schema) in [
        ("/v1/tenants/orders", "TenantView"),
        ("/v1/tenants/orders/stats", "Stats"),
        ("/v1/tenants/orders/curve", "CurveView"),
        ("/v1/tenants/orders/quota", "QuotaView"),
        ("/v1/allocator", "AllocatorView"),
        ("/readyz", "Readiness"),
        ("/v1/session", "Session"),
        ("/v1/overview", "Overview"),
        ("/v1/connect", "ConnectView"),
        ("/v1/history", "TotalHistory"),
        ("/v1/tenants/orders/history", "TenantHistory"),
        ("/v1/tenants/orders/errors", "ErrorList"),
        ("/v1/tenants/orders/clients", "ClientList"),
    ] {
        let reference = serde_json::json!({"$ref": format!("#/components/schemas/{schema}")});
        check(&document, &reference, &proxy.get(path), path);
    }
    let run = proxy.get("/v1/allocator/runs")["runs"][0].clone();
    check(&document, &serde_json::json!({"$ref": "#/components/schemas/RunView"}), &run, "run");
}

/// Every field of `value` is in the schema, and every required field of the schema is in `value`.
fn check(
    document: &serde_json::Value,
    schema: &serde_json::Value,
    value: &serde_json::Value,
    at: &str,
) {
    let (mut known, mut required) = (serde_json::Map::new(), BTreeSet::new());
    collect(document, schema, &mut known, &mut required);
    if let Some(fields) = value.as_object() {
        if known.is_empty() {
            return;
        }
        for (field, inner) in fields {
            let schema = known.get(field).unwrap_or_else(|| panic!("{at}: {field} is not listed"));
            check(document, schema, inner, &format!("{at}.{field}"));
        }
        for field in required {
            assert!(fields.contains_key(&field), "{at}: {field} is missing");
        }
    }
}

/// Properties of a schema, through references and `allOf`.
fn collect(
    document: &serde_json::Value,
    schema: &serde_json::Value,
    known: &mut serde_json::Map<String, serde_json::Value>,
    required: &mut BTreeSet<String>,
) {
    if let Some(reference) = schema["$ref"].as_str() {
        let target = document.pointer(reference.trim_start_matches('#')).unwrap();
        collect(document, target, known, required);
    }
    for part in ["allOf", "oneOf"].iter().filter_map(|of| schema[*of].as_array()).flatten() {
        collect(document, part, known, required);
    }
    known.extend(schema["properties"].as_object().cloned().unwrap_or_default());
    let names = schema["required"].as_array().into_iter().flatten();
    required.extend(names.map(|name| name.as_str().unwrap().to_owned()));
}
