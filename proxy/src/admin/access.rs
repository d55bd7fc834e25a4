//! Who may use the API: whoever has the token, if one is configured.

use axum::extract::{Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::{AdminState, Problem};

/// Lets a request through if it has the token. Without a configured token, which only loopback may lack, everyone
/// passes.
pub(super) async fn require_token(
    State(state): State<AdminState>,
    request: Request,
    next: Next,
) -> Response {
    if let Some(token) = &state.inner.shared.config.server.admin_token {
        let given = request.headers().get(header::AUTHORIZATION);
        let given = given.and_then(|value| bearer(value.as_bytes()));
        if !given.is_some_and(|given| token.verify(given)) {
            return Problem::unauthorized().into_response();
        }
    }
    next.run(request).await
}

/// The token of an `authorization` header.
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::bearer;

    #[test]
    fn only_bearer_tokens_count() {
        assert_eq!(bearer(b"Bearer abc"), Some(&b"abc"[..]));
        assert_eq!(bearer(b"bearer  abc "), Some(&b"abc"[..]));
        assert_eq!(bearer(b"Basic abc"), None);
        assert_eq!(bearer(b"Bearer"), None);
    }
}
