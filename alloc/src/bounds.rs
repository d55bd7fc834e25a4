//! The least and the most of each resource that one tenant may be given.

use thiserror::Error;

use crate::resources::{Rates, Resources};

/// A floor and a ceiling under and over one tenant's share.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// The least it is given.
    pub min: Resources,
    /// The most it is given.
    pub max: Resources,
}

/// A minimum and a maximum that leave no room.
#[derive(Clone, Copy, Debug, PartialEq, Error)]
#[error(
    "{resource}: the least is {min} and the most {max}; the least must be 0 or more and not above the most"
)]
pub struct BoundsError {
    /// The resource, such as `cache_bytes`.
    pub resource: &'static str,
    /// Its minimum.
    pub min: f64,
    /// Its maximum.
    pub max: f64,
}

impl Default for Bounds {
    /// None: from nothing to everything.
    fn default() -> Self {
        let most = f64::INFINITY;
        let rates =
            Rates { read_units_per_s: most, write_units_per_s: most, net_bytes_per_s: most };
        Self { min: Resources::default(), max: Resources::new(u64::MAX, rates) }
    }
}

impl Bounds {
    /// These bounds, widened where `base` lies outside them.
    ///
    /// # Errors
    /// A minimum above its maximum, below zero, or not a number.
    pub fn around(self, base: &Resources) -> Result<Self, BoundsError> {
        let (min, max) = (self.min, self.max);
        let pairs = [
            ("cache_bytes", min.cache_bytes as f64, max.cache_bytes as f64),
            ("read_units_per_s", min.read_units_per_s, max.read_units_per_s),
            ("write_units_per_s", min.write_units_per_s, max.write_units_per_s),
            ("net_bytes_per_s", min.net_bytes_per_s, max.net_bytes_per_s),
        ];
        for (resource, min, max) in pairs {
            if !(min >= 0.0 && min <= max) {
                return Err(BoundsError { resource, min, max });
            }
        }
        Ok(Self {
            min: Resources::new(
                min.cache_bytes.min(base.cache_bytes),
                min.rates().zip(base.rates(), f64::min),
            ),
            max: Resources::new(
                max.cache_bytes.max(base.cache_bytes),
                max.rates().zip(base.rates(), f64::max),
            ),
        })
    }
}
