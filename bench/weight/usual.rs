//! The same hello-world with the usual stack; it has no endpoint for metrics and health, and does not redact.

use opentelemetry::trace::TracerProvider as _;
use prometheus::{IntCounter, Registry};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let exporter = opentelemetry_otlp::SpanExporter::builder().with_tonic().build()?;
    let resource = opentelemetry_sdk::Resource::builder()
        .with_service_name("hello")
        .build();
    let provider = opentelemetry_sdk::trace::SdkTracerProvider::builder()
        .with_resource(resource)
        .with_batch_exporter(exporter)
        .build();
    tracing_subscriber::registry()
        .with(tracing_subscriber::EnvFilter::from_default_env())
        .with(tracing_subscriber::fmt::layer().json())
        .with(tracing_opentelemetry::layer().with_tracer(provider.tracer("hello")))
        .init();
    let registry = Registry::new();
    let greetings = IntCounter::new("hello_greetings_total", "Greetings.")?;
    registry.register(Box::new(greetings.clone()))?;
    tracing::info_span!("greet", who = "world").in_scope(|| {
        greetings.inc();
        tracing::info!("hello");
    });
    provider.shutdown()?;
    Ok(())
}
