//! The admin API as programs and operators see it, over real HTTP.

mod connect;
mod document;
mod events;
mod exposition;
mod history;
mod metrics;
mod page;
mod quotas;
mod races;
mod refusals;
mod roles;
mod state;
mod stats;
mod tenants;

use std::net::SocketAddr;

use serde_json::Value as Json;

use crate::support::{Client, PATIENCE, Proxy, Value};

/// Size of quotas in these tests.
pub(crate) const MIB: u64 = 1 << 20;

/// An answer of the admin API.
#[derive(Debug)]
struct Answer {
    status: u16,
    content_type: String,
    challenge: Option<String>,
    body: Json,
}

/// Sends exactly this, without the token unless a header has it.
fn send(
    admin: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Answer {
    let mut request =
        ureq::http::Request::builder().method(method).uri(format!("http://{admin}{path}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(PATIENCE))
        .build()
        .into();
    let mut answer = agent.run(request.body(body.to_owned()).unwrap()).unwrap();
    let header =
        |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    let (content_type, challenge) =
        (header("content-type").unwrap_or_default(), header("www-authenticate"));
    let text = answer.body_mut().read_to_string().unwrap();
    let body = serde_json::from_str(&text).unwrap_or(Json::String(text));
    Answer { status: answer.status().as_u16(), content_type, challenge, body }
}

impl Answer {
    /// A problem document with this status and code; returns its detail.
    fn assert_problem(&self, status: u16, code: &str) -> &str {
        assert_eq!(self.content_type, "application/problem+json", "{self:?}");
        assert_eq!(self.status, status, "{self:?}");
        assert_problem(&self.body, status, code)
    }
}

/// The members every problem document has; returns its detail.
fn assert_problem<'a>(body: &'a Json, status: u16, code: &str) -> &'a str {
    assert_eq!(body["status"], status, "{body}");
    assert_eq!(body["code"], code, "{body}");
    assert_eq!(body["type"], format!("urn:hopperkv:problem:{code}"), "{body}");
    assert!(!body["title"].as_str().unwrap().is_empty(), "{body}");
    body["detail"].as_str().filter(|detail| !detail.is_empty()).unwrap()
}

/// `maxmemory` as a tenant's Redis says.
pub(crate) fn maxmemory(proxy: &Proxy, tenant: &str) -> u64 {
    let said = proxy.redis_cli(tenant, &["CONFIG", "GET", "maxmemory"]);
    said.lines().nth(1).unwrap_or_else(|| panic!("maxmemory of {tenant}: {said}")).parse().unwrap()
}

/// A client signed in with a password that was not made up by the harness.
fn signed_in(proxy: &Proxy, tenant: &str, password: &str) -> Client {
    let mut client = Client::connect(proxy.listen);
    assert_eq!(client.call(&["AUTH", tenant, password]), Value::ok());
    client
}
