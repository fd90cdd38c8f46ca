//! Closing spans as rate, errors and duration by component.
//!
//! Invariant: what names a series is code or a field with a limit; names that are made at run time (`otel.name`) name none.

use watchroom_capture::{SpanRecord, Status};
use watchroom_core::Value;
use watchroom_metrics::{
    Counter, Declaration, Exemplar, Histogram, Instrument as _, Label, NativeHistogram, RegisterError,
    Registry,
};

use crate::Builder;

/// Where the span belongs.
#[derive(Debug, Label)]
#[label(crate = watchroom_metrics, limit = 200)]
struct Component;

/// Name of the span.
#[derive(Debug, Label)]
#[label(crate = watchroom_metrics, limit = 500)]
struct Span;

/// How it ended.
#[derive(Debug, Label)]
#[label(crate = watchroom_metrics, name = "status", limit = 32)]
struct Outcome;

#[derive(Debug)]
pub(crate) struct Spans {
    calls: Counter<(Component, Span, Outcome)>,
    errors: Counter<(Component, Span)>,
    duration: Duration,
    exemplars: bool,
}

#[derive(Debug)]
enum Duration {
    Declared(Histogram<(Component, Span)>),
    Native(NativeHistogram<(Component, Span)>),
}

impl Spans {
    pub(crate) fn register(settings: &Builder, registry: &Registry) -> Result<Self, RegisterError> {
        let declaration = |name: &'static str, help: &'static str| {
            let mut declaration = Declaration::new(name, help).at("watchroom-spanmetrics");
            if let Some(limit) = settings.limit {
                declaration = declaration.with_limit(limit);
            }
            if let Some(idle) = settings.expire {
                declaration = declaration.expiring_after(idle);
            }
            declaration
        };
        let duration = declaration("span_duration_seconds", "Time from a span's making to its close.")
            .with_unit("seconds");
        Ok(Self {
            exemplars: settings.exemplars,
            calls: Counter::register(
                registry,
                declaration("span_calls_total", "Spans that closed, by status."),
            )?,
            errors: Counter::register(registry, declaration("span_errors_total", "Spans that failed."))?,
            duration: if settings.native {
                Duration::Native(NativeHistogram::register(registry, duration)?)
            } else {
                let duration = duration.with_buckets(settings.duration_buckets.clone());
                Duration::Declared(Histogram::register(registry, duration)?)
            },
        })
    }

    pub(crate) fn record(&self, span: &SpanRecord) {
        let component = match span.fields.get("component") {
            Some(Value::Str(component)) if !component.is_empty() => component,
            _ => span.metadata.target(),
        };
        let name = span.metadata.name();
        let mut digits = itoa::Buffer::new();
        let failed = span.status == Status::Error;
        let (status, failed) = match span.fields.get("status") {
            Some(Value::Str(status)) if !status.is_empty() => (status, failed || is_failure(status)),
            Some(Value::I64(status)) => (digits.format(status), failed || status >= 500),
            Some(Value::U64(status)) => (digits.format(status), failed || status >= 500),
            _ => (if failed { "error" } else { "ok" }, failed),
        };
        self.calls.inc((component, name, status));
        if failed {
            self.errors.inc((component, name));
        }
        self.observe(span, (component, name));
    }

    fn observe(&self, span: &SpanRecord, place: (&str, &str)) {
        #[expect(
            clippy::cast_precision_loss,
            reason = "a duration of 104 days is exact to the nanosecond, a longer one nearly"
        )]
        let seconds = span.duration_ns as f64 / 1e9;
        match &self.duration {
            // The span itself is the exemplar, if its trace is one that is exported.
            Duration::Declared(histogram) if self.exemplars && span.is_sampled() => {
                let exemplar = Exemplar {
                    trace_id: span.context.trace_id,
                    span_id: span.context.span_id,
                    value: seconds,
                    time_unix_ns: span.start_unix_ns.saturating_add(span.duration_ns),
                };
                histogram.observe_with_exemplar(place, seconds, exemplar);
            }
            Duration::Declared(histogram) => histogram.observe(place, seconds),
            Duration::Native(histogram) => histogram.observe(place, seconds),
        }
    }
}

fn is_failure(status: &str) -> bool {
    ["error", "failed", "failure", "panic"]
        .iter()
        .any(|word| status.eq_ignore_ascii_case(word))
}
