//! All that leaves capture, kept as text: spans as an exporter gets them, events as a sink does.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tracing_subscriber::layer::SubscriberExt as _;
use watchroom::capture::{Capture, EventRecord, Filter, Scope, Sink, SpanExporter, SpanRecord, pool};
use watchroom::tracing::Metadata;

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
        self.get(key)
            .unwrap_or_else(|| panic!("{key} is not among {:?}", self.fields))
    }

    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        let found = self.fields.iter().find(|(k, _)| k == key);
        found.map(|(_, value)| value.as_str())
    }
}

#[derive(Debug, Default)]
struct Kept {
    spans: Vec<Seen>,
    lines: Vec<String>,
    all: String,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Capturing(Arc<(Mutex<Kept>, Condvar)>);

impl Capturing {
    /// The next `n` spans, in the order of their ends. SQLite's driver holds on to the caller's span in a thread of its own, so that a
    /// span may end a little after its statement.
    #[track_caller]
    pub(crate) fn spans(&self, n: usize) -> Vec<Seen> {
        let (kept, closed) = &*self.0;
        let wait = Duration::from_secs(10);
        let (mut kept, _) = closed
            .wait_timeout_while(kept.lock().unwrap(), wait, |kept| kept.spans.len() < n)
            .unwrap();
        let spans = std::mem::take(&mut kept.spans);
        assert_eq!(spans.len(), n, "{spans:#?}");
        spans
    }

    /// Lines since the last call.
    pub(crate) fn lines(&self) -> Vec<String> {
        std::mem::take(&mut self.0.0.lock().unwrap().lines)
    }

    /// Everything that was seen, from the beginning.
    pub(crate) fn all(&self) -> String {
        self.0.0.lock().unwrap().all.clone()
    }
}

impl SpanExporter for Capturing {
    fn export(&self, span: Box<SpanRecord>) {
        let mut kept = self.0.0.lock().unwrap();
        kept.all.push_str(&format!("{span:?}\n"));
        for field in span.fields.iter().chain(span.extra.iter()) {
            kept.all.push_str(&format!("{field:?}\n"));
        }
        for event in span.events.iter() {
            kept.all.push_str(event.name());
            for field in event.fields() {
                kept.all.push_str(&format!("{field:?}\n"));
            }
        }
        kept.spans.push(Seen {
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
        self.0.1.notify_all();
        pool::recycle(span);
    }
}

impl Sink for Capturing {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn on_event(&self, event: &EventRecord<'_>, scope: Scope<'_>) {
        let mut line = format!(
            "{} {} {}",
            event.level(),
            event.metadata.target(),
            event.message()
        );
        for (key, value) in event.fields.iter() {
            line.push_str(&format!(" {key}={value}"));
        }
        if let Some(context) = scope.context() {
            line.push_str(&format!(" span={}", context.span_id));
        }
        let mut kept = self.0.0.lock().unwrap();
        kept.all.push_str(&line);
        kept.lines.push(line);
    }
}

/// A test's turn; each test has a runtime and a thread of its own, so none waits for itself.
pub(crate) struct Turn {
    _held: MutexGuard<'static, ()>,
}

/// Waits for this test's turn.
pub(crate) fn turn() -> Turn {
    static TURN: Mutex<()> = Mutex::new(());
    Turn {
        _held: TURN.lock().unwrap_or_else(PoisonError::into_inner),
    }
}

/// Captures everything at every level while the guard lives. SQLite's driver enters the caller's span in a thread of its own, which a
/// subscriber of one thread would not see leave it; so there is one for the process, and tests take turns.
pub(crate) fn capture() -> (Turn, Capturing) {
    static CAPTURING: OnceLock<Capturing> = OnceLock::new();
    let turn = turn();
    let capturing = CAPTURING.get_or_init(|| {
        let capturing = Capturing::default();
        let (layer, _handle) = Capture::builder()
            .exporter(Arc::new(capturing.clone()))
            .sink(Arc::new(capturing.clone()))
            .export_filter(Filter::parse("trace").unwrap())
            .build();
        let subscriber = tracing_subscriber::registry().with(layer);
        watchroom::tracing::subscriber::set_global_default(subscriber).unwrap();
        capturing
    });
    *capturing.0.0.lock().unwrap() = Kept::default();
    (turn, capturing.clone())
}
