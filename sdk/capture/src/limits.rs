//! Limits of a span, and which of the span's own circumstances are exported as attributes.
//!
//! Not here: reading them from the environment (the façade does that).

/// How much a span may hold; what is beyond is cut and counted.
///
/// Source: OpenTelemetry trace SDK, "Span Limits", with its defaults; the length of a value is unlimited there and 64 KiB here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpanLimits {
    /// Fields of a span.
    pub attributes: usize,
    /// Events of a span.
    pub events: usize,
    /// Links of a span.
    pub links: usize,
    /// Fields of an event.
    pub attributes_per_event: usize,
    /// Bytes of a text value; a longer one is cut at the last character that fits.
    pub value_len: usize,
}

impl Default for SpanLimits {
    fn default() -> Self {
        Self {
            attributes: 128,
            events: 128,
            links: 128,
            attributes_per_event: 128,
            value_len: 64 * 1024,
        }
    }
}

/// Which of a span's own circumstances become attributes, under the keys that `tracing-opentelemetry` uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpanAttributes {
    /// `code.file.path`, `code.module.name`, `code.line.number`, on spans and their events.
    pub location: bool,
    /// `thread.id`, `thread.name` of the thread that made the span.
    pub threads: bool,
    /// `busy_ns`, `idle_ns`; costs two more readings of the clock for each time that the span is entered.
    pub inactivity: bool,
    /// `level` on spans; events always have it.
    pub level: bool,
    /// `target` on spans; events always have it.
    pub target: bool,
}

impl SpanAttributes {
    /// What `tracing-opentelemetry` exports by default.
    pub const STOCK: Self = Self {
        location: true,
        threads: true,
        inactivity: true,
        level: false,
        target: true,
    };
}

impl Default for SpanAttributes {
    fn default() -> Self {
        Self {
            location: false,
            threads: false,
            inactivity: false,
            level: true,
            target: true,
        }
    }
}
