//! The admin page itself: files that `make ui` builds and that are part of the program. They hold nothing secret, so they
//! need no token; what they show comes from the API, which does.
//!
//! Names of files below `assets/` have a hash of their content in them and are kept by browsers for good; the others are
//! asked for again and answered with 304 while they are the same.

use std::borrow::Cow;

use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use rust_embed::RustEmbed;

use super::problem;

/// The page as it was built, if it was.
#[derive(RustEmbed)]
#[folder = "../admin-ui/dist"]
#[allow_missing = true]
struct Dist;

/// Only our own scripts, styles and API.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
/// Until it is known to be the same.
const ASK_AGAIN: &str = "no-cache";
/// A year: whatever changes has another name.
const FOR_GOOD: &str = "public, max-age=31536000, immutable";
/// What stands at `/` in a program that was built without the page.
const NOT_BUILT: &str = "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>HopperKV</title>\n\
    <h1>HopperKV runs</h1>\n<p>This program was built without its admin page. Build both with <code>make ui</code> and \
    start HopperKV again. It needs npm.</p>\n<p>The API works without it: <a href=\"/v1/openapi.json\">its document</a>, \
    <a href=\"/readyz\">whether everything is ready</a>.</p>\n</html>\n";

/// A file of the page.
struct File {
    content: Cow<'static, [u8]>,
    sha256: [u8; 32],
}

/// Answers whatever is no path of the API.
pub(super) async fn file_or_problem(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let name = uri.path().trim_start_matches('/');
    let name = if name.is_empty() { "index.html" } else { name };
    let file = Dist::get(name)
        .map(|file| File { sha256: file.metadata.sha256_hash(), content: file.data });
    if method != Method::GET && method != Method::HEAD {
        return match (file, name) {
            (Some(_), _) | (None, "index.html") => {
                problem::no_such_method(method, uri).await.into_response()
            }
            (None, _) => problem::no_such_path(uri).await.into_response(),
        };
    }
    match file {
        Some(file) => answer(name, file, headers.get(header::IF_NONE_MATCH)),
        None if name == "index.html" => not_built(),
        None => problem::no_such_path(uri).await.into_response(),
    }
}

fn answer(name: &str, file: File, known: Option<&HeaderValue>) -> Response {
    let etag = format!("\"{}\"", hex(&file.sha256[..16]));
    let is_known = known.and_then(|known| known.to_str().ok()).is_some_and(|known| {
        known
            .split(',')
            .any(|known| known.trim().trim_start_matches("W/") == etag || known.trim() == "*")
    });
    let kept = if name.starts_with("assets/") { FOR_GOOD } else { ASK_AGAIN };
    let status = if is_known { StatusCode::NOT_MODIFIED } else { StatusCode::OK };
    let content = if is_known { Cow::Borrowed(&[][..]) } else { file.content };
    let own = [
        (header::CONTENT_TYPE, content_type(name).to_owned()),
        (header::CACHE_CONTROL, kept.to_owned()),
        (header::ETAG, etag),
    ];
    (status, own, safety(), content.into_owned()).into_response()
}

fn not_built() -> Response {
    let own =
        [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
    (own, safety(), NOT_BUILT).into_response()
}

/// Headers that keep a page from being used against who looks at it.
fn safety() -> [(header::HeaderName, &'static str); 3] {
    [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ]
}

/// Of the kinds of files that a page is built of.
fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("json" | "map") => "application/json",
        Some("webmanifest") => "application/manifest+json",
        Some("txt") => "text/plain; charset=utf-8",
        Some("woff2") => "font/woff2",
        _ => "application/octet-stream",
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
    use axum::response::Response;

    use super::{File, answer, not_built};

    fn file(name: &str, known: Option<&'static str>) -> Response {
        let file = File { content: b"text".as_slice().into(), sha256: [7; 32] };
        answer(name, file, known.map(HeaderValue::from_static).as_ref())
    }

    fn text<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> &'a str {
        headers[name].to_str().unwrap()
    }

    #[test]
    fn the_page_is_asked_for_again_and_its_hashed_files_are_not() {
        let page = file("index.html", None);
        assert_eq!(text(page.headers(), &header::CACHE_CONTROL), "no-cache");
        assert_eq!(text(page.headers(), &header::CONTENT_TYPE), "text/html; charset=utf-8");
        let script = file("assets/index-Bx3.js", None);
        assert!(text(script.headers(), &header::CACHE_CONTROL).contains("immutable"));
        assert_eq!(text(script.headers(), &header::CONTENT_TYPE), "text/javascript; charset=utf-8");
    }

    #[test]
    fn what_is_known_is_not_sent_again() {
        let etag = "\"07070707070707070707070707070707\"";
        assert_eq!(text(file("index.html", None).headers(), &header::ETAG), etag);
        for known in [
            etag,
            "W/\"07070707070707070707070707070707\"",
            "\"a\", \"07070707070707070707070707070707\"",
            "*",
        ] {
            assert_eq!(
                file("index.html", Some(known)).status(),
                StatusCode::NOT_MODIFIED,
                "{known}"
            );
        }
        assert_eq!(file("index.html", Some("\"other\"")).status(), StatusCode::OK);
    }

    #[test]
    fn every_answer_keeps_foreign_code_out() {
        for answer in [file("index.html", None), file("assets/x.css", None), not_built()] {
            let headers = answer.headers();
            let policy = text(headers, &header::CONTENT_SECURITY_POLICY);
            assert!(policy.starts_with("default-src 'self';"), "{policy}");
            assert!(!policy.contains("http") && !policy.contains("unsafe"), "{policy}");
            assert_eq!(text(headers, &header::X_CONTENT_TYPE_OPTIONS), "nosniff");
        }
    }
}
