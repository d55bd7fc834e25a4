//! `[[tenant]]`: who a tenant is and what its base share is.
//!
//! Tenants come from the file, from the admin API and from the saved state. The rules stand here
//! once, for all three.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use hare::{Rates, Resources};

use super::choice::CacheKind;
use super::limits::MAX_WAIT_MAX;
use super::problem::ConfigError;
use super::quantity::{Bytes, BytesPerSecond, Number, Period, UnitsPerSecond};
use super::raw::{RawSecret, RawTenant};
use super::redis_url::RedisUrl;
use super::scalar::Scalar;
use super::secret::Secret;
use super::section::{Env, Finding, Section, Spot};
use super::server::{clash, is_loopback};
use super::terms::{self, Terms};
use crate::near::MOST_OF_QUOTA;

/// The section's name in the file.
pub(super) const SECTION: &str = "tenant";

/// Longest tenant name in bytes; sockets and files are named after tenants.
pub const TENANT_NAME_BYTES_MAX: usize = 64;

pub(super) const CACHE_BYTES_MAX: u64 = 1 << 50;
/// Below this the tables would take most of it.
const NEAR_CACHE_BYTES_MIN: u64 = 1 << 20;
const UNITS_PER_S_MIN: UnitsPerSecond = UnitsPerSecond(1.0);
pub(super) const UNITS_PER_S_MAX: UnitsPerSecond = UnitsPerSecond(1e9);
const NET_BYTES_PER_S_MIN: BytesPerSecond = BytesPerSecond(1e3);
pub(super) const NET_BYTES_PER_S_MAX: BytesPerSecond = BytesPerSecond(1e13);

/// A tenant: who it is and what its base share is.
#[derive(Debug, Clone, PartialEq)]
pub struct TenantConfig {
    /// User name of its clients, metric label and file name.
    pub name: String,
    /// Its password; `None` = any password is accepted, only possible on loopback.
    pub password: Option<Secret>,
    /// Its table; no two tenants share one.
    pub table: String,
    /// Base share of cache.
    pub cache_bytes: u64,
    /// The most of its cache that the proxy may use itself for replies to hot keys; 0 = none.
    pub near_cache_bytes: u64,
    /// Base share of read units.
    pub read_units_per_s: f64,
    /// Base share of write units.
    pub write_units_per_s: f64,
    /// Base share of bandwidth, client and storage side together.
    pub net_bytes_per_s: f64,
    /// A port of its own, on the IP address of `[server] listen`.
    pub port: Option<u16>,
    /// Its Redis; `Some` exactly if the cache kind is `dedicated`.
    pub redis: Option<RedisUrl>,
    /// Longest wait of a request for these limits.
    pub max_wait: Duration,
    /// Whether its clients may delete all keys at once.
    pub allow_flush: bool,
    /// Its part of an improvement, and the least and the most it may be given.
    pub terms: Terms,
}

/// What a tenant has to fit into: facts of the rest of the configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct TenantRules {
    /// Where clients connect.
    pub listen: SocketAddr,
    /// Where the admin API is served.
    pub admin: SocketAddr,
    /// Who runs the Redis servers.
    pub cache_kind: CacheKind,
    /// Whether this proxy alone uses the caches.
    pub exclusive_caches: bool,
    /// Cache no tenant has less of.
    pub min_cache_bytes: u64,
    /// `max_wait` of tenants that do not set one.
    pub max_wait: Duration,
}

impl TenantConfig {
    /// The raw form that reads back as this tenant, for the saved state and for a PATCH. The
    /// password is a digest; a Redis URL is in full, so keep the state file private.
    pub fn to_raw(&self) -> RawTenant {
        let text = |value: &dyn fmt::Display| Some(Scalar::Text(value.to_string()));
        let [min, max] = self.terms.raw_bounds();
        RawTenant {
            name: text(&self.name),
            password: self.password.as_ref().map(|secret| RawSecret::from(secret.to_setting())),
            table: text(&self.table),
            cache: text(&Bytes(self.cache_bytes)),
            near_cache: text(&Bytes(self.near_cache_bytes)),
            read_units: text(&UnitsPerSecond(self.read_units_per_s)),
            write_units: text(&UnitsPerSecond(self.write_units_per_s)),
            net: text(&BytesPerSecond(self.net_bytes_per_s)),
            port: self.port.map(|port| Scalar::Integer(port.into())),
            redis: self.redis.as_ref().map(|url| RawSecret::from(url.expose())),
            max_wait: text(&Period(self.max_wait)),
            allow_flush: Some(Scalar::Bool(self.allow_flush)),
            weight: text(&Number(self.terms.weight)),
            min,
            max,
        }
    }
}

impl RawTenant {
    /// Checks a tenant that came at run time or from the saved state. `others` are all tenants
    /// but this one.
    ///
    /// # Errors
    /// Every field that is wrong, and every clash with another tenant.
    pub fn validate(
        &self,
        rules: &TenantRules,
        env: Env<'_>,
        others: &[TenantConfig],
    ) -> Result<TenantConfig, ConfigError> {
        let mut findings = Vec::new();
        let mut section = section(self, None, env, &mut findings);
        let tenant = read(self, rules, &mut section);
        reject_clashes(&tenant, others, &mut section);
        if findings.is_empty() { Ok(tenant) } else { Err(Finding::unplaced(findings)) }
    }
}

/// Reads all tenants of a file.
pub(super) fn read_all(
    raw: &[RawTenant],
    rules: &TenantRules,
    env: Env<'_>,
    findings: &mut Vec<Finding>,
) -> Vec<TenantConfig> {
    let mut tenants: Vec<TenantConfig> = Vec::with_capacity(raw.len());
    for (index, raw) in raw.iter().enumerate() {
        let mut section = section(raw, Some(index), env, findings);
        let tenant = read(raw, rules, &mut section);
        reject_clashes(&tenant, &tenants, &mut section);
        tenants.push(tenant);
    }
    tenants
}

fn section<'a>(
    raw: &RawTenant,
    index: Option<usize>,
    env: Env<'a>,
    findings: &'a mut Vec<Finding>,
) -> Section<'a> {
    let label = match (&raw.name, index) {
        (Some(Scalar::Text(name)), _) if !name.is_empty() => format!("tenant {name:?}"),
        (_, Some(index)) => format!("tenant number {}", index + 1),
        _ => "tenant".to_owned(),
    };
    Section::new(Spot::section(SECTION, index), label, env, findings)
}

fn read(raw: &RawTenant, rules: &TenantRules, section: &mut Section<'_>) -> TenantConfig {
    let is_complete = require(raw, section);
    let name = section.text("name", raw.name.as_ref(), "", tenant_name);
    let table = match &raw.table {
        None if !name.is_empty() && table_name(&name).is_err() => {
            section.reject("name", "is too short for a table name; add table = \"...\"");
            name.clone()
        }
        table => section.text("table", table.as_ref(), &name, table_name),
    };
    let before = section.findings();
    let base = base(raw, rules, section);
    // A tenant without a right base share is complained of once, not for what its bounds are held against.
    let is_base_right = is_complete && section.findings() == before;
    TenantConfig {
        table,
        password: password(raw, rules, section),
        cache_bytes: base.cache_bytes,
        near_cache_bytes: near_cache(raw, rules, is_base_right.then_some(&base), section),
        read_units_per_s: base.read_units_per_s,
        write_units_per_s: base.write_units_per_s,
        net_bytes_per_s: base.net_bytes_per_s,
        port: port(raw, rules, section),
        redis: redis(raw, rules, section),
        max_wait: section.period(
            "max_wait",
            raw.max_wait.as_ref(),
            rules.max_wait,
            Duration::ZERO..=MAX_WAIT_MAX,
        ),
        allow_flush: section.flag("allow_flush", raw.allow_flush.as_ref(), false),
        terms: terms::read(raw, is_base_right.then_some(&base), section),
        name,
    }
}

fn base(raw: &RawTenant, rules: &TenantRules, section: &mut Section<'_>) -> Resources {
    let least = rules.min_cache_bytes;
    let cache_bytes = section.bytes("cache", raw.cache.as_ref(), least, least..=CACHE_BYTES_MAX);
    let units = UNITS_PER_S_MIN..=UNITS_PER_S_MAX;
    let mut rate = |field: &str, raw: Option<&Scalar>| {
        section.quantity(field, raw, UNITS_PER_S_MIN, units.clone()).0
    };
    let read_units_per_s = rate("read_units", raw.read_units.as_ref());
    let write_units_per_s = rate("write_units", raw.write_units.as_ref());
    let (least, most) = (NET_BYTES_PER_S_MIN, NET_BYTES_PER_S_MAX);
    let net = section.quantity("net", raw.net.as_ref(), least, least..=most);
    let rates = Rates { read_units_per_s, write_units_per_s, net_bytes_per_s: net.0 };
    Resources::new(cache_bytes, rates)
}

/// `base` is not given if something is wrong with it.
fn near_cache(
    raw: &RawTenant,
    rules: &TenantRules,
    base: Option<&Resources>,
    section: &mut Section<'_>,
) -> u64 {
    let before = section.findings();
    let bytes = section.bytes("near_cache", raw.near_cache.as_ref(), 0, 0..=CACHE_BYTES_MAX);
    let given = || format!("\"{}\"", Bytes(bytes));
    if bytes == 0 || section.findings() > before {
        return 0;
    }
    if !rules.exclusive_caches {
        let what = "needs [cache] exclusive = true: a proxy that is not alone is not told what others \
                    write, and would serve old values; remove it, or set exclusive if no other proxy \
                    uses this table and this Redis";
        section.reject_value("near_cache", given(), what);
    } else if bytes < NEAR_CACHE_BYTES_MIN {
        let what =
            format!("is too small; the least is {}, or 0 for none", Bytes(NEAR_CACHE_BYTES_MIN));
        section.reject_value("near_cache", given(), what);
    } else if let Some(most) = base.map(|base| base.cache_bytes / MOST_OF_QUOTA)
        && bytes > most
    {
        let what = format!(
            "is more than a quarter of cache, which it is taken from; the most is {}",
            Bytes(most)
        );
        section.reject_value("near_cache", given(), what);
    }
    bytes
}

/// Notes fields without a default that are left out; true if none is.
fn require(raw: &RawTenant, section: &mut Section<'_>) -> bool {
    let before = section.findings();
    for (field, value, example) in [
        ("name", &raw.name, "\"orders\""),
        ("cache", &raw.cache, "\"256MiB\""),
        ("read_units", &raw.read_units, "1000"),
        ("write_units", &raw.write_units, "1000"),
        ("net", &raw.net, "\"50MB/s\""),
    ] {
        if value.is_none() {
            section.missing(field, example);
        }
    }
    section.findings() == before
}

fn password(raw: &RawTenant, rules: &TenantRules, section: &mut Section<'_>) -> Option<Secret> {
    if raw.password.is_none() && !is_loopback(rules.listen) {
        let what = format!(
            "is missing, and other machines can reach [server] listen = \"{}\"; \
             add password = \"env:NAME\" or listen on 127.0.0.1",
            rules.listen
        );
        section.reject("password", what);
    }
    section.secret("password", raw.password.as_ref())
}

fn port(raw: &RawTenant, rules: &TenantRules, section: &mut Section<'_>) -> Option<u16> {
    let port = section.count::<u16>("port", Some(raw.port.as_ref()?), 1, 1..=u16::MAX);
    let socket = SocketAddr::new(rules.listen.ip(), port);
    for (server, field) in [(rules.listen, "listen"), (rules.admin, "admin")] {
        if clash(socket, server) {
            let what = format!("is taken by [server] {field}; choose another");
            section.reject_value("port", port, what);
        }
    }
    Some(port)
}

fn redis(raw: &RawTenant, rules: &TenantRules, section: &mut Section<'_>) -> Option<RedisUrl> {
    match (rules.cache_kind, &raw.redis) {
        (CacheKind::Managed, None) => None,
        (CacheKind::Managed, Some(_)) => {
            let what = "needs [cache] kind = \"dedicated\"; a managed Redis is started for each \
                        tenant, so remove it or change the kind";
            section.reject("redis", what);
            None
        }
        (CacheKind::Dedicated, None) => {
            section.missing("redis", "\"redis://127.0.0.1:6379\"");
            None
        }
        (CacheKind::Dedicated, url) => {
            let text = section.sensitive("redis", url.as_ref())?;
            RedisUrl::parse(&text).map_err(|what| section.reject("redis", what)).ok()
        }
    }
}

/// What no two tenants may have in common.
fn reject_clashes(tenant: &TenantConfig, others: &[TenantConfig], section: &mut Section<'_>) {
    for other in others {
        let (mine, theirs) = (&tenant.name, &other.name);
        if mine.eq_ignore_ascii_case(theirs) && !mine.is_empty() {
            let what = if mine == theirs {
                "is the name of another tenant too; rename one".to_owned()
            } else {
                format!("differs from tenant \"{theirs}\" only in case; rename one")
            };
            section.reject_value("name", format!("\"{mine}\""), what);
            continue;
        }
        if tenant.table == other.table && !tenant.table.is_empty() {
            let what = format!(
                "is the table of tenant \"{theirs}\"; two caches of one table would serve old \
                 values, so give each tenant its own"
            );
            section.reject_value("table", format!("\"{}\"", tenant.table), what);
        }
        if let Some(port) = tenant.port.filter(|_| tenant.port == other.port) {
            let what = format!("is taken by tenant \"{theirs}\"; choose another");
            section.reject_value("port", port, what);
        }
        let address = |tenant: &TenantConfig| tenant.redis.as_ref().map(|url| url.address.clone());
        if tenant.redis.is_some() && address(tenant) == address(other) {
            let what = format!(
                "is the Redis of tenant \"{theirs}\"; its memory limit is one tenant's quota, so \
                 give each tenant its own"
            );
            section.reject("redis", what);
        }
    }
}

fn tenant_name(name: &str) -> Result<(), String> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if !name.bytes().all(fits) || !name.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return Err("use letters, digits, \"-\" and \"_\", and begin with a letter or digit: it \
                    is a user name, a metric label and a file name"
            .to_owned());
    }
    if name.len() > TENANT_NAME_BYTES_MAX {
        return Err(format!("has {} bytes; the most is {TENANT_NAME_BYTES_MAX}", name.len()));
    }
    if name == "default" {
        return Err("is what Redis calls clients without a user name; choose another".to_owned());
    }
    Ok(())
}

/// DynamoDB's rule for table names.
fn table_name(name: &str) -> Result<(), String> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if (3..=255).contains(&name.len()) && name.bytes().all(fits) {
        return Ok(());
    }
    Err("DynamoDB table names are 3 to 255 letters, digits, \"-\", \"_\" or \".\"".to_owned())
}

#[cfg(test)]
mod tests {
    use super::{RawTenant, TenantConfig, TenantRules};
    use crate::config::{CacheKind, Config, Scalar};

    fn demo() -> (Vec<TenantConfig>, TenantRules) {
        let config = Config::demo();
        let rules = config.tenant_rules();
        (config.tenants, rules)
    }

    #[test]
    fn saved_state_reads_back() {
        let (tenants, mut rules) = demo();
        let json = serde_json::to_string(&tenants[0].to_raw()).unwrap();
        assert!(json.contains("sha256:") && !json.contains("orders-demo"), "{json}");
        let raw: RawTenant = serde_json::from_str(&json).unwrap();
        assert_eq!(raw.validate(&rules, &|_| None, &tenants[1..]).unwrap(), tenants[0]);

        rules.cache_kind = CacheKind::Dedicated;
        let raw = RawTenant { redis: Some("redis://:secret@h:1/0".into()), ..raw };
        assert!(!format!("{raw:?}").contains("secret"));
        let tenant = raw.validate(&rules, &|_| None, &[]).unwrap();
        assert!(!format!("{tenant:?}").contains("secret"));
        assert_eq!(tenant.to_raw().validate(&rules, &|_| None, &[]).unwrap(), tenant);
    }

    #[test]
    fn a_request_body_is_checked_like_the_file() {
        let (tenants, rules) = demo();
        let body = r#"{"name": "carts", "cache": "1MiB", "read_units": -1, "net": true}"#;
        let raw: RawTenant = serde_json::from_str(body).unwrap();
        let error = raw.validate(&rules, &|_| None, &tenants).unwrap_err();
        let fields: Vec<_> = error.problems().iter().filter_map(|p| p.field.as_deref()).collect();
        assert_eq!(fields, ["write_units", "cache", "read_units", "net"]);
        assert!(
            error
                .to_string()
                .contains("tenant \"carts\" cache = \"1MiB\": is too small; the least is 10MiB")
        );
        let unknown = serde_json::from_str::<RawTenant>(r#"{"nme": "carts"}"#).unwrap_err();
        assert!(unknown.to_string().contains("unknown field `nme`"));
    }

    #[test]
    fn a_patch_keeps_what_it_leaves_out() {
        let (tenants, rules) = demo();
        let patch = RawTenant { cache: Some(Scalar::from("128MiB")), ..RawTenant::default() };
        let raw = patch.over(tenants[0].to_raw());
        let patched = raw.validate(&rules, &|_| None, &tenants[1..]).unwrap();
        assert_eq!(patched, TenantConfig { cache_bytes: 128 << 20, ..tenants[0].clone() });
    }
}
