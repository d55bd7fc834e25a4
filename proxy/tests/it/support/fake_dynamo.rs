//! A small DynamoDB in this process: reads and puts, by themselves and in batches. It notes what came and can be told to
//! hold requests back, to fail, and to leave items of batches unprocessed.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What becomes of one request that reads or puts.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Play {
    /// It is done and answered.
    Well,
    /// Status and error code; nothing is done.
    Error(u16, &'static str),
    /// Nothing is done, and the connection is cut.
    Cut,
    /// It is done, and the connection is cut.
    DoneThenCut,
    /// As many items of a batch are done; the others are said to be unprocessed.
    Leave(usize),
    /// The answer to a batch names a key that was not asked for.
    NameAnother,
}

#[derive(Debug, Default)]
struct State {
    /// Items as JSON by their key as JSON.
    items: BTreeMap<String, Value>,
    plays: VecDeque<Play>,
    /// Every batch with one of these keys is refused, and every request for it alone.
    poison: Option<String>,
    /// Operation and number of items of every request.
    came: Vec<(String, usize)>,
}

/// The endpoint.
pub(crate) struct FakeDynamo {
    pub(crate) url: String,
    state: Arc<Mutex<State>>,
    held: watch::Sender<bool>,
}

impl FakeDynamo {
    /// Serves on the current runtime.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state: Arc<Mutex<State>> = Arc::default();
        let (held, is_held) = watch::channel(false);
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&shared), is_held.clone()));
            }
        });
        Self { url, state, held }
    }

    /// What becomes of the next requests; all later ones go well.
    pub(crate) fn play(&self, plays: &[Play]) {
        self.state.lock().unwrap().plays = plays.iter().cloned().collect();
    }

    /// Refuses whatever has to do with this key.
    pub(crate) fn poison(&self, key: &[u8]) {
        self.state.lock().unwrap().poison = Some(json!({ "B": base64(key) }).to_string());
    }

    /// Puts an item without a word.
    pub(crate) fn insert(&self, key: &[u8], mut item: Value) {
        let key = json!({ "B": base64(key) });
        item["k"] = key.clone();
        self.state.lock().unwrap().items.insert(key.to_string(), item);
    }

    /// Whether there is such an item.
    pub(crate) fn has(&self, key: &[u8]) -> bool {
        let key = json!({ "B": base64(key) }).to_string();
        self.state.lock().unwrap().items.contains_key(&key)
    }

    /// Requests wait, after they were noted, until they are let go.
    pub(crate) fn hold(&self) {
        self.held.send_replace(true);
    }

    /// Lets go of what is held.
    pub(crate) fn let_go(&self) {
        self.held.send_replace(false);
    }

    /// Operation and number of items of every request since the last call.
    pub(crate) fn take_came(&self) -> Vec<(String, usize)> {
        std::mem::take(&mut self.state.lock().unwrap().came)
    }

    /// How many requests came since the last [`Self::take_came`].
    pub(crate) fn count(&self) -> usize {
        self.state.lock().unwrap().came.len()
    }
}

async fn serve(mut stream: TcpStream, state: Arc<Mutex<State>>, mut held: watch::Receiver<bool>) {
    while let Some((operation, body)) = read_request(&mut stream).await {
        let play = state.lock().unwrap().meet(&operation, &body);
        if held.wait_for(|held| !held).await.is_err() {
            return;
        }
        let answer = state.lock().unwrap().perform(&operation, &body, &play);
        let (status, answer) = match (&play, answer) {
            (Play::Cut | Play::DoneThenCut, _) => return,
            (_, Ok(answer)) => (200, answer),
            (_, Err((status, code))) => {
                let code = format!("com.amazonaws.dynamodb.v20120810#{code}");
                (status, json!({ "__type": code, "message": "made to fail" }))
            }
        };
        let answer = answer.to_string();
        let head = format!(
            "HTTP/1.1 {status} X\r\ncontent-type: application/x-amz-json-1.0\r\ncontent-length: {}\r\n\r\n",
            answer.len()
        );
        if stream.write_all((head + &answer).as_bytes()).await.is_err() {
            return;
        }
    }
}

impl State {
    fn meet(&mut self, operation: &str, body: &Value) -> Play {
        if operation == "DescribeTable" {
            return Play::Well;
        }
        self.came.push((operation.to_owned(), keys_of(operation, body).len()));
        self.plays.pop_front().unwrap_or(Play::Well)
    }

    fn perform(
        &mut self,
        operation: &str,
        body: &Value,
        play: &Play,
    ) -> Result<Value, (u16, &'static str)> {
        if operation == "DescribeTable" {
            return Ok(json!({ "Table": { "TableName": "t", "TableStatus": "ACTIVE",
                "KeySchema": [{ "AttributeName": "k", "KeyType": "HASH" }],
                "AttributeDefinitions": [{ "AttributeName": "k", "AttributeType": "B" }] } }));
        }
        if let Play::Error(status, code) = play {
            return Err((*status, code));
        }
        if *play == Play::Cut {
            return Ok(Value::Null);
        }
        let keys = keys_of(operation, body);
        if keys.iter().any(|key| Some(key) == self.poison.as_ref()) {
            return Err((400, "ValidationException"));
        }
        let done = if let Play::Leave(done) = play { *done } else { keys.len() };
        let mut units = 0.0;
        let mut found = Vec::new();
        for (n, key) in keys.iter().take(done).enumerate() {
            match operation {
                "GetItem" | "BatchGetItem" => {
                    units += 1.0;
                    found.extend(self.items.get(key).cloned());
                }
                _ => {
                    units += 1.0;
                    self.items.insert(key.clone(), item_at(operation, body, n).clone());
                }
            }
        }
        // The endpoint answers in its own order.
        found.reverse();
        if *play == Play::NameAnother {
            found.push(json!({ "k": { "B": base64(b"another") }, "v": { "S": "x" } }));
        }
        let capacity = json!({ "TableName": "t", "CapacityUnits": units });
        Ok(match operation {
            "GetItem" => match found.pop() {
                Some(item) => json!({ "Item": item, "ConsumedCapacity": capacity }),
                None => json!({ "ConsumedCapacity": capacity }),
            },
            "PutItem" => json!({ "ConsumedCapacity": capacity }),
            "BatchGetItem" => {
                let asked = body["RequestItems"]["t"]["Keys"].as_array().unwrap();
                let left = match &asked[done..] {
                    [] => json!({}),
                    left => json!({ "t": { "Keys": left } }),
                };
                json!({ "Responses": { "t": found }, "UnprocessedKeys": left, "ConsumedCapacity": [capacity] })
            }
            "BatchWriteItem" => {
                let asked = body["RequestItems"]["t"].as_array().unwrap();
                let left = match &asked[done..] {
                    [] => json!({}),
                    left => json!({ "t": left }),
                };
                json!({ "UnprocessedItems": left, "ConsumedCapacity": [capacity] })
            }
            other => panic!("{other} is not played"),
        })
    }
}

/// The keys that a request is about, as JSON.
fn keys_of(operation: &str, body: &Value) -> Vec<String> {
    let keys: Vec<&Value> = match operation {
        "GetItem" => vec![&body["Key"]["k"]],
        "PutItem" => vec![&body["Item"]["k"]],
        "BatchGetItem" => {
            let keys = body["RequestItems"]["t"]["Keys"].as_array().unwrap();
            keys.iter().map(|key| &key["k"]).collect()
        }
        _ => {
            let puts = body["RequestItems"]["t"].as_array().unwrap();
            puts.iter().map(|put| &put["PutRequest"]["Item"]["k"]).collect()
        }
    };
    let keys: Vec<String> = keys.into_iter().map(ToString::to_string).collect();
    let mut distinct = keys.clone();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), keys.len(), "a key is in a batch twice");
    keys
}

fn item_at<'a>(operation: &str, body: &'a Value, n: usize) -> &'a Value {
    match operation {
        "PutItem" => &body["Item"],
        _ => &body["RequestItems"]["t"][n]["PutRequest"]["Item"],
    }
}

async fn read_request(stream: &mut TcpStream) -> Option<(String, Value)> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    let header = |wanted: &str| {
        head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case(wanted).then(|| value.trim().to_owned())
        })
    };
    let mut body = vec![0; header("content-length")?.parse().unwrap()];
    stream.read_exact(&mut body).await.ok()?;
    let operation = header("x-amz-target")?.rsplit('.').next()?.to_owned();
    Some((operation, serde_json::from_slice(&body).unwrap()))
}

fn base64(bytes: &[u8]) -> String {
    aws_smithy_types::base64::encode(bytes)
}
