//! The exporter's own traffic is seen by no subscriber. By itself, since the subscriber is the process's.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use tracing::{Event, Id, Metadata, Subscriber, span};
use watchroom_otlp::{OtlpConfig, PROBLEM_TARGET, Protocol};

use crate::support::collector::{Collector, Reply};
use crate::support::{LONG, signal, spans_to, start};

#[path = "it/support.rs"]
#[expect(dead_code, reason = "the other tests need the rest")]
mod support;

static N_FROM_EXPORTER: AtomicUsize = AtomicUsize::new(0);
static N_PROBLEMS: AtomicUsize = AtomicUsize::new(0);
static N_FROM_RECEIVERS: AtomicUsize = AtomicUsize::new(0);

/// Wants everything, and counts by thread.
struct Everything;

impl Everything {
    fn saw(metadata: &Metadata<'_>) {
        let counter = match std::thread::current().name() {
            _ if metadata.target() == PROBLEM_TARGET => &N_PROBLEMS,
            Some(name) if name.starts_with("watchroom") => &N_FROM_EXPORTER,
            _ => &N_FROM_RECEIVERS,
        };
        counter.fetch_add(1, SeqCst);
    }
}

impl Subscriber for Everything {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, attributes: &span::Attributes<'_>) -> Id {
        Self::saw(attributes.metadata());
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        Self::saw(event.metadata());
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[test]
fn nothing_of_the_exporters_traffic_is_seen_but_what_its_hook_says_is() {
    tracing::subscriber::set_global_default(Everything).unwrap();
    let grpc = Collector::grpc([Reply::Grpc(tonic::Code::Unavailable, "", None)]);
    let http = Collector::http([]);
    let mut config = OtlpConfig {
        logs: Some(signal(&http.url(), Protocol::HttpProtobuf)),
        ..spans_to(&grpc.url(), Protocol::Grpc)
    };
    config.trace_batch = 1;
    let rig = start(config);
    let sink = rig.exporter.log_sink(|_| true).unwrap();
    for i in 0..10 {
        rig.export_spans(1);
        let fields = watchroom_capture::Fields::new();
        let event = watchroom_capture::EventRecord {
            metadata: &support::records::ADDED,
            time_unix_ns: i,
            time: watchroom_core::Moment::default(),
            fields: &fields,
        };
        sink.on_event(&event, watchroom_capture::Scope::new(&[]));
        assert!(rig.exporter.flush(LONG).is_complete());
    }
    rig.exporter.shutdown(LONG);
    assert_eq!(N_FROM_EXPORTER.load(SeqCst), 0);
    assert!(
        N_FROM_RECEIVERS.load(SeqCst) > 0,
        "h2 does speak where nothing silences it"
    );
    assert_eq!(N_PROBLEMS.load(SeqCst), rig.problems.lock().unwrap().len());
    assert!(N_PROBLEMS.load(SeqCst) > 0, "the hook may log");
}
