//! Errors of settings and of the start.
//!
//! Invariant: an error names the setting's value and what is accepted, and never a credential.

use std::io;
use std::path::PathBuf;

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
    #[error("unknown OTLP compression `{value}`; accepted are `gzip`, `zstd` and `none`")]
    Compression {
        /// What was given.
        value: String,
    },
}

/// Why the exporter could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The endpoint is not an address that can be used.
    #[error("invalid OTLP endpoint `{value}` for {}: {why}; accepted is http://host:port or https://host:port, for HTTP with an optional path", .signal.as_str())]
    Endpoint {
        /// The signal.
        signal: Signal,
        /// What was given, without user and password.
        value: String,
        /// What is wrong with it.
        why: String,
    },
    /// The endpoint asks for TLS, and this build has none.
    #[error("the OTLP endpoint `{value}` for {} needs TLS, which this build does not have; build with the feature `tls`, or use http:// to a collector on this machine, which forwards over TLS", .signal.as_str())]
    TlsMissing {
        /// The signal.
        signal: Signal,
        /// What was given.
        value: String,
    },
    /// A file for TLS cannot be used.
    #[error("invalid OTLP {setting} `{}` for {}: {why}", .path.display(), .signal.as_str())]
    TlsFile {
        /// The signal.
        signal: Signal,
        /// Name of the setting.
        setting: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// What TLS needs besides is missing or wrong.
    #[error("cannot use TLS for {}: {why}", .signal.as_str())]
    Tls {
        /// The signal.
        signal: Signal,
        /// What is wrong.
        why: String,
    },
    /// The compression is known, but this build does not have it.
    #[error("the OTLP compression `zstd` for {} is not in this build; build with the feature `zstd`, or use gzip", .signal.as_str())]
    ZstdMissing {
        /// The signal.
        signal: Signal,
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
    /// The spool's folder cannot be made or locked.
    #[error("cannot use the OTLP spool's folder `{}`", .path.display())]
    Spool {
        /// The folder or file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Metrics are to be exported, but there is nothing to read them from.
    #[error("metrics are to be exported, but no metrics reader was given")]
    NoMetricsReader,
    /// The thread or its runtime could not be made.
    #[error("cannot start the exporter's thread")]
    Thread(#[source] io::Error),
}
