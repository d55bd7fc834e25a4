//! The four resources a tenant is given: cache, which is state, and three rates.

use std::iter::Sum;
use std::ops::{Add, AddAssign, Sub};

use serde::{Deserialize, Serialize};

/// One tenant's share of everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resources {
    /// Cache, as Redis counts `maxmemory`.
    pub cache_bytes: u64,
    /// Storage read capacity.
    pub read_units_per_s: f64,
    /// Storage write capacity.
    pub write_units_per_s: f64,
    /// Network bandwidth: client side, and storage side too when total net is allocated.
    pub net_bytes_per_s: f64,
}

impl Resources {
    /// Joins a cache size and rates.
    #[must_use]
    pub fn new(cache_bytes: u64, rates: Rates) -> Self {
        Self {
            cache_bytes,
            read_units_per_s: rates.read_units_per_s,
            write_units_per_s: rates.write_units_per_s,
            net_bytes_per_s: rates.net_bytes_per_s,
        }
    }

    /// The three rates without the cache.
    #[must_use]
    pub fn rates(&self) -> Rates {
        Rates {
            read_units_per_s: self.read_units_per_s,
            write_units_per_s: self.write_units_per_s,
            net_bytes_per_s: self.net_bytes_per_s,
        }
    }
}

impl Add for Resources {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self::new(self.cache_bytes.saturating_add(other.cache_bytes), self.rates() + other.rates())
    }
}

impl Sum for Resources {
    fn sum<I: Iterator<Item = Self>>(items: I) -> Self {
        items.fold(Self::default(), Add::add)
    }
}

impl<'a> Sum<&'a Self> for Resources {
    fn sum<I: Iterator<Item = &'a Self>>(items: I) -> Self {
        items.copied().sum()
    }
}

/// The stateless resources, all per second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Rates {
    /// Storage read capacity.
    pub read_units_per_s: f64,
    /// Storage write capacity.
    pub write_units_per_s: f64,
    /// Network bandwidth.
    pub net_bytes_per_s: f64,
}

impl Rates {
    /// Applies `f` to the three rates of two operands, one resource at a time.
    #[must_use]
    pub fn zip(self, other: Self, f: impl Fn(f64, f64) -> f64) -> Self {
        Self {
            read_units_per_s: f(self.read_units_per_s, other.read_units_per_s),
            write_units_per_s: f(self.write_units_per_s, other.write_units_per_s),
            net_bytes_per_s: f(self.net_bytes_per_s, other.net_bytes_per_s),
        }
    }

    /// The smallest of the three; only meaningful for ratios.
    #[must_use]
    pub fn least(self) -> f64 {
        self.read_units_per_s.min(self.write_units_per_s).min(self.net_bytes_per_s)
    }
}

impl Add for Rates {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        self.zip(other, |a, b| a + b)
    }
}

impl Sub for Rates {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        self.zip(other, |a, b| a - b)
    }
}

impl AddAssign for Rates {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sum for Rates {
    fn sum<I: Iterator<Item = Self>>(items: I) -> Self {
        items.fold(Self::default(), Add::add)
    }
}

#[cfg(test)]
mod tests {
    use super::Resources;

    #[test]
    fn sums_every_resource() {
        let one = Resources {
            cache_bytes: 3,
            read_units_per_s: 1.0,
            write_units_per_s: 2.0,
            net_bytes_per_s: 4.0,
        };
        let total: Resources = [one, one].iter().sum();
        assert_eq!(total, one + one);
        assert_eq!(total.cache_bytes, 6);
    }
}
