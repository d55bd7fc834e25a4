//! Load for a Redis endpoint, every value verified. It reaches the server only over sockets.
//!
//! ```text
//! run:     spec -> keys, mix ---> closed_loop (one per connection) --+--> client, resp --> server
//!                                 preload                            |
//! replay:  trace -> replay (reader thread) => shard, ledger ---------+
//!                                                                    |
//!          supervisor (ticks, stop, stalls) <-- tally, histogram <---+
//!              +--> progress (line, CSV)  --> report (summary, JSON, exit code)
//! demo:    starts a server, drives two loads, asks its admin API
//! bench:   measure: starts a server and a stock Redis, drives volley (or redis-benchmark) against both in turns
//! ```
//!
//! Reading order: [`spec`] and [`payload`] (what is sent), [`keys`] and [`mix`] (in which order),
//! [`resp`] and [`client`] (how), [`closed_loop`], [`preload`] and [`load`] (synthetic load),
//! [`ledger`], [`shard`] and [`replay`] (traces, read by [`hopperkv_trace`]), [`tally`], [`histogram`],
//! [`supervisor`], [`progress`] and [`report`] (what came of it), [`demo`],
//! [`volley`] (load as cheap as it gets) and [`measure`] (what is compared with it), and [`cli`].

mod admin;
pub mod cli;
pub mod client;
pub mod closed_loop;
pub mod demo;
pub mod error;
pub mod histogram;
pub mod keys;
pub mod ledger;
pub mod load;
#[cfg(target_os = "linux")]
pub mod measure;
pub mod mix;
pub mod payload;
pub mod preload;
pub mod progress;
pub mod replay;
pub mod report;
pub mod resp;
mod server;
pub mod shard;
pub mod spec;
pub mod stop;
pub mod supervisor;
pub mod tally;
#[cfg(target_os = "linux")]
pub mod volley;
