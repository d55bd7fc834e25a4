//! HopperKV: a Redis endpoint for many tenants, durable in DynamoDB, quotas set by HARE.
//!
//! ```text
//! clients --RESP--> worker 1..N (one thread, one event loop; a client stays on its worker)
//!                     connection   bytes <-> commands, replies in order
//!                     session      who the client is: tenant, protocol, name
//!                     service      THE room: what a command does
//!                       hot        near, replies kept on this thread
//!                       hit        cache::Upstream, raw pipelined bytes to the tenant's Redis
//!                       miss       inflight (one read per key) -> limits -> storage -> fill
//!                       write      inflight (one writer per key) -> limits -> fence -> storage -> publish
//! control runtime:    admin API, metrics, cache::Keeper per tenant, storage's SDK, and the epoch loop:
//!                     tenant counters and ghost caches -> epoch -> hare -> apply -> limits, cache sizes
//! ```
//!
//! Reading order: [`server`] starts and stops everything; [`worker`] and [`connection`] follow a request in and out;
//! [`resp`] and [`command`] know Redis's protocol and semantics and nothing else; [`service`] is where cache, storage and
//! limits meet; [`cache`] keeps Redis coherent; [`epoch`] and [`apply`] move shares between tenants.
//! `docs/life-of-a-request.md` follows one SET and one GET through these files.

pub mod cli;
pub mod command;
pub mod config;
pub mod limits;
pub mod resp;
pub mod storage;

mod admin;
mod apply;
mod cache;
mod clients;
mod clock;
mod connection;
mod epoch;
mod hash;
mod inflight;
mod metrics;
mod near;
mod replies;
mod server;
mod service;
mod session;
mod state;
mod tenant;
mod transaction;
mod worker;
