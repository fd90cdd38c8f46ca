//! Rates, errors and durations of services and of the calls between them, counted from spans as they arrive.
//!
//! `traces_spanmetrics_calls_total` and `traces_spanmetrics_latency` by `service`, `span_name`, `span_kind` and `status_code`;
//! `traces_service_graph_request_total`, `…_failed_total` and `…_server_seconds` by `client` and `server`.
//!
//! Invariant: the number of series and of spans that wait for their other half is bounded; what is beyond goes to `__overflow__`, or
//! is not paired.
//! Not here: when the samples are written, which the assembly decides.

mod calls;
mod edges;
mod histogram;

use std::sync::Arc;

use watchroom_model::{
    Labels, METRIC_NAME, MetricKind, MetricMetadata, Sample, Span, SpanId, SpanKind, SpanStatus, TraceId,
};

use calls::Calls;
use edges::Edges;

/// Value of a label whose own values are too many.
const OVERFLOW: &str = "__overflow__";
/// Time after which a series that has not changed is written again, well within the lookback of a query.
const REWRITE_MS: i64 = 60_000;

/// Counters that are made of spans.
#[derive(Debug, Default)]
pub(crate) struct SpanMetrics {
    calls: Calls,
    edges: Edges,
    flushed_ms: i64,
}

/// What of a span is counted.
#[derive(Debug, Clone)]
pub(crate) struct Measured {
    service: Arc<str>,
    name: Arc<str>,
    kind: SpanKind,
    status: Status,
    seconds: f64,
    trace_id: TraceId,
    span_id: SpanId,
    parent_id: Option<SpanId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Status {
    Unset,
    Ok,
    Error,
}

/// Takes from spans what is counted. Costs reference counts only.
pub(crate) fn measure(spans: &[Span]) -> Vec<Measured> {
    spans
        .iter()
        .map(|span| Measured {
            service: Arc::clone(&span.resource.service),
            name: Arc::clone(&span.name),
            kind: span.kind,
            status: match span.status {
                SpanStatus::Unset => Status::Unset,
                SpanStatus::Ok => Status::Ok,
                SpanStatus::Error(_) => Status::Error,
            },
            seconds: span.duration_ns as f64 / 1e9,
            trace_id: span.trace_id,
            span_id: span.span_id,
            parent_id: span.parent_id,
        })
        .collect()
}

impl SpanMetrics {
    /// Counts spans.
    pub(crate) fn record(&mut self, spans: &[Measured], now_ms: i64) {
        for span in spans {
            self.calls.record(span);
            self.edges.record(span, now_ms);
        }
    }

    /// Samples of what changed since the last time, and of what was last written long ago. A series begins with a zero at the time of
    /// the last flush, so that its first count is seen as an increase.
    pub(crate) fn flush(&mut self, now_ms: i64) -> Vec<(Labels, Sample)> {
        let mut writer = Writer {
            samples: Vec::new(),
            zero_ms: if self.flushed_ms > 0 && self.flushed_ms < now_ms {
                self.flushed_ms
            } else {
                now_ms - 1_000
            },
            now_ms,
        };
        self.calls.flush(&mut writer);
        self.edges.flush(&mut writer);
        self.flushed_ms = now_ms;
        writer.samples
    }
}

/// What the metrics are.
pub(crate) fn metadata() -> Vec<MetricMetadata> {
    let of = |name: &str, kind, help: &str, unit: &str| MetricMetadata {
        name: name.into(),
        kind,
        help: help.into(),
        unit: unit.into(),
    };
    use MetricKind::{Counter, Histogram};
    vec![
        of(
            "traces_spanmetrics_calls_total",
            Counter,
            "Spans by service, name, kind and status.",
            "",
        ),
        of(
            "traces_spanmetrics_latency",
            Histogram,
            "Durations of spans.",
            "seconds",
        ),
        of(
            "traces_service_graph_request_total",
            Counter,
            "Calls between two services.",
            "",
        ),
        of(
            "traces_service_graph_request_failed_total",
            Counter,
            "Failed calls between two services.",
            "",
        ),
        of(
            "traces_service_graph_request_server_seconds",
            Histogram,
            "Durations of calls between two services, as the server saw them.",
            "seconds",
        ),
    ]
}

/// Collects samples.
struct Writer {
    samples: Vec<(Labels, Sample)>,
    zero_ms: i64,
    now_ms: i64,
}

/// Whether and when a series was last written.
#[derive(Debug, Default)]
struct Written {
    at_ms: Option<i64>,
    changed: bool,
}

impl Writer {
    /// Whether a series has to be written now.
    fn is_due(&self, written: &Written) -> bool {
        written.changed || written.at_ms.is_none_or(|at| self.now_ms - at >= REWRITE_MS)
    }

    fn counter(&mut self, name: &str, base: &Labels, value: f64, first: bool) {
        let mut labels = base.to_builder();
        labels.set(METRIC_NAME, name);
        self.push(labels.build(), value, first);
    }

    fn histogram(&mut self, name: &str, base: &Labels, histogram: &histogram::Histogram, first: bool) {
        for (le, count) in histogram.cumulative() {
            let mut labels = base.to_builder();
            labels.set(METRIC_NAME, &format!("{name}_bucket"));
            labels.set("le", le);
            self.push(labels.build(), count as f64, first);
        }
        self.counter(&format!("{name}_sum"), base, histogram.sum(), first);
        self.counter(&format!("{name}_count"), base, histogram.count() as f64, first);
    }

    fn push(&mut self, labels: Labels, value: f64, first: bool) {
        if first {
            let zero = Sample {
                t_ms: self.zero_ms,
                value: 0.0,
            };
            self.samples.push((labels.clone(), zero));
        }
        let sample = Sample {
            t_ms: self.now_ms,
            value,
        };
        self.samples.push((labels, sample));
    }
}

#[cfg(test)]
mod tests;
