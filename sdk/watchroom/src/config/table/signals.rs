//! Which signals leave the process, and which of their parts.

use super::{BOOL, EXPORTER, FILTER, INTERVAL, POSITIVE, Setting, setting};
use crate::config::MetricsExporter;
use crate::config::parse::{boolean, duration, list, positive};

fn exporter(text: &str) -> Option<bool> {
    match text {
        "otlp" => Some(true),
        "none" => Some(false),
        _ => None,
    }
}

pub(super) static SIGNALS: [Setting; 15] = [
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
        "`always_on`, `always_off`, `traceidratio`, `parentbased_always_on`, `parentbased_always_off`, `parentbased_traceidratio`, \
         `rate_limited`, `adaptive` or `keep_error_or_slow`",
        |c, v| {
            watchroom_capture::Sampler::from_names(v, None).ok()?;
            v.clone_into(&mut c.traces.sampler);
            Some(())
        }
    ),
    setting!(
        "traces.sampler_arg",
        "OTEL_TRACES_SAMPLER_ARG",
        "what the sampler takes: a ratio from 0 to 1; `50` traces a second; `base=10,peak=100`; `slow=1s,ratio=0.1`",
        |c, v| {
            watchroom_capture::Sampler::from_names(&c.traces.sampler, Some(v)).ok()?;
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
        "traces.baggage_fields",
        "WATCHROOM_BAGGAGE_FIELDS",
        "keys of baggage, separated by commas",
        |c, v| {
            c.traces.baggage_fields.extend(list(v));
            Some(())
        }
    ),
    setting!(
        "metrics.expire_after",
        "WATCHROOM_METRICS_EXPIRE_AFTER",
        "`never`, or a time above 0 such as `10m`",
        |c, v| {
            c.metrics.expire_after = match v {
                "never" => None,
                time => Some(duration(time).filter(|d| !d.is_zero())?),
            };
            Some(())
        }
    ),
    setting!("metrics.spans", "WATCHROOM_METRICS_SPANS", FILTER, |c, v| {
        watchroom_capture::Filter::parse(v).ok()?;
        v.clone_into(&mut c.metrics.spans);
        Some(())
    }),
    setting!(
        "metrics.events",
        "WATCHROOM_METRICS_EVENTS",
        "a level, or `off`",
        |c, v| {
            c.metrics.events = v.parse().ok()?;
            Some(())
        }
    ),
    setting!(
        "metrics.native_durations",
        "WATCHROOM_METRICS_NATIVE_DURATIONS",
        BOOL,
        |c, v| {
            c.metrics.native_durations = boolean(v)?;
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
