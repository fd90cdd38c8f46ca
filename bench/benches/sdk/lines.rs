//! A log line with four fields inside two spans. Ours carries trace ids and is redacted, the peers' have neither.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use tracing::Subscriber;
use tracing_subscriber::Registry as Spans;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt as _;
use watchroom_bench::{Bencher, Goal, Row};
use watchroom_capture::Capture;
use watchroom_log::{Color, Format, LogSink, SpanLines, Writer};

/// Lines in a burst: they fit the writer's buffer.
const BURST: u64 = 512;

pub(crate) fn rows() -> Vec<Row> {
    vec![
        Row::new(
            "JSON log line, 4 fields, inside 2 spans",
            Goal::against(500.0, "`json-subscriber`", 1_076.0),
        )
        .ours(|b| ours(b, Format::Json))
        .peer("`json-subscriber`", |b| {
            let layer = json_subscriber::layer().with_writer(std::io::sink);
            time(b, Spans::default().with(layer), || ());
        })
        .peer("`tracing-subscriber` JSON", |b| {
            let layer = fmt::layer().json().with_writer(std::io::sink);
            time(b, Spans::default().with(layer), || ());
        }),
        Row::new(
            "text log line, same",
            Goal::against(400.0, "`tracing-subscriber` compact", 765.0),
        )
        .ours(|b| ours(b, Format::Text))
        .peer("`tracing-subscriber` compact", |b| {
            let layer = fmt::layer().compact().with_ansi(false).with_writer(std::io::sink);
            time(b, Spans::default().with(layer), || ());
        })
        .peer("`tracing-subscriber` full", |b| {
            let layer = fmt::layer().with_ansi(false).with_writer(std::io::sink);
            time(b, Spans::default().with(layer), || ());
        }),
    ]
}

fn ours(b: &mut Bencher, format: Format) {
    let writer = Writer::builder().spawn(std::io::sink()).unwrap();
    let sink = LogSink::builder(writer.clone())
        .format(format)
        .color(Color::Never)
        .spans(SpanLines::NONE);
    let (layer, _handle) = Capture::builder().sink(Arc::new(sink.build())).build();
    time(b, Spans::default().with(layer), || {
        assert!(writer.flush(Duration::from_secs(10)), "the writer is stuck");
    });
    let report = writer.shutdown(Duration::from_secs(10));
    assert_eq!(report.dropped, 0, "lines were dropped");
}

fn time(b: &mut Bencher, subscriber: impl Subscriber + Send + Sync + 'static, settle: impl FnMut()) {
    let line = || {
        tracing::info!(
            user = black_box(42_u64),
            state = black_box("paid"),
            total = black_box(12.5),
            retried = black_box(false),
            "order loaded"
        );
    };
    tracing::subscriber::with_default(subscriber, || {
        tracing::info_span!(
            "request",
            method = "GET",
            route = "/orders/{id}",
            request_id = "0192-f3"
        )
        .in_scope(|| {
            tracing::info_span!("load", table = "orders", rows = 3)
                .in_scope(|| b.bursts(BURST, line, settle));
        });
    });
}
