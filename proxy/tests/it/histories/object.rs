//! One key as Redis serves it to one client at a time, with its expiry.
//!
//! An expiry passes at its millisecond for everybody. An operation that was under way at that moment may have come
//! before it or after it; once one came after it, all later ones do.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use hopperkv_history::{Object, Operation};

use crate::support::Value;

/// Redis and the proxy look at the clock at different moments of one command.
const SLACK_US: u64 = 2_000;

pub(super) type Op = Operation<Call, Value>;

/// A command on the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Call {
    Get,
    Set(String),
    /// With `NX`.
    SetNx(String),
    /// With `PXAT`.
    SetUntil(String, u64),
    GetSet(String),
    Append(String),
    Incr,
    Del,
    ExpireAt(u64),
    ExpireTime,
    HashAdd(String, i64),
    HashGet(String),
    SetAdd(String),
    SetSize,
    Push(String),
    List,
    /// In one transaction: so much from one account to the other.
    Move(i64),
    /// In one transaction: both accounts.
    Look,
    /// One account.
    LookAt(usize),
}

/// What the key holds.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Content {
    Text(String),
    Hash(BTreeMap<String, i64>),
    Set(BTreeSet<String>),
    List(VecDeque<String>),
    /// Two keys.
    Accounts([i64; 2]),
}

/// The item and the millisecond at which it is gone.
pub(super) type Held = Option<(Content, Option<u64>)>;

/// The specification.
#[derive(Debug)]
pub(super) struct Key;

impl Call {
    /// The commands' words; the reply is that of the last.
    pub(super) fn commands(&self, key: &str) -> Vec<Vec<String>> {
        let words = |line: String| line.split(' ').map(str::to_owned).collect();
        let block = |lines: Vec<String>| lines.into_iter().map(words).collect();
        match self {
            Self::Move(n) => block(vec![
                "MULTI".to_owned(),
                format!("DECRBY {key}:0 {n}"),
                format!("INCRBY {key}:1 {n}"),
                "EXEC".to_owned(),
            ]),
            Self::Look => block(vec![
                "MULTI".to_owned(),
                format!("GET {key}:0"),
                format!("GET {key}:1"),
                "EXEC".to_owned(),
            ]),
            Self::LookAt(n) => block(vec![format!("GET {key}:{n}")]),
            _ => vec![self.words(key)],
        }
    }

    /// True if the answer says that nothing was changed.
    pub(super) fn kept(&self, reply: &Value) -> bool {
        match self {
            Self::SetNx(_) | Self::ExpireAt(_) => *reply == Value::Int(0),
            Self::Incr => reply.is_error(),
            _ => Key.is_read(self),
        }
    }

    fn words(&self, key: &str) -> Vec<String> {
        let words = |parts: &[&str]| parts.iter().map(|part| (*part).to_owned()).collect();
        match self {
            Self::Get => words(&["GET", key]),
            Self::Set(value) => words(&["SET", key, value]),
            Self::SetNx(value) => words(&["SETNX", key, value]),
            Self::SetUntil(value, at) => words(&["SET", key, value, "PXAT", &at.to_string()]),
            Self::GetSet(value) => words(&["GETSET", key, value]),
            Self::Append(value) => words(&["APPEND", key, value]),
            Self::Incr => words(&["INCR", key]),
            Self::Del => words(&["DEL", key]),
            Self::ExpireAt(at) => words(&["PEXPIREAT", key, &at.to_string()]),
            Self::ExpireTime => words(&["PEXPIRETIME", key]),
            Self::HashAdd(field, n) => words(&["HINCRBY", key, field, &n.to_string()]),
            Self::HashGet(field) => words(&["HGET", key, field]),
            Self::SetAdd(member) => words(&["SADD", key, member]),
            Self::SetSize => words(&["SCARD", key]),
            Self::Push(element) => words(&["LPUSH", key, element]),
            Self::List => words(&["LRANGE", key, "0", "-1"]),
            Self::Move(_) | Self::Look | Self::LookAt(_) => Vec::new(),
        }
    }
}

impl Object for Key {
    type State = Held;
    type Call = Call;
    type Reply = Value;

    fn step(&self, state: &Held, op: &Op) -> Vec<Held> {
        let deadline_us = state.as_ref().and_then(|(_, at)| *at).map(|at| at * 1000);
        let stands = deadline_us.is_none_or(|at| op.called < at + SLACK_US);
        let gone = deadline_us.is_some_and(|at| op.ended.saturating_add(SLACK_US) >= at);
        let before = [stands.then(|| state.clone()), gone.then_some(None)];
        let after = before.into_iter().flatten().filter_map(|held| {
            let (reply, after) = apply(held, &op.call);
            op.reply.as_ref().is_none_or(|seen| *seen == reply).then_some(after)
        });
        after.collect()
    }

    fn is_read(&self, call: &Call) -> bool {
        matches!(
            call,
            Call::Get
                | Call::ExpireTime
                | Call::HashGet(_)
                | Call::SetSize
                | Call::List
                | Call::Look
                | Call::LookAt(_)
        )
    }
}

fn wrong_type() -> Value {
    Value::Error("WRONGTYPE Operation against a key holding the wrong kind of value".to_owned())
}

fn int(n: usize) -> Value {
    Value::Int(i64::try_from(n).unwrap())
}

fn text(value: &str, at: Option<u64>) -> Held {
    Some((Content::Text(value.to_owned()), at))
}

fn apply(held: Held, call: &Call) -> (Value, Held) {
    match (call, held) {
        (Call::Set(value), _) => (Value::ok(), text(value, None)),
        (Call::SetUntil(value, at), _) => (Value::ok(), text(value, Some(*at))),
        (Call::SetNx(value), None) => (Value::Int(1), text(value, None)),
        (Call::SetNx(_), held) => (Value::Int(0), held),
        (Call::Del, held) => (Value::Int(i64::from(held.is_some())), None),
        (Call::ExpireAt(_), None) => (Value::Int(0), None),
        (Call::ExpireAt(at), Some((content, _))) => (Value::Int(1), Some((content, Some(*at)))),
        (Call::ExpireTime, None) => (Value::Int(-2), None),
        (Call::ExpireTime, Some((content, at))) => {
            (Value::Int(at.map_or(-1, |at| i64::try_from(at).unwrap())), Some((content, at)))
        }
        (Call::Get | Call::GetSet(_) | Call::Append(_) | Call::Incr, held) => texts(held, call),
        (Call::Move(_) | Call::Look | Call::LookAt(_), held) => accounts(held, call),
        (_, held) => typed(held, call),
    }
}

/// Commands on strings.
fn texts(held: Held, call: &Call) -> (Value, Held) {
    let (old, at) = match held {
        None => (None, None),
        Some((Content::Text(old), at)) => (Some(old), at),
        other => return (wrong_type(), other),
    };
    let bulk = old.as_ref().map_or(Value::Nil, Value::bulk);
    let kept = |old: Option<String>| old.map(|old| (Content::Text(old), at));
    match call {
        Call::GetSet(value) => (bulk, text(value, None)),
        Call::Append(more) => {
            let value = old.unwrap_or_default() + more;
            (int(value.len()), text(&value, at))
        }
        Call::Incr => match old.as_deref().unwrap_or("0").parse::<i64>() {
            Ok(n) => (Value::Int(n + 1), text(&(n + 1).to_string(), at)),
            Err(_) => {
                let error = "ERR value is not an integer or out of range";
                (Value::Error(error.to_owned()), kept(old))
            }
        },
        _ => (bulk, kept(old)),
    }
}

/// Two counters, which are there as soon as something was moved.
fn accounts(held: Held, call: &Call) -> (Value, Held) {
    let old = match &held {
        Some((Content::Accounts(sums), _)) => Some(*sums),
        _ => None,
    };
    let bulk = |n: usize| old.map_or(Value::Nil, |sums| Value::bulk(sums[n].to_string()));
    match call {
        Call::Move(n) => {
            let [from, to] = old.unwrap_or_default();
            let sums = [from - n, to + n];
            let reply = Value::Array(sums.map(Value::Int).to_vec());
            (reply, Some((Content::Accounts(sums), None)))
        }
        Call::LookAt(n) => (bulk(*n), held),
        _ => (Value::Array(vec![bulk(0), bulk(1)]), held),
    }
}

/// Commands on the other types.
fn typed(held: Held, call: &Call) -> (Value, Held) {
    let absent = held.is_none();
    let (content, at) = held.unwrap_or_else(|| (empty(call), None));
    let (reply, content) = match (call, content) {
        (Call::HashAdd(field, n), Content::Hash(mut hash)) => {
            let count = hash.entry(field.clone()).or_default();
            *count += n;
            (Value::Int(*count), Content::Hash(hash))
        }
        (Call::HashGet(field), Content::Hash(hash)) => {
            let count = hash.get(field).map(ToString::to_string);
            (count.map_or(Value::Nil, Value::bulk), Content::Hash(hash))
        }
        (Call::SetAdd(member), Content::Set(mut set)) => {
            (int(usize::from(set.insert(member.clone()))), Content::Set(set))
        }
        (Call::SetSize, Content::Set(set)) => (int(set.len()), Content::Set(set)),
        (Call::Push(element), Content::List(mut list)) => {
            list.push_front(element.clone());
            (int(list.len()), Content::List(list))
        }
        (Call::List, Content::List(list)) => {
            (Value::Array(list.iter().map(Value::bulk).collect()), Content::List(list))
        }
        (_, other) => (wrong_type(), other),
    };
    let after = if absent && Key.is_read(call) { None } else { Some((content, at)) };
    (reply, after)
}

fn empty(call: &Call) -> Content {
    match call {
        Call::HashAdd(..) | Call::HashGet(_) => Content::Hash(BTreeMap::new()),
        Call::SetAdd(_) | Call::SetSize => Content::Set(BTreeSet::new()),
        _ => Content::List(VecDeque::new()),
    }
}
