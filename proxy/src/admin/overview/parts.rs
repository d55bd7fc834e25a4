//! How storage, caches and allocator are.

use std::sync::Arc;
use std::time::Duration;

use hopperkv_control::decision::ReasonCode;
use parking_lot::Mutex;
use serde::Serialize;
use tokio::time::Instant;
use utoipa::ToSchema;

use super::super::AdminState;
use crate::config::Choice as _;
use crate::epoch::LastRun;
use crate::tenant::Tenant;

/// How often storage is asked whether it answers, while anybody looks.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// The same while it does not.
const LOOK_AGAIN: Duration = Duration::from_secs(2);
/// How long it may take to answer.
const DEADLINE: Duration = Duration::from_secs(2);

/// How the parts of the proxy are.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PartsView {
    /// Where the truth is.
    storage: StorageView,
    /// The tenants' caches.
    redis: RedisView,
    /// Who moves quotas.
    allocator: AllocatorState,
}

/// Where the truth is.
#[derive(Debug, Serialize, ToSchema)]
struct StorageView {
    /// `embedded`, `dynamodb` or `synthetic`.
    kind: &'static str,
    /// Whether it answered when it was last asked, at most some seconds ago.
    serving: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// How many tenants' caches are in which state.
#[derive(Debug, Serialize, ToSchema)]
struct RedisView {
    /// Serve, or are being started.
    serving: usize,
    /// Do not run, as nobody has needed them yet.
    asleep: usize,
    /// Are out of service: reads go to storage.
    down: usize,
}

/// Who moves quotas.
#[derive(Debug, Serialize, ToSchema)]
struct AllocatorState {
    /// Whether the epoch loop decides.
    enabled: bool,
    /// How resources are divided.
    policy: &'static str,
    /// Seconds between epochs.
    interval_s: f64,
    /// Seconds until the next one; absent while one is under way, and while it is switched off.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_run_in_s: Option<f64>,
    /// The last run, dry runs left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_run: Option<LastRunView>,
    /// Rounds of a gradual change that are still to come.
    rounds_to_come: usize,
}

/// A run in a line.
#[derive(Debug, Serialize, ToSchema)]
struct LastRunView {
    /// Its number.
    id: u64,
    /// When, in milliseconds since 1970.
    at_ms: u64,
    /// Whether quotas were changed.
    applied: bool,
    /// Why or why not, for people.
    reason: String,
    /// Why or why not, for programs.
    reason_code: ReasonCode,
}

/// Whether storage answers, as it was last seen: one look serves all who ask.
#[derive(Debug, Default)]
pub(in super::super) struct StorageLook {
    last: Mutex<Option<(Instant, Option<String>)>>,
    looking: Arc<tokio::sync::Mutex<()>>,
}

impl PartsView {
    pub(super) async fn of(state: &AdminState, tenants: &[Arc<Tenant>]) -> Self {
        let shared = &state.inner.shared;
        let error = storage_error(state, tenants).await;
        let count = |is: fn(&Tenant) -> bool| tenants.iter().filter(|tenant| is(tenant)).count();
        let asleep = count(|tenant| tenant.cache.health.is_asleep());
        let down = count(|tenant| tenant.cache.health.is_down());
        let allocator = &state.inner.allocator;
        let options = allocator.options();
        Self {
            storage: StorageView {
                kind: shared.config.storage.kind.name(),
                serving: error.is_none(),
                error,
            },
            redis: RedisView {
                serving: tenants.len()
                    - asleep.min(tenants.len())
                    - down.min(tenants.len() - asleep),
                asleep,
                down,
            },
            allocator: AllocatorState {
                enabled: options.enabled,
                policy: options.policy.name(),
                interval_s: options.interval.as_secs_f64(),
                next_run_in_s: allocator.next_run_in().map(|time| time.as_secs_f64()),
                last_run: allocator.last_run().map(LastRunView::from),
                rounds_to_come: allocator.rounds_to_come(),
            },
        }
    }
}

impl From<LastRun> for LastRunView {
    fn from(run: LastRun) -> Self {
        let LastRun { id, at_ms, applied, reason, reason_code } = run;
        Self { id, at_ms, applied, reason, reason_code }
    }
}

/// Why storage did not answer, if it did not. Only the very first look is waited for.
async fn storage_error(state: &AdminState, tenants: &[Arc<Tenant>]) -> Option<String> {
    // One table stands for the storage: all are behind one endpoint.
    let tenant = Arc::clone(tenants.first()?);
    let look = &state.inner.storage_look;
    let last = look.last.lock().clone();
    match last {
        None => {
            let _turn = look.looking.lock().await;
            if look.last.lock().is_none() {
                let error = ask(&tenant).await;
                *look.last.lock() = Some((Instant::now(), error));
            }
        }
        Some((at, error)) => {
            let is_due = at.elapsed() >= if error.is_some() { LOOK_AGAIN } else { LOOK_EVERY };
            if is_due && let Ok(turn) = Arc::clone(&look.looking).try_lock_owned() {
                let state = state.clone();
                tokio::spawn(async move {
                    let error = ask(&tenant).await;
                    *state.inner.storage_look.last.lock() = Some((Instant::now(), error));
                    drop(turn);
                });
            }
        }
    }
    look.last.lock().as_ref().and_then(|(_, error)| error.clone())
}

async fn ask(tenant: &Tenant) -> Option<String> {
    match tokio::time::timeout(DEADLINE, tenant.storage.check(&tenant.table)).await {
        Ok(answer) => answer.err().map(|error| error.to_string()),
        Err(_) => Some(format!("no answer within {DEADLINE:?}")),
    }
}
