//! The quotas in force, and setting them by hand.

use axum::Json;
use axum::extract::{Path, State};
use hare::Resources;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::Body;
use super::{AdminState, Problem, ProblemBody};
use crate::tenant::Tenant;
use hopperkv_control::run::Share;

/// Bounds of what may be set by hand.
const CACHE_BYTES_MAX: u64 = 1 << 50;
const UNITS_PER_S_MAX: f64 = 1e9;
const NET_BYTES_PER_S_MAX: f64 = 1e13;

/// Quotas of a tenant.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct QuotaView {
    /// What it has now.
    #[serde(flatten)]
    #[schema(value_type = Share)]
    quota: Resources,
    /// Set by hand: the allocator keeps away.
    pinned: bool,
    /// What it is entitled to.
    #[schema(value_type = Share)]
    base: Resources,
}

/// A change of quotas; what is left out stays.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct QuotaChange {
    /// Cache, at least `[allocator] min_cache`.
    cache_bytes: Option<u64>,
    /// Read units per second, above 0.
    read_units_per_s: Option<f64>,
    /// Write units per second, above 0.
    write_units_per_s: Option<f64>,
    /// Bytes per second, client and storage side together, above 0.
    net_bytes_per_s: Option<f64>,
    /// `true` (the default) keeps the allocator away; `false` sets the quota until the allocator's next decision, and
    /// alone releases the tenant to its base share.
    pinned: Option<bool>,
}

impl QuotaView {
    /// The present state of a tenant.
    pub(super) fn of(tenant: &Tenant) -> Self {
        Self { quota: tenant.quota(), pinned: tenant.is_pinned(), base: tenant.base() }
    }
}

impl QuotaChange {
    fn over(self, now: Resources, min_cache_bytes: u64) -> Result<Resources, Problem> {
        let share = Resources {
            cache_bytes: self.cache_bytes.unwrap_or(now.cache_bytes),
            read_units_per_s: self.read_units_per_s.unwrap_or(now.read_units_per_s),
            write_units_per_s: self.write_units_per_s.unwrap_or(now.write_units_per_s),
            net_bytes_per_s: self.net_bytes_per_s.unwrap_or(now.net_bytes_per_s),
        };
        if !(min_cache_bytes..=CACHE_BYTES_MAX).contains(&share.cache_bytes) {
            let message = format!("must be from {min_cache_bytes} to {CACHE_BYTES_MAX}");
            return Err(Problem::invalid("cache_bytes", message));
        }
        for (field, value, most) in [
            ("read_units_per_s", share.read_units_per_s, UNITS_PER_S_MAX),
            ("write_units_per_s", share.write_units_per_s, UNITS_PER_S_MAX),
            ("net_bytes_per_s", share.net_bytes_per_s, NET_BYTES_PER_S_MAX),
        ] {
            if !(value > 0.0 && value <= most) {
                return Err(Problem::invalid(field, format!("must be above 0 and at most {most}")));
            }
        }
        Ok(share)
    }

    fn only_pins(&self) -> bool {
        self.cache_bytes.is_none()
            && self.read_units_per_s.is_none()
            && self.write_units_per_s.is_none()
            && self.net_bytes_per_s.is_none()
    }
}

/// The four quotas of a tenant.
#[utoipa::path(get, path = "/v1/tenants/{tenant}/quota", operation_id = "show_quota", tag = "quotas", security(("token" = [])),
    params(("tenant" = String, Path, description = "Name of the tenant")),
    responses((status = 200, body = QuotaView), (status = 404, body = ProblemBody)))]
pub(super) async fn show(
    State(state): State<AdminState>,
    Path(name): Path<String>,
) -> Result<Json<QuotaView>, Problem> {
    Ok(Json(QuotaView::of(state.tenant(&name)?.as_ref())))
}

/// Sets quotas by hand and pins the tenant: the allocator keeps away until it is released.
#[utoipa::path(put, path = "/v1/tenants/{tenant}/quota", operation_id = "set_quota", tag = "quotas", security(("token" = [])),
    params(("tenant" = String, Path, description = "Name of the tenant")),
    request_body = QuotaChange,
    responses((status = 200, body = QuotaView), (status = 404, body = ProblemBody),
        (status = 422, body = ProblemBody)))]
pub(super) async fn set(
    State(state): State<AdminState>,
    Path(name): Path<String>,
    Body(change): Body<QuotaChange>,
) -> Result<Json<QuotaView>, Problem> {
    let inner = &state.inner;
    let _changing = inner.changing.lock().await;
    let tenant = state.tenant(&name)?;
    let min_cache_bytes = inner.allocator.options().min_cache_bytes.min(tenant.base().cache_bytes);
    let share = change.over(tenant.quota(), min_cache_bytes)?;
    let pinned = change.pinned.unwrap_or(true);
    inner.state.update(|saved| saved.pin(&name, pinned.then_some(share))).await?;
    tenant.set_pinned(pinned);
    if !change.only_pins() {
        inner.allocator.set_share(tenant.clone(), share).await;
    } else if !pinned {
        inner.allocator.set_share(tenant.clone(), tenant.base()).await;
    }
    tracing::info!(tenant = %name, ?share, pinned, "quota set by hand");
    Ok(Json(QuotaView::of(&tenant)))
}

/// Releases a pinned tenant: it gets its base share back, and the allocator takes it from there.
#[utoipa::path(delete, path = "/v1/tenants/{tenant}/quota", operation_id = "release_quota", tag = "quotas", security(("token" = [])),
    params(("tenant" = String, Path, description = "Name of the tenant")),
    responses((status = 200, body = QuotaView), (status = 404, body = ProblemBody)))]
pub(super) async fn release(
    State(state): State<AdminState>,
    Path(name): Path<String>,
) -> Result<Json<QuotaView>, Problem> {
    let _changing = state.inner.changing.lock().await;
    let tenant = state.tenant(&name)?;
    state.inner.state.update(|saved| saved.pin(&name, None)).await?;
    tenant.set_pinned(false);
    state.inner.allocator.set_share(tenant.clone(), tenant.base()).await;
    tracing::info!(tenant = %name, "quota released");
    Ok(Json(QuotaView::of(&tenant)))
}

#[cfg(test)]
mod tests {
    use hare::Resources;

    use super::QuotaChange;

    const MIB: u64 = 1 << 20;

    fn now() -> Resources {
        Resources {
            cache_bytes: 64 * MIB,
            read_units_per_s: 0.6,
            write_units_per_s: 10.0,
            net_bytes_per_s: 1e6,
        }
    }

    #[test]
    fn what_is_left_out_stays() {
        let change: QuotaChange = serde_json::from_str(r#"{"cache_bytes": 33554432}"#).unwrap();
        let share = change.over(now(), 10 * MIB).unwrap();
        assert_eq!(share, Resources { cache_bytes: 32 * MIB, ..now() });
        let change: QuotaChange = serde_json::from_str(r#"{"pinned": false}"#).unwrap();
        assert!(change.only_pins());
    }

    #[test]
    fn amounts_out_of_bounds_and_unknown_fields_are_refused() {
        for body in [
            r#"{"cache_bytes": 1048576}"#,
            r#"{"read_units_per_s": 0}"#,
            r#"{"write_units_per_s": -1}"#,
            r#"{"net_bytes_per_s": 1e14}"#,
        ] {
            let change: QuotaChange = serde_json::from_str(body).unwrap();
            assert!(change.over(now(), 10 * MIB).is_err(), "{body}");
        }
        let error = serde_json::from_str::<QuotaChange>(r#"{"cache": 1}"#).unwrap_err();
        assert!(error.to_string().contains("unknown field `cache`"), "{error}");
    }
}
