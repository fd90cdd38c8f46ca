//! What the peers need to run: exporters that discard, a recorder, providers.
//!
//! Invariant: peers are set up as their documentation has it; where a default is left, the name of the case says so.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider, Temporality};
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider, SpanData, SpanExporter};

/// Spans that a [`NullSpans`] was given, by all of them.
static N_SPANS: AtomicU64 = AtomicU64::new(0);

/// Discards spans.
#[derive(Debug)]
struct NullSpans;

impl SpanExporter for NullSpans {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        N_SPANS.fetch_add(batch.len() as u64, Relaxed);
        Ok(())
    }
}

/// A tracer behind a batch processor with its defaults.
pub(crate) struct Tracing {
    provider: SdkTracerProvider,
    pub(crate) tracer: SdkTracer,
    n_before: u64,
}

impl Tracing {
    pub(crate) fn new(sampler: Sampler) -> Self {
        let provider = SdkTracerProvider::builder()
            .with_sampler(sampler)
            .with_batch_exporter(NullSpans)
            .build();
        Self {
            tracer: provider.tracer("bench"),
            provider,
            n_before: N_SPANS.load(Relaxed),
        }
    }

    pub(crate) fn flush(&self) {
        self.provider.force_flush().unwrap();
    }

    /// Ends it; the batch processor must have kept every span.
    pub(crate) fn end(self, n_spans: u64) {
        self.provider.shutdown().unwrap();
        assert_eq!(
            N_SPANS.load(Relaxed) - self.n_before,
            n_spans,
            "spans were dropped"
        );
    }
}

/// Discards metrics.
struct NullMetrics;

impl PushMetricExporter for NullMetrics {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        std::hint::black_box(metrics);
        Ok(())
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }

    fn temporality(&self) -> Temporality {
        Temporality::Cumulative
    }
}

pub(crate) fn meter_provider() -> SdkMeterProvider {
    let reader = PeriodicReader::builder(NullMetrics).build();
    SdkMeterProvider::builder().with_reader(reader).build()
}

/// The recorder that the macros of `metrics` speak to; there can be one in a process.
pub(crate) fn recorder() -> &'static PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    HANDLE.get_or_init(|| {
        let recorder = PrometheusBuilder::new()
            .set_buckets(&crate::labels::BUCKETS)
            .unwrap()
            .build_recorder();
        let handle = recorder.handle();
        metrics::set_global_recorder(recorder).unwrap();
        handle
    })
}

/// Discards `fastrace`'s spans.
pub(crate) struct NullReporter;

impl fastrace::collector::Reporter for NullReporter {
    fn report(&mut self, spans: Vec<fastrace::collector::SpanRecord>) {
        N_SPANS.fetch_add(spans.len() as u64, Relaxed);
    }
}

/// Spans that have been discarded so far.
pub(crate) fn n_spans() -> u64 {
    N_SPANS.load(Relaxed)
}
