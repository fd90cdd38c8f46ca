//! Loki's push: log lines as JSON or protobuf.
//!
//! Invariant: a request is bounded before it is decompressed and while it is decoded. Lines that cannot be kept are left out and told
//! of with a status that a sender does not retry; the others are kept.
//! Not here: Loki's query API.
//!
//! Source: Grafana Loki, "HTTP API", push.

pub(crate) mod http;
mod json;
mod keep;
mod labels;
mod protobuf;
mod request;

/// Form of a push request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LokiPush {
    /// JSON.
    Json,
    /// `logproto.PushRequest`.
    Protobuf,
}
