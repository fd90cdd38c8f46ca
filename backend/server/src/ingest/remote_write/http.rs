//! The endpoint: what a request has to be, and what the answer counts.

use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use axum::routing::post;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::RemoteWrite;
use super::keep::{Written, keep};
use crate::access::Client;
use crate::ingest::answer::respond;
use crate::ingest::otlp::{Refusal, Rejected};
use crate::net::{Compression, receive_as};
use crate::state::Shared;

const SAMPLES: HeaderName = HeaderName::from_static("x-prometheus-remote-write-samples-written");
const HISTOGRAMS: HeaderName = HeaderName::from_static("x-prometheus-remote-write-histograms-written");
const EXEMPLARS: HeaderName = HeaderName::from_static("x-prometheus-remote-write-exemplars-written");

/// The route.
pub(crate) fn router(state: Shared) -> Router {
    Router::new().route(
        "/api/v1/write",
        post(move |request: Request| answer(Shared::clone(&state), request)),
    )
}

async fn answer(state: Shared, request: Request) -> Response {
    let version = match version(request.headers()) {
        Ok(version) => version,
        Err(refusal) => return respond(&Err(refusal)),
    };
    let (written, result) = take(&state, version, request).await;
    let counters = &state.counters.remote_write;
    match &result {
        Ok(rejected) => counters.rejected.add(rejected.total()),
        Err(_) => counters.refused.add(1),
    }
    counters
        .received
        .add((written.samples + written.histograms) as u64);
    let mut response = respond(&result);
    if version == RemoteWrite::V2 {
        let counts = [
            (SAMPLES, written.samples),
            (HISTOGRAMS, written.histograms),
            (EXEMPLARS, written.exemplars),
        ];
        for (name, n) in counts {
            response.headers_mut().insert(name, HeaderValue::from(n));
        }
    }
    response
}

async fn take(
    state: &Shared,
    version: RemoteWrite,
    request: Request,
) -> (Written, Result<Rejected, Refusal>) {
    let none = Written::default();
    let client = Client::of(request.extensions());
    let body = request.into_body();
    let body = match receive_as(body, Compression::Snappy, &state.budget, &state.limits).await {
        Ok(body) => body,
        Err(error) => return (none, Err(error.into())),
    };
    let shared = Shared::clone(state);
    let kept = tokio::task::spawn_blocking(move || {
        let mut written = Written::default();
        let result = keep(&shared, version, &body, &client, &mut written);
        (written, result)
    });
    kept.await
        .unwrap_or_else(|error| (none, Err(Refusal::Internal(error.to_string()))))
}

/// What the headers say the body is. A type has to be given: without one, a page of another origin could post here unasked.
fn version(headers: &HeaderMap) -> Result<RemoteWrite, Refusal> {
    let text = |name| {
        headers
            .get(name)
            .map_or(Ok(""), HeaderValue::to_str)
            .unwrap_or("?")
    };
    let encoding = text(CONTENT_ENCODING);
    if !encoding.is_empty() && !encoding.eq_ignore_ascii_case("snappy") {
        return Err(Refusal::Unsupported(format!(
            "content encoding {encoding:?} is not supported; remote write is sent as snappy"
        )));
    }
    let content_type = text(CONTENT_TYPE);
    let mut parts = content_type.split(';').map(str::trim);
    let media = parts.next().unwrap_or("");
    let proto = parts.find_map(|part| {
        let (name, value) = part.split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case("proto")
            .then(|| value.trim().trim_matches('"'))
    });
    match proto {
        _ if !media.eq_ignore_ascii_case("application/x-protobuf") => {}
        None | Some("prometheus.WriteRequest") => return Ok(RemoteWrite::V1),
        Some("io.prometheus.write.v2.Request") => return Ok(RemoteWrite::V2),
        Some(_) => {}
    }
    Err(Refusal::Unsupported(format!(
        "content type {content_type:?} is not supported; use application/x-protobuf, with proto=prometheus.WriteRequest or \
         proto=io.prometheus.write.v2.Request"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(content_type: &str, encoding: &str, expect: Option<RemoteWrite>) {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::try_from(content_type).unwrap());
        headers.insert(CONTENT_ENCODING, HeaderValue::try_from(encoding).unwrap());
        assert_eq!(version(&headers).ok(), expect, "{content_type} {encoding}");
    }

    #[test]
    fn the_message_is_told_by_the_content_type() {
        let plain = "application/x-protobuf";
        check(plain, "snappy", Some(RemoteWrite::V1));
        check(plain, "", Some(RemoteWrite::V1));
        check(plain, "gzip", None);
        check("application/json", "snappy", None);
        check("", "snappy", None);
        let with = |proto: &str| format!("{plain};proto={proto}");
        check(&with("prometheus.WriteRequest"), "snappy", Some(RemoteWrite::V1));
        check(
            &with("io.prometheus.write.v2.Request"),
            "snappy",
            Some(RemoteWrite::V2),
        );
        check(
            "application/x-protobuf; proto=\"io.prometheus.write.v2.Request\"",
            "snappy",
            Some(RemoteWrite::V2),
        );
        check(&with("io.prometheus.write.v3.Request"), "snappy", None);
    }
}
