//! Load for a Redis endpoint, every value verified. It reaches the server only over sockets.
//!
//! ```text
//! run:     spec -> keys, mix ---> closed_loop, open_loop (per connection) --+--> client, resp --> server
//!          arrivals, alarm (when) preload (fill, warm_up, image)            |
//! replay:  trace -> replay (reader thread, pace) => shard, ledger ----------+
//!                                                                           |
//!          supervisor (ticks, stop, stalls) <-- tally, histogram <----------+
//!              +--> progress (line, CSV), hdr_log  --> report (summary, JSON, exit code)
//! tenants: a file of jobs, each a run or a replay with its preload, all at once
//! prepare: trace -> held (what cache and storage hold) -> images and requests for replay
//! demo:    starts a server, drives two loads, asks its admin API
//! bench:   measure: starts a server and a stock Redis, drives volley (or redis-benchmark) against both in turns
//! overhead: run and volley against null_server, by CPU time
//! ```
//!
//! Reading order: [`spec`], [`ycsb`] and [`payload`] (what is sent), [`keys`] and [`mix`] (in which order),
//! [`resp`] and [`client`] (how), [`closed_loop`], [`arrivals`], [`open_loop`], [`preload`] and [`load`] (synthetic load),
//! [`ledger`], [`shard`] and [`replay`] (traces, read by [`hopperkv_trace`]), [`prepare`], [`tally`], [`histogram`],
//! [`supervisor`], [`progress`], [`hdr_log`] and [`report`] (what came of it), [`job`] and [`tenants`], [`demo`],
//! [`volley`] (load as cheap as it gets) and [`measure`] (what is compared with it), [`null_server`] and [`overhead`],
//! and [`cli`].
//!
//! Other programs call [`load::LoadPlan::run`], [`replay::ReplayPlan::run`] or, for several tenants, [`tenants::run`].

pub mod admin;
mod alarm;
pub mod arrivals;
pub mod cli;
pub mod client;
pub mod closed_loop;
pub mod demo;
pub mod error;
pub mod hdr_log;
pub mod histogram;
pub mod job;
pub mod keys;
pub mod ledger;
pub mod load;
#[cfg(target_os = "linux")]
pub mod measure;
pub mod mix;
pub mod null_server;
pub mod open_loop;
#[cfg(target_os = "linux")]
pub mod overhead;
pub mod payload;
pub mod preload;
pub mod prepare;
pub mod progress;
pub mod replay;
pub mod report;
pub mod resp;
pub mod server;
pub mod shard;
pub mod spec;
pub mod stop;
pub mod supervisor;
pub mod tally;
pub mod tenants;
#[cfg(target_os = "linux")]
pub mod volley;
pub mod ycsb;
