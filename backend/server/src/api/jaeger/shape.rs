//! Spans as Jaeger's JSON has them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;
use watchroom_model::{AttrValue, Attributes, Resource, Span, SpanKind, SpanStatus, attr};

/// A trace with the processes that its spans refer to.
#[derive(Debug, Serialize)]
pub(super) struct Trace {
    #[serde(rename = "traceID")]
    trace_id: String,
    spans: Vec<SpanJson>,
    processes: BTreeMap<String, Process>,
    warnings: Option<Vec<String>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct SpanJson {
    #[serde(rename = "traceID")]
    trace_id: String,
    #[serde(rename = "spanID")]
    span_id: String,
    operation_name: String,
    references: Vec<Reference>,
    start_time: u64,
    duration: u64,
    tags: Vec<KeyValue>,
    logs: Vec<Log>,
    #[serde(rename = "processID")]
    process_id: String,
    warnings: Option<Vec<String>>,
}

#[derive(Debug, Serialize)]
struct Reference {
    #[serde(rename = "refType")]
    ref_type: &'static str,
    #[serde(rename = "traceID")]
    trace_id: String,
    #[serde(rename = "spanID")]
    span_id: String,
}

#[derive(Debug, Serialize)]
struct Process {
    #[serde(rename = "serviceName")]
    service_name: String,
    tags: Vec<KeyValue>,
}

#[derive(Debug, Serialize)]
struct Log {
    timestamp: u64,
    fields: Vec<KeyValue>,
}

#[derive(Debug, PartialEq, Serialize)]
struct KeyValue {
    key: String,
    #[serde(rename = "type")]
    kind: &'static str,
    value: Value,
}

/// Shapes the spans of one trace. `None` if there is none.
pub(super) fn trace(spans: &[Span]) -> Option<Trace> {
    let first = spans.first()?;
    let mut processes = BTreeMap::new();
    let mut known: Vec<(Arc<Resource>, String)> = Vec::new();
    let mut by_address: HashMap<*const Resource, String> = HashMap::new();
    let mut shaped = Vec::with_capacity(spans.len());
    for span in spans {
        let address = Arc::as_ptr(&span.resource);
        let process_id = by_address.entry(address).or_insert_with(|| {
            if let Some((_, id)) = known.iter().find(|(resource, _)| **resource == *span.resource) {
                return id.clone();
            }
            let id = format!("p{}", known.len() + 1);
            known.push((Arc::clone(&span.resource), id.clone()));
            processes.insert(id.clone(), process(&span.resource));
            id
        });
        shaped.push(span_json(span, process_id.clone()));
    }
    Some(Trace {
        trace_id: first.trace_id.to_string(),
        spans: shaped,
        processes,
        warnings: None,
    })
}

fn process(resource: &Resource) -> Process {
    Process {
        service_name: resource.service.to_string(),
        tags: resource
            .attributes
            .iter()
            .filter(|(key, _)| &**key != "service.name")
            .map(|(key, value)| key_value(key, value))
            .collect(),
    }
}

fn span_json(span: &Span, process_id: String) -> SpanJson {
    let trace_id = span.trace_id.to_string();
    let parent = span.parent_id.map(|parent| Reference {
        ref_type: "CHILD_OF",
        trace_id: trace_id.clone(),
        span_id: parent.to_string(),
    });
    let links = span.links.iter().map(|link| Reference {
        ref_type: "FOLLOWS_FROM",
        trace_id: link.trace_id.to_string(),
        span_id: link.span_id.to_string(),
    });
    SpanJson {
        span_id: span.span_id.to_string(),
        operation_name: span.name.to_string(),
        references: parent.into_iter().chain(links).collect(),
        start_time: span.start_ns / 1000,
        duration: span.duration_ns / 1000,
        tags: tags(span),
        logs: span
            .events
            .iter()
            .map(|event| Log {
                timestamp: event.time_ns / 1000,
                fields: event_fields(&event.name, &event.attributes),
            })
            .collect(),
        process_id,
        warnings: (span.dropped > 0).then(|| {
            vec![format!(
                "{} attributes, events or links were dropped",
                span.dropped
            )]
        }),
        trace_id,
    }
}

/// The span's attributes, then what OpenTelemetry keeps outside of them and Jaeger shows as tags.
fn tags(span: &Span) -> Vec<KeyValue> {
    let mut tags: Vec<KeyValue> = span
        .attributes
        .iter()
        .map(|(key, value)| key_value(key, value))
        .collect();
    for (key, value) in &span.scope.attributes {
        let key = format!("otel.scope.{key}");
        if attr(&span.attributes, &key).is_none() {
            tags.push(key_value(&key, value));
        }
    }
    let mut add = |key: &str, value: &str| {
        if !value.is_empty() && attr(&span.attributes, key).is_none() {
            tags.push(text(key, value));
        }
    };
    add("otel.scope.version", &span.scope.version);
    add("otel.scope.name", &span.scope.name);
    if span.kind != SpanKind::Unspecified {
        add("span.kind", span.kind.as_str());
    }
    match &span.status {
        SpanStatus::Unset => {}
        SpanStatus::Ok => add("otel.status_code", "OK"),
        SpanStatus::Error(message) => {
            add("otel.status_code", "ERROR");
            add("otel.status_description", message);
        }
    }
    add("w3c.tracestate", &span.trace_state);
    if span.is_error() && attr(&span.attributes, "error").is_none() {
        tags.push(KeyValue {
            key: "error".into(),
            kind: "bool",
            value: Value::Bool(true),
        });
    }
    tags
}

fn event_fields(name: &str, attributes: &Attributes) -> Vec<KeyValue> {
    let named = attr(attributes, "event").is_none().then(|| text("event", name));
    named
        .into_iter()
        .chain(attributes.iter().map(|(key, value)| key_value(key, value)))
        .collect()
}

fn text(key: &str, value: &str) -> KeyValue {
    KeyValue {
        key: key.into(),
        kind: "string",
        value: Value::String(value.into()),
    }
}

fn key_value(key: &str, value: &AttrValue) -> KeyValue {
    let (kind, value) = match value {
        AttrValue::Bool(truth) => ("bool", Value::Bool(*truth)),
        AttrValue::Int(number) => ("int64", Value::from(*number)),
        // JSON has no infinities; they are shown as text.
        AttrValue::Double(number) => match serde_json::Number::from_f64(*number) {
            Some(number) => ("float64", Value::Number(number)),
            None => ("string", Value::String(number.to_string())),
        },
        AttrValue::Bytes(_) => ("binary", Value::String(value.to_string())),
        other => ("string", Value::String(other.to_string())),
    };
    KeyValue {
        key: key.into(),
        kind,
        value,
    }
}

#[cfg(test)]
mod tests {
    use watchroom_model::{SpanEvent, SpanId, SpanLink, TraceId};

    use super::*;

    #[test]
    fn shapes_a_span_as_jaeger_does() {
        let resource = Arc::new(Resource::new(vec![
            ("service.name".into(), "s".into()),
            ("host.name".into(), "h".into()),
        ]));
        let span = Span {
            trace_id: TraceId(1),
            span_id: SpanId(2),
            parent_id: Some(SpanId(3)),
            trace_state: "a=b".into(),
            name: "op".into(),
            kind: SpanKind::Server,
            start_ns: 1_000_999,
            duration_ns: 2_500,
            status: SpanStatus::Error("boom".into()),
            attributes: vec![
                ("n".into(), 1.into()),
                ("f".into(), f64::NAN.into()),
                ("d".into(), 0.5.into()),
            ],
            events: vec![SpanEvent {
                time_ns: 5_000,
                name: "hit".into(),
                attributes: vec![("k".into(), true.into())],
            }],
            links: vec![SpanLink {
                trace_id: TraceId(9),
                span_id: SpanId(8),
                attributes: vec![],
            }],
            resource,
            scope: watchroom_model::Scope::named("lib"),
            dropped: 0,
        };
        let json = serde_json::to_value(trace(&[span]).unwrap()).unwrap();
        let expect = serde_json::json!({
            "traceID": "00000000000000000000000000000001",
            "spans": [{
                "traceID": "00000000000000000000000000000001",
                "spanID": "0000000000000002",
                "operationName": "op",
                "references": [
                    {"refType": "CHILD_OF", "traceID": "00000000000000000000000000000001", "spanID": "0000000000000003"},
                    {"refType": "FOLLOWS_FROM", "traceID": "00000000000000000000000000000009", "spanID": "0000000000000008"}
                ],
                "startTime": 1000,
                "duration": 2,
                "tags": [
                    {"key": "n", "type": "int64", "value": 1},
                    {"key": "f", "type": "string", "value": "NaN"},
                    {"key": "d", "type": "float64", "value": 0.5},
                    {"key": "otel.scope.name", "type": "string", "value": "lib"},
                    {"key": "span.kind", "type": "string", "value": "server"},
                    {"key": "otel.status_code", "type": "string", "value": "ERROR"},
                    {"key": "otel.status_description", "type": "string", "value": "boom"},
                    {"key": "w3c.tracestate", "type": "string", "value": "a=b"},
                    {"key": "error", "type": "bool", "value": true}
                ],
                "logs": [{"timestamp": 5, "fields": [
                    {"key": "event", "type": "string", "value": "hit"},
                    {"key": "k", "type": "bool", "value": true}
                ]}],
                "processID": "p1",
                "warnings": null
            }],
            "processes": {"p1": {"serviceName": "s", "tags": [{"key": "host.name", "type": "string", "value": "h"}]}},
            "warnings": null
        });
        assert_eq!(json, expect);
    }
}
