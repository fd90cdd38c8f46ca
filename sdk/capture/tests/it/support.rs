//! Sinks and exporters that remember what they were told.

use std::sync::{Arc, Mutex};

use tracing_core::{LevelFilter, Metadata};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use watchroom_capture::{
    Capture, CaptureHandle, EventRecord, Fields, Filter, ReloadableFilter, Scope, Sink, SpanExporter,
    SpanRecord,
};

/// Spans that were exported, in order of their closing.
#[derive(Default)]
pub(crate) struct Exported(Mutex<Vec<SpanRecord>>);

impl SpanExporter for Exported {
    fn export(&self, span: Box<SpanRecord>) {
        self.0.lock().unwrap().push(*span);
    }
}

impl Exported {
    pub(crate) fn take(&self) -> Vec<SpanRecord> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }

    /// The only span of a name.
    #[track_caller]
    pub(crate) fn one(spans: &[SpanRecord], name: &str) -> usize {
        let found: Vec<_> = (0..spans.len())
            .filter(|idx| spans[*idx].name() == name)
            .collect();
        assert_eq!(
            found.len(),
            1,
            "{name}: {:?}",
            spans.iter().map(|span| span.name()).collect::<Vec<_>>()
        );
        found[0]
    }
}

/// What a sink was told, as owned text.
#[derive(Debug, Clone, Default)]
pub(crate) struct Told {
    pub(crate) what: &'static str,
    pub(crate) message: String,
    pub(crate) fields: String,
    /// `name{key=value …}` of each span that the sink sees.
    pub(crate) spans: Vec<String>,
    pub(crate) trace_id: Option<String>,
    pub(crate) span_id: Option<String>,
    pub(crate) request_id: Option<String>,
}

pub(crate) struct Memory {
    pub(crate) filter: ReloadableFilter,
    pub(crate) told: Mutex<Vec<Told>>,
    pub(crate) wants_enter: bool,
    pub(crate) wants_new: bool,
}

impl Memory {
    pub(crate) fn new(filter: &str) -> Self {
        Self {
            filter: Filter::parse(filter).unwrap().into(),
            told: Mutex::default(),
            wants_enter: false,
            wants_new: false,
        }
    }

    pub(crate) fn take(&self) -> Vec<Told> {
        std::mem::take(&mut *self.told.lock().unwrap())
    }

    fn tell(&self, what: &'static str, message: &str, fields: Option<&Fields>, scope: Scope<'_>) {
        self.told.lock().unwrap().push(Told {
            what,
            message: message.to_owned(),
            fields: fields.map(text).unwrap_or_default(),
            spans: scope
                .iter()
                .map(|span| format!("{}{{{}}}", span.name(), text(&span.fields)))
                .collect(),
            trace_id: scope.context().map(|context| context.trace_id.to_string()),
            span_id: scope.context().map(|context| context.span_id.to_string()),
            request_id: scope.correlation("request_id").map(|value| value.to_string()),
        });
    }
}

pub(crate) fn text(fields: &Fields) -> String {
    let fields: Vec<_> = fields
        .iter()
        .filter(|(key, _)| *key != "message")
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    fields.join(" ")
}

impl Sink for Memory {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.filter.enabled(metadata)
    }

    fn max_level(&self) -> LevelFilter {
        self.filter.max_level()
    }

    fn on_event(&self, event: &EventRecord<'_>, scope: Scope<'_>) {
        self.tell("event", event.message(), Some(event.fields), scope);
    }

    fn on_new(&self, scope: Scope<'_>) {
        self.tell("new", "", None, scope);
    }

    fn on_enter(&self, scope: Scope<'_>) {
        self.tell("enter", "", None, scope);
    }

    fn on_exit(&self, scope: Scope<'_>) {
        self.tell("exit", "", None, scope);
    }

    fn on_close(&self, scope: Scope<'_>) {
        self.tell("close", "", None, scope);
    }

    fn wants_enter(&self) -> bool {
        self.wants_enter
    }

    fn wants_new(&self) -> bool {
        self.wants_new
    }
}

/// A capture with one exporter and one sink, current on this thread until the guard goes.
pub(crate) struct Bench {
    pub(crate) exported: Arc<Exported>,
    pub(crate) sink: Arc<Memory>,
    pub(crate) handle: CaptureHandle,
    _guard: tracing::subscriber::DefaultGuard,
}

pub(crate) fn bench(configure: impl FnOnce(Capture) -> Capture) -> Bench {
    bench_with(Memory::new("info"), configure)
}

pub(crate) fn bench_with(sink: Memory, configure: impl FnOnce(Capture) -> Capture) -> Bench {
    let exported = Arc::new(Exported::default());
    let sink = Arc::new(sink);
    let capture = Capture::builder()
        .exporter(Arc::clone(&exported) as _)
        .sink(Arc::clone(&sink) as _);
    let (layer, handle) = configure(capture).build();
    let guard = handle
        .subscriber(tracing_subscriber::registry().with(layer))
        .set_default();
    Bench {
        exported,
        sink,
        handle,
        _guard: guard,
    }
}
