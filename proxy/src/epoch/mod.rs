//! One step of the allocator: look, decide, act. Deciding is pure; acting is [`crate::apply`].
//!
//! ```text
//! counters, ghost caches, MEMORY STATS --reading--> ledger --snapshot--> decide --> Decision --apply--> quotas
//!                                                      |                               |
//!                                                      +-- served, one epoch later --> Run, in the history
//! ```
//!
//! The loop proper, under a clock that is passed in; a simulation runs it too:
//!
//! - `planner`: closes windows, decides, remembers
//! - `reading`: what is read of one tenant, plain values; and the edge that reads them
//! - `account`: one tenant's recent windows; `ledger`: those of all, and the snapshot made of them
//! - `snapshot`: what a decision is made from
//! - `caution`: how much of a curve is believed
//! - `seat`: whether a tenant takes part, and what the policy sees of it
//! - `decide`: snapshot and options in, decision out; `verdict`: whether it is worth it; `decision`: what it is
//! - `inputs`: what the policy was asked, to be asked again offline
//! - `run`: what is remembered of a decision, and what came of it
//!
//! Its surroundings on a live proxy: `allocator`, with the timer, the options, and the way from a run to quotas.

mod account;
mod allocator;
mod caution;
mod decide;
#[cfg(test)]
mod decide_tests;
mod decision;
mod inputs;
mod ledger;
mod planner;
mod reading;
mod run;
mod seat;
#[cfg(test)]
mod simulation;
mod snapshot;
mod verdict;

pub(crate) use allocator::Allocator;
pub(crate) use decide::differs;
pub(crate) use run::{Run, Share, Trigger};
