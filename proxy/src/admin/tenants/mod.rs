//! Tenants at run time: listed, created, changed, removed. Changes survive a restart.
//!
//! - `clients`: who is connected
//! - `errors`: why requests were not served lately
//! - `password`: passwords that are made up

pub(super) mod clients;
pub(super) mod errors;
mod password;

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use hare::{Bounds, Resources};
use serde::Serialize;
use utoipa::ToSchema;

use self::password::{Asked, new_password};
use super::body::Body;
use super::quota::QuotaView;
use super::{AdminState, Problem, ProblemBody};
use crate::config::{RawSecret, RawTenant, Scalar, TenantConfig};
use crate::tenant::{Tenant, base_of, curve_max_bytes};

/// A tenant.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TenantView {
    /// User name of its clients.
    name: String,
    /// Its table.
    table: String,
    /// Port of its own, if it has one.
    port: Option<u16>,
    /// Whether clients need a password.
    has_password: bool,
    /// Longest wait of a request for its limits.
    max_wait_ms: u128,
    /// Whether FLUSHALL and FLUSHDB are served.
    allow_flush: bool,
    /// The most of its cache that the proxy may use itself for replies to hot keys; 0 is none.
    near_cache_bytes: u64,
    /// False while its Redis is out of service.
    cache_serving: bool,
    /// False while its Redis does not run as nobody has needed it yet: a managed one starts with the first sign-in.
    cache_started: bool,
    /// Clients signed in.
    clients: usize,
    /// Quota in force, and base share.
    quota: QuotaView,
    /// Improvement over base relative to a tenant of weight 1.
    weight: f64,
    /// The least that the allocator gives it.
    min: BoundView,
    /// The most that the allocator gives it.
    max: BoundView,
}

/// A bound on a share; resources that are not bounded are left out.
#[derive(Debug, Serialize, ToSchema)]
struct BoundView {
    /// Cache.
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_bytes: Option<u64>,
    /// Read units per second.
    #[serde(skip_serializing_if = "Option::is_none")]
    read_units_per_s: Option<f64>,
    /// Write units per second.
    #[serde(skip_serializing_if = "Option::is_none")]
    write_units_per_s: Option<f64>,
    /// Bytes per second, client and storage side together.
    #[serde(skip_serializing_if = "Option::is_none")]
    net_bytes_per_s: Option<f64>,
}

/// All tenants, by name.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TenantList {
    tenants: Vec<TenantView>,
}

/// A tenant that was just created or changed.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CreatedTenant {
    /// The tenant.
    #[serde(flatten)]
    tenant: TenantView,
    /// The password that was generated. It is not shown again.
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<String>,
}

/// A tenant to create, or what to change of one; quantities as in the configuration file ("256MiB", 1000, "50MB/s").
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "the API document's picture of config::RawTenant")]
pub(super) struct TenantFields {
    /// User name; required to create, fixed afterwards.
    name: Option<String>,
    /// A text, or `sha256:` and its digest; `generate` has one generated, and so does leaving it out of a new tenant.
    password: Option<String>,
    /// Has a password generated, in place of `password`.
    generate_password: Option<bool>,
    /// Table; the name unless given, fixed afterwards.
    table: Option<String>,
    /// Base cache; required to create.
    cache: Option<String>,
    /// The most of the cache that the proxy may use itself for replies to hot keys, such as "16MiB"; none unless given,
    /// fixed afterwards.
    near_cache: Option<String>,
    /// Base read units per second; required to create.
    read_units: Option<f64>,
    /// Base write units per second; required to create.
    write_units: Option<f64>,
    /// Base bandwidth; required to create.
    net: Option<String>,
    /// Port of its own; fixed once given.
    port: Option<u16>,
    /// URL of its Redis, if the cache kind is `dedicated`; fixed afterwards.
    redis: Option<String>,
    /// Longest wait for a limit, such as "1s".
    max_wait: Option<String>,
    /// Whether its clients may delete all of its keys with FLUSHALL and FLUSHDB; false unless given.
    allow_flush: Option<bool>,
    /// Improvement over base relative to a tenant of weight 1, 0 to 1000; 0 keeps it at its base throughput.
    weight: Option<f64>,
    /// The least that the allocator gives it, at most its base; replaces the earlier one whole, `{}` removes it.
    min: Option<BoundFields>,
    /// The most that the allocator gives it, at least its base; replaces the earlier one whole, `{}` removes it.
    max: Option<BoundFields>,
}

/// A bound on a share; resources that are left out are not bounded.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "the API document's picture of config::RawBound")]
struct BoundFields {
    /// Cache, such as "64MiB".
    cache: Option<String>,
    /// Read units per second.
    read_units: Option<f64>,
    /// Write units per second.
    write_units: Option<f64>,
    /// Bandwidth, such as "10MB/s".
    net: Option<String>,
}

/// All tenants.
#[utoipa::path(get, path = "/v1/tenants", operation_id = "list_tenants", tag = "tenants", security(("token" = [])),
    responses((status = 200, body = TenantList)))]
pub(super) async fn list(State(state): State<AdminState>) -> Json<TenantList> {
    let all = state.inner.shared.tenants.all();
    Json(TenantList { tenants: all.iter().map(|tenant| state.view(tenant)).collect() })
}

/// One tenant.
#[utoipa::path(get, path = "/v1/tenants/{tenant}", operation_id = "show_tenant", tag = "tenants", security(("token" = [])),
    params(("tenant" = String, Path, description = "Name of the tenant")),
    responses((status = 200, body = TenantView), (status = 404, body = ProblemBody)))]
pub(super) async fn show(
    State(state): State<AdminState>,
    Path(name): Path<String>,
) -> Result<Json<TenantView>, Problem> {
    Ok(Json(state.view(state.tenant(&name)?.as_ref())))
}

/// Creates a tenant: opens its table, starts or takes over its Redis.
#[utoipa::path(post, path = "/v1/tenants", operation_id = "create_tenant", tag = "tenants", security(("token" = [])),
    request_body = TenantFields,
    responses((status = 201, body = CreatedTenant), (status = 409, body = ProblemBody),
        (status = 422, body = ProblemBody), (status = 503, body = ProblemBody)))]
pub(super) async fn create(
    State(state): State<AdminState>,
    Body(Asked { tenant: mut raw, .. }): Body<Asked>,
) -> Result<impl IntoResponse, Problem> {
    let inner = &state.inner;
    let _changing = inner.changing.lock().await;
    let password = raw.password.is_none().then(new_password);
    if let Some(password) = &password {
        raw.password = Some(RawSecret::from(password.as_str()));
    }
    let others = state.other_tenants("");
    if let Some(Scalar::Text(name)) = &raw.name
        && others.iter().any(|other| other.name == *name)
    {
        return Err(Problem::conflict(format!("there is a tenant \"{name}\" already")));
    }
    let config = state.check(&raw, &others)?;
    let tenant = match inner.shared.tenants.open(config.clone()).await {
        Ok(tenant) => tenant,
        Err(error) => return Err(Problem::unavailable(error.to_string())),
    };
    if let Err(problem) = state.settle_in(&tenant, &config).await {
        inner.shared.tenants.remove(&config.name).await;
        return Err(problem);
    }
    tracing::info!(tenant = %tenant.name, "tenant created");
    let location = [(header::LOCATION, format!("/v1/tenants/{}", tenant.name))];
    let created = CreatedTenant { tenant: state.view(&tenant), password };
    Ok((StatusCode::CREATED, location, Json(created)))
}

/// Changes password, base share, longest wait, whether it may flush, weight or bounds; what is left out stays. A password
/// that was generated is in the answer, once.
#[utoipa::path(patch, path = "/v1/tenants/{tenant}", operation_id = "change_tenant", tag = "tenants", security(("token" = [])),
    params(("tenant" = String, Path, description = "Name of the tenant")),
    request_body = TenantFields,
    responses((status = 200, body = CreatedTenant), (status = 404, body = ProblemBody),
        (status = 409, body = ProblemBody), (status = 422, body = ProblemBody)))]
pub(super) async fn change(
    State(state): State<AdminState>,
    Path(name): Path<String>,
    Body(Asked { tenant: mut raw, generate_password }): Body<Asked>,
) -> Result<Json<CreatedTenant>, Problem> {
    let inner = &state.inner;
    let _changing = inner.changing.lock().await;
    let tenant = state.tenant(&name)?;
    let password = generate_password.then(new_password);
    if let Some(password) = &password {
        raw.password = Some(RawSecret::from(password.as_str()));
    }
    let before = tenant.config.load_full();
    let after = state.check(&raw.over(before.to_raw()), &state.other_tenants(&name))?;
    refuse_fixed(&before, &after)?;
    inner.state.update(|saved| saved.keep_tenant(&after)).await?;
    tenant.limits.set_max_wait(after.max_wait);
    let (base_before, base_after) = (base_of(&before), base_of(&after));
    tenant.config.store(Arc::new(after.clone()));
    if base_before.cache_bytes != base_after.cache_bytes {
        let multiple = inner.allocator.options().curve_max;
        tenant.observer.set_max_bytes(curve_max_bytes(base_after.cache_bytes, multiple));
    }
    if hopperkv_control::decide::differs(&base_before, &base_after) && !tenant.is_pinned() {
        // The new base holds at once; the allocator goes on from there.
        inner.allocator.set_share(Arc::clone(&tenant), base_after).await;
    }
    tracing::info!(tenant = %name, "tenant changed");
    Ok(Json(CreatedTenant { tenant: state.view(&tenant), password }))
}

/// Removes a tenant: its clients are cut off and its managed Redis is stopped. Its table stays.
#[utoipa::path(delete, path = "/v1/tenants/{tenant}", operation_id = "remove_tenant", tag = "tenants", security(("token" = [])),
    params(("tenant" = String, Path, description = "Name of the tenant")),
    responses((status = 204), (status = 404, body = ProblemBody), (status = 409, body = ProblemBody)))]
pub(super) async fn remove(
    State(state): State<AdminState>,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    let inner = &state.inner;
    let _changing = inner.changing.lock().await;
    state.tenant(&name)?;
    if inner.shared.config.server.default_tenant.as_deref() == Some(name.as_str()) {
        let detail = "it is [server] default_tenant; change that and start again first";
        return Err(Problem::conflict(detail));
    }
    // `Config` holds what the state added as well; a name too many in the state does no harm.
    let configured = inner.shared.config.tenants.iter().any(|tenant| tenant.name == name);
    inner.state.update(|saved| saved.remove_tenant(&name, configured)).await?;
    inner.shared.tenants.remove(&name).await;
    tracing::info!(tenant = %name, "tenant removed");
    Ok(StatusCode::NO_CONTENT)
}

impl AdminState {
    fn view(&self, tenant: &Tenant) -> TenantView {
        let (config, terms) = (tenant.config.load(), tenant.terms());
        TenantView {
            name: config.name.clone(),
            table: config.table.clone(),
            port: config.port,
            has_password: config.password.is_some(),
            max_wait_ms: config.max_wait.as_millis(),
            allow_flush: config.allow_flush,
            near_cache_bytes: config.near_cache_bytes,
            cache_serving: !tenant.cache.health.is_down(),
            cache_started: !tenant.cache.health.is_asleep(),
            clients: self.inner.shared.clients.of_tenant(tenant.number).len(),
            quota: QuotaView::of(tenant),
            weight: terms.weight,
            min: BoundView::of(&terms.bounds.min, &Bounds::default().min),
            max: BoundView::of(&terms.bounds.max, &Bounds::default().max),
        }
    }

    fn check(&self, raw: &RawTenant, others: &[TenantConfig]) -> Result<TenantConfig, Problem> {
        // A body may not read the proxy's environment.
        Ok(raw.validate(&self.inner.shared.config.tenant_rules(), &|_| None, others)?)
    }

    /// Opens the port and saves the tenant, which is open but not yet announced.
    async fn settle_in(&self, tenant: &Arc<Tenant>, config: &TenantConfig) -> Result<(), Problem> {
        if let Some(port) = config.port {
            let opened = self.inner.dealer.open_port(Arc::clone(tenant), port).await;
            opened.map_err(|error| Problem::unavailable(error.to_string()))?;
        }
        Ok(self.inner.state.update(|saved| saved.keep_tenant(config)).await?)
    }
}

impl BoundView {
    /// What of `bound` differs from `none`, which bounds nothing.
    #[expect(clippy::float_cmp, reason = "either is the constant itself")]
    fn of(bound: &Resources, none: &Resources) -> Self {
        let rate = |rate: fn(&Resources) -> f64| (rate(bound) != rate(none)).then(|| rate(bound));
        Self {
            cache_bytes: (bound.cache_bytes != none.cache_bytes).then_some(bound.cache_bytes),
            read_units_per_s: rate(|share| share.read_units_per_s),
            write_units_per_s: rate(|share| share.write_units_per_s),
            net_bytes_per_s: rate(|share| share.net_bytes_per_s),
        }
    }
}

fn refuse_fixed(before: &TenantConfig, after: &TenantConfig) -> Result<(), Problem> {
    let fixed = [
        ("name", before.name != after.name),
        ("table", before.table != after.table),
        ("port", before.port != after.port),
        ("redis", before.redis != after.redis),
        ("near_cache", before.near_cache_bytes != after.near_cache_bytes),
    ];
    match fixed.into_iter().find(|(_, changed)| *changed) {
        None => Ok(()),
        Some((field, _)) => Err(Problem::conflict(format!(
            "{field} cannot be changed; remove the tenant and create it again (its table stays)"
        ))),
    }
}
