//! The table and the fixed error texts against a stock Redis 7.0; our own texts by themselves.

use super::stock_redis::StockRedis;
use super::table::{COMMANDS, CommandSpec};
use super::{Command, CommandError, ItemLimits, SessionCommand, describe, parse, resolve};
use crate::resp::{Protocol, Reply};
use bytes::{Bytes, BytesMut};
use redis_protocol::resp2::decode::decode;
use redis_protocol::resp2::types::OwnedFrame;
use std::collections::BTreeSet;

fn words(line: &str) -> Vec<Bytes> {
    line.split(' ').map(|word| Bytes::copy_from_slice(word.as_bytes())).collect()
}

fn bytes(reply: &Reply) -> Vec<u8> {
    let mut out = BytesMut::new();
    reply.encode(Protocol::Resp2, &mut out);
    out.to_vec()
}

fn frame(bytes: &[u8]) -> OwnedFrame {
    decode(bytes).unwrap().unwrap().0
}

fn items(frame: &OwnedFrame) -> &[OwnedFrame] {
    match frame {
        OwnedFrame::Array(items) => items,
        other => panic!("not an array: {other:?}"),
    }
}

/// The parts of COMMAND INFO, in an order of our own; without the free-text notes.
fn describe_frame(info: &OwnedFrame) -> String {
    let info = items(info);
    let set = |frame: &OwnedFrame| {
        items(frame).iter().map(|item| format!("{item:?}")).collect::<BTreeSet<_>>()
    };
    let specs: Vec<String> = items(&info[8])
        .iter()
        .flat_map(|spec| items(spec).as_chunks::<2>().0)
        .map(|[name, value]| format!("{name:?}={value:?}"))
        .filter(|field| !field.contains("Bulk(\"notes") && !field.contains("110, 111, 116, 101"))
        .collect();
    format!(
        "{:?} {:?} {:?} {:?} {:?}",
        &info[..2],
        set(&info[2]),
        &info[3..6],
        set(&info[6]),
        specs
    )
}

#[test]
fn the_table_says_what_a_stock_redis_says() {
    let mut redis = StockRedis::start();
    let newer = ["client|setinfo", "client|no-touch"];
    let every = COMMANDS.iter().flat_map(|spec| std::iter::once(spec).chain(spec.subcommands));
    for spec in every.filter(|spec: &&CommandSpec| !newer.contains(&spec.name)) {
        let line = words(&format!("COMMAND INFO {}", spec.name));
        let theirs = frame(&redis.call(&line));
        let ours = frame(&bytes(&describe::reply(resolve(&line).unwrap(), &line).unwrap()));
        assert_eq!(describe_frame(&items(&ours)[0]), describe_frame(&items(&theirs)[0]));
    }
}

/// The value of a field in a flat list of names and values.
fn field<'a>(fields: &'a OwnedFrame, name: &str) -> Option<&'a OwnedFrame> {
    let is = |frame: &OwnedFrame| matches!(frame, OwnedFrame::BulkString(text) if text == name.as_bytes());
    items(fields).as_chunks::<2>().0.iter().find(|[key, _]| is(key)).map(|[_, value]| value)
}

#[test]
fn the_table_dates_and_groups_as_a_stock_redis_does() {
    let redis = StockRedis::start();
    for spec in COMMANDS {
        let line = format!("COMMAND DOCS {}", spec.name);
        let theirs = frame(&redis.exchange(format!("{line}\r\n").as_bytes()));
        let line = words(&line);
        let ours = frame(&bytes(&describe::reply(resolve(&line).unwrap(), &line).unwrap()));
        let (ours, theirs) = (&items(&ours)[1], &items(&theirs)[1]);
        let mut pairs = vec![(ours, theirs)];
        if let Some(ours) = field(ours, "subcommands") {
            let theirs = field(theirs, "subcommands").unwrap();
            for [name, ours] in items(ours).as_chunks::<2>().0 {
                let OwnedFrame::BulkString(name) = name else { panic!("{name:?}") };
                if let Some(theirs) = field(theirs, std::str::from_utf8(name).unwrap()) {
                    pairs.push((ours, theirs));
                }
            }
        }
        for (ours, theirs) in pairs {
            for name in ["since", "group", "deprecated_since"] {
                assert_eq!(field(ours, name), field(theirs, name), "{}: {name}", spec.name);
            }
        }
    }
}

#[test]
fn every_command_is_served_by_a_redis_and_counted() {
    let answer = |line: &str| {
        let line = words(line);
        describe::reply(resolve(&line).unwrap(), &line).unwrap()
    };
    let count = i64::try_from(COMMANDS.len()).unwrap();
    assert_eq!(answer("COMMAND COUNT"), Reply::Int(count));
    let subcommands: usize = COMMANDS.iter().map(|spec| spec.subcommands.len()).sum();
    let Reply::Array(listed) = answer("COMMAND LIST") else { panic!("not an array") };
    assert_eq!(listed.len(), COMMANDS.len() + subcommands);
    let newer = ["client|setinfo", "client|no-touch"].map(Reply::bulk);
    let mut redis = StockRedis::start();
    let theirs = frame(&redis.call(&words("COMMAND LIST")));
    for name in listed.iter().filter(|name| !newer.contains(name)) {
        let name = frame(&bytes(name));
        assert!(items(&theirs).contains(&name), "{name:?}");
    }
}

#[test]
fn errors_are_those_of_a_stock_redis() {
    let mut redis = StockRedis::start();
    let lines = "client|client foo|CLIENT FOO bar|config foo|command foo|client id x|config get\
        |config|hello x|hello 1|hello 4|hello 3 foo|hello 3 auth a|hello 3 setname|hello 3 AUTH\
        |hello 3 setname a\u{1}|select a|select 99|select 99999999999|select -1|ping a b|auth\
        |auth a b c|client setname|client setname \u{1}|client no-evict x|client list x\
        |client list type x|client list id x|client list id|client kill id 0|client kill id x\
        |client kill foo bar|client kill id 1 addr|client kill skipme x|client kill type foo\
        |command getkeys foo|command getkeys foo a|command getkeys ping a|command getkeys get a b\
        |command getkeys mset a b c|command getkeys mset a b|command getkeys mset a\
        |command list filterby x|command list filterby module|command list filterby module x\
        |command list foo|command info foo|command docs foo|command count x|reset a|echo|time a\
        |client help x|foo|foo a b|get|get a b|mset a|mset a b c|msetnx a b c|set a|quit2";
    let mut lines: Vec<Vec<Bytes>> = lines.split('|').map(words).collect();
    let long = |byte: &str, count| byte.repeat(count);
    for odd in [
        vec!["foo".to_owned(), long("x", 200), "y".to_owned()],
        vec![long("f", 300), long("x", 100), long("y", 200)],
        vec!["foo".to_owned(), long("x", 125), "y".to_owned()],
        vec!["foo".to_owned(), long("x", 124), "yy".to_owned(), "z".to_owned()],
        vec!["fo\0o".to_owned(), "a\0b".to_owned(), "c\r\nd".to_owned()],
        vec!["client".to_owned(), long("a", 200)],
        vec!["client".to_owned(), "f\0oo".to_owned()],
        vec![String::new(), "a".to_owned()],
        vec!["GE\rT".to_owned()],
        vec!["hello".to_owned(), "3".to_owned(), "foo\nbar\n".to_owned()],
        vec!["expire".to_owned(), "a".to_owned(), "1".to_owned(), "fo\r\n".to_owned()],
    ] {
        lines.push(odd.into_iter().map(Bytes::from).collect());
    }
    for line in lines {
        let ours = match parse(&line, &ItemLimits::default()) {
            Err(error) => error.into(),
            Ok(Command::Session(SessionCommand::Answer(reply))) => reply,
            Ok(other) => panic!("{line:?} is fine: {other:?}"),
        };
        let (ours, theirs) = (bytes(&ours), redis.call(&line));
        assert_eq!(ours.escape_ascii().to_string(), theirs.escape_ascii().to_string(), "{line:?}");
    }
}

#[test]
fn keys_and_values_that_storage_cannot_hold_are_refused() {
    let limits = ItemLimits::default();
    let error = |args: &[&[u8]]| {
        let args: Vec<Bytes> = args.iter().map(|arg| Bytes::copy_from_slice(arg)).collect();
        parse(&args, &limits).map_err(|error| String::from_utf8(error.text().to_vec()).unwrap())
    };
    let empty = "ERR key is 0 bytes; DynamoDB keys hold 1 to 2048";
    assert_eq!(error(&[b"GET", b""]), Err(empty.to_owned()));
    assert_eq!(error(&[b"MSET", b"a", b"1", b"", b"2"]), Err(empty.to_owned()));
    let long = [b'k'; 2049];
    let too_long = "ERR key is 2049 bytes; DynamoDB keys hold 2048";
    assert_eq!(error(&[b"DEL", b"a", &long]), Err(too_long.to_owned()));
    assert!(error(&[b"DEL", b"a", &long[..2048]]).is_ok());
    let value = vec![b'v'; 500_000];
    let too_large = "ERR value is 500000 bytes; DynamoDB items hold 400 KB";
    assert_eq!(error(&[b"SET", b"a", &value]), Err(too_large.to_owned()));
    assert_eq!(error(&[b"MSET", b"a", &value]), Err(too_large.to_owned()));
    assert!(error(&[b"SET", b"a", &value[..limits.max_value_bytes(1)]]).is_ok());
    assert_eq!(error(&[b"SET", b"", b"v", b"foo"]), Err("ERR syntax error".to_owned()));
}

#[test]
fn values_that_grow_too_large_are_refused_and_nothing_changes() {
    use super::{Change, Item};
    let limits = ItemLimits::default();
    let run = |line: &[&[u8]], old: Option<&Item>| {
        let args: Vec<Bytes> = line.iter().map(|arg| Bytes::copy_from_slice(arg)).collect();
        match parse(&args, &limits).unwrap() {
            Command::Write { key, op } => op.evaluate(old, 0, key.len(), &limits),
            other => panic!("{other:?}"),
        }
    };
    let old = Item::string(vec![b'v'; 400_000], None);
    let tail = vec![b'v'; 10_000];
    let refused: Reply = CommandError::value_size(410_000, 400).into();
    let append: [&[u8]; 3] = [b"APPEND", b"k", &tail];
    let set_range: [&[u8]; 4] = [b"SETRANGE", b"k", b"409990", b"0123456789"];
    for outcome in [run(&append, Some(&old)), run(&set_range, None)] {
        assert_eq!(outcome, super::Outcome { reply: refused.clone(), change: Change::Keep });
    }
}
