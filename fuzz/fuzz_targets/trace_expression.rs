//! Any text is a trace expression or an error with a position inside it; one that reads is shown as it reads back, and selects from a
//! trace without harm.

#![no_main]

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use watchroom_model::{AttrValue, Resource, Scope, Span, SpanId, SpanKind, SpanStatus, TraceId};
use watchroom_query::traces::{TraceExpr, parse_field};

static TRACE: LazyLock<Vec<Span>> = LazyLock::new(|| {
    (1..6)
        .map(|id| Span {
            trace_id: TraceId(1),
            span_id: SpanId(id),
            // The last two name each other.
            parent_id: [None, Some(1), Some(2), Some(5), Some(4)][id as usize - 1].map(SpanId),
            trace_state: "".into(),
            name: "get".into(),
            kind: SpanKind::Server,
            start_ns: id,
            duration_ns: id * 1_000_000,
            status: SpanStatus::Error("boom".into()),
            attributes: vec![
                ("a".into(), 1.into()),
                ("b".into(), AttrValue::Array(vec!["x".into()])),
            ],
            events: Vec::new(),
            links: Vec::new(),
            resource: Arc::new(Resource::new(vec![("service.name".into(), "shop".into())])),
            scope: Scope::named("lib"),
            dropped: 0,
        })
        .collect()
});

fuzz_target!(|text: &str| {
    if let Err(error) = parse_field(text) {
        assert!(error.position() <= text.len());
    }
    match TraceExpr::parse(text) {
        Err(error) => assert!(error.position() <= text.len()),
        Ok(expr) => {
            let shown = expr.to_string();
            assert_eq!(TraceExpr::parse(&shown).as_ref(), Ok(&expr), "{shown}");
            let selected = expr.select(&TRACE);
            assert!(selected.is_sorted() && selected.iter().all(|i| *i < TRACE.len()));
            if expr.is_simple() {
                let matching = TRACE.iter().filter(|span| expr.matches(span)).count();
                assert_eq!(selected.len(), matching, "{shown}");
            }
        }
    }
});
