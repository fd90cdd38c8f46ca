//! Settings of OTLP export, as the exporter takes them.

use std::sync::Arc;

use watchroom_otlp::{Endpoint, OtlpConfig, PROBLEM_TARGET, Problem, Protocol, RetryConfig, SignalConfig};

use crate::config::{Config, MetricsExporter, OtlpSettings};

/// What the exporter is told.
pub(super) fn config(config: &Config) -> OtlpConfig {
    let signal = |wanted: bool, own: &OtlpSettings| wanted.then(|| signal(&config.otlp, own));
    let (spans, logs) = (&config.traces.batch, &config.log.batch);
    let mut retry = RetryConfig::default();
    if let Some(longest) = spans.timeout.max(logs.timeout) {
        retry.max_elapsed = longest;
    }
    OtlpConfig {
        retry,
        traces: signal(config.traces.otlp, &config.otlp_traces),
        logs: signal(config.log.otlp, &config.otlp_logs),
        metrics: signal(
            config.metrics.exporter == MetricsExporter::Otlp,
            &config.otlp_metrics,
        ),
        trace_batch: spans.size,
        trace_queue: spans.queue,
        trace_delay: spans.delay,
        log_batch: logs.size,
        log_queue: logs.queue,
        log_delay: logs.delay,
        metric_interval: config.metrics.interval,
        spool: config.otlp_spool.clone(),
        on_problem: Some(Arc::new(report)),
        ..OtlpConfig::default()
    }
}

/// A signal's own settings, filled up with the common ones.
fn signal(common: &OtlpSettings, own: &OtlpSettings) -> SignalConfig {
    let protocol = own.protocol.or(common.protocol).unwrap_or_default();
    let endpoint = match (&own.endpoint, &common.endpoint) {
        (Some(own), _) => Endpoint::signal(own.as_str()),
        (None, Some(common)) => Endpoint::base(common.as_str()),
        (None, None) => Endpoint::base(Protocol::default_endpoint(protocol)),
    };
    let mut signal = SignalConfig::new(endpoint, protocol);
    // A signal's headers take the place of the common ones, as the specification has it.
    signal.headers = if own.headers.is_empty() {
        common.headers.clone()
    } else {
        own.headers.clone()
    };
    if let Some(timeout) = own.timeout.or(common.timeout) {
        signal.timeout = timeout;
    }
    signal.compression = own.compression.or(common.compression).flatten();
    signal.tls.certificate = own
        .tls
        .certificate
        .clone()
        .or_else(|| common.tls.certificate.clone());
    signal.tls.client_certificate = own
        .tls
        .client_certificate
        .clone()
        .or_else(|| common.tls.client_certificate.clone());
    signal.tls.client_key = own
        .tls
        .client_key
        .clone()
        .or_else(|| common.tls.client_key.clone());
    signal
}

/// Says what goes wrong with export, under a target that export itself leaves out.
fn report(problem: &Problem) {
    tracing::warn!(
        target: PROBLEM_TARGET,
        signal = problem.signal.as_str(),
        kind = ?problem.kind,
        endpoint = problem.endpoint.as_str(),
        units = problem.n_units,
        unreported = problem.n_unreported,
        "{}", problem.message
    );
}
