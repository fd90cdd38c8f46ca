//! How each protocol is told that a request is not let in.

use axum::response::Response;
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, StatusCode};

use crate::ingest::otlp::{self, Encoding, Refusal};
use crate::net::{json, plain};

/// Who is being told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Speaks {
    Grpc,
    Otlp(Encoding),
    /// Answers are JSON with `status`, `errorType` and `error`.
    Prometheus,
    Text,
}

impl Speaks {
    /// What a request's sender understands.
    pub(super) fn of(path: &str, headers: &HeaderMap) -> Self {
        let content_type = headers.get(CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
        if path.starts_with("/opentelemetry.proto.collector.")
            || content_type.starts_with(b"application/grpc")
        {
            return Self::Grpc;
        }
        if path.starts_with("/v1/") {
            return Self::Otlp(match content_type.starts_with(b"application/x-protobuf") {
                true => Encoding::Protobuf,
                false => Encoding::Json,
            });
        }
        match path.starts_with("/api/v1/") && path != "/api/v1/write" {
            true => Self::Prometheus,
            false => Self::Text,
        }
    }

    /// The answer.
    pub(super) fn refuse(self, refusal: &Refusal) -> Response {
        let mut response = match self {
            Self::Grpc => otlp::grpc::refused(refusal),
            Self::Otlp(form) => otlp::http::refused(form, refusal),
            Self::Prometheus => {
                let kind = match refusal {
                    Refusal::Unauthenticated(_) => "unauthorized",
                    Refusal::Forbidden(_) => "forbidden",
                    _ => "too_many_requests",
                };
                let body =
                    serde_json::json!({ "status": "error", "errorType": kind, "error": refusal.to_string() });
                json(refusal.http_status(), body.to_string())
            }
            Self::Text => plain(refusal.http_status(), format!("{refusal}\n")),
        };
        if self != Self::Grpc {
            if response.status() == StatusCode::UNAUTHORIZED {
                // A browser asks its user for a password.
                let ways = HeaderValue::from_static("Basic realm=\"watchroom\", charset=\"UTF-8\"");
                response.headers_mut().insert(WWW_AUTHENTICATE, ways);
                let bearer = HeaderValue::from_static("Bearer realm=\"watchroom\"");
                response.headers_mut().append(WWW_AUTHENTICATE, bearer);
            }
            if let Some(seconds) = refusal.retry_after() {
                response
                    .headers_mut()
                    .insert(RETRY_AFTER, HeaderValue::from(seconds));
            }
        }
        response
    }
}
