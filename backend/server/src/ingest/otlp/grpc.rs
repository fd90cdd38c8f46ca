//! OTLP over gRPC: three unary methods.
//!
//! The framing is read here rather than by a gRPC library: it is five bytes, and so the message passes the same bounds on memory as
//! over HTTP before anything is decompressed or decoded.
//!
//! Source: gRPC over HTTP/2, and the OTLP specification, "OTLP/gRPC".

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use axum::routing::any;
use bytes::{BufMut as _, Bytes, BytesMut};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use http_body::Frame;
use prost::Message as _;

use super::export::export;
use super::rejected::Rejected;
use super::wire::{PartialSuccess, Response as WireResponse, Status, json::encode_base64};
use super::{Encoding, Refusal, Signal};
use crate::access::Client;
use crate::net::{BodyError, Compression, Received, receive};
use crate::state::Shared;

const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");
const STATUS: HeaderName = HeaderName::from_static("grpc-status");
const MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const DETAILS: HeaderName = HeaderName::from_static("grpc-status-details-bin");
const ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
const ACCEPT_ENCODING: HeaderName = HeaderName::from_static("grpc-accept-encoding");

/// The three methods; any other answers UNIMPLEMENTED.
pub(crate) fn router(state: Shared) -> Router {
    let route = |signal: Signal, state: &Shared| {
        let state = Shared::clone(state);
        any(move |request: Request| answer(state, signal, request))
    };
    Router::new()
        .route(
            "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
            route(Signal::Traces, &state),
        )
        .route(
            "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
            route(Signal::Metrics, &state),
        )
        .route(
            "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
            route(Signal::Logs, &state),
        )
        .fallback(|request: Request| async move {
            match is_grpc(&request) {
                true => refused(&Refusal::Unsupported(format!(
                    "there is no method {}",
                    request.uri().path()
                ))),
                false => not_grpc(),
            }
        })
}

async fn answer(state: Shared, signal: Signal, request: Request) -> Response {
    if !is_grpc(&request) {
        return not_grpc();
    }
    match take(state, signal, request).await {
        Ok(rejected) => accepted(&rejected),
        Err(refusal) => refused(&refusal),
    }
}

async fn take(state: Shared, signal: Signal, request: Request) -> Result<Rejected, Refusal> {
    let (head, body) = request.into_parts();
    let client = Client::of(&head.extensions);
    let framed = receive(body, "", &state.budget, &state.limits).await;
    let message = match framed {
        Ok(framed) => {
            let compression = head
                .headers
                .get(ENCODING)
                .map_or("identity", |v| v.to_str().unwrap_or("?"));
            unframe(&state, framed, compression.to_owned()).await
        }
        Err(error) => Err(error.into()),
    };
    let message = message.inspect_err(|_| state.counters.of(signal).refused.add(1))?;
    export(state, signal, Encoding::Protobuf, message, client).await
}

/// The one message of a unary request.
async fn unframe(state: &Shared, framed: Received, compression: String) -> Result<Received, Refusal> {
    let invalid = |reason: &str| Refusal::Invalid(reason.to_owned());
    let (head, _) = framed
        .bytes
        .split_first_chunk::<5>()
        .ok_or_else(|| invalid("request ends before its message"))?;
    let message = framed.bytes.slice(5..);
    let [flag, length @ ..] = *head;
    if u32::from_be_bytes(length) as usize != message.len() {
        return Err(invalid("length of the message is not that of the request"));
    }
    let message = Received {
        bytes: message,
        reservation: framed.reservation,
    };
    let compression = match (flag, compression.as_str()) {
        (0, _) => return Ok(message),
        (1, "gzip") => Compression::Gzip,
        (1, "zstd") => Compression::Zstd,
        (1, other) => return Err(BodyError::encoding(other).into()),
        _ => return Err(invalid("compression flag is neither 0 nor 1")),
    };
    let (budget, limit) = (state.budget.clone(), state.limits.max_decompressed_bytes);
    let decompressed = tokio::task::spawn_blocking(move || compression.undo(&message.bytes, &budget, limit))
        .await
        .map_err(|error| Refusal::Internal(error.to_string()))?;
    Ok(decompressed?)
}

fn is_grpc(request: &Request) -> bool {
    let media = request
        .headers()
        .get(CONTENT_TYPE)
        .map(HeaderValue::as_bytes)
        .unwrap_or_default();
    request.method() == Method::POST
        && media.starts_with(b"application/grpc")
        && !media.starts_with(b"application/grpc-web")
}

fn not_grpc() -> Response {
    crate::net::plain(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "this address takes OTLP over gRPC only; OTLP over HTTP has an address of its own\n",
    )
}

fn accepted(rejected: &Rejected) -> Response {
    let message = WireResponse {
        partial_success: (rejected.total() > 0).then(|| PartialSuccess {
            rejected: i64::try_from(rejected.total()).unwrap_or(i64::MAX),
            error_message: rejected.message(),
        }),
    };
    let mut framed = BytesMut::new();
    framed.put_u8(0);
    framed.put_u32(u32::try_from(message.encoded_len()).unwrap_or(0));
    framed.put_slice(&message.encode_to_vec());
    let mut trailers = HeaderMap::new();
    trailers.insert(STATUS, HeaderValue::from_static("0"));
    respond(Body::new(Frames(vec![
        Frame::trailers(trailers),
        Frame::data(framed.freeze()),
    ])))
}

/// The answer of a refusal.
pub(crate) fn refused(refusal: &Refusal) -> Response {
    let status: Status = refusal.rpc_status();
    let mut response = respond(Body::empty());
    let headers = response.headers_mut();
    headers.insert(STATUS, HeaderValue::from(status.code));
    if let Ok(message) = HeaderValue::try_from(percent_encode(&status.message)) {
        headers.insert(MESSAGE, message);
    }
    if !status.details.is_empty()
        && let Ok(details) = HeaderValue::try_from(encode_base64(&status.encode_to_vec()))
    {
        headers.insert(DETAILS, details);
    }
    response
}

fn respond(body: Body) -> Response {
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, GRPC);
    response
        .headers_mut()
        .insert(ACCEPT_ENCODING, HeaderValue::from_static("identity,gzip,zstd"));
    response
}

/// As gRPC has its messages in headers: printable ASCII but `%` as it is.
fn percent_encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' '..=b'~' if byte != b'%' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// Frames that are there already, last first.
struct Frames(Vec<Frame<Bytes>>);

impl http_body::Body for Frames {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.pop().map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_survive_in_headers() {
        assert_eq!(percent_encode("100% größer\n"), "100%25 gr%C3%B6%C3%9Fer%0A");
    }
}
