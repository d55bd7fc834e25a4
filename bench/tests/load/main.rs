//! `hopperkv-load` as a user runs it: against a real redis-server, and against one that misbehaves.

mod bad_input;
mod bench;
mod fake;
mod overhead;
mod preload;
mod prepare;
mod rates;
mod replay;
mod run;
mod server;
mod tenants;
mod tool;
