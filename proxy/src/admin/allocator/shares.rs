//! Quotas over time, with the runs that changed them: what stacked areas are drawn from.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use hopperkv_control::run::Trigger;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::body::Params;
use super::super::history::{BackParams, ShareSeries, amounts};
use super::super::{AdminState, Problem, ProblemBody};

/// Times shown, at most.
const TIMES: usize = 120;
/// Times of tenants shown, at most: with many tenants there are fewer times.
const POINTS: usize = 30_000;

/// Quotas over time.
#[derive(Debug, Serialize, ToSchema)]
pub(in super::super) struct SharesView {
    /// In milliseconds since 1970, at most 120 of them.
    at_ms: Vec<u64>,
    /// The quotas of each tenant by name, one number for each time; null before it came.
    #[schema(value_type = BTreeMap<String, ShareSeries>)]
    tenants: BTreeMap<Arc<str>, ShareSeries>,
    /// Runs of the allocator in that time, dry ones left out, oldest first.
    runs: Vec<RunMark>,
}

/// A run on the timeline.
#[derive(Debug, Serialize, ToSchema)]
struct RunMark {
    /// When, in milliseconds since 1970.
    at_ms: u64,
    /// Its number.
    id: u64,
    /// Whether quotas were changed.
    applied: bool,
}

/// The quotas of all tenants over time, and the runs that changed them.
#[utoipa::path(get, path = "/v1/allocator/shares", tag = "allocator", security(("token" = [])),
    params(("last" = Option<String>, Query, description = "How far back, such as \"30m\"; \"10m\" unless given, \"1h\" at most")),
    responses((status = 200, body = SharesView), (status = 422, body = ProblemBody)))]
pub(in super::super) async fn shares(
    State(state): State<AdminState>,
    Params(params): Params<BackParams>,
) -> Result<Json<SharesView>, Problem> {
    let back = params.back()?;
    let inner = &state.inner;
    let tenants = inner.shared.tenants.all();
    let most = (POINTS / tenants.len().max(1)).clamp(2, TIMES);
    let (times, quotas) = inner.history.of_each(&tenants, back, |begins, points| {
        let quotas = points.map(|(_, quota)| Some(amounts(&quota)));
        std::iter::repeat_n(None, begins).chain(quotas).collect::<Vec<_>>()
    });
    let each = times.len().div_ceil(most).max(1);
    // Counted from the newest, which is always among them.
    let chosen = |place: usize, len: usize| (len - 1 - place).is_multiple_of(each);
    let tenants = quotas.into_iter().map(|(name, quotas)| {
        let mut series = ShareSeries::default();
        let len = quotas.len();
        let shown = quotas.into_iter().enumerate().filter(|(place, _)| chosen(*place, len));
        shown.for_each(|(_, quota)| series.push(quota));
        (name, series)
    });
    let tenants = tenants.collect();
    let since_ms = times.first().copied().unwrap_or(0);
    let len = times.len();
    let shown = times.into_iter().enumerate().filter(|(place, _)| chosen(*place, len));
    let at_ms = shown.map(|(_, at_ms)| at_ms).collect();
    let runs = inner.allocator.of_runs(|run| {
        let is_shown = run.trigger != Trigger::DryRun && run.at_ms >= since_ms;
        is_shown.then_some(RunMark { at_ms: run.at_ms, id: run.id, applied: run.applied })
    });
    Ok(Json(SharesView { at_ms, tenants, runs: runs.into_iter().rev().collect() }))
}
