//! The configuration of a program started without one: three tenants on loopback.

use super::quantity::{Bytes, BytesPerSecond};
use super::secret::Secret;
use super::tenant::TenantConfig;
use super::terms::Terms;
use super::{Config, Origin};

const NAMES: [&str; 3] = ["orders", "sessions", "catalog"];
const CACHE: Bytes = Bytes(64 << 20);
const UNITS_PER_S: f64 = 1000.0;
const NET: BytesPerSecond = BytesPerSecond(50e6);

/// A tenant and its password in plain text, for the banner of a demo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DemoLogin {
    /// The tenant's name.
    pub tenant: String,
    /// Its password; fixed and public, which is why a demo only listens on loopback.
    pub password: String,
}

impl Config {
    /// Embedded storage, managed Redis and three demo tenants, on loopback.
    pub fn demo() -> Self {
        let mut config = Self::empty(Origin::Demo);
        for name in NAMES {
            let password = format!("{name}-demo");
            config.tenants.push(TenantConfig {
                name: name.to_owned(),
                password: Some(Secret::from_plain(password.as_bytes())),
                table: name.to_owned(),
                cache_bytes: CACHE.0,
                near_cache_bytes: 0,
                read_units_per_s: UNITS_PER_S,
                write_units_per_s: UNITS_PER_S,
                net_bytes_per_s: NET.0,
                port: None,
                redis: None,
                max_wait: config.limits.max_wait,
                allow_flush: false,
                terms: Terms::default(),
            });
            config.demo_logins.push(DemoLogin { tenant: name.to_owned(), password });
        }
        config
    }
}
