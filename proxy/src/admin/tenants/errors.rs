//! Why requests of a tenant were not served lately.

use axum::Json;
use axum::extract::{Path, State};
use serde::Serialize;
use utoipa::ToSchema;

use super::super::{AdminState, Problem, ProblemBody};
use crate::tenant::Failed;

/// The last requests that were refused by a limit or ended in an error of storage or cache, newest first. What a client did
/// wrong, such as a wrong number of words, is not among them.
#[derive(Debug, Serialize, ToSchema)]
pub(in super::super) struct ErrorList {
    /// At most 50.
    errors: Vec<ErrorView>,
}

/// A request that was not served, or several of one client in a row that ended alike.
#[derive(Debug, Serialize, ToSchema)]
struct ErrorView {
    /// When the last of them was, in milliseconds since 1970.
    at_ms: u64,
    /// The first word of what the client was answered, such as `THROTTLED`.
    code: String,
    /// The rest of it.
    text: String,
    /// Which client; its `id` among the connected ones.
    client: u64,
    /// How many.
    count: u64,
}

impl From<Failed> for ErrorView {
    fn from(failed: Failed) -> Self {
        let Failed { at_ms, text, code, client, count } = failed;
        Self { at_ms, code, text, client, count }
    }
}

/// Why requests were not served lately.
#[utoipa::path(get, path = "/v1/tenants/{tenant}/errors", operation_id = "list_errors", tag = "tenants", security(("token" = [])),
    params(("tenant" = String, Path, description = "Name of the tenant")),
    responses((status = 200, body = ErrorList), (status = 404, body = ProblemBody)))]
pub(in super::super) async fn errors(
    State(state): State<AdminState>,
    Path(name): Path<String>,
) -> Result<Json<ErrorList>, Problem> {
    let failed = state.tenant(&name)?.failures.newest();
    Ok(Json(ErrorList { errors: failed.into_iter().map(ErrorView::from).collect() }))
}
