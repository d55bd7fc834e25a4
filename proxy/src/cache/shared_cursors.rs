//! Positions of SCAN that several proxies share: with a load balancer before them, the next step of an iteration may come
//! to another one.
//!
//! They are kept beside the values, as entries that Redis may evict like any other. A proxy that owns its Redis has no
//! use for them: its own table ([`crate::tenant`]) is better kept.

use std::time::Duration;

use bytes::Bytes;
use redis_protocol::resp2::types::BytesFrame;

use super::names;
use super::scripts::Script;
use super::upstream::Upstream;

/// `KEYS` name, twice. `ARGV` the position, or nothing to ask for it; ms to live. Returns the position, if there is one.
pub(super) const CURSOR: &str = r"
if ARGV[1] ~= '' then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
  return ARGV[1]
end
local after = redis.call('GET', KEYS[1])
if after then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return after
";

/// Keeps a position. Without Redis it is not kept, and only the proxy that gave the number knows it.
pub(crate) async fn keep(upstream: &Upstream, number: u64, after: &Bytes, life: Duration) {
    let _ = call(upstream, number, after, life).await;
}

/// Finds a position that any of the proxies kept.
pub(crate) async fn find(upstream: &Upstream, number: u64, life: Duration) -> Option<Bytes> {
    call(upstream, number, b"", life).await
}

async fn call(upstream: &Upstream, number: u64, after: &[u8], life: Duration) -> Option<Bytes> {
    if !upstream.is_usable() {
        return None;
    }
    let (name, life_ms) = (names::cursor(number), life.as_millis().to_string());
    let args: [&[u8]; 2] = [after, life_ms.as_bytes()];
    match upstream.script(Script::Cursor, [&name, &name], &args).await {
        Ok(BytesFrame::BulkString(after)) => Some(after),
        _ => None,
    }
}
