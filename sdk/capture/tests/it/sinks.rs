//! What sinks are told, and what user code may do meanwhile.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::support::{Memory, bench, bench_with};
use tracing::{debug, error, info, info_span, trace};
use tracing_core::Metadata;
use tracing_subscriber::layer::SubscriberExt as _;
use watchroom_capture::{
    Capture, EventRecord, Filter, Sampler, Scope, Sink, SpanExt as _, Status, TraceContext, current_context,
    task,
};
use watchroom_core::{Count, Value};
use watchroom_redact::Redactor;

#[test]
fn a_sink_is_told_of_the_life_of_spans_in_order() {
    let sink = Memory {
        wants_enter: true,
        wants_new: true,
        ..Memory::new("info")
    };
    let bench = bench_with(sink, |capture| capture);
    info_span!("outer", a = 1).in_scope(|| info_span!("inner").in_scope(|| info!("line")));
    let told: Vec<_> = bench
        .sink
        .take()
        .into_iter()
        .map(|told| format!("{} {}", told.what, told.spans.join(":")))
        .collect();
    assert_eq!(
        told,
        [
            "new outer{a=1}",
            "enter outer{a=1}",
            "new outer{a=1}:inner{}",
            "enter outer{a=1}:inner{}",
            "event outer{a=1}:inner{}",
            "exit outer{a=1}:inner{}",
            "close outer{a=1}:inner{}",
            "exit outer{a=1}",
            "close outer{a=1}",
        ]
    );
}

#[test]
fn each_sink_sees_the_spans_of_its_own_filter() {
    let quiet = Arc::new(Memory::new("warn,it::sinks=info"));
    let bench = bench_with(Memory::new("trace"), |capture| {
        capture.sink(Arc::clone(&quiet) as _)
    });
    info_span!("outer", request_id = "r-1").in_scope(|| {
        tracing::debug_span!("hidden", request_id = "r-2").in_scope(|| {
            info!("both");
            debug!("one");
        });
    });
    let both = bench
        .sink
        .take()
        .into_iter()
        .find(|told| told.message == "both")
        .unwrap();
    assert_eq!(both.spans, ["outer{request_id=r-1}", "hidden{request_id=r-2}"]);
    let told = quiet.take();
    assert_eq!(told[0].spans, ["outer{request_id=r-1}"]);
    assert_eq!(
        (told[0].trace_id.clone(), told[0].span_id.clone()),
        (both.trace_id, both.span_id)
    );
    assert_eq!(told[0].request_id.as_deref(), Some("r-2"));
    assert!(told.iter().all(|told| told.message != "one"));
}

#[test]
fn a_filter_is_changed_while_callsites_are_in_use() {
    let bench = bench(|capture| capture.export_filter(Filter::off()));
    let log = || {
        trace!("trace");
        debug!("debug");
        info!("info");
        let messages = bench
            .sink
            .take()
            .into_iter()
            .filter(|told| told.what == "event")
            .map(|told| told.message);
        messages.collect::<Vec<_>>()
    };
    assert_eq!(log(), ["info"]);
    bench.sink.filter.set(Filter::parse("debug").unwrap());
    assert_eq!(log(), ["debug", "info"]);
    bench.sink.filter.set(Filter::off());
    assert!(log().is_empty());
    bench
        .sink
        .filter
        .set_for(Filter::parse("trace").unwrap(), Duration::from_secs(3_600))
        .unwrap();
    assert_eq!(log(), ["trace", "debug", "info"]);
    bench.sink.filter.set(Filter::parse("it::sinks=info").unwrap());
    assert_eq!(log(), ["info"]);
}

#[test]
fn secrets_reach_neither_sinks_nor_the_exporter() {
    const CARD: &str = "4111 1111 1111 1111";
    const KEY: &str = "sk_live_4eC39HqLyjWDarjtT1zdp7dc";
    const BEARER: &str = "mF_9.B5f-4.1JqM";
    const PASSWORD: &str = "correcthorsebatterystaple";
    const PIN: u64 = 73_501_946_228;

    #[derive(Debug)]
    struct Login<'a> {
        #[expect(dead_code, reason = "shown by Debug")]
        user: &'a str,
        #[expect(dead_code, reason = "shown by Debug")]
        password: &'a str,
    }

    #[derive(Debug)]
    struct Denied;

    impl fmt::Display for Denied {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "denied for {KEY}")
        }
    }

    impl std::error::Error for Denied {}

    #[derive(Debug)]
    struct Outer(Denied);

    impl fmt::Display for Outer {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "call failed with {KEY}")
        }
    }

    impl std::error::Error for Outer {
        fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
            Some(&self.0)
        }
    }

    let ledger = Arc::new(watchroom_core::Ledger::default());
    let redactor = Redactor::builder().ledger(Arc::clone(&ledger)).build().unwrap();
    let sink = Memory {
        wants_new: true,
        ..Memory::new("trace")
    };
    let bench = bench_with(sink, |capture| {
        capture.redactor(redactor).ledger(Arc::clone(&ledger))
    });
    let login = Login {
        user: "ann",
        password: PASSWORD,
    };
    let outer = Outer(Denied);
    let span = info_span!(
        "login",
        password = PASSWORD,
        api_key = PIN,
        secret = true,
        token = tracing::field::Empty,
        note = tracing::field::Empty,
        otel.name = format!("pay with {CARD}"),
        otel.status_description = tracing::field::Empty,
        login = ?login,
        error = &outer as &(dyn std::error::Error + 'static),
    );
    span.record("token", PIN);
    span.record("note", format!("Authorization: Bearer {BEARER}"));
    span.set_attribute("session_token", PASSWORD);
    span.set_attribute("free", format!("key {KEY}").as_str());
    span.add_event(
        &format!("event {KEY}"),
        &[("password", Value::U64(PIN)), ("note", Value::Str(KEY))],
    );
    span.in_scope(|| {
        info!("user sent Bearer {BEARER} and {CARD}");
        info!(password = PIN, ?login, "fields");
        error!(error = &outer as &(dyn std::error::Error + 'static));
        error!(error = %outer);
    });
    span.record("otel.status_description", format!("failed: {KEY}"));
    span.set_status(Status::Error, &format!("still: {KEY}"));
    drop(span);

    let seen = format!("{:?} {:?}", bench.sink.take(), bench.exported.take());
    for secret in [CARD, &KEY[8..], BEARER, PASSWORD, &PIN.to_string()] {
        assert!(!seen.contains(secret), "{secret} in {seen}");
    }
    assert!(
        seen.contains("[REDACTED]") && seen.contains("ann") && seen.contains("1111"),
        "{seen}"
    );
    assert!(ledger.get(Count::Redactions) >= 15);
}

#[test]
fn a_debug_that_panics_harms_nothing_but_its_own_call() {
    struct Bad;
    impl fmt::Debug for Bad {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            panic!("bad Debug")
        }
    }
    let bench = bench(|capture| capture);
    let span = info_span!("span", value = 1);
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        span.in_scope(|| info!(bad = ?Bad, "lost"));
    }));
    assert!(caught.is_err());
    span.in_scope(|| info!("kept"));
    drop(span);
    let messages: Vec<_> = bench.sink.take().into_iter().map(|told| told.message).collect();
    assert_eq!(messages, ["kept", ""]);
    assert_eq!(bench.exported.take().len(), 1);
}

#[test]
fn what_a_sink_emits_itself_does_not_come_back_to_it() {
    struct Echo(Arc<Memory>);

    impl Sink for Echo {
        fn enabled(&self, metadata: &Metadata<'_>) -> bool {
            self.0.enabled(metadata)
        }

        fn on_event(&self, event: &EventRecord<'_>, scope: Scope<'_>) {
            info_span!("echo").in_scope(|| info!("echo"));
            self.0.on_event(event, scope);
        }
    }

    let memory = Arc::new(Memory::new("info"));
    let (layer, _handle) = Capture::builder()
        .sink(Arc::new(Echo(Arc::clone(&memory))))
        .build();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        info_span!("outer").in_scope(|| info!("once"));
    });
    let messages: Vec<_> = memory.take().into_iter().map(|told| told.message).collect();
    assert_eq!(messages, ["once"]);
}

#[test]
fn a_value_too_long_to_be_judged_is_redacted_whole() {
    struct Endless;
    impl fmt::Display for Endless {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            loop {
                f.write_str("0123456789abcdef")?;
            }
        }
    }
    let bench = bench(|capture| capture);
    info!(endless = %Endless, "kept");
    assert_eq!(bench.sink.take()[0].fields, "endless=[REDACTED]");
    assert_eq!(bench.handle.ledger().get(Count::RedactionsFailedClosed), 1);
}

#[test]
fn work_on_other_threads_stays_in_the_trace() {
    let bench = bench(|capture| capture);
    info_span!("request", request_id = "r-7").in_scope(|| {
        task::thread(|| {
            info!("on a thread");
            assert_eq!(TraceContext::current().request_id.as_deref(), Some("r-7"));
        })
        .join()
        .unwrap();
    });
    let line = bench
        .sink
        .take()
        .into_iter()
        .find(|told| told.message == "on a thread")
        .unwrap();
    assert_eq!(line.spans, ["request{request_id=r-7}"]);
}

#[cfg(feature = "tokio")]
#[test]
fn work_in_tasks_stays_in_the_trace() {
    use tracing::Instrument as _;

    let bench = bench(|capture| capture);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    let work = async {
        let here = current_context().unwrap();
        let there = task::spawn(async {
            tokio::task::yield_now().await;
            current_context().unwrap()
        });
        let blocking = task::spawn_blocking(|| current_context().unwrap());
        assert_eq!(there.await.unwrap(), here);
        assert_eq!(blocking.await.unwrap(), here);
    };
    runtime.block_on(work.instrument(info_span!("request")));
    assert_eq!(bench.exported.take().len(), 1);
}

#[test]
fn without_anybody_who_wants_them_spans_do_not_exist() {
    let (layer, handle) = Capture::builder().build();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        assert!(info_span!("nobody").is_disabled());
        assert_eq!(current_context(), None);
    });
    assert_eq!(handle.ledger().get(Count::SpansStarted), 0);
}

#[test]
fn kept_context_stands_on_lines_whose_spans_no_level_shows_and_nobody_exports() {
    let sink = Arc::new(Memory::new("warn"));
    let capture = Capture::builder().sink(Arc::clone(&sink) as _).keep_context();
    let (layer, _handle) = capture.build();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        info_span!("request", request_id = "r-1").in_scope(|| {
            assert!(current_context().is_some());
            info!("not wanted");
            error!("failed");
        });
        assert!(tracing::trace_span!("beyond the export filter").is_disabled());
    });
    let told = sink.take();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!((told[0].message.as_str(), told[0].spans.len()), ("failed", 0));
    assert!(told[0].trace_id.is_some() && told[0].span_id.is_some());
    assert_eq!(told[0].request_id.as_deref(), Some("r-1"));
}

#[test]
fn many_threads_write_to_one_span_and_all_is_kept() {
    const N_THREADS: u64 = 4;
    const N: u64 = 300;
    let limits = watchroom_capture::SpanLimits {
        events: usize::MAX,
        ..Default::default()
    };
    let bench = bench(|capture| capture.limits(limits).sampler(Sampler::AlwaysOn));
    let root = info_span!("root", last = tracing::field::Empty);
    let threads: Vec<_> = (0..N_THREADS)
        .map(|thread| {
            let work = root.in_scope(|| {
                task::in_current_span(move || {
                    for n in 0..N {
                        let child = info_span!("child", thread, n);
                        child.in_scope(|| {
                            tracing::Span::current().set_attribute("seen", "yes");
                            info!(n, "line");
                        });
                        tracing::Span::current().record("last", n);
                        info!(thread, n, "of the root");
                        // Some children close on another thread than the one that made them.
                        if n % 10 == 0 {
                            task::thread(move || drop(child)).join().unwrap();
                        }
                    }
                })
            });
            std::thread::spawn(work)
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    drop(root);
    let spans = bench.exported.take();
    let root = spans.iter().find(|span| span.name() == "root").unwrap();
    assert_eq!(spans.len() as u64, N_THREADS * N + 1);
    assert_eq!(root.events.len() as u64, N_THREADS * N);
    assert_eq!(root.fields.get("last"), Some(Value::U64(N - 1)));
    for child in spans.iter().filter(|span| span.name() == "child") {
        assert_eq!(child.parent, Some(root.context.span_id));
        assert_eq!(child.context.trace_id, root.context.trace_id);
        assert_eq!((child.fields.len(), child.events.len()), (3, 1));
    }
    let told = bench.sink.take();
    assert_eq!(
        told.iter().filter(|told| told.what == "event").count() as u64,
        2 * N_THREADS * N
    );
    assert_eq!(bench.handle.ledger().get(Count::SpansStarted), N_THREADS * N + 1);
}
