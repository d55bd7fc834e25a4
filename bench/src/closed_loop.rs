//! One client of a closed loop: `depth` requests in flight, a new one for every reply.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::client::Client;
use crate::error::LoadError;
use crate::mix::{Mix, Op};
use crate::payload::{self, Template};
use crate::replay::OnNil;
use crate::resp::{ProtocolError, Reply};
use crate::stop::Stop;
use crate::tally::{SharedTally, Tally};

/// Requests that all clients together may still send.
#[derive(Debug, Clone)]
pub struct Budget {
    left: Option<Arc<AtomicU64>>,
}

impl Budget {
    /// At most `requests` in total, or as many as time allows.
    #[must_use]
    pub fn new(requests: Option<u64>) -> Self {
        Self { left: requests.map(|count| Arc::new(AtomicU64::new(count))) }
    }

    /// Takes one request out of it; false if none is left.
    pub(crate) fn claim(&self) -> bool {
        self.left.as_ref().is_none_or(|left| {
            left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| count.checked_sub(1))
                .is_ok()
        })
    }
}

/// What counts as a failure of a reply.
#[derive(Debug, Clone, Copy)]
pub struct Checks {
    /// Compare every byte of every value.
    pub verify: bool,
    /// Count nil as a lost value (after a preload on an endpoint that must not forget).
    pub nil_is_loss: bool,
    /// Whether a GET that found nothing is followed by a SET of its key, as by a client with a cache aside.
    pub on_nil: OnNil,
}

impl Default for Checks {
    /// Every byte is compared; nil is only counted.
    fn default() -> Self {
        Self { verify: true, nil_is_loss: false, on_nil: OnNil::Count }
    }
}

/// Sizes of the keys and values of a phase, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// Bytes per key.
    pub key_bytes: usize,
    /// Bytes per value.
    pub value_bytes: usize,
}

/// A request that waits for its reply.
#[derive(Debug, Clone, Copy)]
struct InFlight {
    op: Op,
    offset: u64,
    /// When it should have been sent: what its latency counts from.
    due: Instant,
    /// When it was sent, where that is another question.
    sent: Option<Instant>,
}

/// A connected client that runs phases one after another; [`crate::open_loop`] has its open loop.
#[derive(Debug)]
pub struct LoopClient {
    pub(crate) client: Client,
    pub(crate) stop: Stop,
    pub(crate) budget: Budget,
    pub(crate) tally: SharedTally,
    depth: usize,
    checks: Checks,
    in_flight: VecDeque<InFlight>,
    /// Keys that were not found and are to be written next.
    missing: VecDeque<u64>,
    templates: Templates,
}

/// Keys and values of the sizes of a phase.
#[derive(Debug)]
struct Templates {
    sizes: Sizes,
    key: Template,
    value: Template,
}

impl Templates {
    fn new(sizes: Sizes) -> Self {
        let (key, value) =
            (Template::of_keys(sizes.key_bytes), Template::of_values(sizes.value_bytes));
        Self { sizes, key, value }
    }

    /// Whether a value is that of the offset.
    fn check(&mut self, value: &[u8], offset: u64) -> Result<(), String> {
        // All at once; what is wrong with it is found out where it is.
        if self.value.with(offset) == value { Ok(()) } else { payload::check_value(value, offset) }
    }
}

impl LoopClient {
    /// A client that keeps `depth` requests in flight.
    #[must_use]
    pub fn new(
        client: Client,
        depth: usize,
        checks: Checks,
        stop: Stop,
        budget: Budget,
        tally: SharedTally,
    ) -> Self {
        let in_flight = VecDeque::with_capacity(depth);
        let templates = Templates::new(Sizes { key_bytes: 16, value_bytes: 500 });
        let missing = VecDeque::new();
        Self { client, stop, budget, tally, depth, checks, in_flight, missing, templates }
    }

    /// Sends requests until `until`, the end of the budget or a stop, then takes what is in flight.
    ///
    /// # Errors
    /// A broken connection or a reply that is not RESP2.
    pub async fn run_phase(
        &mut self,
        mix: &mut Mix,
        sizes: Sizes,
        until: Option<Instant>,
    ) -> Result<(), LoadError> {
        let mut now = Instant::now();
        loop {
            while self.has_room()
                && until.is_none_or(|until| now < until)
                && !self.stop.is_raised()
                && self.budget.claim()
            {
                let (op, offset) = self.next_request(mix);
                self.send(op, offset, sizes, now, None);
            }
            if self.is_idle() {
                return Ok(());
            }
            self.client.exchange().await?;
            now = Instant::now();
            self.take_replies(mix, now)?;
        }
    }

    /// The request to send next.
    pub(crate) fn next_request(&mut self, mix: &mut Mix) -> (Op, u64) {
        match self.missing.pop_front() {
            Some(offset) => (Op::Set, offset),
            None => mix.next_request(),
        }
    }

    /// Whether another request may be in flight.
    pub(crate) fn has_room(&self) -> bool {
        self.in_flight.len() < self.depth
    }

    /// Whether every request is answered.
    pub(crate) fn is_idle(&self) -> bool {
        self.in_flight.is_empty()
    }

    /// Queues a request that was due at `due`; `sent` says when it was sent if that is to be recorded too.
    pub(crate) fn send(
        &mut self,
        op: Op,
        offset: u64,
        sizes: Sizes,
        due: Instant,
        sent: Option<Instant>,
    ) {
        if self.templates.sizes != sizes {
            self.templates = Templates::new(sizes);
        }
        let Templates { key, value, .. } = &mut self.templates;
        let (commands, _) = self.client.split();
        match op {
            Op::Get => commands.push(&[b"GET", key.with(offset)]),
            Op::Set => commands.push(&[b"SET", key.with(offset), value.with(offset)]),
        }
        self.in_flight.push_back(InFlight { op, offset, due, sent });
    }

    /// Judges and counts the replies that have arrived.
    pub(crate) fn take_replies(&mut self, mix: &Mix, now: Instant) -> Result<(), LoadError> {
        let Self { client, tally, checks, in_flight, missing, templates, .. } = self;
        let (_, replies) = client.split();
        let taken = tally.with(|tally| -> Result<(), ProtocolError> {
            while let Some(reply) = replies.next_reply()? {
                let request = in_flight.pop_front().ok_or(ProtocolError::Unasked)?;
                if request.op == Op::Set && mix.is_new(request.offset) {
                    let stored = matches!(reply, Reply::Status(_));
                    mix.insert_answered(request.offset, stored);
                }
                let latency = now.saturating_duration_since(request.due);
                if checks.on_nil == OnNil::Set && request.op == Op::Get && reply == Reply::Nil {
                    missing.push_back(request.offset);
                }
                if let Some(sent) = request.sent {
                    tally.service_latency.record(now.saturating_duration_since(sent));
                }
                record(tally, *checks, templates, &request, reply, latency);
            }
            Ok(())
        });
        taken.map_err(|error| client.protocol_error(error))
    }
}

fn record(
    tally: &mut Tally,
    checks: Checks,
    templates: &mut Templates,
    request: &InFlight,
    reply: Reply<'_>,
    latency: Duration,
) {
    let offset = request.offset;
    match (request.op, reply) {
        (_, Reply::Error(text)) => {
            tally.error_reply(text);
        }
        (Op::Get, Reply::Bulk(value)) => {
            tally.counts.gets += 1;
            tally.counts.hits += 1;
            tally.counts.value_bytes += value.len() as u64;
            tally.get_latency.record(latency);
            if checks.verify {
                match templates.check(value, offset) {
                    Ok(()) => tally.counts.verified += 1,
                    Err(problem) => tally.mismatch(|| format!("key of offset {offset}: {problem}")),
                }
            }
        }
        (Op::Get, Reply::Nil) => {
            tally.counts.gets += 1;
            tally.counts.nils += 1;
            tally.get_latency.record(latency);
            if checks.verify && checks.nil_is_loss {
                tally.loss(|| format!("key of offset {offset}: nil, though it was preloaded"));
            }
        }
        (Op::Set, Reply::Status(_)) => {
            tally.counts.sets += 1;
            tally.counts.value_bytes += templates.sizes.value_bytes as u64;
            tally.set_latency.record(latency);
        }
        (op, other) => tally.mismatch(|| format!("{op:?} of offset {offset} answered {other:?}")),
    }
}
