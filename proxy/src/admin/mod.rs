//! The admin API: what operators and programs see and change while the proxy runs.
//!
//! One file per noun: `tenants`, `stats`, `quota`, `allocator` (with curves), `health`. `problem` is how anything is
//! refused, `body` how requests are read, `access` who may ask, `pulse` where rates come from. The document at
//! `/v1/openapi.json` is made from the handlers themselves.
//!
//! Everything but `/healthz` and `/readyz` wants the bearer token, if one is configured.

mod access;
mod allocator;
mod body;
mod health;
mod problem;
mod pulse;
mod quota;
mod stats;
mod tenants;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, State};
use axum::http::header;
use axum::middleware;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use utoipa::OpenApi;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::problem::{Problem, ProblemBody};
use self::pulse::Pulse;
use crate::config::TenantConfig;
use crate::epoch::Allocator;
use crate::server::{Dealer, Shared};
use crate::state::{SavedState, StateFile};
use crate::tenant::Tenant;

/// Largest request body; the largest sensible one is a tenant.
const BODY_LIMIT_BYTES: usize = 64 << 10;

/// What handlers work with. Cloning is cheap.
#[derive(Debug, Clone)]
pub(crate) struct AdminState {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    shared: Arc<Shared>,
    allocator: Arc<Allocator>,
    state: StateFile,
    dealer: Dealer,
    pulse: Pulse,
    /// Held while tenants, quotas or options change, so that each change sees the one before.
    changing: Mutex<()>,
}

impl AdminState {
    /// State over what an earlier run saved.
    pub(crate) fn new(
        shared: Arc<Shared>,
        allocator: Arc<Allocator>,
        saved: SavedState,
        dealer: Dealer,
    ) -> Self {
        let state = StateFile::new(&shared.config.server.data_dir, saved);
        let (pulse, changing) = (Pulse::default(), Mutex::default());
        Self { inner: Arc::new(Inner { shared, allocator, state, dealer, pulse, changing }) }
    }

    fn tenant(&self, name: &str) -> Result<Arc<Tenant>, Problem> {
        let found = self.inner.shared.tenants.get(name);
        found.ok_or_else(|| Problem::not_found(format!("there is no tenant \"{name}\"")))
    }

    /// Configurations of all tenants but `name`, which a new one must not clash with.
    fn other_tenants(&self, name: &str) -> Vec<TenantConfig> {
        let all = self.inner.shared.tenants.all();
        let others = all.iter().filter(|tenant| &*tenant.name != name);
        others.map(|tenant| TenantConfig::clone(&tenant.config.load())).collect()
    }
}

/// Serves the API until `stop`; open requests are then finished.
pub(crate) async fn serve(listener: TcpListener, state: AdminState, stop: CancellationToken) {
    let pulse = state.clone();
    let router = router(state);
    let stopped = stop.clone().cancelled_owned();
    let serving = axum::serve(listener, router).with_graceful_shutdown(stopped);
    tokio::select! {
        served = serving => {
            if let Err(error) = served {
                tracing::error!(%error, "the admin API ended");
            }
        }
        () = pulse.inner.pulse.beat(&pulse.inner.shared.tenants, &stop) => {}
    }
}

/// The document without its paths, which the handlers add.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "HopperKV admin API",
        description = "Tenants, quotas, statistics and the allocator of a running HopperKV proxy."
    ),
    components(schemas(ProblemBody))
)]
struct Document;

fn router(state: AdminState) -> Router {
    let (protected, open, document) = routes();
    let document = Json(document);
    let protected = protected
        .route("/v1/openapi.json", get(move || async move { document }))
        .layer(middleware::from_fn_with_state(state.clone(), access::require_token));
    Router::new()
        .merge(protected)
        .merge(open)
        .fallback(problem::no_such_path)
        .method_not_allowed_fallback(problem::no_such_method)
        .layer(DefaultBodyLimit::max(BODY_LIMIT_BYTES))
        .with_state(state)
}

/// What wants the token, what does not, and the document of both.
fn routes() -> (Router<AdminState>, Router<AdminState>, utoipa::openapi::OpenApi) {
    let (protected, protected_api) = OpenApiRouter::<AdminState>::default()
        .routes(routes!(tenants::list, tenants::create))
        .routes(routes!(tenants::show, tenants::change, tenants::remove))
        .routes(routes!(stats::stats))
        .routes(routes!(allocator::curve))
        .routes(routes!(quota::show, quota::set, quota::release))
        .routes(routes!(allocator::show, allocator::set))
        .routes(routes!(allocator::runs, allocator::run))
        .routes(routes!(allocator::inputs))
        .routes(routes!(metrics))
        .split_for_parts();
    let (open, open_api) = OpenApiRouter::<AdminState>::default()
        .routes(routes!(health::healthz))
        .routes(routes!(health::readyz))
        .split_for_parts();
    let mut document = Document::openapi();
    document.merge(protected_api);
    document.merge(open_api);
    let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("token", bearer);
    (protected, open, document)
}

/// Counters and gauges in the Prometheus text format.
#[utoipa::path(get, path = "/metrics", tag = "health", security(("token" = [])),
    responses((status = 200, description = "Prometheus text format", content_type = "text/plain", body = String)))]
async fn metrics(State(state): State<AdminState>) -> impl IntoResponse {
    let inner = &state.inner;
    let text = crate::metrics::render(&inner.shared, &inner.allocator).await;
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text)
}
