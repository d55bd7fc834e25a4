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
//! ```
//!
//! Reading order: [`spec`] and [`payload`] (what is sent), [`keys`] and [`mix`] (in which order),
//! [`resp`] and [`client`] (how), [`closed_loop`], [`preload`] and [`load`] (synthetic load),
//! [`ledger`], [`shard`] and [`replay`] (traces, read by [`hopperkv_trace`]), [`tally`], [`histogram`],
//! [`supervisor`], [`progress`] and [`report`] (what came of it), [`demo`], and [`cli`].

pub mod cli;
pub mod client;
pub mod closed_loop;
pub mod demo;
pub mod error;
pub mod histogram;
pub mod keys;
pub mod ledger;
pub mod load;
pub mod mix;
pub mod payload;
pub mod preload;
pub mod progress;
pub mod replay;
pub mod report;
pub mod resp;
pub mod shard;
pub mod spec;
pub mod stop;
pub mod supervisor;
pub mod tally;
