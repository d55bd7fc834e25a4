//! A request off the straight path, from its turn to its reply.

use std::rc::Rc;

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _};
use hare::Expiry;
use tokio::time::Instant;

use super::read::{Found, Source, milli};
use super::{Failure, Service};
use crate::command::{
    Change, Command, CommandError, Item, ReadOp, SetCondition, SetExpiry, SetOp, SetReply, WriteOp,
};
use crate::limits::{Amount, Resource};
use crate::replies::ReplyQueue;
use crate::resp::{Protocol, Reply};
use crate::tenant::LatencyOf;

/// Keys of one command that are worked on at the same time.
pub(super) const FAN_OUT: usize = 64;

/// Value bytes that one command may bring together, or key bytes of one KEYS; more has to be asked for in parts.
pub(super) const MAX_REPLY_BYTES: usize = 64 << 20;

/// Where a reply goes, and in which dialect.
#[derive(Debug)]
pub(crate) struct Request {
    /// The client's reply queue.
    pub(crate) replies: Rc<ReplyQueue>,
    /// The reply's place in it.
    pub(crate) seq: u64,
    /// RESP2 or RESP3, as it was when the request came.
    pub(crate) protocol: Protocol,
    /// When the request was read.
    pub(crate) started: Instant,
}

impl Service {
    /// Runs a command in the background, after earlier requests of the connection on the same keys.
    pub(crate) fn spawn(self: &Rc<Self>, request: Request, command: Command) {
        let service = Rc::clone(self);
        let walks = matches!(command, Command::Keyspace(_));
        self.spawn_request(request, async move |request| {
            let reply = service.run(command, &request);
            if !walks {
                return reply.await;
            }
            // It may take long, and costs units all the time.
            tokio::select! {
                reply = reply => reply,
                () = request.replies.abandoned() => Reply::from(&Failure::Abandoned),
            }
        });
    }

    /// Runs `answer` in the background, after earlier requests of the connection on the same keys.
    pub(super) fn spawn_request(
        self: &Rc<Self>,
        request: Request,
        answer: impl AsyncFnOnce(Rc<Request>) -> Reply + 'static,
    ) {
        let before = request.replies.begin_slow(request.seq);
        let request = Rc::new(request);
        self.tasks.spawn_local(async move {
            for earlier in before {
                // An earlier request that vanished is done as well.
                let _ = earlier.await;
            }
            if request.replies.is_closed() {
                // Not started, but done: later requests of the connection wait for this one.
                request.replies.complete(request.seq, &[]);
            } else {
                let reply = answer(Rc::clone(&request)).await;
                request.replies.complete(request.seq, &reply.to_bytes(request.protocol));
            }
            request.replies.end_slow();
        });
    }

    async fn run(self: &Rc<Self>, command: Command, request: &Request) -> Reply {
        let of = match &command {
            Command::Native(native) if native.spec.is_write() => LatencyOf::Write,
            Command::Keyspace(_) => LatencyOf::Scan,
            Command::Write { .. } | Command::MSet(_) | Command::MSetNx(_) | Command::Del(_) => {
                LatencyOf::Write
            }
            _ => LatencyOf::Miss,
        };
        let result = Box::pin(self.execute(command, request.protocol)).await;
        self.reply(of, result, request)
    }

    /// The reply to a request that has come to an end; counted.
    pub(crate) fn reply(
        &self,
        of: LatencyOf,
        result: Result<Reply, Failure>,
        request: &Request,
    ) -> Reply {
        self.counters.record_latencies(of, request.started.elapsed(), 1);
        result.unwrap_or_else(|failure| {
            match &failure {
                Failure::Throttled(_) => self.counters.throttled.add(1),
                _ => self.counters.errors.add(1),
            }
            self.failed(&failure, &request.replies)
        })
    }

    /// The reply to a request that was not served; noted for those who ask why.
    pub(super) fn failed(&self, failure: &Failure, replies: &ReplyQueue) -> Reply {
        let answer = failure.to_string();
        self.tenant.failures.note(crate::clock::unix_ms(), replies.client(), &answer);
        Reply::error(answer)
    }

    async fn execute(
        self: &Rc<Self>,
        command: Command,
        protocol: Protocol,
    ) -> Result<Reply, Failure> {
        match command {
            Command::Get { key } => {
                let item = self.read(&key).await?;
                if item.as_ref().is_some_and(|item| !item.is_string()) {
                    return Ok(CommandError::WRONG_TYPE.into());
                }
                Ok(item.map_or(Reply::Null, |i| Reply::Bulk(i.value)))
            }
            Command::Read { key, op } => {
                let item = if op.needs_string() {
                    self.read_exact(&key).await?
                } else {
                    self.read_bare(&key, matches!(op, ReadOp::Ttl { .. })).await?
                };
                Ok(op.evaluate(item.as_ref(), crate::clock::unix_ms()))
            }
            Command::Write { key, op } => self.write(&key, &op).await,
            Command::MGet(keys) => self.read_all(keys).await,
            Command::Exists(keys) => Ok(count(self.count_existing(&keys).await?)),
            Command::Touch(keys) => Ok(count(self.count_touched(keys).await?)),
            Command::Del(keys) => {
                let deleted = self.for_each(distinct(keys), Self::delete_owned).await?;
                Ok(count(deleted.into_iter().filter(|existed| *existed).count()))
            }
            Command::MSet(pairs) => {
                self.for_each(last_of_each(pairs), Self::set_owned).await?;
                Ok(Reply::Ok)
            }
            Command::MSetNx(pairs) => {
                let written = self.set_all_if_absent(last_of_each(pairs)).await?;
                Ok(count(usize::from(written)))
            }
            Command::Native(native) => self.native(native, protocol).await,
            Command::Keyspace(command) => self.keyspace(command).await,
            Command::Script(command) => self.script(command, protocol).await,
            // Answered by the session, before it comes here.
            Command::Session(_) => Err(Failure::Internal),
        }
    }
}

impl Service {
    /// Reads a key for a client: counted, observed, and its bytes paid for.
    async fn read(self: &Rc<Self>, key: &Bytes) -> Result<Option<Item>, Failure> {
        let found = self.find(key).await?;
        let bytes = key.len() + found.item.as_ref().map_or(0, |i| i.value.len());
        self.account_read(key, &found, bytes);
        self.pay(bytes).await?;
        Ok(found.item)
    }

    /// Reads a key for a client that wants to know about the value, not the value itself.
    pub(super) async fn read_exact(self: &Rc<Self>, key: &Bytes) -> Result<Option<Item>, Failure> {
        let found = self.find_exact(key).await?;
        self.account_read(key, &found, key.len());
        self.pay(key.len()).await?;
        Ok(found.item)
    }

    /// Reads a key for a client that wants to know its type only and, if `exact`, its expiry.
    async fn read_bare(self: &Rc<Self>, key: &Bytes, exact: bool) -> Result<Option<Item>, Failure> {
        let found = self.glance(key, exact).await?;
        self.account_bare(key, &found).await?;
        Ok(found.item)
    }

    pub(super) async fn account_bare(&self, key: &Bytes, found: &Found) -> Result<(), Failure> {
        if found.source == Source::Part {
            self.account_part_read(key, key.len(), 0);
        } else {
            self.account_read(key, found, key.len());
        }
        self.pay(key.len()).await
    }

    /// How many of the keys exist, each as often as it is named.
    async fn count_existing(self: &Rc<Self>, keys: &[Bytes]) -> Result<usize, Failure> {
        if let [key] = keys {
            return Ok(self.read_bare(key, false).await?.is_some().into());
        }
        let distinct = distinct(keys.to_vec());
        let found = self.glance_all(&distinct).await?;
        let existing = distinct.iter().zip(&found).filter(|(_, found)| found.item.is_some());
        let existing: std::collections::HashSet<_> = existing.map(|(key, _)| key).collect();
        Ok(keys.iter().filter(|key| existing.contains(key)).count())
    }

    /// As [`Self::count_existing`]; the cached copies count as just used.
    async fn count_touched(self: &Rc<Self>, keys: Vec<Bytes>) -> Result<usize, Failure> {
        if let [key] = keys.as_slice() {
            let found = self.touch(key).await?;
            self.account_bare(key, &found).await?;
            return Ok(found.item.is_some().into());
        }
        let existing = self.count_existing(&keys).await?;
        // The marks are no part of what was seen at one instant.
        self.for_each(distinct(keys), Self::mark_used).await?;
        Ok(existing)
    }

    async fn mark_used(self: Rc<Self>, key: Bytes) -> Result<(), Failure> {
        // Without Redis there is no copy to mark.
        let _ = self.coherence.touch(&key).await;
        Ok(())
    }

    async fn delete_owned(self: Rc<Self>, key: Bytes) -> Result<bool, Failure> {
        self.delete(&key).await
    }

    async fn set_owned(self: Rc<Self>, (key, value): (Bytes, Bytes)) -> Result<Reply, Failure> {
        let set = SetOp {
            value,
            expiry: SetExpiry::Clear,
            condition: SetCondition::Always,
            reply: SetReply::Ok,
        };
        self.write(&key, &WriteOp::Set(set)).await
    }

    /// The values of many keys, as long as they fit into one reply; nothing for what is no string.
    async fn read_all(self: &Rc<Self>, keys: Vec<Bytes>) -> Result<Reply, Failure> {
        let distinct = distinct(keys.clone());
        let found = self.snapshot(&distinct).await?;
        let by_key: std::collections::HashMap<_, _> = distinct.iter().zip(&found).collect();
        let (mut values, mut room_bytes) = (Vec::with_capacity(keys.len()), MAX_REPLY_BYTES);
        for key in keys {
            let Some(found) = by_key.get(&key) else { return Err(Failure::Internal) };
            let value =
                found.item.as_ref().filter(|item| item.is_string()).map(|i| i.value.clone());
            let len = value.as_ref().map_or(0, Bytes::len);
            room_bytes = room_bytes.checked_sub(len).ok_or(Failure::ValuesTooLarge)?;
            self.account_read(&key, found, key.len() + len);
            self.pay(key.len() + len).await?;
            values.push(Reply::bulk_or_null(value));
        }
        Ok(Reply::Array(values))
    }

    /// Runs one step per key, [`FAN_OUT`] at a time; results in the order of the keys.
    async fn for_each<K, T, F>(
        self: &Rc<Self>,
        keys: Vec<K>,
        step: fn(Rc<Self>, K) -> F,
    ) -> Result<Vec<T>, Failure>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let steps = keys.into_iter().map(|key| step(Rc::clone(self), key));
        futures_util::stream::iter(steps).buffered(FAN_OUT).try_collect().await
    }

    pub(super) async fn pay(&self, bytes: usize) -> Result<(), Failure> {
        Ok(self.tenant.limits.charge(Resource::Net, Amount::bytes(bytes as u64)).await?)
    }

    pub(super) fn account_read(&self, key: &Bytes, found: &Found, client_bytes: usize) {
        let counters = &self.counters;
        counters.reads.add(1);
        counters.read_bytes.add(client_bytes as u64);
        if found.source == Source::Storage { &counters.misses } else { &counters.hits }.add(1);
        match found.source {
            Source::Negative => counters.negative_hits.add(1),
            Source::Shared => counters.coalesced.add(1),
            Source::Cache | Source::Part | Source::Storage => {}
        }
        let value_len = found.item.as_ref().map(|i| i.value.len());
        if value_len.is_none() {
            counters.absent.add(1);
        }
        let units = self.tenant.read_units(key.len(), value_len.unwrap_or(0));
        counters.milli_read_units_if_missed.add(milli(units));
        let observer = &self.tenant.observer;
        observer.saw_read(counters.reads.get(), key);
        let hash = crate::hash::of_key(key);
        match &found.item {
            Some(item) => {
                let expiry = if found.doubtful { Expiry::Keep } else { expiry_of(item) };
                observer.watch().read(hash, key.len(), item.cached_bytes(), expiry);
                self.note_typical(item);
            }
            None => observer.watch().read_absent(hash),
        }
    }

    /// Accounts a hit that showed `shown` bytes of a value.
    pub(super) fn account_part_read(&self, key: &Bytes, client_bytes: usize, shown: usize) {
        let counters = &self.counters;
        counters.reads.add(1);
        counters.hits.add(1);
        counters.read_bytes.add(client_bytes as u64);
        let typical = self.typical_bytes(shown);
        let units = self.tenant.read_units(key.len(), typical);
        counters.milli_read_units_if_missed.add(milli(units));
        let observer = &self.tenant.observer;
        observer.saw_read(counters.reads.get(), key);
        observer.watch().read_part(crate::hash::of_key(key), key.len(), typical);
    }

    /// Counts a write and shows it to the ghost cache.
    pub(super) fn observe_write(&self, key: &Bytes, change: &Change) {
        let item = match change {
            Change::Keep => return,
            Change::Put(item) => Some(item),
            Change::Delete => None,
        };
        let value_len = item.map_or(0, |item| item.value.len());
        self.counters.writes.add(1);
        self.counters.written_bytes.add((key.len() + value_len) as u64);
        let hash = crate::hash::of_key(key);
        match item {
            Some(item) => {
                let bytes = item.cached_bytes();
                self.tenant.observer.watch().wrote(hash, key.len(), bytes, expiry_of(item));
                self.note_typical(item);
            }
            None => self.tenant.observer.watch().removed(hash),
        }
    }
}

/// When the ghost cache is to forget an item.
fn expiry_of(item: &Item) -> Expiry {
    item.expires_at_ms.map_or(Expiry::Never, Expiry::At)
}

/// Each key once, in the order of first mention.
fn distinct(keys: Vec<Bytes>) -> Vec<Bytes> {
    let mut seen = std::collections::HashSet::new();
    keys.into_iter().filter(|key| seen.insert(key.clone())).collect()
}

/// The last value of each key, as Redis leaves it.
fn last_of_each(pairs: Vec<(Bytes, Bytes)>) -> Vec<(Bytes, Bytes)> {
    let mut seen = std::collections::HashSet::new();
    let mut kept: Vec<_> =
        pairs.into_iter().rev().filter(|(key, _)| seen.insert(key.clone())).collect();
    kept.reverse();
    kept
}

pub(super) fn count(n: usize) -> Reply {
    Reply::Int(i64::try_from(n).unwrap_or(i64::MAX))
}
