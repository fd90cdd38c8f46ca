//! OTLP over gRPC and over HTTP.
//!
//! Invariant: a request is bounded before it is decompressed, decoded or translated; whatever is wrong with it is told to the sender
//! in the protocol's own words, and told as worth a retry only if a retry can help.
//! Not here: where the data goes, which is the store's.

mod answered;
mod decoded;
mod delta;
mod export;
pub(crate) mod grpc;
pub(crate) mod http;
mod refusal;
mod rejected;
mod translate;
mod wire;

pub(crate) use answered::{PartialAnswer, partial_success};
pub use decoded::Decoded;
pub(crate) use delta::DeltaAccumulator;
pub(crate) use refusal::Refusal;
pub(crate) use rejected::Rejected;
pub(crate) use translate::severity_of_word;
pub(crate) use wire::json::{decode_base64, encode_base64};

/// One of the three kinds of telemetry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// Spans.
    Traces,
    /// Samples.
    Metrics,
    /// Log records.
    Logs,
}

/// Form of a request body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Protobuf.
    Protobuf,
    /// JSON, as OTLP maps it.
    Json,
}
