//! Histograms with nine buckets and one closed label; alone and with two threads.

use std::hint::black_box;

use measured::HistogramVec;
use measured::metric::histogram::Thresholds;
use opentelemetry::KeyValue;
use opentelemetry::metrics::MeterProvider as _;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram as ClientHistogram;
use watchroom::prelude::*;
use watchroom_bench::{Bencher, Goal, Row};

use crate::labels::{BUCKETS, ByMethod, ByMethodSet, METHODS, Method, MethodLabels, seconds};
use crate::stock;

#[derive(Metrics)]
#[metrics(prefix = "bench")]
struct Ours {
    /// Histogram with a closed label.
    #[metric(unit = "seconds", buckets = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10])]
    duration: Histogram<Method>,
}

pub(crate) fn rows() -> Vec<Row> {
    vec![
        row(
            "histogram, 9 buckets, 1 closed label",
            Goal::against(4.0, "`prometheus-client`, handle held", 12.7),
            1,
            |_| Method::Get,
        ),
        row(
            "histogram, the same, 2 threads on one series, per op",
            Goal::against(4.5, "`prometheus`, handle held", 95.0),
            2,
            |_| Method::Get,
        ),
        row(
            "histogram, the same, 2 threads on different series, per op",
            Goal::NONE,
            2,
            |thread| METHODS[thread],
        ),
    ]
}

/// On one thread or two; each thread has the method that `method` says.
fn row<M>(work: &'static str, goal: Goal, n_threads: usize, method: M) -> Row
where
    M: Fn(usize) -> Method + Copy + Send + Sync + 'static,
{
    Row::new(work, goal)
        .ours(move |b| {
            let ours = Ours::register(&Registry::default()).unwrap();
            time(b, n_threads, method, |method, value| {
                ours.duration.observe(method, value)
            });
        })
        .peer("`prometheus-client`, handle held", move |b| {
            let family = Family::<MethodLabels, ClientHistogram, _>::new_with_constructor(|| {
                ClientHistogram::new(BUCKETS)
            });
            let handles: Vec<_> = METHODS
                .iter()
                .map(|method| family.get_or_create_owned(&MethodLabels { method: *method }))
                .collect();
            time(b, n_threads, method, |method, value| {
                handles[method as usize].observe(value);
            });
        })
        .peer("`prometheus-client`", move |b| {
            let family = Family::<MethodLabels, ClientHistogram, _>::new_with_constructor(|| {
                ClientHistogram::new(BUCKETS)
            });
            time(b, n_threads, method, |method, value| {
                family.get_or_create(&MethodLabels { method }).observe(value);
            });
        })
        .peer("`prometheus`, handle held", move |b| {
            let histogram = prometheus_histogram();
            let handles: Vec<_> = METHODS
                .iter()
                .map(|method| histogram.with_label_values(&[method.name()]))
                .collect();
            time(b, n_threads, method, |method, value| {
                handles[method as usize].observe(value);
            });
        })
        .peer("`prometheus`", move |b| {
            let histogram = prometheus_histogram();
            time(b, n_threads, method, |method, value| {
                histogram.with_label_values(&[method.name()]).observe(value);
            });
        })
        .peer("`measured` (dense)", move |b| {
            let histogram =
                HistogramVec::<ByMethodSet, 9>::dense_with_metadata(Thresholds::with_buckets(BUCKETS));
            time(b, n_threads, method, |method, value| {
                histogram.observe(ByMethod { method }, value)
            });
        })
        .peer("`metrics`", move |b| {
            let handle = stock::recorder();
            time(b, n_threads, method, |method, value| {
                metrics::histogram!("duration", "method" => method.name()).record(value);
            });
            // What was recorded is kept until it is put into the buckets.
            handle.run_upkeep();
        })
        .peer("`opentelemetry`", move |b| {
            let provider = stock::meter_provider();
            let histogram = provider
                .meter("bench")
                .f64_histogram("duration")
                .with_boundaries(BUCKETS.to_vec())
                .build();
            time(b, n_threads, method, |method, value| {
                histogram.record(value, &[KeyValue::new("method", method.name())]);
            });
            provider.shutdown().unwrap();
        })
}

fn prometheus_histogram() -> prometheus::HistogramVec {
    let opts = prometheus::HistogramOpts::new("duration", "Duration.").buckets(BUCKETS.to_vec());
    prometheus::HistogramVec::new(opts, &["method"]).unwrap()
}

/// On this thread or on several, with a value that changes.
fn time(
    b: &mut Bencher,
    n_threads: usize,
    method: impl Fn(usize) -> Method + Copy + Sync,
    op: impl Fn(Method, f64) + Copy + Sync,
) {
    if n_threads == 1 {
        b.each(move |i| op(black_box(method(0)), seconds(i)));
    } else {
        b.threads(n_threads, move |thread, i| {
            op(black_box(method(thread)), seconds(i))
        });
    }
}
