//! Runs of the allocator: what was decided, on what grounds, what came of it; and deciding now.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::Uri;
use hare::Instance;
use hopperkv_control::run::{Run, Trigger};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::body::Params;
use super::super::{AdminState, Problem, ProblemBody};
use super::trades::{Trade, trades};
use crate::config::{Choice as _, Policy};

/// Runs listed unless told otherwise.
const RUNS_LISTED: usize = 50;

/// How to run the allocator.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in super::super) struct RunParams {
    dry_run: bool,
    policy: Option<String>,
}

/// Whether this address asks only what would be decided.
pub(in super::super) fn is_dry_run(uri: &Uri) -> bool {
    let params = Query::<RunParams>::try_from_uri(uri);
    uri.path() == "/v1/allocator/runs" && params.is_ok_and(|Query(params)| params.dry_run)
}

/// Which runs to list.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in super::super) struct RunsParams {
    limit: Option<usize>,
}

/// The last runs, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(in super::super) struct Runs {
    /// At most 256 are kept.
    runs: Vec<RunView>,
}

/// A run, and who gave what to whom in it.
#[derive(Debug, Serialize, ToSchema)]
pub(in super::super) struct RunView {
    /// The run.
    #[serde(flatten)]
    run: Run,
    /// From those who get less to those who get more, the 64 largest of each resource.
    trades: Vec<Trade>,
}

impl From<Run> for RunView {
    fn from(run: Run) -> Self {
        let trades = trades(&run.decision.tenants);
        Self { run, trades }
    }
}

/// Runs the allocator now, whether it is switched on or not. A dry run only says what would be decided.
#[utoipa::path(post, path = "/v1/allocator/runs", operation_id = "run_allocator", tag = "allocator", security(("token" = [])),
    params(("dry_run" = Option<bool>, Query, description = "Decide, but change nothing"),
        ("policy" = Option<String>, Query, description = "A policy for this run only")),
    responses((status = 200, body = RunView), (status = 422, body = ProblemBody)))]
pub(in super::super) async fn run(
    State(state): State<AdminState>,
    Params(params): Params<RunParams>,
) -> Result<Json<RunView>, Problem> {
    let policy = match &params.policy {
        None => None,
        Some(name) => Some(Policy::from_name(name).ok_or_else(|| {
            let names: Vec<_> = Policy::names().collect();
            Problem::invalid("policy", format!("must be one of {}", names.join(", ")))
        })?),
    };
    let _changing = state.inner.changing.lock().await;
    let trigger = if params.dry_run { Trigger::DryRun } else { Trigger::Manual };
    Ok(Json(state.inner.allocator.run_once(trigger, policy).await.into()))
}

/// What was decided, newest first, with what came of it.
#[utoipa::path(get, path = "/v1/allocator/runs", operation_id = "list_runs", tag = "allocator", security(("token" = [])),
    params(("limit" = Option<usize>, Query, description = "Most runs to list; 50 unless given")),
    responses((status = 200, body = Runs)))]
pub(in super::super) async fn runs(
    State(state): State<AdminState>,
    Params(params): Params<RunsParams>,
) -> Json<Runs> {
    let most = params.limit.unwrap_or(RUNS_LISTED);
    let runs = state.inner.allocator.runs(most);
    Json(Runs { runs: runs.into_iter().map(RunView::from).collect() })
}

/// What the policy was asked in a run, in the form that `hopperkv allocate --file` takes.
#[utoipa::path(get, path = "/v1/allocator/runs/{id}", operation_id = "run_inputs", tag = "allocator", security(("token" = [])),
    params(("id" = u64, Path, description = "Number of the run")),
    responses((status = 200, description = "An allocation problem: id, params and tenants", body = Object),
        (status = 404, body = ProblemBody)))]
pub(in super::super) async fn inputs(
    State(state): State<AdminState>,
    Path(id): Path<String>,
) -> Result<Json<Instance>, Problem> {
    let instance = id.parse().ok().and_then(|run| state.inner.allocator.instance_of(run));
    instance.map(Json).ok_or_else(|| {
        Problem::not_found(format!(
            "there are no inputs of a run {id}: it asked no policy, or is too long ago"
        ))
    })
}
