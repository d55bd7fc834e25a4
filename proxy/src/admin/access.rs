//! Who may use the API, and for what: operators do everything, readers look and ask for dry runs.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::{AdminState, Problem, allocator};
use crate::config::{Secret, ServerConfig};

/// Shortest time between two lines of the log about wrong tokens.
const COMPLAINT_MS: u64 = 10_000;

/// What a token is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = AccessRole)]
pub(super) enum Role {
    /// Everything.
    Operator,
    /// Whatever changes nothing: reading, and dry runs of the allocator.
    ReadOnly,
}

/// Why a request was turned away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Denial {
    /// It had no token.
    Missing,
    /// It had one that nobody knows.
    Wrong,
    /// It had the token that only reads, and wanted to change something.
    ReadOnly,
}

/// Requests that were turned away since start, by why.
#[derive(Debug, Default)]
pub(crate) struct Denials {
    counts: [AtomicU64; Denial::ALL.len()],
    complained_ms: AtomicU64,
}

impl Denial {
    /// Every reason.
    pub(crate) const ALL: [Self; 3] = [Self::Missing, Self::Wrong, Self::ReadOnly];

    /// Its metric label.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Wrong => "wrong",
            Self::ReadOnly => "read_only",
        }
    }
}

impl Denials {
    /// How many there were for this reason.
    pub(crate) fn count(&self, denial: Denial) -> u64 {
        self.counts.get(denial as usize).map_or(0, |count| count.load(Ordering::Relaxed))
    }

    /// Counts one, and says so now and then if somebody may be guessing.
    fn note(&self, denial: Denial, from: SocketAddr, now_ms: u64) {
        if let Some(count) = self.counts.get(denial as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        let last_ms = self.complained_ms.load(Ordering::Relaxed);
        if denial != Denial::Wrong || now_ms < last_ms.saturating_add(COMPLAINT_MS) {
            return;
        }
        let (order, relaxed) = (Ordering::Relaxed, Ordering::Relaxed);
        if self.complained_ms.compare_exchange(last_ms, now_ms, order, relaxed).is_ok() {
            let since_start = self.count(denial);
            tracing::warn!(%from, since_start, "the admin API was asked with a wrong token");
        }
    }
}

/// Lets a request through whose token allows what it asks for. Without a configured token, which only loopback may lack,
/// everyone is an operator.
pub(super) async fn authorize(
    State(state): State<AdminState>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    mut request: Request,
    next: Next,
) -> Response {
    let shared = &state.inner.shared;
    let denied = |denial| {
        shared.counts.admin_denials.note(denial, from, crate::clock::unix_ms());
        match denial {
            Denial::ReadOnly => Problem::forbidden().into_response(),
            Denial::Missing | Denial::Wrong => Problem::unauthorized().into_response(),
        }
    };
    let given = request.headers().get(header::AUTHORIZATION);
    let given = given.map(|value| bearer(value.as_bytes()));
    let role = match role_of(&shared.config.server, given) {
        Ok(role) => role,
        Err(denial) => return denied(denial),
    };
    if role == Role::ReadOnly && !only_looks(&request) {
        return denied(Denial::ReadOnly);
    }
    request.extensions_mut().insert(role);
    next.run(request).await
}

/// Of a header that may lack, and in it a token that may lack.
fn role_of(server: &ServerConfig, given: Option<Option<&[u8]>>) -> Result<Role, Denial> {
    let Some(operator) = &server.admin_token else { return Ok(Role::Operator) };
    let given = given.ok_or(Denial::Missing)?.ok_or(Denial::Wrong)?;
    // Both are compared, whichever it is: how long that takes tells nothing.
    let is_reader = server.admin_read_token.as_ref().is_some_and(|token| token.verify(given));
    match (Secret::verify(operator, given), is_reader) {
        (true, _) => Ok(Role::Operator),
        (false, true) => Ok(Role::ReadOnly),
        (false, false) => Err(Denial::Wrong),
    }
}

/// True of what changes nothing. Whatever is added to the API later changes something unless it is said here.
fn only_looks(request: &Request) -> bool {
    match *request.method() {
        Method::GET | Method::HEAD => true,
        Method::POST => allocator::is_dry_run(request.uri()),
        _ => false,
    }
}

/// The token of an `authorization` header.
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii())
}

#[cfg(test)]
mod tests {
    use axum::extract::Request;

    use super::{Denial, Role, bearer, only_looks, role_of};
    use crate::config::{Secret, ServerConfig};

    #[test]
    fn only_bearer_tokens_count() {
        assert_eq!(bearer(b"Bearer abc"), Some(&b"abc"[..]));
        assert_eq!(bearer(b"bearer  abc "), Some(&b"abc"[..]));
        assert_eq!(bearer(b"Basic abc"), None);
        assert_eq!(bearer(b"Bearer"), None);
    }

    #[test]
    fn a_token_decides_the_role() {
        let secret = |text: &str| Some(Secret::from_plain(text.as_bytes()));
        let open = ServerConfig::default();
        let one = ServerConfig { admin_token: secret("all"), ..open.clone() };
        let two = ServerConfig { admin_read_token: secret("look"), ..one.clone() };
        assert_eq!(role_of(&open, None), Ok(Role::Operator));
        assert_eq!(role_of(&open, Some(Some(b"any"))), Ok(Role::Operator));
        for server in [&one, &two] {
            assert_eq!(role_of(server, None), Err(Denial::Missing));
            assert_eq!(role_of(server, Some(None)), Err(Denial::Wrong));
            assert_eq!(role_of(server, Some(Some(b""))), Err(Denial::Wrong));
            assert_eq!(role_of(server, Some(Some(b"al"))), Err(Denial::Wrong));
            assert_eq!(role_of(server, Some(Some(b"all"))), Ok(Role::Operator));
        }
        assert_eq!(role_of(&one, Some(Some(b"look"))), Err(Denial::Wrong));
        assert_eq!(role_of(&two, Some(Some(b"look"))), Ok(Role::ReadOnly));
    }

    #[test]
    fn who_only_looks_changes_nothing() {
        let looks = |method: &str, uri: &str| {
            only_looks(&Request::builder().method(method).uri(uri).body("".into()).unwrap())
        };
        assert!(looks("GET", "/v1/tenants") && looks("HEAD", "/v1/tenants"));
        for query in ["dry_run=true", "dry_run=true&policy=hare", "policy=hare&dry_run=true"] {
            assert!(looks("POST", &format!("/v1/allocator/runs?{query}")), "{query}");
        }
        for query in
            ["", "?dry_run=false", "?dry_run=1", "?dry_run=true&dry_run=false", "?dry_run=true&x=1"]
        {
            assert!(!looks("POST", &format!("/v1/allocator/runs{query}")), "{query}");
        }
        assert!(!looks("POST", "/v1/tenants?dry_run=true"));
        for method in ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "MERGE"] {
            assert!(!looks(method, "/v1/allocator/runs?dry_run=true"), "{method}");
        }
    }
}
