//! What a failing endpoint does to the meaning of a write: every row of the
//! table in `storage/attempts.rs`, against a scripted HTTP server.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use bytes::Bytes;
use hopperkv::command::Change;
use hopperkv::storage::{
    CommitOutcome, Expectation, Found, KeyEffect, Storage, StorageConfig, StorageError,
    StorageKind, StoredItem, Table,
};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;

/// What the endpoint does with one request.
#[derive(Debug, Clone)]
enum Step {
    Reply(u16, &'static str),
    /// Reads the request and never answers.
    Hang,
    /// Reads the request and closes the connection.
    Drop,
    /// Answers with headers and half of the body, then closes.
    HalfReply,
}

const DESCRIBED: Step = Step::Reply(
    200,
    r#"{"Table":{"TableName":"t","TableStatus":"ACTIVE","KeySchema":[{"AttributeName":"k","KeyType":"HASH"}],"AttributeDefinitions":[{"AttributeName":"k","AttributeType":"B"}]}}"#,
);
const OK: Step = Step::Reply(200, "{}");
const THROTTLED: Step = Step::Reply(
    400,
    r#"{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException","message":"slow down"}"#,
);
const INVALID: Step = Step::Reply(
    400,
    r#"{"__type":"com.amazon.coral.validate#ValidationException","message":"too big"}"#,
);
const BROKEN: Step = Step::Reply(
    500,
    r#"{"__type":"com.amazonaws.dynamodb.v20120810#InternalServerError","message":"oops"}"#,
);
const CONDITION_FAILED: Step = Step::Reply(
    400,
    r#"{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException","message":"cancelled","CancellationReasons":[{"Code":"ConditionalCheckFailed"}]}"#,
);
const UNMET: Step = Step::Reply(
    400,
    r#"{"__type":"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException","message":"The conditional request failed"}"#,
);
const UNMET_WITH_ITEM: Step = Step::Reply(
    400,
    r#"{"__type":"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException","message":"The conditional request failed","Item":{"k":{"B":"aw=="},"v":{"S":"found"}}}"#,
);
const CONFLICT: Step = Step::Reply(
    400,
    r#"{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException","message":"cancelled","CancellationReasons":[{"Code":"TransactionConflict"}]}"#,
);

/// A scripted endpoint. Past the end of its script it hangs.
struct Endpoint {
    url: String,
    script: Arc<Mutex<VecDeque<Step>>>,
    requests: Arc<Mutex<usize>>,
}

impl Endpoint {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let script = Arc::new(Mutex::new(VecDeque::new()));
        let requests = Arc::new(Mutex::new(0));
        let (steps, count) = (Arc::clone(&script), Arc::clone(&requests));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&steps), Arc::clone(&count)));
            }
        });
        Self { url, script, requests }
    }

    fn expect(&self, steps: &[Step]) {
        *self.script.lock().unwrap() = steps.iter().cloned().collect();
        *self.requests.lock().unwrap() = 0;
    }

    fn requests(&self) -> usize {
        *self.requests.lock().unwrap()
    }
}

async fn serve(
    mut stream: TcpStream,
    script: Arc<Mutex<VecDeque<Step>>>,
    requests: Arc<Mutex<usize>>,
) {
    while read_request(&mut stream).await.is_some() {
        *requests.lock().unwrap() += 1;
        let step = script.lock().unwrap().pop_front().unwrap_or(Step::Hang);
        let (status, body, sent) = match &step {
            Step::Reply(status, body) => (*status, *body, body.len()),
            Step::HalfReply => (200, "{\"Attributes\":{}}", 5),
            Step::Hang => std::future::pending().await,
            Step::Drop => return,
        };
        let head = format!(
            "HTTP/1.1 {status} X\r\ncontent-type: application/x-amz-json-1.0\r\n\
             content-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&body.as_bytes()[..sent]).await.unwrap();
        if sent < body.len() {
            return;
        }
    }
}

async fn read_request(stream: &mut TcpStream) -> Option<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
    let length = head.split("content-length:").nth(1)?.lines().next()?.trim().parse().ok()?;
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok().map(|_| ())
}

fn config(endpoint: &str) -> StorageConfig {
    StorageConfig {
        kind: StorageKind::DynamoDb,
        endpoint: Some(endpoint.to_owned()),
        connect_timeout: Duration::from_millis(300),
        attempt_timeout: Duration::from_millis(600),
        operation_timeout: Duration::from_secs(10),
        ..StorageConfig::default()
    }
}

async fn open(endpoint: &Endpoint) -> (Storage, Table) {
    let storage = Storage::open(config(&endpoint.url), Handle::current()).await.unwrap();
    endpoint.expect(&[DESCRIBED]);
    let table = storage.open_table("t").await.unwrap();
    (storage, table)
}

fn key() -> Bytes {
    Bytes::from_static(b"key")
}

fn item() -> StoredItem {
    StoredItem::string(Bytes::from_static(b"value"), None)
}

async fn put(steps: &[Step]) -> (Result<f64, StorageError>, usize) {
    let endpoint = Endpoint::start().await;
    let (storage, table) = open(&endpoint).await;
    endpoint.expect(steps);
    let result = storage.put(&table, &key(), &item()).await;
    (result.map(|wrote| wrote.write_units), endpoint.requests())
}

async fn get(steps: &[Step]) -> (Result<bool, StorageError>, usize) {
    let endpoint = Endpoint::start().await;
    let (storage, table) = open(&endpoint).await;
    endpoint.expect(steps);
    let result = storage.get(&table, &key()).await;
    (result.map(|got| got.item.is_some()), endpoint.requests())
}

fn is_applied(outcome: &CommitOutcome) -> bool {
    matches!(outcome, CommitOutcome::Applied { .. })
}

async fn change_if(change: Change, steps: &[Step]) -> (Result<CommitOutcome, StorageError>, usize) {
    let endpoint = Endpoint::start().await;
    let (storage, table) = open(&endpoint).await;
    endpoint.expect(steps);
    let effect = KeyEffect { key: key(), change, expectation: Expectation::Is(Some(item())) };
    let result = storage.commit(&table, vec![effect]).await;
    (result.map(|done| done.outcome), endpoint.requests())
}

async fn put_all(steps: &[Step]) -> (Result<bool, StorageError>, usize) {
    let endpoint = Endpoint::start().await;
    let (storage, table) = open(&endpoint).await;
    endpoint.expect(steps);
    let put =
        |key| KeyEffect { key, change: Change::Put(item()), expectation: Expectation::Is(None) };
    let effects = vec![put(key()), put(Bytes::from_static(b"other"))];
    let result = storage.commit(&table, effects).await;
    (result.map(|done| is_applied(&done.outcome)), endpoint.requests())
}

#[tokio::test]
async fn writes_that_were_turned_away_are_sent_again_and_stay_definite() {
    assert_eq!(put(&[THROTTLED, OK]).await, (Ok(1.0), 2));
    let (result, requests) = put(&[THROTTLED, THROTTLED, THROTTLED, OK]).await;
    assert!(matches!(result, Err(StorageError::Throttled(_))), "{result:?}");
    assert_eq!(requests, 3);
    let (result, requests) = put(&[THROTTLED, INVALID]).await;
    assert!(
        matches!(&result, Err(StorageError::Rejected(d)) if d.contains("too big")),
        "{result:?}"
    );
    assert_eq!(requests, 2);
    let (result, requests) = put(&[INVALID]).await;
    assert!(matches!(result, Err(StorageError::Rejected(_))), "{result:?}");
    assert_eq!(requests, 1);
}

#[tokio::test]
async fn a_write_once_in_doubt_stays_so_unless_it_succeeds() {
    assert_eq!(put(&[BROKEN, OK]).await, (Ok(1.0), 2));
    for (steps, expected) in [
        (vec![BROKEN, BROKEN, BROKEN], 3),
        (vec![BROKEN, THROTTLED, THROTTLED], 3),
        (vec![THROTTLED, BROKEN, THROTTLED], 3),
        (vec![BROKEN, INVALID], 2),
    ] {
        let (result, requests) = put(&steps).await;
        assert!(matches!(result, Err(StorageError::Ambiguous(_))), "{steps:?}: {result:?}");
        assert_eq!(requests, expected, "{steps:?}");
    }
}

#[tokio::test]
async fn a_put_whose_answer_was_lost_is_not_sent_again() {
    for step in [Step::Hang, Step::Drop, Step::HalfReply] {
        let (result, requests) = put(&[step.clone(), OK]).await;
        assert!(matches!(result, Err(StorageError::Ambiguous(_))), "{step:?}: {result:?}");
        assert_eq!(requests, 1, "{step:?}");
    }
}

#[tokio::test]
async fn reads_are_sent_again_whatever_happened_and_are_never_ambiguous() {
    for step in [Step::Hang, Step::Drop, Step::HalfReply, BROKEN, THROTTLED] {
        assert_eq!(get(&[step.clone(), OK]).await, (Ok(false), 2), "{step:?}");
    }
    let (result, requests) = get(&[BROKEN, Step::Drop, BROKEN, OK]).await;
    assert!(matches!(result, Err(StorageError::Unavailable(_))), "{result:?}");
    assert_eq!(requests, 3);
    let (result, _) = get(&[THROTTLED, THROTTLED, THROTTLED]).await;
    assert!(matches!(result, Err(StorageError::Throttled(_))), "{result:?}");
}

#[tokio::test]
async fn transactions_are_sent_again_under_their_token() {
    assert_eq!(put_all(&[Step::Drop, OK]).await, (Ok(true), 2));
    assert_eq!(put_all(&[CONFLICT, OK]).await, (Ok(true), 2));
    assert_eq!(put_all(&[CONDITION_FAILED]).await, (Ok(false), 1));
    let (result, _) = put_all(&[CONFLICT, CONFLICT, CONFLICT]).await;
    assert!(matches!(result, Err(StorageError::Throttled(_))), "{result:?}");
    let (result, _) = put_all(&[BROKEN, CONDITION_FAILED]).await;
    assert!(matches!(result, Err(StorageError::Ambiguous(_))), "{result:?}");
}

#[tokio::test]
async fn a_condition_met_by_an_attempt_in_doubt_proves_nothing() {
    for change in [Change::Put(item()), Change::Delete] {
        let (result, requests) = change_if(change.clone(), &[THROTTLED, OK]).await;
        assert!(is_applied(&result.unwrap()));
        assert_eq!(requests, 2);
        for (unmet, found) in [
            (UNMET, Found::Unknown),
            (UNMET_WITH_ITEM, Found::Item(StoredItem::string("found", None))),
        ] {
            let conflict = CommitOutcome::Conflict(vec![found]);
            let (result, requests) = change_if(change.clone(), std::slice::from_ref(&unmet)).await;
            assert_eq!((result, requests), (Ok(conflict.clone()), 1));
            let (result, _) = change_if(change.clone(), &[THROTTLED, unmet.clone()]).await;
            assert_eq!(result, Ok(conflict));
            let (result, requests) = change_if(change.clone(), &[BROKEN, unmet]).await;
            assert!(matches!(result, Err(StorageError::Ambiguous(_))), "{result:?}");
            assert_eq!(requests, 2);
        }
        let (result, _) = change_if(change, &[BROKEN, OK]).await;
        assert!(is_applied(&result.unwrap()));
    }
}

#[tokio::test]
async fn a_repeated_delete_says_that_it_does_not_know_the_old_value() {
    let endpoint = Endpoint::start().await;
    let (storage, table) = open(&endpoint).await;
    endpoint.expect(&[BROKEN, OK]);
    let deleted = storage.delete(&table, &key()).await.unwrap();
    assert!(deleted.old.is_none() && !deleted.old_is_certain);
    endpoint.expect(&[THROTTLED, OK]);
    assert!(storage.delete(&table, &key()).await.unwrap().old_is_certain);
}

#[tokio::test]
async fn nothing_was_sent_where_nothing_listens() {
    let endpoint = Endpoint::start().await;
    let (_, table) = open(&endpoint).await;
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let no_tls = format!("https://{}", silent.local_addr().unwrap());
    for url in [closed.as_str(), "http://no-such-host.invalid:1", &no_tls] {
        let storage = Storage::open(config(url), Handle::current()).await.unwrap();
        let result = storage.put(&table, &key(), &item()).await;
        assert!(matches!(result, Err(StorageError::Unavailable(_))), "{url}: {result:?}");
        let result = storage.open_table("t").await;
        assert!(result.unwrap_err().to_string().contains("table t"), "{url}");
    }
}

#[tokio::test]
async fn waiting_for_a_permit_ends_with_the_operation() {
    let endpoint = Endpoint::start().await;
    let config = StorageConfig {
        max_concurrency: 1,
        attempt_timeout: Duration::from_secs(5),
        operation_timeout: Duration::from_millis(400),
        ..config(&endpoint.url)
    };
    let storage = Storage::open(config, Handle::current()).await.unwrap();
    endpoint.expect(&[DESCRIBED, Step::Hang]);
    let table = storage.open_table("t").await.unwrap();
    let (key, item) = (key(), item());
    let (first, second) =
        tokio::join!(storage.put(&table, &key, &item), storage.put(&table, &key, &item));
    assert!(matches!(first, Err(StorageError::Ambiguous(_))), "{first:?}");
    assert!(matches!(second, Err(StorageError::Unavailable(_))), "{second:?}");
}

#[tokio::test]
async fn a_ready_check_is_one_attempt() {
    let endpoint = Endpoint::start().await;
    let (storage, table) = open(&endpoint).await;
    endpoint.expect(&[BROKEN, OK]);
    assert!(storage.check(&table).await.is_err());
    assert_eq!(endpoint.requests(), 1);
    assert!(storage.check(&table).await.is_ok());
}
