//! OTLP bytes: records and snapshots in, export requests out.
//!
//! Invariant: what is written follows `opentelemetry-proto` v1 and is read back equal by any protobuf decoder.
//! Not here: transports, compression, and redaction, which has been done before.
//!
//! Source: <https://github.com/open-telemetry/opentelemetry-proto>, field numbers of `trace.proto`, `logs.proto`, `metrics.proto`.

mod attributes;
mod batch;
mod logs;
mod metrics;
pub(crate) mod proto;
pub(crate) mod reader;
mod spans;

pub use attributes::encode_resource;
pub use batch::{Batch, Request};
pub use logs::encode_log;
pub use metrics::push_metrics;
pub use spans::encode_span;
