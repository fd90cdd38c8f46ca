//! User code that traces while it is being traced. Only with a subscriber for the whole process does `tracing` let that through.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::fmt;
use std::sync::{Arc, Mutex};

use tracing::{info, info_span};
use tracing_core::Metadata;
use tracing_subscriber::layer::SubscriberExt as _;
use watchroom_capture::{Capture, EventRecord, Scope, Sink, SpanExporter, SpanExt as _, SpanRecord};

#[derive(Default)]
struct Seen {
    lines: Mutex<Vec<String>>,
    spans: Mutex<Vec<String>>,
}

fn shown(span: &SpanRecord) -> String {
    let fields: Vec<_> = span
        .fields
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    format!("{}{{{}}}", span.name(), fields.join(" "))
}

impl Sink for Seen {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn on_event(&self, event: &EventRecord<'_>, scope: Scope<'_>) {
        // Even the sink's own events must not come back to it.
        info!("from the sink");
        let spans: Vec<_> = scope.iter().map(shown).collect();
        let fields: Vec<_> = event
            .fields
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        self.lines
            .lock()
            .unwrap()
            .push(format!("{}: {}", spans.join(":"), fields.join(" ")));
    }
}

impl SpanExporter for Seen {
    fn export(&self, span: Box<SpanRecord>) {
        self.spans.lock().unwrap().push(shown(&span));
    }
}

/// Makes spans and events, and writes to the current span, while it is being shown.
struct Noisy;

impl fmt::Debug for Noisy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        tracing::Span::current().record("late", "from within");
        tracing::Span::current().set_attribute("also", "from within");
        info_span!("within", deep = ?Some(1)).in_scope(|| info!(n = 1, "from within"));
        f.write_str("noisy")
    }
}

#[test]
fn a_debug_that_traces_neither_blocks_nor_mixes_up_values() {
    let seen = Arc::new(Seen::default());
    let (layer, _handle) = Capture::builder()
        .sink(Arc::clone(&seen) as _)
        .exporter(Arc::clone(&seen) as _)
        .build();
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer)).unwrap();

    let span = info_span!("outer", first = 1, noisy = ?Noisy, late = tracing::field::Empty, last = 2);
    span.in_scope(|| {
        info!(a = 1, noisy = ?Noisy, b = 2, "outer {:?}", Noisy);
        span.record("noisy", tracing::field::debug(Noisy));
    });
    drop(span);

    let outer = "outer{first=1 noisy=noisy last=2 late=from within also=from within}";
    let within = "within{deep=Some(1)}: message=from within n=1";
    assert_eq!(
        *seen.lines.lock().unwrap(),
        [
            within.to_owned(),
            // The first of the event's two wrote to the span before its own line.
            format!("{outer}:{within}"),
            format!("{outer}:{within}"),
            format!("{outer}: message=outer noisy a=1 noisy=noisy b=2"),
            format!("{outer}:{within}"),
        ]
    );
    let spans = seen.spans.lock().unwrap();
    assert_eq!(spans.len(), 5);
    assert_eq!(spans[4], outer);
}
