//! The core workloads of YCSB (Cooper et al., "Benchmarking Cloud Serving Systems with YCSB", SoCC '10) by name.
//!
//! | name | operations | keys |
//! |---|---|---|
//! | `ycsb:a` | 50 % reads, 50 % updates | zipf 0.99 |
//! | `ycsb:b` | 95 % reads, 5 % updates | zipf 0.99 |
//! | `ycsb:c` | reads | zipf 0.99 |
//! | `ycsb:d` | 95 % reads, 5 % inserts | the latest, 0.99 |
//! | `ycsb:e` | 95 % scans of 1 to 100 keys, 5 % inserts | zipf 0.99 for the first key |
//! | `ycsb:f` | 50 % reads, 50 % read-modify-writes | zipf 0.99 |
//!
//! Values are of 1,000 bytes, as ten fields of 100 are. It differs from YCSB's own client where a cache in front of a
//! key-value store has no such thing, or where it would not matter but cost:
//!
//! - Keys have 16 bytes (YCSB: about 23), which `k` changes. Records are values, not fields: an update writes all of it, as
//!   YCSB does with `writeallfields`.
//! - The hottest key is the first, the next the second: YCSB scatters them by a hash. Nothing here depends on the order of keys.
//! - A scan is so many GETs in the order of hashes, each a request of its own in every count; the 95 to 5 are operations, so
//!   that about one request in 960 is an insert. Scans begin at keys that were there at the start; keys that were inserted
//!   are read by the scans that come past them.
//! - The latest keys are drawn from the `n` newest; YCSB draws from all there are by then.
//! - A read-modify-write is a GET and a SET, two requests. With a depth of 1 the SET waits for the reply to the GET; deeper
//!   pipelines send one behind the other.
//! - An insert that was refused is made again by the next insert. Each phase begins with `n` keys.

use std::str::FromStr;

use crate::spec::{Distribution, Phase};

/// Exponent of every choice of keys.
const THETA: f64 = 0.99;
/// Longest scan of workload E, in keys.
const SCAN_MAX: u64 = 100;
/// Bytes of a value: ten fields of 100.
const VALUE_BYTES: usize = 1_000;
/// Bytes of a key.
const KEY_BYTES: usize = 16;

/// A core workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ycsb {
    /// Update heavy.
    A,
    /// Read mostly.
    B,
    /// Read only.
    C,
    /// Read latest.
    D,
    /// Short ranges.
    E,
    /// Read-modify-write.
    F,
}

impl Ycsb {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::A, Self::B, Self::C, Self::D, Self::E, Self::F];

    /// Its settings with `keys` keys, and no duration.
    #[must_use]
    pub fn phase(self, keys: u64) -> Phase {
        let zipf = Distribution::Zipf { theta: THETA };
        let (write_ratio, insert_ratio, modify_ratio, distribution) = match self {
            Self::A => (0.5, 0.0, 0.0, zipf),
            Self::B => (0.05, 0.0, 0.0, zipf),
            Self::C => (0.0, 0.0, 0.0, zipf),
            Self::D => (0.0, 0.05, 0.0, Distribution::Latest { theta: THETA }),
            Self::E => (0.0, 0.05, 0.0, Distribution::Scan { theta: THETA, max: SCAN_MAX }),
            Self::F => (0.0, 0.0, 0.5, zipf),
        };
        Phase {
            first_key: 0,
            keys,
            key_bytes: KEY_BYTES,
            value_bytes: VALUE_BYTES,
            write_ratio,
            insert_ratio,
            modify_ratio,
            distribution,
            duration: None,
        }
    }
}

impl FromStr for Ycsb {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim().to_ascii_lowercase().as_str() {
            "a" => Ok(Self::A),
            "b" => Ok(Self::B),
            "c" => Ok(Self::C),
            "d" => Ok(Self::D),
            "e" => Ok(Self::E),
            "f" => Ok(Self::F),
            other => Err(format!("`{other}` is no YCSB workload: a, b, c, d, e or f")),
        }
    }
}
