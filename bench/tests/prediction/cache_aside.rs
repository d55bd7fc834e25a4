//! Reads through a stock Redis as an application would: GET, and SET where the GET found nothing.
//!
//! Reads go out in batches, as many as are due every 20 ms. A batch's first reads of each key are
//! sent together; then what they missed is set, and the repeated reads follow, so that every reply
//! that is counted is Redis's own. Redis's LRU clock ticks once a second: the order of reads within
//! a batch is nothing it could tell.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use hare::RedisMemory;
use hopperkv_bench::client::{Client, Target};
use hopperkv_bench::error::LoadError;
use hopperkv_bench::resp::Reply;
use tokio::time::{MissedTickBehavior, interval};

use crate::server::Redis;
use crate::workload::{Read, Workload};

const BATCH_EVERY: Duration = Duration::from_millis(20);
/// Longest value in a workload.
const MOST_VALUE_BYTES: usize = 1 << 20;

/// How a run is to be done.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// Reads before counting begins.
    pub(crate) warm_up: usize,
    /// Reads counted.
    pub(crate) measured: usize,
    /// Reads a second.
    pub(crate) reads_per_s: f64,
}

/// What a run showed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Measured {
    pub(crate) miss_ratio: f64,
    pub(crate) memory: RedisMemory,
    /// Keys evicted since the start.
    pub(crate) evicted: u64,
    /// Reads a second, as it turned out.
    pub(crate) reads_per_s: f64,
}

/// Runs a workload's reads through a Redis of `maxmemory` bytes.
pub(crate) async fn measure(
    workload: &Workload,
    maxmemory_bytes: u64,
    samples: u32,
    pace: Pace,
) -> Result<Measured, LoadError> {
    let redis = Redis::start(&[
        "--maxmemory-policy",
        "allkeys-lru",
        "--maxmemory-samples",
        &samples.to_string(),
        "--maxmemory",
        &maxmemory_bytes.to_string(),
    ]);
    let target = Target { endpoint: redis.endpoint().parse().expect("a path"), credentials: None };
    let mut cache = Cache { client: Client::connect(&target).await?, workload };
    let (warm_up, rest) = workload.reads.split_at(pace.warm_up);
    cache.read_all(warm_up, pace.reads_per_s).await?;
    let began = Instant::now();
    let hits = cache.read_all(&rest[..pace.measured], pace.reads_per_s).await?;
    let reads_per_s = pace.measured as f64 / began.elapsed().as_secs_f64();
    let (memory, evicted) = report(&redis);
    let miss_ratio = 1.0 - hits as f64 / pace.measured as f64;
    Ok(Measured { miss_ratio, memory, evicted, reads_per_s })
}

struct Cache<'a> {
    client: Client,
    workload: &'a Workload,
}

impl Cache<'_> {
    /// Reads at a steady pace; returns how many hit.
    async fn read_all(&mut self, reads: &[Read], reads_per_s: f64) -> Result<u64, LoadError> {
        let mut ticks = interval(BATCH_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let (mut hits, mut sent, mut due) = (0, 0, 0.0);
        while sent < reads.len() {
            ticks.tick().await;
            due += reads_per_s * BATCH_EVERY.as_secs_f64();
            let until = (due as usize).min(reads.len());
            hits += self.read_batch(&reads[sent..until]).await?;
            sent = until;
        }
        Ok(hits)
    }

    async fn read_batch(&mut self, batch: &[Read]) -> Result<u64, LoadError> {
        let mut seen = HashSet::new();
        let (firsts, repeats): (Vec<Read>, Vec<Read>) =
            batch.iter().partition(|read| seen.insert(read.key));
        let missed = self.exchange(&[], &firsts).await?;
        let missed_again = self.exchange(&missed, &repeats).await?;
        // Rare: what was just set or read has been evicted already.
        self.exchange(&missed_again, &[]).await?;
        Ok((batch.len() - missed.len() - missed_again.len()) as u64)
    }

    /// Sends SETs, then GETs, in one pipeline; returns the reads that found nothing.
    async fn exchange(&mut self, sets: &[Read], gets: &[Read]) -> Result<Vec<Read>, LoadError> {
        static VALUE: [u8; MOST_VALUE_BYTES] = [b'v'; MOST_VALUE_BYTES];
        let (commands, _) = self.client.split();
        for set in sets {
            let key = &self.workload.keys[set.key as usize];
            commands.push(&[b"SET", key, &VALUE[..set.value_bytes as usize]]);
        }
        for get in gets {
            commands.push(&[b"GET", &self.workload.keys[get.key as usize]]);
        }
        let mut nils = Vec::new();
        let mut awaited = sets.iter().map(|_| None).chain(gets.iter().map(Some));
        let mut next = awaited.next();
        while let Some(asked) = next {
            let (_, replies) = self.client.split();
            match (replies.next_reply(), asked) {
                (Ok(None), _) => {
                    self.client.exchange().await?;
                    continue;
                }
                (Ok(Some(Reply::Nil)), Some(read)) => nils.push(*read),
                (Ok(Some(Reply::Bulk(_))), Some(_)) | (Ok(Some(Reply::Status(_))), None) => {}
                (other, _) => panic!("not an answer to what was asked: {other:?}"),
            }
            next = awaited.next();
        }
        Ok(nils)
    }
}

/// `MEMORY STATS` as the proxy reads it, and keys evicted since the start.
fn report(redis: &Redis) -> (RedisMemory, u64) {
    let url = redis.endpoint().replacen("unix:", "unix://", 1);
    let client = redis::Client::open(url).expect("a socket's address");
    let mut connection = client.get_connection().expect("the server accepts");
    let stats: std::collections::HashMap<String, redis::Value> =
        redis::cmd("MEMORY").arg("STATS").query(&mut connection).expect("a report");
    let number = |name: &str| match stats.get(name) {
        Some(redis::Value::Int(number)) => u64::try_from(*number).unwrap_or(0),
        _ => 0,
    };
    let info: String = redis::cmd("INFO").arg("stats").query(&mut connection).expect("a report");
    let evicted = info.lines().find_map(|line| line.strip_prefix("evicted_keys:"));
    let memory = RedisMemory {
        total_allocated_bytes: number("total.allocated"),
        startup_allocated_bytes: number("startup.allocated"),
        clients_normal_bytes: number("clients.normal"),
        functions_caches_bytes: number("functions.caches"),
        keys: number("keys.count"),
    };
    (memory, evicted.and_then(|count| count.parse().ok()).unwrap_or(0))
}
