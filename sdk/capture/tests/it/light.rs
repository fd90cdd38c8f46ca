//! Spans that nobody sees stand for the span around them, until somebody gives them something of their own.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tracing::{Level, Metadata, Span, debug, debug_span, error, field, info_span, warn, warn_span};
use watchroom_capture::{
    Baggage, Capture, EventRecord, KeepRules, Sampler, Scope, SetParentError, Sink, SpanExt as _, Status,
    context, current_context,
};
use watchroom_core::{Count, SpanContext, SpanId, TraceFlags, TraceId, TraceState};

use crate::support::{Bench, Exported, Memory, Told, bench_with, text};

/// Lines of WARN and above; spans and traces are all wanted by the exporter, which gets none.
fn unsampled(configure: impl FnOnce(Capture) -> Capture) -> Bench {
    bench_with(Memory::new("warn"), |capture| {
        configure(capture.sampler(Sampler::parent_based(Sampler::AlwaysOff)))
    })
}

fn request() -> Span {
    info_span!("request", request_id = "r-1", user_id = field::Empty)
}

fn line(bench: &Bench, message: &str) -> Told {
    let told = bench.sink.take();
    let found = told.iter().find(|line| line.message == message);
    found.unwrap_or_else(|| panic!("no line {message:?}")).clone()
}

fn sampled_caller() -> SpanContext {
    SpanContext {
        trace_id: TraceId::random(),
        span_id: SpanId::random(),
        flags: TraceFlags(1),
        remote: true,
        state: TraceState::EMPTY,
    }
}

#[test]
fn ids_and_correlation_are_those_of_the_span_around() {
    let bench = unsampled(|capture| capture);
    let request = request();
    let around = request.context().unwrap();
    request.in_scope(|| {
        let span = debug_span!("work", request_id = "r-1", size = 3);
        assert_eq!(span.context().unwrap(), around);
        let _span = span.entered();
        assert_eq!(Span::current().metadata().unwrap().name(), "work");
        let _deeper = debug_span!("deeper", n = 1).entered();
        assert_eq!(current_context().unwrap(), around);
        assert!(!around.is_sampled());
        assert_eq!(context::current_field("request_id").as_deref(), Some("r-1"));
        assert_eq!(context::current_exported(), None);
        debug!("for nobody");
        warn!("slow");
    });
    assert_eq!(current_context(), None);
    let line = line(&bench, "slow");
    assert_eq!(line.request_id.as_deref(), Some("r-1"));
    assert_eq!(line.trace_id, Some(around.trace_id.to_string()));
    assert_eq!(bench.handle.ledger().get(Count::SpansStarted), 3);
    drop(request);
    assert!(bench.exported.take().is_empty());
}

#[test]
fn it_goes_along_to_other_threads_and_keeps_the_span_around_open() {
    let bench = unsampled(|capture| capture);
    let span = request().in_scope(|| debug_span!("task"));
    // The handle of the request is gone: only the task holds it.
    let dispatch = tracing::dispatcher::get_default(Clone::clone);
    let there = std::thread::spawn(move || {
        tracing::dispatcher::with_default(&dispatch, || {
            span.in_scope(|| {
                warn!("there");
                let inner = warn_span!("inner", n = 1);
                drop(span.clone());
                (inner.context().unwrap(), current_context().unwrap(), inner)
            })
        })
    });
    let (inner_context, around, inner) = there.join().unwrap();
    let there = line(&bench, "there");
    assert_eq!(there.request_id.as_deref(), Some("r-1"));
    assert_eq!(inner_context.trace_id, around.trace_id);
    assert_ne!(
        inner_context.span_id, around.span_id,
        "a sink sees it, so it is a span of its own"
    );
    // The span inside keeps the request open although the task has ended.
    inner.in_scope(|| warn!("later"));
    assert_eq!(line(&bench, "later").request_id.as_deref(), Some("r-1"));
}

#[test]
fn spans_are_made_inside_of_it_by_name_too() {
    let bench = unsampled(|capture| capture);
    let request = request();
    let work = request.in_scope(|| debug_span!("work"));
    let deeper = debug_span!(parent: &work, "deeper");
    let seen = warn_span!(parent: &deeper, "seen");
    warn!(parent: &deeper, "named");
    assert_eq!(line(&bench, "named").request_id.as_deref(), Some("r-1"));
    drop((request, work, deeper));
    seen.in_scope(|| warn!("inside"));
    assert_eq!(line(&bench, "inside").request_id.as_deref(), Some("r-1"));
}

#[test]
fn what_is_not_inherited_is_its_own() {
    let bench = unsampled(|capture| capture);
    let request = request();
    let _request = request.enter();
    debug_span!("batch", request_id = "r-2").in_scope(|| {
        assert_eq!(context::current_field("request_id").as_deref(), Some("r-2"));
        warn!("of the batch");
    });
    assert_eq!(line(&bench, "of the batch").request_id.as_deref(), Some("r-2"));
    debug_span!("shown", request_id = %"r-3").in_scope(|| warn!("shown"));
    assert_eq!(line(&bench, "shown").request_id.as_deref(), Some("r-3"));
    let late = debug_span!("late", request_id = field::Empty, size = field::Empty);
    late.in_scope(|| {
        late.record("size", 3);
        late.record("request_id", "r-1");
        assert_eq!(late.context(), request.context(), "that is what it was");
        late.record("request_id", "r-4");
        warn!("late");
    });
    assert_eq!(line(&bench, "late").request_id.as_deref(), Some("r-4"));
    let attribute = debug_span!("attribute");
    attribute.set_attribute("size", 3_i64);
    attribute.set_attribute("tenant_id", "acme");
    attribute.in_scope(|| assert_eq!(context::current_field("tenant_id").as_deref(), Some("acme")));
    assert_eq!(context::current_field("tenant_id"), None);
    assert_eq!(context::current_field("request_id").as_deref(), Some("r-1"));
}

#[test]
fn what_has_been_redacted_is_compared_as_it_was_shown() {
    let bench = unsampled(|capture| capture);
    let request = info_span!("request", user_id = "someone@example.com");
    request.in_scope(|| {
        debug_span!("work", user_id = "someone@example.com").in_scope(|| {
            let shown = context::current_field("user_id").unwrap();
            assert!(!shown.contains("someone"), "{shown}");
        });
    });
    drop(bench);
}

#[test]
fn baggage_that_it_gets_stays_within_it() {
    let _bench = unsampled(|capture| capture);
    let request = request();
    request.set_baggage("tier", "gold").unwrap();
    let _request = request.enter();
    let span = debug_span!("call");
    assert_eq!(span.baggage().get("tier"), Some("gold"));
    span.set_baggage("region", "north").unwrap();
    span.in_scope(|| {
        debug_span!("deeper").in_scope(|| {
            let baggage = context::current_baggage();
            assert_eq!(
                (baggage.get("tier"), baggage.get("region")),
                (Some("gold"), Some("north"))
            );
        });
    });
    assert_eq!(context::current_baggage().get("region"), None);
    let other = debug_span!("other");
    other.set_all_baggage(Baggage::EMPTY).unwrap();
    assert!(other.baggage().is_empty() && !request.baggage().is_empty());
}

#[test]
fn a_sampled_caller_can_still_become_its_parent_before_it_starts() {
    let bench = unsampled(|capture| capture);
    let caller = sampled_caller();
    let connection = info_span!("connection");
    connection.in_scope(|| {
        let request = debug_span!("request", size = 3);
        request.set_parent(caller.clone()).unwrap();
        request.in_scope(|| {
            assert_eq!(current_context().unwrap().trace_id, caller.trace_id);
            drop(debug_span!("below"));
            drop(debug_span!(parent: &request, "named"));
            error!("failed");
        });
        request.set_attribute("late", true);
        let entered = debug_span!("entered");
        entered.in_scope(|| ());
        assert_eq!(entered.set_parent(caller.clone()), Err(SetParentError::Started));
        let read = debug_span!("read");
        assert_eq!(read.context(), connection.context());
        assert_eq!(read.set_parent(caller.clone()), Err(SetParentError::Started));
    });
    let spans = bench.exported.take();
    assert_eq!(spans.len(), 3);
    let request = &spans[Exported::one(&spans, "request")];
    assert_eq!(
        (request.parent, request.parent_remote),
        (Some(caller.span_id), true)
    );
    assert_eq!((request.status, request.events.len()), (Status::Error, 1));
    // The fields that it was made with are gone, and that is counted.
    assert_eq!(
        (text(&request.fields).as_str(), request.dropped_attributes),
        ("late=true", 1)
    );
    for name in ["below", "named"] {
        let below = &spans[Exported::one(&spans, name)];
        assert_eq!(below.context.trace_id, caller.trace_id);
        assert_eq!(below.parent, Some(request.context.span_id));
    }
}

/// Outcomes of the spans that it sees.
#[derive(Default)]
struct Outcomes(Mutex<Vec<(String, Status)>>);

impl Sink for Outcomes {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_span() && *metadata.level() <= Level::INFO
    }

    fn on_event(&self, _event: &EventRecord<'_>, _scope: Scope<'_>) {}

    fn on_close(&self, scope: Scope<'_>) {
        let span = scope.current().unwrap();
        self.0.lock().unwrap().push((span.name().to_owned(), span.status));
    }
}

#[test]
fn what_fails_inside_of_it_does_not_fail_the_span_around() {
    let outcomes = Arc::new(Outcomes::default());
    let seen = Arc::clone(&outcomes);
    let _bench = unsampled(|capture| capture.sink(seen));
    info_span!("tried").in_scope(|| {
        debug_span!("first_try").in_scope(|| error!("failed"));
        let second = debug_span!("second_try");
        error!(parent: &second, "failed");
    });
    info_span!("failed").in_scope(|| error!("failed"));
    let outcomes = std::mem::take(&mut *outcomes.0.lock().unwrap());
    let expected = [("tried", Status::Unset), ("failed", Status::Error)];
    assert_eq!(outcomes, expected.map(|(name, status)| (name.to_owned(), status)));
}

#[test]
fn where_failures_are_kept_every_span_is_seen() {
    let rules = KeepRules {
        slow: Duration::from_secs(3_600),
        ..KeepRules::default()
    };
    let bench = bench_with(Memory::new("warn"), |capture| {
        capture.sampler(Sampler::keep_error_or_slow(Sampler::AlwaysOff, rules))
    });
    info_span!("request").in_scope(|| {
        debug_span!("work", size = 3).in_scope(|| error!("failed"));
        error!("failed");
    });
    let spans = bench.exported.take();
    let work = &spans[Exported::one(&spans, "work")];
    assert_eq!(text(&work.fields), "size=3");
    assert_eq!(spans.len(), 2);
}

#[test]
fn a_sampled_trace_has_every_span() {
    let bench = bench_with(Memory::new("warn"), |capture| capture);
    info_span!("request", request_id = "r-1").in_scope(|| {
        debug_span!("work", request_id = "r-1", size = 3).in_scope(|| drop(debug_span!("deeper")));
    });
    let spans = bench.exported.take();
    assert_eq!(spans.len(), 3);
    let work = &spans[Exported::one(&spans, "work")];
    assert_eq!(text(&work.fields), "request_id=r-1 size=3");
}

#[test]
fn more_than_there_is_room_for_are_spans_all_the_same() {
    let bench = unsampled(|capture| capture);
    let request = request();
    let spans: Vec<_> = request.in_scope(|| (0..10_000).map(|n| debug_span!("task", n)).collect());
    let (trace_id, spans) = (request.context().unwrap().trace_id, Arc::new(spans));
    drop(request);
    let ended: Vec<_> = (0..4)
        .map(|part| {
            let spans = Arc::clone(&spans);
            let dispatch = tracing::dispatcher::get_default(Clone::clone);
            std::thread::spawn(move || {
                tracing::dispatcher::with_default(&dispatch, || {
                    spans.iter().skip(part).step_by(4).all(|span| {
                        span.in_scope(|| drop(debug_span!("deeper")));
                        span.context().unwrap().trace_id == trace_id
                    })
                })
            })
        })
        .map(|thread| thread.join().unwrap())
        .collect();
    assert_eq!(ended, [true; 4]);
    assert_eq!(bench.handle.ledger().get(Count::SpansStarted), 20_001);
}
