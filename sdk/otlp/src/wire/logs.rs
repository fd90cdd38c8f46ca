//! `LogRecord`.
//!
//! Invariant: a log record carries the ids of the span around it whether or not that span's trace is sampled.

use tracing_core::{Level, Metadata};
use watchroom_capture::{EventRecord, Scope, SpanAttributes};
use watchroom_core::Value;

use super::attributes::{any_value, attribute};
use super::proto;

/// Fields of the spans around an event that go with each of its records.
const FROM_SPANS: [&str; 3] = ["request_id", "user_id", "tenant_id"];

/// Encodes the content of a `LogRecord` message. `wanted` tells which of the callsite's circumstances go with the fields; the level
/// is part of the record anyhow.
pub fn encode_log(out: &mut Vec<u8>, event: &EventRecord<'_>, scope: Scope<'_>, wanted: SpanAttributes) {
    proto::fixed64(out, 1, event.time_unix_ns);
    let (number, text) = severity(event.level());
    proto::uint(out, 2, number);
    proto::bytes(out, 3, text.as_bytes());
    let message_idx = event.fields.position("message");
    if let Some((_, message)) = message_idx.and_then(|idx| event.fields.at(idx)) {
        any_value(out, 5, message);
    }
    for (idx, (key, value)) in event.fields.iter().enumerate() {
        if Some(idx) != message_idx {
            attribute(out, 6, key, value);
        }
    }
    for key in FROM_SPANS {
        // What the event says itself comes before what its spans say.
        if event.fields.position(key).is_none()
            && let Some(value) = scope.correlation(key)
        {
            attribute(out, 6, key, value);
        }
    }
    if wanted.target {
        attribute(out, 6, "target", Value::Str(event.metadata.target()));
    }
    if wanted.location {
        location(out, event.metadata);
    }
    if let Some(span) = scope.context() {
        proto::fixed32(out, 8, u32::from(span.flags.0));
        proto::bytes_always(out, 9, &span.trace_id.to_bytes());
        proto::bytes_always(out, 10, &span.span_id.to_bytes());
    }
    proto::fixed64(out, 11, event.time_unix_ns);
}

fn location(out: &mut Vec<u8>, metadata: &Metadata<'_>) {
    if let Some(file) = metadata.file() {
        attribute(out, 6, "code.file.path", Value::Str(file));
    }
    if let Some(module) = metadata.module_path() {
        attribute(out, 6, "code.module.name", Value::Str(module));
    }
    if let Some(line) = metadata.line() {
        attribute(out, 6, "code.line.number", Value::I64(line.into()));
    }
}

/// Source: OpenTelemetry logs data model, severity numbers.
fn severity(level: Level) -> (u64, &'static str) {
    match level {
        Level::TRACE => (1, "TRACE"),
        Level::DEBUG => (5, "DEBUG"),
        Level::INFO => (9, "INFO"),
        Level::WARN => (13, "WARN"),
        Level::ERROR => (17, "ERROR"),
    }
}
