//! Spans for tests.

use std::sync::Arc;

use watchroom_model::{Resource, Scope, Span, SpanEvent, SpanId, SpanKind, SpanStatus, TraceId};

/// A failed server span of `shop` named `get`, 5 ms long, without a parent.
pub(super) fn span(trace: u128, id: u64, start_ns: u64) -> Span {
    Span {
        trace_id: TraceId(trace),
        span_id: SpanId(id),
        parent_id: None,
        trace_state: "".into(),
        name: "get".into(),
        kind: SpanKind::Server,
        start_ns,
        duration_ns: 5_000_000,
        status: SpanStatus::Error("boom".into()),
        attributes: vec![("http.route".into(), "/r".into())],
        events: vec![SpanEvent {
            time_ns: start_ns,
            name: "exception".into(),
            attributes: vec![("exception.type".into(), "Timeout".into())],
        }],
        links: Vec::new(),
        resource: resource("shop"),
        scope: Arc::new(Scope {
            name: "lib".into(),
            version: "2".into(),
            attributes: vec![("k".into(), true.into())],
        }),
        dropped: 0,
    }
}

pub(super) fn resource(service: &str) -> Arc<Resource> {
    Arc::new(Resource::new(vec![("service.name".into(), service.into())]))
}
