//! One step of the allocator: look, decide, act. What is decided, and how it is put in place, is [`hopperkv_control`]; acting
//! is [`crate::apply`].
//!
//! - `reading`: the edge that reads tenants
//! - `allocator`: the timer, the options, and the way from a run to quotas
//! - `gains`: what the model gives each tenant now, worked out again only where something changed
//! - `simulation` (tests): the control loop under a simulated clock, with its invariants audited at every tick

mod allocator;
mod gains;
mod reading;
#[cfg(test)]
mod simulation;

pub(crate) use allocator::{Allocator, LastRun};
