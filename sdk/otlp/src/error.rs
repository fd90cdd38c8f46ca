//! Errors of settings and of the start.
//!
//! Invariant: an error names the setting's value and what is accepted, and never a credential.

use std::io;

use watchroom_core::Signal;

/// A word of a setting that is not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// An unknown protocol.
    #[error("unknown OTLP protocol `{value}`; accepted are `grpc` and `http/protobuf`")]
    Protocol {
        /// What was given.
        value: String,
    },
    /// An unknown compression.
    #[error("unknown OTLP compression `{value}`; accepted are `gzip` and `none`")]
    Compression {
        /// What was given.
        value: String,
    },
}

/// Why the exporter could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The endpoint is not an address that can be used.
    #[error("invalid OTLP endpoint `{value}` for {}: {why}; accepted is http://host:port, for HTTP with an optional path", .signal.as_str())]
    Endpoint {
        /// The signal.
        signal: Signal,
        /// What was given, without user and password.
        value: String,
        /// What is wrong with it.
        why: String,
    },
    /// The endpoint asks for TLS.
    #[error("the OTLP endpoint `{value}` for {} needs TLS, which this build does not have; use http:// to a collector on this machine, which forwards over TLS", .signal.as_str())]
    TlsMissing {
        /// The signal.
        signal: Signal,
        /// What was given.
        value: String,
    },
    /// A header cannot be sent.
    #[error("invalid OTLP header `{name}` for {}: {why}", .signal.as_str())]
    Header {
        /// The signal.
        signal: Signal,
        /// Name of the header; its value may be a secret and is not shown.
        name: String,
        /// What is wrong with it.
        why: String,
    },
    /// A number or a duration is out of its range.
    #[error("invalid OTLP setting `{setting}`: {value}; accepted is {accepted}")]
    Setting {
        /// Name of the setting.
        setting: &'static str,
        /// What was given.
        value: String,
        /// What is accepted.
        accepted: &'static str,
    },
    /// Metrics are to be exported, but there is nothing to read them from.
    #[error("metrics are to be exported, but no metrics reader was given")]
    NoMetricsReader,
    /// The thread or its runtime could not be made.
    #[error("cannot start the exporter's thread")]
    Thread(#[source] io::Error),
}
