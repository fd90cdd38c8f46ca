//! What becomes of spans and events: tree, fields, kinds, status, exceptions, links, limits, sampling.

use std::fmt;
use std::time::Duration;

use crate::support::{Exported, bench, text};
use tracing::{Level, debug, debug_span, error, error_span, info, info_span, span, warn};
use watchroom_capture::{
    Link, Sampler, SetParentError, SpanAttributes, SpanExt as _, SpanKind, SpanLimits, SpanRecord, Status,
    context, current_context,
};
use watchroom_core::{
    Clock, Count, Reason, Signal, SpanContext, SpanId, TraceFlags, TraceId, TraceState, Value,
};

fn remote(sampled: bool) -> SpanContext {
    SpanContext {
        trace_id: TraceId::random(),
        span_id: SpanId::random(),
        flags: TraceFlags(2 | u8::from(sampled)),
        remote: true,
        state: TraceState::from_validated("vendor=1"),
    }
}

fn attributes(span: &SpanRecord) -> Vec<String> {
    let nothing = SpanAttributes {
        location: false,
        threads: false,
        inactivity: false,
        level: false,
        target: false,
    };
    span.attributes(nothing)
        .map(|(key, value)| format!("{key}={value}"))
        .collect()
}

fn events(span: &SpanRecord) -> Vec<(String, String)> {
    let show = |(key, value): (&str, Value<'_>)| format!("{key}={value}");
    span.events
        .iter()
        .map(|event| {
            (
                event.name().to_owned(),
                event.fields().map(show).collect::<Vec<_>>().join(" "),
            )
        })
        .collect()
}

#[test]
fn spans_hang_on_the_current_the_given_or_no_parent() {
    let bench = bench(|capture| capture);
    let root = info_span!("root");
    root.in_scope(|| {
        info_span!("child").in_scope(|| info_span!("grandchild").in_scope(|| ()));
        info_span!(parent: None, "other_root").in_scope(|| ());
    });
    info_span!(parent: &root, "explicit").in_scope(|| ());
    drop(root);
    let spans = bench.exported.take();
    let span = |name| &spans[Exported::one(&spans, name)];
    let root = span("root");
    assert_eq!((root.parent, root.parent_remote), (None, false));
    assert_eq!(span("child").parent, Some(root.context.span_id));
    assert_eq!(span("grandchild").parent, Some(span("child").context.span_id));
    assert_eq!(span("explicit").parent, Some(root.context.span_id));
    assert_eq!(span("other_root").parent, None);
    assert_ne!(span("other_root").context.trace_id, root.context.trace_id);
    for name in ["child", "grandchild", "explicit"] {
        assert_eq!(span(name).context.trace_id, root.context.trace_id);
    }
    assert_eq!(bench.handle.ledger().get(Count::SpansStarted), 5);
    assert_eq!(bench.handle.ledger().get(Count::SpansSampled), 5);
}

#[test]
fn values_of_every_type_are_kept_and_later_ones_replace_earlier_ones() {
    let bench = bench(|capture| capture);
    #[derive(Debug)]
    struct Point {
        #[expect(dead_code, reason = "shown by Debug")]
        x: i32,
    }
    let big = i128::from(i64::MAX) + 1;
    let span = info_span!(
        "s",
        int = -1_i64,
        uint = u64::MAX,
        big,
        float = 0.5,
        yes = true,
        text = "text",
        shown = %format_args!("<{}>", 1),
        debug = ?Point { x: 1 },
        bytes = &[1_u8, 255][..],
        later = tracing::field::Empty,
        r#type = "raw",
    );
    span.record("later", 1);
    span.record("later", "two");
    span.set_attribute("own.key", Value::F64(3.0));
    drop(span);
    let spans = bench.exported.take();
    assert_eq!(spans[0].fields.get("int"), Some(Value::I64(-1)));
    assert_eq!(spans[0].fields.get("uint"), Some(Value::U64(u64::MAX)));
    assert_eq!(
        text(&spans[0].fields),
        "int=-1 uint=18446744073709551615 big=9223372036854775808 float=0.5 yes=true text=text shown=<1> \
         debug=Point { x: 1 } bytes=[01 ff] type=raw later=two own.key=3"
    );
}

#[test]
fn otel_fields_speak_of_the_span_and_are_no_attributes() {
    let bench = bench(|capture| capture);
    let named = info_span!(
        "callsite",
        otel.name = "GET /orders",
        otel.kind = "SERVER",
        otel.status_code = tracing::field::Empty,
        otel.status_description = tracing::field::Empty,
        kept = 1
    );
    named.record("otel.status_description", "boom");
    named.record("otel.status_code", "error");
    drop(named);
    for (kind, status) in [
        ("client", "ok"),
        ("Producer", "OK"),
        ("consumer", "unset"),
        ("nonsense", "nonsense"),
    ] {
        drop(info_span!("s", otel.kind = kind, otel.status_code = %status));
    }
    let spans = bench.exported.take();
    assert_eq!(spans[0].name(), "GET /orders");
    assert_eq!(spans[0].kind, SpanKind::Server);
    assert_eq!(
        (spans[0].status, spans[0].status_description.as_str()),
        (Status::Error, "boom")
    );
    assert_eq!(attributes(&spans[0]), ["kept=1"]);
    let rest: Vec<_> = spans[1..].iter().map(|span| (span.kind, span.status)).collect();
    assert_eq!(
        rest,
        [
            (SpanKind::Client, Status::Ok),
            (SpanKind::Producer, Status::Ok),
            (SpanKind::Consumer, Status::Unset),
            (SpanKind::Internal, Status::Unset)
        ]
    );
}

#[derive(Debug)]
struct Failure(&'static str, Option<Box<Failure>>);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Failure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.1.as_deref().map(|source| source as _)
    }
}

fn failure() -> Failure {
    Failure(
        "cannot save",
        Some(Box::new(Failure(
            "cannot write",
            Some(Box::new(Failure("disk full", None))),
        ))),
    )
}

#[test]
fn errors_carry_their_whole_chain_and_become_exceptions() {
    let bench = bench(|capture| capture);
    let failure = failure();
    let error = &failure as &(dyn std::error::Error + 'static);
    info_span!("dyn").in_scope(|| warn!(error, "saving failed"));
    info_span!("shown").in_scope(|| error!(error = %failure));
    info_span!("text").in_scope(|| warn!(error = "boom"));
    info_span!("message").in_scope(|| error!(error = %failure, "with a message"));
    drop(info_span!("field", cause = error));
    let spans = bench.exported.take();
    let span = |name| &spans[Exported::one(&spans, name)];
    assert_eq!(
        events(span("dyn")),
        [(
            "saving failed".to_owned(),
            "exception.message=cannot save exception.stacktrace=cannot write: disk full error=cannot save \
             error.chain=cannot write: disk full"
                .to_owned()
        )]
    );
    assert_eq!(
        attributes(span("dyn")),
        [
            "exception.message=cannot save",
            "exception.stacktrace=cannot write: disk full"
        ]
    );
    assert_eq!(span("dyn").status, Status::Unset);
    assert_eq!(
        events(span("shown")),
        [("exception".to_owned(), "exception.message=cannot save".to_owned())]
    );
    assert_eq!(
        (span("shown").status, &*span("shown").status_description),
        (Status::Error, "cannot save")
    );
    assert_eq!(
        events(span("text")),
        [("exception".to_owned(), "exception.message=\"boom\"".to_owned())]
    );
    assert_eq!(span("text").status, Status::Error);
    assert_eq!(
        events(span("message")),
        [("with a message".to_owned(), "error=cannot save".to_owned())]
    );
    assert_eq!(
        (span("message").status, &*span("message").status_description),
        (Status::Error, "")
    );
    assert_eq!(
        attributes(span("field")),
        [
            "cause=cannot save",
            "cause.chain=cannot write: disk full",
            "exception.message=cannot save",
            "exception.stacktrace=cannot write: disk full"
        ]
    );
    let lines = bench.sink.take();
    let line = lines.iter().find(|line| line.message == "saving failed").unwrap();
    assert_eq!(
        line.fields,
        "error=cannot save error.chain=cannot write: disk full"
    );
}

#[test]
fn an_error_event_fails_the_span_unless_its_author_said_ok() {
    let bench = bench(|capture| capture);
    info_span!("plain").in_scope(|| error!("no"));
    info_span!("fine", otel.status_code = "ok").in_scope(|| error!("no"));
    info_span!("info").in_scope(|| info!("yes"));
    let status: Vec<_> = bench.exported.take().iter().map(|span| span.status).collect();
    assert_eq!(status, [Status::Error, Status::Ok, Status::Unset]);
}

#[test]
fn follows_from_and_add_link_become_links() {
    let bench = bench(|capture| capture);
    let before = info_span!("before");
    let after = info_span!("after");
    after.follows_from(&before);
    let far = remote(true);
    after.add_link(far.clone());
    let context = before.context().unwrap();
    drop((before, after));
    let spans = bench.exported.take();
    let after = &spans[Exported::one(&spans, "after")];
    assert_eq!(after.links, [Link { context }, Link { context: far }]);
}

#[test]
fn limits_cut_and_count() {
    let limits = SpanLimits {
        attributes: 2,
        events: 1,
        links: 1,
        attributes_per_event: 1,
        value_len: 5,
    };
    let bench = bench(|capture| capture.limits(limits));
    let span = info_span!(
        "s",
        a = "123456",
        b = "éééé",
        c = 3,
        later = tracing::field::Empty
    );
    span.record("later", 1);
    span.record("a", "x");
    span.set_attribute("more", "y");
    span.in_scope(|| {
        info!(a = 1, "first");
        info!("second");
    });
    span.add_link(remote(true));
    span.add_link(remote(true));
    drop(span);
    let spans = bench.exported.take();
    assert_eq!(text(&spans[0].fields), "a=x b=éé");
    assert_eq!(
        (
            spans[0].dropped_attributes,
            spans[0].dropped_events,
            spans[0].dropped_links
        ),
        (3, 1, 1)
    );
    assert_eq!(events(&spans[0]), [("first".to_owned(), String::new())]);
    let ledger = bench.handle.ledger();
    // Three of the span, one of the first event.
    assert_eq!(ledger.get(Count::AttributesCut), 4);
    assert_eq!(
        (ledger.get(Count::EventsCut), ledger.get(Count::LinksCut)),
        (1, 1)
    );
    assert_eq!(ledger.get(Count::ValuesCut), 3);
}

#[test]
fn the_remote_parent_is_known_when_the_root_is_made() {
    let bench = bench(|capture| capture);
    let caller = remote(true);
    let connection = info_span!("connection");
    let span = connection.in_scope(|| {
        context::with_remote_parent(caller.clone(), || {
            let span = info_span!("request");
            // Only the first span is the local root.
            span.in_scope(|| drop(info_span!("inner")));
            span
        })
    });
    assert_eq!(span.context().unwrap().trace_id, caller.trace_id);
    drop(span);
    drop(info_span!("unrelated"));
    let spans = bench.exported.take();
    let request = &spans[Exported::one(&spans, "request")];
    assert_eq!(
        (request.parent, request.parent_remote),
        (Some(caller.span_id), true)
    );
    assert_eq!(request.context.state.as_str(), "vendor=1");
    assert_eq!(request.context.flags, TraceFlags(3));
    assert!(!request.context.remote);
    let inner = &spans[Exported::one(&spans, "inner")];
    assert_eq!(
        (inner.parent, inner.parent_remote),
        (Some(request.context.span_id), false)
    );
    assert_eq!(inner.context.state.as_str(), "vendor=1");
    assert_ne!(
        spans[Exported::one(&spans, "unrelated")].context.trace_id,
        caller.trace_id
    );
}

#[test]
fn a_span_that_has_started_keeps_its_parent() {
    let bench = bench(|capture| capture);
    let caller = remote(false);
    let fresh = info_span!("fresh");
    fresh.set_parent(caller.clone()).unwrap();
    assert_eq!(fresh.context().unwrap().trace_id, caller.trace_id);
    assert!(!fresh.context().unwrap().is_sampled());
    assert_eq!(fresh.set_parent(caller.clone()), Err(SetParentError::Started));
    let entered = info_span!("entered");
    entered.in_scope(|| ());
    let with_child = info_span!("with_child");
    drop(info_span!(parent: &with_child, "child"));
    let with_line = info_span!("with_line");
    info!(parent: &with_line, "line");
    for span in [entered, with_child, with_line] {
        assert_eq!(span.set_parent(caller.clone()), Err(SetParentError::Started));
    }
    assert_eq!(
        tracing::Span::none().set_parent(caller.clone()),
        Err(SetParentError::Disabled)
    );
    let stranger =
        tracing::subscriber::with_default(tracing_subscriber::registry(), || info_span!("stranger"));
    assert_eq!(
        stranger.set_parent(caller.clone()),
        Err(SetParentError::NoCapture)
    );
    drop(fresh);
    let spans = bench.exported.take();
    assert!(
        spans.iter().all(|span| span.context.trace_id != caller.trace_id),
        "the caller did not sample it"
    );
}

#[test]
fn the_decision_is_made_once_for_a_trace() {
    let never = bench(|capture| capture.sampler(Sampler::parent_based(Sampler::AlwaysOff)));
    info_span!("root").in_scope(|| {
        assert!(!current_context().unwrap().is_sampled());
        info_span!("child").in_scope(|| info!("line"));
    });
    context::with_remote_parent(remote(true), || {
        info_span!("asked_for").in_scope(|| drop(info_span!("below")))
    });
    let names: Vec<_> = never
        .exported
        .take()
        .iter()
        .map(|span| span.name().to_owned())
        .collect();
    assert_eq!(names, ["below", "asked_for"]);
    // The log line of the trace that is not kept has its ids all the same.
    let told = never.sink.take();
    let line = told.iter().find(|line| line.message == "line").unwrap();
    assert!(line.trace_id.is_some() && line.spans == ["root{}", "child{}"]);
}

#[test]
fn a_span_outside_of_the_export_filter_lends_its_parents_place() {
    let filter = watchroom_capture::Filter::parse("info,noise=off").unwrap();
    let bench = crate::support::bench_with(crate::support::Memory::new("debug"), |capture| {
        capture.export_filter(filter)
    });
    info_span!("root").in_scope(|| {
        debug_span!("middle").in_scope(|| {
            info!("of the root");
            info_span!("leaf").in_scope(|| ());
        });
    });
    debug_span!("hidden_root").in_scope(|| info_span!("orphan").in_scope(|| ()));
    let spans = bench.exported.take();
    let span = |name| &spans[Exported::one(&spans, name)];
    assert_eq!(spans.len(), 3);
    assert_eq!(span("leaf").parent, Some(span("root").context.span_id));
    assert_eq!(events(span("root")), [("of the root".to_owned(), String::new())]);
    assert_eq!(span("orphan").parent, None);
    let told = bench.sink.take();
    let line = told.iter().find(|line| line.message == "of the root").unwrap();
    assert_eq!(line.spans, ["root{}", "middle{}"]);
    assert_eq!(line.span_id, Some(span("root").context.span_id.to_string()));
}

#[test]
fn durations_come_from_the_clock_that_never_runs_backwards() {
    let (clock, hand) = Clock::manual(1_000);
    let attributes = SpanAttributes {
        inactivity: true,
        ..SpanAttributes::default()
    };
    let bench = bench(|capture| capture.clock(clock).attributes(attributes));
    let span = info_span!("s");
    hand.advance(Duration::from_nanos(10));
    span.in_scope(|| hand.advance(Duration::from_nanos(20)));
    hand.set_wall(5);
    span.in_scope(|| hand.advance(Duration::from_nanos(30)));
    drop(span);
    let spans = bench.exported.take();
    assert_eq!((spans[0].start_unix_ns, spans[0].duration_ns), (1_000, 60));
    assert_eq!((spans[0].busy_ns, spans[0].idle_ns()), (50, 10));
    let shown: Vec<_> = spans[0]
        .attributes(attributes)
        .map(|(key, _)| key.to_owned())
        .collect();
    assert_eq!(shown, ["level", "target", "busy_ns", "idle_ns"]);
}

#[test]
fn circumstances_have_the_stock_layers_keys() {
    let bench = bench(|capture| capture.attributes(SpanAttributes::STOCK));
    info_span!("s", a = 1).in_scope(|| info!(b = 2, "e"));
    let spans = bench.exported.take();
    let keys: Vec<_> = spans[0]
        .attributes(SpanAttributes::STOCK)
        .map(|(key, _)| key.to_owned())
        .collect();
    let expected = [
        "code.file.path",
        "code.module.name",
        "code.line.number",
        "target",
        "a",
        "thread.id",
        "thread.name",
        "busy_ns",
        "idle_ns",
    ];
    assert_eq!(keys, expected);
    let event = spans[0].events.iter().next().unwrap();
    let keys: Vec<_> = event
        .attributes(SpanAttributes::STOCK)
        .map(|(key, _)| key)
        .collect();
    assert_eq!(
        keys,
        [
            "level",
            "target",
            "b",
            "code.file.path",
            "code.module.name",
            "code.line.number"
        ]
    );
}

#[test]
fn after_the_shutdown_spans_are_counted_and_not_exported() {
    let bench = bench(|capture| capture);
    let open = info_span!("open");
    bench.handle.shutdown();
    drop(open);
    drop(debug_span!("also"));
    assert!(bench.exported.take().is_empty());
    let ledger = bench.handle.ledger();
    assert_eq!(ledger.dropped(Signal::Spans, Reason::AfterShutdown), 2);
    assert_eq!(ledger.accepted(Signal::Spans), 2);
}

#[test]
fn events_outside_of_spans_reach_sinks_alone() {
    let bench = bench(|capture| capture);
    info!(answer = 42, "alone");
    debug!("not for this sink");
    let told = bench.sink.take();
    assert_eq!(told.len(), 1);
    assert_eq!(
        (told[0].message.as_str(), told[0].fields.as_str()),
        ("alone", "answer=42")
    );
    assert_eq!(told[0].trace_id, None);
    assert!(bench.exported.take().is_empty());
}

#[test]
fn levels_of_every_kind_are_kept() {
    let bench = bench(|capture| capture);
    drop(error_span!("e"));
    drop(span!(Level::WARN, "w"));
    drop(tracing::trace_span!("t"));
    let levels: Vec<_> = bench
        .exported
        .take()
        .iter()
        .map(|span| *span.metadata.level())
        .collect();
    assert_eq!(levels, [Level::ERROR, Level::WARN]);
}
