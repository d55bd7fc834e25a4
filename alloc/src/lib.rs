//! The HARE brain: learns what each tenant's cache is worth, and divides cache,
//! read units, write units and bandwidth so that everyone's throughput rises together.
//!
//! ```text
//!  every access (sampled keys only)          every epoch
//!  ghost -> curve window -> curve history -> curve --+
//!  counters -> window usage -> demand ---------------+-> policy -> allocation
//!  redis memory report -> calibration -> curve ------+   (optimum | hare | drf | memshare | static)
//! ```
//!
//! The caller feeds a [`GhostCache`] with the sampled part of its traffic. Once an epoch it takes the
//! window out, sums the last few in a [`CurveHistory`], stretches the resulting [`MissRatioCurve`] to
//! real Redis bytes with a [`Calibration`], turns its counters ([`WindowUsage`]) into a [`Demand`], and
//! asks [`allocate`] for new shares. [`enforce_minimums`] keeps a floor under everybody.
//!
//! Modules in reading order:
//!
//! | module | what it holds |
//! |---|---|
//! | [`units`] | capacity units as DynamoDB charges them |
//! | [`resources`] | the four resources of a tenant |
//! | [`footprint`] | bytes an entry takes in Redis, and calibration against a real one |
//! | [`sampler`] | which keys are watched |
//! | `slot_sums`, `holes`, `time_line` | the time line of an LRU stack: bytes, deletions, eras of the rate |
//! | [`stack_distance`] | exact LRU stack distances in bytes |
//! | `expiries` | when watched keys expire |
//! | `census` | distinct keys touched, in the sample and in a wider part of the key space |
//! | [`ghost`] | the sampled ghost cache: distances into a histogram, at a rate that follows the tenant |
//! | `regression` | correcting an estimate by totals that are known better |
//! | [`window`] | one epoch's histogram, and the curve it estimates |
//! | [`history`] | the last windows, summed into a curve |
//! | [`confidence`] | how far the curve can be trusted |
//! | [`curve`] | the miss-ratio curve |
//! | [`demand`] | what a request costs at a miss ratio |
//! | [`policy`] | inputs, parameters, result, and the choice of policy |
//! | [`holdings`] | what tenants hold and what lies in the pool: idle collection and redistribution |
//! | [`hare`], [`drf`], [`memshare`] | one policy per file |
//! | [`optimum`] | the default policy: hulls, relaxed problem, branch and bound |
//! | [`bounds`] | the least and the most a tenant may be given |
//! | `level` | sharing a total among ramps with floors and ceilings |
//! | [`minimums`] | a floor under every share, sums conserved |
//! | [`instance`] | allocation problems as JSON, for offline use |
//!
//! Invariants: no async, no I/O, no clock, no randomness. The same inputs give the same result on every
//! machine. Sums of resources are conserved by every conserving policy. Nothing here panics on input.

pub mod bounds;
mod census;
pub mod confidence;
pub mod curve;
pub mod demand;
pub mod drf;
mod expiries;
pub mod footprint;
pub mod ghost;
pub mod hare;
pub mod history;
pub mod holdings;
mod holes;
pub mod instance;
mod level;
pub mod memshare;
pub mod minimums;
pub mod optimum;
pub mod policy;
mod regression;
pub mod resources;
pub mod sampler;
mod slot_sums;
pub mod stack_distance;
pub mod tenant;
mod time_line;
pub mod units;
pub mod window;

pub use bounds::{Bounds, BoundsError};
pub use confidence::Confidence;
pub use curve::{CurveError, MissRatioCurve};
pub use demand::{Demand, RequestCost, WindowUsage};
pub use footprint::{Calibration, RedisMemory, entry_footprint_bytes};
pub use ghost::{Access, Expiry, GhostCache, GhostConfig};
pub use history::{CurveHistory, older_window_weight};
pub use instance::{Instance, InstanceError, Solution, solve};
pub use minimums::{Minimums, enforce_minimums};
pub use policy::{Allocation, Params, Policy, Trade, allocate};
pub use resources::{Rates, Resources};
pub use sampler::Sampler;
pub use tenant::{
    InputError, TenantInput, base_throughput_per_s, predicted_gain, throughput_per_s,
};
pub use units::{Consistency, ItemBytes, ReadUnits, WriteUnits, read_units, write_units};
pub use window::CurveWindow;
