//! Spans as an exporter gets them, kept as text.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing_subscriber::layer::SubscriberExt as _;
use watchroom::capture::{Capture, SpanExporter, SpanRecord, pool};

#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) status: String,
    pub(crate) trace_id: String,
    pub(crate) span_id: String,
    pub(crate) parent: Option<String>,
    fields: Vec<(String, String)>,
}

impl Seen {
    #[track_caller]
    pub(crate) fn field(&self, key: &str) -> &str {
        let found = self.fields.iter().find(|(k, _)| k == key);
        found
            .map(|(_, value)| value.as_str())
            .unwrap_or_else(|| panic!("{key} is not among {:?}", self.fields))
    }
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Spans(Arc<Mutex<Vec<Seen>>>);

impl Spans {
    /// Spans closed since the last call, in the order of their ends.
    pub(crate) fn take(&self) -> Vec<Seen> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl SpanExporter for Spans {
    fn export(&self, span: Box<SpanRecord>) {
        self.0.lock().unwrap().push(Seen {
            name: span.name().to_owned(),
            kind: format!("{:?}", span.kind),
            status: format!("{:?}", span.status),
            trace_id: span.context.trace_id.to_string(),
            span_id: span.context.span_id.to_string(),
            parent: span.parent.map(|id| id.to_string()),
            fields: span
                .fields
                .iter()
                .map(|(key, value)| (key.to_owned(), value.to_string()))
                .collect(),
        });
        pool::recycle(span);
    }
}

/// Ends the capture, then lets the next test have its turn.
pub(crate) struct Guard {
    _subscriber: tracing::subscriber::DefaultGuard,
    _turn: MutexGuard<'static, ()>,
}

/// Captures on this thread while the guard lives; tests that capture take turns. tracing-core enters a callsite and asks subscribers about
/// it in two steps: one that is met for the first time on one thread while another installs a subscriber can stay disabled for both.
pub(crate) fn capture() -> (Guard, Spans) {
    static TURN: Mutex<()> = Mutex::new(());
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let spans = Spans::default();
    let info = watchroom::capture::Filter::parse("info,h2=off,hyper=off,tower=off,tonic=off").unwrap();
    let (layer, _handle) = Capture::builder()
        .exporter(Arc::new(spans.clone()))
        .export_filter(info)
        .build();
    let guard = Guard {
        _subscriber: tracing::subscriber::set_default(tracing_subscriber::registry().with(layer)),
        _turn: turn,
    };
    (guard, spans)
}
