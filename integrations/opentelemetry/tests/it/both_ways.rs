//! Spans of both APIs, nested in every way.

use std::collections::HashMap;
use std::time::{Duration, UNIX_EPOCH};

use opentelemetry::baggage::BaggageExt as _;
use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry::trace::{
    FutureExt as _, Span as _, SpanKind, Status, TraceContextExt as _, Tracer as _, TracerProvider as _,
    get_active_span,
};
use opentelemetry::{Array, Context, InstrumentationScope, KeyValue, StringValue, Value as TheirValue};
use tracing::{Instrument as _, info_span};
use watchroom_capture::context::{current_baggage, current_context};
use watchroom_capture::{KeepRules, Propagators, Sampler, SpanExt as _};
use watchroom_core::{Clock, Value};
use watchroom_opentelemetry::{ContextPropagator, InstallError, join};

use crate::support::bench;

const CALLER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn carrier(entries: &[(&str, &str)]) -> HashMap<String, String> {
    entries
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

#[test]
fn each_takes_the_others_current_span_for_its_parent() {
    let bench = bench(|capture| capture);
    let tracer = bench.provider.tracer("library");
    info_span!("a").in_scope(|| {
        tracer.in_span("b", |_| {
            info_span!("c").in_scope(|| {
                tracer.in_span("d", |_| {
                    drop(info_span!("e"));
                    drop(tracer.start("f"));
                });
                drop(tracer.start("g"));
            });
            drop(info_span!("h"));
        });
        drop(info_span!("i"));
        drop(tracer.start("j"));
    });
    let (tree, _) = bench.tree();
    assert_eq!(
        tree,
        [
            ">a", "a>b", "a>i", "a>j", "b>c", "b>h", "c>d", "c>g", "d>e", "d>f"
        ]
    );
    assert!(!Context::current().has_active_span(), "nothing stays attached");
}

#[test]
fn a_tree_that_begins_in_the_other_api_is_one_trace_too() {
    let bench = bench(|capture| capture);
    let tracer = bench.provider.tracer("library");
    tracer.in_span("server", |cx| {
        let span = info_span!("work");
        assert_eq!(
            span.context().unwrap().trace_id.to_string(),
            cx.span().span_context().trace_id().to_string()
        );
        span.in_scope(|| drop(tracer.start("query")));
    });
    assert_eq!(bench.tree().0, [">server", "server>work", "work>query"]);
}

#[test]
fn explicit_parents_on_either_side_are_left_alone() {
    let bench = bench(|capture| capture);
    let tracer = bench.provider.tracer("library");
    let other = info_span!("other");
    let stored = other.in_scope(Context::current);
    info_span!("a").in_scope(|| {
        tracer.in_span("b", |_| {
            drop(info_span!(parent: &other, "of other"));
            drop(tracer.start_with_context("of stored", &stored));
        });
    });
    drop(other);
    let spans = bench.take();
    let id = |name: &str| spans.iter().find(|span| span.name() == name).unwrap();
    assert_eq!(id("of other").parent, Some(id("other").context.span_id));
    assert_eq!(id("of stored").parent, Some(id("other").context.span_id));
    // A stored context keeps no span of ours open, and annotating what has closed does nothing.
    assert!(!stored.span().is_recording());
    stored.span().set_attribute(KeyValue::new("late", true));
    let root = tracer.start_with_context("root", &Context::new());
    assert_ne!(
        root.span_context().trace_id(),
        stored.span().span_context().trace_id()
    );
}

#[test]
fn spans_left_out_of_order_leave_nothing_attached() {
    let bench = bench(|capture| capture);
    let (a, b) = (info_span!("a"), info_span!("b"));
    let in_a = a.enter();
    let in_b = b.enter();
    drop(in_a);
    assert_eq!(
        get_active_span(|span| span.span_context().span_id().to_string()),
        b.context().unwrap().span_id.to_string()
    );
    drop(in_b);
    assert!(!Context::current().has_active_span());
    drop((a, b));
    assert_eq!(bench.take().len(), 2);
}

#[test]
fn what_a_library_tells_of_its_span_is_exported_and_redacted() {
    let (clock, _hand) = Clock::manual(5_000_000_000);
    let bench = bench(|capture| capture.clock(clock));
    let scope = InstrumentationScope::builder("library")
        .with_version("1.2.3")
        .build();
    let tracer = bench.provider.tracer_with_scope(scope);
    let at = |s: u64| UNIX_EPOCH + Duration::from_secs(s);
    let linked = tracer.start("linked").span_context().clone();
    bench.take();
    let array = TheirValue::Array(Array::String(vec![
        StringValue::from("x"),
        StringValue::from("y"),
    ]));
    let mut span = tracer
        .span_builder("GET /users/4111111111111111")
        .with_kind(SpanKind::Client)
        .with_start_time(at(1))
        .with_attributes([
            KeyValue::new("n", 7),
            KeyValue::new("password", "hunter2"),
            KeyValue::new("list", array),
        ])
        .with_links(vec![opentelemetry::trace::Link::with_context(linked)])
        .start(&tracer);
    span.set_attribute(KeyValue::new("ok", true));
    span.add_event_with_timestamp(
        "sent",
        at(2),
        vec![KeyValue::new("token", "t0p"), KeyValue::new("bytes", 9)],
    );
    span.record_error(&std::io::Error::other("card 4111 1111 1111 1111"));
    span.set_status(Status::error("denied for 4111 1111 1111 1111"));
    assert!(span.is_recording());
    span.end_with_timestamp(at(4));
    assert!(!span.is_recording());
    span.set_attribute(KeyValue::new("late", 1));
    drop(span);

    let spans = bench.take();
    let [span] = &spans[..] else {
        panic!("{}", spans.len())
    };
    assert_eq!(span.name(), "GET /users/****-****-****-1111");
    assert_eq!(
        (span.kind, span.links.len()),
        (watchroom_capture::SpanKind::Client, 1)
    );
    assert_eq!(
        (span.start_unix_ns, span.duration_ns),
        (1_000_000_000, 3_000_000_000)
    );
    let fields: Vec<_> = span
        .fields
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    assert_eq!(
        fields,
        [
            "otel.scope.name=library",
            "otel.scope.version=1.2.3",
            "n=7",
            "password=[REDACTED]",
            "list=[\"x\",\"y\"]",
            "ok=true"
        ]
    );
    let events: Vec<_> = span.events.iter().collect();
    assert_eq!(
        (events[0].name(), events[0].time_unix_ns),
        ("sent", 2_000_000_000)
    );
    assert_eq!(
        events[0].fields().collect::<Vec<_>>(),
        [("token", Value::Str("[REDACTED]")), ("bytes", Value::I64(9))]
    );
    assert_eq!(events[1].name(), "exception");
    assert_eq!(
        events[1].fields().next(),
        Some(("exception.message", Value::Str("card ****-****-****-1111")))
    );
    assert_eq!(span.status, watchroom_capture::Status::Error);
    assert_eq!(span.status_description, "denied for ****-****-****-1111");
}

#[test]
fn a_library_may_annotate_the_current_span_of_tracing() {
    let bench = bench(|capture| capture);
    info_span!("handler").in_scope(|| {
        get_active_span(|span| {
            assert!(span.is_recording());
            span.set_attribute(KeyValue::new("password", "hunter2"));
            span.add_event("cached", vec![KeyValue::new("hit", true)]);
            span.set_status(Status::error("boom"));
            span.update_name("GET /");
            span.end();
        });
    });
    let spans = bench.take();
    let [span] = &spans[..] else {
        panic!("{}", spans.len())
    };
    assert_eq!(span.name(), "GET /");
    assert_eq!(span.fields.get("password"), Some(Value::Str("[REDACTED]")));
    assert_eq!(span.events.iter().next().unwrap().name(), "cached");
    assert_eq!(span.status, watchroom_capture::Status::Error);
}

#[test]
fn a_caller_that_their_propagator_extracted_is_the_parent_of_our_span() {
    let bench = bench(|capture| capture.sampler(Sampler::parent_based(Sampler::AlwaysOff)));
    let propagator = ContextPropagator::new(bench.handle.clone(), Propagators::default());
    let headers = carrier(&[
        ("traceparent", CALLER),
        ("tracestate", "a=1"),
        ("baggage", "tenant=acme;p"),
    ]);
    let cx = propagator.extract(&headers);
    let _attached = cx.attach();
    info_span!("handler").in_scope(|| {
        assert_eq!(current_baggage().to_string(), "tenant=acme;p");
        assert_eq!(current_context().unwrap().state.as_str(), "a=1");
        let mut out = HashMap::new();
        propagator.inject(&mut out);
        assert_eq!(out["traceparent"][..35], CALLER[..35]);
        assert_eq!(out["tracestate"], "a=1");
        assert_eq!(out["baggage"], "tenant=acme;p");
    });
    let spans = bench.take();
    assert_eq!(spans[0].parent.unwrap().to_string(), CALLER[36..52]);
    assert!(spans[0].parent_remote && spans[0].is_sampled());
}

#[test]
fn baggage_crosses_over_in_both_directions_and_leaves_redacted() {
    let bench = bench(|capture| capture);
    let tracer = bench.provider.tracer("library");
    let span = info_span!("a");
    span.set_baggage("token", "t0p").unwrap();
    span.in_scope(|| {
        let cx = Context::current();
        assert_eq!(cx.baggage().get("token"), Some(&StringValue::from("t0p")));
        let baggage = [KeyValue::new("token", "t0p"), KeyValue::new("tenant", "acme")];
        let cx = cx.with_span(tracer.start("b")).with_baggage(baggage);
        let _attached = cx.attach();
        info_span!("c").in_scope(|| {
            assert_eq!(current_baggage().get("tenant"), Some("acme"));
            assert_eq!(current_baggage().get("token"), Some("t0p"));
            let mut out = HashMap::new();
            ContextPropagator::new(bench.handle.clone(), Propagators::default()).inject(&mut out);
            assert!(out["baggage"].contains("token=[REDACTED]") && out["baggage"].contains("tenant=acme"));
        });
    });
    drop(span);
    assert_eq!(bench.tree().0, [">a", "a>b", "b>c"]);
}

#[test]
fn spans_of_the_other_api_are_sampled_and_kept_as_ours() {
    let off = bench(|capture| capture.sampler(Sampler::AlwaysOff));
    let tracer = off.provider.tracer("library");
    let span = tracer.start("dropped");
    assert!(!span.span_context().is_sampled() && !span.is_recording());
    drop(span);
    assert!(off.take().is_empty());
    drop(off);

    let keeping = Sampler::keep_error_or_slow(Sampler::AlwaysOff, KeepRules::default());
    let bench = bench(|capture| capture.sampler(keeping));
    let tracer = bench.provider.tracer("library");
    for fails in [true, false] {
        tracer.in_span("root", |cx| {
            info_span!("child").in_scope(|| drop(tracer.start("grandchild")));
            if fails {
                cx.span().set_status(Status::error("boom"));
            }
        });
        if fails {
            assert_eq!(bench.tree().0, [">root", "child>grandchild", "root>child"]);
        }
    }
    assert!(bench.take().is_empty());
    assert_eq!(bench.handle.held(), watchroom_capture::Held::default());
}

#[test]
fn a_filter_leaves_the_other_apis_spans_out_and_their_children_hang_on_the_parent() {
    let filter = watchroom_capture::Filter::parse("info,opentelemetry=off").unwrap();
    let bench = bench(|capture| capture.export_filter(filter));
    let tracer = bench.provider.tracer("library");
    info_span!("a").in_scope(|| tracer.in_span("left out", |_| drop(info_span!("b"))));
    assert_eq!(bench.tree().0, [">a", "a>b"]);
}

#[test]
fn where_telemetry_is_suppressed_a_library_makes_no_span() {
    let bench = bench(|capture| capture);
    let tracer = bench.provider.tracer("library");
    info_span!("a").in_scope(|| {
        let _suppressed = Context::enter_telemetry_suppressed_scope();
        let span = tracer.start("b");
        assert!(!span.is_recording());
        assert_eq!(
            span.span_context().span_id().to_string(),
            current_context().unwrap().span_id.to_string()
        );
    });
    assert_eq!(bench.tree().0, [">a"]);
}

#[test]
fn a_capture_is_joined_once() {
    let bench = bench(|capture| capture);
    assert_eq!(join(&bench.handle).unwrap_err(), InstallError::Joined);
}

#[test]
fn context_follows_futures_of_both_apis_across_tasks() {
    let bench = bench(|capture| capture);
    let tracer = bench.provider.tracer("library");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    let dispatch = bench.dispatch.clone();
    let task = {
        let tracer = tracer.clone();
        async move {
            tokio::task::yield_now().await;
            let cx = Context::current_with_span(tracer.start("b"));
            async {
                tokio::task::yield_now().await;
                async { tokio::task::yield_now().await }
                    .instrument(info_span!("c"))
                    .await;
                drop(tracer.start("d"));
            }
            .with_context(cx)
            .await;
            drop(tracer.start("e"));
        }
    };
    let span = info_span!("a");
    let task = tracing::instrument::WithSubscriber::with_subscriber(task.instrument(span), dispatch);
    runtime.block_on(async { tokio::spawn(task).await.unwrap() });
    assert_eq!(bench.tree().0, [">a", "a>b", "a>e", "b>c", "b>d"]);
}

#[test]
fn a_span_that_is_dropped_without_an_end_ends_then() {
    let (clock, hand) = Clock::manual(1_000_000_000);
    let bench = bench(|capture| capture.clock(clock));
    let span = bench.provider.tracer("library").start("a");
    hand.advance(Duration::from_millis(5));
    drop(span);
    let spans = bench.take();
    assert_eq!(
        (spans[0].start_unix_ns, spans[0].duration_ns),
        (1_000_000_000, 5_000_000)
    );
}
