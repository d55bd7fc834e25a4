//! The admin API: what operators and programs see and change while the proxy runs.
//!
//! One file or folder per noun: `session`, `overview`, `events`, `tenants`, `stats`, `quota`, `allocator` (with curves),
//! `health`, and `page`, what a browser gets. `problem` is how anything is refused, `body` how requests are read, `access`
//! who may ask for what, `pulse` where rates come from. The document at `/v1/openapi.json` is made from the handlers
//! themselves; `admin-ui/openapi.json` is a copy of it, from which the page's types are made.
//!
//! Everything but `/healthz`, `/readyz` and the page's own files wants a bearer token, if one is configured.

mod access;
mod allocator;
mod body;
mod connect;
mod events;
mod health;
mod history;
mod overview;
mod page;
mod problem;
mod pulse;
mod quota;
mod session;
mod stats;
mod tenants;
#[cfg(test)]
mod tests;

pub(crate) use access::{Denial, Denials};

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

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

use self::events::Feed;
use self::history::History;
use self::overview::StorageLook;
use self::problem::{Problem, ProblemBody};
use self::pulse::Pulse;
use crate::config::TenantConfig;
use crate::epoch::Allocator;
use crate::server::{Dealer, Shared};
use crate::state::{SavedState, StateFile};
use crate::tenant::Tenant;

/// Largest request body; the largest sensible one is a tenant.
const BODY_LIMIT_BYTES: usize = 64 << 10;
/// How long answers under way may still take when the proxy stops.
const LAST_ANSWERS: Duration = Duration::from_secs(3);

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
    /// Where clients connect.
    listen: SocketAddr,
    pulse: Pulse,
    feed: Feed,
    history: History,
    storage_look: StorageLook,
    /// Ends what does not end by itself.
    stop: CancellationToken,
    /// Held while tenants, quotas or options change, so that each change sees the one before.
    changing: Mutex<()>,
}

impl AdminState {
    /// State over what an earlier run saved; what it serves ends with `stop`.
    pub(crate) fn new(
        shared: Arc<Shared>,
        allocator: Arc<Allocator>,
        saved: SavedState,
        dealer: Dealer,
        listen: SocketAddr,
        stop: CancellationToken,
    ) -> Self {
        let inner = Inner {
            state: StateFile::new(&shared.config.server.data_dir, saved),
            shared,
            allocator,
            dealer,
            listen,
            pulse: Pulse::default(),
            feed: Feed::default(),
            history: History::default(),
            storage_look: StorageLook::default(),
            stop,
            changing: Mutex::default(),
        };
        Self { inner: Arc::new(inner) }
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

/// Serves the API until the state's `stop`; open requests are then finished, if they do not take too long.
pub(crate) async fn serve(listener: TcpListener, state: AdminState) {
    let inner = Arc::clone(&state.inner);
    let (stop, feed) = (&inner.stop, state.clone());
    let router = router(state).into_make_service_with_connect_info::<SocketAddr>();
    let stopped = stop.clone().cancelled_owned();
    let serving = axum::serve(listener, router).with_graceful_shutdown(stopped);
    let serving = async {
        tokio::select! {
            served = serving => {
                if let Err(error) = served {
                    tracing::error!(%error, "the admin API ended");
                }
            }
            // A client that stops reading keeps its answer open; nobody waits for it.
            () = async { stop.cancelled().await; tokio::time::sleep(LAST_ANSWERS).await } => {}
        }
    };
    tokio::join!(
        serving,
        inner.pulse.beat(&inner.shared.tenants, stop),
        inner.feed.run(&feed, stop),
        inner.history.record(&inner.shared, stop),
    );
}

/// The document without its paths, which the handlers add.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "HopperKV admin API",
        description = "Tenants, quotas, statistics and the allocator of a running HopperKV proxy."
    ),
    components(schemas(ProblemBody, events::RunEvent, events::TenantRemovedEvent))
)]
struct Document;

fn router(state: AdminState) -> Router {
    let (protected, open, document) = routes();
    let document = Json(document);
    let protected = protected
        .route("/v1/openapi.json", get(move || async move { document }))
        .layer(middleware::from_fn_with_state(state.clone(), access::authorize));
    Router::new()
        .merge(protected)
        .merge(open)
        .fallback(page::file_or_problem)
        .method_not_allowed_fallback(problem::no_such_method)
        .layer(DefaultBodyLimit::max(BODY_LIMIT_BYTES))
        .with_state(state)
}

/// What wants the token, what does not, and the document of both.
fn routes() -> (Router<AdminState>, Router<AdminState>, utoipa::openapi::OpenApi) {
    let (protected, protected_api) = OpenApiRouter::<AdminState>::default()
        .routes(routes!(session::session))
        .routes(routes!(overview::overview))
        .routes(routes!(events::events))
        .routes(routes!(history::views::history))
        .routes(routes!(history::views::tenant_history))
        .routes(routes!(tenants::list, tenants::create))
        .routes(routes!(tenants::show, tenants::change, tenants::remove))
        .routes(routes!(tenants::clients::clients))
        .routes(routes!(tenants::errors::errors))
        .routes(routes!(connect::connect))
        .routes(routes!(stats::stats))
        .routes(routes!(allocator::curve::curve))
        .routes(routes!(quota::show, quota::set, quota::release))
        .routes(routes!(allocator::show, allocator::set))
        .routes(routes!(allocator::runs::runs, allocator::runs::run))
        .routes(routes!(allocator::runs::inputs))
        .routes(routes!(allocator::shares::shares))
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
