//! Sends one encoded request and understands the answer.
//!
//! Source: Prometheus, "Remote-Write specification"; OTLP specification, "OTLP/HTTP Response" and "OTLP/gRPC Response"; Loki, push.

use std::time::Duration;

use axum::body::Body;
use bytes::{BufMut as _, Bytes, BytesMut};
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode};
use http_body_util::{BodyExt as _, Limited};

use super::client::{Client, ClientError};
use crate::ingest::otlp::{PartialAnswer, partial_success};

/// Time for a request and its answer.
const TIMEOUT: Duration = Duration::from_secs(30);
/// How much of an answer is read.
const MAX_ANSWER: usize = 64 << 10;

/// How a store takes data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    RemoteWrite1,
    RemoteWrite2,
    OtlpHttp,
    OtlpGrpc,
    LokiPush,
}

impl Form {
    /// Whether two requests one after the other are one. Those of remote write 2.0 have tables of their own.
    pub(super) fn is_mergeable(self) -> bool {
        self != Self::RemoteWrite2
    }

    /// Whether a part that was refused can be sent again in pieces without anything being kept twice: samples are the same at the same
    /// time, and what is too large was not kept at all.
    pub(super) fn is_divisible(self, status: StatusCode) -> bool {
        match status {
            StatusCode::PAYLOAD_TOO_LARGE => self.is_mergeable(),
            _ => self == Self::RemoteWrite1,
        }
    }
}

/// Where data goes, and how.
#[derive(Debug, Clone)]
pub(super) struct Writer {
    pub(super) client: Client,
    pub(super) path: String,
    pub(super) form: Form,
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sent {
    /// It was taken, but for so many items.
    Taken { refused: usize, reason: String },
    /// It may be taken later.
    Later { reason: String, after: Option<Duration> },
    /// It will never be taken as it is.
    Refused { reason: String, divisible: bool },
}

impl Writer {
    /// Sends a request.
    pub(super) async fn send(&self, request: &Bytes) -> Sent {
        match tokio::time::timeout(TIMEOUT, self.exchange(request)).await {
            Ok(Ok(sent)) => sent,
            Ok(Err(error)) => Sent::Later {
                reason: error.to_string(),
                after: None,
            },
            Err(_) => Sent::Later {
                reason: format!("no answer within {} s", TIMEOUT.as_secs()),
                after: None,
            },
        }
    }

    async fn exchange(&self, request: &Bytes) -> Result<Sent, ClientError> {
        let failed = |error: &dyn std::error::Error| ClientError::Failed(crate::error::chain(error));
        let body: Bytes = match self.form {
            Form::RemoteWrite1 | Form::RemoteWrite2 | Form::LokiPush => snap::raw::Encoder::new()
                .compress_vec(request)
                .map_err(|error| failed(&error))?
                .into(),
            Form::OtlpHttp => gzip(request).into(),
            Form::OtlpGrpc => {
                let packed = gzip(request);
                let mut framed = BytesMut::with_capacity(packed.len() + 5);
                framed.put_u8(1);
                framed.put_u32(u32::try_from(packed.len()).unwrap_or(u32::MAX));
                framed.put_slice(&packed);
                framed.freeze()
            }
        };
        let text = |text: &'static str| HeaderValue::from_static(text);
        let mut head = Request::post(self.client.uri(&self.path)?);
        head = match self.form {
            Form::RemoteWrite1 => head
                .header(CONTENT_TYPE, text("application/x-protobuf"))
                .header(CONTENT_ENCODING, text("snappy"))
                .header(
                    HeaderName::from_static("x-prometheus-remote-write-version"),
                    text("0.1.0"),
                ),
            Form::RemoteWrite2 => head
                .header(
                    CONTENT_TYPE,
                    text("application/x-protobuf;proto=io.prometheus.write.v2.Request"),
                )
                .header(CONTENT_ENCODING, text("snappy"))
                .header(
                    HeaderName::from_static("x-prometheus-remote-write-version"),
                    text("2.0.0"),
                ),
            Form::LokiPush => head.header(CONTENT_TYPE, text("application/x-protobuf")),
            Form::OtlpHttp => head
                .header(CONTENT_TYPE, text("application/x-protobuf"))
                .header(CONTENT_ENCODING, text("gzip")),
            Form::OtlpGrpc => head
                .header(CONTENT_TYPE, text("application/grpc"))
                .header(HeaderName::from_static("grpc-encoding"), text("gzip"))
                .header(http::header::TE, text("trailers")),
        };
        let request = head.body(Body::from(body)).map_err(|error| failed(&error))?;
        let response = self.client.send(request, TIMEOUT).await?;
        let (head, body) = response.into_parts();
        let collected = Limited::new(body, MAX_ANSWER).collect().await;
        if self.form == Form::OtlpGrpc && head.status.is_success() {
            let collected = collected.map_err(|error| ClientError::Failed(error.to_string()))?;
            let trailers = collected.trailers().cloned().unwrap_or_default();
            return Ok(of_grpc(&head.headers, &trailers, &collected.to_bytes()));
        }
        let answer = collected
            .map(http_body_util::Collected::to_bytes)
            .unwrap_or_default();
        Ok(self.of_http(head.status, &head.headers, &answer))
    }

    fn of_http(&self, status: StatusCode, headers: &HeaderMap, answer: &[u8]) -> Sent {
        if status.is_success() {
            return match self.form {
                Form::OtlpHttp => partly(partial_success(answer)),
                _ => partly(None),
            };
        }
        let said = String::from_utf8_lossy(&answer[..answer.len().min(300)]);
        let said: String = said
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        let reason = format!("it answers {status}: {}", said.trim());
        // That nobody is let in, or that there is nothing at this path, is not the data's fault and can be mended without losing it.
        let later = status.is_server_error()
            || matches!(
                status.as_u16(),
                401 | 403 | 404 | 405 | 407 | 408 | 421 | 425 | 429 | 300..=399
            );
        match later {
            true => Sent::Later {
                reason,
                after: headers
                    .get(RETRY_AFTER)
                    .and_then(|value| value.to_str().ok()?.parse().ok())
                    .map(Duration::from_secs),
            },
            false => Sent::Refused {
                reason,
                divisible: self.form.is_divisible(status),
            },
        }
    }
}

fn partly(partial: Option<PartialAnswer>) -> Sent {
    let (refused, reason) = partial.map_or((0, String::new()), |partial| (partial.rejected, partial.message));
    Sent::Taken { refused, reason }
}

/// What a gRPC answer says.
fn of_grpc(headers: &HeaderMap, trailers: &HeaderMap, message: &[u8]) -> Sent {
    let find = |name: &str| {
        let value = trailers.get(name).or_else(|| headers.get(name));
        value.and_then(|value| value.to_str().ok()).unwrap_or("")
    };
    let code: i32 = find("grpc-status").parse().unwrap_or(2);
    if code == 0 {
        return partly(message.get(5..).and_then(partial_success));
    }
    let reason = format!("it answers code {code}: {}", find("grpc-message"));
    // Cancelled, deadline exceeded, aborted, out of range, unavailable, data loss; and, as over HTTP, what is not the data's fault.
    let later = [1, 4, 10, 11, 14, 15].contains(&code)
        || [7, 12, 16].contains(&code)
        || code == 8 && !find("grpc-status-details-bin").is_empty();
    match later {
        true => Sent::Later { reason, after: None },
        false => Sent::Refused {
            reason,
            divisible: code == 8,
        },
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    // Writing to a vector does not fail.
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}
