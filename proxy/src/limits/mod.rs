//! The rate limits of a tenant: read units, write units and network bytes per second.
//!
//! A request is charged before it uses storage; a charge that the bucket cannot cover waits in
//! line, first come first served, for at most `max_wait`, and then fails with [`Throttled`].
//! Rates change while requests wait, and every waiter sees the new rate at once.
//!
//! Read in this order:
//! - [`hopperkv_control::amount`]: what is charged and how fast, in exact sub-units
//! - [`hopperkv_control::bucket`]: tokens and their minting; pure, the clock is passed in
//! - `line`: who waits, in order
//! - `desk`: bucket and line behind one lock; decides who is served
//! - `pump`: the task that serves a line as tokens arrive
//! - `limiter`: one resource of one tenant, as callers see it
//! - `tenant_limits`: the three limiters of a tenant, and the error a client sees
//!
//! Nothing here runs while nobody waits. The first waiter starts a short-lived task on its own
//! runtime (the pump) that grants as tokens arrive and ends with the line.
//! Why the bucket is ours: `docs/adr/0003-rate-limits.md`.

mod desk;
mod limiter;
mod line;
mod pump;
mod stats;
mod tenant_limits;

#[cfg(test)]
mod accuracy_tests;
#[cfg(test)]
mod limiter_tests;

pub use hopperkv_control::amount::{Amount, Rate};
pub use limiter::{Limiter, MAX_WAITERS};
pub use stats::LimiterStats;
pub use tenant_limits::{Cause, Quota, Resource, TenantLimits, Throttled};
