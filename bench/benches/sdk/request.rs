//! A whole request: an HTTP span, five child spans, three log lines, eight metric updates.
//!
//! Both do the same `tracing` work; only the subscriber and the instruments differ.

use std::cell::Cell;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry_sdk::trace::Sampler as StockSampler;
use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts};
use tracing::{Dispatch, field};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::{EnvFilter, Registry as Spans, fmt};
use watchroom::prelude::*;
use watchroom::{SpanId, TraceId};
use watchroom_bench::{Bencher, Goal, Row};
use watchroom_capture::{Capture, current_context};
use watchroom_log::{Format, LogSink, SpanLines, Writer};

use crate::collector::Exporter;
use crate::labels::{BUCKETS, Method, Outcome, Route};
use crate::stock::Tracing;

const N_SPANS: u64 = 6;

/// Requests in a burst: what they leave behind fits every queue.
const BURST: u64 = 128;

const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) fn rows() -> Vec<Row> {
    vec![
        Row::new(
            "a whole request (HTTP span, 5 child spans, 3 log lines, 8 metric updates)",
            Goal::against(3_000.0, "the usual stack", 12_000.0),
        )
        .ours(|b| ours(b, SpanLines::NONE, false))
        .peer("the usual stack", |b| usual(b, fmt::format::FmtSpan::NONE)),
        Row::new(
            "a whole request, with what the façade adds by default: a line for each closed span, log records by OTLP",
            Goal::NONE,
        )
        .ours(|b| ours(b, SpanLines::CLOSE, true))
        .peer("the usual stack, a line for each closed span", |b| {
            usual(b, fmt::format::FmtSpan::CLOSE)
        }),
    ]
}

/// The eight updates.
trait Instruments {
    fn begin(&self);
    fn query(&self, seconds: f64);
    fn cache(&self, outcome: Outcome);
    fn end(&self, route: &str, seconds: f64, n_bytes: f64);
}

#[derive(Metrics)]
#[metrics(prefix = "shop")]
struct Ours {
    /// Requests in flight.
    in_flight: Gauge<Method>,
    /// Requests.
    requests_total: Counter<(Route, Method, Outcome)>,
    /// Time to answer.
    #[metric(unit = "seconds", buckets = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10])]
    request_duration: Histogram<(Route, Method)>,
    /// Size of answers.
    #[metric(unit = "bytes", buckets = [256, 4096, 65536, 1048576])]
    response: Histogram<Method>,
    /// Queries.
    queries_total: Counter<(Method, Outcome)>,
    /// Time of queries.
    #[metric(unit = "seconds", buckets = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10])]
    query_duration: Histogram<Method>,
    /// Looks into the cache.
    cache_total: Counter<Outcome>,
}

impl Instruments for Ours {
    fn begin(&self) {
        self.in_flight.inc(Method::Get);
    }

    fn query(&self, seconds: f64) {
        self.queries_total.inc((Method::Resolve, Outcome::Ok));
        self.query_duration.observe(Method::Resolve, seconds);
    }

    fn cache(&self, outcome: Outcome) {
        self.cache_total.inc(outcome);
    }

    fn end(&self, route: &str, seconds: f64, n_bytes: f64) {
        self.requests_total.inc((route, Method::Get, Outcome::Ok));
        self.request_duration.observe((route, Method::Get), seconds);
        self.response.observe(Method::Get, n_bytes);
        self.in_flight.dec(Method::Get);
    }
}

struct Usual {
    in_flight: IntGaugeVec,
    requests: IntCounterVec,
    request_duration: HistogramVec,
    response: HistogramVec,
    queries: IntCounterVec,
    query_duration: HistogramVec,
    cache: IntCounterVec,
}

impl Usual {
    fn new() -> Self {
        let opts = |name| Opts::new(name, "Help.");
        let histogram = |name, buckets: &[f64]| HistogramOpts::new(name, "Help.").buckets(buckets.to_vec());
        let bytes = [256.0, 4_096.0, 65_536.0, 1_048_576.0];
        Self {
            in_flight: IntGaugeVec::new(opts("in_flight"), &["method"]).unwrap(),
            requests: IntCounterVec::new(opts("requests_total"), &["route", "method", "outcome"]).unwrap(),
            request_duration: HistogramVec::new(histogram("duration", &BUCKETS), &["route", "method"])
                .unwrap(),
            response: HistogramVec::new(histogram("response_bytes", &bytes), &["method"]).unwrap(),
            queries: IntCounterVec::new(opts("queries_total"), &["method", "outcome"]).unwrap(),
            query_duration: HistogramVec::new(histogram("query", &BUCKETS), &["method"]).unwrap(),
            cache: IntCounterVec::new(opts("cache_total"), &["outcome"]).unwrap(),
        }
    }
}

impl Instruments for Usual {
    fn begin(&self) {
        self.in_flight.with_label_values(&[Method::Get.name()]).inc();
    }

    fn query(&self, seconds: f64) {
        let method = Method::Resolve.name();
        self.queries
            .with_label_values(&[method, Outcome::Ok.name()])
            .inc();
        self.query_duration.with_label_values(&[method]).observe(seconds);
    }

    fn cache(&self, outcome: Outcome) {
        self.cache.with_label_values(&[outcome.name()]).inc();
    }

    fn end(&self, route: &str, seconds: f64, n_bytes: f64) {
        let method = Method::Get.name();
        self.requests
            .with_label_values(&[route, method, Outcome::Ok.name()])
            .inc();
        self.request_duration
            .with_label_values(&[route, method])
            .observe(seconds);
        self.response.with_label_values(&[method]).observe(n_bytes);
        self.in_flight.with_label_values(&[method]).dec();
    }
}

fn serve(instruments: &impl Instruments) {
    let route = black_box("/orders/{id}");
    instruments.begin();
    let request = tracing::info_span!(
        "http_request",
        otel.name = "GET /orders/{id}",
        otel.kind = "server",
        request_id = black_box("0b0c6e5e-6f43-4c0e-8f5f-2d9a4be1b6c1"),
        http.request.method = "GET",
        http.route = route,
        url.path = black_box("/orders/81732"),
        http.response.status_code = field::Empty,
    );
    request.in_scope(|| {
        tracing::info!(
            user = black_box(42_u64),
            tier = black_box("gold"),
            "request accepted"
        );
        tracing::info_span!(
            "authorize",
            user = black_box(42_u64),
            scheme = black_box("session")
        )
        .in_scope(|| ());
        tracing::info_span!(
            "cache.get",
            key = black_box("order:81732"),
            hit = black_box(false)
        )
        .in_scope(|| {
            instruments.cache(black_box(Outcome::Error));
        });
        tracing::info_span!(
            "load_order",
            order = black_box(81_732_u64),
            attempt = black_box(1_u64)
        )
        .in_scope(|| {
            tracing::info_span!("db.query", db.system = "postgresql", rows = black_box(3_u64)).in_scope(
                || {
                    instruments.query(black_box(0.003_1));
                    tracing::info!(
                        rows = black_box(3_u64),
                        elapsed_ms = black_box(3.1),
                        "order loaded"
                    );
                },
            );
        });
        tracing::info_span!("render", format = black_box("json"), bytes = black_box(812_u64)).in_scope(|| ());
        tracing::info!(
            status = black_box(200_u64),
            bytes = black_box(812_u64),
            "request served"
        );
    });
    request.record("http.response.status_code", black_box(200_u64));
    instruments.end(route, black_box(0.004_2), black_box(812.0));
}

/// Times requests under a subscriber; how many there were.
fn time(b: &mut Bencher, dispatch: &Dispatch, instruments: &impl Instruments, settle: impl FnMut()) -> u64 {
    let n = Cell::new(0);
    let op = || {
        n.set(n.get() + 1);
        serve(instruments);
    };
    tracing::dispatcher::with_default(dispatch, || b.bursts(BURST, op, settle));
    n.get()
}

fn ours(b: &mut Bencher, span_lines: SpanLines, logs_by_otlp: bool) {
    let registry = Registry::default();
    registry.set_exemplar_source(sampled_span);
    let instruments = Ours::register(&registry).unwrap();
    let exporter = Exporter::new();
    let writer = Writer::builder().spawn(std::io::sink()).unwrap();
    let sink = LogSink::builder(writer.clone())
        .format(Format::Json)
        .spans(span_lines)
        .build();
    let mut capture = Capture::builder()
        .sink(Arc::new(sink))
        .exporter(exporter.otlp.span_exporter().unwrap());
    if logs_by_otlp {
        capture = capture.sink(exporter.otlp.log_sink(|_| true).unwrap());
    }
    let (layer, _handle) = capture.build();
    let n = time(
        b,
        &Dispatch::new(Spans::default().with(layer)),
        &instruments,
        || {
            exporter.flush();
            assert!(writer.flush(PATIENCE), "the writer is stuck");
        },
    );
    exporter.end(n * N_SPANS);
    assert_eq!(writer.shutdown(PATIENCE).dropped, 0, "lines were dropped");
}

fn usual(b: &mut Bencher, span_lines: fmt::format::FmtSpan) {
    let instruments = Usual::new();
    let tracing = Tracing::new(StockSampler::AlwaysOn);
    let subscriber = Spans::default()
        .with(EnvFilter::new("info"))
        .with(
            fmt::layer()
                .json()
                .with_span_events(span_lines)
                .with_writer(std::io::sink),
        )
        .with(tracing_opentelemetry::layer().with_tracer(tracing.tracer.clone()));
    let n = time(b, &Dispatch::new(subscriber), &instruments, || tracing.flush());
    tracing.end(n * N_SPANS);
}

/// What the façade asks for exemplars.
pub(crate) fn sampled_span() -> Option<(TraceId, SpanId)> {
    current_context()
        .filter(|context| context.is_sampled())
        .map(|context| (context.trace_id, context.span_id))
}
