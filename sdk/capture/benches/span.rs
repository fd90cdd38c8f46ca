//! What a span costs: the registry alone, and with capture; three fields, created, entered, left, closed.
//!
//! `cargo bench -p watchroom-capture`. The goals stand in `bench/README.md`; the peers run in the workspace's own benchmark.

use std::hint::black_box;
use std::sync::Arc;

use divan::Bencher;
use tracing::Dispatch;
use tracing_core::Metadata;
use tracing_subscriber::layer::SubscriberExt as _;
use watchroom_capture::{
    Capture, EventRecord, Filter, KeepRules, Sampler, Scope, Sink, SpanExporter, SpanRecord, pool,
};

#[global_allocator]
static ALLOCATOR: divan::AllocProfiler = divan::AllocProfiler::system();

fn main() {
    divan::main();
}

/// Takes spans as a queue would, and gives them back as a worker would.
struct Exporter;

impl SpanExporter for Exporter {
    fn export(&self, span: Box<SpanRecord>) {
        pool::recycle(black_box(span));
    }
}

/// Wants spans for its lines, writes none.
struct Lines;

impl Sink for Lines {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn on_event(&self, event: &EventRecord<'_>, scope: Scope<'_>) {
        black_box((event, scope));
    }

    fn wants_close(&self) -> bool {
        false
    }
}

fn capture(sampler: Sampler) -> Dispatch {
    let (layer, _handle) = Capture::builder()
        .sampler(sampler)
        .sink(Arc::new(Lines))
        .exporter(Arc::new(Exporter))
        .export_filter(Filter::level(tracing_core::LevelFilter::TRACE))
        .build();
    Dispatch::new(tracing_subscriber::registry().with(layer))
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

fn root(bencher: Bencher<'_, '_>, dispatch: &Dispatch) {
    tracing::dispatcher::with_default(dispatch, || bencher.bench_local(span));
}

fn nested(bencher: Bencher<'_, '_>, dispatch: &Dispatch) {
    tracing::dispatcher::with_default(dispatch, || {
        tracing::info_span!("outer").in_scope(|| bencher.bench_local(span));
    });
}

#[divan::bench]
fn registry_root(bencher: Bencher<'_, '_>) {
    root(bencher, &Dispatch::new(tracing_subscriber::registry()));
}

#[divan::bench]
fn registry_nested(bencher: Bencher<'_, '_>) {
    nested(bencher, &Dispatch::new(tracing_subscriber::registry()));
}

#[divan::bench]
fn capture_root(bencher: Bencher<'_, '_>) {
    root(bencher, &capture(Sampler::AlwaysOn));
}

#[divan::bench]
fn capture_nested(bencher: Bencher<'_, '_>) {
    nested(bencher, &capture(Sampler::AlwaysOn));
}

#[divan::bench]
fn capture_root_sampled_out(bencher: Bencher<'_, '_>) {
    root(bencher, &capture(Sampler::AlwaysOff));
}

#[divan::bench]
fn capture_nested_sampled_out(bencher: Bencher<'_, '_>) {
    nested(bencher, &capture(Sampler::AlwaysOff));
}

/// A root that its rate limiter leaves out.
#[divan::bench]
fn capture_root_rate_limited(bencher: Bencher<'_, '_>) {
    root(bencher, &capture(Sampler::rate_limited(1e-6)));
}

/// A root that is held, judged and let go: what keeping errors and slow traces costs a trace that is not kept.
#[divan::bench]
fn capture_root_judged(bencher: Bencher<'_, '_>) {
    let sampler = Sampler::keep_error_or_slow(Sampler::AlwaysOff, KeepRules::default());
    root(bencher, &capture(sampler));
}

#[divan::bench]
fn capture_event(bencher: Bencher<'_, '_>) {
    let dispatch = capture(Sampler::AlwaysOff);
    tracing::dispatcher::with_default(&dispatch, || {
        tracing::info_span!("outer", a = 1).in_scope(|| {
            tracing::info_span!("inner", b = 2).in_scope(|| {
                bencher.bench_local(|| tracing::info!(a = black_box(1), b = black_box("text"), "message"));
            });
        });
    });
}
