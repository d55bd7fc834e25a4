//! Runs experiments: what is to run, what is there already, one engine or the other, progress, and what is kept.
//!
//! Everything ends in files: `OUT/SPEC/spec.toml` and `OUT/SPEC/ENGINE/POINT-POLICY.json`, each written whole or not at
//! all. So a run that was ended in any way goes on where it was.
//!
//! Reading order: [`shipped`] (the specs in this program), [`plan`] (what is to run, and by `cost` how long that takes), [`store`] (files), [`engine`], [`progress`],
//! [`run`], [`table`] (what is printed at the end).

mod cost;
pub mod engine;
pub mod plan;
pub mod progress;
pub mod run;
pub mod shipped;
pub mod store;
pub mod table;

use std::time::Duration;

use crate::spec::Scale;

/// What holds for all runs of one call.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Sizes and rates are those of the spec times this.
    pub scale: Scale,
    /// Seed of every random choice.
    pub seed: u64,
}

/// The seed of a tenant's requests in a stretch of load that begins at `offset`. The same in both engines: what they differ by is
/// then not that one drew other requests than the other. Another in each stretch, as what was asked for last is still cached.
#[must_use]
pub(crate) fn stream_seed(seed: u64, tenant: u64, offset: Duration) -> u64 {
    seed.wrapping_add(offset.as_secs() << 40).wrapping_mul(1_000_003).wrapping_add(tenant)
}
