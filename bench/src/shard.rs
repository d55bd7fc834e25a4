//! One connection of a replay: the requests of its keys, each key's in order.
//!
//! At most one request per key is in flight; later ones of the same key wait behind it, those of
//! other keys overtake. A GET that found nil keeps its key until the SET that follows is
//! acknowledged, and a throttled request keeps it until its repetition is served.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use foldhash::fast::FixedState;
use hopperkv_trace::{TraceOp, TraceRequest};
use tokio::sync::mpsc::Receiver;
use tokio::sync::mpsc::error::TryRecvError;
use tokio::time::sleep_until;

use crate::client::Client;
use crate::error::LoadError;
use crate::ledger::{Ledger, Span, Verdict};
use crate::payload::key_hash;
use crate::replay::{OnNil, ReplayChecks};
use crate::resp::{ProtocolError, Reply, push_decimal};
use crate::stop::Stop;
use crate::tally::{SharedTally, Tally};

/// Requests that may wait behind others of the same key before reading the trace pauses.
const MAX_PARKED: usize = 4_096;
/// First pause after a throttled reply; it doubles up to [`MAX_BACKOFF`].
const MIN_BACKOFF: Duration = Duration::from_millis(10);
/// Longest pause after a throttled reply.
const MAX_BACKOFF: Duration = Duration::from_millis(500);

/// A request on its way: sent, waiting to be sent, or waiting to be sent again.
#[derive(Debug)]
struct Step {
    request: TraceRequest,
    key_hash: u64,
    /// Version of the value a SET writes.
    version: u32,
    backoff: Duration,
    sent: Instant,
}

/// A shard's state.
#[derive(Debug)]
pub struct Shard {
    client: Client,
    depth: usize,
    checks: ReplayChecks,
    stop: Stop,
    tally: SharedTally,
    started: Instant,
    /// The trace's requests for this shard, in batches.
    batches: Receiver<Vec<TraceRequest>>,
    intake: VecDeque<TraceRequest>,
    ended: bool,
    in_flight: VecDeque<Step>,
    desk: Desk,
}

/// Everything that a reply changes: who may go next, who goes again, what is expected.
#[derive(Debug, Default)]
struct Desk {
    ledger: Ledger,
    last_version: u32,
    /// Keys in use, each with the requests that wait behind the one under way.
    busy: HashMap<u64, VecDeque<TraceRequest>, FixedState>,
    parked: usize,
    ready: VecDeque<Step>,
    again: Vec<(Instant, Step)>,
    skipped: u64,
}

impl Shard {
    /// A shard that has yet to send its first request.
    #[must_use]
    pub fn new(
        client: Client,
        depth: usize,
        checks: ReplayChecks,
        stop: Stop,
        tally: SharedTally,
        batches: Receiver<Vec<TraceRequest>>,
    ) -> Self {
        Self {
            client,
            depth,
            checks,
            stop,
            tally,
            started: Instant::now(),
            batches,
            intake: VecDeque::new(),
            ended: false,
            in_flight: VecDeque::with_capacity(depth),
            desk: Desk::default(),
        }
    }

    /// Replays until the trace ends and every request is served, or until a stop; returns how
    /// many requests were skipped because they make no sense on what their key holds.
    ///
    /// # Errors
    /// A broken connection or a reply that is not RESP2.
    pub async fn run(mut self) -> Result<u64, LoadError> {
        loop {
            if self.stop.is_raised() {
                self.drop_unsent();
            }
            self.fill();
            let next_again = self.desk.again.iter().map(|(due, _)| *due).min();
            if self.in_flight.is_empty() && next_again.is_none() && self.ended {
                return Ok(self.desk.skipped);
            }
            let room = self.in_flight.len() < self.depth;
            let wants_more = room && !self.ended && self.desk.parked < MAX_PARKED;
            let due = next_again.filter(|_| room).unwrap_or_else(far_future);
            tokio::select! {
                arrived = self.client.exchange(), if !self.in_flight.is_empty() => {
                    arrived?;
                    self.take_replies()?;
                }
                batch = self.batches.recv(), if wants_more => match batch {
                    Some(batch) => self.intake.extend(batch),
                    None => self.ended = true,
                },
                () = sleep_until(due.into()) => {}
                () = self.stop.raised(), if !self.stop.is_raised() => {}
            }
        }
    }

    fn drop_unsent(&mut self) {
        self.ended = true;
        self.batches.close();
        self.intake.clear();
        self.desk.ready.clear();
        self.desk.again.clear();
        self.desk.busy.clear();
        self.desk.parked = 0;
    }

    /// Sends requests until the pipeline is full or nothing can go.
    fn fill(&mut self) {
        let now = Instant::now();
        self.desk.wake(now);
        while self.in_flight.len() < self.depth {
            let Some(mut step) = self.desk.ready.pop_front() else {
                let Some(request) = self.next_request() else { return };
                self.desk.admit(request);
                continue;
            };
            step.sent = now;
            self.send(&step);
            self.in_flight.push_back(step);
        }
    }

    fn next_request(&mut self) -> Option<TraceRequest> {
        if self.desk.parked >= MAX_PARKED {
            return None;
        }
        while self.intake.is_empty() && !self.ended {
            match self.batches.try_recv() {
                Ok(batch) => self.intake.extend(batch),
                Err(TryRecvError::Empty) => return None,
                Err(TryRecvError::Disconnected) => self.ended = true,
            }
        }
        self.intake.pop_front()
    }

    fn send(&mut self, step: &Step) {
        let (commands, _) = self.client.split();
        let key = &step.request.key;
        match step.request.op {
            TraceOp::Get => commands.push(&[b"GET", key]),
            TraceOp::Delete => commands.push(&[b"DEL", key]),
            TraceOp::Add(by) if by < 0 => commands.push(&[b"DECR", key]),
            TraceOp::Add(_) => commands.push(&[b"INCR", key]),
            TraceOp::Set => {
                let TraceRequest { size_bytes, ttl_s, .. } = step.request;
                let value = self.desk.ledger.value(step.key_hash, size_bytes, step.version);
                if ttl_s == 0 {
                    commands.push(&[b"SET", key, value]);
                } else {
                    let mut ttl = Vec::with_capacity(10);
                    push_decimal(&mut ttl, ttl_s as usize);
                    commands.push(&[b"SET", key, value, b"EX", &ttl]);
                }
            }
        }
    }

    fn take_replies(&mut self) -> Result<(), LoadError> {
        let (now, started, checks) = (Instant::now(), self.started, self.checks);
        let (desk, in_flight) = (&mut self.desk, &mut self.in_flight);
        let (_, replies) = self.client.split();
        let taken = self.tally.with(|tally| -> Result<(), ProtocolError> {
            while let Some(reply) = replies.next_reply()? {
                let step = in_flight.pop_front().ok_or(ProtocolError::Unasked)?;
                let span =
                    Span { sent_ms: since_ms(started, step.sent), done_ms: since_ms(started, now) };
                desk.settle(tally, checks, step, reply, now, span);
            }
            Ok(())
        });
        taken.map_err(|error| self.client.protocol_error(error))
    }
}

impl Desk {
    /// Takes a request from the trace: it becomes ready, or waits behind its key's.
    fn admit(&mut self, request: TraceRequest) {
        let key_hash = key_hash(&request.key);
        if let Some(queue) = self.busy.get_mut(&key_hash) {
            queue.push_back(request);
            self.parked += 1;
        } else {
            self.busy.insert(key_hash, VecDeque::new());
            self.begin(key_hash, request);
        }
    }

    fn begin(&mut self, key_hash: u64, request: TraceRequest) {
        if matches!(request.op, TraceOp::Add(_)) && !self.ledger.can_add(key_hash) {
            self.skipped += 1;
            self.finish(key_hash);
            return;
        }
        let (backoff, sent) = (MIN_BACKOFF, Instant::now());
        let mut step = Step { request, key_hash, version: 0, backoff, sent };
        self.stamp(&mut step);
        self.ready.push_back(step);
    }

    /// Gives a SET its version.
    fn stamp(&mut self, step: &mut Step) {
        if step.request.op == TraceOp::Set {
            self.last_version = self.last_version.wrapping_add(1);
            step.version = self.last_version;
        }
    }

    /// The key's request is done: the next one that waits for the key may go.
    fn finish(&mut self, key_hash: u64) {
        match self.busy.get_mut(&key_hash).and_then(VecDeque::pop_front) {
            Some(request) => {
                self.parked -= 1;
                self.begin(key_hash, request);
            }
            None => {
                self.busy.remove(&key_hash);
            }
        }
    }

    /// Makes throttled requests ready whose pause is over.
    fn wake(&mut self, now: Instant) {
        for (_, step) in self.again.extract_if(.., |(due, _)| *due <= now) {
            self.ready.push_back(step);
        }
    }

    fn settle(
        &mut self,
        tally: &mut Tally,
        checks: ReplayChecks,
        mut step: Step,
        reply: Reply<'_>,
        now: Instant,
        span: Span,
    ) {
        if let Reply::Error(text) = reply {
            self.settle_error(tally, step, text, now);
            return;
        }
        let latency = now.saturating_duration_since(step.sent);
        let nil = reply == Reply::Nil;
        let verdict = self.judge(tally, &step, reply, span, latency);
        match verdict {
            Verdict::Right => tally.counts.verified += 1,
            Verdict::Absent => {}
            Verdict::Lost(_) | Verdict::Wrong(_) if !checks.verify => {}
            Verdict::Lost(_) if checks.cache_only => self.ledger.deleted(step.key_hash),
            Verdict::Lost(problem) => tally.loss(|| named(&step, &problem)),
            Verdict::Wrong(problem) => tally.mismatch(|| named(&step, &problem)),
        }
        if nil && step.request.op == TraceOp::Get && checks.on_nil == OnNil::Set {
            step.request.op = TraceOp::Set;
            step.backoff = MIN_BACKOFF;
            self.stamp(&mut step);
            self.ready.push_back(step);
        } else {
            self.finish(step.key_hash);
        }
    }

    fn settle_error(&mut self, tally: &mut Tally, mut step: Step, text: &[u8], now: Instant) {
        let adds = matches!(step.request.op, TraceOp::Add(_));
        if adds && text.starts_with(b"ERR value is not an integer") {
            self.skipped += 1;
        } else if tally.error_reply(text) {
            self.again.push((now + step.backoff, {
                step.backoff = (step.backoff * 2).min(MAX_BACKOFF);
                step
            }));
            return;
        } else if step.request.op != TraceOp::Get {
            self.ledger.forget(step.key_hash);
        }
        self.finish(step.key_hash);
    }

    /// Counts a reply that is not an error and compares it with the ledger.
    fn judge(
        &mut self,
        tally: &mut Tally,
        step: &Step,
        reply: Reply<'_>,
        span: Span,
        latency: Duration,
    ) -> Verdict {
        let (key_hash, counts) = (step.key_hash, &mut tally.counts);
        match (step.request.op, reply) {
            (TraceOp::Get, Reply::Bulk(value)) => {
                counts.gets += 1;
                counts.hits += 1;
                counts.value_bytes += value.len() as u64;
                tally.get_latency.record(latency);
                self.ledger.judge_get(key_hash, Some(value), span)
            }
            (TraceOp::Get, Reply::Nil) => {
                counts.gets += 1;
                counts.nils += 1;
                tally.get_latency.record(latency);
                self.ledger.judge_get(key_hash, None, span)
            }
            (TraceOp::Set, Reply::Status(_)) => {
                let TraceRequest { size_bytes, ttl_s, .. } = step.request;
                counts.sets += 1;
                counts.value_bytes += u64::from(size_bytes);
                tally.set_latency.record(latency);
                self.ledger.wrote(key_hash, size_bytes, step.version, ttl_s, span);
                Verdict::Absent
            }
            (TraceOp::Delete, Reply::Integer(removed)) => {
                counts.dels += 1;
                self.ledger.judge_delete(key_hash, removed, span)
            }
            (TraceOp::Add(by), Reply::Integer(count)) => {
                counts.incrs += 1;
                self.ledger.judge_add(key_hash, by, count)
            }
            (op, reply) => Verdict::Wrong(format!("{op:?} was answered {reply:?}")),
        }
    }
}

fn named(step: &Step, problem: &str) -> String {
    format!("key {}: {problem}", step.request.key.escape_ascii())
}

fn since_ms(started: Instant, at: Instant) -> u64 {
    u64::try_from(at.saturating_duration_since(started).as_millis()).unwrap_or(u64::MAX)
}

fn far_future() -> Instant {
    Instant::now() + Duration::from_secs(86_400)
}
