//! A spec as it is written: TOML, unknown fields refused with their line.

use serde::Deserialize;

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSpec {
    pub(super) name: String,
    pub(super) title: String,
    pub(super) shows: String,
    #[serde(default)]
    pub(super) paper: Option<String>,
    pub(super) policies: Vec<String>,
    pub(super) base: RawShare,
    #[serde(default)]
    pub(super) clients: RawClients,
    #[serde(default)]
    pub(super) time: RawTime,
    #[serde(default)]
    pub(super) allocator: RawAllocator,
    #[serde(default)]
    pub(super) vary: Option<RawVary>,
    #[serde(rename = "tenant")]
    pub(super) tenants: Vec<RawTenant>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawShare {
    pub(super) cache: String,
    pub(super) read_units: f64,
    pub(super) write_units: f64,
    pub(super) net: String,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawClients {
    pub(super) connections: u64,
    pub(super) depth: usize,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawTime {
    pub(super) learn: String,
    pub(super) settle: String,
    pub(super) measure: String,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawAllocator {
    pub(super) every: Option<String>,
    pub(super) apply: String,
    pub(super) threshold: Option<f64>,
    pub(super) smoothing: u32,
    pub(super) curve_max: f64,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawVary {
    pub(super) name: String,
    pub(super) label: String,
    pub(super) values: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTenant {
    pub(super) name: String,
    #[serde(default)]
    pub(super) workload: Option<String>,
    #[serde(default)]
    pub(super) trace: Option<String>,
    #[serde(default)]
    pub(super) stand_in: Option<String>,
    #[serde(default = "one")]
    pub(super) count: u32,
    #[serde(default)]
    pub(super) base: Option<RawShare>,
    #[serde(default)]
    pub(super) arrives: Option<String>,
    #[serde(default)]
    pub(super) leaves: Option<String>,
    #[serde(default)]
    pub(super) rate: Option<f64>,
}

fn one() -> u32 {
    1
}

impl Default for RawClients {
    fn default() -> Self {
        Self { connections: 32, depth: 4 }
    }
}

impl Default for RawTime {
    fn default() -> Self {
        Self { learn: "40s".into(), settle: "20s".into(), measure: "60s".into() }
    }
}

impl Default for RawAllocator {
    fn default() -> Self {
        Self { every: None, apply: "direct".into(), threshold: None, smoothing: 3, curve_max: 4.0 }
    }
}
