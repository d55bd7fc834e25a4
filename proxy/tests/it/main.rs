//! Black-box tests: a real `hopperkv` process, real Redis children, real storage; one file per promise.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests fail by panicking"
)]

mod admin;
mod bad_input;
mod cache_aside;
mod cli;
mod clients;
mod coherence;
mod commands;
mod curves;
mod dedicated;
mod demo;
mod durability;
mod epoch;
mod expiry;
mod faults;
mod histories;
mod idle;
mod isolation;
mod item_limits;
mod keyspace;
mod lanes;
mod limits;
mod native;
mod near;
mod outages;
mod packaging;
mod replay;
mod scripts;
mod sessions;
mod shutdown;
mod storage;
mod storage_batches;
mod storage_faults;
mod support;
mod transactions;
mod wire;
