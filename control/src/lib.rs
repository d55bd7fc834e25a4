//! The control loop and the arithmetic of limits, without their surroundings: no async, no I/O, no clock. A live proxy and
//! a simulation run this same code; they differ in where readings come from and in what is done with orders.
//!
//! ```text
//! readings --> ledger --snapshot--> decide --> Decision --> course --orders--> quotas and cache sizes
//!                 |                               |
//!                 +-- served, one epoch later --> Run, in the history
//! ```
//!
//! Deciding:
//!
//! - [`planner`]: closes windows, decides, remembers
//! - [`reading`]: what is read of one tenant, plain values
//! - `account`: one tenant's recent windows; `ledger`: those of all, and the snapshot made of them
//! - [`snapshot`]: what a decision is made from
//! - [`caution`]: how much of a curve is believed
//! - [`filling`]: how far a cache is filled, and how it misses until it is
//! - `seat`: whether a tenant takes part, and what the policy sees of it
//! - [`decide`]: snapshot and options in, decision out; `verdict`: whether it is worth it; [`decision`]: what it is
//! - `approach`: where caches take long to fill: the step that is made now, and the rates for it
//! - [`inputs`]: what the policy was asked, to be asked again offline
//! - [`run`]: what is remembered of a decision, and what came of it
//!
//! Putting in place:
//!
//! - [`plan`]: rounds of a change, plain numbers
//! - [`course`]: the change under way: rounds, room, deadlines
//! - `part`: one tenant in it: its steps down, its growth, its warming up
//!
//! Limits:
//!
//! - [`amount`]: what is charged and how fast, in exact sub-units
//! - [`bucket`]: tokens and their minting

mod account;
pub mod amount;
mod approach;
#[cfg(test)]
mod approach_tests;
pub mod bucket;
pub mod caution;
pub mod course;
#[cfg(test)]
mod course_tests;
pub mod decide;
#[cfg(test)]
mod decide_tests;
pub mod decision;
pub mod filling;
pub mod inputs;
mod ledger;
mod part;
pub mod plan;
pub mod planner;
pub mod reading;
pub mod run;
mod seat;
pub mod snapshot;
mod verdict;
