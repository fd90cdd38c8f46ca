//! The endpoint.

use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use axum::routing::post;
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};

use super::LokiPush;
use super::keep::keep;
use crate::access::Client;
use crate::ingest::answer::respond;
use crate::ingest::otlp::{Refusal, Rejected};
use crate::net::{Compression, receive_as};
use crate::state::Shared;

/// The route.
pub(crate) fn router(state: Shared) -> Router {
    Router::new().route(
        "/loki/api/v1/push",
        post(move |request: Request| answer(Shared::clone(&state), request)),
    )
}

async fn answer(state: Shared, request: Request) -> Response {
    let counters = &state.counters.loki_push;
    let result = take(&state, request).await;
    match &result {
        Ok((kept, rejected)) => {
            counters.received.add(*kept as u64);
            counters.rejected.add(rejected.total());
        }
        Err(_) => counters.refused.add(1),
    }
    respond(&result.map(|(_, rejected)| rejected))
}

async fn take(state: &Shared, request: Request) -> Result<(usize, Rejected), Refusal> {
    let (form, compression) = form(request.headers())?;
    let client = Client::of(request.extensions());
    let body = receive_as(request.into_body(), compression, &state.budget, &state.limits).await?;
    let shared = Shared::clone(state);
    let kept = tokio::task::spawn_blocking(move || keep(&shared, form, &body))
        .await
        .unwrap_or_else(|error| Err(Refusal::Internal(error.to_string())))?;
    client.brought(kept.0 + usize::try_from(kept.1.total()).unwrap_or(usize::MAX));
    Ok(kept)
}

/// What the headers say the body is. A type has to be given: without one, a page of another origin could post here unasked. Protobuf is
/// always compressed, whether the headers say so or not.
fn form(headers: &HeaderMap) -> Result<(LokiPush, Compression), Refusal> {
    let text = |name| {
        headers
            .get(name)
            .map_or(Ok(""), |value| value.to_str())
            .unwrap_or("?")
    };
    let (content_type, encoding) = (text(CONTENT_TYPE), text(CONTENT_ENCODING));
    let media = content_type.split(';').next().unwrap_or("").trim();
    let form = if media.eq_ignore_ascii_case("application/json") {
        LokiPush::Json
    } else if media.eq_ignore_ascii_case("application/x-protobuf") {
        LokiPush::Protobuf
    } else {
        return Err(Refusal::Unsupported(format!(
            "content type {content_type:?} is not supported; use application/json or application/x-protobuf"
        )));
    };
    let compression = match (form, encoding) {
        (LokiPush::Protobuf, "" | "snappy") | (LokiPush::Json, "snappy") => Compression::Snappy,
        (LokiPush::Json, "deflate") => Compression::Deflate,
        (LokiPush::Json, other) => Compression::of_name(other)?,
        (LokiPush::Protobuf, other) => {
            return Err(Refusal::Unsupported(format!(
                "content encoding {other:?} is not supported; protobuf is sent as snappy"
            )));
        }
    };
    Ok((form, compression))
}
