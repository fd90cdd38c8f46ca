//! Spans as OTLP has them.
//!
//! Source: opentelemetry-proto 1.x, `trace/v1/trace.proto`.

use std::sync::Arc;

use watchroom_model::{AttrValue, Attributes, Span, SpanKind, SpanStatus};

use super::proto::Message;

/// A request of spans; those of one sender and one library that stand together stay so.
pub(in crate::remote) fn spans(spans: &[Span]) -> Vec<u8> {
    let mut request = Message::default();
    for of_sender in spans.chunk_by(|a, b| Arc::ptr_eq(&a.resource, &b.resource)) {
        request.message(1, |resource_spans| {
            resource_spans.message(1, |resource| {
                attributes(resource, 1, &of_sender[0].resource.attributes)
            });
            for of_scope in of_sender.chunk_by(|a, b| Arc::ptr_eq(&a.scope, &b.scope)) {
                resource_spans.message(2, |scope_spans| {
                    scope_spans.message(1, |out| {
                        let scope = &of_scope[0].scope;
                        out.text(1, &scope.name);
                        out.text(2, &scope.version);
                        attributes(out, 3, &scope.attributes);
                    });
                    for one in of_scope {
                        scope_spans.message(2, |out| span(out, one));
                    }
                });
            }
        });
    }
    request.0
}

fn span(out: &mut Message, span: &Span) {
    out.bytes(1, &span.trace_id.0.to_be_bytes());
    out.bytes(2, &span.span_id.0.to_be_bytes());
    out.text(3, &span.trace_state);
    if let Some(parent) = span.parent_id {
        out.bytes(4, &parent.0.to_be_bytes());
    }
    out.text(5, &span.name);
    let kind = match span.kind {
        SpanKind::Unspecified => 0,
        SpanKind::Internal => 1,
        SpanKind::Server => 2,
        SpanKind::Client => 3,
        SpanKind::Producer => 4,
        SpanKind::Consumer => 5,
    };
    out.varint(6, kind);
    out.fixed(7, span.start_ns);
    out.fixed(8, span.end_ns());
    attributes(out, 9, &span.attributes);
    out.varint(10, u64::from(span.dropped));
    for event in &span.events {
        out.message(11, |out| {
            out.fixed(1, event.time_ns);
            out.text(2, &event.name);
            attributes(out, 3, &event.attributes);
        });
    }
    for link in &span.links {
        out.message(13, |out| {
            out.bytes(1, &link.trace_id.0.to_be_bytes());
            out.bytes(2, &link.span_id.0.to_be_bytes());
            attributes(out, 4, &link.attributes);
        });
    }
    match &span.status {
        SpanStatus::Unset => {}
        SpanStatus::Ok => out.message(15, |status| status.varint(3, 1)),
        SpanStatus::Error(message) => out.message(15, |status| {
            status.text(2, message);
            status.varint(3, 2);
        }),
    }
}

fn attributes(out: &mut Message, field: u32, attributes: &Attributes) {
    for (key, of) in attributes {
        out.message(field, |pair| {
            pair.text(1, key);
            pair.message(2, |out| value(out, of));
        });
    }
}

fn value(out: &mut Message, of: &AttrValue) {
    match of {
        AttrValue::Str(text) => out.bytes_always(1, text.as_bytes()),
        AttrValue::Bool(truth) => out.varint_always(2, u64::from(*truth)),
        AttrValue::Int(number) => out.varint_always(3, number.cast_unsigned()),
        AttrValue::Double(number) => out.double_always(4, *number),
        AttrValue::Array(items) => out.message(5, |list| {
            for item in items {
                list.message(1, |out| value(out, item));
            }
        }),
        AttrValue::Map(entries) => out.message(6, |map| attributes(map, 1, entries)),
        AttrValue::Bytes(bytes) => out.bytes_always(7, bytes),
    }
}
