//! What a line costs whoever logs: four fields inside two spans, redacted, with trace ids, handed to the writer.
//!
//! `cargo bench -p watchroom-log`. The goals stand in `bench/README.md`; the peers run in the workspace's own benchmark.
#![expect(
    clippy::unwrap_used,
    reason = "a benchmark that cannot start has nothing to measure"
)]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use divan::Bencher;
use tracing_subscriber::layer::SubscriberExt as _;
use watchroom_capture::Capture;
use watchroom_core::Clock;
use watchroom_log::{Color, Format, LogSampler, LogSampling, LogSink, SpanLines, Writer};

fn main() {
    divan::main();
}

fn line(bencher: Bencher<'_, '_>, format: Format, rules: &str) {
    // Room enough that no line waits, so that the time is that of making it.
    let writer = Writer::builder()
        .max_bytes(8 << 20)
        .block_for(Duration::from_secs(1))
        .spawn(std::io::sink())
        .unwrap();
    let sink = Arc::new(
        LogSink::builder(writer)
            .format(format)
            .color(Color::Never)
            .spans(SpanLines::NONE)
            .build(),
    );
    let sampling = LogSampling::parse(rules).unwrap();
    let sampler = LogSampler::new(sampling, Arc::default(), Clock::system());
    let (layer, _handle) = Capture::builder()
        .sink(Arc::clone(&sink) as _)
        .event_sampler(Arc::new(sampler))
        .build();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        tracing::info_span!(
            "request",
            method = "GET",
            route = "/orders/{id}",
            request_id = "0192-f3"
        )
        .in_scope(|| {
            tracing::info_span!("load", table = "orders", rows = 3).in_scope(|| {
                bencher.bench_local(|| {
                    tracing::info!(
                        user = black_box(42_u64),
                        state = black_box("paid"),
                        total = black_box(12.5),
                        retried = black_box(false),
                        "order loaded"
                    );
                });
            });
        });
    });
}

#[divan::bench(sample_size = 200)]
fn json(bencher: Bencher<'_, '_>) {
    line(bencher, Format::Json, "");
}

#[divan::bench(sample_size = 200)]
fn text(bencher: Bencher<'_, '_>) {
    line(bencher, Format::Text, "");
}

/// As `json`, with a rule that keeps next to nothing: what a line costs that sampling leaves out.
#[divan::bench(sample_size = 200)]
fn suppressed_by_rate(bencher: Bencher<'_, '_>) {
    line(bencher, Format::Json, "*=1/h");
}

/// The same by chance.
#[divan::bench(sample_size = 200)]
fn suppressed_by_ratio(bencher: Bencher<'_, '_>) {
    line(bencher, Format::Json, "*=0.01%");
}
