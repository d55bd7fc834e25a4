//! The document, as far as it can be checked without a running proxy.

use serde_json::Value;

use super::routes;

#[test]
fn the_document_lists_every_path_and_resolves_every_reference() {
    let (_, _, document) = routes();
    let document = serde_json::to_value(&document).unwrap();
    let paths = document["paths"].as_object().unwrap();
    for (path, methods) in [
        ("/v1/tenants", &["get", "post"][..]),
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
