//! What goes to storage together: when it does, and that each item keeps its own result whatever becomes of the batch.
//!
//! Most tests run everything on one thread, so that what is asked for in one poll comes before the first request is made.

#![expect(clippy::float_cmp, reason = "units are small whole numbers or halves, exact in f64")]

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use hopperkv::storage::{
    Embedded, Got, Storage, StorageConfig, StorageError, StorageKind, StoredItem, Table, Wrote,
};
use serde_json::json;
use tokio::runtime::Handle;

use super::support::{FakeDynamo, PATIENCE, Play, seed};

/// As many requests of a table as may be on their way before anything waits.
const AT_ONCE: usize = 4;

fn config(url: &str) -> StorageConfig {
    StorageConfig {
        kind: StorageKind::DynamoDb,
        endpoint: Some(url.to_owned()),
        connect_timeout: Duration::from_secs(5),
        attempt_timeout: Duration::from_secs(5),
        operation_timeout: Duration::from_secs(20),
        ..StorageConfig::default()
    }
}

async fn open(url: &str, table: &str, adjust: impl FnOnce(&mut StorageConfig)) -> (Storage, Table) {
    let mut config = config(url);
    adjust(&mut config);
    let storage = Storage::open(config, Handle::current()).await.unwrap();
    let table = storage.open_table(table).await.unwrap();
    (storage, table)
}

async fn fake() -> (FakeDynamo, Storage, Table) {
    let fake = FakeDynamo::start().await;
    let (storage, table) = open(&fake.url, "t", |_| ()).await;
    (fake, storage, table)
}

fn key(n: usize) -> Bytes {
    Bytes::from(format!("key-{n}"))
}

fn item(n: usize) -> StoredItem {
    StoredItem::string(format!("value-{n}"), None)
}

type Gets = Vec<Result<Got, StorageError>>;
type Puts = Vec<Result<Wrote, StorageError>>;

async fn get_all(storage: &Storage, table: &Table, numbers: impl Iterator<Item = usize>) -> Gets {
    join_all(numbers.map(|n| async move { storage.get(table, &key(n)).await })).await
}

async fn put_all(storage: &Storage, table: &Table, numbers: impl Iterator<Item = usize>) -> Puts {
    join_all(numbers.map(|n| async move { storage.put(table, &key(n), &item(n)).await })).await
}

fn came(operation: &str, items: &[usize]) -> Vec<(String, usize)> {
    items.iter().map(|items| (operation.to_owned(), *items)).collect()
}

/// Requests under way at the same time may overtake each other.
fn in_any_order(mut came: Vec<(String, usize)>) -> Vec<(String, usize)> {
    came.sort();
    came
}

async fn until(what: &str, condition: impl Fn() -> bool) {
    let met = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(PATIENCE, met).await.unwrap_or_else(|_| panic!("timed out until {what}"));
}

#[tokio::test]
async fn what_comes_one_by_one_goes_one_by_one() {
    let (fake, storage, table) = fake().await;
    for n in 0..10 {
        assert_eq!(storage.put(&table, &key(n), &item(n)).await.unwrap().write_units, 1.0);
        assert_eq!(storage.get(&table, &key(n)).await.unwrap().item, Some(item(n)));
    }
    let expected: Vec<_> =
        (0..10).flat_map(|_| [("PutItem".into(), 1), ("GetItem".into(), 1)]).collect();
    assert_eq!(fake.take_came(), expected);
    assert_eq!((table.read_batches().batches, table.put_batches().batches), (0, 0));
}

#[tokio::test]
async fn what_comes_together_goes_together() {
    let (fake, storage, table) = fake().await;
    assert!(put_all(&storage, &table, 0..60).await.iter().all(Result::is_ok));
    assert_eq!(in_any_order(fake.take_came()), came("BatchWriteItem", &[10, 25, 25]));
    let got = get_all(&storage, &table, 0..150).await;
    for (n, got) in got.into_iter().enumerate() {
        let got = got.unwrap();
        assert_eq!(got.item, (n < 60).then(|| item(n)), "{n}");
        assert_eq!(got.read_units, 1.0);
    }
    assert_eq!(in_any_order(fake.take_came()), came("BatchGetItem", &[50, 100]));
    let (reads, puts) = (table.read_batches(), table.put_batches());
    assert_eq!((reads.batches, reads.items, reads.waiting), (2, 150, 0));
    assert_eq!((puts.batches, puts.items, puts.waiting), (3, 60, 0));
}

#[tokio::test]
async fn batches_can_be_switched_off() {
    let fake = FakeDynamo::start().await;
    let (storage, table) = open(&fake.url, "t", |config| config.batch = false).await;
    put_all(&storage, &table, 0..5).await;
    get_all(&storage, &table, 0..5).await;
    let expected = [came("PutItem", &[1; 5]), came("GetItem", &[1; 5])].concat();
    assert_eq!(fake.take_came(), expected);
}

#[tokio::test]
async fn while_requests_are_slow_the_rest_waits_but_not_for_long() {
    let (fake, storage, table) = fake().await;
    fake.hold();
    let (fake, storage, table) = (&fake, &storage, &table);
    let slow = async {
        // One after the other, so that each is a request.
        let gets = (0..AT_ONCE).map(|n| async move {
            until("it is its turn", || fake.count() >= n).await;
            storage.get(table, &key(n)).await
        });
        join_all(gets).await
    };
    let slow = async { slow.await.into_iter().for_each(|got| drop(got.unwrap())) };
    let later = async {
        until("all are on their way", || fake.count() == AT_ONCE).await;
        get_all(storage, table, 10..30).await.into_iter().for_each(|got| drop(got.unwrap()));
    };
    let opened = async {
        // Nothing has been answered when it comes.
        until("the rest has come as well", || fake.count() == AT_ONCE + 1).await;
        fake.let_go();
    };
    tokio::join!(slow, later, opened);
    let expected = [came("GetItem", &[1; AT_ONCE]), came("BatchGetItem", &[20])].concat();
    assert_eq!(fake.take_came(), expected);
}

#[tokio::test]
async fn a_key_asked_for_twice_is_in_no_batch_twice() {
    let (fake, storage, table) = fake().await;
    let got = get_all(&storage, &table, [1, 2, 1].into_iter()).await;
    assert!(got.iter().all(Result::is_ok));
    let put = put_all(&storage, &table, [1, 2, 1].into_iter()).await;
    assert!(put.iter().all(Result::is_ok));
    let single_and_pair =
        [("BatchGetItem", 2), ("BatchWriteItem", 2), ("GetItem", 1), ("PutItem", 1)];
    let expected = single_and_pair.map(|(operation, items)| (operation.to_owned(), items));
    assert_eq!(in_any_order(fake.take_came()), expected);
}

#[tokio::test]
async fn reads_left_unprocessed_are_asked_for_again() {
    let (fake, storage, table) = fake().await;
    put_all(&storage, &table, 0..10).await;
    fake.take_came();
    fake.play(&[Play::Leave(6), Play::Leave(1)]);
    let got = get_all(&storage, &table, 0..10).await;
    assert!(got.into_iter().enumerate().all(|(n, got)| got.unwrap().item == Some(item(n))));
    assert_eq!(fake.take_came(), came("BatchGetItem", &[10, 4, 3]));
    fake.play(&[Play::Leave(6), Play::Leave(1), Play::Leave(1)]);
    let got = get_all(&storage, &table, 0..10).await;
    let throttled = got.iter().filter(|got| matches!(got, Err(StorageError::Throttled(_))));
    assert_eq!(throttled.count(), 2, "three attempts, as for a read by itself: {got:?}");
    assert_eq!(got.iter().filter(|got| got.is_ok()).count(), 8);
}

#[tokio::test]
async fn puts_left_unprocessed_are_sent_again_and_perhaps_applied() {
    let (fake, storage, table) = fake().await;
    fake.play(&[Play::Leave(6)]);
    assert!(put_all(&storage, &table, 0..10).await.iter().all(Result::is_ok));
    assert_eq!(fake.take_came(), came("BatchWriteItem", &[10, 4]));
    fake.play(&[Play::Leave(6), Play::Leave(1), Play::Leave(1)]);
    let put = put_all(&storage, &table, 0..10).await;
    let in_doubt = put.iter().filter(|put| matches!(put, Err(StorageError::Ambiguous(_))));
    assert_eq!(in_doubt.count(), 2, "{put:?}");
    assert_eq!(put.iter().filter(|put| put.is_ok()).count(), 8);
}

#[tokio::test]
async fn one_refused_item_spoils_no_other() {
    let (fake, storage, table) = fake().await;
    fake.poison(&key(3));
    for put in [true, false] {
        let refused: Vec<bool> = if put {
            let put = put_all(&storage, &table, 0..6).await;
            put.iter().map(|put| matches!(put, Err(StorageError::Rejected(_)))).collect()
        } else {
            let got = get_all(&storage, &table, 0..6).await;
            got.iter().map(|got| matches!(got, Err(StorageError::Rejected(_)))).collect()
        };
        assert_eq!(refused, [false, false, false, true, false, false]);
        let (batch, single) =
            if put { ("BatchWriteItem", "PutItem") } else { ("BatchGetItem", "GetItem") };
        assert_eq!(fake.take_came(), [came(batch, &[6]), came(single, &[1; 6])].concat());
    }
    // And none is tried again for a while.
    assert!(get_all(&storage, &table, 0..3).await.iter().all(Result::is_ok));
    assert_eq!(fake.take_came(), came("GetItem", &[1; 3]));
}

#[tokio::test]
async fn an_answer_that_names_another_key_is_not_believed() {
    let (fake, storage, table) = fake().await;
    put_all(&storage, &table, 0..3).await;
    fake.take_came();
    fake.play(&[Play::NameAnother]);
    let got = get_all(&storage, &table, 0..3).await;
    assert!(got.into_iter().enumerate().all(|(n, got)| got.unwrap().item == Some(item(n))));
    assert_eq!(fake.take_came(), [came("BatchGetItem", &[3]), came("GetItem", &[1; 3])].concat());
}

#[tokio::test]
async fn an_item_that_is_not_ours_fails_alone() {
    let (fake, storage, table) = fake().await;
    put_all(&storage, &table, 0..3).await;
    fake.insert(&key(1), json!({ "other": { "S": "x" } }));
    fake.insert(&key(2), json!({ "v": { "S": "old" }, "px": { "N": "5" } }));
    let got = get_all(&storage, &table, 0..3).await;
    assert_eq!(got[0].as_ref().unwrap().item, Some(item(0)));
    assert!(matches!(got[1], Err(StorageError::Rejected(_))), "{:?}", got[1]);
    assert_eq!(got[2].as_ref().unwrap().item, None, "it has expired");
}

#[tokio::test]
async fn a_batch_that_fails_has_failed_for_each_item() {
    const BROKEN: Play = Play::Error(500, "InternalServerError");
    const THROTTLED: Play = Play::Error(400, "ProvisionedThroughputExceededException");
    let (fake, storage, table) = fake().await;
    for play in [BROKEN, THROTTLED, Play::Cut, Play::DoneThenCut] {
        fake.play(std::slice::from_ref(&play));
        assert!(get_all(&storage, &table, 0..4).await.iter().all(Result::is_ok), "{play:?}");
        assert_eq!(fake.take_came(), came("BatchGetItem", &[4, 4]), "{play:?}");
    }
    fake.play(&[THROTTLED, THROTTLED, THROTTLED]);
    let got = get_all(&storage, &table, 0..4).await;
    assert!(got.iter().all(|got| matches!(got, Err(StorageError::Throttled(_)))), "{got:?}");
    assert_eq!(fake.take_came().len(), 3);

    for play in [BROKEN, THROTTLED] {
        fake.play(std::slice::from_ref(&play));
        assert!(put_all(&storage, &table, 0..4).await.iter().all(Result::is_ok), "{play:?}");
        assert_eq!(fake.take_came(), came("BatchWriteItem", &[4, 4]), "{play:?}");
    }
    fake.play(&[THROTTLED, THROTTLED, THROTTLED]);
    let put = put_all(&storage, &table, 10..14).await;
    assert!(put.iter().all(|put| matches!(put, Err(StorageError::Throttled(_)))), "{put:?}");
    assert!(!fake.has(&key(10)));
    fake.play(&[BROKEN, THROTTLED, THROTTLED]);
    let put = put_all(&storage, &table, 10..14).await;
    assert!(put.iter().all(|put| matches!(put, Err(StorageError::Ambiguous(_)))), "{put:?}");
}

#[tokio::test]
async fn puts_whose_answer_was_lost_are_not_sent_again() {
    for play in [Play::Cut, Play::DoneThenCut] {
        let (fake, storage, table) = fake().await;
        fake.play(std::slice::from_ref(&play));
        let put = put_all(&storage, &table, 0..4).await;
        assert!(put.iter().all(|put| matches!(put, Err(StorageError::Ambiguous(_)))), "{put:?}");
        assert_eq!(fake.take_came(), came("BatchWriteItem", &[4]), "{play:?}");
        assert_eq!(fake.has(&key(0)), play == Play::DoneThenCut);
    }
}

#[tokio::test]
async fn a_batch_is_given_up_in_time_and_each_item_with_it() {
    let fake = FakeDynamo::start().await;
    let (storage, table) = open(&fake.url, "t", |config| {
        config.attempt_timeout = Duration::from_millis(150);
        config.operation_timeout = Duration::from_millis(400);
    })
    .await;
    fake.hold();
    let (got, put) = tokio::join!(get_all(&storage, &table, 0..4), put_all(&storage, &table, 0..4));
    assert!(got.iter().all(|got| matches!(got, Err(StorageError::Unavailable(_)))), "{got:?}");
    assert!(put.iter().all(|put| matches!(put, Err(StorageError::Ambiguous(_)))), "{put:?}");
    // Towards the end of their time items go by themselves.
    let came = fake.take_came();
    let of = |operation| came.iter().filter(|(name, _)| name == operation).count();
    assert_eq!((of("BatchWriteItem"), of("PutItem")), (1, 0), "{came:?}");
    assert!(of("BatchGetItem") >= 1, "{came:?}");
}

#[tokio::test]
async fn nobody_reads_for_a_caller_that_went_away_but_puts_go_on() {
    let (fake, storage, table) = fake().await;
    fake.hold();
    let (storage, table) = (&storage, &table);
    let early = join_all((0..AT_ONCE).map(|n| {
        let fake = &fake;
        async move {
            until("it is its turn", || fake.count() >= 2 * n).await;
            let (got, put) =
                tokio::join!(get_all(storage, table, n..n + 1), put_all(storage, table, n..n + 1));
            assert!(got[0].is_ok() && put[0].is_ok());
        }
    }));
    let late = async {
        until("all are on their way", || fake.count() == 2 * AT_ONCE).await;
        let gone = async {
            tokio::join!(get_all(storage, table, 10..15), put_all(storage, table, 10..15))
        };
        // Asked for, and given up before anything else happens.
        assert!(futures_util::FutureExt::now_or_never(gone).is_none());
        fake.let_go();
        until("the puts are there", || (10..15).all(|n| fake.has(&key(n)))).await;
    };
    tokio::join!(early, late);
    let came = fake.take_came();
    assert!(came.iter().all(|(operation, _)| operation != "BatchGetItem"), "{came:?}");
    assert_eq!(came.iter().filter(|(operation, _)| operation == "GetItem").count(), AT_ONCE);
}

#[test]
fn when_the_control_runtime_ends_everybody_is_told() {
    let control =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let mine = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    mine.block_on(async {
        let fake = FakeDynamo::start().await;
        let storage = Storage::open(config(&fake.url), control.handle().clone()).await.unwrap();
        let table = storage.open_table("t").await.unwrap();
        fake.hold();
        let all = async {
            tokio::join!(get_all(&storage, &table, 0..200), put_all(&storage, &table, 0..200))
        };
        let ended = async {
            until("something is on its way", || fake.count() > 2).await;
            control.shutdown_background();
        };
        let ((got, put), ()) = tokio::join!(all, ended);
        assert!(got.iter().all(|got| matches!(got, Err(StorageError::Unavailable(_)))), "{got:?}");
        assert!(put.iter().all(|put| matches!(put, Err(StorageError::Ambiguous(_)))), "{put:?}");
        assert!(storage.get(&table, &key(0)).await.is_err());
    });
}

async fn embedded() -> (Embedded, tempfile::TempDir, Storage, Storage, Table, Table) {
    let dir = tempfile::tempdir().unwrap();
    let engine = Embedded::start(dir.path(), Duration::from_secs(3600)).unwrap();
    let (together, table) = open(engine.endpoint(), "orders", |_| ()).await;
    let (single, same) = open(engine.endpoint(), "orders", |config| config.batch = false).await;
    (engine, dir, together, single, table, same)
}

#[tokio::test]
async fn a_batch_gives_each_item_what_it_would_get_by_itself() {
    use rand::{RngExt as _, SeedableRng as _};
    let (_engine, _dir, together, single, table, same) = embedded().await;
    let mut random = rand::rngs::StdRng::seed_from_u64(seed());
    for _ in 0..10 {
        let keys: Vec<Bytes> = (0..60)
            .map(|n| {
                let mut key = vec![0; random.random_range(1..40)];
                random.fill(&mut key[..]);
                key.push(n);
                Bytes::from(key)
            })
            .collect();
        let items: Vec<StoredItem> = (0..40)
            .map(|_| {
                let mut value = vec![0; random.random_range(0..9000)];
                random.fill(&mut value[..]);
                // As long as times of these decades are, by which the units of a batch are divided; past and to come.
                let times = [1_612_345_678_913, 4_112_345_678_913];
                let expires = random.random_bool(0.3).then_some(times[random.random_range(0..2)]);
                StoredItem::string(value, expires)
            })
            .collect();
        let pairs = || keys.iter().zip(&items);
        let put = join_all(pairs().map(|(key, item)| together.put(&table, key, item))).await;
        for (put, (key, item)) in put.into_iter().zip(pairs()) {
            assert_eq!(put, single.put(&same, key, item).await);
        }
        let got = join_all(keys.iter().map(|key| together.get(&table, key))).await;
        for (got, key) in got.into_iter().zip(&keys) {
            assert_eq!(got, single.get(&same, key).await);
        }
    }
    assert!(table.read_batches().items > 500 && table.put_batches().items > 300);
    assert_eq!(same.read_batches().batches + same.put_batches().batches, 0);
}

#[tokio::test]
async fn an_answer_that_is_full_is_no_failure() {
    let (_engine, _dir, together, single, table, same) = embedded().await;
    let large = StoredItem::string(vec![b'x'; 399 << 10], None);
    for n in 0..50 {
        single.put(&same, &key(n), &large).await.unwrap();
    }
    let got = get_all(&together, &table, 0..50).await;
    assert!(got.into_iter().all(|got| got.unwrap().item.as_ref() == Some(&large)));
    let after_first = table.read_batches();
    assert!(after_first.items > 50, "some did not fit, as nobody knew how large they are");
    get_all(&together, &table, 0..50).await.into_iter().for_each(|got| drop(got.unwrap()));
    let now = table.read_batches();
    let (items, batches) = (now.items - after_first.items, now.batches - after_first.batches);
    assert!(items <= 3 * batches, "now it is known: {items} items in {batches} batches");
}
