//! What came of one run: one spec, one point of what it varies, one policy, one engine. Both engines write it, and figures
//! and reports are made of nothing else.
//!
//! Everything is in the units of the run, that is, of its scale: a throughput at scale 1/16 is a sixteenth of that at full
//! scale. Ratios need no scaling.

use hare::Resources;
use serde::{Deserialize, Serialize};

use crate::spec::{Engine, Policy};

/// One run, as it is kept in `OUT/SPEC/ENGINE/POINT-POLICY.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Name of the spec.
    pub spec: String,
    /// Which value of what the spec varies, from 0; 0 if it varies nothing.
    pub point: usize,
    /// That value as the spec writes it, for example `12m`; empty if it varies nothing.
    pub point_label: String,
    /// Who decided on shares.
    pub policy: Policy,
    /// What ran it.
    pub engine: Engine,
    /// Sizes and rates were those of the spec times this.
    pub scale: f64,
    /// Seed of every random choice.
    pub seed: u64,
    /// A digest of spec, scale, seed and engine: a result with another one is not that of this run, and is made anew.
    pub fingerprint: String,
    /// Length of the measurement, in seconds of the run's own clock.
    pub measured_s: f64,
    /// Time it took to run, in seconds of the machine's clock.
    pub wall_s: f64,
    /// One for each tenant, in the order of the spec.
    pub tenants: Vec<TenantOutcome>,
    /// What was decided, in order.
    pub decisions: Vec<DecisionMark>,
    /// What has to be known of the run to believe it, for example that the machine was busy with something else.
    #[serde(default)]
    pub notes: Vec<String>,
}

/// What one tenant got.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TenantOutcome {
    /// Its name.
    pub name: String,
    /// What it asked for, in the workload grammar, or the name of its trace.
    pub workload: String,
    /// What it is entitled to.
    pub base: Resources,
    /// What it had at the end.
    pub share: Resources,
    /// Requests served per second of the measurement.
    pub throughput_per_s: f64,
    /// Reads that were hits, 0..=1, in the measurement.
    pub hit_ratio: f64,
    /// Read units, write units and bytes used per second of the measurement.
    pub used: Used,
    /// Median latency of a request in the measurement, in milliseconds.
    pub p50_ms: f64,
    /// 99th percentile of it.
    pub p99_ms: f64,
    /// Requests that were refused or failed in the measurement.
    pub refused: u64,
    /// Throughput over that of the base share, as the last decision predicted it for the shares that were put in place;
    /// absent where nothing was predicted.
    pub predicted_gain: Option<f64>,
    /// The miss-ratio curve that the last decision saw, as bytes of cache and miss ratio; empty without a decision.
    pub curve: Vec<(u64, f64)>,
    /// What happened over the whole run, from its start.
    pub series: Vec<Interval>,
}

/// What was used per second.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Used {
    /// Read units per second.
    pub read_units_per_s: f64,
    /// Write units per second.
    pub write_units_per_s: f64,
    /// Bytes per second, client and storage side.
    pub net_bytes_per_s: f64,
}

/// A stretch of a run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Its end, in seconds since clients began.
    pub until_s: f64,
    /// Requests served per second.
    pub throughput_per_s: f64,
    /// Reads that were hits, 0..=1; 0 without reads.
    pub hit_ratio: f64,
    /// What the tenant had at its end.
    pub share: Resources,
}

/// A decision of the allocator.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DecisionMark {
    /// When, in seconds since clients began.
    pub at_s: f64,
    /// Whether it was put in place.
    pub applied: bool,
    /// Why, or why not.
    pub reason: String,
    /// Predicted gain over base of the tenant that gains least: 0.5 is 50 %.
    pub improvement: f64,
}

impl Outcome {
    /// Throughput of each tenant over what it has in `base`, the same run under the static policy: 1 is as much.
    #[must_use]
    pub fn gains_over(&self, base: &Self) -> Vec<f64> {
        let pairs = self.tenants.iter().zip(&base.tenants);
        pairs.map(|(tenant, base)| tenant.throughput_per_s / base.throughput_per_s).collect()
    }
}
