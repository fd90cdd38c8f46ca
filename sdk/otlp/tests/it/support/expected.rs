//! What a record must look like on the wire, built with another protobuf library's types.

use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{Span, Status};
use watchroom_capture::{SpanAttributes, SpanKind, SpanRecord};
use watchroom_core::{SpanContext, Value};

pub(crate) fn any(value: Value<'_>) -> AnyValue {
    let value = match value {
        Value::Bool(value) => Any::BoolValue(value),
        Value::I64(value) => Any::IntValue(value),
        Value::U64(value) => match i64::try_from(value) {
            Ok(value) => Any::IntValue(value),
            Err(_) => Any::StringValue(value.to_string()),
        },
        Value::F64(value) => Any::DoubleValue(value),
        Value::Str(value) => Any::StringValue(value.to_owned()),
    };
    AnyValue { value: Some(value) }
}

pub(crate) fn pair(key: &str, value: Value<'_>) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(any(value)),
        ..KeyValue::default()
    }
}

fn pairs<'a>(pairs: impl Iterator<Item = (&'a str, Value<'a>)>) -> Vec<KeyValue> {
    pairs.map(|(key, value)| pair(key, value)).collect()
}

fn flags(context: &SpanContext, remote: bool) -> u32 {
    u32::from(context.flags.0) | 0x100 | if remote { 0x200 } else { 0 }
}

pub(crate) fn span(span: &SpanRecord, wanted: SpanAttributes) -> Span {
    let context = &span.context;
    Span {
        trace_id: context.trace_id.to_bytes().to_vec(),
        span_id: context.span_id.to_bytes().to_vec(),
        trace_state: context.state.as_str().to_owned(),
        parent_span_id: span.parent.map(|id| id.to_bytes().to_vec()).unwrap_or_default(),
        flags: flags(context, span.parent_remote),
        name: span.name().to_owned(),
        kind: match span.kind {
            SpanKind::Internal => 1,
            SpanKind::Server => 2,
            SpanKind::Client => 3,
            SpanKind::Producer => 4,
            SpanKind::Consumer => 5,
        },
        start_time_unix_nano: span.start_unix_ns,
        end_time_unix_nano: span.start_unix_ns + span.duration_ns,
        attributes: pairs(span.attributes(wanted)),
        dropped_attributes_count: span.dropped_attributes,
        events: span
            .events
            .iter()
            .map(|event| Event {
                time_unix_nano: event.time_unix_ns,
                name: event.name().to_owned(),
                attributes: pairs(event.attributes(wanted)),
                dropped_attributes_count: 0,
            })
            .collect(),
        dropped_events_count: span.dropped_events,
        links: span
            .links
            .iter()
            .map(|link| Link {
                trace_id: link.context.trace_id.to_bytes().to_vec(),
                span_id: link.context.span_id.to_bytes().to_vec(),
                trace_state: link.context.state.as_str().to_owned(),
                attributes: Vec::new(),
                dropped_attributes_count: 0,
                flags: flags(&link.context, link.context.remote),
            })
            .collect(),
        dropped_links_count: span.dropped_links,
        status: match span.status {
            watchroom_capture::Status::Unset => None,
            watchroom_capture::Status::Ok => Some(Status {
                message: span.status_description.clone(),
                code: 1,
            }),
            watchroom_capture::Status::Error => Some(Status {
                message: span.status_description.clone(),
                code: 2,
            }),
        },
    }
}
