//! A request off the straight path, from its turn to its reply.

use std::rc::Rc;

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _};
use hare::Expiry;
use tokio::time::Instant;

use super::read::{Found, Source, milli};
use super::{Failure, Service};
use crate::command::{Change, Command, Item, SetCondition, SetExpiry, SetOp, SetReply, WriteOp};
use crate::limits::{Amount, Resource};
use crate::replies::ReplyQueue;
use crate::resp::{Protocol, Reply};
use crate::tenant::LatencyOf;

/// Keys of one command that are worked on at the same time.
const FAN_OUT: usize = 64;

/// Value bytes of one MGET; more has to be asked for in parts.
const MAX_REPLY_BYTES: usize = 64 << 20;

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
        let before = request.replies.begin_slow(request.seq);
        let service = Rc::clone(self);
        self.tasks.spawn_local(async move {
            for earlier in before {
                // An earlier request that vanished is done as well.
                let _ = earlier.await;
            }
            if request.replies.is_closed() {
                // Not started, but done: later requests of the connection wait for this one.
                request.replies.complete(request.seq, &[]);
            } else {
                let reply = service.run(command, request.started).await;
                request.replies.complete(request.seq, &reply.to_bytes(request.protocol));
            }
            request.replies.end_slow();
        });
    }

    async fn run(self: &Rc<Self>, command: Command, started: Instant) -> Reply {
        let of = match command {
            Command::Write { .. } | Command::MSet(_) | Command::MSetNx(_) | Command::Del(_) => {
                LatencyOf::Write
            }
            _ => LatencyOf::Miss,
        };
        let result = Box::pin(self.execute(command)).await;
        self.counters.record_latencies(of, std::iter::once(started.elapsed()));
        result.unwrap_or_else(|failure| {
            match &failure {
                Failure::Throttled(_) => self.counters.throttled.add(1),
                _ => self.counters.errors.add(1),
            }
            Reply::from(&failure)
        })
    }

    async fn execute(self: &Rc<Self>, command: Command) -> Result<Reply, Failure> {
        match command {
            Command::Get { key } => {
                let item = self.read(&key).await?;
                Ok(item.map_or(Reply::Null, |i| Reply::Bulk(i.value)))
            }
            Command::Read { key, op } => {
                let item = self.read_exact(&key).await?;
                Ok(op.evaluate(item.as_ref(), crate::clock::unix_ms()))
            }
            Command::Write { key, op } => self.write(&key, &op).await,
            Command::MGet(keys) => self.read_all(keys).await,
            Command::Exists(keys) | Command::Touch(keys) => {
                let exist = self.for_each(keys, Self::exists_owned).await?;
                Ok(count(exist.into_iter().filter(|exists| *exists).count()))
            }
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
    async fn read_exact(self: &Rc<Self>, key: &Bytes) -> Result<Option<Item>, Failure> {
        let found = self.find_exact(key).await?;
        self.account_read(key, &found, key.len());
        self.pay(key.len()).await?;
        Ok(found.item)
    }

    async fn read_owned(self: Rc<Self>, key: Bytes) -> Result<Option<Item>, Failure> {
        self.read(&key).await
    }

    async fn exists_owned(self: Rc<Self>, key: Bytes) -> Result<bool, Failure> {
        Ok(self.read_exact(&key).await?.is_some())
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

    /// The values of many keys, as long as they fit into one reply.
    async fn read_all(self: &Rc<Self>, keys: Vec<Bytes>) -> Result<Reply, Failure> {
        let reads = keys.into_iter().map(|key| Rc::clone(self).read_owned(key));
        let mut reads = futures_util::stream::iter(reads).buffered(FAN_OUT);
        let (mut values, mut room_bytes) = (Vec::new(), MAX_REPLY_BYTES);
        while let Some(item) = reads.try_next().await? {
            let len = item.as_ref().map_or(0, |item| item.value.len());
            room_bytes = room_bytes.checked_sub(len).ok_or(Failure::ReplyTooLarge)?;
            values.push(Reply::bulk_or_null(item.map(|item| item.value)));
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

    async fn pay(&self, bytes: usize) -> Result<(), Failure> {
        Ok(self.tenant.limits.charge(Resource::Net, Amount::bytes(bytes as u64)).await?)
    }

    fn account_read(&self, key: &Bytes, found: &Found, client_bytes: usize) {
        let counters = &self.counters;
        counters.reads.add(1);
        counters.read_bytes.add(client_bytes as u64);
        if found.source == Source::Storage { &counters.misses } else { &counters.hits }.add(1);
        match found.source {
            Source::Negative => counters.negative_hits.add(1),
            Source::Shared => counters.coalesced.add(1),
            Source::Cache | Source::Storage => {}
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
                observer.watch().read(hash, key.len(), item.value.len(), expiry);
            }
            None => observer.watch().read_absent(hash),
        }
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
                self.tenant.observer.watch().wrote(hash, key.len(), value_len, expiry_of(item));
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

fn count(n: usize) -> Reply {
    Reply::Int(i64::try_from(n).unwrap_or(i64::MAX))
}
