//! What every test stands on: a proxy in a directory of its own, clients that speak raw RESP, and waiting for
//! conditions.

mod client;
mod counted_endpoint;
mod database;
mod fake_dynamo;
mod fault_endpoint;
mod port;
mod proxy;
mod redis_server;
mod refusal;
mod stock_redis;

pub(crate) use client::{Client, Value, encode};
pub(crate) use counted_endpoint::CountedEndpoint;
pub(crate) use database::Database;
pub(crate) use fake_dynamo::{FakeDynamo, Play};
pub(crate) use fault_endpoint::{Fault, FaultEndpoint, Of};
pub(crate) use port::{Gate, Port, relay_to};
pub(crate) use proxy::{Proxy, ProxyBuilder};
pub(crate) use redis_server::RedisServer;
pub(crate) use refusal::{Refusal, redis_servers_under, refused_start};
pub(crate) use stock_redis::StockRedis;

use std::time::{Duration, Instant};

/// Longest wait for anything that should happen at once.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Waits until `condition` gives something.
///
/// # Panics
/// After [`PATIENCE`].
pub(crate) fn eventually<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(Instant::now() < deadline, "timed out waiting until {what}");
        poll();
    }
}

/// Any number will do.
const USUAL_SEED: u64 = 20_261_122;

/// The seed of this run, printed; `HOPPERKV_SEED` repeats one.
pub(crate) fn seed() -> u64 {
    let given = std::env::var("HOPPERKV_SEED").ok().map(|text| text.parse().unwrap());
    let seed = given.unwrap_or_else(rand::random);
    println!("HOPPERKV_SEED={seed}");
    seed
}

/// As [`seed`], but the same in every ordinary run: a test that fails then fails because of a change. Long runs draw one.
pub(crate) fn usual_seed() -> u64 {
    let is_free =
        ["HOPPERKV_SEED", "HOPPERKV_LONG_TESTS"].iter().any(|v| std::env::var_os(v).is_some());
    if is_free { seed() } else { USUAL_SEED }
}

/// `long` when `HOPPERKV_LONG_TESTS` is set, else `short`.
pub(crate) fn effort(short: usize, long: usize) -> usize {
    if std::env::var_os("HOPPERKV_LONG_TESTS").is_some() { long } else { short }
}

#[expect(clippy::disallowed_methods, reason = "the pause between two looks at a condition")]
fn poll() {
    std::thread::sleep(Duration::from_millis(5));
}
