//! A client of the admin API, for the subcommands that talk to a running proxy.

use std::time::Duration;

use clap::Args;
use serde_json::Value;
use ureq::Agent;
use ureq::http::{Method, Request};

use super::Failure;

/// How long one call may take; applying quotas may take seconds.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);

/// Which proxy to talk to.
#[derive(Debug, Clone, Args)]
pub(super) struct AdminArgs {
    /// Admin API of the proxy.
    #[arg(
        long,
        env = "HOPPERKV_ADMIN",
        default_value = "http://127.0.0.1:6390",
        value_name = "URL"
    )]
    admin: String,
    /// Its bearer token.
    #[arg(long, env = "HOPPERKV_ADMIN_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    token: Option<String>,
}

/// A client of one proxy.
#[derive(Debug)]
pub(super) struct AdminClient {
    agent: Agent,
    base: String,
    token: Option<String>,
}

impl AdminArgs {
    /// A client of the proxy that was named.
    pub(super) fn client(&self) -> AdminClient {
        let config = Agent::config_builder()
            .timeout_global(Some(CALL_TIMEOUT))
            .http_status_as_error(false)
            .proxy(None)
            .build();
        let url = self.admin.trim_end_matches('/');
        let base = if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
        AdminClient { agent: Agent::new_with_config(config), base, token: self.token.clone() }
    }
}

impl AdminClient {
    /// What `path` says.
    ///
    /// # Errors
    /// No answer, or a refusal.
    pub(super) fn get(&self, path: &str) -> Result<Value, Failure> {
        self.call(Method::GET, path, None)
    }

    /// Status and text of `path`, whatever the status.
    ///
    /// # Errors
    /// No answer.
    pub(super) fn get_any(&self, path: &str) -> Result<(u16, String), Failure> {
        self.exchange(Method::GET, path, None)
    }

    /// Sends a request and returns what is answered, `null` if that is empty.
    ///
    /// # Errors
    /// No answer, or a refusal: the problem document's detail.
    pub(super) fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, Failure> {
        let (status, text) = self.exchange(method, path, body)?;
        let answer: Result<Value, _> = serde_json::from_str(&text);
        if (200..300).contains(&status) {
            return if text.is_empty() {
                Ok(Value::Null)
            } else {
                answer.map_err(|_| self.not_ours(status))
            };
        }
        let detail = answer.ok().and_then(|body| Some(body.get("detail")?.as_str()?.to_owned()));
        Err(match (status, detail) {
            (401, _) => Failure::failed(format!(
                "{} wants its admin token; pass --token or set HOPPERKV_ADMIN_TOKEN",
                self.base
            )),
            (_, Some(detail)) => Failure::failed(detail),
            (_, None) => self.not_ours(status),
        })
    }

    fn exchange(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<(u16, String), Failure> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let body = body.map(ToString::to_string).unwrap_or_default();
        let request = request.header("content-type", "application/json").body(body);
        let request = request.map_err(|error| {
            Failure::input(format!("--admin {}: {error}; write http://host:port", self.base))
        })?;
        let answered = self.agent.run(request).and_then(|mut response| {
            Ok((response.status().as_u16(), response.body_mut().read_to_string()?))
        });
        answered.map_err(|error| {
            Failure::failed(format!(
                "no proxy answers at {}: {error}; start it with `hopperkv serve`, or name another \
                 with --admin or HOPPERKV_ADMIN",
                self.base
            ))
        })
    }

    fn not_ours(&self, status: u16) -> Failure {
        Failure::failed(format!(
            "{} answered with status {status} and not as the admin API would; is it the right port?",
            self.base
        ))
    }
}

/// Path of a tenant and of what belongs to it. A name with anything odd in it cannot exist, and must not become another
/// path.
pub(super) fn tenant_path(name: &str, rest: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let name: String =
        name.chars().map(|c| if plain(c) { c.to_string() } else { "%3F".into() }).collect();
    format!("/v1/tenants/{name}{rest}")
}
