//! The straight path: reads of one key that Redis answers, forwarded as raw bytes.
//!
//! One read from Redis brings many replies; they are charged, counted and observed together. Only a reply that must
//! wait (its tenant's bytes are used up, or an earlier request on the same key is still busy) leaves the path.
//!
//! A `GET` hits if Redis answers with a value. Another read ([`crate::command::straight`]) runs on the cached copy and
//! hits if the reply proves that there was one; anything else may be Redis's reply for an absent key, and takes the
//! long way ([`super::native`], [`super::read`]), which begins anew. What may come between:
//!
//! - *Eviction, or a flush*, before the read: the reply proves nothing, the long way finds out. After it: the reply was
//!   true when it was made.
//! - *A fill or a publish* before it: the copy is what storage held under a lease or a fence that stood
//!   ([`crate::cache::Coherence`]), so it is read like any hit. After it: as for an eviction.
//! - *A writer's fence*: until the publish the old copy stays, with a shorter life. It is read, as the write is not
//!   acknowledged; if that life ends first, the reply proves nothing. Commands that reply how long a key lives would
//!   show the fence's time, and never go straight.
//! - *The type changed*: WRONGTYPE is a reply of a copy that is there, so it is a hit too.
//! - *An outage*: no reply comes, or none any more; the long way then goes to storage, or fails.
//! - *An earlier request of the same client on the same key*: the replies of one connection come in order, but an
//!   earlier one may have left the path. Whoever has such a request before it leaves the path as well, at the latest
//!   when its reply is there, which is then thrown away; off the path requests on one key run one after the other
//!   ([`crate::replies`]). A client that changed its dialect has reads on two connections: it stays off the path until
//!   all that it asked before is answered.

use bytes::Bytes;
use hare::Expiry;
use tokio::time::Instant;

use super::execute::Request;
use super::{Failure, Service};
use crate::cache::{Form, Hit, HitBatch, Ticket};
use crate::command::{self, Command, CommandError};
use crate::limits::{Amount, Resource};
use crate::resp::{Reply, ScanLimits, Scanner};
use crate::tenant::LatencyOf;

impl Service {
    /// Delivers what Redis answered.
    pub(super) fn deliver_hits(&self, batch: &mut HitBatch, bytes: &[u8]) {
        let HitBatch { hits, asked } = batch;
        hits.retain_mut(|hit| {
            let replies = &hit.ticket.replies;
            let in_order = replies.is_straight() || !replies.must_wait(hit.ticket.seq);
            if !in_order {
                let asked = asked.get(hit.request.clone()).map(Bytes::copy_from_slice);
                self.take_miss(hit.ticket.clone(), &asked.unwrap_or_default());
            }
            in_order
        });
        let cost: usize = hits.iter().map(cost_of).sum();
        self.observe_hits(hits, asked, cost);
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

    /// A forwarded read that Redis may not have answered, or that may not overtake: the long way. `asked` is what was
    /// kept of the request ([`Form`]).
    pub(crate) fn take_miss(&self, ticket: Ticket, asked: &Bytes) {
        let Some(service) = self.this.upgrade() else { return };
        let Ticket { replies, seq, protocol, started, form, .. } = ticket;
        let command = match form {
            Form::Get => Ok(Command::Get { key: asked.clone() }),
            Form::Command => self.command_in(asked),
        };
        match command {
            Ok(command) => {
                service.spawn(Request { replies, seq, protocol, started }, command);
            }
            Err(error) => replies.complete(seq, &Reply::from(error).to_bytes(protocol)),
        }
    }

    /// The command in a request that was scanned before.
    fn command_in(&self, request: &Bytes) -> Result<Command, CommandError> {
        let mut scanner = Scanner::new();
        let mut args = Vec::new();
        if scanner.scan(request, &ScanLimits::default(), true).is_ok() {
            scanner.take_args(request, &mut args);
        }
        command::parse(&args, &self.tenant.item_limits())
    }

    /// The value is known, so later requests on the key need not wait; only the reply does.
    fn deliver_when_paid(&self, hit: Hit, reply: Bytes) {
        let Some(service) = self.this.upgrade() else { return };
        let cost = Amount::bytes(cost_of(&hit) as u64);
        let ticket = hit.ticket;
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

    fn observe_hits(&self, hits: &[Hit], asked: &[u8], cost: usize) {
        let counters = &self.counters;
        let first = counters.reads.get() + 1;
        counters.reads.add(hits.len() as u64);
        counters.hits.add(hits.len() as u64);
        counters.read_bytes.add(cost as u64);
        let mut units = 0.0;
        let mut watch = self.tenant.observer.watch();
        for (hit, n) in hits.iter().zip(first..) {
            let key = asked.get(hit.key.clone()).unwrap_or_default();
            self.tenant.observer.saw_read(n, key);
            if hit.ticket.form == Form::Get {
                units += self.tenant.read_units(key.len(), hit.value_len);
                watch.read(hit.ticket.hash, key.len(), hit.value_len, Expiry::Keep);
            } else {
                let typical = self.typical_bytes(hit.value_len);
                units += self.tenant.read_units(key.len(), typical);
                watch.read_part(hit.ticket.hash, key.len(), typical);
            }
        }
        counters.milli_read_units_if_missed.add(super::read::milli(units));
    }
}

/// Bytes that a tenant pays for: key and value, or request and reply.
fn cost_of(hit: &Hit) -> usize {
    match hit.ticket.form {
        Form::Get => hit.key.len() + hit.value_len,
        Form::Command => hit.request.len() + hit.value_len,
    }
}
