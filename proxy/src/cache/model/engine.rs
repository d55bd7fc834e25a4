//! Runs the real scripts in a real Redis, once for every state and request that the model comes across.
//!
//! A step puts the state into Redis, runs the script and reads the state back, in one round trip. Leases and fences get
//! an hour, so that nothing expires by itself: what expires, and when, is the model's choice.

use std::collections::HashMap;
use std::fmt::Write as _;

use bytes::Bytes;
use redis::{Connection, Pipeline, Value};

use super::record::{Answer, Call, Ending, Expiry, Id, Item, Kind, Record};
use super::server::Server;
use crate::cache::names;
use crate::cache::scripts::Script;

const HOUR_MS: u64 = 3_600_000;
const KEY: &[u8] = b"k";
/// Writes of lists have numbers below this.
const LISTS: Id = 16;
/// No payload of DUMP.
const FOREIGN: &[u8] = b"from the future";
/// What a key holds: its type, and the text or the list's first element.
const SHOW: &str = r"
local kind = redis.call('TYPE', KEYS[1]).ok
if kind == 'none' then return {kind, ''} end
if kind == 'string' then return {kind, redis.call('GET', KEYS[1])} end
return {kind, redis.call('LINDEX', KEYS[1], 0)}
";

/// A deliberate mistake in a script: the text that is replaced, and what replaces it.
pub(super) type Mistake = (Script, &'static str, &'static str);

/// Redis, the loaded scripts, and everything they have answered so far.
pub(super) struct Engine {
    connection: Connection,
    hashes: HashMap<Script, String>,
    known: HashMap<(Record, Call), (Answer, Record)>,
    show: String,
    /// What DUMP makes of each list.
    payloads: Vec<Vec<u8>>,
    start_ms: u64,
    data: Bytes,
    meta: Bytes,
}

impl Engine {
    /// Loads the scripts, with mistakes if so wished.
    pub(super) fn new(server: &Server, mistakes: &[Mistake]) -> Self {
        let mut connection = server.connect();
        let mut hashes = HashMap::new();
        for script in Script::ALL {
            let mut source = script.source().to_owned();
            for (_, right, wrong) in mistakes.iter().filter(|(of, ..)| *of == script) {
                assert!(source.contains(right), "{script:?} does not contain {right:?}");
                source = source.replace(right, wrong);
            }
            let mut load = redis::cmd("SCRIPT");
            let hash = load.arg("LOAD").arg(source).query(&mut connection).expect("a script");
            hashes.insert(script, hash);
        }
        let key = Bytes::from_static(KEY);
        let show = redis::cmd("SCRIPT").arg("LOAD").arg(SHOW).query(&mut connection);
        let payloads = (0..LISTS).map(|id| payload(&mut connection, id)).collect();
        Self {
            connection,
            show: show.expect("a script"),
            payloads,
            hashes,
            known: HashMap::new(),
            start_ms: crate::clock::unix_ms(),
            data: names::data(&key),
            meta: names::meta(&key),
        }
    }

    /// Different requests that Redis has run.
    pub(super) fn runs(&self) -> usize {
        self.known.len()
    }

    /// What Redis in state `record` answers, and its state afterwards.
    ///
    /// # Errors
    /// What is wrong with the answer or with the times that the script left behind.
    pub(super) fn run(&mut self, record: &Record, call: Call) -> Result<(Answer, Record), String> {
        let key = (record.clone(), call);
        if let Some(known) = self.known.get(&key) {
            return Ok(known.clone());
        }
        let mut pipe = redis::pipe();
        self.put(&mut pipe, record);
        self.ask(&mut pipe, call);
        self.show(&mut pipe);
        pipe.cmd("PEXPIRETIME").arg(&*self.data);
        pipe.cmd("HGETALL").arg(&*self.meta).cmd("PEXPIRETIME").arg(&*self.meta);
        let replies: Vec<Value> =
            pipe.query(&mut self.connection).map_err(|e| format!("{call:?}: {e}"))?;
        let [answer, value, value_ms, meta, meta_ms] = replies.as_slice() else {
            return Err(format!("{} replies", replies.len()));
        };
        let after = self.state(call, (value, value_ms), (meta, meta_ms))?;
        let answer = self.answer(call, answer)?;
        self.known.insert(key, (answer, after.clone()));
        Ok((answer, after))
    }

    fn fence_ms(&self) -> u64 {
        self.start_ms + HOUR_MS
    }

    fn put(&self, pipe: &mut Pipeline, record: &Record) {
        pipe.cmd("DEL").arg(&*self.data).arg(&*self.meta).ignore();
        if let Some(item) = record.value {
            let make = if item.kind == Kind::Text { "SET" } else { "RPUSH" };
            pipe.cmd(make).arg(&*self.data).arg(item.write).ignore();
            if item.expiry != Expiry::Never {
                pipe.cmd("PEXPIREAT").arg(&*self.data).arg(self.expiry(item.expiry)).ignore();
            }
        }
        let mut set = |field: &str, value: String| {
            pipe.cmd("HSET").arg(&*self.meta).arg(field).arg(value).ignore();
        };
        if let Some(id) = record.lease {
            set("l", token(id));
        }
        if record.negative {
            set("n", self.fence_ms().to_string());
        }
        if record.tainted {
            set("x", "1".to_owned());
        }
        for (id, stands) in &record.fences {
            let until = if *stands { self.fence_ms() } else { self.start_ms - HOUR_MS };
            set(&format!("f{}", token(*id)), until.to_string());
        }
        pipe.cmd("PEXPIREAT").arg(&*self.meta).arg(self.fence_ms()).ignore();
    }

    fn ask(&self, pipe: &mut Pipeline, call: Call) {
        let hour = HOUR_MS.to_string();
        let (script, args) = match call {
            // A `GET` of a list is answered with an error, which proves the hit as well.
            Call::Get => {
                self.show(pipe);
                return;
            }
            Call::Lease { token: asked, doubt } => {
                let doubt = if doubt { &hour } else { "0" };
                (Script::Lease, texts([&asked.map(token).unwrap_or_default(), &hour, doubt]))
            }
            Call::Fill { token: id, item } => {
                let exists = if item.is_some() { "1" } else { "0" };
                let (value, kind) = item.map_or((Vec::new(), "string"), |i| self.value(i));
                let expiry = self.text(item.map(|i| i.expiry));
                let mut args = texts([&token(id), exists, "", &expiry, &hour, kind]);
                args[2] = value;
                (Script::Fill, args)
            }
            Call::Fence { token: id, hides } => {
                let old = if hides { "remove" } else { "keep" };
                (Script::Fence, texts([&token(id), &hour, old]))
            }
            Call::Conclude { token: id, ending } => {
                let (name, expiry) = match ending {
                    Ending::Put(item) => ("put", Some(item.expiry)),
                    Ending::Absent | Ending::Forget => ("absent", Some(Expiry::Never)),
                    Ending::Restore(before) => ("restore", before),
                    Ending::Unknown => ("unknown", Some(Expiry::Never)),
                };
                let (value, kind) = match ending {
                    Ending::Put(item) => self.value(item),
                    _ => (Vec::new(), "string"),
                };
                // What is only forgotten may exist.
                let negative = if ending == Ending::Forget { "0" } else { &hour };
                let expiry = self.text(expiry);
                let mut args = texts([&token(id), name, "", &expiry, negative, &hour, kind]);
                args[2] = value;
                (Script::Publish, args)
            }
            Call::Remove => (Script::Remove, Vec::new()),
        };
        let hash = self.hashes.get(&script).map_or("", String::as_str);
        pipe.cmd("EVALSHA").arg(hash).arg(2).arg(&*self.data).arg(&*self.meta).arg(args);
    }

    fn show(&self, pipe: &mut Pipeline) {
        pipe.cmd("EVALSHA").arg(&self.show).arg(1).arg(&*self.data);
    }

    /// As the scripts want it: the text or the payload, and the type.
    fn value(&self, item: Item) -> (Vec<u8>, &'static str) {
        match item.kind {
            Kind::Text => (item.write.to_string().into_bytes(), "string"),
            Kind::List => (self.payloads[usize::from(item.write)].clone(), "list"),
            Kind::Foreign => (FOREIGN.to_vec(), "list"),
        }
    }

    /// Recognizes a value by its type and its text or payload.
    fn write(&self, kind: &str, value: &Value) -> Result<(Kind, Id), String> {
        if kind == "string" {
            return Ok((Kind::Text, read(value)?));
        }
        let payload: Vec<u8> = read(value)?;
        let known = self.payloads.iter().position(|p| *p == payload);
        let id = known.and_then(|id| Id::try_from(id).ok()).ok_or("an unknown payload")?;
        Ok((Kind::List, id))
    }

    fn expiry(&self, expiry: Expiry) -> u64 {
        match expiry {
            Expiry::Never => 0,
            Expiry::Short => self.start_ms + HOUR_MS / 2,
            Expiry::Long => self.start_ms + 10 * HOUR_MS,
            Expiry::Fence => self.fence_ms(),
        }
    }

    /// As the scripts want it; `None` is "no value".
    fn text(&self, expiry: Option<Expiry>) -> String {
        match expiry {
            None => "-2".to_owned(),
            Some(Expiry::Never) => "-1".to_owned(),
            Some(expiry) => self.expiry(expiry).to_string(),
        }
    }

    /// Recognizes an expiry: own ones to the millisecond.
    fn recognize(&self, ms: i64) -> Result<Option<Expiry>, String> {
        if ms == -2 {
            return Ok(None);
        }
        let Ok(ms) = u64::try_from(ms) else { return Ok(Some(Expiry::Never)) };
        for own in [Expiry::Short, Expiry::Long] {
            if self.expiry(own) == ms {
                return Ok(Some(own));
            }
        }
        let fences = self.fence_ms()..self.fence_ms() + HOUR_MS;
        if fences.contains(&ms) {
            return Ok(Some(Expiry::Fence));
        }
        Err(format!("an expiry of {ms} ms, {} ms after the start", ms.wrapping_sub(self.start_ms)))
    }

    fn state(
        &self,
        call: Call,
        (value, value_ms): (&Value, &Value),
        (meta, meta_ms): (&Value, &Value),
    ) -> Result<Record, String> {
        let mut record = Record::default();
        let value_ms: i64 = read(value_ms)?;
        if let Some((kind, write)) = shown(value)? {
            let expiry = self.recognize(value_ms)?.unwrap_or(Expiry::Never);
            record.value = Some(Item { write, kind, expiry });
        }
        let fields: HashMap<String, String> = read(meta)?;
        let meta_ms: i64 = read(meta_ms)?;
        let now_ms = i64::try_from(crate::clock::unix_ms()).unwrap_or(i64::MAX);
        for (field, text) in &fields {
            let at = || text.parse::<i64>().map_err(|e| format!("{field} = {text}: {e}"));
            match field.split_at(1) {
                ("l", "") => record.lease = Some(id(text)?),
                ("n", "") => record.negative = at()? > now_ms,
                ("x", "") => record.tainted = true,
                ("f", of) => {
                    let until = at()?;
                    if until > meta_ms {
                        return Err(format!(
                            "the record goes {} ms before a fence",
                            until - meta_ms
                        ));
                    }
                    if matches!(call, Call::Fence { token, .. } if token == id(of)?)
                        && record.value.is_some_and(|i| i.expiry == Expiry::Fence)
                        && value_ms > until
                    {
                        return Err(format!(
                            "the value outlives its fence by {} ms",
                            value_ms - until
                        ));
                    }
                    record.fences.insert(id(of)?, until > now_ms);
                }
                _ => return Err(format!("a field {field}")),
            }
        }
        if !fields.is_empty() && meta_ms < now_ms {
            return Err("a record without expiry".to_owned());
        }
        Ok(record)
    }

    fn answer(&self, call: Call, reply: &Value) -> Result<Answer, String> {
        Ok(match call {
            Call::Get => Answer::Got(shown(reply)?.map(|(_, write)| write)),
            Call::Lease { .. } => match reply {
                Value::Array(parts) => match parts.as_slice() {
                    [_, value, expiry, fenced, kind] => {
                        let expiry = self.recognize(read(expiry)?)?.ok_or("a hit without value")?;
                        let (kind, write) = self.write(&read::<String>(kind)?, value)?;
                        let item = Item { write, kind, expiry };
                        Answer::Hit { item, fenced: read::<i64>(fenced)? == 1 }
                    }
                    [Value::Int(0)] => Answer::Absent,
                    [Value::Int(2)] => Answer::Negative,
                    [Value::Int(3)] => Answer::Fenced,
                    other => return Err(format!("a lease's answer {other:?}")),
                },
                other => return Err(format!("a lease's answer {other:?}")),
            },
            Call::Fill { .. } => Answer::Filled(read::<i64>(reply)? == 1),
            Call::Fence { .. } => Answer::Planted(self.recognize(read(reply)?)?),
            Call::Conclude { .. } => Answer::Concluded(read(reply)?),
            Call::Remove => Answer::Removed,
        })
    }
}

/// What DUMP makes of a list with the number of a write.
fn payload(connection: &mut Connection, id: Id) -> Vec<u8> {
    let mut pipe = redis::pipe();
    pipe.cmd("DEL").arg(KEY).ignore().cmd("RPUSH").arg(KEY).arg(id).ignore();
    pipe.cmd("DUMP").arg(KEY).cmd("DEL").arg(KEY).ignore();
    let (payload,): (Vec<u8>,) = pipe.query(connection).expect("a payload");
    payload
}

/// What [`SHOW`] says.
fn shown(reply: &Value) -> Result<Option<(Kind, Id)>, String> {
    let (kind, text): (String, String) = read(reply)?;
    let id = || text.parse::<Id>().map_err(|e| format!("a value {text}: {e}"));
    Ok(match kind.as_str() {
        "none" => None,
        "string" => Some((Kind::Text, id()?)),
        _ => Some((Kind::List, id()?)),
    })
}

fn texts<const N: usize>(texts: [&str; N]) -> Vec<Vec<u8>> {
    texts.map(|text| text.as_bytes().to_vec()).to_vec()
}

fn token(id: Id) -> String {
    let mut text = String::new();
    let _ = write!(text, "{id:016x}");
    text
}

fn id(token: &str) -> Result<Id, String> {
    Id::from_str_radix(token, 16).map_err(|e| format!("token {token}: {e}"))
}

fn read<T: redis::FromRedisValue>(value: &Value) -> Result<T, String> {
    redis::from_redis_value_ref(value).map_err(|e| format!("{value:?}: {e}"))
}
