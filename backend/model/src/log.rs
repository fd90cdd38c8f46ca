//! Log lines as they are kept and searched.

use std::sync::Arc;

use crate::{Attributes, Labels, Resource, SpanId, TraceId};

/// Labels of the stream that a log line belongs to: `service_name`, `level` and what the ingest adds; few and bounded.
pub type StreamLabels = Labels;

/// Severity of a log line.
///
/// Source: OpenTelemetry logs data model, severity number ranges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Severity {
    /// Not told.
    #[default]
    Unspecified,
    /// 1 to 4.
    Trace,
    /// 5 to 8.
    Debug,
    /// 9 to 12.
    Info,
    /// 13 to 16.
    Warn,
    /// 17 to 20.
    Error,
    /// 21 to 24.
    Fatal,
}

impl Severity {
    /// Reads an OTLP severity number; numbers outside 1 to 24 are [`Severity::Unspecified`].
    #[must_use]
    pub fn from_number(number: i32) -> Self {
        match number {
            1..=4 => Self::Trace,
            5..=8 => Self::Debug,
            9..=12 => Self::Info,
            13..=16 => Self::Warn,
            17..=20 => Self::Error,
            21..=24 => Self::Fatal,
            _ => Self::Unspecified,
        }
    }

    /// The value of the `level` label, as Loki has it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unspecified => "unknown",
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::Fatal => "fatal",
        }
    }
}

/// One log line.
#[derive(Debug, Clone, PartialEq)]
pub struct LogLine {
    /// Nanoseconds since the epoch.
    pub time_ns: u64,
    /// The stream.
    pub stream: StreamLabels,
    /// Severity.
    pub severity: Severity,
    /// The text of the line (the body; a body that is not text as JSON).
    pub body: Arc<str>,
    /// Structured metadata: the record's attributes.
    pub attributes: Attributes,
    /// Trace during which it was written.
    pub trace_id: Option<TraceId>,
    /// Span during which it was written.
    pub span_id: Option<SpanId>,
    /// Sender.
    pub resource: Arc<Resource>,
}
