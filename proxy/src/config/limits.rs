//! `[limits]`: what holds for every tenant that does not say otherwise.

use std::time::Duration;

use super::raw::RawLimits;
use super::section::Section;

/// The longest wait anyone may configure.
pub(super) const MAX_WAIT_MAX: Duration = Duration::from_secs(3600);

/// What holds for every tenant that does not say otherwise.
#[derive(Debug, Clone, PartialEq)]
pub struct LimitsConfig {
    /// Longest wait of a request for its tenant's limits; then `-THROTTLED`.
    pub max_wait: Duration,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self { max_wait: Duration::from_secs(1) }
    }
}

pub(super) fn read(raw: &RawLimits, section: &mut Section<'_>) -> LimitsConfig {
    let base = LimitsConfig::default();
    let bounds = Duration::ZERO..=MAX_WAIT_MAX;
    LimitsConfig {
        max_wait: section.period("max_wait", raw.max_wait.as_ref(), base.max_wait, bounds),
    }
}
