//! One step of the allocator: look, decide, act. Deciding is pure; acting is [`crate::apply`].
//!
//! ```text
//! counters, ghost caches, MEMORY STATS --ledger--> Snapshot --decide--> Decision --apply--> quotas
//!                                                     |                    |
//!                                                     +------ Run <--------+--> history, one epoch later: measured
//! ```
//!
//! - `snapshot`: what a decision is made from; plain values
//! - `decide`: snapshot and options in, decision out; no clock, no I/O
//! - `decision`: what a decision is: shares, verdict, and the grounds for both
//! - `ledger`: turns growing counters into windows, and curves into `maxmemory` bytes
//! - `run`: what is remembered of a decision, and what came of it
//! - `allocator`: the loop, its options, and the way from a verdict to quotas

mod allocator;
mod decide;
#[cfg(test)]
mod decide_tests;
mod decision;
mod ledger;
mod run;
mod snapshot;

pub(crate) use allocator::Allocator;
pub(crate) use decide::differs;
pub(crate) use run::{Run, Share, Trigger};
