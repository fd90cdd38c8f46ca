//! The hello-world of `watchroom`: logs, a span, a counter, OTLP, and an endpoint for metrics and health.

use watchroom::prelude::*;

/// What it greets.
#[derive(Metrics)]
#[metrics(prefix = "hello")]
struct Greetings {
    /// Greetings.
    greetings_total: Counter,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let telemetry = watchroom::init(Config::for_service("hello").from_env()?)?;
    let greetings = Greetings::register(telemetry.metrics())?;
    tracing::info_span!("greet", who = "world").in_scope(|| {
        greetings.greetings_total.inc();
        tracing::info!("hello");
    });
    Ok(())
}
