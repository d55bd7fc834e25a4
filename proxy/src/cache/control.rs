//! The control path to a tenant's Redis: sizes, measurements, removal. Slow and rare, so it uses the `redis` crate.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, RedisError, RedisResult};

use super::link::RedisAddress;
use super::names;
use super::scripts::Script;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(2);
/// Redis names per removal script (two per key), so that none holds Redis for long.
const REMOVE_CHUNK: usize = 500;
/// Oldest Redis with everything we use (`SET PXAT`, `GETDEL`).
const OLDEST_REDIS: (u32, u32) = (6, 2);

/// What became of a script that keeps Redis busy.
#[derive(Debug)]
pub(crate) enum ScriptEnd {
    /// It was ended.
    Ended,
    /// There is none.
    None,
    /// Redis does not end it, as it has written something, or does not let us.
    Refused(RedisError),
    /// Redis does not answer.
    NoAnswer,
}

/// A control connection.
#[derive(Clone)]
pub(crate) struct Control {
    connection: MultiplexedConnection,
}

impl std::fmt::Debug for Control {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Control")
    }
}

/// What Redis says of its memory.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct MemoryUse {
    /// Bytes that count against `maxmemory`.
    pub(crate) used_bytes: u64,
    /// The limit.
    pub(crate) maxmemory_bytes: u64,
    /// Keys evicted since start.
    pub(crate) evicted_keys: u64,
}

impl Control {
    /// Connects and signs in.
    ///
    /// # Errors
    /// Redis's or the system's error.
    pub(crate) async fn open(address: &RedisAddress) -> RedisResult<Self> {
        let mut control = Self::connect(address).await?;
        control.ping().await?;
        Ok(control)
    }

    /// Ends the script that keeps Redis from answering anything else.
    pub(crate) async fn end_script(address: &RedisAddress) -> ScriptEnd {
        // A busy Redis refuses SELECT.
        let address = RedisAddress { db: 0, ..address.clone() };
        let Ok(mut control) = Self::connect(&address).await else { return ScriptEnd::NoAnswer };
        let killed: RedisResult<()> =
            redis::cmd("SCRIPT").arg("KILL").exec_async(&mut control.connection).await;
        match killed {
            Ok(()) => ScriptEnd::Ended,
            Err(error) => match error.code() {
                Some("NOTBUSY") => ScriptEnd::None,
                Some(_) => ScriptEnd::Refused(error),
                None => ScriptEnd::NoAnswer,
            },
        }
    }

    async fn connect(address: &RedisAddress) -> RedisResult<Self> {
        let client = redis::Client::open(address.connection_info()?)?;
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(Some(RESPONSE_TIMEOUT));
        let connection = client.get_multiplexed_async_connection_with_config(&config).await?;
        Ok(Self { connection })
    }

    /// # Errors
    /// Redis's error.
    pub(crate) async fn ping(&mut self) -> RedisResult<()> {
        redis::cmd("PING").exec_async(&mut self.connection).await
    }

    /// The version, if it is too old to be used.
    ///
    /// # Errors
    /// Redis's error.
    pub(crate) async fn version_if_too_old(&mut self) -> RedisResult<Option<String>> {
        let info = self.info("server").await?;
        // Valkey reports the Redis version that it is compatible with here.
        let version = info.get("redis_version").cloned().unwrap_or_default();
        let mut parts = version.split('.').map(|p| p.parse().unwrap_or(0));
        let found = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
        Ok((found < OLDEST_REDIS).then_some(version))
    }

    /// Identifies the Redis process.
    ///
    /// # Errors
    /// Redis's error.
    pub(crate) async fn run_id(&mut self) -> RedisResult<String> {
        Ok(self.info("server").await?.remove("run_id").unwrap_or_default())
    }

    /// Number of keys.
    ///
    /// # Errors
    /// Redis's error.
    pub(crate) async fn key_count(&mut self) -> RedisResult<u64> {
        redis::cmd("DBSIZE").query_async(&mut self.connection).await
    }

    /// # Errors
    /// Redis's error.
    pub(crate) async fn exists(&mut self, name: &[u8]) -> RedisResult<bool> {
        redis::cmd("EXISTS").arg(name).query_async(&mut self.connection).await
    }

    /// # Errors
    /// Redis's error.
    pub(crate) async fn mark(&mut self, name: &[u8]) -> RedisResult<()> {
        redis::cmd("SET").arg(name).arg("1").exec_async(&mut self.connection).await
    }

    /// Removes a mark; true if it was there.
    ///
    /// # Errors
    /// Redis's error.
    pub(crate) async fn unmark(&mut self, name: &[u8]) -> RedisResult<bool> {
        redis::cmd("DEL").arg(name).query_async(&mut self.connection).await
    }

    /// Empties the database.
    ///
    /// # Errors
    /// Redis's error.
    pub(crate) async fn flush(&mut self) -> RedisResult<()> {
        redis::cmd("FLUSHDB").exec_async(&mut self.connection).await
    }

    /// Removes values and coherence records of user keys.
    ///
    /// # Errors
    /// Redis's error; some keys may have been removed.
    pub(crate) async fn remove(&mut self, keys: impl Iterator<Item = Bytes>) -> RedisResult<()> {
        let names: Vec<Bytes> = keys.flat_map(|k| [names::data(&k), names::meta(&k)]).collect();
        for chunk in names.chunks(REMOVE_CHUNK) {
            let mut command = redis::cmd("EVAL");
            command.arg(Script::Remove.source()).arg(chunk.len());
            for name in chunk {
                command.arg(name.as_ref());
            }
            command.exec_async(&mut self.connection).await?;
        }
        Ok(())
    }

    /// # Errors
    /// Redis's error.
    pub(crate) async fn config_set(&mut self, pairs: &[(&str, String)]) -> RedisResult<()> {
        let mut command = redis::cmd("CONFIG");
        command.arg("SET");
        // One at a time: Redis before 7 takes one pair only.
        for (name, value) in pairs {
            let mut one = command.clone();
            one.arg(*name).arg(value).exec_async(&mut self.connection).await?;
        }
        Ok(())
    }

    /// Memory use against `maxmemory`.
    ///
    /// # Errors
    /// Redis's error.
    pub(crate) async fn memory_use(&mut self) -> RedisResult<MemoryUse> {
        let memory = self.info("memory").await?;
        let stats = self.info("stats").await?;
        let number = |map: &HashMap<String, String>, name: &str| {
            map.get(name).and_then(|v| v.parse().ok()).unwrap_or(0)
        };
        Ok(MemoryUse {
            used_bytes: number(&memory, "used_memory"),
            maxmemory_bytes: number(&memory, "maxmemory"),
            evicted_keys: number(&stats, "evicted_keys"),
        })
    }

    /// Memory in use, in bytes: as [`Self::memory_use`], but cheap.
    ///
    /// # Errors
    /// Redis's error.
    pub(crate) async fn used_bytes(&mut self) -> RedisResult<u64> {
        let text: String =
            redis::cmd("INFO").arg("memory").query_async(&mut self.connection).await?;
        let used = text.lines().find_map(|line| line.strip_prefix("used_memory:"));
        Ok(used.and_then(|bytes| bytes.trim().parse().ok()).unwrap_or(0))
    }

    /// What the curve's calibration needs.
    ///
    /// # Errors
    /// Redis's error.
    pub(crate) async fn memory_stats(&mut self) -> RedisResult<hare::RedisMemory> {
        let stats: HashMap<String, redis::Value> =
            redis::cmd("MEMORY").arg("STATS").query_async(&mut self.connection).await?;
        let number = |name: &str| match stats.get(name) {
            Some(redis::Value::Int(n)) => u64::try_from(*n).unwrap_or(0),
            _ => 0,
        };
        Ok(hare::RedisMemory {
            total_allocated_bytes: number("total.allocated"),
            startup_allocated_bytes: number("startup.allocated"),
            clients_normal_bytes: number("clients.normal"),
            functions_caches_bytes: number("functions.caches"),
            keys: number("keys.count"),
        })
    }

    /// Asks Redis to end without saving.
    pub(crate) async fn shutdown(&mut self) {
        // It closes the connection instead of answering.
        let _: Result<(), RedisError> =
            redis::cmd("SHUTDOWN").arg("NOSAVE").exec_async(&mut self.connection).await;
    }

    async fn info(&mut self, section: &str) -> RedisResult<HashMap<String, String>> {
        let text: String =
            redis::cmd("INFO").arg(section).query_async(&mut self.connection).await?;
        let pairs = text.lines().filter_map(|line| line.split_once(':'));
        Ok(pairs.map(|(k, v)| (k.to_owned(), v.to_owned())).collect())
    }
}
