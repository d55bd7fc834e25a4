//! Keeps one tenant's Redis fit to serve: starts it, checks that it is ours, removes what is stale, watches it.
//!
//! Runs on the control runtime. Redis serves only between a successful cleaning and the next loss ([`Health`]).
//!
//! A process of ours is started when a client of the tenant first signs in, so that tenants that nobody uses cost
//! neither memory nor time; what an earlier run left of it is ended at once. It is not stopped again before the proxy:
//! its values would go with it. One that cannot be started is an outage like any other.
//!
//! A script that does not end keeps Redis from answering. It is ended (`SCRIPT KILL`); if Redis does not do that, since
//! the script has written, a process of ours is killed and started anew: it is only a cache. One that runs elsewhere
//! somebody else has to restart, who is told so, and until then it is tried again and again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use redis::RedisError;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::control::{Control, ScriptEnd};
use super::health::{Health, Noted, Stale};
use super::link::RedisAddress;
use super::names;
use super::ownership::{CacheStartError, Ownership};
use super::upstream::REPLY_TIMEOUT;

/// How often a healthy Redis is looked at.
const PROBE_INTERVAL: Duration = Duration::from_secs(1);
/// How often one is that no client has needed yet.
const UNUSED_PROBE_INTERVAL: Duration = Duration::from_secs(10);
/// How many looks it takes until it is asked for its memory too.
const PROBES_PER_MEMORY_LOOK: u64 = 5;
/// Pauses between attempts to bring it back.
const RETRY_PAUSES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));
/// Processes started at a time: more would only take each other's time.
const STARTS: usize = 8;
/// Attempts to connect to a Redis whose script was just ended.
const OPEN_TRIES: u32 = 25;

/// Watches one tenant's Redis.
#[derive(Debug)]
pub(crate) struct Keeper {
    tenant: Arc<str>,
    address: RedisAddress,
    ownership: Ownership,
    maxmemory_samples: u32,
    health: Arc<Health>,
    quota_bytes: Arc<AtomicU64>,
    /// The Redis process that was cleaned last: another one may have loaded an old snapshot.
    run_id: String,
    /// Whether it was brought up once.
    is_known: bool,
    /// Bounds how many processes of all tenants are started, or ended as left over, at a time.
    starts: Arc<Semaphore>,
    /// Whether a human was told of what only they can mend.
    has_complained: bool,
}

impl Keeper {
    /// A permit for each process that may be started, or ended as left over, at a time.
    pub(crate) fn starts() -> Arc<Semaphore> {
        Arc::new(Semaphore::new(STARTS))
    }

    pub(crate) fn new(
        tenant: Arc<str>,
        address: RedisAddress,
        ownership: Ownership,
        maxmemory_samples: u32,
        health: Arc<Health>,
        quota_bytes: Arc<AtomicU64>,
        starts: Arc<Semaphore>,
    ) -> Self {
        Self {
            tenant,
            address,
            ownership,
            maxmemory_samples,
            health,
            quota_bytes,
            run_id: String::new(),
            is_known: false,
            starts,
            has_complained: false,
        }
    }

    /// Brings Redis up for the first time.
    ///
    /// # Errors
    /// Why it cannot serve; nothing of it is left running.
    pub(crate) async fn start(&mut self) -> Result<(), CacheStartError> {
        if let Ownership::Managed(redis) = &mut self.ownership {
            redis.start(self.quota_bytes.load(Ordering::Relaxed)).await?;
        }
        let result = self.take_over().await;
        if result.is_err() {
            self.stop_process().await;
        }
        result
    }

    /// Watches until `stop`, then leaves Redis in order. One that sleeps is started when it is first needed.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        // A start that is cut off leaves its child to `leave`.
        stop.run_until_cancelled(self.keep()).await;
        self.leave().await;
    }

    async fn keep(&mut self) {
        self.sleep().await;
        let mut pause = RETRY_PAUSES.0;
        loop {
            if self.health.is_serving() {
                pause = RETRY_PAUSES.0;
                self.has_complained = false;
                self.watch().await;
                continue;
            }
            let result =
                if self.is_known { self.bring_back().await } else { self.first_start().await };
            if let Err(error) = result {
                tracing::debug!(tenant = %self.tenant, %error, "Redis is not back yet");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(RETRY_PAUSES.1);
            }
        }
    }

    /// Until Redis is needed, if it is asleep.
    async fn sleep(&self) {
        if !self.health.is_asleep() {
            return;
        }
        if let Ownership::Managed(redis) = &self.ownership
            && redis.may_have_been_left()
        {
            let _permit = self.starts.acquire().await;
            if let Err(error) = redis.end_orphan().await {
                tracing::warn!(tenant = %self.tenant, %error, "a redis-server of an earlier run is still there");
            }
        }
        self.health.until_wanted().await;
    }

    async fn first_start(&mut self) -> Result<(), CacheStartError> {
        let starts = Arc::clone(&self.starts);
        let _permit = starts.acquire().await;
        let started = self.start().await;
        match &started {
            Ok(()) => tracing::debug!(tenant = %self.tenant, redis = %self.address, "Redis is up"),
            Err(error) => {
                self.health.report_lost();
                if !std::mem::replace(&mut self.has_complained, true) {
                    tracing::error!(
                        tenant = %self.tenant, %error,
                        "the tenant's Redis cannot be started; requests go to storage, and it is tried again and again"
                    );
                }
            }
        }
        started
    }

    async fn take_over(&mut self) -> Result<(), CacheStartError> {
        let address = self.address.to_string();
        let unreachable =
            |source| CacheStartError::Unreachable { address: address.clone(), source };
        let noted = self.health.noted();
        let mut control = Control::open(&self.address).await.map_err(unreachable)?;
        if let Some(version) = control.version_if_too_old().await.map_err(unreachable)? {
            return Err(CacheStartError::TooOld { address: address.clone(), version });
        }
        let keys = control.key_count().await.map_err(unreachable)?;
        if keys > 0 && !control.exists(names::OWNER_MARK).await.map_err(unreachable)? {
            return Err(CacheStartError::Foreign { address: address.clone(), keys });
        }
        if let Ownership::Exclusive = self.ownership {
            // Only a proxy that ended in order knows that nothing stale was left.
            let left_clean = control.unmark(names::CLEAN_MARK).await.map_err(unreachable)?;
            if !left_clean {
                control.flush().await.map_err(unreachable)?;
            }
        }
        self.run_id = control.run_id().await.map_err(unreachable)?;
        self.health.set_cleaned_run(&self.run_id);
        self.configure(&mut control).await.map_err(unreachable)?;
        self.is_known = true;
        // Refused only if it was lost meanwhile; then `run` brings it back.
        self.health.serve_if_clean(&noted);
        Ok(())
    }

    async fn configure(&self, control: &mut Control) -> Result<(), RedisError> {
        control.mark(names::OWNER_MARK).await?;
        let quota_bytes = self.quota_bytes.load(Ordering::Relaxed).to_string();
        control
            .config_set(&[
                ("maxmemory", quota_bytes),
                ("maxmemory-policy", String::from("allkeys-lru")),
                ("maxmemory-samples", self.maxmemory_samples.to_string()),
            ])
            .await?;
        // A snapshot loaded after a restart would be stale. Some services forbid this setting; there the changed run id
        // is what protects.
        let off = [("save", String::new()), ("appendonly", String::from("no"))];
        if let Err(error) = control.config_set(&off).await {
            tracing::warn!(tenant = %self.tenant, %error, "cannot turn off persistence of the cache");
        }
        // Its name before Redis 7, which all know.
        let limit = [("lua-time-limit", REPLY_TIMEOUT.as_millis().to_string())];
        if let Err(error) = control.config_set(&limit).await {
            tracing::warn!(
                tenant = %self.tenant, %error, "cannot set lua-time-limit: a script that does not end stops Redis for longer"
            );
        }
        Ok(())
    }

    /// Until Redis is lost, ends, or stops answering.
    async fn watch(&mut self) {
        let ended = async {
            match &mut self.ownership {
                Ownership::Managed(redis) => redis.ended().await,
                Ownership::Exclusive | Ownership::Shared => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.health.until_lost() => {}
            () = ended => {}
            () = probe(&self.address, &self.run_id, &self.health) => {}
        }
        self.health.report_lost();
        self.health.set_used_bytes(0);
        tracing::warn!(tenant = %self.tenant, redis = %self.address, "Redis is out of service; requests go to storage");
    }

    async fn bring_back(&mut self) -> Result<(), CacheStartError> {
        let unreachable = |address: &RedisAddress, source| CacheStartError::Unreachable {
            address: address.to_string(),
            source,
        };
        let mut control = match Control::open(&self.address).await {
            Ok(control) => control,
            Err(_) => match self.end_script().await {
                Some(control) => control,
                None => {
                    if let Ownership::Managed(redis) = &mut self.ownership {
                        redis.kill().await;
                        redis.start(self.quota_bytes.load(Ordering::Relaxed)).await?;
                    }
                    Control::open(&self.address).await.map_err(|e| unreachable(&self.address, e))?
                }
            },
        };
        loop {
            let noted = self.health.noted();
            self.clean(&mut control, &noted).await.map_err(|e| unreachable(&self.address, e))?;
            if self.health.serve_if_clean(&noted) {
                tracing::info!(tenant = %self.tenant, redis = %self.address, "Redis serves again");
                return Ok(());
            }
        }
    }

    /// Ends the script that may be why Redis does not answer; a connection, if it does then.
    async fn end_script(&mut self) -> Option<Control> {
        match Control::end_script(&self.address).await {
            ScriptEnd::Ended => {
                tracing::warn!(tenant = %self.tenant, redis = %self.address, "ended a script that ran too long");
            }
            ScriptEnd::None => {}
            ScriptEnd::NoAnswer => return None,
            ScriptEnd::Refused(error) => {
                let is_ours = matches!(self.ownership, Ownership::Managed(_));
                if is_ours {
                    tracing::warn!(
                        tenant = %self.tenant, redis = %self.address, %error,
                        "a script runs too long and cannot be ended; Redis is killed and started again"
                    );
                } else if !std::mem::replace(&mut self.has_complained, true) {
                    tracing::error!(
                        tenant = %self.tenant, redis = %self.address, %error,
                        "a script does not end and Redis refuses SCRIPT KILL: restart this Redis, which is only a cache \
                         (redis-cli SHUTDOWN NOSAVE); requests go to storage meanwhile"
                    );
                }
                return None;
            }
        }
        for _ in 0..OPEN_TRIES {
            match Control::open(&self.address).await {
                Ok(control) => return Some(control),
                // The script goes on for a moment.
                Err(error) if error.code() == Some("BUSY") => {
                    tokio::time::sleep(RETRY_PAUSES.0).await;
                }
                Err(_) => break,
            }
        }
        None
    }

    /// Removes what is noted, or everything if this is not the process that was cleaned last.
    async fn clean(&mut self, control: &mut Control, noted: &Noted) -> Result<(), RedisError> {
        let run_id = control.run_id().await?;
        if run_id != self.run_id {
            control.flush().await?;
            self.health.set_cleaned_run(&run_id);
            self.run_id = run_id;
        }
        // A Redis that was restarted by others has lost its settings.
        self.configure(control).await?;
        match &noted.stale {
            Stale::Keys(keys) => control.remove(keys.iter().cloned()).await,
            Stale::All => control.flush().await,
        }
    }

    /// Says that nothing stale is left, if that is so, and ends a managed process.
    async fn leave(&mut self) {
        if let Ownership::Exclusive = self.ownership
            && self.health.is_clean()
            && let Ok(mut control) = Control::open(&self.address).await
        {
            // Without the mark the next start empties the cache: safe.
            let _ = control.mark(names::CLEAN_MARK).await;
        }
        self.stop_process().await;
    }

    async fn stop_process(&mut self) {
        if let Ownership::Managed(redis) = &mut self.ownership {
            redis.stop().await;
        }
    }
}

/// Ends when Redis does not answer any more, or is another process. Also keeps our marks recently used, so that they are
/// not evicted.
async fn probe(address: &RedisAddress, run_id: &str, health: &Health) {
    let Ok(mut control) = Control::open(address).await else { return };
    if control.run_id().await.ok().as_deref() != Some(run_id) {
        return;
    }
    for probes in 0_u64.. {
        if probes.is_multiple_of(PROBES_PER_MEMORY_LOOK) {
            let Ok(used_bytes) = control.used_bytes().await else { return };
            health.set_used_bytes(used_bytes);
        }
        if health.is_wanted() {
            tokio::time::sleep(PROBE_INTERVAL).await;
        } else {
            // Nobody may ever need it; who does finds it looked at from then on.
            let _ = tokio::time::timeout(UNUSED_PROBE_INTERVAL, health.until_wanted()).await;
        }
        if control.mark(names::OWNER_MARK).await.is_err() {
            return;
        }
    }
}
