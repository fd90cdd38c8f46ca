//! The page: files that were built beforehand and are part of the binary.
//!
//! Invariant: every answer forbids the page to load or to talk to anything but this server.
//! Not here: the page's source, which is in `ui/`.

use axum::extract::Request;
use axum::response::Response;
use http::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use rust_embed::RustEmbed;

use crate::net::plain;

/// What the page may do. Its own origin covers the WebSocket of the live tail.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/../../ui/dist"]
#[allow_missing = true]
struct Assets;

/// Serves a file, or the page itself for a path that is one of its views.
pub(crate) async fn serve(request: Request) -> Response {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return plain(
            StatusCode::NOT_FOUND,
            format!("there is no {} {}\n", request.method(), request.uri().path()),
        );
    }
    let path = request.uri().path().trim_start_matches('/');
    if path.starts_with("api/") || path.starts_with("loki/") || path.starts_with("v1/") {
        return plain(StatusCode::NOT_FOUND, format!("there is no /{path}\n"));
    }
    let name = if path.is_empty() { "index.html" } else { path };
    match Assets::get(name) {
        Some(file) => answer(name, &file, request.headers()),
        None if is_view(name, request.headers()) => match Assets::get("index.html") {
            Some(file) => answer("index.html", &file, request.headers()),
            None => plain(
                StatusCode::NOT_FOUND,
                "this binary was built without its page; run `npm run build` in ui/ and build again\n",
            ),
        },
        None => plain(StatusCode::NOT_FOUND, format!("there is no /{path}\n")),
    }
}

/// Whether a browser is asking for a page rather than for a file.
fn is_view(name: &str, headers: &HeaderMap) -> bool {
    let file_name = name.rsplit('/').next().unwrap_or(name);
    let wants_page = headers
        .get(ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_none_or(|accept| accept.contains("text/html") || accept.contains("*/*"));
    wants_page && !file_name.contains('.')
}

fn answer(name: &str, file: &rust_embed::EmbeddedFile, headers: &HeaderMap) -> Response {
    let etag: String = file.metadata.sha256_hash()[..12]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let etag = format!("\"{etag}\"");
    let known = headers
        .get_all(IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.contains(&etag));
    let mut response = if known {
        let mut response = Response::new(axum::body::Body::empty());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    } else {
        Response::new(file.data.clone().into_owned().into())
    };
    let out = response.headers_mut();
    out.insert(CONTENT_TYPE, HeaderValue::from_static(content_type(name)));
    out.insert(CONTENT_SECURITY_POLICY, POLICY);
    out.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    out.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    // The names of built assets hold a hash of their content.
    let cache = match name.starts_with("assets/") {
        true => "public, max-age=31536000, immutable",
        false => "no-cache",
    };
    out.insert(CACHE_CONTROL, HeaderValue::from_static(cache));
    if let Ok(etag) = HeaderValue::try_from(etag) {
        out.insert(ETAG, etag);
    }
    response
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json" | "map") => "application/json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("woff2") => "font/woff2",
        Some("txt") => "text/plain; charset=utf-8",
        Some("webmanifest") => "application/manifest+json",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_is_what_a_browser_asks_for_without_an_extension() {
        let mut headers = HeaderMap::new();
        assert!(is_view("traces/abc", &headers));
        assert!(!is_view("assets/gone.js", &headers));
        headers.insert(ACCEPT, HeaderValue::from_static("image/png"));
        assert!(!is_view("traces", &headers));
    }
}
