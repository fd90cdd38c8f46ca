//! Evaluation of dashboard panels over series held in memory.
//!
//! Times include handing the samples over from the source, which copies them.

use std::sync::Arc;

use divan::{Bencher, black_box};
use watchroom_model::{HistogramSample, Labels, METRIC_NAME, NativeHistogram, Sample, SeriesData};
use watchroom_query::promql::{self, EvalOptions};

fn main() {
    divan::main();
}

const STEP_MS: i64 = 15_000;

/// One hour at 15 s: 240 samples a series.
fn counters(n: usize) -> Vec<SeriesData> {
    let samples = |seed: usize| {
        (0..240i64)
            .map(|i| Sample {
                t_ms: i * STEP_MS,
                value: (i as f64) * (seed % 7 + 1) as f64,
            })
            .collect()
    };
    (0..n)
        .map(|i| SeriesData {
            labels: Labels::from_pairs([
                (METRIC_NAME, "http_requests_total".to_owned()),
                ("instance", format!("host-{i}")),
                ("job", "api".to_owned()),
                ("x", (i % 20).to_string()),
            ]),
            samples: samples(i),
            histograms: Vec::new(),
        })
        .collect()
}

/// `n` histograms of 10 buckets.
fn histograms(n: usize) -> Vec<SeriesData> {
    (0..n * 10)
        .map(|i| SeriesData {
            labels: Labels::from_pairs([
                (METRIC_NAME, "http_request_duration_seconds_bucket".to_owned()),
                ("instance", format!("host-{}", i / 10)),
                (
                    "le",
                    if i % 10 == 9 {
                        "+Inf".to_owned()
                    } else {
                        (i % 10 + 1).to_string()
                    },
                ),
            ]),
            samples: (0..240i64)
                .map(|t| Sample {
                    t_ms: t * STEP_MS,
                    value: (t as f64) * (i % 10 + 1) as f64,
                })
                .collect(),
            histograms: Vec::new(),
        })
        .collect()
}

/// `n` native histograms of 20 buckets.
fn native(n: usize) -> Vec<SeriesData> {
    let at = |t: i64| HistogramSample {
        t_ms: t * STEP_MS,
        histogram: Arc::new(NativeHistogram {
            schema: 3,
            count: (t * 20) as f64,
            sum: (t * 50) as f64,
            positive: (0..20).map(|i| (i, t as f64)).collect(),
            ..NativeHistogram::default()
        }),
    };
    (0..n)
        .map(|i| SeriesData {
            labels: Labels::from_pairs([
                (METRIC_NAME, "http_request_duration_seconds".to_owned()),
                ("instance", format!("host-{i}")),
            ]),
            samples: Vec::new(),
            histograms: (0..240).map(at).collect(),
        })
        .collect()
}

#[expect(clippy::ptr_arg, reason = "a slice cannot be a trait object")]
fn panel(bencher: Bencher<'_, '_>, series: &Vec<SeriesData>, text: &str) {
    let query = promql::parse(text).expect("the query is fixed");
    let options = EvalOptions::default();
    bencher.bench_local(|| {
        let output = promql::range(&query, series, 0, 59 * 60_000, 60_000, &options);
        black_box(output.expect("the data fits"))
    });
}

#[divan::bench(args = [100, 10_000])]
fn sum_by_rate(bencher: Bencher<'_, '_>, n: usize) {
    panel(
        bencher,
        &counters(n),
        "sum by (x) (rate(http_requests_total[5m]))",
    );
}

#[divan::bench(args = [100, 10_000])]
fn error_ratio(bencher: Bencher<'_, '_>, n: usize) {
    let text = "sum(rate(http_requests_total{x=~\"1.*\"}[5m])) / sum(rate(http_requests_total[5m]))";
    panel(bencher, &counters(n), text);
}

#[divan::bench(args = [100, 10_000])]
fn topk_rate(bencher: Bencher<'_, '_>, n: usize) {
    panel(bencher, &counters(n), "topk(10, rate(http_requests_total[5m]))");
}

#[divan::bench(args = [100, 1_000])]
fn quantile_by_le(bencher: Bencher<'_, '_>, n: usize) {
    let text = "histogram_quantile(0.99, sum by (le) (rate(http_request_duration_seconds_bucket[5m])))";
    panel(bencher, &histograms(n), text);
}

#[divan::bench(args = [100, 1_000])]
fn quantile_of_each(bencher: Bencher<'_, '_>, n: usize) {
    panel(
        bencher,
        &histograms(n),
        "histogram_quantile(0.99, rate(http_request_duration_seconds_bucket[5m]))",
    );
}

#[divan::bench(args = [100, 1_000])]
fn quantile_of_native(bencher: Bencher<'_, '_>, n: usize) {
    let text = "histogram_quantile(0.99, sum(rate(http_request_duration_seconds[5m])))";
    panel(bencher, &native(n), text);
}

#[divan::bench]
fn parse_panel() -> usize {
    let query = promql::parse(black_box(
        "histogram_quantile(0.99, sum by (le) (rate(x_bucket{a=\"b\"}[5m])))",
    ));
    query.expect("the query is fixed").text().len()
}
