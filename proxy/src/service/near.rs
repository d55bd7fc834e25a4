//! The straight path of a `GET` whose reply is in this worker's near cache: charged, counted and observed as a hit is.
//!
//! The bytes are charged before the reply is put, one compare-and-swap; where they are used up, the reply waits for them
//! as one from Redis does ([`super::hits`]). Counters and latencies are added once for all that one read of the client's
//! socket brought, and the ghost cache is locked once for them. What a copy may stand for, and when, is said in [`crate::near`].

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use bytes::Bytes;
use hare::Expiry;
use tokio::time::Instant;

use super::Service;
use crate::cache::{Form, Lookup, Ticket};
use crate::limits::Amount;
use crate::near::{Copy, Sought, Stamp};
use crate::replies::{Keys, ReplyQueue};
use crate::resp::Protocol;
use crate::tenant::LatencyOf;

/// Hits that are not counted yet.
#[derive(Debug, Default)]
pub(super) struct NearHits {
    hits: Cell<u64>,
    paid: Cell<u64>,
    bytes: Cell<u64>,
    milli_read_units: Cell<u64>,
    /// Those that the ghost cache wants to see: hash of the key, bytes of key and value.
    sampled: RefCell<Vec<(u64, usize, usize)>>,
}

impl Service {
    /// Whether there is anything to look into.
    #[inline]
    pub(crate) fn has_near(&self) -> bool {
        self.near.is_some()
    }

    /// Answers a `GET` from a near copy, if there is a good one and nothing on this key is before it in `replies`.
    #[inline]
    pub(crate) fn seek_near(
        &self,
        key: &[u8],
        hash: u64,
        replies: &Rc<ReplyQueue>,
        protocol: Protocol,
        started: Instant,
    ) -> Sought {
        let Some((near, _)) = &self.near else { return Sought::NotHere(None) };
        if !replies.is_free(hash) {
            return Sought::NotHere(None);
        }
        near.seek(key, hash, |copy| {
            let cost = key.len() + copy.value_len();
            self.count_near(key, hash, copy, cost);
            if self.tenant.limits.net.try_charge(Amount::bytes(cost as u64)) {
                self.near_hits.paid.set(self.near_hits.paid.get() + 1);
                replies.put(|| copy.to_reply(), copy.reply());
            } else {
                let seq = replies.reserve(Keys::One(hash));
                let (replies, form) = (Rc::clone(replies), Form::Get);
                let ticket = Ticket { replies, seq, protocol, hash, form, started, near: None };
                self.deliver_when_paid(ticket, cost, copy.to_reply());
            }
        })
    }

    /// Counts what one round of [`Self::seek_near`] served.
    #[inline]
    pub(crate) fn end_near_hits(&self, started: Instant) {
        if self.near_hits.hits.get() > 0 {
            self.add_near_hits(started);
        }
    }

    fn add_near_hits(&self, started: Instant) {
        let counters = &self.counters;
        let NearHits { hits, paid, bytes, milli_read_units, sampled } = &self.near_hits;
        let hits = hits.take();
        counters.commands.add(hits);
        counters.reads.add(hits);
        counters.hits.add(hits);
        counters.near_hits.add(hits);
        counters.read_bytes.add(bytes.take());
        counters.milli_read_units_if_missed.add(milli_read_units.take());
        let mut watch = self.tenant.observer.watch();
        for (hash, key_len, value_len) in sampled.borrow_mut().drain(..) {
            watch.read(hash, key_len, value_len, Expiry::Keep);
        }
        drop(watch);
        let paid = paid.take();
        if paid > 0 {
            counters.record_latencies(LatencyOf::Hit, started.elapsed(), paid);
        }
    }

    #[inline]
    fn count_near(&self, key: &[u8], hash: u64, copy: &Copy, cost: usize) {
        let NearHits { hits, bytes, milli_read_units, sampled, .. } = &self.near_hits;
        hits.set(hits.get() + 1);
        bytes.set(bytes.get() + cost as u64);
        milli_read_units.set(milli_read_units.get() + copy.milli_read_units());
        let observer = &self.tenant.observer;
        observer.saw_read(self.counters.reads.get() + hits.get(), key);
        if observer.is_sampled(hash) {
            sampled.borrow_mut().push((hash, key.len(), copy.value_len()));
        }
    }

    /// Keeps a value that a near copy was wanted of, once Redis has told when it expires.
    pub(super) fn offer_near(
        &self,
        key: &[u8],
        hash: u64,
        stamp: Stamp,
        reply: &[u8],
        value_len: usize,
    ) {
        let Some((near, _)) = &self.near else { return };
        let units = super::read::milli(self.tenant.read_units(key.len(), value_len));
        let Some(offer) = near.offer(key, hash, stamp, reply, value_len, units) else { return };
        let Some(service) = self.this.upgrade() else { return };
        let (near, key) = (Rc::clone(near), Bytes::copy_from_slice(key));
        self.tasks.spawn_local(async move {
            let (is_good, expires_at_ms) = match service.coherence.glance(&key).await {
                // One that is doubtful may be a fence's, or is near.
                Ok(Lookup::Hit { item, doubtful: false }) => (item.is_string(), item.expires_at_ms),
                _ => (false, None),
            };
            near.keep(offer, is_good, expires_at_ms);
        });
    }
}
