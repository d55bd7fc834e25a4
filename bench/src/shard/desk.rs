//! What every reply changes in a shard: which key may go on, what goes again, what is expected of it.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use foldhash::fast::FixedState;
use hopperkv_trace::{TraceOp, TraceRequest};

use crate::ledger::{Ledger, Span, Verdict};
use crate::payload::key_hash;
use crate::replay::pace::Timed;
use crate::replay::{OnNil, ReplayChecks};
use crate::resp::Reply;
use crate::tally::Tally;

/// First pause after a throttled reply; it doubles up to [`MAX_BACKOFF`].
const MIN_BACKOFF: Duration = Duration::from_millis(10);
/// Longest pause after a throttled reply.
const MAX_BACKOFF: Duration = Duration::from_millis(500);

/// A request on its way: sent, waiting to be sent, or waiting to be sent again.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) request: TraceRequest,
    pub(super) key_hash: u64,
    /// Version of the value a SET writes.
    pub(super) version: u32,
    pub(super) backoff: Duration,
    /// When it should have been sent, in a replay that goes by the trace's times.
    pub(super) due: Option<Instant>,
    pub(super) sent: Instant,
}

/// Everything that a reply changes: who may go next, who goes again, what is expected.
#[derive(Debug, Default)]
pub(super) struct Desk {
    pub(super) ledger: Ledger,
    last_version: u32,
    /// Keys in use, each with the requests that wait behind the one under way.
    busy: HashMap<u64, VecDeque<Timed>, FixedState>,
    pub(super) parked: usize,
    pub(super) ready: VecDeque<Step>,
    pub(super) again: Vec<(Instant, Step)>,
    pub(super) skipped: u64,
}

impl Desk {
    /// Lets go of everything that is not in flight.
    pub(super) fn drop_unsent(&mut self) {
        self.ready.clear();
        self.again.clear();
        self.busy.clear();
        self.parked = 0;
    }

    /// Takes a request from the trace: it becomes ready, or waits behind its key's.
    pub(super) fn admit(&mut self, timed: Timed) {
        let key_hash = key_hash(&timed.request.key);
        if let Some(queue) = self.busy.get_mut(&key_hash) {
            queue.push_back(timed);
            self.parked += 1;
        } else {
            self.busy.insert(key_hash, VecDeque::new());
            self.begin(key_hash, timed);
        }
    }

    fn begin(&mut self, key_hash: u64, timed: Timed) {
        let Timed { request, due } = timed;
        if matches!(request.op, TraceOp::Add(_)) && !self.ledger.can_add(key_hash) {
            self.skipped += 1;
            self.finish(key_hash);
            return;
        }
        let (backoff, sent) = (MIN_BACKOFF, Instant::now());
        let mut step = Step { request, key_hash, version: 0, backoff, due, sent };
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
            Some(timed) => {
                self.parked -= 1;
                self.begin(key_hash, timed);
            }
            None => {
                self.busy.remove(&key_hash);
            }
        }
    }

    /// Makes throttled requests ready whose pause is over.
    pub(super) fn wake(&mut self, now: Instant) {
        for (_, step) in self.again.extract_if(.., |(due, _)| *due <= now) {
            self.ready.push_back(step);
        }
    }

    pub(super) fn settle(
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
        let latency = now.saturating_duration_since(step.due.unwrap_or(step.sent));
        if step.due.is_some() {
            tally.service_latency.record(now.saturating_duration_since(step.sent));
        }
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
            // The trace knows no time of it.
            step.due = None;
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
