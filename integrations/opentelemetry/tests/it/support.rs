//! A capture that is joined, and what it exported.

use std::sync::{Arc, Mutex};

use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use watchroom_capture::{Capture, CaptureHandle, SpanExporter, SpanRecord};
use watchroom_core::{SpanId, TraceId};
use watchroom_opentelemetry::{Provider, join};

#[derive(Default)]
pub(crate) struct Exported(Mutex<Vec<SpanRecord>>);

impl SpanExporter for Exported {
    fn export(&self, span: Box<SpanRecord>) {
        self.0.lock().unwrap().push(*span);
    }
}

pub(crate) struct Bench {
    pub(crate) exported: Arc<Exported>,
    pub(crate) handle: CaptureHandle,
    pub(crate) provider: Provider,
    pub(crate) dispatch: tracing::Dispatch,
    _guard: tracing::subscriber::DefaultGuard,
}

pub(crate) fn bench(configure: impl FnOnce(Capture) -> Capture) -> Bench {
    let exported = Arc::new(Exported::default());
    let capture = Capture::builder()
        .exporter(Arc::clone(&exported) as _)
        .keep_context();
    let (layer, handle) = configure(capture).build();
    let provider = join(&handle).unwrap();
    let dispatch = tracing::Dispatch::new(tracing_subscriber::registry().with(layer));
    Bench {
        exported,
        handle,
        provider,
        _guard: dispatch.clone().set_default(),
        dispatch,
    }
}

impl Bench {
    pub(crate) fn take(&self) -> Vec<SpanRecord> {
        std::mem::take(&mut *self.exported.0.lock().unwrap())
    }

    /// `parent>name` of each exported span by name, and the trace that they all belong to.
    #[track_caller]
    pub(crate) fn tree(&self) -> (Vec<String>, TraceId) {
        let spans = self.take();
        let trace = spans[0].context.trace_id;
        assert!(
            spans.iter().all(|span| span.context.trace_id == trace),
            "one trace"
        );
        let name = |id: SpanId| {
            let found = spans.iter().find(|span| span.context.span_id == id);
            found.map_or_else(|| id.to_string(), |span| span.name().to_owned())
        };
        let mut tree: Vec<_> = spans
            .iter()
            .map(|span| format!("{}>{}", span.parent.map(name).unwrap_or_default(), span.name()))
            .collect();
        tree.sort();
        (tree, trace)
    }
}
