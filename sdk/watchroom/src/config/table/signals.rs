//! Which signals leave the process, and which of their parts.

use super::{EXPORTER, FILTER, INTERVAL, POSITIVE, Setting, setting};
use crate::config::MetricsExporter;
use crate::config::parse::{duration, list, positive};

fn exporter(text: &str) -> Option<bool> {
    match text {
        "otlp" => Some(true),
        "none" => Some(false),
        _ => None,
    }
}

pub(super) static SIGNALS: [Setting; 10] = [
    setting!("traces.exporter", "OTEL_TRACES_EXPORTER", EXPORTER, |c, v| {
        c.traces.otlp = exporter(v)?;
        Some(())
    }),
    setting!("logs.exporter", "OTEL_LOGS_EXPORTER", EXPORTER, |c, v| {
        c.log.otlp = exporter(v)?;
        Some(())
    }),
    setting!(
        "metrics.exporter",
        "OTEL_METRICS_EXPORTER",
        "`otlp`, `prometheus` or `none`",
        |c, v| {
            c.metrics.exporter = match v {
                "otlp" => MetricsExporter::Otlp,
                "prometheus" => MetricsExporter::Prometheus,
                "none" => MetricsExporter::None,
                _ => return None,
            };
            Some(())
        }
    ),
    setting!("traces.filter", "WATCHROOM_TRACES_FILTER", FILTER, |c, v| {
        watchroom_capture::Filter::parse(v).ok()?;
        v.clone_into(&mut c.traces.filter);
        Some(())
    }),
    setting!(
        "traces.sampler",
        "OTEL_TRACES_SAMPLER",
        "`always_on`, `always_off`, `traceidratio`, `parentbased_always_on`, `parentbased_always_off` or `parentbased_traceidratio`",
        |c, v| {
            watchroom_capture::Sampler::from_names(v, None).ok()?;
            v.clone_into(&mut c.traces.sampler);
            Some(())
        }
    ),
    setting!(
        "traces.sampler_arg",
        "OTEL_TRACES_SAMPLER_ARG",
        "a ratio from 0 to 1",
        |c, v| {
            v.parse::<f64>()
                .ok()
                .filter(|ratio| (0.0..=1.0).contains(ratio))?;
            c.traces.sampler_arg = Some(v.to_owned());
            Some(())
        }
    ),
    setting!(
        "traces.propagators",
        "OTEL_PROPAGATORS",
        "`tracecontext`, `baggage`, `b3` or `b3multi`, separated by commas, or `none`",
        |c, v| {
            c.traces.propagators = v.parse().ok().filter(|_| !list(v).is_empty())?;
            Some(())
        }
    ),
    setting!(
        "metrics.interval",
        "OTEL_METRIC_EXPORT_INTERVAL",
        INTERVAL,
        |c, v| {
            c.metrics.interval = duration(v).filter(|d| !d.is_zero())?;
            Some(())
        }
    ),
    setting!(
        "metrics.max_series_per_metric",
        "WATCHROOM_MAX_SERIES_PER_METRIC",
        POSITIVE,
        |c, v| {
            c.metrics.max_series_per_metric = positive(v)?;
            Some(())
        }
    ),
    setting!("metrics.max_series", "WATCHROOM_MAX_SERIES", POSITIVE, |c, v| {
        c.metrics.max_series = positive(v)?;
        Some(())
    }),
];
