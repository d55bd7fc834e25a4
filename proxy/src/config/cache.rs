//! `[cache]`: whose Redis servers, and how long leases, fences and negative entries stand.

use std::time::Duration;

use super::choice::CacheKind;
use super::quantity::Period;
use super::raw::RawCache;
use super::section::Section;

/// Whose Redis servers, and how long leases, fences and negative entries stand.
#[derive(Debug, Clone, PartialEq)]
pub struct CacheConfig {
    /// Who runs the Redis servers.
    pub kind: CacheKind,
    /// The program to start, a name on the PATH or a path: for each tenant if `managed`, and in either case as the
    /// spare one that computes while a tenant's own is down.
    pub redis_server: String,
    /// Whether this proxy alone uses these caches; always true for `managed`.
    pub exclusive: bool,
    /// How long a reader may take to fill the cache after its miss.
    pub lease: Duration,
    /// How long a writer's mark stands; longer than any storage operation can take.
    pub fence: Duration,
    /// How long a key missing in storage is remembered as missing; zero = not at all.
    pub negative_ttl: Duration,
    /// Redis's `maxmemory-samples`: keys compared per eviction.
    pub maxmemory_samples: u32,
}

impl Default for CacheConfig {
    fn default() -> Self {
        Self {
            kind: CacheKind::Managed,
            redis_server: "redis-server".to_owned(),
            exclusive: true,
            lease: Duration::from_secs(10),
            fence: Duration::from_secs(10),
            negative_ttl: Duration::from_secs(1),
            maxmemory_samples: 10,
        }
    }
}

/// `operation_timeout` is the storage's, which the fence has to outlast.
pub(super) fn read(
    raw: &RawCache,
    operation_timeout: Duration,
    section: &mut Section<'_>,
) -> CacheConfig {
    let base = CacheConfig::default();
    let kind = section.choice("kind", raw.kind.as_ref(), base.kind);
    let managed = kind == CacheKind::Managed;
    let hour = Duration::from_secs(3600);
    let tenth = Duration::from_millis(100);
    let config = CacheConfig {
        kind,
        redis_server: section.text(
            "redis_server",
            raw.redis_server.as_ref(),
            &base.redis_server,
            |_| Ok(()),
        ),
        exclusive: section.flag("exclusive", raw.exclusive.as_ref(), managed),
        lease: section.period("lease", raw.lease.as_ref(), base.lease, tenth..=hour),
        fence: section.period("fence", raw.fence.as_ref(), base.fence, tenth..=hour),
        negative_ttl: section.period(
            "negative_ttl",
            raw.negative_ttl.as_ref(),
            base.negative_ttl,
            Duration::ZERO..=hour,
        ),
        maxmemory_samples: section.count(
            "maxmemory_samples",
            raw.maxmemory_samples.as_ref(),
            base.maxmemory_samples,
            1..=64,
        ),
    };
    if managed && !config.exclusive {
        let what = "a managed Redis belongs to this proxy alone; remove the line";
        section.reject_value("exclusive", false, what);
    }
    if config.fence <= operation_timeout {
        let what = format!(
            "must be longer than [storage] operation_timeout = \"{}\", or a slow write could \
             publish after its mark is gone",
            Period(operation_timeout)
        );
        section.reject_value("fence", format!("\"{}\"", Period(config.fence)), what);
    }
    config
}
