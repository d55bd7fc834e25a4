//! A base share as it is written: `cache=1GiB,rcu=500,wcu=500,net=20MB/s`.

use std::fmt;
use std::str::FromStr;

use hare::Resources;
use serde::Serialize;

use crate::spec::parse_bytes;

/// What a tenant is entitled to.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Base(pub Resources);

/// An example of how it is written.
const EXAMPLE: &str = "cache=1GiB,rcu=500,wcu=500,net=20MB/s";

impl FromStr for Base {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (mut cache, mut rcu, mut wcu, mut net) = (None, None, None, None);
        for part in text.split(',').map(str::trim) {
            let (name, value) = part
                .split_once('=')
                .ok_or_else(|| format!("`{part}` is not NAME=VALUE, as in {EXAMPLE}"))?;
            let value = value.trim();
            let rate = || match value.parse::<f64>() {
                Ok(rate) if rate > 0.0 && rate.is_finite() => Ok(rate),
                _ => Err(format!("{name}={value}: a number of units per second above 0")),
            };
            match name.trim() {
                "cache" => cache = Some(parse_bytes(value)?),
                "rcu" => rcu = Some(rate()?),
                "wcu" => wcu = Some(rate()?),
                "net" => net = Some(parse_bytes(value.strip_suffix("/s").unwrap_or(value))? as f64),
                _ => return Err(format!("unknown `{name}`; write {EXAMPLE}")),
            }
        }
        let missing = |name: &str| format!("{name} is missing; write {EXAMPLE}");
        Ok(Self(Resources {
            cache_bytes: cache.ok_or_else(|| missing("cache"))?,
            read_units_per_s: rcu.ok_or_else(|| missing("rcu"))?,
            write_units_per_s: wcu.ok_or_else(|| missing("wcu"))?,
            net_bytes_per_s: net.ok_or_else(|| missing("net"))?,
        }))
    }
}

impl fmt::Display for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Resources { cache_bytes, read_units_per_s, write_units_per_s, net_bytes_per_s } =
            self.0;
        write!(
            f,
            "cache={cache_bytes},rcu={read_units_per_s},wcu={write_units_per_s},net={net_bytes_per_s}"
        )
    }
}
