//! The example file: complete, commented, and true about the defaults.

use super::super::raw::shapes;
use super::super::{
    AllocatorConfig, Apply, CacheConfig, CacheKind, LimitsConfig, ServerConfig, StorageConfig,
    StorageKind, Terms, Workers,
};
use super::{EXAMPLE, parse};

#[test]
fn the_example_says_the_defaults() {
    let example = parse(EXAMPLE).unwrap();
    assert_eq!(example.server, ServerConfig::default());
    assert_eq!(example.storage, StorageConfig::default());
    assert_eq!(example.cache, CacheConfig::default());
    assert_eq!(example.limits, LimitsConfig::default());
    assert_eq!(example.allocator, AllocatorConfig::default());
    let (server, cache) = (example.server, example.cache);
    assert_eq!((server.workers, cache.kind), (Workers::Auto, CacheKind::Managed));
    assert_eq!(example.allocator.apply, Apply::Gradual);
    assert_eq!(example.tenants.len(), 2);
    assert_eq!(example.tenants[1].table, "sessions");
}

#[test]
fn the_example_has_every_field_in_its_section_with_a_comment() {
    for shape in shapes() {
        let header = if shape.section == "tenant" {
            "\n[[tenant]]\n"
        } else {
            &format!("\n[{}]\n", shape.section)
        };
        let (_, body) = EXAMPLE.split_once(header).unwrap();
        let body = body.split("\n[").next().unwrap();
        for field in &shape.fields {
            let at = body.lines().position(|line| {
                line.strip_prefix('#').unwrap_or(line).starts_with(&format!("{field} = "))
            });
            let at = at.unwrap_or_else(|| panic!("{field} is not in the example's {header}"));
            let comment = at.checked_sub(1).and_then(|above| body.lines().nth(above)).unwrap();
            assert!(comment.starts_with("# "), "{field} has no comment above it");
        }
    }
}

#[test]
fn the_fields_that_are_off_in_the_example_are_right_too() {
    let on = |field: &str, text: String| {
        assert!(text.contains(&format!("\n#{field} = ")), "{field}");
        text.replace(&format!("\n#{field} = "), &format!("\n{field} = "))
    };
    let all = |fields: &[&str]| fields.iter().fold(EXAMPLE.to_owned(), |text, f| on(f, text));

    let config =
        parse(&all(&["admin_token", "admin_read_token", "default_tenant", "port", "min", "max"]))
            .unwrap();
    assert_eq!(config.tenants[0].port, Some(6381));
    let terms = [&config.tenants[0].terms, &config.tenants[1].terms];
    assert_eq!(
        (terms[0].bounds.min.cache_bytes, terms[0].bounds.max.cache_bytes),
        (64 << 20, 1 << 30)
    );
    assert_eq!(terms[1], &Terms::default());

    let remote = all(&["endpoint", "region"]).replace("kind = \"embedded\"", "kind = \"dynamodb\"");
    assert_eq!(parse(&remote).unwrap().storage.kind, StorageKind::Dynamodb);

    let synthetic = all(&["latency", "value_bytes", "value_sizes"])
        .replace("kind = \"embedded\"", "kind = \"synthetic\"");
    let storage = parse(&synthetic).unwrap().storage;
    let base = StorageConfig::default();
    assert_eq!((storage.latency, storage.value_bytes), (base.latency, base.value_bytes));
    assert_eq!(storage.value_sizes.stretches(), [(0, 500), (6_000_000, 2000)]);
}
