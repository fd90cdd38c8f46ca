//! Calls by service, span name, kind and status.

use std::collections::HashMap;
use std::sync::Arc;

use watchroom_model::{Labels, SpanKind};

use super::histogram::Histogram;
use super::{Measured, OVERFLOW, Status, Writer, Written};

/// Most combinations that are told apart.
const MAX_CALLS: usize = 2_000;
/// Most services of those that are in overflow.
const MAX_OVERFLOWN: usize = 200;

#[derive(Debug, Default)]
pub(super) struct Calls(HashMap<Key, Call>);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    service: Arc<str>,
    name: Arc<str>,
    kind: SpanKind,
    status: Status,
}

#[derive(Debug, Default)]
struct Call {
    latency: Histogram,
    written: Written,
}

impl Calls {
    pub(super) fn record(&mut self, span: &Measured) {
        let mut key = Key {
            service: Arc::clone(&span.service),
            name: Arc::clone(&span.name),
            kind: span.kind,
            status: span.status,
        };
        for (limit, field) in [(MAX_CALLS, 0), (MAX_CALLS + MAX_OVERFLOWN, 1)] {
            if self.0.len() < limit || self.0.contains_key(&key) {
                break;
            }
            match field {
                0 => key.name = OVERFLOW.into(),
                _ => key.service = OVERFLOW.into(),
            }
        }
        let call = self.0.entry(key).or_default();
        call.latency.observe(span.seconds);
        call.written.changed = true;
    }

    pub(super) fn flush(&mut self, writer: &mut Writer) {
        for (key, call) in &mut self.0 {
            if !writer.is_due(&call.written) {
                continue;
            }
            let base = Labels::from_pairs([
                ("service", &*key.service),
                ("span_name", &*key.name),
                ("span_kind", kind(key.kind)),
                ("status_code", status(key.status)),
            ]);
            let first = call.written.at_ms.is_none();
            let count = call.latency.count() as f64;
            writer.counter("traces_spanmetrics_calls_total", &base, count, first);
            writer.histogram("traces_spanmetrics_latency", &base, &call.latency, first);
            call.written = Written {
                at_ms: Some(writer.now_ms),
                changed: false,
            };
        }
    }
}

fn kind(kind: SpanKind) -> &'static str {
    match kind {
        SpanKind::Unspecified => "SPAN_KIND_UNSPECIFIED",
        SpanKind::Internal => "SPAN_KIND_INTERNAL",
        SpanKind::Server => "SPAN_KIND_SERVER",
        SpanKind::Client => "SPAN_KIND_CLIENT",
        SpanKind::Producer => "SPAN_KIND_PRODUCER",
        SpanKind::Consumer => "SPAN_KIND_CONSUMER",
    }
}

fn status(status: Status) -> &'static str {
    match status {
        Status::Unset => "STATUS_CODE_UNSET",
        Status::Ok => "STATUS_CODE_OK",
        Status::Error => "STATUS_CODE_ERROR",
    }
}
