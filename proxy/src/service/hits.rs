//! The straight path: `GET`s that Redis answers, forwarded as raw bytes.
//!
//! One read from Redis brings many replies; they are charged, counted and observed together. Only a reply that must
//! wait (its tenant's bytes are used up, or an earlier request on the same key is still busy) leaves the path.

use bytes::Bytes;
use hare::Expiry;
use tokio::time::Instant;

use super::execute::Request;
use super::{Failure, Service};
use crate::cache::{GetTicket, Hit, HitBatch};
use crate::command::Command;
use crate::limits::{Amount, Resource};
use crate::resp::Reply;
use crate::tenant::LatencyOf;

impl Service {
    /// Delivers what Redis answered.
    pub(super) fn deliver_hits(&self, batch: &mut HitBatch, bytes: &[u8]) {
        let HitBatch { hits, keys } = batch;
        hits.retain_mut(|hit| {
            let replies = &hit.ticket.replies;
            let in_order = replies.is_straight() || !replies.must_wait(hit.ticket.seq);
            if !in_order {
                let key = keys.get(hit.key.clone()).map(Bytes::copy_from_slice);
                self.take_miss(hit.ticket.clone(), key.unwrap_or_default());
            }
            in_order
        });
        let cost: usize = hits.iter().map(|h| h.key.len() + h.value_len).sum();
        self.observe_hits(hits, keys, cost);
        if self.tenant.limits.net.try_charge(Amount::bytes(cost as u64)) {
            let now = Instant::now();
            self.counters.record_latencies(
                LatencyOf::Hit,
                hits.iter().map(|h| now.saturating_duration_since(h.ticket.started)),
            );
            for hit in hits.drain(..) {
                let reply = bytes.get(hit.reply.clone()).unwrap_or_default();
                hit.ticket.replies.complete(hit.ticket.seq, reply);
            }
        } else {
            for hit in hits.drain(..) {
                let reply = bytes.get(hit.reply.clone()).map(Bytes::copy_from_slice);
                self.deliver_when_paid(hit, reply.unwrap_or_default());
            }
        }
    }

    /// A forwarded `GET` that Redis could not answer, or that may not overtake: the long way.
    pub(crate) fn take_miss(&self, ticket: GetTicket, key: Bytes) {
        let Some(service) = self.this.upgrade() else { return };
        let GetTicket { replies, seq, protocol, started, .. } = ticket;
        let request = Request { replies, seq, protocol, started };
        service.spawn(request, Command::Get { key });
    }

    /// The value is known, so later requests on the key need not wait; only the reply does.
    fn deliver_when_paid(&self, hit: Hit, reply: Bytes) {
        let Some(service) = self.this.upgrade() else { return };
        let ticket = hit.ticket;
        let cost = Amount::bytes((hit.key.len() + hit.value_len) as u64);
        self.tasks.spawn_local(async move {
            match service.tenant.limits.charge(Resource::Net, cost).await {
                Ok(()) => {
                    ticket.replies.complete(ticket.seq, &reply);
                    let took = std::iter::once(ticket.started.elapsed());
                    service.counters.record_latencies(LatencyOf::Hit, took);
                }
                Err(throttled) => {
                    service.counters.throttled.add(1);
                    let reply = Reply::from(&Failure::from(throttled));
                    ticket.replies.complete(ticket.seq, &reply.to_bytes(ticket.protocol));
                }
            }
        });
    }

    fn observe_hits(&self, hits: &[Hit], keys: &[u8], cost: usize) {
        let counters = &self.counters;
        let first = counters.reads.get() + 1;
        counters.reads.add(hits.len() as u64);
        counters.hits.add(hits.len() as u64);
        counters.read_bytes.add(cost as u64);
        let mut units = 0.0;
        let mut watch = self.tenant.observer.watch();
        for (hit, n) in hits.iter().zip(first..) {
            units += self.tenant.read_units(hit.key.len(), hit.value_len);
            let key = keys.get(hit.key.clone()).unwrap_or_default();
            self.tenant.observer.saw_read(n, key);
            watch.read(hit.ticket.hash, key.len(), hit.value_len, Expiry::Keep);
        }
        counters.milli_read_units_if_missed.add(super::read::milli(units));
    }
}
