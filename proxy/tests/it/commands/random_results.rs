//! Commands whose results Redis chooses: each is sent alone, its reply is held against what Redis says it may be, and
//! the stock Redis is brought to the same state.
//!
//! | command | how it is compared |
//! |---|---|
//! | SPOP | of the shape that Redis gives on a copy; every member was in the set; they are then removed from Redis's, too |
//! | SRANDMEMBER, HRANDFIELD, ZRANDMEMBER | the same shape; nothing but elements of the value, once each unless the count is negative |
//! | RANDOMKEY | a key that exists, or nil where there is none |
//! | XADD with `*` | Redis is given the id that the proxy chose |
//! | SCAN, SSCAN, HSCAN, ZSCAN | carried on to the end on both sides; the same elements |
//! | DUMP | the proxy's payload loads into Redis, and the value there is the value dumped |

use std::collections::BTreeSet;

use super::draw::Line;
use super::pair::{Difference, Pair};
use super::reply::{Reply, agree, name_of};

/// The key of copies in the stock Redis; no client of the test names it.
const COPY: &[u8] = b"a copy to try on";

/// Compares one such command, or says that it is none.
pub(super) fn compare(pair: &mut Pair, line: &Line) -> Option<Result<Reply, Difference>> {
    let name = name_of(line);
    if pair.is_in_transaction() {
        return None;
    }
    let outcome = match name.as_str() {
        "SPOP" => pop(pair, line),
        "SRANDMEMBER" => draw(pair, line, &[b"SMEMBERS"], 1),
        "HRANDFIELD" => draw(pair, line, &[b"HGETALL"], 2),
        "ZRANDMEMBER" => draw(pair, line, &[b"ZRANGE", b"0", b"-1", b"WITHSCORES"], 2),
        "RANDOMKEY" if line.len() == 1 => random_key(pair, line),
        "XADD" if line.iter().skip(2).any(|word| word == b"*") => add(pair, line),
        "SCAN" | "SSCAN" | "HSCAN" | "ZSCAN" => scan(pair, line, &name),
        "DUMP" => dump(pair, line),
        "SORT" => sort(pair, line),
        _ => return None,
    };
    Some(outcome.map_err(|(ours, theirs)| Difference { line: line.clone(), ours, theirs }))
}

/// Redis's reply, or what both replied.
type Outcome = Result<Reply, (Vec<u8>, Vec<u8>)>;

/// Both replies, if they are of the same shape: errors and nils equal, aggregates of the same type and length.
fn alike(ours: Vec<u8>, theirs: Vec<u8>) -> Result<(Reply, Reply), (Vec<u8>, Vec<u8>)> {
    let (a, b) = (Reply::read(&ours), Reply::read(&theirs));
    let same = match b.head {
        b'$' => a.head == b'$',
        b'*' | b'~' => a.head == b.head && a.parts.len() == b.parts.len() && a.text == b.text,
        _ => a == b,
    };
    if same { Ok((a, b)) } else { Err((ours, theirs)) }
}

fn pop(pair: &mut Pair, line: &Line) -> Outcome {
    let ours = pair.ask_us(line);
    let Some(key) = line.get(1) else { return alike(ours, pair.ask_them(line)).map(|(_, b)| b) };
    pair.ask_them(&[b"DEL", COPY]);
    pair.ask_them(&[b"COPY", key.as_slice(), COPY]);
    let mut on_copy = line.clone();
    on_copy[1] = COPY.to_vec();
    let theirs = pair.ask_them(&on_copy);
    pair.ask_them(&[b"DEL", COPY]);
    let (popped, shape) = alike(ours.clone(), theirs.clone())?;
    if shape.is_error() || shape.is_nil() {
        return Ok(shape);
    }
    for member in popped.leaves() {
        let removed = pair.ask_them(&[b"SREM".as_slice(), key, &member]);
        if removed != b":1\r\n" {
            return Err((ours, theirs));
        }
    }
    Ok(shape)
}

fn draw(pair: &mut Pair, line: &Line, all: &[&[u8]], width: usize) -> Outcome {
    let (ours, theirs) = (pair.ask_us(line), pair.ask_them(line));
    let (drawn, shape) = alike(ours.clone(), theirs.clone())?;
    if shape.is_error() || shape.is_nil() || drawn.leaves().is_empty() {
        return Ok(shape);
    }
    let mut asked = vec![all[0], &line[1]];
    asked.extend(&all[1..]);
    let contents = Reply::read(&pair.ask_them(&asked)).leaves();
    let with_values = line.len() > 3;
    let taken = if with_values { width } else { 1 };
    let known: BTreeSet<Vec<Vec<u8>>> =
        contents.chunks(width).map(|group| group[..taken].to_vec()).collect();
    let got: Vec<Vec<Vec<u8>>> = drawn.leaves().chunks(taken).map(<[_]>::to_vec).collect();
    let distinct: BTreeSet<_> = got.iter().cloned().collect();
    let may_repeat = line.get(2).is_some_and(|count| count.starts_with(b"-"));
    if distinct.is_subset(&known) && (may_repeat || distinct.len() == got.len()) {
        Ok(shape)
    } else {
        Err((ours, theirs))
    }
}

fn random_key(pair: &mut Pair, line: &Line) -> Outcome {
    let (ours, theirs) = (pair.ask_us(line), pair.ask_them(line));
    let (a, b) = alike(ours.clone(), theirs.clone())?;
    if a.head == b'$' && pair.ask_them(&[b"EXISTS".as_slice(), &a.text]) != b":1\r\n" {
        return Err((ours, theirs));
    }
    Ok(b)
}

fn add(pair: &mut Pair, line: &Line) -> Outcome {
    let ours = pair.ask_us(line);
    let reply = Reply::read(&ours);
    let mut told = line.clone();
    if let Some(id) = told.get_mut(id_of_entry(line)).filter(|id| *id == b"*" && reply.head == b'$')
    {
        reply.text.clone_into(id);
    }
    let theirs = pair.ask_them(&told);
    if ours == theirs { Ok(reply) } else { Err((ours, theirs)) }
}

/// Redis 7.0 refuses to sort numbers after a command that met one out of range; one that reads a float clears that.
fn sort(pair: &mut Pair, line: &Line) -> Outcome {
    pair.ask_them(&[b"INCRBYFLOAT", COPY, b"1"]);
    pair.ask_them(&[b"DEL", COPY]);
    let (ours, theirs) = (pair.ask_us(line), pair.ask_them(line));
    let (a, b) = (Reply::read(&ours), Reply::read(&theirs));
    if agree(line, &a, &b) { Ok(b) } else { Err((ours, theirs)) }
}

/// Where XADD's id stands, behind its options.
fn id_of_entry(line: &Line) -> usize {
    let mut at = 2;
    while let Some(word) = line.get(at) {
        at += match word.to_ascii_uppercase().as_slice() {
            b"NOMKSTREAM" => 1,
            b"LIMIT" => 2,
            b"MAXLEN" | b"MINID" => {
                let is_sign = |word: &Vec<u8>| word == b"=" || word == b"~";
                2 + usize::from(line.get(at + 1).is_some_and(is_sign))
            }
            _ => break,
        };
    }
    at
}

fn dump(pair: &mut Pair, line: &Line) -> Outcome {
    let (ours, theirs) = (pair.ask_us(line), pair.ask_them(line));
    let (a, b) = alike(ours.clone(), theirs.clone())?;
    if b.head != b'$' {
        return Ok(b);
    }
    let loaded = pair.ask_them(&[b"RESTORE".as_slice(), COPY, b"0", &a.text, b"REPLACE"]);
    let same = loaded == b"+OK\r\n" && contents(pair, COPY) == contents(pair, &line[1]);
    pair.ask_them(&[b"DEL", COPY]);
    if same { Ok(b) } else { Err((ours, theirs)) }
}

/// The value under a key of the stock Redis, in one order for everybody.
fn contents(pair: &mut Pair, key: &[u8]) -> (Reply, Vec<Vec<Vec<u8>>>) {
    let kind = Reply::read(&pair.ask_them(&[b"TYPE", key]));
    let (line, width): (Vec<&[u8]>, usize) = match kind.text.as_slice() {
        b"string" => (vec![b"GET", key], 1),
        b"list" => (vec![b"LRANGE", key, b"0", b"-1"], usize::MAX),
        b"set" => (vec![b"SMEMBERS", key], 1),
        b"hash" => (vec![b"HGETALL", key], 2),
        b"zset" => (vec![b"ZRANGE", key, b"0", b"-1", b"WITHSCORES"], usize::MAX),
        _ => (vec![b"XINFO", b"STREAM", key, b"FULL", b"COUNT", b"0"], usize::MAX),
    };
    let leaves = Reply::read(&pair.ask_them(&line)).without_signed_zero().leaves();
    let mut groups: Vec<Vec<Vec<u8>>> = leaves.chunks(width).map(<[_]>::to_vec).collect();
    groups.sort();
    (kind, groups)
}

fn scan(pair: &mut Pair, line: &Line, name: &str) -> Outcome {
    let cursor_at = if name == "SCAN" { 1 } else { 2 };
    let (ours, theirs) = (pair.ask_us(line), pair.ask_them(line));
    let (a, b) = (Reply::read(&ours), Reply::read(&theirs));
    if b.is_error() || line.get(cursor_at).is_none_or(|cursor| cursor != b"0") {
        // Where such a cursor leads depends on how a value lies in memory.
        let is_page = |reply: &Reply| reply.parts.len() == 2 && reply.head == b'*';
        return if a == b || (is_page(&a) && is_page(&b)) { Ok(b) } else { Err((ours, theirs)) };
    }
    let width = if name == "HSCAN" || name == "ZSCAN" { 2 } else { 1 };
    let found = rest_of_scan(line, cursor_at, width, a.clone(), |line| pair.ask_us(line));
    let expected = rest_of_scan(line, cursor_at, width, b.clone(), |line| pair.ask_them(line));
    if found == expected && a.head == b.head { Ok(b) } else { Err((ours, theirs)) }
}

/// An element; a score by its value, as a small sorted set keeps it written out and a large one does not.
fn comparable(element: &[Vec<u8>], is_scored: bool) -> Vec<Vec<u8>> {
    let mut element = element.to_vec();
    if let (true, [_, score]) = (is_scored, element.as_mut_slice()) {
        let value: f64 = std::str::from_utf8(score).unwrap().parse().unwrap();
        // Without the sign of a zero.
        *score = format!("{:e}", value + 0.0).into_bytes();
    }
    element
}

/// All elements from the first page on; none if a page is not one.
fn rest_of_scan(
    line: &Line,
    cursor_at: usize,
    width: usize,
    mut page: Reply,
    mut ask: impl FnMut(&Line) -> Vec<u8>,
) -> Option<BTreeSet<Vec<Vec<u8>>>> {
    let is_scored = name_of(line) == "ZSCAN";
    let (mut found, mut line) = (BTreeSet::new(), line.clone());
    for _ in 0..100_000 {
        let [cursor, elements] = page.parts.as_slice() else { return None };
        let pairs = elements.leaves();
        found.extend(pairs.chunks(width).map(|element| comparable(element, is_scored)));
        if cursor.text == b"0" {
            return Some(found);
        }
        cursor.text.clone_into(&mut line[cursor_at]);
        page = Reply::read(&ask(&line));
    }
    None
}
