//! Baggage and the caller's context, from the carrier to spans, lines, tasks, threads and the next carrier.

use std::collections::HashMap;
use std::sync::mpsc;

use tracing::{info, info_span};
use watchroom_capture::context::{current_baggage, current_context, with_remote_parent};
use watchroom_capture::propagation::{BaggageError, Propagators, bytes};
use watchroom_capture::{Baggage, RemoteContext, Sampler, SetParentError, SpanExt as _, task};
use watchroom_core::{Ledger, TraceId, Value};

use crate::support::{Exported, bench, text};

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn carrier(entries: &[(&str, &str)]) -> HashMap<String, String> {
    entries
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

fn caller(formats: &str, entries: &[(&str, &str)]) -> RemoteContext {
    let formats: Propagators = formats.parse().unwrap();
    formats.extract(&carrier(entries), &Ledger::default())
}

fn injected() -> HashMap<String, String> {
    let mut out = HashMap::new();
    Propagators::default().inject_current(&mut out);
    out
}

#[test]
fn baggage_is_inherited_by_spans_and_goes_out_redacted() {
    let _bench = bench(|capture| capture);
    let caller = caller(
        "tracecontext,baggage",
        &[("traceparent", PARENT), ("baggage", "tenant=acme,token=t0p")],
    );
    let span = with_remote_parent(caller, || info_span!("request"));
    span.in_scope(|| {
        assert_eq!(current_baggage().get("token"), Some("t0p"));
        info_span!("child").in_scope(|| {
            let out = injected();
            assert_eq!(out["baggage"], "tenant=acme,token=[REDACTED]");
            assert_eq!(out["traceparent"][3..35], PARENT[3..35]);
        });
    });
    assert!(current_baggage().is_empty());
    assert_eq!(injected(), HashMap::new());
}

#[test]
fn what_a_span_sets_is_seen_inside_of_it_alone() {
    let _bench = bench(|capture| capture);
    info_span!("outer").in_scope(|| {
        tracing::Span::current().set_baggage("a", "1").unwrap();
        let inner = info_span!("inner");
        inner.set_baggage("b", "2").unwrap();
        inner.set_baggage("a", "3").unwrap();
        assert_eq!(inner.baggage().to_string(), "a=3,b=2");
        inner.in_scope(|| assert_eq!(injected()["baggage"], "a=3,b=2"));
        assert_eq!(current_baggage().to_string(), "a=1");
        inner.set_all_baggage(inner.baggage().without("a")).unwrap();
        assert_eq!(inner.baggage().to_string(), "b=2");
        assert!(matches!(
            inner.set_baggage("no blanks", ""),
            Err(BaggageError::Key { .. })
        ));
    });
    assert_eq!(
        tracing::Span::none().set_baggage("a", "1"),
        Err(BaggageError::NoSpan)
    );
    assert!(tracing::Span::none().baggage().is_empty());
}

#[test]
fn the_next_span_of_a_pooled_record_has_no_baggage() {
    let _bench = bench(|capture| capture);
    for _ in 0..100 {
        let span = info_span!("one");
        assert!(span.baggage().is_empty());
        span.set_baggage("a", "1").unwrap();
    }
}

#[test]
fn named_members_are_copied_to_fields_where_they_come_in_and_to_exported_spans_below() {
    let bench = bench(|capture| capture.baggage_fields(["tenant_id", "password"]));
    let sent = "tenant_id=acme,other=x,password=hunter2";
    let caller = caller(
        "tracecontext,baggage",
        &[("traceparent", PARENT), ("baggage", sent)],
    );
    with_remote_parent(caller, || info_span!("request")).in_scope(|| {
        info_span!("child").in_scope(|| {
            info!("line");
            let own = info_span!("own");
            own.set_baggage("tenant_id", "zen").unwrap();
        });
    });
    let line = bench
        .sink
        .take()
        .into_iter()
        .find(|told| told.what == "event")
        .unwrap();
    assert_eq!(
        line.spans,
        ["request{tenant_id=acme password=[REDACTED]}", "child{}"]
    );
    let spans = bench.exported.take();
    let [request, child, own] = ["request", "child", "own"].map(|name| &spans[Exported::one(&spans, name)]);
    assert_eq!(text(&request.fields), "tenant_id=acme password=[REDACTED]");
    assert_eq!(text(&child.fields), "");
    assert_eq!(child.extra.get("tenant_id"), Some(Value::Str("acme")));
    assert_eq!(own.fields.get("tenant_id"), Some(Value::Str("zen")));
}

#[test]
fn baggage_without_a_caller_makes_a_trace_of_its_own_that_has_it() {
    let bench = bench(|capture| capture);
    let caller = caller("tracecontext,baggage", &[("baggage", "a=1")]);
    with_remote_parent(caller.clone(), || info_span!("root"))
        .in_scope(|| assert_eq!(current_baggage().to_string(), "a=1"));
    info_span!("outer").in_scope(|| {
        with_remote_parent(caller, || info_span!("inner"))
            .in_scope(|| assert_eq!(current_baggage().to_string(), "a=1"));
    });
    let spans = bench.exported.take();
    assert_eq!(spans[Exported::one(&spans, "root")].parent, None);
    let outer = &spans[Exported::one(&spans, "outer")];
    assert_eq!(
        spans[Exported::one(&spans, "inner")].parent,
        Some(outer.context.span_id)
    );
}

#[test]
fn a_parent_that_is_set_brings_its_baggage() {
    let _bench = bench(|capture| capture);
    let caller = caller(
        "tracecontext,baggage",
        &[("traceparent", PARENT), ("baggage", "a=1")],
    );
    let span = info_span!("late");
    span.set_parent(caller.clone()).unwrap();
    assert_eq!(span.baggage().get("a"), Some("1"));
    assert_eq!(
        span.context().unwrap().trace_id,
        caller.span.clone().unwrap().trace_id
    );
    assert_eq!(span.set_parent(caller), Err(SetParentError::Started));
}

#[test]
fn b3_without_a_decision_leaves_it_to_the_root_sampler_and_a_decision_without_ids_binds_it() {
    let ids = "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1";
    let sampled = |sampler: Sampler, b3: &str| {
        let _bench = bench(|capture| capture.sampler(Sampler::parent_based(sampler)));
        let span = with_remote_parent(caller("b3", &[("b3", b3)]), || info_span!("root"));
        let context = span.context().unwrap();
        assert_eq!(b3.len() > 9, context.trace_id.to_string() == ids[..32]);
        context.is_sampled()
    };
    assert!(sampled(Sampler::AlwaysOn, ids));
    assert!(!sampled(Sampler::AlwaysOff, ids));
    assert!(sampled(Sampler::AlwaysOff, &format!("{ids}-1")));
    assert!(!sampled(Sampler::AlwaysOn, &format!("{ids}-0")));
    assert!(!sampled(Sampler::AlwaysOn, "0"));
    assert!(sampled(Sampler::AlwaysOff, "d"));
}

/// Trace, baggage and whether there is a current span: what follows work.
fn seen() -> Option<(TraceId, Baggage)> {
    Some((current_context()?.trace_id, current_baggage()))
}

#[test]
fn threads_and_channels_take_context_and_baggage_along() {
    let bench = bench(|capture| capture);
    let span = info_span!("work");
    span.set_baggage("a", "1").unwrap();
    let expected = span.in_scope(seen);
    assert!(expected.is_some());
    assert_eq!(span.in_scope(|| task::thread(seen)).join().unwrap(), expected);

    let (tx, rx) = mpsc::channel::<Box<dyn FnOnce() -> Option<(TraceId, Baggage)> + Send>>();
    let worker = std::thread::spawn(move || rx.recv().unwrap()());
    span.in_scope(|| tx.send(Box::new(task::in_current_span(seen))).unwrap());
    assert_eq!(worker.join().unwrap(), expected);

    // Across a queue that holds bytes only.
    let message = span.in_scope(bytes::encode_current);
    let sender = bytes::decode(&message, bench.handle.ledger());
    assert_eq!(
        with_remote_parent(sender.remote, || info_span!("take")).in_scope(seen),
        expected
    );
    assert!(bytes::encode_current().is_empty());
}

#[cfg(feature = "tokio")]
#[test]
fn tasks_and_blocking_work_take_context_and_baggage_along() {
    use tracing::Instrument as _;

    let _bench = bench(|capture| capture);
    let span = info_span!("work");
    span.set_baggage("a", "1").unwrap();
    let expected = span.in_scope(seen);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .build()
        .unwrap();
    let work = async {
        let task = task::spawn(async {
            tokio::task::yield_now().await;
            seen()
        });
        (task.await.unwrap(), task::spawn_blocking(seen).await.unwrap())
    };
    assert_eq!(
        runtime.block_on(work.instrument(span)),
        (expected.clone(), expected)
    );
}
