//! The allocator against simulated tenants under a simulated clock.
//!
//! Everything that decides is the real thing: counters and ghost caches ([`crate::tenant::Observer`]), accounts, decision and
//! history ([`super::planner::Planner`]), the course of a change ([`crate::apply::Course`]). What is simulated is what lies
//! around it: seeded request streams, a byte-exact LRU cache per tenant that evicts at a bounded rate, limits that let
//! requests through tick by tick, and the time. A run is a function of its seed, bit for bit.
//!
//! - `stream`: which keys a tenant asks for
//! - `lru`: its cache
//! - `tenant`: requests against cache and limits, tick by tick
//! - `world`: tenants, planner and course on one clock; audits every tick
//! - `truth`: what the best shares would be if the traffic were known exactly
//! - `scenarios`: what happens to the tenants, and what is demanded of the loop

mod lru;
mod scenarios;
mod stream;
mod tenant;
mod truth;
mod world;
