//! One step of the allocator: look, decide, act. Deciding is pure; acting is [`crate::apply`].
//!
//! ```text
//! counters, ghost caches, MEMORY STATS --ledger--> Snapshot --decide--> Decision --apply--> quotas
//!                                                     |                    |
//!                                                     +------ Run <--------+--> history, one epoch later: measured
//! ```
//!
//! - `snapshot`: what a decision is made from; plain values
//! - `decision`: snapshot and options in, shares and verdict out; no clock, no I/O
//! - `ledger`: turns growing counters into windows, and curves into `maxmemory` bytes
//! - `run`: what is remembered of a decision, and what came of it
//! - `allocator`: the loop, its options, and the way from a verdict to quotas

mod allocator;
mod decision;
#[cfg(test)]
mod decision_tests;
mod ledger;
mod run;
mod snapshot;

pub(crate) use allocator::Allocator;
pub(crate) use decision::differs;
pub(crate) use run::{Run, Share, Trigger};
