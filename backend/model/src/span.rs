//! Spans as they are kept and searched.

use std::fmt;
use std::sync::Arc;

use crate::{AttrValue, Attributes, attr};

/// Id of a trace, 16 bytes, never zero in a stored span. Shown as 32 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TraceId(pub u128);

/// Id of a span, 8 bytes. Shown as 16 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SpanId(pub u64);

impl TraceId {
    /// Reads up to 32 hex digits (fewer mean leading zeros, as Jaeger has it).
    #[must_use]
    pub fn parse(hex: &str) -> Option<Self> {
        let digits = !hex.is_empty() && hex.len() <= 32 && hex.bytes().all(|b| b.is_ascii_hexdigit());
        digits
            .then(|| u128::from_str_radix(hex, 16).ok().map(Self))
            .flatten()
    }
}

impl SpanId {
    /// Reads up to 16 hex digits.
    #[must_use]
    pub fn parse(hex: &str) -> Option<Self> {
        let digits = !hex.is_empty() && hex.len() <= 16 && hex.bytes().all(|b| b.is_ascii_hexdigit());
        digits
            .then(|| u64::from_str_radix(hex, 16).ok().map(Self))
            .flatten()
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Role of a span in a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum SpanKind {
    /// Not told.
    #[default]
    Unspecified,
    /// Work inside a service.
    Internal,
    /// Answers a remote caller.
    Server,
    /// Calls a remote service.
    Client,
    /// Puts a message on a queue.
    Producer,
    /// Takes a message off a queue.
    Consumer,
}

impl SpanKind {
    /// The word of the Jaeger `span.kind` tag; empty where not told.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unspecified => "",
            Self::Internal => "internal",
            Self::Server => "server",
            Self::Client => "client",
            Self::Producer => "producer",
            Self::Consumer => "consumer",
        }
    }
}

/// Outcome of a span.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum SpanStatus {
    /// Not told.
    #[default]
    Unset,
    /// Marked as good by its author.
    Ok,
    /// Failed, with a message that may be empty.
    Error(Arc<str>),
}

/// Who sent a span or a log line: one per batch, shared.
#[derive(Debug, Clone, PartialEq)]
pub struct Resource {
    /// `service.name`, or `unknown_service`.
    pub service: Arc<str>,
    /// Every attribute, `service.name` included.
    pub attributes: Attributes,
}

impl Resource {
    /// Makes a resource, taking the service's name from the attributes.
    #[must_use]
    pub fn new(attributes: Attributes) -> Self {
        let service = attr(&attributes, "service.name")
            .and_then(AttrValue::as_str)
            .filter(|name| !name.is_empty())
            .unwrap_or("unknown_service")
            .into();
        Self { service, attributes }
    }
}

/// The library that made a span: one per batch, shared.
///
/// Source: OpenTelemetry, `InstrumentationScope`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Scope {
    /// Name, empty if not told.
    pub name: Arc<str>,
    /// Version, empty if not told.
    pub version: Arc<str>,
    /// Attributes.
    pub attributes: Attributes,
}

impl Scope {
    /// A scope of which only the name is known.
    #[must_use]
    pub fn named(name: impl Into<Arc<str>>) -> Arc<Self> {
        Arc::new(Self {
            name: name.into(),
            ..Self::default()
        })
    }
}

/// One finished span.
#[derive(Debug, Clone, PartialEq)]
pub struct Span {
    /// Trace that it belongs to.
    pub trace_id: TraceId,
    /// Its own id.
    pub span_id: SpanId,
    /// Parent, unless it is a root.
    pub parent_id: Option<SpanId>,
    /// W3C trace state, empty if none.
    pub trace_state: Arc<str>,
    /// Operation.
    pub name: Arc<str>,
    /// Role.
    pub kind: SpanKind,
    /// Start, nanoseconds since the epoch.
    pub start_ns: u64,
    /// Duration, nanoseconds.
    pub duration_ns: u64,
    /// Outcome.
    pub status: SpanStatus,
    /// Attributes.
    pub attributes: Attributes,
    /// Events.
    pub events: Vec<SpanEvent>,
    /// Links to other spans.
    pub links: Vec<SpanLink>,
    /// Sender.
    pub resource: Arc<Resource>,
    /// Instrumentation scope.
    pub scope: Arc<Scope>,
    /// Attributes, events and links that the sender cut.
    pub dropped: u32,
}

impl Span {
    /// End, nanoseconds since the epoch.
    #[must_use]
    pub fn end_ns(&self) -> u64 {
        self.start_ns.saturating_add(self.duration_ns)
    }

    /// Whether the span failed.
    #[must_use]
    pub fn is_error(&self) -> bool {
        matches!(self.status, SpanStatus::Error(_))
    }
}

/// Something that happened during a span.
#[derive(Debug, Clone, PartialEq)]
pub struct SpanEvent {
    /// Nanoseconds since the epoch.
    pub time_ns: u64,
    /// Name, often the message of a log line.
    pub name: Arc<str>,
    /// Attributes.
    pub attributes: Attributes,
}

/// A reference to a span of this or another trace.
#[derive(Debug, Clone, PartialEq)]
pub struct SpanLink {
    /// Trace pointed to.
    pub trace_id: TraceId,
    /// Span pointed to.
    pub span_id: SpanId,
    /// Attributes.
    pub attributes: Attributes,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_with_leading_zeros_left_out_and_shown_whole() {
        assert_eq!(
            TraceId::parse("1f").map(|id| id.to_string()),
            Some(format!("{:032x}", 0x1f))
        );
        assert_eq!(SpanId::parse("00000000000000ff"), Some(SpanId(255)));
        for bad in ["", "xyz", "+1", "123456789012345678901234567890123"] {
            assert_eq!(TraceId::parse(bad), None, "{bad}");
        }
    }
}
