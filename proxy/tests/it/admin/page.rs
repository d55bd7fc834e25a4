//! The page's files, or what stands in their place.

use std::path::Path;

use super::send;
use crate::support::Proxy;

fn head(proxy: &Proxy, path: &str, known: Option<&str>) -> (u16, Vec<(String, String)>, String) {
    let mut request =
        ureq::http::Request::builder().method("GET").uri(format!("http://{}{path}", proxy.admin));
    if let Some(known) = known {
        request = request.header("if-none-match", known);
    }
    let config = ureq::Agent::config_builder().http_status_as_error(false).build();
    let agent: ureq::Agent = config.into();
    let mut answer = agent.run(request.body(()).unwrap()).unwrap();
    let headers = answer.headers().iter();
    let headers =
        headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
    let headers = headers.collect();
    (answer.status().as_u16(), headers, answer.body_mut().read_to_string().unwrap())
}

fn value<'a>(headers: &'a [(String, String)], name: &str) -> &'a str {
    headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
}

#[test]
fn the_page_needs_no_token_and_runs_nothing_foreign() {
    let proxy = Proxy::start();
    let (status, headers, text) = head(&proxy, "/", None);
    assert_eq!(status, 200);
    assert!(value(&headers, "content-type").starts_with("text/html"));
    let policy = value(&headers, "content-security-policy");
    for part in ["default-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(value(&headers, "x-content-type-options"), "nosniff");
    // Tests read what is in the tree; a release has it in the program.
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("../admin-ui/dist/index.html");
    if built.exists() {
        assert_eq!(text, std::fs::read_to_string(&built).unwrap());
        let etag = value(&headers, "etag").to_owned();
        let (status, _, text) = head(&proxy, "/", Some(&etag));
        assert_eq!((status, text.as_str()), (304, ""));
        assert_eq!(head(&proxy, "/index.html", Some("\"another\"")).0, 200);
    } else {
        assert!(text.contains("make ui"), "{text}");
        assert_eq!(value(&headers, "cache-control"), "no-store");
    }
}

#[test]
fn nothing_but_the_page_is_a_file() {
    let proxy = Proxy::start();
    for path in [
        "/nope.js",
        "/assets/nope.js",
        "/assets",
        "/../Cargo.toml",
        "/%2e%2e/package.json",
        "/assets/..%2f..%2fpackage.json",
    ] {
        send(proxy.admin, "GET", path, &[], "").assert_problem(404, "not_found");
    }
    send(proxy.admin, "POST", "/", &[], "").assert_problem(405, "method_not_allowed");
    send(proxy.admin, "PUT", "/assets/nope.js", &[], "").assert_problem(404, "not_found");
}
