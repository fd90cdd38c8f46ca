//! What the sink adds to a span and to an event: the same work with it and without it.

use std::sync::Arc;

use divan::Bencher;
use tracing_core::Dispatch;
use tracing_subscriber::layer::SubscriberExt as _;
use watchroom_capture::{Capture, Sampler};
use watchroom_metrics::{Declaration, DynamicCounter, Instrument as _, Registry, Reservoir, SampledCounter};
use watchroom_spanmetrics::SpanMetrics;

fn main() {
    divan::main();
}

fn dispatch(with_sink: bool) -> Dispatch {
    let registry = Registry::default();
    let mut capture = Capture::builder().sampler(Sampler::AlwaysOff).keep_context();
    if with_sink {
        #[expect(clippy::unwrap_used, reason = "names that an empty registry has not")]
        let sink = SpanMetrics::builder().build(&registry).unwrap();
        capture = capture.sink(Arc::clone(&sink) as _);
    }
    let (layer, _handle) = capture.build();
    Dispatch::new(tracing_subscriber::registry().with(layer))
}

#[divan::bench(args = [false, true], sample_size = 1_000)]
fn span_of_three_fields(bencher: Bencher<'_, '_>, with_sink: bool) {
    tracing::dispatcher::with_default(&dispatch(with_sink), || {
        bencher.bench_local(|| {
            tracing::info_span!("charge", component = "billing", status = "ok", n = 7)
                .in_scope(|| divan::black_box(1))
        });
    });
}

#[divan::bench(args = [false, true], sample_size = 1_000)]
fn span_inside_of_another(bencher: Bencher<'_, '_>, with_sink: bool) {
    tracing::dispatcher::with_default(&dispatch(with_sink), || {
        let _outer = tracing::info_span!("request").entered();
        bencher.bench_local(|| {
            tracing::info_span!("charge", component = "billing", status = "ok", n = 7)
                .in_scope(|| divan::black_box(1))
        });
    });
}

#[divan::bench(args = [false, true], sample_size = 1_000)]
fn event_with_a_counter_and_two_labels(bencher: Bencher<'_, '_>, with_sink: bool) {
    tracing::dispatcher::with_default(&dispatch(with_sink), || {
        bencher.bench_local(|| tracing::info!(monotonic_counter.calls = 1, queue = "mail", shard = 7));
    });
}

#[divan::bench(sample_size = 1_000)]
fn dynamic_counter_of_two_labels(bencher: Bencher<'_, '_>) {
    let registry = Registry::default();
    let counter: DynamicCounter =
        DynamicCounter::register(&registry, Declaration::new("jobs_total", "Jobs.")).unwrap_or_default();
    bencher.bench_local(|| counter.inc(divan::black_box([("queue", "mail"), ("tenant", "acme")])));
}

#[divan::bench(sample_size = 1_000)]
fn reservoir(bencher: Bencher<'_, '_>) {
    let registry = Registry::default();
    let reservoir: Reservoir =
        Reservoir::register(&registry, Declaration::new("look_up", "Look-ups.")).unwrap_or_default();
    bencher.bench_local(|| reservoir.observe(divan::black_box(0.5)));
}

#[divan::bench(sample_size = 1_000)]
fn sampled_counter_one_in_64(bencher: Bencher<'_, '_>) {
    let registry = Registry::default();
    let declaration = Declaration::new("hits_total", "Hits.").recording_one_in(64);
    let counter: SampledCounter = SampledCounter::register(&registry, declaration).unwrap_or_default();
    bencher.bench_local(|| counter.inc());
}
