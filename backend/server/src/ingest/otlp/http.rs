//! OTLP over HTTP: protobuf and JSON, gzip and zstd.
//!
//! Source: OTLP specification, "OTLP/HTTP".

use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use axum::routing::post;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, StatusCode};
use prost::Message as _;

use super::export::export;
use super::rejected::Rejected;
use super::wire::{PartialSuccess, Response as WireResponse, Status};
use super::{Encoding, Refusal, Signal};
use crate::access::Client;
use crate::net::{plain, receive};
use crate::state::Shared;

/// The three routes.
pub(crate) fn router(state: Shared) -> Router {
    let route = |signal: Signal, state: &Shared| {
        let state = Shared::clone(state);
        post(move |request: Request| answer(state, signal, request))
    };
    Router::new()
        .route("/v1/traces", route(Signal::Traces, &state))
        .route("/v1/metrics", route(Signal::Metrics, &state))
        .route("/v1/logs", route(Signal::Logs, &state))
}

/// The three routes on a listener of their own, where every other request is told what there is.
pub(crate) fn alone(state: Shared) -> Router {
    router(state)
        .fallback(|request: Request| async move { elsewhere(StatusCode::NOT_FOUND, &request) })
        .method_not_allowed_fallback(|request: Request| async move {
            elsewhere(StatusCode::METHOD_NOT_ALLOWED, &request)
        })
}

fn elsewhere(status: StatusCode, request: &Request) -> Response {
    plain(
        status,
        format!(
            "there is no {} {}; OTLP over HTTP is sent by POST to /v1/traces, /v1/metrics and /v1/logs\n",
            request.method(),
            request.uri().path()
        ),
    )
}

async fn answer(state: Shared, signal: Signal, request: Request) -> Response {
    let form = match encoding(request.headers()) {
        Ok(form) => form,
        // A sender that gave no type that is known can read the reason more easily as JSON.
        Err(refusal) => return refused(Encoding::Json, &refusal),
    };
    match take(state, signal, form, request).await {
        Ok(rejected) => accepted(signal, form, &rejected),
        Err(refusal) => refused(form, &refusal),
    }
}

async fn take(
    state: Shared,
    signal: Signal,
    encoding: Encoding,
    request: Request,
) -> Result<Rejected, Refusal> {
    let (head, body) = request.into_parts();
    let client = Client::of(&head.extensions);
    let compression = head
        .headers
        .get(CONTENT_ENCODING)
        .map_or(Ok(""), |value| value.to_str())
        .unwrap_or("?");
    let body = receive(body, compression, &state.budget, &state.limits).await;
    let body = body.inspect_err(|_| state.counters.of(signal).refused.add(1))?;
    export(state, signal, encoding, body, client).await
}

fn encoding(headers: &HeaderMap) -> Result<Encoding, Refusal> {
    let value = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("");
    let media = value.split(';').next().unwrap_or("").trim();
    if media.eq_ignore_ascii_case("application/x-protobuf") {
        Ok(Encoding::Protobuf)
    } else if media.eq_ignore_ascii_case("application/json") {
        Ok(Encoding::Json)
    } else {
        Err(Refusal::Unsupported(format!(
            "content type {media:?} is not supported; use application/x-protobuf or application/json"
        )))
    }
}

fn accepted(signal: Signal, form: Encoding, rejected: &Rejected) -> Response {
    let body = match form {
        Encoding::Protobuf => WireResponse {
            partial_success: (rejected.total() > 0).then(|| PartialSuccess {
                rejected: i64::try_from(rejected.total()).unwrap_or(i64::MAX),
                error_message: rejected.message(),
            }),
        }
        .encode_to_vec(),
        Encoding::Json if rejected.total() == 0 => b"{}".to_vec(),
        Encoding::Json => {
            let field = match signal {
                Signal::Traces => "rejectedSpans",
                Signal::Metrics => "rejectedDataPoints",
                Signal::Logs => "rejectedLogRecords",
            };
            let partial = serde_json::json!({
                "partialSuccess": { field: rejected.total().to_string(), "errorMessage": rejected.message() }
            });
            partial.to_string().into_bytes()
        }
    };
    respond(StatusCode::OK, form, body)
}

/// The answer of a refusal.
pub(crate) fn refused(form: Encoding, refusal: &Refusal) -> Response {
    let status: Status = refusal.rpc_status();
    let body = match form {
        Encoding::Protobuf => status.encode_to_vec(),
        Encoding::Json => serde_json::json!({ "code": status.code, "message": status.message })
            .to_string()
            .into_bytes(),
    };
    let mut response = respond(refusal.http_status(), form, body);
    if let Some(seconds) = refusal.retry_after() {
        response
            .headers_mut()
            .insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

fn respond(status: StatusCode, form: Encoding, body: Vec<u8>) -> Response {
    let content_type = match form {
        Encoding::Protobuf => "application/x-protobuf",
        Encoding::Json => "application/json",
    };
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
