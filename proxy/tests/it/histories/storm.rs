//! What is done to the proxies, their Redis and their storage while clients work.
//!
//! A mishap follows the last one after a number of operations, not after some time: with the same seed the same things
//! happen in the same order.

use std::sync::atomic::Ordering;

use nix::sys::signal::{Signal, kill};
use rand::RngExt as _;
use rand::rngs::StdRng;

use super::record::Room;
use crate::support::{Fault, FaultEndpoint, Of, Proxy, RedisServer, Value, eventually};

/// Mishaps of storage: what becomes of requests for a while.
const FAULTS: [(Of, Fault); 12] = [
    (Of::Writes, Fault::Held),
    (Of::Writes, Fault::Held),
    (Of::All, Fault::SlowRequest),
    (Of::Writes, Fault::AppliedThenCut),
    (Of::Writes, Fault::AppliedThenError),
    (Of::Writes, Fault::AppliedThenSilent),
    (Of::Writes, Fault::Silent),
    (Of::Writes, Fault::Error(400, "ProvisionedThroughputExceededException")),
    (Of::All, Fault::Cut),
    (Of::Writes, Fault::SlowAnswer),
    (Of::Reads, Fault::SlowAnswer),
    (Of::Reads, Fault::Error(500, "InternalServerError")),
];
/// With the first of them, a write may take effect after it was given up.
const LATE: usize = 3;

/// One thing that goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mishap {
    /// The cache loses everything.
    Flush,
    /// `kill -9` of Redis, which comes back empty.
    KillRedis,
    /// `kill -9` of Redis, which comes back with what it held some time before.
    RevertRedis,
    /// `kill -9` of a proxy, which is started again.
    KillProxy,
    /// `kill -9` of a proxy and, at the same moment, of Redis.
    KillBoth,
    /// Storage misbehaves.
    Storage(Of, Fault),
}

/// What is under test.
pub(super) struct Stack {
    pub(super) proxies: Vec<Proxy>,
    /// The cache of all; a managed one has its own.
    pub(super) redis: Option<RedisServer>,
    pub(super) endpoint: FaultEndpoint,
}

impl Stack {
    /// Lets `count` things go wrong, one after the other, and mends everything.
    pub(super) fn storm(&mut self, room: &Room, total: usize, count: usize, random: &mut StdRng) {
        let step = total / (count + 1);
        for number in 0..count {
            let until = |ops: usize| {
                let ops = ops.min(total);
                eventually("the clients get on", || {
                    let over = room.over.load(Ordering::Relaxed);
                    (over || room.done.load(Ordering::Relaxed) >= ops).then_some(())
                });
            };
            until(step * number + random.random_range(0..=step / 2));
            let mishap = self.choose(room.late_effects, random);
            println!("  after {} operations: {mishap:?}", room.done.load(Ordering::Relaxed));
            let now = room.done.load(Ordering::Relaxed);
            let some_more = || until(now + 30);
            self.strike(mishap, room, random, some_more);
        }
        self.endpoint.heal();
        self.endpoint.let_through();
    }

    fn choose(&self, late_effects: bool, random: &mut StdRng) -> Mishap {
        let shared = self.redis.is_some();
        match random.random_range(0..12) {
            0..2 => Mishap::Flush,
            2 => Mishap::KillRedis,
            3 if shared => Mishap::RevertRedis,
            3 => Mishap::KillBoth,
            4..6 => Mishap::KillProxy,
            6 => Mishap::KillBoth,
            _ => {
                let first = if late_effects { 0 } else { LATE };
                let (of, fault) = FAULTS[random.random_range(first..FAULTS.len())];
                Mishap::Storage(of, fault)
            }
        }
    }

    fn strike(&mut self, mishap: Mishap, room: &Room, random: &mut StdRng, some_more: impl Fn()) {
        let victim = random.random_range(0..self.proxies.len());
        match mishap {
            Mishap::Flush => match &self.redis {
                Some(redis) => assert_eq!(redis.cli(&["FLUSHALL"]), "OK"),
                None => assert_eq!(self.proxies[0].redis("orders").cmd("FLUSHALL"), Value::ok()),
            },
            Mishap::KillRedis => self.kill_redis(),
            Mishap::RevertRedis => {
                let redis = self.redis.as_ref().unwrap();
                assert_eq!(redis.cli(&["SAVE"]), "OK");
                some_more();
                self.kill_redis();
            }
            Mishap::KillProxy => self.kill_proxy(victim, room, false),
            Mishap::KillBoth => self.kill_proxy(victim, room, true),
            Mishap::Storage(of, fault) => {
                self.endpoint.fail(of, fault);
                some_more();
                self.endpoint.heal();
                some_more();
                self.endpoint.let_through();
            }
        }
        if let Some(redis) = &self.redis {
            redis.forget();
        }
    }

    fn kill_redis(&mut self) {
        match &mut self.redis {
            Some(redis) => {
                redis.kill();
                redis.restart();
            }
            // The proxy starts another one.
            None => kill(self.proxies[0].redis_pid("orders"), Signal::SIGKILL).unwrap(),
        }
    }

    fn kill_proxy(&mut self, victim: usize, room: &Room, with_redis: bool) {
        *room.doors[victim].write().unwrap() = None;
        if with_redis {
            self.kill_redis();
        }
        self.proxies[victim].kill();
        if let Some(redis) = &self.redis
            && self.proxies.len() > 1
        {
            // Without the mark that another proxy puts there again it would be taken for somebody else's Redis.
            eventually("a flushed Redis is marked again", || {
                (!redis.cli(&["KEYS", "*hko"]).is_empty()).then_some(())
            });
        }
        // Storage that refuses everything would keep it from starting.
        self.endpoint.heal();
        self.proxies[victim].restart();
        *room.doors[victim].write().unwrap() = Some(self.proxies[victim].listen);
    }
}
