//! Who is asking, and whom: what a page shows before anything else.

use axum::extract::State;
use axum::{Extension, Json};
use serde::Serialize;
use utoipa::ToSchema;

use super::AdminState;
use super::access::Role;

/// Who is asking, and whom.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Session {
    /// What the token that was sent is good for.
    role: Role,
    /// False if anybody who reaches this address is an operator.
    token_required: bool,
    /// Version of the proxy.
    version: &'static str,
    /// Identifies this run of the proxy: another one after each start.
    instance: String,
}

/// The version that answers.
pub(super) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What the token is good for, and which run of which proxy answers.
#[utoipa::path(get, path = "/v1/session", tag = "session", security(("token" = [])),
    responses((status = 200, body = Session)))]
pub(super) async fn session(
    State(state): State<AdminState>,
    Extension(role): Extension<Role>,
) -> Json<Session> {
    let shared = &state.inner.shared;
    Json(Session {
        role,
        token_required: shared.config.server.admin_token.is_some(),
        version: VERSION,
        instance: shared.run_id.clone(),
    })
}
