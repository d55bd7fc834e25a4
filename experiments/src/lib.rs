//! The paper's whole evaluation on one machine, and what sharing would give your own tenants.
//!
//! ```text
//! specs/*.toml --> spec --+--> live: Redis servers, proxy, load --+
//!                         |                                       +--> outcome --> figures --> report
//!                         +--> simulation: virtual time ----------+
//! traces, what-if --------+
//! ```
//!
//! Reading order: [`spec`] (what an experiment is), [`outcome`] (what came of one run), [`results`] (outcomes side by
//! side), [`figures`] (drawn), [`report`] (told).

pub mod cli;
pub mod figures;
pub mod live;
pub mod outcome;
mod popularity;
pub mod report;
pub mod results;
pub mod runner;
pub mod simulation;
pub mod spec;
pub mod whatif;
