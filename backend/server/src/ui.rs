//! The page: files that were built beforehand and are part of the binary.
//!
//! Invariant: every answer forbids the page to load or to talk to anything but this server.
//! Not here: the page's source, which is in `ui/`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::Mutex;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use bytes::Bytes;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG,
    IF_NONE_MATCH, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use rust_embed::RustEmbed;

use crate::net::plain;
use crate::state::lock;

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
        Some(file) => answer(name, file, request.headers()),
        None if is_view(name, request.headers()) => match Assets::get("index.html") {
            Some(file) => answer("index.html", file, request.headers()),
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

fn answer(name: &str, file: rust_embed::EmbeddedFile, headers: &HeaderMap) -> Response {
    let hash = file.metadata.sha256_hash();
    let zipped = is_text(name) && takes_gzip(headers);
    let digits: String = hash[..12].iter().map(|byte| format!("{byte:02x}")).collect();
    let etag = match zipped {
        true => format!("\"{digits}-gzip\""),
        false => format!("\"{digits}\""),
    };
    let known = headers
        .get_all(IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.contains(&etag));
    let data = match file.data {
        Cow::Borrowed(data) => Bytes::from_static(data),
        Cow::Owned(data) => Bytes::from(data),
    };
    let mut response = Response::new(match (known, zipped) {
        (true, _) => Body::empty(),
        (false, true) => compressed(hash, &data).into(),
        (false, false) => data.into(),
    });
    if known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    let out = response.headers_mut();
    out.insert(CONTENT_TYPE, HeaderValue::from_static(content_type(name)));
    out.insert(CONTENT_SECURITY_POLICY, POLICY);
    out.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    out.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    out.insert(VARY, HeaderValue::from_static("accept-encoding"));
    if zipped {
        out.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
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

/// Compresses a file once; there are as many entries as there are files.
fn compressed(hash: [u8; 32], data: &Bytes) -> Bytes {
    static KNOWN: Mutex<BTreeMap<[u8; 32], Bytes>> = Mutex::new(BTreeMap::new());
    if let Some(known) = lock(&KNOWN).get(&hash) {
        return known.clone();
    }
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    let zipped = encoder.write_all(data).and_then(|()| encoder.finish());
    // Writing into a vector does not fail.
    let zipped = Bytes::from(zipped.unwrap_or_default());
    lock(&KNOWN).insert(hash, zipped.clone());
    zipped
}

fn takes_gzip(headers: &HeaderMap) -> bool {
    headers
        .get_all(ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|coding| coding.trim() == "gzip" || coding.trim().starts_with("gzip;q=1"))
}

fn is_text(name: &str) -> bool {
    let content_type = content_type(name);
    content_type.starts_with("text/") || matches!(content_type, "application/json" | "image/svg+xml")
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
