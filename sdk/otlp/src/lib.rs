//! OTLP encoding and export over gRPC and HTTP: a sink of capture and a reader of metrics.
//!
//! [`OtlpExporter::start`] makes one thread, `watchroom-otlp`, with a runtime of its own; it serves spans, log records and metrics,
//! each with its own bounded queue, connection and retry state, so that one signal's trouble is not another's.
//!
//! # When the collector is not there
//!
//! A failure that may pass (no connection, a timeout, the retryable codes of the specification) is tried again with exponential
//! backoff and jitter; `Retry-After` and gRPC's `RetryInfo` are obeyed, and hold for the whole signal. Without a spool a batch is kept
//! in memory until it gets through or [`RetryConfig::max_elapsed`] is over, while the bounded queue fills up behind it; what the
//! queue has no room for is dropped. With [`OtlpConfig::spool`] a batch goes to disk after one attempt, and so does all that follows
//! until the oldest on disk gets through; it goes out in the order in which it came, also from the next process of the same service.
//!
//! Each unit that was accepted is in one place of the ledger:
//!
//! | where | when |
//! |---|---|
//! | delivered | the receiver said so |
//! | queued | in memory: in the queue, or in the exporter's hands |
//! | spooled | on disk |
//! | dropped, `queue_full`, `too_large`, `after_shutdown` | it never got out of the queue |
//! | dropped, `rejected` | the receiver refused it for good, whole or in part |
//! | dropped, `retries_exhausted`, `shutdown_timeout` | there was no spool, or its disk failed |
//! | dropped, `spool_full`, `spool_expired` | the spool's bounds: bytes (the oldest give way) and age |
//! | dropped, `spool_failed`, `spool_damaged` | the disk is full or broken; a file's checksum is wrong |
//!
//! What a process takes over from a dead one counts as accepted there. Delivery is at least once: an answer that is lost, or a
//! process that is killed between the answer and the removal of the file, makes a batch come twice.
//!
//! # Features
//!
//! `tls`: endpoints with `https://`, by rustls with ring; authorities of the system or of a file, and a certificate of one's own.
//! `zstd`: compression by zstd besides gzip. Both are built from C and off by default; without them the settings that need them are
//! errors of the start that name the feature.
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
