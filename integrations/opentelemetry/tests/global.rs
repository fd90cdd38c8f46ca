//! Installed for the whole process, as programs do it.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use opentelemetry::global;
use opentelemetry::trace::Tracer as _;
use tracing_subscriber::layer::SubscriberExt as _;
use watchroom_capture::{Capture, Propagators, SpanExporter, SpanRecord};
use watchroom_opentelemetry::{InstallError, install};

#[derive(Default)]
struct Exported(Mutex<Vec<(String, bool)>>);

impl SpanExporter for Exported {
    fn export(&self, span: Box<SpanRecord>) {
        self.0
            .lock()
            .unwrap()
            .push((span.name().to_owned(), span.parent.is_some()));
    }
}

#[test]
fn libraries_find_the_global_provider_and_propagator() {
    let exported = Arc::new(Exported::default());
    let (layer, handle) = Capture::builder().exporter(Arc::clone(&exported) as _).build();
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer)).unwrap();
    install(&handle, "tracecontext,b3".parse().unwrap()).unwrap();
    assert_eq!(
        install(&handle, Propagators::NONE).unwrap_err(),
        InstallError::Joined
    );

    let mut headers = HashMap::new();
    tracing::info_span!("request").in_scope(|| {
        global::tracer("library").in_span("query", |cx| {
            global::get_text_map_propagator(|propagator| propagator.inject_context(&cx, &mut headers));
        });
    });
    let mut keys: Vec<_> = headers.keys().map(String::as_str).collect();
    keys.sort_unstable();
    assert_eq!(keys, ["b3", "traceparent"]);
    let exported = exported.0.lock().unwrap();
    assert_eq!(
        *exported,
        [("query".to_owned(), true), ("request".to_owned(), false)]
    );
}
