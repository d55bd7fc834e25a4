//! The configuration: from text to values the rest of the program can trust.
//!
//! A file is read in three steps. `source` parses it and reports names that are not ours;
//! `raw` holds what was written, unchecked; the module of each section checks it and fills in
//! defaults. Every problem found is reported at once, one line each, with file, line, field and
//! fix; nothing is started before all of them are gone.
//!
//! Rules between sections that would be unsafe to get wrong are checked too: an address other
//! machines can reach needs a password for every tenant and a token for the admin API.

mod allocator;
mod cache;
mod choice;
mod decimal;
mod demo;
mod limits;
mod print;
mod problem;
mod quantity;
mod raw;
mod redis_url;
mod scalar;
mod secret;
mod section;
mod server;
mod source;
mod storage;
mod tenant;
mod terms;
#[cfg(test)]
mod tests;
mod value_sizes;

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

pub use allocator::{AllocatorConfig, Salt};
pub use cache::CacheConfig;
pub use choice::{Apply, CacheKind, Choice, Policy, StorageKind};
pub use demo::DemoLogin;
pub use limits::LimitsConfig;
pub use problem::{ConfigError, Place, Problem};
pub use quantity::{
    Bytes, BytesPerSecond, Count, Number, Period, Quantity, QuantityError, UnitsPerSecond,
};
pub use raw::{RawAllocator, RawSecret, RawTenant};
pub use redis_url::{RedisAddress, RedisUrl};
pub use scalar::Scalar;
pub use secret::Secret;
pub use section::Env;
pub use server::{ServerConfig, Workers};
pub use storage::StorageConfig;
pub use tenant::{TENANT_NAME_BYTES_MAX, TenantConfig, TenantRules};
pub use terms::{RawBound, Terms};

use raw::RawConfig;
use section::{Finding, Section};
use source::{Source, nearest};

/// Names the file if neither the command line nor the working directory does.
pub const PATH_VARIABLE: &str = "HOPPERKV_CONFIG";

/// The file read if it is in the working directory and no other is named.
pub const DEFAULT_FILE: &str = "hopperkv.toml";

/// A configuration that has passed every check.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Where it came from.
    pub origin: Origin,
    /// `[server]`.
    pub server: ServerConfig,
    /// `[storage]`.
    pub storage: StorageConfig,
    /// `[cache]`.
    pub cache: CacheConfig,
    /// `[limits]`.
    pub limits: LimitsConfig,
    /// `[allocator]`.
    pub allocator: AllocatorConfig,
    /// `[[tenant]]`, in the order of the file; may be empty, as the admin API can add some.
    pub tenants: Vec<TenantConfig>,
    /// The demo's passwords, for its banner; empty for any other configuration.
    pub demo_logins: Vec<DemoLogin>,
}

/// Where a configuration came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nowhere: the built-in demo.
    Demo,
    /// A file.
    File(PathBuf),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Demo => f.write_str("the built-in demo configuration"),
            Self::File(path) => path.display().fmt(f),
        }
    }
}

impl Config {
    /// Loads the first of: `path` (from the command line), the file that `HOPPERKV_CONFIG` names,
    /// `hopperkv.toml` in the working directory, the built-in demo.
    ///
    /// # Errors
    /// A file that cannot be read, and everything that is wrong with it.
    pub fn load(path: Option<&Path>, env: Env<'_>) -> Result<Self, ConfigError> {
        Self::load_beside(Path::new(""), path, env)
    }

    /// Checks a configuration text; `file` names it in messages.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn parse(text: &str, file: &Path, env: Env<'_>) -> Result<Self, ConfigError> {
        let mut findings = Vec::new();
        let name = file.display().to_string();
        let (source, raw) = Source::parse(&name, text, &mut findings)?;
        let config = Self::read(&raw, Origin::File(file.to_owned()), env, &mut findings);
        if findings.is_empty() { Ok(config) } else { Err(source.locate(findings)) }
    }

    /// What a tenant added at run time has to fit into.
    pub fn tenant_rules(&self) -> TenantRules {
        TenantRules {
            listen: self.server.listen,
            admin: self.server.admin,
            cache_kind: self.cache.kind,
            exclusive_caches: self.cache.exclusive,
            min_cache_bytes: self.allocator.min_cache_bytes,
            max_wait: self.limits.max_wait,
        }
    }

    /// Defaults everywhere and no tenants.
    fn empty(origin: Origin) -> Self {
        Self {
            origin,
            server: ServerConfig::default(),
            storage: StorageConfig::default(),
            cache: CacheConfig::default(),
            limits: LimitsConfig::default(),
            allocator: AllocatorConfig::default(),
            tenants: Vec::new(),
            demo_logins: Vec::new(),
        }
    }

    /// [`Config::load`] with the working directory given, for tests.
    fn load_beside(
        directory: &Path,
        path: Option<&Path>,
        env: Env<'_>,
    ) -> Result<Self, ConfigError> {
        let variable = env(PATH_VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from);
        let default = directory.join(DEFAULT_FILE);
        let path = match path.map(Path::to_owned).or(variable) {
            Some(path) => path,
            None if default.exists() => default,
            None => return Ok(Self::demo()),
        };
        let text = fs::read_to_string(&path).map_err(|error| {
            let message = format!(
                "cannot read the configuration: {error}; name another file with --config, or \
                 start without one for the demo"
            );
            ConfigError::unreadable(&path.display().to_string(), message)
        })?;
        Self::parse(&text, &path, env)
    }

    fn read(raw: &RawConfig, origin: Origin, env: Env<'_>, findings: &mut Vec<Finding>) -> Self {
        let server = server::read(&raw.server, &mut Section::named("server", env, findings));
        let storage = storage::read(&raw.storage, &mut Section::named("storage", env, findings));
        let cache = cache::read(
            &raw.cache,
            storage.operation_timeout,
            &mut Section::named("cache", env, findings),
        );
        let limits = limits::read(&raw.limits, &mut Section::named("limits", env, findings));
        let allocator = allocator::read(
            &raw.allocator,
            &AllocatorConfig::default(),
            &mut Section::named("allocator", env, findings),
        );
        let mut config = Self { server, storage, cache, limits, allocator, ..Self::empty(origin) };
        config.tenants = tenant::read_all(&raw.tenant, &config.tenant_rules(), env, findings);
        config.check_default_tenant(&mut Section::named("server", env, findings));
        config
    }

    fn check_default_tenant(&self, section: &mut Section<'_>) {
        let Some(name) = &self.server.default_tenant else { return };
        let names = || self.tenants.iter().map(|tenant| tenant.name.as_str());
        if names().any(|known| known == name) || name.is_empty() {
            return;
        }
        let what = match nearest(name, names()) {
            Some(near) => format!("no such tenant; did you mean \"{near}\"?"),
            None => "no such tenant; add a [[tenant]] of that name".to_owned(),
        };
        section.reject_value("default_tenant", format!("{name:?}"), what);
    }
}
