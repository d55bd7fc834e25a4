//! Pages of keys, alike on every engine.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::{AttributeValue, ScalarAttributeType};
use bytes::Bytes;
use hopperkv::command::{Item, ValueKind};
use hopperkv::storage::{
    ScanFrom, ScanPage, ScanRequest, ScannedKey, Storage, StorageConfig, StorageError, StorageKind,
    Table,
};
use tokio::runtime::Handle;

use super::{Dynalite, bytes, create_table, dynalite, engine, item, now_ms, raw_client};

fn page(from: ScanFrom, limit: u32) -> ScanRequest {
    ScanRequest { from, limit, consistent: true, count_only: false }
}

/// All pages of a walk.
async fn walk(storage: &Storage, table: &Table, request: ScanRequest) -> Vec<ScanPage> {
    let mut request = request;
    let mut pages = Vec::new();
    loop {
        let page = storage.scan(table, &request).await.unwrap();
        let next = page.next.clone();
        pages.push(page);
        match next {
            Some(key) => request.from = ScanFrom::After(key),
            None => return pages,
        }
    }
}

fn keys_of(pages: Vec<ScanPage>) -> BTreeMap<Bytes, (ValueKind, Option<u64>)> {
    let found = pages.into_iter().flat_map(|page| page.keys);
    found.map(|ScannedKey { key, kind, expires_at_ms }| (key, (kind, expires_at_ms))).collect()
}

/// What every engine must do alike, on an empty table with binary keys named `k`.
async fn pages_bring_what_counts(storage: &Storage, table: &Table, endpoint: &str) {
    let empty = storage.scan(table, &page(ScanFrom::Start, 10)).await.unwrap();
    assert_eq!((empty.live, empty.evaluated, empty.next), (0, 0, None));

    let later = now_ms() + 600_000;
    let mut expected = BTreeMap::new();
    for kind in ValueKind::ALL {
        let key = Bytes::from(format!("\0\u{ff}{}", kind.name()));
        let stored = Item { kind, value: bytes("x"), expires_at_ms: Some(later) };
        storage.put(table, &key, &stored).await.unwrap();
        expected.insert(key, (kind, Some(later)));
    }
    for number in 0..40_u8 {
        let key = Bytes::copy_from_slice(&[number, 0xff, b'\r']);
        storage.put(table, &key, &item("v")).await.unwrap();
        expected.insert(key, (ValueKind::String, None));
    }
    let gone = Item::string("v", Some(now_ms() - 1));
    storage.put(table, &bytes("gone"), &gone).await.unwrap();
    foreign_items(endpoint).await;

    let all = 6 + 40 + 1 + 5;
    for limit in [1, 7, 1000] {
        let pages = walk(storage, table, page(ScanFrom::Start, limit)).await;
        assert_eq!(pages.iter().map(|page| page.evaluated).sum::<u64>(), all);
        assert!(pages.iter().all(|page| page.evaluated <= u64::from(limit)));
        assert!(pages.iter().all(|page| page.live == page.keys.len() as u64));
        assert_eq!(keys_of(pages), expected);
        let counting = ScanRequest { count_only: true, ..page(ScanFrom::Start, limit) };
        let pages = walk(storage, table, counting).await;
        assert_eq!(pages.iter().map(|page| page.live).sum::<u64>(), expected.len() as u64);
        assert!(pages.iter().all(|page| page.keys.is_empty()));
    }
    segments_part_the_table(storage, table, &expected.keys().cloned().collect()).await;
}

/// Items that HopperKV did not write; the last two expire by DynamoDB's attribute alone.
async fn foreign_items(endpoint: &str) {
    let client = raw_client(endpoint);
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let second = |s: u64| AttributeValue::N(s.to_string());
    let put = async |key: &str, attributes: &[(&str, AttributeValue)]| {
        let key = AttributeValue::B(key.as_bytes().to_vec().into());
        let mut put = client.put_item().table_name("orders").item("k", key);
        for (name, value) in attributes {
            put = put.item(*name, value.clone());
        }
        put.send().await.unwrap();
    };
    put("no value", &[]).await;
    put("a number", &[("v", second(1))]).await;
    put("another type", &[("v", text("1")), ("t", text("graph"))]).await;
    put("a wrong expiry", &[("v", text("1")), ("px", text("soon"))]).await;
    put("gone by ttl", &[("v", text("1")), ("ttl", second(now_ms() / 1000 - 1))]).await;
}

async fn segments_part_the_table(storage: &Storage, table: &Table, keys: &BTreeSet<Bytes>) {
    let mut seen = Vec::new();
    for index in 0..4 {
        let request = page(ScanFrom::Segment { index, total: 4 }, 1000);
        let found = storage.scan(table, &request).await.unwrap();
        assert_eq!(found.next, None);
        seen.extend(found.keys.into_iter().map(|found| found.key));
    }
    assert_eq!(seen.len(), keys.len(), "no key is in two parts");
    assert_eq!(&seen.into_iter().collect::<BTreeSet<_>>(), keys);
}

/// A page may begin after a key that is gone, and misses nothing by it.
async fn a_walk_outlives_the_keys_it_passed(storage: &Storage, table: &Table) {
    let mut left: BTreeSet<Bytes> = BTreeSet::new();
    let mut from = ScanFrom::Start;
    loop {
        let found = storage.scan(table, &page(from, 5)).await.unwrap();
        for ScannedKey { key, .. } in found.keys {
            storage.delete(table, &key).await.unwrap();
            assert!(left.insert(key), "a deleted key cannot come again");
        }
        match found.next {
            Some(key) => from = ScanFrom::After(key),
            None => break,
        }
    }
    assert_eq!(left.len(), 46);
    assert_eq!(walk(storage, table, page(ScanFrom::Start, 1000)).await[0].live, 0);
}

/// DynamoDB bills 4 KB of items together, whole items, whether they are brought or not. (Dynalite
/// has a bill of its own.)
async fn pages_cost_what_they_look_at(storage: &Storage, table: &Table) {
    for number in 0..8 {
        let head = usize::try_from(table.item_bytes(3, 0, false)).unwrap();
        let stored = item(vec![b'x'; 1024 - head]);
        storage.put(table, &bytes(&format!("c:{number}")), &stored).await.unwrap();
    }
    let cost = async |limit, consistent, count_only| {
        let request = ScanRequest { consistent, count_only, ..page(ScanFrom::Start, limit) };
        storage.scan(table, &request).await.unwrap().read_units
    };
    assert_eq!(cost(4, true, false).await, 1.0);
    assert_eq!(cost(5, true, true).await, 2.0);
    assert_eq!(cost(8, true, false).await, 2.0);
    assert_eq!(cost(8, false, false).await, 1.0);
}

#[tokio::test]
async fn embedded_pages() {
    let e = engine(|_| {}).await;
    let table = e.storage.open_table("orders").await.unwrap();
    pages_bring_what_counts(&e.storage, &table, e.engine.endpoint()).await;
    a_walk_outlives_the_keys_it_passed(&e.storage, &table).await;
    let e = engine(|_| {}).await;
    let table = e.storage.open_table("orders").await.unwrap();
    pages_cost_what_they_look_at(&e.storage, &table).await;
}

#[tokio::test]
async fn dynalite_pages() {
    let Some(Dynalite { storage, table, endpoint, _server }) = dynalite().await else { return };
    pages_bring_what_counts(&storage, &table, &endpoint).await;
    a_walk_outlives_the_keys_it_passed(&storage, &table).await;
}

#[tokio::test]
async fn a_page_ends_after_a_megabyte() {
    let e = engine(|_| {}).await;
    let table = e.storage.open_table("orders").await.unwrap();
    for number in 0..4 {
        let large = item(vec![b'x'; 390 * 1024]);
        e.storage.put(&table, &bytes(&number.to_string()), &large).await.unwrap();
    }
    let pages = walk(&e.storage, &table, page(ScanFrom::Start, 1000)).await;
    assert_eq!(pages.len(), 2);
    assert!(pages.iter().all(|page| page.read_units <= 300.0));
    assert_eq!(keys_of(pages).len(), 4);
}

#[tokio::test]
async fn keys_that_are_text() {
    let e = engine(|_| {}).await;
    let client = raw_client(e.engine.endpoint());
    create_table(&client, "legacy", &[("user", ScalarAttributeType::S)]).await;
    let table = e.storage.open_table("legacy").await.unwrap();
    for name in ["ann", "bob", "çelik"] {
        e.storage.put(&table, &bytes(name), &item("1")).await.unwrap();
    }
    let keys = keys_of(walk(&e.storage, &table, page(ScanFrom::Start, 1)).await);
    assert_eq!(keys.into_keys().collect::<Vec<_>>(), ["ann", "bob", "çelik"]);
}

#[tokio::test]
async fn synthetic_storage_has_no_list_of_keys() {
    let config = StorageConfig { kind: StorageKind::Synthetic, ..StorageConfig::default() };
    let storage = Storage::open(config, Handle::current()).await.unwrap();
    let table = storage.open_table("any").await.unwrap();
    let error = storage.scan(&table, &page(ScanFrom::Start, 10)).await.unwrap_err();
    assert!(matches!(error, StorageError::Rejected(_)), "{error}");
    assert!(error.to_string().contains("no list"), "{error}");
}
