//! A span or an event of known series allocates nothing in the sink.
use std::sync::Arc;

use tracing_subscriber::layer::SubscriberExt as _;
use watchroom_capture::{Capture, Sampler};
use watchroom_metrics::Registry;
use watchroom_metrics::allocator::CountingAllocator;
use watchroom_spanmetrics::SpanMetrics;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator::system();

/// Work in this process' one test, so that what is counted is its own.
fn work() {
    let span = tracing::info_span!("charge", component = "billing", status = "rejected", n = 7);
    span.in_scope(|| {
        tracing::info_span!("inner", status = 503).in_scope(|| {
            tracing::info!(
                monotonic_counter.calls = 1,
                histogram.size = 2.5,
                gauge.heat = 7,
                queue = "mail",
                ok = true
            );
        });
    });
}

#[test]
fn known_series_cost_no_allocation() {
    let registry = Registry::default();
    let metrics = SpanMetrics::builder().build(&registry).unwrap();
    let (layer, _handle) = Capture::builder()
        .sampler(Sampler::AlwaysOff)
        .sink(Arc::clone(&metrics) as _)
        .build();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        (0..100).for_each(|_| work());
        let before = ALLOCATOR.allocated().n_allocated;
        (0..1_000).for_each(|_| work());
        let n_allocated = ALLOCATOR.allocated().n_allocated - before;
        // The harness' own thread may print meanwhile; a thousand rounds of anything of ours would be a thousand.
        assert!(n_allocated < 100, "{n_allocated}");
    });
    let snapshot = registry.collect();
    let calls = snapshot.get("calls_total").unwrap();
    assert_eq!(calls.iter().next().unwrap().value().as_f64(), 1_100.0);
    assert!(metrics.take_warnings().is_empty());
}
