//! Prints the effective configuration as TOML, with every field and without secrets.

use std::fmt::{self, Write};

use super::choice::{CacheKind, StorageKind};
use super::quantity::{Bytes, BytesPerSecond, Count, Number, Period, UnitsPerSecond};
use super::secret::{MASK, Secret};
use super::server::{Workers, is_loopback};
use super::tenant::TenantConfig;
use super::{AllocatorConfig, CacheConfig, Config, RawBound, Salt, ServerConfig, StorageConfig};

impl Config {
    /// The effective configuration: every field that applies, defaults included, in human units.
    /// Secrets are `"***"`, which no configuration accepts as a secret. Fields that are not set
    /// are comments.
    pub fn to_toml(&self) -> String {
        let mut printer = Printer::default();
        printer.comment(&format!("From {}.", self.origin));
        printer.server(&self.server);
        printer.storage(&self.storage);
        printer.cache(&self.cache);
        printer.section("[limits]");
        printer.quoted("max_wait", Period(self.limits.max_wait));
        printer.allocator(&self.allocator);
        for tenant in &self.tenants {
            printer.tenant(tenant, self.cache.kind);
        }
        printer.text
    }

    /// One line that says what this configuration is.
    pub fn summary(&self) -> String {
        let tenants = match self.tenants.len() {
            1 => "1 tenant".to_owned(),
            count => format!("{count} tenants"),
        };
        let cache_bytes = self.tenants.iter().map(|tenant| tenant.cache_bytes).sum();
        let reach =
            if is_loopback(self.server.listen) { "loopback only" } else { "open to the network" };
        let policy = match self.allocator.enabled {
            true => format!("allocator {}", self.allocator.policy),
            false => "allocator off".to_owned(),
        };
        format!(
            "{} is valid: {tenants}, {} cache, {} storage, {} redis, {policy}, listen {} ({reach})",
            self.origin,
            Bytes(cache_bytes),
            self.storage.kind,
            self.cache.kind,
            self.server.listen,
        )
    }
}

/// Writes sections and fields. Writing to a `String` cannot fail, so results are dropped.
#[derive(Default)]
struct Printer {
    text: String,
}

impl Printer {
    fn server(&mut self, server: &ServerConfig) {
        self.section("[server]");
        self.quoted("listen", server.listen);
        self.quoted("admin", server.admin);
        self.secret("admin_token", server.admin_token.as_ref());
        self.secret("admin_read_token", server.admin_read_token.as_ref());
        match server.workers {
            Workers::Auto => self.quoted("workers", "auto"),
            Workers::Fixed(count) => self.plain("workers", count),
        }
        self.quoted("data_dir", server.data_dir.display());
        self.plain("max_clients", server.max_clients);
        self.optional("default_tenant", server.default_tenant.as_ref());
        self.quoted("drain_timeout", Period(server.drain_timeout));
        self.plain("max_pipeline", server.max_pipeline);
        self.quoted("output_buffer", Bytes(server.output_buffer_bytes));
    }

    fn storage(&mut self, storage: &StorageConfig) {
        self.section("[storage]");
        self.quoted("kind", storage.kind);
        if storage.kind == StorageKind::Dynamodb {
            self.optional("endpoint", storage.endpoint.as_ref());
            self.optional("region", storage.region.as_ref());
        }
        self.plain("consistent_reads", storage.consistent_reads);
        self.plain("create_tables", storage.create_tables);
        self.quoted("connect_timeout", Period(storage.connect_timeout));
        self.quoted("attempt_timeout", Period(storage.attempt_timeout));
        self.quoted("operation_timeout", Period(storage.operation_timeout));
        self.plain("max_attempts", storage.max_attempts);
        self.plain("max_concurrency", storage.max_concurrency);
        self.plain("batch", storage.batch);
        self.quoted("key_attribute", &storage.key_attribute);
        self.quoted("value_attribute", &storage.value_attribute);
        self.quoted("type_attribute", &storage.type_attribute);
        self.quoted("expiry_attribute", &storage.expiry_attribute);
        self.quoted("ttl_attribute", &storage.ttl_attribute);
        if storage.kind == StorageKind::Synthetic {
            self.quoted("latency", Period(storage.latency));
            self.quoted("value_bytes", Bytes(storage.value_bytes));
            let sizes = &storage.value_sizes;
            self.optional("value_sizes", (!sizes.stretches().is_empty()).then_some(sizes));
        }
    }

    fn cache(&mut self, cache: &CacheConfig) {
        self.section("[cache]");
        self.quoted("kind", cache.kind);
        self.quoted("redis_server", &cache.redis_server);
        self.plain("exclusive", cache.exclusive);
        self.quoted("lease", Period(cache.lease));
        self.quoted("fence", Period(cache.fence));
        self.quoted("negative_ttl", Period(cache.negative_ttl));
        self.plain("maxmemory_samples", cache.maxmemory_samples);
    }

    fn allocator(&mut self, allocator: &AllocatorConfig) {
        self.section("[allocator]");
        self.plain("enabled", allocator.enabled);
        self.quoted("policy", allocator.policy);
        self.quoted("interval", Period(allocator.interval));
        self.quoted("apply", allocator.apply);
        self.number("threshold", Number(allocator.threshold));
        match allocator.salt {
            Salt::Auto => self.quoted("salt", Salt::Auto),
            Salt::Fixed(salt) => self.number("salt", Number(salt)),
        }
        self.plain("smoothing", allocator.smoothing);
        self.quoted("gradual_step", Bytes(allocator.gradual_step_bytes));
        self.quoted("min_cache", Bytes(allocator.min_cache_bytes));
        self.number("curve_max", Number(allocator.curve_max));
        self.number("tracked_keys", Count(allocator.tracked_keys.into()));
        self.number("reserve", Number(allocator.reserve));
        self.number("stability", Number(allocator.stability));
    }

    fn tenant(&mut self, tenant: &TenantConfig, kind: CacheKind) {
        self.section("[[tenant]]");
        self.quoted("name", &tenant.name);
        self.secret("password", tenant.password.as_ref());
        self.quoted("table", &tenant.table);
        self.quoted("cache", Bytes(tenant.cache_bytes));
        self.number("near_cache", Bytes(tenant.near_cache_bytes));
        self.number("read_units", UnitsPerSecond(tenant.read_units_per_s));
        self.number("write_units", UnitsPerSecond(tenant.write_units_per_s));
        self.quoted("net", BytesPerSecond(tenant.net_bytes_per_s));
        match tenant.port {
            Some(port) => self.plain("port", port),
            None => self.unset("port"),
        }
        if kind == CacheKind::Dedicated {
            self.optional("redis", tenant.redis.as_ref());
        }
        self.quoted("max_wait", Period(tenant.max_wait));
        self.plain("allow_flush", tenant.allow_flush);
        self.number("weight", Number(tenant.terms.weight));
        let [min, max] = tenant.terms.raw_bounds();
        self.bound("min", min);
        self.bound("max", max);
    }

    fn bound(&mut self, field: &str, bound: Option<RawBound>) {
        let Some(bound) = bound else { return self.unset(field) };
        let amounts = [bound.cache, bound.read_units, bound.write_units, bound.net];
        let amounts = RawBound::FIELDS.iter().zip(amounts);
        let given = amounts.filter_map(|(name, amount)| Some(format!("{name} = {}", amount?)));
        self.plain(field, format!("{{ {} }}", given.collect::<Vec<_>>().join(", ")));
    }

    fn comment(&mut self, text: &str) {
        let _ = writeln!(self.text, "# {}", text.replace(char::is_control, " "));
    }

    fn section(&mut self, header: &str) {
        let _ = writeln!(self.text, "\n{header}");
    }

    fn plain(&mut self, field: &str, value: impl fmt::Display) {
        let _ = writeln!(self.text, "{field} = {value}");
    }

    /// A text, escaped as TOML wants it.
    fn quoted(&mut self, field: &str, value: impl fmt::Display) {
        let value = toml::Value::String(value.to_string());
        self.plain(field, value);
    }

    /// A number, in quotes only if its shortest form has a suffix.
    fn number(&mut self, field: &str, value: impl fmt::Display) {
        let text = value.to_string();
        if text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
            self.plain(field, text);
        } else {
            self.quoted(field, text);
        }
    }

    fn secret(&mut self, field: &str, value: Option<&Secret>) {
        self.optional(field, value.map(|_| MASK));
    }

    fn optional(&mut self, field: &str, value: Option<impl fmt::Display>) {
        match value {
            Some(value) => self.quoted(field, value),
            None => self.unset(field),
        }
    }

    fn unset(&mut self, field: &str) {
        self.comment(&format!("{field} is not set"));
    }
}
