//! One client of a closed loop: `depth` requests in flight, a new one for every reply.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::client::Client;
use crate::error::LoadError;
use crate::mix::{Mix, Op};
use crate::payload;
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

    fn claim(&self) -> bool {
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
}

/// Sizes of the keys and values of a phase, in bytes.
#[derive(Debug, Clone, Copy)]
pub struct Sizes {
    /// Bytes per key.
    pub key_bytes: usize,
    /// Bytes per value.
    pub value_bytes: usize,
}

#[derive(Debug, Clone, Copy)]
struct InFlight {
    op: Op,
    offset: u64,
    sent: Instant,
}

/// A connected client that runs phases one after another.
#[derive(Debug)]
pub struct LoopClient {
    client: Client,
    depth: usize,
    checks: Checks,
    stop: Stop,
    budget: Budget,
    tally: SharedTally,
    in_flight: VecDeque<InFlight>,
    scratch: Scratch,
}

#[derive(Debug, Default)]
struct Scratch {
    key: Vec<u8>,
    value: Vec<u8>,
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
        let scratch = Scratch::default();
        Self { client, depth, checks, stop, budget, tally, in_flight, scratch }
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
            while self.in_flight.len() < self.depth
                && until.is_none_or(|until| now < until)
                && !self.stop.is_raised()
                && self.budget.claim()
            {
                let (op, offset) = mix.next_request();
                self.send(op, offset, sizes, now);
            }
            if self.in_flight.is_empty() {
                return Ok(());
            }
            self.client.exchange().await?;
            now = Instant::now();
            self.take_replies(sizes, now)?;
        }
    }

    fn send(&mut self, op: Op, offset: u64, sizes: Sizes, sent: Instant) {
        let Scratch { key, value } = &mut self.scratch;
        let (commands, _) = self.client.split();
        payload::write_key(key, offset, sizes.key_bytes);
        match op {
            Op::Get => commands.push(&[b"GET", key]),
            Op::Set => {
                payload::write_value(value, offset, sizes.value_bytes);
                commands.push(&[b"SET", key, value]);
            }
        }
        self.in_flight.push_back(InFlight { op, offset, sent });
    }

    fn take_replies(&mut self, sizes: Sizes, now: Instant) -> Result<(), LoadError> {
        let (checks, in_flight) = (self.checks, &mut self.in_flight);
        let (_, replies) = self.client.split();
        let taken = self.tally.with(|tally| -> Result<(), ProtocolError> {
            while let Some(reply) = replies.next_reply()? {
                let request = in_flight.pop_front().ok_or(ProtocolError::Unasked)?;
                let latency = now.saturating_duration_since(request.sent);
                record(tally, checks, sizes, &request, reply, latency);
            }
            Ok(())
        });
        taken.map_err(|error| self.client.protocol_error(error))
    }
}

fn record(
    tally: &mut Tally,
    checks: Checks,
    sizes: Sizes,
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
                match payload::check_value(value, offset) {
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
            tally.counts.value_bytes += sizes.value_bytes as u64;
            tally.set_latency.record(latency);
        }
        (op, other) => tally.mismatch(|| format!("{op:?} of offset {offset} answered {other:?}")),
    }
}
