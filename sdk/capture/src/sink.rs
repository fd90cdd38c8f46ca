//! What capture fans out to.
//!
//! Invariant: a sink is called outside every lock that user code could want; it does not block beyond its own stated bound, does
//! not panic, and emits no `tracing` of its own.

use tracing_core::{LevelFilter, Metadata};
use watchroom_core::{SpanContext, Value};

use crate::{EventRecord, SpanRecord};

/// The spans around an event or a closing span, from the root to the innermost: those that the sink's own filter lets pass.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    spans: &'a [&'a SpanRecord],
    /// Also those that only others see.
    all: &'a [&'a SpanRecord],
}

impl<'a> Scope<'a> {
    /// Lends out a list of spans, root first.
    #[must_use]
    pub const fn new(spans: &'a [&'a SpanRecord]) -> Self {
        Self { spans, all: spans }
    }

    /// As [`new`](Self::new), with the list that holds also what the sink's filter keeps from it.
    #[must_use]
    pub(crate) const fn filtered(spans: &'a [&'a SpanRecord], all: &'a [&'a SpanRecord]) -> Self {
        Self { spans, all }
    }

    /// Spans, root first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &'a SpanRecord> + ExactSizeIterator {
        self.spans.iter().copied()
    }

    /// As [`iter`](Self::iter), with the spans that the sink's own filter keeps from it.
    pub fn all(&self) -> impl DoubleEndedIterator<Item = &'a SpanRecord> + ExactSizeIterator {
        self.all.iter().copied()
    }

    /// The innermost span.
    #[must_use]
    pub fn current(&self) -> Option<&'a SpanRecord> {
        self.spans.last().copied()
    }

    /// Context of the innermost span, whether the sink sees that span or not: the ids under which the exported trace is found.
    #[must_use]
    pub fn context(&self) -> Option<&'a SpanContext> {
        self.all.last().map(|span| &span.context)
    }

    /// The innermost value of a field, whether the sink sees its span or not: `request_id`, `user_id`, `tenant_id`.
    #[must_use]
    pub fn correlation(&self, key: &str) -> Option<Value<'a>> {
        self.all.iter().rev().find_map(|span| span.fields.get(key))
    }
}

/// Receives events and the life of spans: log lines, metrics, OTLP log records.
pub trait Sink: Send + Sync + 'static {
    /// Whether the sink wants events and spans of this callsite. Asked once per callsite and generation of filters, then cached.
    fn enabled(&self, metadata: &Metadata<'_>) -> bool;

    /// The most verbose level that the sink can want; what is beyond it costs a single comparison.
    fn max_level(&self) -> LevelFilter {
        LevelFilter::TRACE
    }

    /// An event, with the spans around it.
    fn on_event(&self, event: &EventRecord<'_>, scope: Scope<'_>);

    /// A span was made; it is the innermost of `scope`. Called only if [`Sink::wants_new`].
    fn on_new(&self, _scope: Scope<'_>) {}

    /// A span was entered; it is the innermost of `scope`. Called only if [`Sink::wants_enter`].
    fn on_enter(&self, _scope: Scope<'_>) {}

    /// A span was left; it is the innermost of `scope`. Called only if [`Sink::wants_enter`].
    fn on_exit(&self, _scope: Scope<'_>) {}

    /// A span closed, its duration is known; it is the innermost of `scope`. Called only if [`Sink::wants_close`].
    fn on_close(&self, _scope: Scope<'_>) {}

    /// Whether it writes log records. Such a sink gets every security event, whatever its filter says, and nothing that the
    /// [`EventSampler`](crate::EventSampler) suppresses. Asked once, when capture is built.
    fn is_log(&self) -> bool {
        false
    }

    /// Whether new spans are to be told. Asked once, when capture is built. A span that was told cannot be given another parent.
    fn wants_new(&self) -> bool {
        false
    }

    /// Whether closing spans are to be told. Asked once, when capture is built.
    fn wants_close(&self) -> bool {
        true
    }

    /// Whether the time for which a span was entered is to be measured. Asked once, when capture is built: it costs two readings of
    /// the clock for each time that a span is entered.
    fn wants_busy(&self) -> bool {
        false
    }

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
