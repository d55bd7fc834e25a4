//! Liveness and readiness.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::AdminState;

/// How long storage may take to answer a readiness check.
const STORAGE_DEADLINE: Duration = Duration::from_secs(2);

/// Whether requests can be served in full.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Readiness {
    /// Storage and every cache are reachable.
    ready: bool,
    /// Whether storage answers.
    storage: Component,
    /// Tenants whose cache is out of service; their reads go to storage. A managed Redis that nobody has needed yet, and so
    /// does not run, is not among them.
    caches_down: Vec<String>,
    /// Tenants in all.
    tenants: usize,
}

/// Whether one part works.
#[derive(Debug, Serialize, ToSchema)]
struct Component {
    /// It works.
    ok: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// The process runs.
#[utoipa::path(get, path = "/healthz", tag = "health",
    responses((status = 200, description = "The process runs", body = String)))]
pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

/// Storage and every cache are reachable; if not, says which is not.
#[utoipa::path(get, path = "/readyz", tag = "health", responses(
    (status = 200, description = "Ready", body = Readiness),
    (status = 503, description = "Something is not reachable", body = Readiness)))]
pub(super) async fn readyz(State(state): State<AdminState>) -> (StatusCode, Json<Readiness>) {
    let tenants = state.inner.shared.tenants.all();
    let down = tenants.iter().filter(|tenant| tenant.cache.health.is_down());
    let caches_down: Vec<String> = down.map(|tenant| tenant.name.to_string()).collect();
    // One table stands for the storage: all are behind one endpoint, and each look costs half a read unit.
    let error = match tenants.first() {
        Some(tenant) => {
            let check = tenant.storage.check(&tenant.table);
            match tokio::time::timeout(STORAGE_DEADLINE, check).await {
                Ok(answer) => answer.err().map(|error| error.to_string()),
                Err(_) => Some(format!("no answer within {STORAGE_DEADLINE:?}")),
            }
        }
        None => None,
    };
    let storage = Component { ok: error.is_none(), error };
    let ready = storage.ok && caches_down.is_empty();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Readiness { ready, storage, caches_down, tenants: tenants.len() }))
}
