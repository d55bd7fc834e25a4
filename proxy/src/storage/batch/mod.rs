//! Reads, and plain puts, of one table that come faster than they are answered go together: one BatchGetItem or
//! BatchWriteItem instead of many requests, whose price for this process is mostly the same however much is in them.
//!
//! **When.** While fewer than [`queue::AT_ONCE`] requests of the table are on their way, what comes is sent at once, as
//! GetItem or PutItem. (What comes in the microseconds before the request is made goes with it.) Otherwise it waits: when
//! a request is answered its place goes to all that waits, up to 100 reads or 25 puts and about 1 MiB. Nothing waits for
//! longer than a quarter of a request's usual time ([`batcher::WAITS`]) as long as fewer than [`queue::MOST_ON_THE_WAY`] requests are on their way, so that a
//! slow one holds up nobody. So without a queue nothing waits, and with one the wait is bounded. Each table has its own
//! queues, and with them each tenant.
//!
//! **Each item by itself.** Whatever is sent together, each item keeps its own time, attempts and doubts, by the rules of
//! [`super::attempts`]:
//!
//! - *The batch fails*: an attempt of each item in it has failed so. What may be sent again goes back to the queue after
//!   a pause; a put whose batch was lost is not sent again, and nobody knows whether it was applied.
//! - *The batch is refused*: nothing of it was applied, and one item may be to blame. Each is sent by itself, so that
//!   only that one is refused, and nothing is batched for [`batcher::REFUSED_PAUSE`] (perhaps the endpoint, or the policy of our
//!   credentials, has no batches at all).
//! - *An item is left unprocessed*: throttled, says the documentation, or an internal failure. A read is tried again
//!   like a throttled one. A put counts like one that was answered with a 5xx: it is tried again, and perhaps the first
//!   attempt was applied. If reads are left over after 1 MiB or more was answered, the answer was full: they are asked
//!   for again at once, and that was no attempt.
//! - *An item is not ours*: it fails, the others do not.
//! - *An item's time is nearly up*: it goes by itself, as it would cut the others' time short.
//! - *The caller goes away*: a read that still waits is dropped; a put is sent nevertheless.
//! - *The process ends*: whoever waits is told that the request is lost, which is ambiguous for a put. A shutdown waits
//!   for clients' requests first, so it finds the queues empty.
//!
//! **Why waiting breaks nothing.** A read that waits is made later than it was asked for, so what it finds is no older.
//! Its lease and its seats ([`crate::inflight`]) were taken before it was asked, and whoever writes meanwhile voids the
//! lease, as if the read had been slow. Every item of a batch is read consistently, or not, by itself; nobody takes
//! them for a snapshot. A put that waits is still under its key's lock and fence, and its time runs from when it was
//! asked, so the fence outlives it. The lock also keeps a key from being twice in a batch, or in two.
//!
//! **Units.** The endpoint reports a sum. Each item gets what the rules say for its size, scaled so that the sum is right.

mod batcher;
mod queue;
mod reads;
mod writes;

use std::fmt;

use bytes::Bytes;

use super::attempts::Effect;
use super::dynamo::Dynamo;
use super::error::StorageError;
use super::failure::{Failure, Sent};
use super::table::Table;

pub(crate) use batcher::{Batcher, Way};
pub(crate) use reads::Read;
pub(crate) use writes::Put;

/// One kind of request that can go with others.
pub(crate) trait Batched: fmt::Debug + Clone + Send + Sync + 'static {
    /// What the endpoint answers.
    type Answer: fmt::Debug + Send + 'static;
    /// What it can change.
    const EFFECT: Effect;
    /// As many as the endpoint takes at once.
    const MOST: usize;

    /// What it is about.
    fn key(&self) -> &Bytes;

    /// Bytes that it is expected to move; `typical` is how much the last answers moved.
    fn bytes(&self, table: &Table, typical: u64) -> u64;

    /// Bytes that an answer moved, for what is typical.
    fn moved(table: &Table, key: &Bytes, answer: &Self::Answer) -> u64;

    /// Whether it is dropped once nobody waits for it.
    fn is_dropped_with_caller() -> bool;

    /// One attempt of one. The inner error is final.
    fn one(
        &self,
        dynamo: &Dynamo,
        table: &Table,
        sent: Sent,
    ) -> impl Future<Output = Result<Result<Self::Answer, StorageError>, Failure>> + Send;

    /// One attempt of several, with distinct keys: what became of each, in their order.
    fn several(
        batch: &[Self],
        dynamo: &Dynamo,
        table: &Table,
        sent: Sent,
    ) -> impl Future<Output = Result<Vec<Outcome<Self::Answer>>, Failure>> + Send;
}

/// What became of one item of a batch.
#[derive(Debug)]
pub(crate) enum Outcome<A> {
    /// It was answered, for good or bad.
    Answered(Result<A, StorageError>),
    /// It was left out; an attempt of it failed so.
    Left(Failure),
    /// It was left out because the answer was full.
    NoRoom,
}

/// What is counted of one kind of request of one table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchStats {
    /// Batches sent.
    pub batches: u64,
    /// Items in them, each as often as it was sent.
    pub items: u64,
    /// Items that wait now.
    pub waiting: u64,
}
