//! Items, tables and units against real engines: the embedded one always, and
//! dynalite where `HOPPERKV_DYNALITE` names its executable.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]
#![expect(clippy::float_cmp, reason = "units are small whole numbers or halves, exact in f64")]

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType as SdkKeyType,
    ScalarAttributeType,
};
use bytes::Bytes;
use hopperkv::command::{Change, ValueKind};
use hopperkv::storage::{
    CommitOutcome, Embedded, EmbeddedError, Expectation, Found, KeyEffect, KeyType, OpenError,
    Storage, StorageConfig, StorageError, StorageKind, StoredItem, Table, TableError,
};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::runtime::Handle;

mod scan;

fn now_ms() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

fn bytes(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

fn item(value: impl Into<Bytes>) -> StoredItem {
    StoredItem::string(value, None)
}

fn config(data_dir: &Path) -> StorageConfig {
    StorageConfig { data_dir: data_dir.to_owned(), ..StorageConfig::default() }
}

/// A storage on an embedded engine whose endpoint the test can use, too.
struct Engine {
    _dir: tempfile::TempDir,
    engine: Embedded,
    storage: Storage,
}

async fn engine(adjust: impl FnOnce(&mut StorageConfig)) -> Engine {
    let dir = tempfile::tempdir().unwrap();
    let engine = Embedded::start(dir.path(), Duration::from_secs(3600)).unwrap();
    let mut config = config(dir.path());
    config.kind = StorageKind::DynamoDb;
    config.endpoint = Some(engine.endpoint().to_owned());
    adjust(&mut config);
    let storage = Storage::open(config, Handle::current()).await.unwrap();
    Engine { _dir: dir, engine, storage }
}

fn raw_client(endpoint: &str) -> Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("a", "b", None, None, "test"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .endpoint_url(endpoint);
    Client::from_conf(config.build())
}

async fn create_table(client: &Client, name: &str, keys: &[(&str, ScalarAttributeType)]) {
    let mut request =
        client.create_table().table_name(name).billing_mode(BillingMode::PayPerRequest);
    for ((key, attribute_type), kind) in keys.iter().zip([SdkKeyType::Hash, SdkKeyType::Range]) {
        request = request
            .attribute_definitions(
                AttributeDefinition::builder()
                    .attribute_name(*key)
                    .attribute_type(attribute_type.clone())
                    .build()
                    .unwrap(),
            )
            .key_schema(
                KeySchemaElement::builder().attribute_name(*key).key_type(kind).build().unwrap(),
            );
    }
    request.send().await.unwrap();
}

/// What every endpoint must do alike.
async fn items_come_and_go(storage: &Storage, table: &Table) {
    let key = Bytes::from_static(b"\x00\xffkey");
    let value = Bytes::from_static(b"\x00\r\n\xfe");
    assert_eq!(storage.get(table, &key).await.unwrap().item, None);
    storage.put(table, &key, &item(value.clone())).await.unwrap();
    assert_eq!(storage.get(table, &key).await.unwrap().item, Some(item(value.clone())));
    let expiring = StoredItem::string(value, Some(now_ms() + 60_000));
    storage.put(table, &key, &expiring).await.unwrap();
    assert_eq!(storage.get(table, &key).await.unwrap().item, Some(expiring.clone()));
    let deleted = storage.delete(table, &key).await.unwrap();
    assert_eq!((deleted.old, deleted.old_is_certain), (Some(expiring), true));
    assert_eq!(storage.get(table, &key).await.unwrap().item, None);
    assert_eq!(storage.delete(table, &key).await.unwrap().old, None);

    let expired = StoredItem::string(bytes("old"), Some(now_ms() - 1));
    storage.put(table, &key, &expired).await.unwrap();
    assert_eq!(storage.get(table, &key).await.unwrap().item, None);
    assert_eq!(storage.delete(table, &key).await.unwrap().old, None);
    storage.put(table, &key, &item(Bytes::new())).await.unwrap();
    assert_eq!(storage.get(table, &key).await.unwrap().item, Some(item(Bytes::new())));
    storage.check(table).await.unwrap();
}

/// Reported units against the rules the proxy charges by.
async fn units_follow_the_rules(storage: &Storage, table: &Table, consistent: bool) {
    let key = bytes("units");
    let head = usize::try_from(table.item_bytes(key.len(), 0, false)).unwrap();
    let factor = if consistent { 1.0 } else { 0.5 };
    let get = async || storage.get(table, &key).await.unwrap().read_units;
    let put = async |bytes: usize| {
        let stored = item(vec![b'x'; bytes - head]);
        storage.put(table, &key, &stored).await.unwrap().write_units
    };
    assert_eq!(get().await, factor, "a missing item costs the minimum");
    assert_eq!(put(1024).await, 1.0);
    assert_eq!(put(1025).await, 2.0);
    assert_eq!(put(4096).await, 4.0);
    assert_eq!(get().await, factor);
    assert_eq!(put(4097).await, 5.0);
    assert_eq!(get().await, 2.0 * factor);
    assert_eq!(put(100).await, 5.0, "the larger of old and new");
    assert_eq!(put(5000).await, 5.0);
    assert_eq!(storage.delete(table, &key).await.unwrap().write_units, 5.0);
    assert_eq!(storage.delete(table, &key).await.unwrap().write_units, 1.0);
}

async fn the_largest_value_fits(storage: &Storage, table: &Table) {
    let key = bytes("large");
    let most = usize::try_from(table.max_value_bytes(key.len())).unwrap();
    let expires_at_ms = Some(9_999_999_999_999);
    let stored = StoredItem::string(vec![b'x'; most], expires_at_ms);
    storage.put(table, &key, &stored).await.unwrap();
    assert_eq!(storage.get(table, &key).await.unwrap().item, Some(stored));
    let over = item(vec![b'x'; 400 * 1024]);
    let error = storage.put(table, &key, &over).await.unwrap_err();
    assert!(matches!(error, StorageError::Rejected(_)), "{error}");
}

#[tokio::test]
async fn embedded_items_units_and_sizes() {
    let e = engine(|_| {}).await;
    let table = e.storage.open_table("orders").await.unwrap();
    assert_eq!((table.key_attribute(), table.key_type()), ("k", KeyType::Binary));
    items_come_and_go(&e.storage, &table).await;
    units_follow_the_rules(&e.storage, &table, true).await;
    the_largest_value_fits(&e.storage, &table).await;
    let eventual = engine(|config| config.consistent_reads = false).await;
    let table = eventual.storage.open_table("orders").await.unwrap();
    units_follow_the_rules(&eventual.storage, &table, false).await;
}

#[tokio::test]
async fn keys_of_the_limits() {
    let e = engine(|_| {}).await;
    let table = e.storage.open_table("orders").await.unwrap();
    let longest = Bytes::from(vec![b'k'; 2048]);
    e.storage.put(&table, &longest, &item("v")).await.unwrap();
    for key in [Bytes::from(vec![b'k'; 2049]), Bytes::new()] {
        let error = e.storage.put(&table, &key, &item("v")).await.unwrap_err();
        assert!(matches!(error, StorageError::Rejected(_)), "{} B: {error}", key.len());
        let error = e.storage.get(&table, &key).await.unwrap_err();
        assert!(matches!(error, StorageError::Rejected(_)), "{} B: {error}", key.len());
    }
}

fn effect(key: &str, change: Change, expectation: Expectation) -> KeyEffect {
    KeyEffect { key: bytes(key), change, expectation }
}

fn put_if_absent(pairs: &[(&str, &str)]) -> Vec<KeyEffect> {
    let put = |(key, value): &(&str, &str)| {
        effect(key, Change::Put(item((*value).to_owned())), Expectation::Is(None))
    };
    pairs.iter().map(put).collect()
}

/// Commits; true when applied. Then the units.
async fn commit(storage: &Storage, table: &Table, effects: Vec<KeyEffect>) -> (bool, f64) {
    let committed = storage.commit(table, effects).await.unwrap();
    (matches!(committed.outcome, CommitOutcome::Applied { .. }), committed.write_units)
}

#[tokio::test]
async fn several_puts_of_absent_keys_are_all_or_nothing() {
    let e = engine(|_| {}).await;
    let (storage, table) = (&e.storage, e.storage.open_table("orders").await.unwrap());
    let all = put_if_absent(&[("a", "1"), ("b", "2")]);
    assert_eq!(commit(storage, &table, all).await, (true, 4.0));
    let again = put_if_absent(&[("c", "3"), ("b", "4")]);
    let conflict = storage.commit(&table, again).await.unwrap();
    assert_eq!(conflict.write_units, 4.0);
    assert_eq!(
        conflict.outcome,
        CommitOutcome::Conflict(vec![Found::AsExpected, Found::Item(item("2"))])
    );
    assert_eq!(storage.get(&table, &bytes("c")).await.unwrap().item, None);
    assert_eq!(storage.get(&table, &bytes("b")).await.unwrap().item, Some(item("2")));

    let expiring = StoredItem::string(bytes("x"), Some(now_ms() + 60_000));
    storage.put(&table, &bytes("d"), &expiring).await.unwrap();
    let over_d = put_if_absent(&[("d", "5"), ("e", "6")]);
    assert!(!commit(storage, &table, over_d.clone()).await.0);
    let expired = StoredItem::string(bytes("x"), Some(now_ms() - 1));
    storage.put(&table, &bytes("d"), &expired).await.unwrap();
    assert!(commit(storage, &table, over_d).await.0);
    assert_eq!(storage.get(&table, &bytes("d")).await.unwrap().item, Some(item("5")));

    let names: Vec<String> = (0..101).map(|i| format!("m{i}")).collect();
    let many: Vec<_> = names.iter().map(|name| (name.as_str(), "v")).collect();
    let error = storage.commit(&table, put_if_absent(&many)).await.unwrap_err();
    assert!(matches!(error, StorageError::Rejected(_)), "{error}");
    assert!(commit(storage, &table, put_if_absent(&many[..100])).await.0);
    let large = "v".repeat(400_000);
    let large: Vec<_> = names[..11].iter().map(|name| (name.as_str(), large.as_str())).collect();
    let error = storage.commit(&table, put_if_absent(&large)).await.unwrap_err();
    assert!(error.to_string().contains("DynamoDB takes 4194304"), "{error}");
    assert_eq!(commit(storage, &table, Vec::new()).await, (true, 0.0));
}

#[tokio::test]
async fn a_commit_of_several_kinds_is_all_or_nothing() {
    let e = engine(|_| {}).await;
    let (storage, table) = (&e.storage, e.storage.open_table("orders").await.unwrap());
    for key in ["gone", "kept", "checked"] {
        storage.put(&table, &bytes(key), &item("old")).await.unwrap();
    }
    let is = |value: &str| Expectation::Is(Some(item(value.to_owned())));
    let effects = |checked: &str| {
        vec![
            effect("gone", Change::Delete, is("old")),
            effect("kept", Change::Put(item("new")), is("old")),
            effect("checked", Change::Keep, is(checked)),
            effect("blind", Change::Put(item("new")), Expectation::Anything),
        ]
    };
    let refused = storage.commit(&table, effects("other")).await.unwrap();
    let CommitOutcome::Conflict(found) = refused.outcome else { panic!("must not be applied") };
    let expected =
        [Found::AsExpected, Found::AsExpected, Found::Item(item("old")), Found::AsExpected];
    assert_eq!(found, expected);
    let stored = async |key: &str| storage.get(&table, &bytes(key)).await.unwrap().item;
    assert_eq!(stored("gone").await, Some(item("old")));
    assert_eq!(stored("blind").await, None);
    assert_eq!(commit(storage, &table, effects("old")).await, (true, 8.0));
    assert_eq!(stored("gone").await, None);
    assert_eq!(stored("kept").await, Some(item("new")));
    assert_eq!(stored("checked").await, Some(item("old")));
    assert_eq!(stored("blind").await, Some(item("new")));
}

#[tokio::test]
async fn a_condition_holds_for_exactly_the_stored_item() {
    let e = engine(|_| {}).await;
    let (storage, table) = (&e.storage, e.storage.open_table("orders").await.unwrap());
    conditions_hold_for_what_is_stored(storage, &table).await;
}

/// Every item is found by its own expectation and by no other's, by a put and by a delete.
async fn conditions_hold_for_what_is_stored(storage: &Storage, table: &Table) {
    let later = (now_ms() / 1000 + 100) * 1000;
    let mut items = Vec::new();
    for kind in [ValueKind::String, ValueKind::Hash, ValueKind::SortedSet] {
        for value in [&b""[..], b"text", b"\xff\x00"] {
            for expires_at_ms in [None, Some(later), Some(later + 1)] {
                items.push(StoredItem { kind, value: value.into(), expires_at_ms });
            }
        }
    }
    let key = "conditional";
    for stored in &items {
        storage.put(table, &bytes(key), stored).await.unwrap();
        for expected in items.iter().map(Some).chain([None]) {
            for change in [Change::Put(stored.clone()), Change::Delete] {
                let expectation = Expectation::Is(expected.cloned());
                let (applied, units) =
                    commit(storage, table, vec![effect(key, change.clone(), expectation)]).await;
                assert_eq!(applied, expected == Some(stored), "{stored:?}, expected {expected:?}");
                assert_eq!(units, 1.0);
                if applied && change == Change::Delete {
                    assert_eq!(storage.get(table, &bytes(key)).await.unwrap().item, None);
                    let absent = Expectation::Is(None);
                    let again = vec![effect(key, Change::Put(stored.clone()), absent)];
                    assert!(commit(storage, table, again).await.0);
                }
            }
        }
    }
}

#[tokio::test]
async fn items_from_elsewhere_meet_the_expectation_they_read_as() {
    let e = engine(|_| {}).await;
    let (storage, table) = (&e.storage, e.storage.open_table("orders").await.unwrap());
    let client = raw_client(e.engine.endpoint());
    let later = now_ms() / 1000 + 100;
    let text = || AttributeValue::S("text".into());
    let number = |n: u64| AttributeValue::N(n.to_string());
    for attributes in [
        vec![("v", text())],
        vec![("v", text()), ("ttl", number(later))],
        vec![("v", text()), ("ttl", AttributeValue::S("never".into()))],
        vec![("v", text()), ("ttl", number(u64::MAX))],
        vec![
            ("v", text()),
            ("t", AttributeValue::S("string".into())),
            ("px", number(later * 1000)),
        ],
        vec![("v", AttributeValue::B(b"text".to_vec().into())), ("note", text())],
    ] {
        let mut put = client.put_item().table_name("orders");
        put = put.item("k", AttributeValue::B(b"a".to_vec().into()));
        for (name, value) in attributes.clone() {
            put = put.item(name, value);
        }
        put.send().await.unwrap();
        let read = storage.get(&table, &bytes("a")).await.unwrap().item;
        assert!(read.is_some(), "{attributes:?}");
        let wrong = Expectation::Is(Some(item("other")));
        let put = Change::Put(item("new"));
        let refused = storage.commit(&table, vec![effect("a", put.clone(), wrong)]).await.unwrap();
        let found = vec![Found::Item(read.clone().unwrap())];
        assert_eq!(refused.outcome, CommitOutcome::Conflict(found), "{attributes:?}");
        let right = vec![effect("a", put, Expectation::Is(read))];
        assert!(commit(storage, &table, right).await.0, "{attributes:?}");
    }
}

#[tokio::test]
async fn a_ttl_alone_expires_an_item() {
    let e = engine(|_| {}).await;
    let table = e.storage.open_table("orders").await.unwrap();
    let client = raw_client(e.engine.endpoint());
    let put = async |ttl_s: u64| {
        let put = client
            .put_item()
            .table_name("orders")
            .item("k", AttributeValue::B(b"a".to_vec().into()))
            .item("v", AttributeValue::S("text".into()))
            .item("ttl", AttributeValue::N(ttl_s.to_string()));
        put.send().await.unwrap();
        e.storage.get(&table, &bytes("a")).await.unwrap().item
    };
    let later = now_ms() / 1000 + 100;
    let expected = StoredItem::string(bytes("text"), Some(later * 1000));
    assert_eq!(put(later).await, Some(expected));
    assert_eq!(put(1_000_000).await, None);
    let put = put_if_absent(&[("a", "new")]);
    assert_eq!(commit(&e.storage, &table, put).await, (true, 1.0));
}

#[tokio::test]
async fn tables_that_cannot_work_are_refused_with_the_reason() {
    let e = engine(|config| config.create_tables = false).await;
    let client = raw_client(e.engine.endpoint());
    let (b, s, n) = (ScalarAttributeType::B, ScalarAttributeType::S, ScalarAttributeType::N);
    create_table(&client, "sorted", &[("id", b.clone()), ("at", s)]).await;
    create_table(&client, "numbers", &[("id", n)]).await;
    create_table(&client, "clash", &[("v", b)]).await;
    let refused = async |name| e.storage.open_table(name).await.unwrap_err();
    for (error, words) in [
        (refused("missing").await, ["missing", "create_tables = true"]),
        (refused("sorted").await, ["sorted", "sort key \"at\""]),
        (refused("numbers").await, ["numbers", "type N"]),
        (refused("clash").await, ["clash", "[storage] value_attribute"]),
    ] {
        let text = error.to_string();
        assert!(words.iter().all(|word| text.contains(word)) && !text.contains('\n'), "{text}");
    }
    assert!(matches!(refused("missing").await, TableError::Missing { .. }));
}

#[tokio::test]
async fn existing_tables_keep_their_keys_and_foreign_items_are_named() {
    let e = engine(|_| {}).await;
    let client = raw_client(e.engine.endpoint());
    create_table(&client, "legacy", &[("user", ScalarAttributeType::S)]).await;
    let table = e.storage.open_table("legacy").await.unwrap();
    assert_eq!((table.key_attribute(), table.key_type()), ("user", KeyType::String));
    e.storage.put(&table, &bytes("ann"), &item("1")).await.unwrap();
    assert_eq!(e.storage.get(&table, &bytes("ann")).await.unwrap().item, Some(item("1")));
    let not_text = Bytes::from_static(b"\xff");
    let error = e.storage.get(&table, &not_text).await.unwrap_err();
    assert!(error.to_string().contains("legacy"), "{error}");

    let foreign = client.put_item().table_name("legacy");
    foreign.item("user", AttributeValue::S("bob".into())).send().await.unwrap();
    let error = e.storage.get(&table, &bytes("bob")).await.unwrap_err().to_string();
    assert!(error.contains("legacy") && error.contains("bob"), "{error}");
    let deleted = e.storage.delete(&table, &bytes("bob")).await.unwrap();
    assert!(deleted.old.is_none());
}

#[tokio::test]
async fn a_created_table_sweeps_expired_items() {
    let dir = tempfile::tempdir().unwrap();
    let engine = Embedded::start(dir.path(), Duration::from_millis(50)).unwrap();
    let config = StorageConfig {
        kind: StorageKind::DynamoDb,
        endpoint: Some(engine.endpoint().to_owned()),
        ..config(dir.path())
    };
    let storage = Storage::open(config, Handle::current()).await.unwrap();
    let table = storage.open_table("orders").await.unwrap();
    let expired = StoredItem::string(bytes("old"), Some(now_ms() - 5_000));
    storage.put(&table, &bytes("a"), &expired).await.unwrap();
    storage.put(&table, &bytes("b"), &item("kept")).await.unwrap();
    let client = raw_client(engine.endpoint());
    let count = async || client.scan().table_name("orders").send().await.unwrap().count();
    tokio::time::timeout(Duration::from_secs(20), async { while count().await != 1 {} })
        .await
        .expect("the expired item must go");
    assert_eq!(storage.get(&table, &bytes("b")).await.unwrap().item, Some(item("kept")));
}

#[tokio::test]
async fn a_dropped_caller_does_not_cancel_its_write() {
    let e = engine(|_| {}).await;
    let table = e.storage.open_table("orders").await.unwrap();
    let (key, stored) = (bytes("a"), item("v"));
    let write = e.storage.put(&table, &key, &stored);
    tokio::select! {
        biased;
        _ = write => panic!("a write cannot be done when it is first polled"),
        () = std::future::ready(()) => {}
    }
    let found = async || e.storage.get(&table, &key).await.unwrap().item;
    tokio::time::timeout(Duration::from_secs(10), async { while found().await.is_none() {} })
        .await
        .expect("the write must have been made");
}

#[test]
fn calls_come_from_other_runtimes() {
    let dir = tempfile::tempdir().unwrap();
    let control =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let control = control.unwrap();
    let storage =
        control.block_on(Storage::open(config(dir.path()), control.handle().clone())).unwrap();
    let table = control.block_on(storage.open_table("orders")).unwrap();
    std::thread::scope(|scope| {
        for worker in 0..2 {
            let (storage, table) = (&storage, &table);
            scope.spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                runtime.block_on(async {
                    for i in 0..20 {
                        let key = bytes(&format!("{worker}:{i}"));
                        storage.put(table, &key, &item(key.clone())).await.unwrap();
                        let got = storage.get(table, &key).await.unwrap();
                        assert_eq!(got.item, Some(item(key)));
                    }
                });
            });
        }
    });
    control.block_on(storage.shutdown());
    let after = control.block_on(storage.get(&table, &bytes("0:0")));
    assert!(matches!(after, Err(StorageError::Unavailable(_))), "{after:?}");
}

#[tokio::test]
async fn a_data_directory_serves_one_process_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let first = Embedded::start(dir.path(), Duration::from_secs(60)).unwrap();
    let error = Embedded::start(dir.path(), Duration::from_secs(60)).unwrap_err();
    assert!(matches!(error, EmbeddedError::InUse { .. }), "{error}");
    assert!(error.to_string().contains(&std::process::id().to_string()), "{error}");
    first.stop();
    Embedded::start(dir.path(), Duration::from_secs(60)).unwrap().stop();

    let file = dir.path().join("a-file");
    std::fs::write(&file, "x").unwrap();
    let error = Embedded::start(&file, Duration::from_secs(60)).unwrap_err();
    assert!(error.to_string().contains("[server] data_dir"), "{error}");

    let broken = tempfile::tempdir().unwrap();
    std::fs::write(broken.path().join("dynamodb.sqlite"), vec![b'x'; 8192]).unwrap();
    let opened = Storage::open(config(broken.path()), Handle::current()).await;
    let error = opened.unwrap_err();
    assert!(matches!(error, OpenError::Embedded(EmbeddedError::Database { .. })), "{error}");
    assert!(error.to_string().contains("dynamodb.sqlite"), "{error}");
}

#[test]
fn the_engine_flushes_every_commit() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.sqlite");
    let storage = dynoxide::storage::Storage::new(path.to_str().unwrap()).unwrap();
    let pragma = |name: &str| -> String {
        let sql = format!("SELECT CAST({name} AS TEXT) FROM pragma_{name}");
        storage.conn().query_row(&sql, [], |row| row.get(0)).unwrap()
    };
    assert_eq!(pragma("journal_mode"), "wal");
    assert_eq!(pragma("synchronous"), "2", "FULL");
}

const CHILD_DIR: &str = "HOPPERKV_TEST_CHILD_DIR";

/// Not a test of its own: the process that the next test kills.
#[tokio::test]
async fn child_that_writes_until_killed() {
    let Some(dir) = std::env::var_os(CHILD_DIR) else { return };
    let storage = Storage::open(config(Path::new(&dir)), Handle::current()).await.unwrap();
    let table = storage.open_table("orders").await.unwrap();
    for i in 0_u64.. {
        let key = bytes(&format!("key{i}"));
        storage.put(&table, &key, &item(key.clone())).await.unwrap();
        println!("acknowledged {i}");
    }
}

#[tokio::test]
async fn acknowledged_puts_survive_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "storage::child_that_writes_until_killed", "--nocapture"])
        .env(CHILD_DIR, dir.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let number = |line: String| line.rsplit_once("acknowledged ")?.1.parse::<u64>().ok();
    let mut last = lines.by_ref().filter_map(number).find(|&i| i >= 300).unwrap();
    let error = Embedded::start(dir.path(), Duration::from_secs(60)).unwrap_err();
    assert!(error.to_string().contains(&child.id().to_string()), "{error}");
    child.kill().unwrap();
    child.wait().unwrap();
    last = lines.filter_map(number).last().unwrap_or(last);

    let storage = Storage::open(config(dir.path()), Handle::current()).await.unwrap();
    let table = storage.open_table("orders").await.unwrap();
    for i in 0..=last {
        let key = bytes(&format!("key{i}"));
        let got = storage.get(&table, &key).await.unwrap();
        assert_eq!(got.item, Some(item(key)), "acknowledged {i} of {last}");
    }
    storage.shutdown().await;
}

#[tokio::test]
async fn synthetic_values_come_from_keys() {
    let config = StorageConfig {
        kind: StorageKind::Synthetic,
        synthetic_latency: Duration::from_millis(1),
        synthetic_value_bytes: 4096,
        ..StorageConfig::default()
    };
    let storage = Storage::open(config, Handle::current()).await.unwrap();
    let table = storage.open_table("any").await.unwrap();
    let key = bytes("K0000000007s16EY");
    let got = storage.get(&table, &key).await.unwrap();
    assert!(got.item.unwrap().value.starts_with(b"V0000000007s4096A"));
    assert_eq!(got.read_units, 2.0);
    assert_eq!(storage.put(&table, &key, &item("v")).await.unwrap().write_units, 5.0);
    let missing = storage.get(&table, &bytes("other")).await.unwrap();
    assert_eq!((missing.item, missing.read_units), (None, 1.0));
    assert_eq!(storage.delete(&table, &key).await.unwrap().write_units, 5.0);
    let pairs = put_if_absent(&[("a", "1"), ("b", "2")]);
    assert_eq!(commit(&storage, &table, pairs).await, (true, 4.0));
    let pairs = put_if_absent(&[("a", "1"), ("K0000000007s16EY", "2")]);
    assert!(!commit(&storage, &table, pairs).await.0);
    storage.check(&table).await.unwrap();
}

/// A dynalite with an open table `orders`; ended when dropped.
struct Dynalite {
    _server: tokio::process::Child,
    endpoint: String,
    storage: Storage,
    table: Table,
}

/// Starts one, if `HOPPERKV_DYNALITE` names its executable.
async fn dynalite() -> Option<Dynalite> {
    let Some(executable) = std::env::var_os("HOPPERKV_DYNALITE") else {
        println!("skipped: HOPPERKV_DYNALITE does not name the dynalite executable");
        return None;
    };
    let port = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let server = tokio::process::Command::new(executable)
        .args(["--port", &port.to_string(), "--createTableMs", "50"])
        .kill_on_drop(true)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let endpoint = format!("http://127.0.0.1:{port}");
    let config = StorageConfig {
        kind: StorageKind::DynamoDb,
        endpoint: Some(endpoint.clone()),
        ..StorageConfig::default()
    };
    let storage = Storage::open(config, Handle::current()).await.unwrap();
    let opening = async {
        loop {
            match storage.open_table("orders").await {
                Err(TableError::Storage { source: StorageError::Unavailable(_), .. }) => {}
                opened => return opened.unwrap(),
            }
        }
    };
    let table = tokio::time::timeout(Duration::from_secs(30), opening).await.unwrap();
    Some(Dynalite { _server: server, endpoint, storage, table })
}

#[tokio::test]
async fn dynalite_agrees() {
    let Some(Dynalite { storage, table, _server, .. }) = dynalite().await else { return };
    items_come_and_go(&storage, &table).await;
    units_follow_the_rules(&storage, &table, true).await;
    the_largest_value_fits(&storage, &table).await;
    conditions_hold_for_what_is_stored(&storage, &table).await;
    // It knows no transactions.
    let pairs = put_if_absent(&[("a", "1"), ("b", "2")]);
    let error = storage.commit(&table, pairs).await.unwrap_err();
    assert!(matches!(error, StorageError::Rejected(_)), "{error}");
}
