//! Joins the parts: a subscriber of three layers, an exporter, a propagator, and their end.

use opentelemetry::propagation::{Extractor, Injector};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// What has to be ended.
pub(crate) struct Telemetry(SdkTracerProvider);

pub(crate) fn start() -> Result<Telemetry, Box<dyn std::error::Error>> {
    opentelemetry::global::set_text_map_propagator(TraceContextPropagator::new());
    let exporter = SpanExporter::builder().with_tonic().build()?;
    let resource = Resource::builder().with_service_name("shortener").build();
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_resource(resource)
        .build();
    let tracer = provider.tracer("shortener");
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::registry()
        .with(filter)
        .with(
            tracing_subscriber::fmt::layer()
                .json()
                .with_writer(std::io::stderr),
        )
        .with(tracing_opentelemetry::layer().with_tracer(tracer))
        .try_init()?;
    Ok(Telemetry(provider))
}

impl Telemetry {
    pub(crate) fn stop(self) {
        if let Err(error) = self.0.shutdown() {
            tracing::warn!(%error, "spans may be lost");
        }
    }
}

/// Headers of a request that came in.
pub(crate) struct Incoming<'a>(pub(crate) &'a axum::http::HeaderMap);

impl Extractor for Incoming<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(|value| value.to_str().ok())
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(axum::http::HeaderName::as_str).collect()
    }
}

/// Headers of a request that goes out.
pub(crate) struct Outgoing<'a>(pub(crate) &'a mut axum::http::HeaderMap);

impl Injector for Outgoing<'_> {
    fn set(&mut self, key: &str, value: String) {
        let name = axum::http::HeaderName::from_bytes(key.as_bytes());
        if let (Ok(name), Ok(value)) = (name, value.parse()) {
            self.0.insert(name, value);
        }
    }
}

/// The part of an e-mail address that may be logged. Has to be thought of wherever an address is logged.
pub(crate) fn masked(email: &str) -> String {
    let domain = email.split_once('@').map_or("", |(_, domain)| domain);
    format!("***@{domain}")
}
