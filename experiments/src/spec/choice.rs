//! What a spec chooses from: policies, engines, ways to put a decision in place.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Who decides on shares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Policy {
    /// Nobody: base shares, what the others are compared with.
    Static,
    /// Idle rates are shared out; the cache stays.
    Drf,
    /// Cache follows hit ratio, then as `Drf`.
    Memshare,
    /// The paper's: cache is traded for units and bandwidth.
    Hare,
    /// Its goal solved near-exactly, on curves that are only as sure as they are known: what the proxy does by default.
    Ours,
    /// No shares at all: everybody uses one cache and one set of limits.
    NonPartitioned,
}

/// What runs a spec.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// Redis servers, proxy and load on this machine, at reduced scale.
    Live,
    /// Virtual time, at any scale.
    Sim,
}

/// How a decision is put in place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Apply {
    /// At once.
    Direct,
    /// At once, and who gets cache keeps at least base rates until it is warm.
    Boost,
    /// In rounds of bounded size.
    Gradual,
}

impl Policy {
    /// Every policy, in the order of figures.
    pub const ALL: [Self; 6] =
        [Self::Static, Self::NonPartitioned, Self::Drf, Self::Memshare, Self::Hare, Self::Ours];

    /// Its name in specs, files and figures.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Static => "static",
            Self::Drf => "drf",
            Self::Memshare => "memshare",
            Self::Hare => "hare",
            Self::Ours => "ours",
            Self::NonPartitioned => "non-partitioned",
        }
    }
}

impl Engine {
    /// Its name on the command line and in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Sim => "sim",
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Policy {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|policy| policy.name() == name).ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().map(|policy| policy.name()).collect();
            format!("no policy `{name}`; there are {}", names.join(", "))
        })
    }
}
