//! One cache to one size, without stalling its Redis.

use std::time::Duration;

use hare::Resources;
use redis::RedisResult;
use tokio::time::Instant;

use super::plan::shrink_steps;
use crate::cache::control::Control;
use crate::tenant::Tenant;

/// How long one step may take to be evicted; the next is made all the same, as Redis evicts in bounded slices.
const STEP_DEADLINE: Duration = Duration::from_secs(2);
/// Pause between two looks at the memory in use.
const LOOK: Duration = Duration::from_millis(10);
/// Memory in use above the limit that does not count: buffers come and go.
const SLACK_BYTES: u64 = 1 << 20;

/// Shrinks a cache to `to_bytes`, step by step, each after the one before is evicted.
pub(super) async fn shrink(tenant: &Tenant, to_bytes: u64) {
    let from_bytes = tenant.quota().cache_bytes;
    // Noted first: where Redis cannot be told now, the keeper tells it when it returns.
    note(tenant, to_bytes);
    let result = walk_down(tenant, from_bytes, to_bytes).await;
    report(tenant, to_bytes, result);
}

/// Grows a cache to `to_bytes`.
pub(super) async fn grow(tenant: &Tenant, to_bytes: u64) {
    note(tenant, to_bytes);
    let result = async { set_maxmemory(&mut open(tenant).await?, to_bytes).await }.await;
    report(tenant, to_bytes, result);
}

/// Gives Redis the size that the tenant's quota says, if it has another.
pub(super) async fn reconcile(tenant: &Tenant) {
    let quota_bytes = tenant.quota().cache_bytes;
    let result = async {
        let mut control = open(tenant).await?;
        let has_bytes = control.memory_use().await?.maxmemory_bytes;
        if has_bytes == quota_bytes {
            return Ok(());
        }
        tracing::info!(tenant = %tenant.name, has_bytes, quota_bytes, "correcting maxmemory");
        if has_bytes > quota_bytes {
            walk_down(tenant, has_bytes, quota_bytes).await
        } else {
            // 0 is "no limit": there is no way down from it but one step.
            set_maxmemory(&mut control, quota_bytes).await
        }
    };
    report(tenant, quota_bytes, result.await);
}

async fn walk_down(tenant: &Tenant, from_bytes: u64, to_bytes: u64) -> RedisResult<()> {
    let mut control = open(tenant).await?;
    for step_bytes in shrink_steps(from_bytes, to_bytes) {
        set_maxmemory(&mut control, step_bytes).await?;
        let deadline = Instant::now() + STEP_DEADLINE;
        while control.memory_use().await?.used_bytes > step_bytes.saturating_add(SLACK_BYTES) {
            if Instant::now() >= deadline {
                tracing::debug!(tenant = %tenant.name, step_bytes, "Redis is slow to evict");
                break;
            }
            tokio::time::sleep(LOOK).await;
        }
    }
    Ok(())
}

async fn open(tenant: &Tenant) -> RedisResult<Control> {
    Control::open(&tenant.cache.address).await
}

async fn set_maxmemory(control: &mut Control, bytes: u64) -> RedisResult<()> {
    control.config_set(&[("maxmemory", bytes.to_string())]).await
}

/// Notes the size as the tenant's, for its keeper and for everyone who asks.
fn note(tenant: &Tenant, cache_bytes: u64) {
    tenant.set_quota(Resources { cache_bytes, ..tenant.quota() });
}

fn report(tenant: &Tenant, to_bytes: u64, result: RedisResult<()>) {
    if let Err(error) = result
        && tenant.cache.health.is_serving()
    {
        tracing::warn!(
            tenant = %tenant.name, %error, to_bytes,
            "cannot resize the cache now; it gets this size with the next epoch"
        );
    }
}
