//! OTLP encoding and export over gRPC and HTTP: a sink of capture and a reader of metrics.
//!
//! [`OtlpExporter::start`] makes one thread, `watchroom-otlp`, with a runtime of its own; it serves spans, log records and metrics,
//! each with its own bounded queue, connection and retry state, so that one signal's trouble is not another's.
//!
//! What cannot be delivered is tried again: from memory for a minute, or, with [`OtlpConfig::spool`], from files that survive the
//! process, for a day. TLS needs the feature `tls`, zstd the feature `zstd`; both are built from C and off by default.
//!
//! Invariants: no call blocks beyond its stated bound, whatever the collector or the disk does and on whatever runtime the caller
//! runs; for each signal the ledger holds `accepted = delivered + dropped + queued + spooled`; the exporter's own traffic is seen by
//! no `tracing` subscriber; OTLP types and protobuf stay in here.
//! Not here: reading settings from the environment.

mod config;
mod error;
mod exporter;
mod report;
mod sinks;
mod spool;
mod transport;
pub mod wire;
mod worker;

pub use config::{
    Compression, Endpoint, OtlpConfig, ProblemHook, Protocol, RetryConfig, SignalConfig, SpoolConfig,
    TlsFiles,
};
pub use error::{ParseError, StartError};
pub use exporter::OtlpExporter;
pub use report::{FlushReport, PROBLEM_TARGET, Problem, ProblemKind, SignalReport};
pub use worker::metrics::MetricsReader;
