//! One limit of one tenant in virtual time: the proxy's token bucket and its line.
//!
//! Bucket and meter are the proxy's; the line does what `proxy/src/limits/desk.rs` does, step by step: tokens are minted when somebody is short; an idle bucket holds
//! 40 ms of the rate, one with a line twice that or what the front needs; who cannot be served before its deadline steps
//! aside and is refused when that comes. A grant is made at the nanosecond at which it is due; the proxy's timers are up to a
//! millisecond late, which delays single requests and changes no rate.

use std::collections::VecDeque;

use hopperkv_control::amount::{Amount, Rate};
use hopperkv_control::bucket::{Bucket, Meter};

/// Longest line.
const MOST_WAITERS: usize = 10_000;
/// Never.
pub(super) const NEVER_NS: u64 = u64::MAX;

/// How an attempt to charge ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Charge {
    /// Paid.
    Granted,
    /// In line.
    Waits,
    /// The line is full.
    Refused,
}

/// What became of a waiter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Served {
    /// It has its tokens.
    Granted(u32),
    /// It waited too long.
    Refused(u32),
}

#[derive(Debug, Clone, Copy)]
struct Waiter {
    who: u32,
    need: Amount,
    deadline_ns: u64,
}

/// Grants at most a rate, first come first served.
#[derive(Debug)]
pub(super) struct Limit {
    bucket: Bucket,
    meter: Meter,
    least_burst: Amount,
    line: VecDeque<Waiter>,
    aside: VecDeque<Waiter>,
    max_wait_ns: u64,
    /// Nothing happens in the line before this time.
    due_ns: u64,
    /// Requests that had to wait.
    waits: u64,
}

impl Limit {
    /// A limit with an empty bucket.
    pub(super) fn new(rate: Rate, least_burst: Amount, max_wait_ns: u64) -> Self {
        let bucket = Bucket::default();
        bucket.retune(Some(rate), least_burst);
        Self {
            bucket,
            meter: Meter::new(Some(rate), 0),
            least_burst,
            line: VecDeque::new(),
            aside: VecDeque::new(),
            max_wait_ns,
            due_ns: NEVER_NS,
            waits: 0,
        }
    }

    /// When something may happen in the line; [`NEVER_NS`] if nobody waits.
    #[inline]
    pub(super) fn due_ns(&self) -> u64 {
        self.due_ns
    }

    /// Requests that had to wait since start.
    pub(super) fn waits(&self) -> u64 {
        self.waits
    }

    /// Charges, or puts `who` in line.
    #[inline]
    pub(super) fn charge(&mut self, who: u32, need: Amount, now_ns: u64) -> Charge {
        if self.line.is_empty()
            && (self.bucket.try_spend(need) || self.mint_and_spend(need, now_ns))
        {
            return Charge::Granted;
        }
        if self.line.len() + self.aside.len() >= MOST_WAITERS {
            return Charge::Refused;
        }
        self.waits += 1;
        self.line.push_back(Waiter {
            who,
            need,
            deadline_ns: now_ns.saturating_add(self.max_wait_ns),
        });
        if self.line.len() == 1 {
            self.look_ahead(now_ns);
        }
        Charge::Waits
    }

    /// Corrects a charge: what was consumed beyond it is owed, what was not is given back.
    pub(super) fn settle(&mut self, charged: Amount, consumed: Amount, now_ns: u64) {
        let difference = consumed.signed() - charged.signed();
        if difference > 0 {
            self.bucket.owe(Amount::from_sub_units(difference.unsigned_abs()));
        } else if difference < 0 {
            let cap = if self.line.is_empty() { self.bucket.burst() } else { i64::MAX };
            self.bucket.add(-difference, cap);
            if !self.line.is_empty() {
                self.due_ns = now_ns;
            }
        }
    }

    /// Changes the rate, for those who wait too.
    pub(super) fn set_rate(&mut self, rate: Rate, now_ns: u64) {
        self.mint(now_ns);
        self.meter.set_rate(Some(rate));
        self.bucket.retune(Some(rate), self.least_burst);
        while let Some(waiter) = self.aside.pop_back() {
            self.line.push_front(waiter);
        }
        if !self.line.is_empty() {
            self.due_ns = now_ns;
        }
    }

    /// Serves one who waits, if one can be served, or refused; to be called again until there is none.
    pub(super) fn serve(&mut self, now_ns: u64) -> Option<Served> {
        self.mint(now_ns);
        while let Some(&front) = self.line.front() {
            if self.bucket.try_spend(front.need) {
                self.line.pop_front();
                self.look_ahead(now_ns);
                return Some(Served::Granted(front.who));
            }
            if !self.is_hopeless(&front, now_ns) {
                break;
            }
            self.aside.extend(self.line.pop_front());
        }
        if self.aside.front().is_some_and(|waiter| waiter.deadline_ns <= now_ns) {
            let refused = self.aside.pop_front().map(|waiter| Served::Refused(waiter.who));
            self.look_ahead(now_ns);
            return refused;
        }
        self.look_ahead(now_ns);
        None
    }

    fn look_ahead(&mut self, now_ns: u64) {
        if self.line.is_empty() {
            self.bucket.clamp(self.bucket.burst());
        }
        let front = self.line.front().map_or(NEVER_NS, |front| {
            let wait_ns = self.meter.ns_until(self.short_of(front.need));
            let at_ns = wait_ns.map(|wait_ns| now_ns.saturating_add(wait_ns));
            // One that is hopeless is to be set aside at once.
            at_ns.filter(|at_ns| *at_ns <= front.deadline_ns).unwrap_or(now_ns)
        });
        let aside = self.aside.front().map_or(NEVER_NS, |waiter| waiter.deadline_ns);
        self.due_ns = front.min(aside);
    }

    #[cold]
    fn mint_and_spend(&mut self, need: Amount, now_ns: u64) -> bool {
        self.mint(now_ns);
        self.bucket.try_spend(need)
    }

    fn mint(&mut self, now_ns: u64) {
        let minted = self.meter.mint(now_ns);
        let burst = self.bucket.burst();
        let cap = self.line.front().map_or(burst, |front| front.need.signed().max(2 * burst));
        self.bucket.add(minted, cap);
    }

    fn is_hopeless(&self, front: &Waiter, now_ns: u64) -> bool {
        let wait_ns = self.meter.ns_until(self.short_of(front.need));
        wait_ns.is_none_or(|wait_ns| now_ns.saturating_add(wait_ns) > front.deadline_ns)
    }

    fn short_of(&self, need: Amount) -> i64 {
        need.signed().saturating_sub(self.bucket.balance())
    }
}

#[cfg(test)]
mod tests {
    use super::{Charge, Limit, NEVER_NS, Served};
    use hopperkv_control::amount::{Amount, Rate};

    const S: u64 = 1_000_000_000;

    fn limit(per_s: f64, max_wait_ns: u64) -> Limit {
        Limit::new(Rate::per_second(per_s), Amount::units(1), max_wait_ns)
    }

    #[test]
    fn an_idle_bucket_lets_forty_milliseconds_through_at_once() {
        let mut limit = limit(1000.0, 60 * S);
        let granted = (0..200)
            .take_while(|&who| limit.charge(who, Amount::units(1), 10 * S) == Charge::Granted)
            .count();
        assert_eq!(granted, 40);
        assert_eq!(limit.due_ns(), 10 * S + S / 1000);
    }

    #[test]
    fn a_line_is_served_in_order_at_the_rate() {
        let mut limit = limit(100.0, 60 * S);
        for who in 0..50 {
            limit.charge(who, Amount::units(1), 0);
        }
        let mut served = Vec::new();
        while limit.due_ns() != NEVER_NS {
            let now = limit.due_ns();
            while let Some(Served::Granted(who)) = limit.serve(now) {
                served.push((who, now));
            }
        }
        assert_eq!(served.len(), 50);
        assert!(
            served
                .iter()
                .zip(0..)
                .all(|(&(who, at), n)| who == n && at == (u64::from(n) + 1) * S / 100)
        );
    }

    #[test]
    fn who_cannot_be_served_in_time_is_refused_and_holds_up_nobody() {
        let mut limit = limit(1.0, 2 * S);
        limit.charge(1, Amount::units(5), 0);
        limit.charge(2, Amount::units(1), 0);
        let mut log = Vec::new();
        while limit.due_ns() != NEVER_NS && log.len() < 10 {
            let now = limit.due_ns();
            while let Some(served) = limit.serve(now) {
                log.push((served, now));
            }
        }
        assert_eq!(log, [(Served::Granted(2), S), (Served::Refused(1), 2 * S)]);
    }

    #[test]
    fn debt_is_paid_before_the_next_grant_and_a_raise_helps_at_once() {
        let mut limit = limit(10.0, 60 * S);
        limit.settle(Amount::ZERO, Amount::units(9), 0);
        assert_eq!(limit.charge(1, Amount::units(1), 0), Charge::Waits);
        assert_eq!(limit.due_ns(), S);
        limit.set_rate(Rate::per_second(100.0), S / 2);
        assert_eq!(limit.serve(S / 2), None);
        assert_eq!(limit.due_ns(), S / 2 + 50 * S / 1000);
    }
}
