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

use std::rc::Rc;

use bytes::Bytes;
use hare::Expiry;
use tokio::time::Instant;

use super::execute::Request;
use super::{Failure, Service};
use crate::cache::{Form, Hit, Ticket};
use crate::command::{self, Command, CommandError};
use crate::limits::{Amount, Resource};
use crate::resp::{Reply, ScanLimits, Scanner};
use crate::tenant::{LatencyOf, Observer};

impl Service {
    /// Delivers what Redis answered ([`crate::cache::Deliver::hits`]).
    pub(super) fn deliver_hits(&self, hits: &mut Vec<Hit>, asked: &[u8], bytes: &[u8]) {
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
            if self.has_near() {
                self.offer_hits(hits, asked, bytes);
            }
            let mut runs = hits.chunk_by(follows).peekable();
            while let Some(run) = runs.next() {
                let more = runs.peek().is_some_and(|next| is_of_same_client(run, next));
                self.pass_on(run, bytes, now, more);
            }
            hits.clear();
        } else {
            for hit in hits.drain(..) {
                let reply = bytes.get(hit.reply.clone()).map(Bytes::copy_from_slice);
                let cost = cost_of(&hit);
                self.deliver_when_paid(hit.ticket, cost, reply.unwrap_or_default());
            }
        }
    }

    /// Keeps the values that near copies were wanted of.
    fn offer_hits(&self, hits: &[Hit], asked: &[u8], bytes: &[u8]) {
        for hit in hits {
            if let Some(stamp) = hit.ticket.near {
                let key = asked.get(hit.key.clone()).unwrap_or_default();
                let reply = bytes.get(hit.reply.clone()).unwrap_or_default();
                self.offer_near(key, hit.ticket.hash, stamp, reply, hit.value_len);
            }
        }
    }

    /// Passes on the replies to requests of one client that were sent, and answered, one behind the other.
    fn pass_on(&self, run: &[Hit], bytes: &[u8], now: Instant, more: bool) {
        let (Some(first), Some(last)) = (run.first(), run.last()) else { return };
        let Ticket { replies, seq, started, .. } = &first.ticket;
        let took = now.saturating_duration_since(*started);
        self.counters.record_latencies(LatencyOf::Hit, took, run.len() as u64);
        let all = bytes.get(first.reply.start..last.reply.end).unwrap_or_default();
        let longest = run.iter().map(|hit| hit.reply.len()).max().unwrap_or_default();
        if replies.pass_on(*seq, run.len(), all, longest, more) {
            return;
        }
        for hit in run {
            let reply = bytes.get(hit.reply.clone()).unwrap_or_default();
            hit.ticket.replies.complete(hit.ticket.seq, reply);
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
    pub(super) fn deliver_when_paid(&self, ticket: Ticket, cost: usize, reply: Bytes) {
        let Some(service) = self.this.upgrade() else { return };
        let cost = Amount::bytes(cost as u64);
        self.tasks.spawn_local(async move {
            match service.tenant.limits.charge(Resource::Net, cost).await {
                Ok(()) => {
                    ticket.replies.complete(ticket.seq, &reply);
                    service.counters.record_latencies(LatencyOf::Hit, ticket.started.elapsed(), 1);
                }
                Err(throttled) => {
                    service.counters.throttled.add(1);
                    let reply = service.failed(&Failure::from(throttled), &ticket.replies);
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
            let key = &hit.key;
            if Observer::shows(n) {
                self.tenant.observer.saw_read(n, asked.get(key.clone()).unwrap_or_default());
            }
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

/// Whether the second of two neighbours is the same client's next request, asked at the same time.
fn follows(hit: &Hit, next: &Hit) -> bool {
    let (a, b) = (&hit.ticket, &next.ticket);
    Rc::ptr_eq(&a.replies, &b.replies)
        && a.seq + 1 == b.seq
        && a.started == b.started
        && hit.reply.end == next.reply.start
}

fn is_of_same_client(run: &[Hit], next: &[Hit]) -> bool {
    let of = |run: &[Hit]| run.first().map(|hit| Rc::as_ptr(&hit.ticket.replies));
    of(run) == of(next)
}

/// Bytes that a tenant pays for: key and value, or request and reply.
fn cost_of(hit: &Hit) -> usize {
    match hit.ticket.form {
        Form::Get => hit.key.len() + hit.value_len,
        Form::Command => hit.request.len() + hit.value_len,
    }
}
