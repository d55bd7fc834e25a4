//! What is said of commands that Redis computes, against what a stock Redis does: which words are
//! keys, that no other key changes, and that what is called a read changes none.
//! `HOPPERKV_SEED` repeats a run, `HOPPERKV_TEST_COMMANDS` lengthens it.

use super::stock_redis::StockRedis;
use super::table::COMMANDS;
use super::{Command, CommandError, ItemLimits, SessionCommand, document, native_lines, parse};
use crate::resp::{Protocol, Reply};
use bytes::Bytes;
use rand::SeedableRng;
use rand::rngs::StdRng;
use redis_protocol::resp2::decode::decode;
use redis_protocol::resp2::types::OwnedFrame;
use std::collections::HashSet;

/// Value and expiry of every key, by one command. Of sets and sorted sets the members: a payload
/// also tells in what order a hash table holds them, and mere reading changes that.
const STATE: &str = "local state = {} \
    for _, key in ipairs(KEYS) do \
      local kind, value = redis.call('TYPE', key).ok, nil \
      if kind == 'zset' then \
        value = cjson.encode(redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')) \
      elseif kind == 'set' then \
        local members = redis.call('SMEMBERS', key) \
        table.sort(members) \
        value = cjson.encode(members) \
      else \
        value = redis.call('DUMP', key) or '' \
      end \
      state[#state + 1] = value .. redis.call('PEXPIRETIME', key) \
    end \
    return state";

fn number_from_env(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

fn words(line: &str) -> Vec<Bytes> {
    line.split(' ').map(|word| Bytes::copy_from_slice(word.as_bytes())).collect()
}

fn parsed(line: &[Bytes]) -> Result<Command, CommandError> {
    parse(line, &ItemLimits::default())
}

fn state(redis: &mut StockRedis, keys: &[Bytes]) -> Vec<OwnedFrame> {
    let mut line = vec![Bytes::from_static(b"EVAL"), Bytes::from_static(STATE.as_bytes())];
    line.push(Bytes::from(keys.len().to_string()));
    line.extend_from_slice(keys);
    match decode(&redis.call(&line)).unwrap().unwrap().0 {
        OwnedFrame::Array(state) => state,
        other => panic!("not an array: {other:?}"),
    }
}

fn populate(redis: &mut StockRedis) {
    for line in native_lines::POPULATE {
        let reply = redis.call(&words(line));
        assert_ne!(reply[0], b'-', "{line}: {}", reply.escape_ascii());
    }
}

/// COMMAND GETKEYS and GETKEYSANDFLAGS of `line`, from both.
fn compare_keys(redis: &mut StockRedis, line: &[Bytes], context: &str) {
    for about in ["GETKEYS", "GETKEYSANDFLAGS"] {
        let mut ask = vec![Bytes::from_static(b"COMMAND"), Bytes::from_static(about.as_bytes())];
        ask.extend_from_slice(line);
        let ours = match parsed(&ask) {
            Err(error) => Reply::from(error),
            Ok(Command::Session(SessionCommand::Answer(reply))) => reply,
            Ok(other) => panic!("{ask:?}: {other:?}"),
        };
        assert_eq!(
            ours.to_bytes(Protocol::Resp2).escape_ascii().to_string(),
            redis.call(&ask).escape_ascii().to_string(),
            "{context}: {ask:?}"
        );
    }
}

#[test]
fn keys_and_changes_are_those_of_a_stock_redis() {
    let seed = number_from_env("HOPPERKV_SEED").unwrap_or_else(rand::random);
    let count = number_from_env("HOPPERKV_TEST_COMMANDS").unwrap_or(20_000);
    println!("HOPPERKV_SEED={seed}");
    let mut redis = StockRedis::start();
    let mut random = StdRng::seed_from_u64(seed);
    let (keys, mut done, mut changed_any) = (native_lines::keys(), 0, HashSet::new());
    for index in 0..count {
        if index % 40 == 0 {
            redis.call(&words("FLUSHALL"));
            populate(&mut redis);
        }
        let line = native_lines::random(&mut random);
        let context = format!("HOPPERKV_SEED={seed}, command {index}");
        if line.len() > 1 {
            compare_keys(&mut redis, &line, &context);
        }
        let Ok(Command::Native(native)) = parsed(&line) else { continue };
        let before = state(&mut redis, &keys);
        done += u64::from(redis.call(&line)[0] != b'-');
        let after = state(&mut redis, &keys);
        for (key, _) in keys.iter().zip(before.iter().zip(&after)).filter(|(_, (b, a))| b != a) {
            assert!(native.keys.contains(key), "{context}: {line:?} changed {key:?}");
            assert!(native.spec.is_write(), "{context}: {line:?} changed {key:?}");
            changed_any.insert(native.spec.name);
        }
    }
    assert!(done * 2 > count, "most commands must be right: {done} of {count}");
    assert!(changed_any.len() > 60, "{changed_any:?}");
}

#[test]
fn the_random_lines_know_every_command_that_redis_computes() {
    let known: HashSet<String> = native_lines::names();
    let every = COMMANDS.iter().flat_map(|spec| std::iter::once(spec).chain(spec.subcommands));
    // What a script does is up to its text; the tests of scripts send some.
    let lines = every.filter(|spec| spec.group != "scripting");
    for spec in lines.filter(|spec| document::computed(spec) == "Redis") {
        assert!(known.contains(spec.name), "{} has no line", spec.name);
    }
}
