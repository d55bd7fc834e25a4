//! Where clients connect, for those who are to be told.

use std::net::SocketAddr;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use serde::Serialize;
use utoipa::ToSchema;

use super::AdminState;

/// Where clients connect.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ConnectView {
    /// The one for all tenants first, then those of single tenants, by name.
    endpoints: Vec<Endpoint>,
    /// Whether clients have to speak TLS. The proxy does not; put a TLS proxy in front where it is needed.
    tls: bool,
    /// Tenant of clients that do not sign in, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    default_tenant: Option<String>,
}

/// A place that clients connect to.
#[derive(Debug, Serialize, ToSchema)]
struct Endpoint {
    /// Host name or IP address. If the proxy listens on all addresses of its machine, the one under which the admin API
    /// was asked.
    host: String,
    /// Port.
    port: u16,
    /// Whose it is: its clients need no user name. Absent where a client says by its user name which tenant it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<String>,
}

/// Where clients connect.
#[utoipa::path(get, path = "/v1/connect", tag = "tenants", security(("token" = [])),
    responses((status = 200, body = ConnectView)))]
pub(super) async fn connect(
    State(state): State<AdminState>,
    headers: HeaderMap,
) -> Json<ConnectView> {
    let shared = &state.inner.shared;
    let asked = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = host(state.inner.listen, asked);
    let of_all = Endpoint { host: host.clone(), port: state.inner.listen.port(), tenant: None };
    let tenants = shared.tenants.all();
    let own = tenants.iter().filter_map(|tenant| {
        let config = tenant.config.load();
        let tenant = Some(config.name.clone());
        Some(Endpoint { host: host.clone(), port: config.port?, tenant })
    });
    Json(ConnectView {
        endpoints: std::iter::once(of_all).chain(own).collect(),
        tls: false,
        default_tenant: shared.config.server.default_tenant.clone(),
    })
}

/// The host that clients can use, as far as we can know.
fn host(listen: SocketAddr, asked: Option<&str>) -> String {
    if !listen.ip().is_unspecified() {
        return listen.ip().to_string();
    }
    // What follows the last colon is the port, unless that colon is within an IPv6 address.
    let name = asked.map(|host| match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    });
    let name = name.map(|name| name.trim_start_matches('[').trim_end_matches(']'));
    name.filter(|name| !name.is_empty()).unwrap_or("127.0.0.1").to_owned()
}

#[cfg(test)]
mod tests {
    use super::host;

    #[test]
    fn the_host_is_one_that_clients_can_use() {
        let listen = |text: &str| text.parse().unwrap();
        assert_eq!(host(listen("10.0.0.1:6380"), Some("admin.example:6390")), "10.0.0.1");
        let open = listen("0.0.0.0:6380");
        assert_eq!(host(open, Some("admin.example:6390")), "admin.example");
        assert_eq!(host(open, Some("admin.example")), "admin.example");
        assert_eq!(host(open, Some("[::1]:6390")), "::1");
        assert_eq!(host(open, Some("[::1]")), "::1");
        assert_eq!(host(open, None), "127.0.0.1");
    }
}
