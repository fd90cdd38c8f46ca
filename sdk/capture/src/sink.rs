//! What capture fans out to.
//!
//! Invariant: a sink is called outside every lock that user code could want; it does not block beyond its own stated bound, does
//! not panic, and emits no `tracing` of its own.

use tracing_core::Metadata;

use crate::{EventRecord, SpanRecord};

/// The spans around an event or a closing span, from the root to the innermost.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    spans: &'a [&'a SpanRecord],
}

impl<'a> Scope<'a> {
    /// Lends out a list of spans, root first.
    #[must_use]
    pub const fn new(spans: &'a [&'a SpanRecord]) -> Self {
        Self { spans }
    }

    /// Spans, root first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &'a SpanRecord> + ExactSizeIterator {
        self.spans.iter().copied()
    }

    /// The innermost span.
    #[must_use]
    pub fn current(&self) -> Option<&'a SpanRecord> {
        self.spans.last().copied()
    }
}

/// Receives events and the life of spans: log lines, metrics, OTLP log records.
pub trait Sink: Send + Sync + 'static {
    /// Whether the sink wants events and spans of this callsite. Asked once per callsite and generation of filters, then cached.
    fn enabled(&self, metadata: &Metadata<'_>) -> bool;

    /// An event, with the spans around it.
    fn on_event(&self, event: &EventRecord<'_>, scope: Scope<'_>);

    /// A span was made; it is the innermost of `scope`.
    fn on_new(&self, _scope: Scope<'_>) {}

    /// A span was entered; it is the innermost of `scope`. Called only if [`Sink::wants_enter`].
    fn on_enter(&self, _scope: Scope<'_>) {}

    /// A span was left; it is the innermost of `scope`. Called only if [`Sink::wants_enter`].
    fn on_exit(&self, _scope: Scope<'_>) {}

    /// A span closed, its duration is known; it is the innermost of `scope`.
    fn on_close(&self, _scope: Scope<'_>) {}

    /// Whether enter and exit are to be told. Asked once, when capture is built: it costs each enter and exit.
    fn wants_enter(&self) -> bool {
        false
    }
}

/// Takes closed spans of sampled traces; there is at most one. It owns what it takes.
pub trait SpanExporter: Send + Sync + 'static {
    /// Takes a span, or drops it and enters that in the ledger. Never blocks.
    fn export(&self, span: Box<SpanRecord>);
}
