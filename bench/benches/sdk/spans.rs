//! A span with three fields: made, entered, left, closed; as a root, nested, and of a trace that is not kept.
//!
//! Spans come in bursts that fit the queues; between bursts the exporters catch up, so that no span is dropped and each was paid for.

use std::cell::Cell;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use fastrace::collector::{Config as FastraceConfig, SpanContext};
use fastrace::local::LocalSpan;
use opentelemetry_sdk::trace::Sampler as StockSampler;
use tracing::Dispatch;
use tracing_subscriber::Registry as Spans;
use tracing_subscriber::layer::SubscriberExt as _;
use watchroom_bench::{Bencher, Goal, Row};
use watchroom_capture::{Capture, Sampler};
use watchroom_log::{Format, LogSink, SpanLines, Writer};

use crate::collector::Exporter;
use crate::floor::Floor;
use crate::stock::{self, NullReporter, Tracing};

/// Spans in a burst: half a queue of any of the exporters.
const BURST: u64 = 1_024;

const STRIPPED: &str = "`tracing-opentelemetry`, stripped";
const DEFAULTS: &str = "`tracing-opentelemetry`, defaults";

pub(crate) fn rows() -> Vec<Row> {
    vec![
        row(
            "span, 3 fields, batched for OTLP: a root",
            Goal::against(230.0, STRIPPED, 850.0),
            Place::Root,
        ),
        row(
            "span, 3 fields, batched for OTLP: nested",
            Goal::against(300.0, STRIPPED, 850.0),
            Place::Nested,
        ),
        sampled_out(),
    ]
}

#[derive(Clone, Copy, PartialEq)]
enum Place {
    Root,
    Nested,
}

fn span() {
    let span = tracing::info_span!(
        "span",
        method = black_box("GET"),
        n = black_box(7_u64),
        hit = black_box(true)
    );
    let _entered = span.enter();
}

/// Times spans under a subscriber; how many spans closed in all.
fn time(b: &mut Bencher, dispatch: &Dispatch, place: Place, settle: impl FnMut()) -> u64 {
    let n = Cell::new(0);
    let op = || {
        n.set(n.get() + 1);
        span();
    };
    tracing::dispatcher::with_default(dispatch, || match place {
        Place::Root => b.bursts(BURST, op, settle),
        Place::Nested => {
            n.set(1);
            tracing::info_span!("outer").in_scope(|| b.bursts(BURST, op, settle));
        }
    });
    n.get()
}

fn row(work: &'static str, goal: Goal, place: Place) -> Row {
    Row::new(work, goal)
        .ours(move |b| {
            let exporter = Exporter::new();
            let spans = exporter.otlp.span_exporter().unwrap();
            let (layer, _handle) = Capture::builder()
                .sampler(Sampler::AlwaysOn)
                .exporter(spans)
                .build();
            let n = time(b, &Dispatch::new(Spans::default().with(layer)), place, || {
                exporter.flush()
            });
            exporter.end(n);
        })
        .peer(DEFAULTS, move |b| {
            let tracing = Tracing::new(StockSampler::AlwaysOn);
            let layer = tracing_opentelemetry::layer().with_tracer(tracing.tracer.clone());
            let n = time(b, &Dispatch::new(Spans::default().with(layer)), place, || {
                tracing.flush()
            });
            tracing.end(n);
        })
        .peer(STRIPPED, move |b| {
            let tracing = Tracing::new(StockSampler::AlwaysOn);
            let layer = tracing_opentelemetry::layer()
                .with_location(false)
                .with_threads(false)
                .with_tracked_inactivity(false)
                .with_tracer(tracing.tracer.clone());
            let n = time(b, &Dispatch::new(Spans::default().with(layer)), place, || {
                tracing.flush()
            });
            tracing.end(n);
        })
        .peer("`fastrace`", move |b| {
            // Its thread need not look by itself: each burst is flushed.
            fastrace::set_reporter(
                NullReporter,
                FastraceConfig::default().report_interval(Duration::from_secs(60)),
            );
            let before = stock::n_spans();
            let n = fastrace_spans(b, place);
            assert_eq!(stock::n_spans() - before, n, "spans were dropped");
        })
        .peer("the registry alone, nothing exported", move |b| {
            time(b, &Dispatch::new(Spans::default()), place, || ());
        })
        .peer(
            "the least that a subscriber has to do, nothing exported",
            move |b| {
                time(b, &Dispatch::new(Floor::new()), place, || ());
            },
        )
}

/// The same with `fastrace`, which has no types of values: they become text.
fn fastrace_spans(b: &mut Bencher, place: Place) -> u64 {
    let n = Cell::new(0);
    let properties = || {
        [
            ("method", black_box("GET").to_owned()),
            ("n", black_box(7_u64).to_string()),
            ("hit", black_box(true).to_string()),
        ]
    };
    match place {
        Place::Root => b.bursts(
            BURST,
            || {
                n.set(n.get() + 1);
                let span = fastrace::Span::root("span", SpanContext::random()).with_properties(properties);
                let _entered = span.set_local_parent();
            },
            fastrace::flush,
        ),
        // Nested spans leave their thread when the outer one does: one operation is a trace of a burst's spans.
        Place::Nested => b.batches(
            BURST,
            || {
                let outer = fastrace::Span::root("outer", SpanContext::random());
                let _entered = outer.set_local_parent();
                for _ in 0..BURST {
                    let _span = LocalSpan::enter_with_local_parent("span").with_properties(properties);
                }
                n.set(n.get() + BURST + 1);
            },
            fastrace::flush,
        ),
    }
    n.get()
}

fn sampled_out() -> Row {
    Row::new(
        "span, sampled out, fields still there for the log lines",
        Goal::against(200.0, DEFAULTS, 720.0),
    )
    .ours(|b| {
        let exporter = Exporter::new();
        let spans = exporter.otlp.span_exporter().unwrap();
        let (layer, _handle) = Capture::builder()
            .sampler(Sampler::AlwaysOff)
            .sink(lines())
            .exporter(spans)
            .build();
        time(
            b,
            &Dispatch::new(Spans::default().with(layer)),
            Place::Root,
            || exporter.flush(),
        );
        exporter.end(0);
    })
    .peer(DEFAULTS, |b| {
        let tracing = Tracing::new(StockSampler::AlwaysOff);
        let layer = tracing_opentelemetry::layer().with_tracer(tracing.tracer.clone());
        time(
            b,
            &Dispatch::new(Spans::default().with(layer)),
            Place::Root,
            || tracing.flush(),
        );
        tracing.end(0);
    })
    .peer(
        "`tracing-opentelemetry`, defaults, and the JSON layer of `tracing-subscriber`",
        |b| {
            let tracing = Tracing::new(StockSampler::AlwaysOff);
            let layer = tracing_opentelemetry::layer().with_tracer(tracing.tracer.clone());
            let json = tracing_subscriber::fmt::layer().json().with_writer(std::io::sink);
            let subscriber = Spans::default().with(layer).with(json);
            time(b, &Dispatch::new(subscriber), Place::Root, || tracing.flush());
            tracing.end(0);
        },
    )
}

/// Wants the fields, writes no line for a span.
pub(crate) fn lines() -> Arc<LogSink> {
    let writer = Writer::builder().spawn(std::io::sink()).unwrap();
    Arc::new(
        LogSink::builder(writer)
            .format(Format::Json)
            .spans(SpanLines::NONE)
            .build(),
    )
}
