//! The same random commands to a stock Redis and to our own reading of them: every reply must be
//! the same bytes. `HOPPERKV_TEST_SEED` repeats a run, `HOPPERKV_TEST_COMMANDS` lengthens it.

use super::random_commands::Commands;
use super::stock_redis::StockRedis;
use super::{Change, Command, Item, ItemLimits, ReadOp, SessionCommand, parse};
use crate::resp::{Protocol, Reply, Scan, ScanLimits, Scanner};
use bytes::{Bytes, BytesMut};
use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

/// What two clocks read around one command may differ by, in the unit of the reply.
const CLOCK_SLACK_MS: i64 = 2_000;

/// The service in miniature: a map for storage and nothing that can fail.
#[derive(Default)]
struct Model {
    items: HashMap<Bytes, Item>,
    limits: ItemLimits,
}

impl Model {
    fn run(&mut self, args: &[Bytes], now_ms: u64) -> Reply {
        match parse(args, &self.limits) {
            Ok(command) => self.execute(command, now_ms),
            Err(error) => error.into(),
        }
    }

    fn execute(&mut self, command: Command, now_ms: u64) -> Reply {
        self.items.retain(|_, item| item.is_live(now_ms));
        let count = |keys: &[Bytes], test: &mut dyn FnMut(&Bytes) -> bool| {
            Reply::Int(keys.iter().filter(|key| test(key)).count().try_into().unwrap())
        };
        match command {
            Command::Get { key } => self.value(&key),
            Command::Read { key, op } => op.evaluate(self.items.get(&key), now_ms),
            Command::Write { key, op } => {
                let old = self.items.get(&key).filter(|_| op.needs_old());
                let outcome = op.evaluate(old, now_ms, key.len(), &self.limits);
                match outcome.change {
                    Change::Keep => {}
                    Change::Put(item) => drop(self.items.insert(key, item)),
                    Change::Delete => drop(self.items.remove(&key)),
                }
                outcome.reply
            }
            Command::MGet(keys) => Reply::Array(keys.iter().map(|key| self.value(key)).collect()),
            Command::MSet(pairs) => {
                self.set_all(pairs);
                Reply::Ok
            }
            Command::MSetNx(pairs) => {
                let free = pairs.iter().all(|(key, _)| !self.items.contains_key(key));
                if free {
                    self.set_all(pairs);
                }
                Reply::Int(free.into())
            }
            Command::Keyspace(command) => panic!("{command:?} is not generated"),
            Command::Script(command) => panic!("{command:?} is not generated"),
            Command::Del(keys) => count(&keys, &mut |key| self.items.remove(key).is_some()),
            Command::Exists(keys) | Command::Touch(keys) => {
                count(&keys, &mut |key| self.items.contains_key(key))
            }
            Command::Session(SessionCommand::Ping(None)) => Reply::Simple("PONG"),
            Command::Session(SessionCommand::Ping(Some(text)) | SessionCommand::Echo(text)) => {
                Reply::Bulk(text)
            }
            Command::Session(SessionCommand::Answer(reply)) => reply,
            Command::Native(other) => panic!("not for the model: {other:?}"),
            Command::Session(other) => panic!("not for the model: {other:?}"),
        }
    }

    fn value(&self, key: &Bytes) -> Reply {
        Reply::bulk_or_null(self.items.get(key).map(|item| item.value.clone()))
    }

    fn set_all(&mut self, pairs: Vec<(Bytes, Bytes)>) {
        for (key, value) in pairs {
            self.items.insert(key, Item::string(value, None));
        }
    }
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    u64::try_from(since.as_millis()).expect("before the year 500 million")
}

fn number_from_env(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

fn encoded(reply: &Reply) -> Vec<u8> {
    let mut out = BytesMut::new();
    reply.encode(Protocol::Resp2, &mut out);
    out.to_vec()
}

/// Whether a reply that tells time is as near as two clocks can be.
fn near(args: &[Bytes], ours: &Reply, theirs: &[u8]) -> bool {
    let Ok(Command::Read { op: ReadOp::Ttl { .. }, .. }) = parse(args, &ItemLimits::default())
    else {
        return false;
    };
    let theirs: Option<i64> =
        std::str::from_utf8(theirs).ok().and_then(|text| text[1..].trim().parse().ok());
    match (ours, theirs) {
        (Reply::Int(ours), Some(theirs)) => {
            (ours - theirs).abs() <= CLOCK_SLACK_MS && *ours >= 0 && theirs >= 0
        }
        _ => false,
    }
}

fn compare(line: &[Bytes], redis: &mut StockRedis, model: &mut Model, context: &str) -> Reply {
    let theirs = redis.call(line);
    let ours = model.run(line, now_ms());
    assert!(
        encoded(&ours) == theirs || near(line, &ours, &theirs),
        "{context}, {line:?}:\n redis: {}\n  ours: {}",
        theirs.escape_ascii(),
        encoded(&ours).escape_ascii(),
    );
    ours
}

#[test]
fn random_commands_get_the_replies_of_a_stock_redis() {
    let seed = number_from_env("HOPPERKV_TEST_SEED").unwrap_or_else(rand::random);
    let count = number_from_env("HOPPERKV_TEST_COMMANDS").unwrap_or(20_000);
    println!("HOPPERKV_TEST_SEED={seed}");
    let mut redis = StockRedis::start();
    let mut model = Model::default();
    let mut commands = Commands::new(seed);
    let mut errors = 0;
    for index in 0..count {
        let line = commands.line();
        let context = format!("seed {seed}, command {index}");
        errors += u64::from(compare(&line, &mut redis, &mut model, &context).is_error());
    }
    assert!(errors * 2 < count, "most commands must get past the parser: {errors} errors");
}

#[test]
fn random_sums_are_those_of_a_stock_redis() {
    let seed = number_from_env("HOPPERKV_TEST_SEED").unwrap_or_else(rand::random);
    println!("HOPPERKV_TEST_SEED={seed}");
    let mut redis = StockRedis::start();
    let mut model = Model::default();
    let mut commands = Commands::new(seed);
    let word = Bytes::from_static;
    let count = number_from_env("HOPPERKV_TEST_COMMANDS").unwrap_or(20_000) / 4;
    for index in 0..count {
        let context = format!("seed {seed}, sum {index}");
        let set = [word(b"SET"), word(b"k"), commands.float()];
        compare(&set, &mut redis, &mut model, &context);
        let add = [word(b"INCRBYFLOAT"), word(b"k"), commands.float()];
        compare(&add, &mut redis, &mut model, &context);
    }
}

/// Our replies to all the requests in `bytes`, up to the first that cannot be framed.
fn replies_to(bytes: &[u8], model: &mut Model) -> Vec<u8> {
    let (mut scanner, mut rest) = (Scanner::new(), BytesMut::from(bytes));
    let mut replies = Vec::new();
    loop {
        match scanner.scan(&rest, &ScanLimits::default(), true) {
            Ok(Scan::Incomplete) => return replies,
            Ok(Scan::Empty { len }) => drop(rest.split_to(len)),
            Ok(Scan::Request { len }) => {
                let mut args = Vec::new();
                scanner.take_args(&rest.split_to(len).freeze(), &mut args);
                replies.extend(encoded(&model.run(&args, now_ms())));
            }
            Err(error) => {
                replies.extend(encoded(&Reply::Error(error.reply_text())));
                return replies;
            }
        }
    }
}

#[test]
fn random_bytes_get_the_replies_of_a_stock_redis() {
    let seed = number_from_env("HOPPERKV_TEST_SEED").unwrap_or_else(rand::random);
    println!("HOPPERKV_TEST_SEED={seed}");
    let redis = StockRedis::start();
    let mut model = Model::default();
    let mut commands = Commands::new(seed);
    let count = number_from_env("HOPPERKV_TEST_COMMANDS").unwrap_or(20_000) / 4;
    for index in 0..count {
        let bytes = commands.raw_bytes();
        let (ours, theirs) = (replies_to(&bytes, &mut model), redis.exchange(&bytes));
        assert_eq!(
            ours.escape_ascii().to_string(),
            theirs.escape_ascii().to_string(),
            "seed {seed}, bytes {index}: {}",
            bytes.escape_ascii()
        );
    }
}
