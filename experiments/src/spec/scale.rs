//! Scale: sizes and rates divided together, so that a small machine shows what a large one would.

use std::fmt;
use std::str::FromStr;

use hare::Resources;
use hopperkv_bench::spec::Workload;

use super::SpecError;

/// Least cache of a tenant: what a Redis without a key needs, and room for some entries.
const LEAST_CACHE_BYTES: u64 = 4 << 20;
/// Fewest keys of a workload.
const LEAST_KEYS: u64 = 100;

/// A part, above 0 and at most 1: the same ratios of keys to cache and of rates to each other, on a smaller machine.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale(f64);

impl Scale {
    /// As the spec says.
    pub const FULL: Self = Self(1.0);

    /// The part.
    #[must_use]
    pub fn factor(self) -> f64 {
        self.0
    }

    pub(super) fn rate(self, per_s: f64) -> f64 {
        per_s * self.0
    }

    pub(super) fn share(self, base: Resources) -> Result<Resources, SpecError> {
        let cache_bytes = self.whole(base.cache_bytes);
        if cache_bytes < LEAST_CACHE_BYTES {
            let problem =
                format!("a cache of {cache_bytes} bytes, and less than 4 MiB holds nothing");
            return Err(SpecError::Scale { scale: self, problem });
        }
        Ok(Resources::new(cache_bytes, base.rates().zip(base.rates(), |rate, _| rate * self.0)))
    }

    pub(super) fn workload(self, workload: &Workload) -> Result<Workload, SpecError> {
        let mut scaled = workload.clone();
        for phase in &mut scaled.phases {
            let keys = self.whole(phase.keys);
            if keys < LEAST_KEYS.min(phase.keys) {
                let problem = format!("{keys} of {} keys, and {LEAST_KEYS} are needed", phase.keys);
                return Err(SpecError::Scale { scale: self, problem });
            }
            phase.keys = keys;
        }
        Ok(scaled)
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a count times a positive factor of at most 1"
    )]
    fn whole(self, count: u64) -> u64 {
        (count as f64 * self.0).round() as u64
    }
}

impl fmt::Display for Scale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inverse = (1.0 / self.0).round();
        if (inverse * self.0 - 1.0).abs() < 1e-12 && inverse > 1.0 {
            return write!(f, "1/{inverse}");
        }
        write!(f, "{}", self.0)
    }
}

impl FromStr for Scale {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |part: &str| part.trim().parse::<f64>().ok().filter(|n| n.is_finite());
        let factor = match text.split_once('/') {
            Some((above, below)) => number(above).zip(number(below)).map(|(a, b)| a / b),
            None => number(text),
        };
        factor.filter(|factor| *factor > 0.0 && *factor <= 1.0).map(Self).ok_or_else(|| {
            format!("`{text}` is no scale: a number above 0 and at most 1, such as 1/16 or 0.25")
        })
    }
}
