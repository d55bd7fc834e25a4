//! The paper's whole evaluation on one machine, and what sharing would give your own tenants.
//!
//! ```text
//! specs/*.toml --> spec --+--> live: Redis servers, proxy, load --+
//!                         |                                       +--> outcome --> figures --> report
//!                         +--> simulation: virtual time ----------+
//! traces, what-if --------+
//! ```
//!
//! Reading order: [`spec`] (what an experiment is), [`outcome`] (what came of one run).

pub mod outcome;
pub mod spec;
