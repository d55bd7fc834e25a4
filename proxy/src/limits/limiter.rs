//! The limit on one resource of one tenant.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::desk::{Desk, Joined};
use super::line::Ticket;
use super::stats::LimiterStats;
use super::tenant_limits::{Cause, Resource, Throttled};
use hopperkv_control::amount::{Amount, Rate};

/// How many requests may wait for one resource of one tenant, unless told otherwise.
pub const MAX_WAITERS: usize = 10_000;

/// Grants at most `rate` of a resource, first come first served. Shared by reference between all
/// workers; the control thread changes the rate at any time.
#[derive(Debug)]
pub struct Limiter {
    tenant: Arc<str>,
    resource: Resource,
    desk: Arc<Desk>,
}

impl Limiter {
    /// A limiter that starts with an empty bucket. `None` is no limit, [`Rate::ZERO`] blocks.
    #[must_use]
    pub fn new(tenant: Arc<str>, resource: Resource, rate: Option<Rate>) -> Self {
        Self::with_max_waiters(tenant, resource, rate, MAX_WAITERS)
    }

    /// The same, with another bound on the line.
    #[must_use]
    pub fn with_max_waiters(
        tenant: Arc<str>,
        resource: Resource,
        rate: Option<Rate>,
        max_waiters: usize,
    ) -> Self {
        let desk = Desk::new(rate, resource.least_burst(), max_waiters);
        Self { tenant, resource, desk: Arc::new(desk) }
    }

    /// Charges without waiting; false if the tokens are short or somebody is in line.
    #[must_use]
    pub fn try_charge(&self, amount: Amount) -> bool {
        self.desk.try_charge(amount)
    }

    /// Charges, waiting in line for at most `max_wait`. Must be called inside a tokio runtime with
    /// timers. An amount larger than the burst is gathered over time. Dropping the future leaves
    /// the line; tokens it had been granted or was gathering go to those behind it.
    ///
    /// A request that cannot be served in time at the present rate still waits, aside, without
    /// holding up others: a raise may save it, and a client that retries at once is slowed down.
    ///
    /// # Errors
    /// [`Throttled`] after `max_wait`, or at once if too many are waiting.
    pub async fn charge(&self, amount: Amount, max_wait: Duration) -> Result<(), Throttled> {
        if self.try_charge(amount) {
            return Ok(());
        }
        let mut seat = match self.desk.join(amount, max_wait) {
            Joined::Granted => return Ok(()),
            Joined::Full => return Err(self.throttled(amount, Cause::Crowded)),
            Joined::Waiting { ticket, since_ns } => {
                Seat { desk: &self.desk, ticket, amount, since_ns, open: true }
            }
        };
        if seat.served_within(max_wait).await {
            Ok(())
        } else {
            Err(self.throttled(amount, Cause::Waited(max_wait)))
        }
    }

    /// Corrects a charge once storage has said what was consumed. Extra use becomes debt that is
    /// paid before the next grant; an over-estimate is given to those in line, or put back as far
    /// as the bucket holds it.
    pub fn settle(&self, charged: Amount, consumed: Amount) {
        self.desk.settle(charged, consumed);
    }

    /// Changes the rate for everyone, waiters included, at once. The balance and any debt are
    /// carried over, except that no limit forgives debt and a lower rate holds a smaller burst.
    /// May be called from any thread, inside a runtime or not.
    pub fn set_rate(&self, rate: Option<Rate>) {
        self.desk.set_rate(rate);
    }

    /// The present rate; `None` is no limit.
    #[must_use]
    pub fn rate(&self) -> Option<Rate> {
        self.desk.rate()
    }

    /// Reads the counters.
    #[must_use]
    pub fn stats(&self) -> LimiterStats {
        self.desk.stats()
    }

    fn throttled(&self, amount: Amount, cause: Cause) -> Throttled {
        self.desk.counters.add_throttled();
        let rate = self.rate();
        Throttled { tenant: Arc::clone(&self.tenant), resource: self.resource, amount, rate, cause }
    }
}

/// A place in line that is given up when dropped.
struct Seat<'a> {
    desk: &'a Arc<Desk>,
    ticket: Ticket,
    amount: Amount,
    since_ns: u64,
    open: bool,
}

impl Seat<'_> {
    async fn served_within(&mut self, max_wait: Duration) -> bool {
        let served = poll_fn(|context| self.desk.poll_served(self.ticket, context.waker()));
        let served = timeout(max_wait, served).await.is_ok() || self.desk.expire(self.ticket);
        self.open = false;
        served
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        if self.open {
            self.desk.cancel(self.ticket, self.amount);
        }
        self.desk.counters.add_wait(self.desk.waited_ns(self.since_ns));
    }
}
