//! The stack that services usually have: `tracing-opentelemetry`, `tracing-subscriber` JSON, `opentelemetry-otlp`, `prometheus`.
//!
//! It is set up as its documentation has it, with its defaults; a middleware does what most services write themselves.

use std::sync::Arc;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::WithExportConfig as _;
use opentelemetry_sdk::trace::SdkTracerProvider;
use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts};
use tracing::{Instrument as _, field};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use watchroom_bench::Stopwatch;

use crate::work::Instruments;

const BUCKETS: [f64; 9] = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0];

pub(crate) struct Stack {
    provider: SdkTracerProvider,
    requests: Arc<Requests>,
}

/// Metrics of requests.
struct Requests {
    in_flight: IntGaugeVec,
    total: IntCounterVec,
    duration: HistogramVec,
    response_bytes: HistogramVec,
}

/// The handler's.
pub(crate) struct Handler {
    cache: IntCounterVec,
    queries: IntCounterVec,
    query_duration: HistogramVec,
}

fn histogram(name: &str, labels: &[&str], buckets: &[f64]) -> HistogramVec {
    HistogramVec::new(
        HistogramOpts::new(name, "Help.").buckets(buckets.to_vec()),
        labels,
    )
    .unwrap()
}

fn counter(name: &str, labels: &[&str]) -> IntCounterVec {
    IntCounterVec::new(Opts::new(name, "Help."), labels).unwrap()
}

impl Stack {
    pub(crate) fn new(collector: &str) -> Self {
        let exporter = opentelemetry_otlp::SpanExporter::builder()
            .with_http()
            .with_endpoint(format!("{collector}/v1/traces"))
            .build()
            .unwrap();
        let provider = SdkTracerProvider::builder().with_batch_exporter(exporter).build();
        tracing_subscriber::registry()
            .with(tracing_subscriber::EnvFilter::new("info"))
            .with(tracing_subscriber::fmt::layer().json())
            .with(tracing_opentelemetry::layer().with_tracer(provider.tracer("bench")))
            .init();
        let labels = ["method", "route"];
        let requests = Requests {
            in_flight: IntGaugeVec::new(Opts::new("in_flight", "Help."), &["method"]).unwrap(),
            total: counter("requests_total", &["method", "route", "status"]),
            duration: histogram("request_seconds", &labels, &BUCKETS),
            response_bytes: histogram("response_bytes", &labels, &[256.0, 4_096.0, 65_536.0]),
        };
        Self {
            provider,
            requests: Arc::new(requests),
        }
    }

    pub(crate) fn instruments(&self) -> Handler {
        Handler {
            cache: counter("cache_total", &["hit"]),
            queries: counter("queries_total", &["hit"]),
            query_duration: histogram("query_seconds", &["hit"], &BUCKETS),
        }
    }

    pub(crate) fn layered(&self, router: Router) -> Router {
        router.layer(from_fn_with_state(Arc::clone(&self.requests), observe))
    }

    /// It does not tell what it has dropped.
    pub(crate) fn end(self) -> (u64, u64) {
        let _ = self.provider.shutdown();
        (0, 0)
    }
}

async fn observe(State(requests): State<Arc<Requests>>, request: Request, next: Next) -> Response {
    let method = request.method().as_str().to_owned();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "unmatched".to_owned(), |path| path.as_str().to_owned());
    let span = tracing::info_span!(
        "http_request",
        otel.name = format!("{method} {route}"),
        otel.kind = "server",
        http.request.method = method,
        http.route = route,
        url.path = request.uri().path(),
        http.response.status_code = field::Empty,
    );
    requests.in_flight.with_label_values(&[&method]).inc();
    let watch = Stopwatch::start();
    let response = next.run(request).instrument(span.clone()).await;
    span.record("http.response.status_code", response.status().as_u16());
    let seconds = watch.elapsed().as_secs_f64();
    let n_bytes = axum::body::HttpBody::size_hint(response.body()).lower();
    requests.in_flight.with_label_values(&[&method]).dec();
    let status = response.status();
    requests
        .total
        .with_label_values(&[&method, &route, status.as_str()])
        .inc();
    let labels = [&method, &route];
    requests.duration.with_label_values(&labels).observe(seconds);
    requests
        .response_bytes
        .with_label_values(&labels)
        .observe(n_bytes as f64);
    response
}

impl Instruments for Handler {
    fn cache(&self) {
        self.cache.with_label_values(&["no"]).inc();
    }

    fn query(&self, seconds: f64) {
        self.queries.with_label_values(&["yes"]).inc();
        self.query_duration.with_label_values(&["yes"]).observe(seconds);
    }
}
