//! Who is connected to a tenant.

use axum::Json;
use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::body::Params;
use super::super::{AdminState, Problem, ProblemBody};
use crate::clients::ClientRecord;

/// Clients listed unless told otherwise.
const LISTED: usize = 200;

/// How many to list.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in super::super) struct ClientsParams {
    limit: Option<usize>,
}

/// Clients that are signed in.
#[derive(Debug, Serialize, ToSchema)]
pub(in super::super) struct ClientList {
    /// How many there are.
    total: usize,
    /// Those who came first, by `id`.
    clients: Vec<ClientView>,
}

/// A client.
#[derive(Debug, Serialize, ToSchema)]
struct ClientView {
    /// `CLIENT ID`.
    id: u64,
    /// IP address and port of its end.
    address: String,
    /// What it calls itself (CLIENT SETNAME); empty unless it said.
    name: String,
    /// Its library and version (CLIENT SETINFO); empty unless it said.
    library: String,
    /// RESP version.
    resp: u8,
    /// Seconds since it connected.
    age_s: f64,
    /// Seconds since its last command.
    idle_s: f64,
    /// Its last command, in lower case; absent before the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_command: Option<&'static str>,
}

impl ClientView {
    fn of(record: &ClientRecord, now_ms: u64) -> Self {
        let about = record.about.lock();
        let library = [about.lib_name.as_str(), about.lib_version.as_str()];
        Self {
            id: record.id,
            address: record.addr.to_string(),
            name: about.name.clone(),
            library: library.join(" ").trim().to_owned(),
            resp: about.resp,
            age_s: now_ms.saturating_sub(record.connected_ms) as f64 / 1e3,
            idle_s: now_ms.saturating_sub(record.last_seen_ms()) as f64 / 1e3,
            last_command: record.last_command(),
        }
    }
}

/// Who is signed in.
#[utoipa::path(get, path = "/v1/tenants/{tenant}/clients", operation_id = "list_clients", tag = "tenants", security(("token" = [])),
    params(("tenant" = String, Path, description = "Name of the tenant"),
        ("limit" = Option<usize>, Query, description = "Most clients to list; 200 unless given")),
    responses((status = 200, body = ClientList), (status = 404, body = ProblemBody)))]
pub(in super::super) async fn clients(
    State(state): State<AdminState>,
    Path(name): Path<String>,
    Params(params): Params<ClientsParams>,
) -> Result<Json<ClientList>, Problem> {
    let tenant = state.tenant(&name)?;
    let records = state.inner.shared.clients.of_tenant(tenant.number);
    let now_ms = crate::clock::unix_ms();
    let listed = records.iter().take(params.limit.unwrap_or(LISTED));
    let clients = listed.map(|record| ClientView::of(record, now_ms)).collect();
    Ok(Json(ClientList { total: records.len(), clients }))
}
