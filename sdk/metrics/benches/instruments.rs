//! Cost of recording and of showing. Peers stand beside these figures in `bench/`.

use std::sync::LazyLock;

use divan::{Bencher, black_box};
use watchroom_metrics as metrics;
use watchroom_metrics::{Counter, Gauge, Histogram, Label, Metrics, Registry, UpDownCounter, expose};

#[derive(Label, Clone, Copy)]
#[label(crate = metrics)]
enum Method {
    Get,
    Put,
    Resolve,
    Status,
}

#[derive(Label, Clone, Copy)]
#[label(crate = metrics)]
enum Outcome {
    Ok,
    Error,
}

#[derive(Label)]
#[label(crate = metrics, limit = 200)]
struct Route;

#[derive(Metrics)]
#[metrics(crate = metrics, prefix = "bench")]
struct BenchMetrics {
    /// Counter with two closed labels.
    closed_total: Counter<(Method, Outcome)>,
    /// Counter with an open label.
    open_total: Counter<Route>,
    /// Up-down counter.
    up_down: UpDownCounter<Method>,
    /// Gauge.
    gauge: Gauge<Method>,
    /// Histogram with nine buckets.
    #[metric(unit = "seconds", buckets = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10])]
    duration: Histogram<Method>,
}

static METRICS: LazyLock<BenchMetrics> = LazyLock::new(|| {
    let registry = Registry::default();
    BenchMetrics::register(&registry).expect("the names are good")
});

const METHODS: [Method; 4] = [Method::Get, Method::Put, Method::Resolve, Method::Status];
const OUTCOMES: [Outcome; 2] = [Outcome::Ok, Outcome::Error];

fn main() {
    divan::main();
}

#[divan::bench(threads = [1, 2])]
fn counter_closed(bencher: Bencher<'_, '_>) {
    let metrics = &*METRICS;
    bencher.bench(|| metrics.closed_total.inc(black_box((Method::Get, Outcome::Ok))));
}

#[divan::bench(threads = [1, 2])]
fn counter_closed_changing(bencher: Bencher<'_, '_>) {
    let metrics = &*METRICS;
    bencher.counter(256_usize).bench(|| {
        for i in 0..256 {
            metrics.closed_total.inc((METHODS[i % 4], OUTCOMES[(i / 4) % 2]));
        }
    });
}

#[divan::bench(threads = [1, 2])]
fn counter_open(bencher: Bencher<'_, '_>) {
    let metrics = &*METRICS;
    bencher.bench(|| metrics.open_total.inc(black_box("/users/{id}/orders")));
}

#[divan::bench(threads = [1, 2])]
fn up_down_closed(bencher: Bencher<'_, '_>) {
    let metrics = &*METRICS;
    bencher.bench(|| metrics.up_down.inc(black_box(Method::Put)));
}

#[divan::bench(threads = [1, 2])]
fn gauge_set(bencher: Bencher<'_, '_>) {
    let metrics = &*METRICS;
    bencher.bench(|| metrics.gauge.set(black_box(Method::Put), 5));
}

#[divan::bench(threads = [1, 2])]
fn histogram_closed(bencher: Bencher<'_, '_>) {
    let metrics = &*METRICS;
    bencher.bench(|| metrics.duration.observe(black_box(Method::Get), black_box(0.03)));
}

#[divan::bench]
fn counter_noop(bencher: Bencher<'_, '_>) {
    let counter = Counter::<Method>::default();
    bencher.bench(|| counter.inc(black_box(Method::Get)));
}

/// A thousand series of a counter: collected, and written as text.
#[divan::bench]
fn text_of_1000_series(bencher: Bencher<'_, '_>) {
    let registry = thousand();
    let mut out = String::new();
    bencher.bench_local(|| {
        out.clear();
        expose::text(&registry.collect(), &mut out);
        out.len()
    });
}

#[divan::bench]
fn collect_1000_series(bencher: Bencher<'_, '_>) {
    let registry = thousand();
    bencher.bench_local(|| registry.collect());
}

fn thousand() -> Registry {
    #[derive(Label)]
    #[label(crate = metrics, limit = 1_000)]
    struct Path;
    #[derive(Metrics)]
    #[metrics(crate = metrics, prefix = "http")]
    struct Many {
        /// Requests by path and method.
        requests_total: Counter<(Path, Method)>,
    }
    let registry = Registry::default();
    let many = Many::register(&registry).expect("the names are good");
    for i in 0..250 {
        for method in METHODS {
            many.requests_total
                .inc_by((&format!("/path/{i}"), method), 12_345 + i);
        }
    }
    registry
}
