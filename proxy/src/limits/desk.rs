//! Where tokens are handed out: one bucket, one line and the lock between them.
//!
//! While nobody waits, charging touches only the bucket's atomics. Once somebody is in line every
//! charge goes through the line, and the lock orders minting, serving and leaving. Wakers are
//! called, and dropped, after the lock is released: either may run code that comes back here.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Poll, Waker};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::line::{Line, Place, Ticket};
use super::pump::Pump;
use super::stats::{Counters, LimiterStats};
use hopperkv_control::amount::{Amount, Rate};
use hopperkv_control::bucket::{Bucket, Meter};

#[derive(Debug)]
pub(super) struct Desk {
    bucket: Bucket,
    /// Length of the line, so that the fast path need not lock to see it.
    in_line: AtomicUsize,
    pub(super) counters: Counters,
    state: Mutex<State>,
    /// Tells the pump that the moment it sleeps for may have changed.
    changed: Notify,
    epoch: Instant,
    least_burst: Amount,
    max_waiters: usize,
}

#[derive(Debug)]
struct State {
    meter: Meter,
    line: Line,
    /// A pump task serves the line.
    pumping: bool,
}

/// How an attempt to join the line ended.
#[derive(Debug)]
pub(super) enum Joined {
    /// The tokens were there after all.
    Granted,
    Waiting {
        ticket: Ticket,
        since_ns: u64,
    },
    Full,
}

impl Desk {
    pub(super) fn new(rate: Option<Rate>, least_burst: Amount, max_waiters: usize) -> Self {
        let bucket = Bucket::default();
        bucket.retune(rate, least_burst);
        let state = State { meter: Meter::new(rate, 0), line: Line::default(), pumping: false };
        Self {
            bucket,
            in_line: AtomicUsize::new(0),
            counters: Counters::default(),
            state: Mutex::new(state),
            changed: Notify::new(),
            epoch: Instant::now(),
            least_burst,
            max_waiters,
        }
    }

    pub(super) fn try_charge(&self, amount: Amount) -> bool {
        let granted = amount == Amount::ZERO
            || self.bucket.is_unlimited()
            || (self.in_line.load(Ordering::Acquire) == 0
                && (self.bucket.try_spend(amount) || self.mint_and_spend(amount)));
        if granted {
            self.counters.add_used(amount);
        }
        granted
    }

    #[cold]
    fn mint_and_spend(&self, amount: Amount) -> bool {
        let state = &mut *self.state.lock();
        if state.line.len() > 0 {
            return false;
        }
        self.mint(state, self.now_ns());
        self.bucket.try_spend(amount)
    }

    /// Takes a place in line, unless the tokens are there or the line is full.
    pub(super) fn join(&self, amount: Amount, max_wait: Duration) -> Joined {
        let state = &mut *self.state.lock();
        let now_ns = self.now_ns();
        if state.line.len() == 0 {
            self.mint(state, now_ns);
            if self.bucket.is_unlimited() || self.bucket.try_spend(amount) {
                self.counters.add_used(amount);
                return Joined::Granted;
            }
        }
        if state.line.total() >= self.max_waiters {
            return Joined::Full;
        }
        if state.line.len() == 0 && state.pumping {
            self.changed.notify_one();
        }
        let ticket = state.line.join(amount, now_ns.saturating_add(ns_of(max_wait)));
        self.in_line.store(state.line.len(), Ordering::Release);
        Joined::Waiting { ticket, since_ns: now_ns }
    }

    /// Ready once the ticket was served. Starts the pump if the line has none.
    pub(super) fn poll_served(self: &Arc<Self>, ticket: Ticket, waker: &Waker) -> Poll<()> {
        let waker = waker.clone();
        let (start_pump, _dropped_unlocked) = {
            let state = &mut *self.state.lock();
            match state.line.place(ticket) {
                Place::Served => return Poll::Ready(()),
                Place::Waiting(waiter) => {
                    let old_waker = waiter.waker.replace(waker);
                    (!std::mem::replace(&mut state.pumping, true), old_waker)
                }
            }
        };
        if start_pump {
            tokio::spawn(Pump::new(Arc::clone(self)).run());
        }
        Poll::Pending
    }

    /// Gives a waiter whose time is up a last chance; true if it was served.
    pub(super) fn expire(&self, ticket: Ticket) -> bool {
        self.change(|state| state.line.leave(ticket)).is_none()
    }

    /// Removes a waiter that no longer wants its tokens. If it was served but never learned of
    /// it, the tokens go to those behind it.
    pub(super) fn cancel(&self, ticket: Ticket, amount: Amount) {
        self.change(|state| {
            let left = state.line.leave(ticket);
            if left.is_none() {
                self.counters.sub_used(amount);
                self.bucket.add(amount.signed(), i64::MAX);
                state.line.recall();
            }
            left
        });
    }

    /// Corrects a charge once the true consumption is known.
    pub(super) fn settle(&self, charged: Amount, consumed: Amount) {
        let difference = consumed.signed() - charged.signed();
        let amount = Amount::from_sub_units(difference.unsigned_abs());
        if difference > 0 {
            self.counters.add_used(amount);
            if !self.bucket.is_unlimited() {
                self.bucket.owe(amount);
            }
        } else if difference < 0 {
            self.counters.sub_used(amount);
            if self.in_line.load(Ordering::Acquire) == 0 {
                self.bucket.add(amount.signed(), self.bucket.burst());
            } else {
                self.change(|_| self.bucket.add(amount.signed(), i64::MAX));
            }
        }
    }

    pub(super) fn set_rate(&self, rate: Option<Rate>) {
        self.change(|state| {
            state.meter.set_rate(rate);
            self.bucket.retune(rate, self.least_burst);
            state.line.recall();
        });
    }

    pub(super) fn rate(&self) -> Option<Rate> {
        self.state.lock().meter.rate()
    }

    pub(super) fn stats(&self) -> LimiterStats {
        let waiting = self.state.lock().line.total();
        self.counters.read(waiting)
    }

    pub(super) fn waited_ns(&self, since_ns: u64) -> u64 {
        self.now_ns().saturating_sub(since_ns)
    }

    /// Serves the line; how long until the front can be served (for ever if all stand aside), or
    /// `None`, and no pump any more, if nobody waits.
    pub(super) fn tick(&self) -> Option<Duration> {
        let mut wakers = Vec::new();
        let delay = {
            let state = &mut *self.state.lock();
            self.serve(state, &mut wakers);
            state.pumping = state.line.total() > 0;
            let front = state.line.front();
            let delay_ns = front.and_then(|front| state.meter.ns_until(self.short_of(front.need)));
            state.pumping.then(|| delay_ns.map_or(Duration::MAX, Duration::from_nanos))
        };
        wakers.into_iter().for_each(Waker::wake);
        delay
    }

    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// The pump died with its runtime: the first waiter to be polled starts another.
    pub(super) fn pump_lost(&self) {
        let wakers = {
            let state = &mut *self.state.lock();
            state.pumping = false;
            state.line.wakers()
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Serves the line, changes it, and serves again what the change made possible.
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut wakers = Vec::new();
        let (result, moved) = {
            let state = &mut *self.state.lock();
            let front = state.line.front().map(|front| front.ticket);
            let rate = state.meter.rate();
            self.serve(state, &mut wakers);
            let result = change(state);
            self.serve(state, &mut wakers);
            let moved = state.line.front().map(|front| front.ticket) != front
                || state.meter.rate() != rate
                || state.line.total() == 0;
            (result, moved && state.pumping)
        };
        if moved {
            self.changed.notify_one();
        }
        wakers.into_iter().for_each(Waker::wake);
        result
    }

    fn serve(&self, state: &mut State, wakers: &mut Vec<Waker>) {
        let now_ns = self.now_ns();
        self.mint(state, now_ns);
        while let Some(front) = state.line.front() {
            if self.bucket.is_unlimited() || self.bucket.try_spend(front.need) {
                self.counters.add_used(front.need);
                wakers.extend(state.line.serve_front().and_then(|waiter| waiter.waker));
            } else if self.is_hopeless(&state.meter, front.need, front.deadline_ns, now_ns) {
                state.line.set_front_aside();
            } else {
                break;
            }
        }
        if state.line.len() == 0 {
            self.bucket.clamp(self.bucket.burst());
        }
        self.in_line.store(state.line.len(), Ordering::Release);
    }

    /// Mints up to the burst; with a line twice that, because then no token was spent without a
    /// look at the clock (see [`Bucket`]), or what the front needs.
    fn mint(&self, state: &mut State, now_ns: u64) {
        let minted = state.meter.mint(now_ns);
        let burst = self.bucket.burst();
        let cap = state.line.front().map_or(burst, |front| front.need.signed().max(2 * burst));
        self.bucket.add(minted, cap);
    }

    fn is_hopeless(&self, meter: &Meter, need: Amount, deadline_ns: u64, now_ns: u64) -> bool {
        meter
            .ns_until(self.short_of(need))
            .is_none_or(|wait_ns| now_ns.saturating_add(wait_ns) > deadline_ns)
    }

    fn short_of(&self, need: Amount) -> i64 {
        need.signed().saturating_sub(self.bucket.balance())
    }

    fn now_ns(&self) -> u64 {
        ns_of(self.epoch.elapsed())
    }
}

fn ns_of(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
