//! Clients that do random things and write down what they saw.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, RwLock};
use std::time::{Instant, SystemTime};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::object::{Call, Op};
use crate::support::{Client, Value, encode, eventually};

/// What one client did to one key.
#[derive(Debug, Clone)]
pub(super) struct Event {
    pub(super) key: usize,
    pub(super) client: usize,
    pub(super) proxy: usize,
    pub(super) op: Op,
    /// What came instead of an answer.
    pub(super) fate: Option<String>,
}

/// A clock that never goes back, in microseconds of the Unix epoch.
#[derive(Debug)]
pub(super) struct Clock {
    start: Instant,
    start_us: u64,
}

/// Who may do what to which key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Habit {
    /// Everything on strings.
    Text,
    /// What does not depend on the old value.
    Plain,
    /// Counting.
    Counter,
    /// Strings that expire soon.
    Fleeting,
    Hash,
    Set,
    List,
    /// Two keys that change in one transaction.
    Accounts,
}

/// What the clients of a round share.
#[derive(Debug)]
pub(super) struct Room {
    pub(super) clock: Clock,
    pub(super) seed: u64,
    pub(super) round: usize,
    /// Where each proxy is, while it runs.
    pub(super) doors: Vec<RwLock<Option<SocketAddr>>>,
    pub(super) keys: Vec<Habit>,
    /// Writes may take effect after they were given up.
    pub(super) late_effects: bool,
    /// Transactions that only read are asked for as well.
    pub(super) snapshots: bool,
    pub(super) done: AtomicUsize,
    pub(super) over: AtomicBool,
    pub(super) events: Mutex<Vec<Event>>,
}

impl Clock {
    pub(super) fn start() -> Self {
        let since = SystemTime::UNIX_EPOCH.elapsed().unwrap();
        Self { start: Instant::now(), start_us: u64::try_from(since.as_micros()).unwrap() }
    }

    pub(super) fn now_us(&self) -> u64 {
        self.start_us + u64::try_from(self.start.elapsed().as_micros()).unwrap()
    }
}

impl Room {
    pub(super) fn key(&self, key: usize) -> String {
        format!("r{}:k{key}", self.round)
    }

    /// One client's whole life: `ops` commands.
    pub(super) fn live(&self, client: usize, ops: usize) {
        let mut random = StdRng::seed_from_u64(
            self.seed.wrapping_add(1_000_003 * self.round as u64).wrapping_add(client as u64),
        );
        let mut connections: Vec<Option<Client>> = self.doors.iter().map(|_| None).collect();
        let mut events = Vec::new();
        for number in 0..ops {
            let key = random.random_range(0..self.keys.len());
            let unique = format!("{client}.{number}");
            let mut call = choose(self.keys[key], &unique, &self.clock, &mut random);
            if call == Call::Look && !self.snapshots {
                call = Call::LookAt(0);
            }
            let proxy = random.random_range(0..self.doors.len());
            let Some(mut connection) = connections[proxy].take().or_else(|| self.connect(proxy))
            else {
                continue;
            };
            let (event, lives) = self.ask(&mut connection, (client, proxy, key), call);
            if lives {
                connections[proxy] = Some(connection);
            }
            events.extend(event);
            self.done.fetch_add(1, Ordering::Relaxed);
        }
        self.events.lock().unwrap().append(&mut events);
    }

    /// Waits until the proxy is there; `None` when the round ends before.
    pub(super) fn connect(&self, proxy: usize) -> Option<Client> {
        eventually("a proxy can be reached", || {
            if self.over.load(Ordering::Relaxed) {
                return Some(None);
            }
            let door = (*self.doors[proxy].read().unwrap())?;
            let mut client = Client::try_connect(door).ok()?;
            client.sender().send(&encode(&["AUTH", "orders", "orders-pw"])).ok()?;
            (client.try_read()? == Value::ok()).then_some(Some(client))
        })
    }

    /// Does one thing. No event where nothing was sent; false when the connection is gone.
    pub(super) fn ask(
        &self,
        connection: &mut Client,
        (client, proxy, key): (usize, usize, usize),
        call: Call,
    ) -> (Option<Event>, bool) {
        let called = self.clock.now_us();
        let commands = call.commands(&self.key(key));
        let request: Vec<u8> = commands.iter().flat_map(|words| encode(words)).collect();
        let sent = connection.sender().send(&request);
        let mut reply = sent.ok().and_then(|()| connection.try_read());
        for _ in 1..commands.len() {
            reply = reply.and_then(|_| connection.try_read());
        }
        let ended = self.clock.now_us();
        let lives = reply.is_some();
        let (ended, reply, fate) = match reply {
            Some(Value::Error(text)) if is_certain_failure(&text) => return (None, true),
            Some(Value::Error(text)) if is_unconfirmed(&text) => {
                (hopperkv_history::NEVER, None, Some(text))
            }
            Some(reply) => (ended, Some(reply), None),
            None => (hopperkv_history::NEVER, None, Some("cut off".to_owned())),
        };
        (Some(Event { key, client, proxy, op: Op { called, ended, call, reply }, fate }), lives)
    }
}

/// Nothing was changed, says the error; the history is checked without the operation.
fn is_certain_failure(text: &str) -> bool {
    text.starts_with("UNAVAILABLE") && !is_unconfirmed(text)
}

fn is_unconfirmed(text: &str) -> bool {
    text.contains("did not confirm the write") || text.contains("was lost during the write")
}

fn choose(habit: Habit, unique: &str, clock: &Clock, random: &mut StdRng) -> Call {
    let value = unique.to_owned();
    let reads = random.random_bool(0.45);
    let die = random.random_range(0..12);
    match (habit, die) {
        (Habit::Accounts, 0..6) if reads => Call::Look,
        (Habit::Accounts, _) if reads => Call::LookAt(random.random_range(0..2)),
        (Habit::Accounts, _) => Call::Move(random.random_range(1..9)),
        (Habit::Hash, _) if reads => Call::HashGet(format!("f{}", die % 2)),
        (Habit::Set, _) if reads => Call::SetSize,
        (Habit::List, _) if reads => Call::List,
        (Habit::Fleeting, 0..4) if reads => Call::ExpireTime,
        _ if reads => Call::Get,
        (Habit::Hash, 1..) => Call::HashAdd(format!("f{}", die % 2), 1),
        (Habit::Set, 1..) => Call::SetAdd(value),
        (Habit::List, 2..) => Call::Push(value),
        (Habit::Counter, 1..) => Call::Incr,
        (Habit::Plain, 2..) => Call::Set(value),
        (Habit::Text, 0..2) => Call::Append(value),
        (Habit::Text, 2..4) => Call::GetSet(value),
        (Habit::Text, 4..7) => Call::SetNx(value),
        (Habit::Text, 7..9) => Call::Set(value),
        (Habit::Fleeting, 0..4) => Call::SetUntil(value, soon(clock, random)),
        (Habit::Fleeting, 4..7) => Call::ExpireAt(soon(clock, random)),
        (Habit::Fleeting, 7..9) => Call::SetNx(value),
        (Habit::Fleeting, 9..11) => Call::Append(value),
        _ => Call::Del,
    }
}

fn soon(clock: &Clock, random: &mut StdRng) -> u64 {
    clock.now_us() / 1000 + random.random_range(5..250)
}
