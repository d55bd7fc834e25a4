//! `[allocator]`: the policy, its clock and its caution.

use std::fmt;
use std::time::Duration;

use super::choice::{Apply, Policy};
use super::problem::ConfigError;
use super::quantity::{Bytes, Number, Period};
use super::raw::RawAllocator;
use super::scalar::Scalar;
use super::section::{Finding, Section};

/// What makes a curve worse than it was measured, against over-optimism.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Salt {
    /// Its measured uncertainty: few sampled reads and change from epoch to epoch weigh more.
    #[default]
    Auto,
    /// This much at every point, as in the paper.
    Fixed(f64),
}

impl fmt::Display for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Fixed(salt) => Number(*salt).fmt(f),
        }
    }
}

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
    /// What makes a miss-ratio curve worse before it is decided on.
    pub salt: Salt,
    /// Epochs summed into one curve.
    pub smoothing: u32,
    /// Cache moved per step of `Apply::Gradual`.
    pub gradual_step_bytes: u64,
    /// Cache no tenant drops below.
    pub min_cache_bytes: u64,
    /// How far a curve reaches, as a multiple of the base cache.
    pub curve_max: f64,
    /// Keys the ghost cache of a tenant watches at most; a tenant with fewer is known exactly.
    pub tracked_keys: u32,
    /// Part of every total that is held back, as far as everybody keeps its base throughput.
    pub reserve: f64,
    /// Improvement that moving cache must bring (0.02 = two points of the improve ratio).
    pub stability: f64,
}

impl Default for AllocatorConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            policy: Policy::default(),
            interval: Duration::from_secs(20),
            apply: Apply::Gradual,
            threshold: 0.05,
            salt: Salt::Auto,
            smoothing: 3,
            gradual_step_bytes: 16 << 20,
            min_cache_bytes: 10 << 20,
            curve_max: 4.0,
            tracked_keys: 16_384,
            reserve: 0.0,
            stability: 0.02,
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
            salt: Some(match self.salt {
                Salt::Auto => Scalar::from("auto"),
                Salt::Fixed(salt) => Scalar::Float(salt),
            }),
            smoothing: Some(Scalar::Integer(self.smoothing.into())),
            gradual_step: text(&Bytes(self.gradual_step_bytes)),
            min_cache: text(&Bytes(self.min_cache_bytes)),
            curve_max: Some(Scalar::Float(self.curve_max)),
            tracked_keys: Some(Scalar::Integer(self.tracked_keys.into())),
            reserve: Some(Scalar::Float(self.reserve)),
            stability: Some(Scalar::Float(self.stability)),
            sample_one_in: None,
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
    if raw.sample_one_in.is_some() {
        let what = "is replaced by tracked_keys, the most keys watched for a tenant's curve (16384 unless set); \
                    write that, or remove the line";
        section.reject("sample_one_in", what);
    }
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
        salt: salt(raw.salt.as_ref(), base.salt, section),
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
        tracked_keys: section.count(
            "tracked_keys",
            raw.tracked_keys.as_ref(),
            base.tracked_keys,
            256..=1 << 20,
        ),
        reserve: section.number("reserve", raw.reserve.as_ref(), base.reserve, 0.0..=0.9),
        stability: section.number("stability", raw.stability.as_ref(), base.stability, 0.0..=1.0),
    }
}

fn salt(raw: Option<&Scalar>, base: Salt, section: &mut Section<'_>) -> Salt {
    match raw {
        None => base,
        Some(Scalar::Text(text)) if text == "auto" => Salt::Auto,
        Some(Scalar::Text(text)) if text.parse::<Number>().is_err() => {
            let what = "write \"auto\" or a number from 0 to 0.5";
            section.reject_value("salt", format!("{text:?}"), what);
            base
        }
        raw => Salt::Fixed(section.number("salt", raw, 0.0, 0.0..=0.5)),
    }
}
