//! Writes every key of a workload once before it is measured, last key first, so that the keys
//! that zipfian workloads favour are the most recently used.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::client::{Client, Target};
use crate::closed_loop::Sizes;
use crate::error::LoadError;
use crate::payload;
use crate::resp::{ProtocolError, Reply};
use crate::stop::Stop;
use crate::supervisor::{Observer, Outcome, Supervisor};
use crate::tally::{SharedTally, Tally};

/// Requests each connection keeps in flight while preloading.
const DEPTH: usize = 32;
/// Pause after throttled replies before they are sent again.
const BACKOFF: Duration = Duration::from_millis(20);

/// How keys get into place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fill {
    /// SET each key.
    Write,
    /// GET each key, for storage that already has (or computes) every value.
    Read,
}

/// What to preload.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Number of keys.
    pub keys: u64,
    /// Sizes of key and value.
    pub sizes: Sizes,
    /// SET or GET.
    pub fill: Fill,
    /// Connections.
    pub clients: u64,
}

/// Preloads; throttled requests are repeated until they are served.
///
/// # Errors
/// If the endpoint cannot be reached; what goes wrong later is in the outcome.
pub async fn run(
    target: &Target,
    plan: Plan,
    stop: Stop,
    observers: &mut [Box<dyn Observer>],
) -> Result<Outcome, LoadError> {
    let mut supervisor = Supervisor::new(stop);
    for number in 0..plan.clients {
        let worker = Worker {
            client: Client::connect(target).await?,
            plan,
            next: plan.keys.checked_sub(1 + number),
            again: VecDeque::new(),
            in_flight: VecDeque::new(),
            stop: supervisor.worker_stop(),
            tally: supervisor.new_tally(),
        };
        supervisor.spawn(worker.run());
    }
    Ok(supervisor.watch(None, observers).await)
}

struct Worker {
    client: Client,
    plan: Plan,
    next: Option<u64>,
    again: VecDeque<u64>,
    in_flight: VecDeque<(u64, Instant)>,
    stop: Stop,
    tally: SharedTally,
}

impl Worker {
    async fn run(mut self) -> Result<(), LoadError> {
        let (mut key, mut value) = (Vec::new(), Vec::new());
        loop {
            let now = Instant::now();
            while self.in_flight.len() < DEPTH && !self.stop.is_raised() {
                let Some(offset) = self.next_offset() else { break };
                let (commands, _) = self.client.split();
                payload::write_key(&mut key, offset, self.plan.sizes.key_bytes);
                match self.plan.fill {
                    Fill::Read => commands.push(&[b"GET", &key]),
                    Fill::Write => {
                        payload::write_value(&mut value, offset, self.plan.sizes.value_bytes);
                        commands.push(&[b"SET", &key, &value]);
                    }
                }
                self.in_flight.push_back((offset, now));
            }
            if self.in_flight.is_empty() {
                return Ok(());
            }
            self.client.exchange().await?;
            if self.take_replies()? {
                tokio::time::sleep(BACKOFF).await;
            }
        }
    }

    fn next_offset(&mut self) -> Option<u64> {
        self.again.pop_front().or_else(|| {
            let offset = self.next?;
            self.next = offset.checked_sub(self.plan.clients);
            Some(offset)
        })
    }

    /// Takes the replies that have arrived; true if one was throttled.
    fn take_replies(&mut self) -> Result<bool, LoadError> {
        let now = Instant::now();
        let (again, in_flight) = (&mut self.again, &mut self.in_flight);
        let (_, replies) = self.client.split();
        let taken = self.tally.with(|tally| -> Result<bool, ProtocolError> {
            let mut throttled = false;
            while let Some(reply) = replies.next_reply()? {
                let (offset, sent) = in_flight.pop_front().ok_or(ProtocolError::Unasked)?;
                if record(tally, reply, now.saturating_duration_since(sent)) {
                    again.push_back(offset);
                    throttled = true;
                }
            }
            Ok(throttled)
        });
        taken.map_err(|error| self.client.protocol_error(error))
    }
}

/// Counts a reply; true if the request was throttled.
fn record(tally: &mut Tally, reply: Reply<'_>, latency: Duration) -> bool {
    match reply {
        Reply::Error(text) => return tally.error_reply(text),
        Reply::Bulk(_) => {
            tally.counts.gets += 1;
            tally.counts.hits += 1;
            tally.get_latency.record(latency);
        }
        Reply::Nil => {
            tally.counts.gets += 1;
            tally.counts.nils += 1;
        }
        Reply::Status(_) | Reply::Integer(_) => {
            tally.counts.sets += 1;
            tally.set_latency.record(latency);
        }
    }
    false
}
