//! The registry with its limits, what it collects of the process, and metrics made of spans and events.

use std::sync::Arc;

use tracing_subscriber::filter::LevelFilter;
use watchroom_capture::context::current_exported;
use watchroom_capture::{Filter, ReloadableFilter};
use watchroom_core::Clock;
use watchroom_metrics::process::ProcessCollector;
use watchroom_metrics::runtime::RuntimeCollector;
use watchroom_metrics::{Limits, Registry};
use watchroom_redact::Redactor;
use watchroom_spanmetrics::SpanMetrics;

use super::InitError;
use crate::config::Config;

pub(super) fn registry(config: &Config, redactor: &Redactor) -> Registry {
    let limits = Limits {
        per_metric: config.metrics.max_series_per_metric,
        total: config.metrics.max_series,
    };
    let registry = Registry::new(limits);
    let redactor = redactor.clone();
    registry.set_label_redactor(move |label, value| redactor.field(label, value));
    registry.set_exemplar_source(current_exported);
    registry.set_idle_after(config.metrics.expire_after);
    registry
}

/// The process, and the runtime if there is one where telemetry is started.
pub(super) fn collect_surroundings(registry: &Registry) {
    registry.register_collector(ProcessCollector::new());
    if let Ok(runtime) = RuntimeCollector::current("main") {
        registry.register_collector(runtime);
    }
}

/// The sink that makes metrics of spans and events; absent if neither is asked for.
pub(super) fn span_metrics(
    config: &Config,
    registry: &Registry,
    clock: &Clock,
) -> Result<Option<Arc<SpanMetrics>>, InitError> {
    let metrics = &config.metrics;
    let filter = Filter::parse(&metrics.spans).map_err(InitError::SpanMetricsFilter)?;
    let spans = (metrics.spans.trim() != "off").then(|| ReloadableFilter::new(filter, clock.clone()));
    if spans.is_none() && metrics.events == LevelFilter::OFF {
        return Ok(None);
    }
    let sink = SpanMetrics::builder()
        .spans(spans)
        .events(metrics.events)
        .native_durations(metrics.native_durations)
        .exemplars(config.traces.otlp);
    Ok(Some(sink.build(registry)?))
}
