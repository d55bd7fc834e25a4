//! Runs experiments: what is to run, what is there already, one engine or the other, progress, and what is kept.
//!
//! Everything ends in files: `OUT/SPEC/spec.toml` and `OUT/SPEC/ENGINE/POINT-POLICY.json`, each written whole or not at
//! all. So a run that was ended in any way goes on where it was.
//!
//! Reading order: [`shipped`] (the specs in this program), [`plan`] (what is to run), [`store`] (files), [`engine`], [`progress`],
//! [`run`], [`table`] (what is printed at the end).

pub mod engine;
pub mod plan;
pub mod progress;
pub mod run;
pub mod shipped;
pub mod store;
pub mod table;

use crate::spec::Scale;

/// What holds for all runs of one call.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Sizes and rates are those of the spec times this.
    pub scale: Scale,
    /// Seed of every random choice.
    pub seed: u64,
}
