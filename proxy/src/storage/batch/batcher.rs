//! What sends one kind of request of one table, by itself or with others, and answers whoever asked.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep};

use super::queue::{Next, Overdue, Queue, Waits};
use super::{BatchStats, Batched, Outcome};
use crate::storage::attempts::Trial;
use crate::storage::dynamo::Dynamo;
use crate::storage::error::StorageError;
use crate::storage::failure::{Failure, Sent};
use crate::storage::table::{Table, length};

/// Something waits for at most a quarter of what requests take lately, but no less and no more than this, while there is
/// room on the way. Timers count whole milliseconds: it can be one more.
pub(super) const WAITS: (Duration, Duration) =
    (Duration::from_millis(1), Duration::from_millis(20));

/// How often a queue without room on the way is looked at, beside every time that a request is answered.
const FULL_PAUSE: Duration = Duration::from_millis(50);

/// How long nothing is batched after the endpoint refused a batch.
pub(super) const REFUSED_PAUSE: Duration = Duration::from_secs(60);

/// Sends one kind of request of one table.
#[derive(Debug)]
pub(crate) struct Batcher<B: Batched> {
    queue: Mutex<Queue<Waiting<B>>>,
    typical_bytes: AtomicU64,
    typical_us: AtomicU64,
    batches: AtomicU64,
    items: AtomicU64,
}

#[derive(Debug)]
struct Waiting<B: Batched> {
    request: B,
    bytes: u64,
    trial: Trial,
    answer: oneshot::Sender<Result<B::Answer, StorageError>>,
}

/// Where requests go.
#[derive(Debug, Clone)]
pub(crate) struct Way {
    pub(crate) dynamo: Arc<Dynamo>,
    pub(crate) table: Table,
}

impl<B: Batched> Default for Batcher<B> {
    fn default() -> Self {
        Self {
            queue: Mutex::default(),
            typical_bytes: AtomicU64::new(0),
            typical_us: AtomicU64::new(0),
            batches: AtomicU64::new(0),
            items: AtomicU64::new(0),
        }
    }
}

impl<B: Batched> Waits for Waiting<B> {
    fn key(&self) -> &Bytes {
        self.request.key()
    }

    fn bytes(&self) -> u64 {
        self.bytes
    }

    fn is_abandoned(&self) -> bool {
        B::is_dropped_with_caller() && self.answer.is_closed()
    }
}

impl<B: Batched> Batcher<B> {
    /// Sends a request on `control`, by itself or with others. `None`: the control runtime lost it.
    ///
    /// # Errors
    /// As the operation ended.
    pub(crate) async fn send(
        self: &Arc<Self>,
        way: Way,
        control: &Handle,
        request: B,
    ) -> Option<Result<B::Answer, StorageError>> {
        let (answer, answered) = oneshot::channel();
        let bytes = request.bytes(&way.table, self.typical_bytes.load(Ordering::Relaxed));
        let trial = way.dynamo.attempts.begin(B::EFFECT);
        let waiting = Waiting { request, bytes, trial, answer };
        match self.admit(waiting) {
            Ok(next) => self.follow(next, way, control),
            Err(waiting) => drop(control.spawn(Arc::clone(self).alone(way, waiting))),
        }
        answered.await.ok()
    }

    /// Back, if it is to go by itself.
    fn admit(&self, waiting: Waiting<B>) -> Result<Next, Waiting<B>> {
        let mut queue = self.queue.lock();
        if queue.is_on(Instant::now) { Ok(queue.join(waiting)) } else { Err(waiting) }
    }

    /// What is counted.
    pub(crate) fn stats(&self) -> BatchStats {
        BatchStats {
            batches: self.batches.load(Ordering::Relaxed),
            items: self.items.load(Ordering::Relaxed),
            waiting: length(self.queue.lock().len()),
        }
    }

    fn follow(self: &Arc<Self>, next: Next, way: Way, control: &Handle) {
        match next {
            Next::Start => drop(control.spawn(Place::of(self).run(way))),
            Next::Mind => drop(control.spawn(Arc::clone(self).mind(way))),
            Next::Nothing => {}
        }
    }

    /// Sees to it that nothing waits for too long.
    async fn mind(self: Arc<Self>, way: Way) {
        let mut pause = self.longest_wait();
        loop {
            sleep(pause).await;
            let found = self.queue.lock().overdue();
            pause = match found {
                Overdue::Idle => return,
                Overdue::Start => {
                    tokio::spawn(Place::of(&self).run(way.clone()));
                    self.longest_wait()
                }
                Overdue::Full => FULL_PAUSE,
            };
        }
    }

    fn longest_wait(&self) -> Duration {
        let typical = Duration::from_micros(self.typical_us.load(Ordering::Relaxed));
        (typical / 4).clamp(WAITS.0, WAITS.1)
    }

    /// Sends one by itself, without a place, until it is answered.
    async fn alone(self: Arc<Self>, way: Way, waiting: Waiting<B>) {
        let Waiting { request, trial, answer, .. } = waiting;
        let (way, request) = (&way, &request);
        let call = |sent: Sent| async move { request.one(&way.dynamo, &way.table, sent).await };
        let result = way.dynamo.attempts.resume(trial, call).await;
        let _ = answer.send(result.and_then(|done| done.output));
    }

    /// One attempt of what was taken together.
    async fn attempt(self: &Arc<Self>, way: &Way, taken: Vec<Waiting<B>>) {
        let attempts = &way.dynamo.attempts;
        let (hurried, mut taken): (Vec<_>, Vec<_>) =
            taken.into_iter().partition(|waiting| attempts.is_hurried(&waiting.trial));
        for waiting in hurried {
            tokio::spawn(Arc::clone(self).alone(way.clone(), waiting));
        }
        let Some(deadline) = taken.iter().map(|waiting| waiting.trial.deadline).min() else {
            return;
        };
        if let [only] = taken.as_slice() {
            let request = &only.request;
            let call = |sent: Sent| async move { request.one(&way.dynamo, &way.table, sent).await };
            let outcome = match attempts.attempt(deadline, &call).await {
                Ok(answer) => Outcome::Answered(answer),
                Err(failure) => Outcome::Left(failure),
            };
            return self.conclude(way, taken, vec![outcome]);
        }
        self.batches.fetch_add(1, Ordering::Relaxed);
        self.items.fetch_add(length(taken.len()), Ordering::Relaxed);
        let batch: Vec<B> = taken.iter().map(|waiting| waiting.request.clone()).collect();
        let batch = &batch;
        let call = |sent| async move { B::several(batch, &way.dynamo, &way.table, sent).await };
        match attempts.attempt(deadline, &call).await {
            Ok(outcomes) => self.conclude(way, taken, outcomes),
            Err(Failure::Refused(why)) => {
                tracing::warn!(
                    table = way.table.name(),
                    refusal = why,
                    "storage refused a batch: its items are sent one by one, as others will be for {} s",
                    REFUSED_PAUSE.as_secs()
                );
                self.queue.lock().turn_off(Instant::now() + REFUSED_PAUSE);
                for waiting in taken.drain(..) {
                    tokio::spawn(Arc::clone(self).alone(way.clone(), waiting));
                }
            }
            Err(failure) => {
                let outcomes = taken.iter().map(|_| Outcome::Left(failure.clone())).collect();
                self.conclude(way, taken, outcomes);
            }
        }
    }

    /// Answers what was answered; what may be sent again comes back.
    fn conclude(
        self: &Arc<Self>,
        way: &Way,
        taken: Vec<Waiting<B>>,
        outcomes: Vec<Outcome<B::Answer>>,
    ) {
        let attempts = &way.dynamo.attempts;
        let (mut later, mut at_once, mut pause) = (Vec::new(), Vec::new(), Duration::MAX);
        for (mut waiting, outcome) in taken.into_iter().zip(outcomes) {
            // A reader that went away needs no answer.
            let _ = match outcome {
                Outcome::Answered(answer) => {
                    if let Ok(answer) = &answer {
                        follow(
                            &self.typical_bytes,
                            B::moved(&way.table, waiting.request.key(), answer),
                        );
                    }
                    waiting.answer.send(answer)
                }
                Outcome::NoRoom => {
                    at_once.push(waiting);
                    continue;
                }
                Outcome::Left(failure) => match attempts.after(&mut waiting.trial, failure) {
                    Ok(until_next) => {
                        // The shortest ends in time for everybody.
                        pause = pause.min(until_next);
                        later.push(waiting);
                        continue;
                    }
                    Err(end) => waiting.answer.send(Err(end)),
                },
            };
        }
        if !at_once.is_empty() {
            self.back(way.clone(), at_once);
        }
        if !later.is_empty() {
            let (batcher, way) = (Arc::clone(self), way.clone());
            tokio::spawn(async move {
                sleep(pause).await;
                batcher.back(way, later);
            });
        }
    }

    fn back(self: &Arc<Self>, way: Way, waiting: Vec<Waiting<B>>) {
        let next = self.queue.lock().rejoin(waiting);
        self.follow(next, way, &Handle::current());
    }
}

/// Follows what is typical, by an eighth at a time.
fn follow(typical: &AtomicU64, now: u64) {
    let before = typical.load(Ordering::Relaxed);
    typical.store(before - before / 8 + now / 8, Ordering::Relaxed);
}

/// A request's place on the way, which it keeps for as long as something waits.
struct Place<B: Batched> {
    batcher: Arc<Batcher<B>>,
    is_free: bool,
}

impl<B: Batched> Place<B> {
    fn of(batcher: &Arc<Batcher<B>>) -> Self {
        Self { batcher: Arc::clone(batcher), is_free: false }
    }

    async fn run(mut self, way: Way) {
        loop {
            let (taken, rest) = self.batcher.queue.lock().take(B::MOST);
            self.batcher.follow(rest, way.clone(), &Handle::current());
            if taken.is_empty() {
                self.is_free = true;
                return;
            }
            let begun = Instant::now();
            self.batcher.attempt(&way, taken).await;
            let took_us = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
            follow(&self.batcher.typical_us, took_us);
        }
    }
}

impl<B: Batched> Drop for Place<B> {
    fn drop(&mut self) {
        if !self.is_free {
            self.batcher.queue.lock().lose();
        }
    }
}
