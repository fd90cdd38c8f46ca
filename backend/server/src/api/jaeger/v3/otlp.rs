//! Spans as OTLP has them in JSON: ids in hex, 64-bit integers as text, kinds and statuses as numbers.
//!
//! Source: OpenTelemetry protocol specification, "JSON Protobuf Encoding".

use std::sync::Arc;

use serde_json::{Map, Value, json};
use watchroom_model::{AttrValue, Attributes, Resource, Scope, Span, SpanKind, SpanStatus};

/// Shaped spans by scope.
type ByScope<'a> = Vec<(&'a Arc<Scope>, Vec<Value>)>;

/// The spans of a trace by resource and scope, in order of their first span.
pub(super) fn resource_spans(trace: &[Span]) -> Vec<Value> {
    let mut groups: Vec<(&Arc<Resource>, ByScope<'_>)> = Vec::new();
    for span in trace {
        let same = |known: &Arc<Resource>| Arc::ptr_eq(known, &span.resource) || *known == span.resource;
        let at = groups
            .iter()
            .position(|(known, _)| same(known))
            .unwrap_or_else(|| {
                groups.push((&span.resource, Vec::new()));
                groups.len() - 1
            });
        let scopes = &mut groups[at].1;
        let same = |known: &Arc<Scope>| Arc::ptr_eq(known, &span.scope) || *known == span.scope;
        let at = scopes
            .iter()
            .position(|(known, _)| same(known))
            .unwrap_or_else(|| {
                scopes.push((&span.scope, Vec::new()));
                scopes.len() - 1
            });
        scopes[at].1.push(self::span(span));
    }
    groups
        .into_iter()
        .map(|(resource, scopes)| {
            let scopes: Vec<Value> = scopes
                .into_iter()
                .map(|(scope, spans)| json!({ "scope": self::scope(scope), "spans": spans }))
                .collect();
            json!({ "resource": { "attributes": attributes(&resource.attributes) }, "scopeSpans": scopes })
        })
        .collect()
}

fn scope(scope: &Scope) -> Value {
    let mut out = Map::new();
    for (key, text) in [("name", &scope.name), ("version", &scope.version)] {
        if !text.is_empty() {
            out.insert(key.into(), json!(&**text));
        }
    }
    if !scope.attributes.is_empty() {
        out.insert("attributes".into(), attributes(&scope.attributes));
    }
    out.into()
}

fn span(span: &Span) -> Value {
    let mut out = json!({
        "traceId": span.trace_id.to_string(),
        "spanId": span.span_id.to_string(),
        "name": &*span.name,
        "kind": kind(span.kind),
        "startTimeUnixNano": span.start_ns.to_string(),
        "endTimeUnixNano": span.end_ns().to_string(),
        "status": match &span.status {
            SpanStatus::Unset => json!({}),
            SpanStatus::Ok => json!({ "code": 1 }),
            SpanStatus::Error(message) if message.is_empty() => json!({ "code": 2 }),
            SpanStatus::Error(message) => json!({ "code": 2, "message": &**message }),
        },
    });
    if let Some(parent) = span.parent_id {
        out["parentSpanId"] = parent.to_string().into();
    }
    if !span.trace_state.is_empty() {
        out["traceState"] = (*span.trace_state).into();
    }
    if !span.attributes.is_empty() {
        out["attributes"] = attributes(&span.attributes);
    }
    if span.dropped > 0 {
        out["droppedAttributesCount"] = span.dropped.into();
    }
    if !span.events.is_empty() {
        let event = |event: &watchroom_model::SpanEvent| {
            json!({
                "timeUnixNano": event.time_ns.to_string(),
                "name": &*event.name,
                "attributes": attributes(&event.attributes),
            })
        };
        out["events"] = span.events.iter().map(event).collect();
    }
    if !span.links.is_empty() {
        let link = |link: &watchroom_model::SpanLink| {
            json!({
                "traceId": link.trace_id.to_string(),
                "spanId": link.span_id.to_string(),
                "attributes": attributes(&link.attributes),
            })
        };
        out["links"] = span.links.iter().map(link).collect();
    }
    out
}

fn kind(kind: SpanKind) -> u8 {
    match kind {
        SpanKind::Unspecified => 0,
        SpanKind::Internal => 1,
        SpanKind::Server => 2,
        SpanKind::Client => 3,
        SpanKind::Producer => 4,
        SpanKind::Consumer => 5,
    }
}

fn attributes(attributes: &Attributes) -> Value {
    attributes
        .iter()
        .map(|(key, value)| json!({ "key": &**key, "value": any_value(value) }))
        .collect()
}

fn any_value(value: &AttrValue) -> Value {
    match value {
        AttrValue::Str(text) => json!({ "stringValue": &**text }),
        AttrValue::Bool(truth) => json!({ "boolValue": truth }),
        AttrValue::Int(number) => json!({ "intValue": number.to_string() }),
        AttrValue::Double(number) => match serde_json::Number::from_f64(*number) {
            Some(number) => json!({ "doubleValue": number }),
            None if number.is_nan() => json!({ "doubleValue": "NaN" }),
            None if *number > 0.0 => json!({ "doubleValue": "Infinity" }),
            None => json!({ "doubleValue": "-Infinity" }),
        },
        AttrValue::Bytes(bytes) => json!({ "bytesValue": base64(bytes) }),
        AttrValue::Array(items) => {
            let items: Vec<Value> = items.iter().map(any_value).collect();
            json!({ "arrayValue": { "values": items } })
        }
        AttrValue::Map(entries) => json!({ "kvlistValue": { "values": attributes(entries) } }),
    }
}

/// Standard base64 with padding.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let at = |i: usize| three.get(i).copied().map_or(0, u32::from);
        let all = at(0) << 16 | at(1) << 8 | at(2);
        for i in 0..4 {
            if i <= three.len() {
                out.push(char::from(ALPHABET[(all >> (18 - 6 * i)) as usize & 63]));
            } else {
                out.push('=');
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_base64() {
        for (bytes, expect) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
        ] {
            assert_eq!(base64(bytes.as_bytes()), expect);
        }
    }
}
