//! Traces that are kept though the head sampler said no.

use std::sync::Arc;
use std::time::Duration;

use tracing::{Span, error, info, info_span};
use watchroom_capture::context::with_remote_parent;
use watchroom_capture::{Capture, Held, KeepRules, Sampler, SpanExt as _, SpanRecord, Status};
use watchroom_core::clock::ManualClock;
use watchroom_core::{Clock, Count, Signal, SpanContext};

use crate::support::{Bench, bench};

fn keeping(rules: KeepRules) -> (Bench, Arc<ManualClock>) {
    let (clock, hand) = Clock::manual(1_000_000_000);
    let sampler = Sampler::keep_error_or_slow(Sampler::parent_based(Sampler::AlwaysOff), rules);
    (
        bench(|capture: Capture| capture.clock(clock).sampler(sampler)),
        hand,
    )
}

fn names(spans: &[SpanRecord]) -> Vec<&str> {
    spans.iter().map(|span| span.name()).collect()
}

fn taken(bench: &Bench) -> Vec<String> {
    names(&bench.exported.take())
        .into_iter()
        .map(str::to_owned)
        .collect()
}

/// Another process's span in the trace of `span`.
fn caller_like(span: &Span) -> SpanContext {
    SpanContext {
        remote: true,
        ..span.context().unwrap()
    }
}

#[test]
fn a_trace_whose_root_failed_is_exported_whole_as_sampled() {
    let (bench, _) = keeping(KeepRules::default());
    let root = info_span!("root", key = 1);
    root.in_scope(|| {
        info_span!("child").in_scope(|| info!("said in time"));
        error!("boom");
        assert_eq!(bench.handle.held().spans, 1);
    });
    drop(root);
    let spans = bench.exported.take();
    assert_eq!(names(&spans), ["child", "root"]);
    assert!(spans.iter().all(SpanRecord::is_sampled));
    assert_eq!(spans[0].parent, Some(spans[1].context.span_id));
    assert_eq!(
        spans[0]
            .events
            .iter()
            .map(|event| event.name())
            .collect::<Vec<_>>(),
        ["said in time"]
    );
    assert_eq!(spans[1].status, Status::Error);
    assert_eq!(bench.handle.held(), Held::default());
    assert_eq!(bench.handle.ledger().get(Count::SpansKept), 2);
    assert_eq!(bench.handle.ledger().get(Count::SpansSampled), 2);
}

#[test]
fn a_slow_root_keeps_its_trace_and_a_fast_one_does_not() {
    let rules = KeepRules {
        slow: Duration::from_millis(100),
        ..KeepRules::default()
    };
    let (bench, hand) = keeping(rules);
    for (ms, kept) in [(99, false), (100, true), (5_000, true), (0, false)] {
        info_span!("root").in_scope(|| {
            info_span!("child").in_scope(|| hand.advance(Duration::from_millis(ms)));
        });
        assert_eq!(taken(&bench).len(), if kept { 2 } else { 0 }, "{ms}");
    }
    assert_eq!(bench.handle.held(), Held::default());
    assert_eq!(bench.handle.ledger().get(Count::SpansEvicted), 0);
    assert_eq!(
        bench.handle.ledger().accepted(Signal::Spans),
        0,
        "what is not kept is not lost"
    );
}

#[test]
fn a_child_that_failed_under_a_good_root_keeps_nothing() {
    let (bench, _) = keeping(KeepRules::default());
    info_span!("root").in_scope(|| info_span!("child").in_scope(|| error!("handled")));
    assert_eq!(taken(&bench), [""; 0]);
}

#[test]
fn what_the_head_sampler_keeps_does_not_wait() {
    let rules = KeepRules::default();
    let bench = bench(|capture| capture.sampler(Sampler::keep_error_or_slow(Sampler::AlwaysOn, rules)));
    let root = info_span!("root");
    root.in_scope(|| drop(info_span!("child")));
    assert_eq!(taken(&bench), ["child"]);
    drop(root);
    assert_eq!(taken(&bench), ["root"]);
    assert_eq!(bench.handle.ledger().get(Count::SpansKept), 0);
}

#[test]
fn late_children_follow_their_root_for_a_while() {
    let rules = KeepRules {
        late: Duration::from_secs(10),
        ..KeepRules::default()
    };
    let (bench, hand) = keeping(rules);
    for fails in [true, false] {
        // A span that hangs on the root by its ids alone outlives it, as one in another task of the process does.
        let root = info_span!("root");
        let parent = root.context().unwrap();
        let [soon, later] = ["soon", "later"].map(|name| {
            let span = info_span!(parent: None, "late", otel.name = name);
            span.set_parent(SpanContext {
                remote: false,
                ..parent.clone()
            })
            .unwrap();
            span
        });
        if fails {
            root.set_status(Status::Error, "boom");
        }
        drop(root);
        let expected: &[&str] = if fails { &["root"] } else { &[] };
        assert_eq!(taken(&bench), expected);
        hand.advance(Duration::from_secs(9));
        drop(soon);
        let expected: &[&str] = if fails { &["soon"] } else { &[] };
        assert_eq!(taken(&bench), expected);
        hand.advance(Duration::from_secs(2));
        drop(later);
        assert_eq!(taken(&bench), [""; 0]);
    }
}

#[test]
fn two_local_roots_of_one_trace_are_decided_together() {
    let (bench, _) = keeping(KeepRules::default());
    for (inner_fails, outer_fails) in [(false, false), (true, false), (false, true)] {
        let outer = info_span!("outer");
        let inner = with_remote_parent(caller_like(&outer), || info_span!("inner"));
        if inner_fails {
            inner.set_status(Status::Error, "");
        }
        drop(inner);
        // What failed is known to be kept; what did not waits for the other.
        assert_eq!(taken(&bench).len(), usize::from(inner_fails));
        outer.in_scope(|| drop(info_span!("child")));
        if outer_fails {
            outer.set_status(Status::Error, "");
        }
        drop(outer);
        let n = match (inner_fails, outer_fails) {
            (true, _) => 2,
            (_, true) => 3,
            _ => 0,
        };
        assert_eq!(taken(&bench).len(), n, "{inner_fails} {outer_fails}");
        assert_eq!(bench.handle.held(), Held::default());
    }
}

#[test]
fn a_caller_that_sampled_is_followed_and_one_that_did_not_leaves_the_local_root_to_be_judged() {
    let (bench, _) = keeping(KeepRules::default());
    let mut caller = caller_like(&info_span!("elsewhere"));
    assert!(!caller.is_sampled());
    let server = with_remote_parent(caller.clone(), || info_span!("server"));
    server.set_status(Status::Error, "");
    drop(server);
    assert_eq!(taken(&bench), ["server"]);
    caller.flags = watchroom_core::TraceFlags::with_sampled(true);
    caller.trace_id = watchroom_core::TraceId::random();
    drop(with_remote_parent(caller, || info_span!("sampled")));
    assert_eq!(taken(&bench), ["sampled"]);
}

#[test]
fn a_root_that_gets_another_parent_leaves_nothing_open() {
    let (bench, _) = keeping(KeepRules::default());
    let caller = caller_like(&info_span!("elsewhere"));
    let span = info_span!("server");
    assert_eq!(bench.handle.held().traces, 1);
    span.set_parent(caller).unwrap();
    assert_eq!(bench.handle.held().traces, 1);
    span.in_scope(|| drop(info_span!("child")));
    span.set_status(Status::Error, "");
    drop(span);
    assert_eq!(taken(&bench), ["child", "server"]);
    assert_eq!(bench.handle.held(), Held::default());
}

#[test]
fn memory_is_bounded_and_the_oldest_trace_goes_first_and_is_counted() {
    let rules = KeepRules {
        max_bytes: 64 << 10,
        ..KeepRules::default()
    };
    let (bench, _) = keeping(rules);
    let roots: Vec<_> = (0..50)
        .map(|n| {
            let root = info_span!("root", n);
            root.in_scope(|| drop(info_span!("child", text = "x".repeat(4_000))));
            let held = bench.handle.held();
            assert!(held.bytes <= rules.max_bytes, "{held:?}");
            root
        })
        .collect();
    let held = bench.handle.held();
    assert!((5..=16).contains(&held.spans), "{held:?}");
    let evicted = bench.handle.ledger().get(Count::SpansEvicted);
    assert_eq!(evicted + held.spans as u64, 50);
    for root in &roots {
        root.set_status(Status::Error, "");
    }
    drop(roots);
    // The youngest are whole; of the oldest the root alone is left.
    let exported = taken(&bench);
    assert_eq!(exported.iter().filter(|name| *name == "root").count(), 50);
    assert_eq!(exported[0], "root");
    assert_eq!(exported[exported.len() - 2..], ["child", "root"]);
    assert_eq!(exported.len() as u64, 100 - evicted);
    assert_eq!(bench.handle.held(), Held::default());
}

#[test]
fn the_number_of_open_traces_is_bounded() {
    let rules = KeepRules {
        max_bytes: 100 << 10,
        max_traces: 8,
        ..KeepRules::default()
    };
    let (bench, _) = keeping(rules);
    let roots: Vec<_> = (0..100).map(|_| info_span!("root")).collect();
    assert_eq!(bench.handle.held().traces, 8);
    drop(roots);
    assert_eq!(bench.handle.held(), Held::default());
}

#[test]
fn one_trace_larger_than_the_buffer_does_not_grow_it() {
    let rules = KeepRules {
        max_bytes: 32 << 10,
        ..KeepRules::default()
    };
    let (bench, _) = keeping(rules);
    let root = info_span!("root");
    root.in_scope(|| {
        for _ in 0..1_000 {
            drop(info_span!("child", text = "x".repeat(500)));
            assert!(bench.handle.held().bytes <= rules.max_bytes);
        }
        drop(info_span!("huge", text = "x".repeat(40_000)));
    });
    root.set_status(Status::Error, "");
    drop(root);
    let [kept, evicted] =
        [Count::SpansKept, Count::SpansEvicted].map(|count| bench.handle.ledger().get(count));
    // What came first is there, and the root.
    assert!(
        kept + evicted == 1_002 && (10..100).contains(&kept),
        "{kept} {evicted}"
    );
    let exported = taken(&bench);
    assert_eq!(exported.len() as u64, kept);
    assert_eq!(exported.last().map(String::as_str), Some("root"));
}

#[test]
fn the_shutdown_gives_up_what_is_held_and_holds_no_more() {
    let (bench, _) = keeping(KeepRules::default());
    let root = info_span!("root");
    root.in_scope(|| drop(info_span!("child")));
    bench.handle.shutdown();
    assert_eq!(bench.handle.held(), Held::default());
    assert_eq!(bench.handle.ledger().get(Count::SpansEvicted), 1);
    root.in_scope(|| drop(info_span!("child")));
    drop(root);
    assert_eq!(bench.handle.held(), Held::default());
    assert_eq!(taken(&bench), [""; 0]);
}

#[test]
fn threads_that_close_spans_of_one_trace_lose_none() {
    let (bench, _) = keeping(KeepRules::default());
    let root = info_span!("root");
    root.in_scope(|| {
        let threads: Vec<_> = (0..4)
            .map(|_| watchroom_capture::task::thread(|| (0..250).for_each(|_| drop(info_span!("child")))))
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
    root.set_status(Status::Error, "");
    drop(root);
    assert_eq!(taken(&bench).len(), 1_001);
}

#[test]
fn a_usual_span_takes_the_memory_that_the_documentation_names() {
    let (bench, _) = keeping(KeepRules::default());
    let root = info_span!("root");
    root.in_scope(|| {
        for n in 0..1_000 {
            drop(info_span!(
                "child",
                method = "GET",
                route = "/orders/{id}",
                n,
                ratio = 0.5,
                hit = true
            ));
        }
    });
    let held = bench.handle.held();
    assert_eq!(held.spans, 1_000);
    let each = held.bytes / held.spans;
    assert!((500..900).contains(&each), "{each}");
}
