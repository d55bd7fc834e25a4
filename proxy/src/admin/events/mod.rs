//! Server-sent events: what a page needs to stay current without asking.
//!
//! `feed` makes an overview once per tick for all listeners; here each listener gets it when its connection has room, with
//! the runs of the allocator and, if it asked for one, a tenant's statistics in between. A listener that reads slowly
//! misses overviews; nothing is queued for it beyond what it is being sent.

mod feed;

pub(super) use feed::Feed;

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use futures_util::stream;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use utoipa::ToSchema;

use self::feed::frame;
use super::body::Params;
use super::stats::Stats;
use super::{AdminState, Problem, ProblemBody};
use crate::server::Shared;
use crate::tenant::Tenant;

/// Listeners at a time; each holds a connection.
const LISTENERS_MAX: usize = 64;
/// How long a connection may be silent.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Runs told of at once; a listener that fell behind by more asks for the list.
const RUNS_AT_ONCE: u64 = 16;

/// What to tell of.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct EventParams {
    tenant: Option<String>,
}

/// `event: run`: the allocator has run, or was asked what it would do.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RunEvent {
    /// Number of the run.
    id: u64,
}

/// `event: tenant_removed`: there will be no more `tenant` events.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TenantRemovedEvent {
    /// Its name.
    #[schema(value_type = String)]
    tenant: Arc<str>,
}

/// What happens, as it happens. `event: overview` once a second (every two seconds with more than 200 tenants) has the JSON
/// of `/v1/overview`; `event: run` has a `RunEvent`. With `tenant`, `event: tenant` follows each overview and has the JSON of
/// that tenant's `stats`, and `event: tenant_removed` a `TenantRemovedEvent`. Comments keep a silent connection open.
/// The stream ends when the proxy stops.
#[utoipa::path(get, path = "/v1/events", tag = "overview", security(("token" = [])),
    params(("tenant" = Option<String>, Query, description = "Name of a tenant to tell of in detail")),
    responses((status = 200, description = "Server-sent events", content_type = "text/event-stream", body = String),
        (status = 404, body = ProblemBody), (status = 503, body = ProblemBody)))]
pub(super) async fn events(
    State(state): State<AdminState>,
    Params(params): Params<EventParams>,
) -> Result<impl IntoResponse, Problem> {
    let tenant = params.tenant.map(|name| state.tenant(&name)).transpose()?;
    let seat = Seat::take(&state.inner.shared).ok_or_else(|| {
        Problem::unavailable(format!("{LISTENERS_MAX} listen already; close a page and try again"))
    })?;
    let listener = Listener::new(state, tenant, seat);
    let events = stream::unfold(listener, |mut listener| async {
        let event = listener.next().await?;
        Some((Ok::<_, Infallible>(event), listener))
    });
    let headers =
        [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-store")];
    Ok((headers, Body::from_stream(events)))
}

/// The right to listen, given back when dropped.
#[derive(Debug)]
struct Seat(Arc<Shared>);

impl Seat {
    fn take(shared: &Arc<Shared>) -> Option<Self> {
        let one_more = |taken: usize| (taken < LISTENERS_MAX).then_some(taken + 1);
        let listeners = &shared.counts.admin_listeners;
        listeners.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).ok()?;
        Some(Self(Arc::clone(shared)))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.counts.admin_listeners.fetch_sub(1, Ordering::Relaxed);
    }
}

/// One who listens.
struct Listener {
    state: AdminState,
    tenant: Option<Arc<Tenant>>,
    overviews: watch::Receiver<Option<Bytes>>,
    runs: watch::Receiver<u64>,
    run: u64,
    /// An overview was sent, and the tenant's statistics are to follow.
    owes_tenant: bool,
    _seat: Seat,
}

impl Listener {
    fn new(state: AdminState, tenant: Option<Arc<Tenant>>, seat: Seat) -> Self {
        let overviews = state.inner.feed.listen();
        let runs = state.inner.allocator.newest_run();
        let run = *runs.borrow();
        Self { state, tenant, overviews, runs, run, owes_tenant: false, _seat: seat }
    }

    /// The next event; `None` when the proxy stops.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if std::mem::take(&mut self.owes_tenant)
                && let Some(tenant) = &self.tenant
            {
                return Some(self.of_tenant(&Arc::clone(tenant)).await);
            }
            tokio::select! {
                biased;
                () = self.state.inner.stop.cancelled() => return None,
                Ok(()) = self.runs.changed() => {
                    if let Some(event) = self.run_event() {
                        return Some(event);
                    }
                }
                Ok(()) = self.overviews.changed() => {
                    let newest = self.overviews.borrow_and_update().clone();
                    if let Some(event) = newest {
                        self.owes_tenant = true;
                        return Some(event);
                    }
                }
                () = tokio::time::sleep(HEARTBEAT) => return Some(Bytes::from_static(b":\n\n")),
            }
        }
    }

    /// Runs that it was not told of yet, oldest first.
    fn run_event(&mut self) -> Option<Bytes> {
        let newest = *self.runs.borrow_and_update();
        let first = (self.run + 1).max(newest.saturating_sub(RUNS_AT_ONCE - 1));
        self.run = newest;
        let events: Vec<Bytes> =
            (first..=newest).map(|id| frame("run", &RunEvent { id })).collect();
        (!events.is_empty()).then(|| Bytes::from(events.concat()))
    }

    async fn of_tenant(&mut self, tenant: &Arc<Tenant>) -> Bytes {
        if tenant.removed.is_cancelled() {
            self.tenant = None;
            let removed = TenantRemovedEvent { tenant: Arc::clone(&tenant.name) };
            return frame("tenant_removed", &removed);
        }
        frame("tenant", &Stats::of(&self.state, tenant).await)
    }
}
