//! All tenants at a glance: what each has, uses, waits for and is short of, and how the parts of the proxy are.
//!
//! - `row`: one tenant
//! - `bottleneck`: what holds a tenant back
//! - `parts`: storage, caches, allocator
//!
//! It costs a pass over counters in memory; nothing is asked of Redis for it, and of storage only every ten seconds
//! whether it answers.

mod bottleneck;
mod parts;
mod row;

pub(super) use parts::StorageLook;

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use hopperkv_control::run::Share;
use serde::Serialize;
use utoipa::ToSchema;

use self::parts::PartsView;
use self::row::{FlowRates, Row};
use super::AdminState;
use super::session::VERSION;
use crate::tenant::Tenant;

/// What rates look back.
const BACK: Duration = Duration::from_secs(5);

/// The proxy and all of its tenants at one moment.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Overview {
    /// When, in milliseconds since 1970.
    pub(super) at_ms: u64,
    /// Identifies this run of the proxy.
    instance: String,
    /// Version of the proxy.
    version: &'static str,
    /// Since when it runs, in seconds.
    uptime_s: f64,
    /// Storage, caches, allocator.
    state: PartsView,
    /// All tenants together.
    totals: Totals,
    /// Each tenant, by name.
    tenants: Vec<Row>,
}

/// All tenants together.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OverviewTotals)]
struct Totals {
    /// Requests per second.
    #[serde(flatten)]
    rates: FlowRates,
    /// Clients connected, signed in or not.
    clients: usize,
    /// Sum of the quotas in force.
    #[schema(value_type = Share)]
    quota: Share,
    /// Sum of the base shares.
    #[schema(value_type = Share)]
    base: Share,
    /// Sum of what is used.
    #[serde(rename = "use")]
    #[schema(value_type = Share)]
    used: Share,
}

/// The proxy and all of its tenants now, with rates over the last five seconds.
#[utoipa::path(get, path = "/v1/overview", tag = "overview", security(("token" = [])),
    responses((status = 200, body = Overview)))]
pub(super) async fn overview(State(state): State<AdminState>) -> Json<Overview> {
    Json(Overview::now(&state).await)
}

impl Overview {
    /// Looks at everything.
    pub(super) async fn now(state: &AdminState) -> Self {
        let shared = &state.inner.shared;
        let tenants = shared.tenants.all();
        let parts = PartsView::of(state, &tenants).await;
        let now_ms = crate::clock::unix_ms();
        let rows = rows(state, &tenants);
        Self {
            at_ms: now_ms,
            instance: shared.run_id.clone(),
            version: VERSION,
            uptime_s: now_ms.saturating_sub(shared.started_ms) as f64 / 1e3,
            state: parts,
            totals: Totals::of(&rows, shared.clients.len()),
            tenants: rows,
        }
    }
}

fn rows(state: &AdminState, tenants: &[Arc<Tenant>]) -> Vec<Row> {
    let inner = &state.inner;
    let clients = inner.shared.clients.by_tenant();
    let roles = inner.allocator.roles();
    let gains = inner.allocator.gains(tenants);
    let row = |tenant: &Arc<Tenant>| {
        let recent = inner.pulse.recent(tenant, BACK);
        let clients = clients.get(&tenant.number).copied().unwrap_or(0);
        let mut row = Row::of(tenant, &recent, clients);
        row.role = roles.get(&tenant.name).copied();
        row.gain = gains.get(&tenant.number).copied();
        row
    };
    tenants.iter().map(row).collect()
}

impl Totals {
    fn of(rows: &[Row], clients: usize) -> Self {
        let sum = |of: fn(&Row) -> &Share| {
            let none = Share {
                cache_bytes: 0,
                read_units_per_s: 0.0,
                write_units_per_s: 0.0,
                net_bytes_per_s: 0.0,
            };
            rows.iter().map(of).fold(none, |sum, share| Share {
                cache_bytes: sum.cache_bytes.saturating_add(share.cache_bytes),
                read_units_per_s: sum.read_units_per_s + share.read_units_per_s,
                write_units_per_s: sum.write_units_per_s + share.write_units_per_s,
                net_bytes_per_s: sum.net_bytes_per_s + share.net_bytes_per_s,
            })
        };
        Self {
            rates: FlowRates::sum(rows.iter().map(|row| &row.rates)),
            clients,
            quota: sum(|row| &row.quota),
            base: sum(|row| &row.base),
            used: sum(|row| &row.used),
        }
    }
}
