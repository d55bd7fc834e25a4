//! The document, as far as it can be checked without a running proxy.

use serde_json::Value;

use super::routes;

#[test]
fn the_document_lists_every_path_and_resolves_every_reference() {
    let (_, _, document) = routes();
    let document = serde_json::to_value(&document).unwrap();
    let paths = document["paths"].as_object().unwrap();
    for (path, methods) in [
        ("/v1/session", &["get"][..]),
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
    ] {
        for method in methods {
            assert!(paths[path][method].is_object(), "{method} {path}");
        }
    }
    let mut references = Vec::new();
    collect(&document, &mut references);
    assert!(!references.is_empty());
    for reference in references {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference} is not in the document");
    }
}

/// Programs are generated from them.
#[test]
fn every_operation_has_a_name_of_its_own() {
    let (_, _, document) = routes();
    let document = serde_json::to_value(&document).unwrap();
    let paths = document["paths"].as_object().unwrap().values();
    let operations = paths.flat_map(|methods| methods.as_object().unwrap().values());
    let mut names: Vec<&str> =
        operations.map(|operation| operation["operationId"].as_str().unwrap()).collect();
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all, "{names:?}");
}

/// The page's types are made from the copy in the tree. To write it:
/// `HOPPERKV_WRITE_OPENAPI=1 cargo nextest run -p hopperkv -E 'test(document_in_the_tree)'`
#[test]
fn the_document_in_the_tree_is_the_one_that_is_served() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../admin-ui/openapi.json");
    let (_, _, document) = routes();
    let now = serde_json::to_string_pretty(&document).unwrap() + "\n";
    if std::env::var_os("HOPPERKV_WRITE_OPENAPI").is_some() {
        std::fs::create_dir_all(std::path::Path::new(path).parent().unwrap()).unwrap();
        std::fs::write(path, &now).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    // Not compared with assert_eq, which would print both.
    assert!(kept == now, "admin-ui/openapi.json is old; write it as this test's comment says");
}

fn collect(value: &Value, references: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            references.extend(fields.get("$ref").and_then(Value::as_str).map(String::from));
            fields.values().for_each(|field| collect(field, references));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, references)),
        _ => {}
    }
}
