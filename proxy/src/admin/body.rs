//! Reads JSON bodies and queries so that whatever is wrong with them becomes a problem document.

use axum::RequestExt as _;
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use serde::de::DeserializeOwned;

use super::{BODY_LIMIT_BYTES, Problem};

/// A JSON body. Unknown fields are refused by the types themselves.
#[derive(Debug)]
pub(super) struct Body<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Problem> {
        // Also keeps web pages of other origins out: they cannot send this type unasked.
        let is_json = request
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| value.split(';').next().is_some_and(is_json_type));
        if !is_json {
            return Err(Problem::not_json());
        }
        let bytes: Bytes = request.extract().await.map_err(|rejected| {
            let rejected: axum::extract::rejection::BytesRejection = rejected;
            match rejected.status() {
                StatusCode::PAYLOAD_TOO_LARGE => Problem::too_large(BODY_LIMIT_BYTES),
                _ => Problem::malformed(rejected.body_text()),
            }
        })?;
        // The derived readers would take an array as well, field by field in the order of declaration.
        if !bytes.trim_ascii_start().starts_with(b"{") {
            return Err(Problem::malformed("the body is to be a JSON object"));
        }
        let parsed = serde_json::from_slice(&bytes);
        parsed.map(Self).map_err(|error| Problem::malformed(error.to_string()))
    }
}

/// A query string.
#[derive(Debug)]
pub(super) struct Params<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        match Query::try_from_uri(&parts.uri) {
            Ok(Query(params)) => Ok(Self(params)),
            Err(rejected) => Err(Problem::malformed(rejected.body_text())),
        }
    }
}

fn is_json_type(text: &str) -> bool {
    text.trim().eq_ignore_ascii_case("application/json")
}
