//! All tenants: found by name at sign-in, opened at start or at run time, removed at run time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use arc_swap::ArcSwap;
use dashmap::DashMap;
use parking_lot::Mutex;
use tokio::sync::{OnceCell, Semaphore};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Failures, Keyspace, Observer, Scripts, Tenant, base_of, rates_of};
use crate::cache::{
    CacheStartError, CoherenceTimes, Health, Keeper, ManagedError, ManagedRedis, Ownership,
    RedisAddress, Spare, TenantCache,
};
use crate::config::{AllocatorConfig, CacheConfig, TenantConfig};
use crate::limits::TenantLimits;
use crate::near::Near;
use crate::storage::{Storage, TableError};

/// What all tenants have in common.
#[derive(Debug, Clone)]
pub(crate) struct TenantSettings {
    /// Times, ownership and program of the caches.
    pub(crate) cache: CacheConfig,
    /// Reach and sampling of the curves.
    pub(crate) allocator: AllocatorConfig,
    /// Where managed servers keep their sockets.
    pub(crate) data_dir: std::path::PathBuf,
    /// Where the items are.
    pub(crate) storage: Storage,
    /// Strongly consistent reads.
    pub(crate) consistent_reads: bool,
    /// Threads that serve clients.
    pub(crate) workers: usize,
}

/// Why a tenant could not be opened; nothing of it is left running.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenTenantError {
    /// Its table.
    #[error("tenant \"{tenant}\": {source}")]
    Table {
        /// The tenant.
        tenant: String,
        /// What is wrong with the table.
        source: TableError,
    },
    /// Its Redis.
    #[error("tenant \"{tenant}\": {source}")]
    Cache {
        /// The tenant.
        tenant: String,
        /// What is wrong with the Redis.
        source: CacheStartError,
    },
}

/// The register of tenants.
#[derive(Debug)]
pub(crate) struct Tenants {
    settings: TenantSettings,
    by_name: DashMap<Arc<str>, Entry>,
    last_number: AtomicU32,
    flights: Arc<crate::inflight::Flights<crate::service::FlightResult>>,
    locks: Arc<crate::inflight::KeyLocks>,
    keepers: TaskTracker,
    spare: Arc<Spare>,
    /// See [`Keeper::starts`].
    starts: Arc<Semaphore>,
    /// Set once the program of managed servers was seen to run.
    program_runs: OnceCell<()>,
}

#[derive(Debug)]
struct Entry {
    tenant: Arc<Tenant>,
    stop_keeper: CancellationToken,
    keeper: JoinHandle<()>,
}

impl Tenants {
    /// An empty register.
    pub(crate) fn new(settings: TenantSettings) -> Self {
        let keepers = TaskTracker::new();
        let program = &settings.cache.redis_server;
        let spare = Arc::new(Spare::new(program, &settings.data_dir, keepers.clone()));
        Self {
            settings,
            by_name: DashMap::new(),
            last_number: AtomicU32::new(0),
            flights: Arc::default(),
            locks: Arc::default(),
            keepers,
            spare,
            starts: Keeper::starts(),
            program_runs: OnceCell::new(),
        }
    }

    /// Opens table and cache of a tenant and registers it with its base share. The name is not taken.
    ///
    /// # Errors
    /// What is wrong with the table or the Redis.
    pub(crate) async fn open(&self, config: TenantConfig) -> Result<Arc<Tenant>, OpenTenantError> {
        let settings = &self.settings;
        let table = settings
            .storage
            .open_table(&config.table)
            .await
            .map_err(|source| OpenTenantError::Table { tenant: config.name.clone(), source })?;
        let name: Arc<str> = config.name.as_str().into();
        let near = (config.near_cache_bytes > 0)
            .then(|| Near::new(config.near_cache_bytes, config.cache_bytes, settings.workers));
        let of_redis = near.as_ref().map(|near| near.redis_part(config.cache_bytes));
        let quota_bytes = Arc::new(AtomicU64::new(of_redis.unwrap_or(config.cache_bytes)));
        let cache_error = |source| OpenTenantError::Cache { tenant: config.name.clone(), source };
        let (address, ownership) = self.place(&config).map_err(|e| cache_error(e.into()))?;
        let exclusive = !matches!(ownership, Ownership::Shared);
        let is_managed = matches!(ownership, Ownership::Managed(_));
        let health = Arc::new(if is_managed { Health::asleep() } else { Health::default() });
        let mut keeper = Keeper::new(
            Arc::clone(&name),
            address.clone(),
            ownership,
            settings.cache.maxmemory_samples,
            Arc::clone(&health),
            Arc::clone(&quota_bytes),
            Arc::clone(&self.starts),
        );
        if is_managed {
            self.check_program().await.map_err(|e| cache_error(e.into()))?;
        } else {
            keeper.start().await.map_err(cache_error)?;
        }
        let base = base_of(&config);
        let times = CoherenceTimes::new(
            settings.cache.lease,
            settings.cache.fence,
            settings.cache.negative_ttl,
        );
        let tenant = Arc::new(Tenant {
            number: self.last_number.fetch_add(1, Ordering::Relaxed) + 1,
            limits: TenantLimits::new(&name, rates_of(&base), config.max_wait),
            observer: self.observer(&config),
            storage: settings.storage.clone(),
            table,
            consistent_reads: settings.consistent_reads,
            cache: TenantCache { address, health, exclusive, times, quota_bytes },
            near,
            spare: Arc::clone(&self.spare),
            failures: Failures::default(),
            keyspace: Keyspace::default(),
            scripts: Scripts::default(),
            flights: Arc::clone(&self.flights),
            locks: Arc::clone(&self.locks),
            watches: Arc::default(),
            removed: CancellationToken::new(),
            quota: ArcSwap::from_pointee(base),
            pinned: false.into(),
            counters: Mutex::default(),
            at_reset: Mutex::default(),
            config: ArcSwap::from_pointee(config),
            name: Arc::clone(&name),
        });
        let stop_keeper = CancellationToken::new();
        let keeper = self.keepers.spawn(keeper.run(stop_keeper.clone()));
        self.by_name.insert(name, Entry { tenant: Arc::clone(&tenant), stop_keeper, keeper });
        Ok(tenant)
    }

    /// The tenant of that name.
    pub(crate) fn get(&self, name: &str) -> Option<Arc<Tenant>> {
        self.by_name.get(name).map(|entry| Arc::clone(&entry.tenant))
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.by_name.len()
    }

    /// All tenants, by name.
    pub(crate) fn all(&self) -> Vec<Arc<Tenant>> {
        let mut all: Vec<_> = self.by_name.iter().map(|e| Arc::clone(&e.tenant)).collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }

    /// Removes a tenant: its clients are cut off and its Redis is stopped; its table stays. True if there was one.
    pub(crate) async fn remove(&self, name: &str) -> bool {
        let Some((_, entry)) = self.by_name.remove(name) else { return false };
        entry.tenant.removed.cancel();
        entry.stop_keeper.cancel();
        // A keeper that panicked has ended as well; the panic was printed.
        let _ = entry.keeper.await;
        true
    }

    /// Stops all caches; the last step of a shutdown.
    pub(crate) async fn close(&self) {
        for entry in &self.by_name {
            entry.stop_keeper.cancel();
        }
        self.spare.stop();
        self.keepers.close();
        self.keepers.wait().await;
    }

    /// Managed servers are started when they are first needed; that they can be is seen before.
    async fn check_program(&self) -> Result<(), ManagedError> {
        let program = &self.settings.cache.redis_server;
        self.program_runs.get_or_try_init(|| ManagedRedis::check(program)).await.map(drop)
    }

    fn place(&self, config: &TenantConfig) -> Result<(RedisAddress, Ownership), ManagedError> {
        let cache = &self.settings.cache;
        match &config.redis {
            Some(url) if cache.exclusive => Ok((RedisAddress::from_url(url), Ownership::Exclusive)),
            Some(url) => Ok((RedisAddress::from_url(url), Ownership::Shared)),
            None => {
                let redis = ManagedRedis::new(
                    &cache.redis_server,
                    &self.settings.data_dir,
                    &config.name,
                    cache.maxmemory_samples,
                )?;
                Ok((redis.address(), Ownership::Managed(Box::new(redis))))
            }
        }
    }

    fn observer(&self, config: &TenantConfig) -> Observer {
        let allocator = &self.settings.allocator;
        let max_bytes = curve_max_bytes(config.cache_bytes, allocator.curve_max);
        let epochs = usize::try_from(allocator.smoothing).unwrap_or(1);
        let tracked_keys = usize::try_from(allocator.tracked_keys).unwrap_or(usize::MAX);
        Observer::new(max_bytes, tracked_keys, epochs)
    }
}

/// How far a tenant's curve reaches, in bytes.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a bound on sizes; the multiple is checked to be positive"
)]
pub(crate) fn curve_max_bytes(base_bytes: u64, multiple: f64) -> u64 {
    (base_bytes as f64 * multiple) as u64
}
