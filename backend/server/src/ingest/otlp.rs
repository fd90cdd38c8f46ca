//! OTLP over gRPC and over HTTP.
//!
//! Invariant: a request is bounded before it is decompressed, decoded or translated; whatever is wrong with it is told to the sender
//! in the protocol's own words, and told as worth a retry only if a retry can help.
//! Not here: where the data goes, which is the store's.

mod delta;
mod export;
pub(crate) mod grpc;
pub(crate) mod http;
mod refusal;
mod rejected;
mod translate;
mod wire;

pub(crate) use delta::DeltaAccumulator;
pub(crate) use refusal::Refusal;
pub(crate) use wire::json::encode_base64;

/// One of the three kinds of telemetry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    Traces,
    Metrics,
    Logs,
}

/// Form of a request body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    Protobuf,
    Json,
}
