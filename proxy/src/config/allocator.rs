//! `[allocator]`: the policy, its clock and its caution.

use std::time::Duration;

use super::choice::{Apply, Policy};
use super::problem::ConfigError;
use super::quantity::{Bytes, Period};
use super::raw::RawAllocator;
use super::scalar::Scalar;
use super::section::{Finding, Section};

/// The policy, its clock and its caution.
#[derive(Debug, Clone, PartialEq)]
pub struct AllocatorConfig {
    /// Whether the epoch loop runs; without it the base quotas hold.
    pub enabled: bool,
    /// How resources are divided.
    pub policy: Policy,
    /// Time between epochs.
    pub interval: Duration,
    /// How an allocation is put in place.
    pub apply: Apply,
    /// Predicted improvement over the present allocation below which nothing is applied
    /// (0.05 = five points).
    pub threshold: f64,
    /// Added to every point of a miss-ratio curve, against over-optimism.
    pub salt: f64,
    /// Epochs summed into one curve.
    pub smoothing: u32,
    /// Cache moved per step of `Apply::Gradual`.
    pub gradual_step_bytes: u64,
    /// Cache no tenant drops below.
    pub min_cache_bytes: u64,
    /// How far a curve reaches, as a multiple of the base cache.
    pub curve_max: f64,
    /// The ghost cache samples one key in this many.
    pub sample_one_in: u32,
}

impl Default for AllocatorConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            policy: Policy::Hare,
            interval: Duration::from_secs(20),
            apply: Apply::Gradual,
            threshold: 0.05,
            salt: 0.01,
            smoothing: 3,
            gradual_step_bytes: 16 << 20,
            min_cache_bytes: 10 << 20,
            curve_max: 4.0,
            sample_one_in: 32,
        }
    }
}

impl AllocatorConfig {
    /// The raw form that reads back as this configuration.
    pub fn to_raw(&self) -> RawAllocator {
        let text = |value: &dyn std::fmt::Display| Some(Scalar::Text(value.to_string()));
        RawAllocator {
            enabled: Some(Scalar::Bool(self.enabled)),
            policy: text(&self.policy),
            interval: text(&Period(self.interval)),
            apply: text(&self.apply),
            threshold: Some(Scalar::Float(self.threshold)),
            salt: Some(Scalar::Float(self.salt)),
            smoothing: Some(Scalar::Integer(self.smoothing.into())),
            gradual_step: text(&Bytes(self.gradual_step_bytes)),
            min_cache: text(&Bytes(self.min_cache_bytes)),
            curve_max: Some(Scalar::Float(self.curve_max)),
            sample_one_in: Some(Scalar::Integer(self.sample_one_in.into())),
        }
    }
}

impl RawAllocator {
    /// Checks an allocator configuration that came at run time; fields left out keep `base`'s
    /// values.
    ///
    /// # Errors
    /// Every field that is wrong.
    pub fn validate(&self, base: &AllocatorConfig) -> Result<AllocatorConfig, ConfigError> {
        let mut findings = Vec::new();
        let config = read(self, base, &mut Section::named("allocator", &|_| None, &mut findings));
        if findings.is_empty() { Ok(config) } else { Err(Finding::unplaced(findings)) }
    }
}

pub(super) fn read(
    raw: &RawAllocator,
    base: &AllocatorConfig,
    section: &mut Section<'_>,
) -> AllocatorConfig {
    AllocatorConfig {
        enabled: section.flag("enabled", raw.enabled.as_ref(), base.enabled),
        policy: section.choice("policy", raw.policy.as_ref(), base.policy),
        interval: section.period(
            "interval",
            raw.interval.as_ref(),
            base.interval,
            Duration::from_millis(100)..=Duration::from_secs(86_400),
        ),
        apply: section.choice("apply", raw.apply.as_ref(), base.apply),
        threshold: section.number("threshold", raw.threshold.as_ref(), base.threshold, 0.0..=10.0),
        salt: section.number("salt", raw.salt.as_ref(), base.salt, 0.0..=0.5),
        smoothing: section.count("smoothing", raw.smoothing.as_ref(), base.smoothing, 1..=100),
        gradual_step_bytes: section.bytes(
            "gradual_step",
            raw.gradual_step.as_ref(),
            base.gradual_step_bytes,
            1 << 20..=1 << 50,
        ),
        min_cache_bytes: section.bytes(
            "min_cache",
            raw.min_cache.as_ref(),
            base.min_cache_bytes,
            2 << 20..=1 << 40,
        ),
        curve_max: section.number("curve_max", raw.curve_max.as_ref(), base.curve_max, 1.0..=64.0),
        sample_one_in: section.count(
            "sample_one_in",
            raw.sample_one_in.as_ref(),
            base.sample_one_in,
            1..=65_536,
        ),
    }
}
