//! One connection of a replay: the requests of its keys, each key's in order.
//!
//! At most one request per key is in flight; later ones of the same key wait behind it, those of
//! other keys overtake. A GET that found nil keeps its key until the SET that follows is
//! acknowledged, and a throttled request keeps it until its repetition is served.

mod desk;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use hopperkv_trace::{TraceOp, TraceRequest};
use tokio::sync::mpsc::Receiver;
use tokio::sync::mpsc::error::TryRecvError;
use tokio::time::sleep_until;

use crate::alarm::Alarm;
use crate::client::Client;
use crate::error::LoadError;
use crate::ledger::Span;
use crate::replay::ReplayChecks;
use crate::replay::pace::Timed;
use crate::resp::{ProtocolError, push_decimal};
use crate::stop::Stop;
use crate::tally::SharedTally;
use desk::{Desk, Step};

/// Requests that may wait behind others of the same key before reading the trace pauses.
const MAX_PARKED: usize = 4_096;

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
    batches: Receiver<Vec<Timed>>,
    intake: VecDeque<Timed>,
    ended: bool,
    in_flight: VecDeque<Step>,
    desk: Desk,
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
        batches: Receiver<Vec<Timed>>,
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
        let alarm = Alarm::new().map_err(LoadError::Timer)?;
        loop {
            if self.stop.is_raised() {
                self.drop_unsent();
            }
            self.fill();
            let next_again = self.desk.again.iter().map(|(due, _)| *due).min();
            let next_due = self.intake.front().and_then(|timed| timed.due);
            if self.in_flight.is_empty() && next_again.is_none() && next_due.is_none() && self.ended
            {
                return Ok(self.desk.skipped);
            }
            let room = self.in_flight.len() < self.depth;
            let takes_more = room && self.desk.parked < MAX_PARKED;
            let wants_more = takes_more && !self.ended && next_due.is_none();
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
                woken = alarm.until(next_due.unwrap_or(due)), if takes_more && next_due.is_some() => {
                    woken.map_err(LoadError::Timer)?;
                }
                () = sleep_until(due.into()) => {}
                () = self.stop.raised(), if !self.stop.is_raised() => {}
            }
        }
    }

    fn drop_unsent(&mut self) {
        self.ended = true;
        self.batches.close();
        self.intake.clear();
        self.desk.drop_unsent();
    }

    /// Sends requests until the pipeline is full or nothing can go.
    fn fill(&mut self) {
        let now = Instant::now();
        self.desk.wake(now);
        while self.in_flight.len() < self.depth {
            let Some(mut step) = self.desk.ready.pop_front() else {
                let Some(timed) = self.next_request(now) else { return };
                self.desk.admit(timed);
                continue;
            };
            step.sent = now;
            self.send(&step);
            self.in_flight.push_back(step);
        }
    }

    /// The next request of the trace, if there is one and its time has come.
    fn next_request(&mut self, now: Instant) -> Option<Timed> {
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
        if self.intake.front()?.due.is_some_and(|due| due > now) {
            return None;
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

fn since_ms(started: Instant, at: Instant) -> u64 {
    u64::try_from(at.saturating_duration_since(started).as_millis()).unwrap_or(u64::MAX)
}

fn far_future() -> Instant {
    Instant::now() + Duration::from_secs(86_400)
}
