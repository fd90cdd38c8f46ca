//! Spans.

use std::sync::Arc;

use watchroom_model::{Resource, Scope, Span, SpanEvent, SpanId, SpanKind, SpanLink, SpanStatus, TraceId};

use super::super::rejected::Rejected;
use super::super::wire::{self, ExportTraceRequest};
use super::attributes::{attributes, name, resource, truncate};
use super::{MAX_EVENTS, MAX_VALUE_BYTES};

/// Takes the spans of a request over. A span without proper ids is rejected.
pub(crate) fn spans(request: ExportTraceRequest, rejected: &mut Rejected) -> Vec<Span> {
    let mut spans = Vec::new();
    for of_resource in request.resource_spans {
        let sender = resource(of_resource.resource);
        for of_scope in of_resource.scope_spans {
            let scope = scope(of_scope.scope.unwrap_or_default());
            for one in of_scope.spans {
                match span(one, &sender, &scope) {
                    Ok(span) => spans.push(span),
                    Err(reason) => rejected.one(reason),
                }
            }
        }
    }
    spans
}

fn scope(scope: wire::Scope) -> Arc<Scope> {
    Arc::new(Scope {
        name: name(scope.name),
        version: name(scope.version),
        attributes: attributes(scope.attributes).0,
    })
}

fn span(span: wire::Span, sender: &Arc<Resource>, scope: &Arc<Scope>) -> Result<Span, &'static str> {
    let trace_id = trace_id(&span.trace_id).ok_or("trace id is not 16 bytes, or is zero")?;
    let span_id = span_id(&span.span_id).ok_or("span id is not 8 bytes, or is zero")?;
    let mut dropped = span.dropped_attributes_count;
    let mut lose = |n: u32| dropped = dropped.saturating_add(n);
    lose(span.dropped_events_count);
    lose(span.dropped_links_count);
    let (own, cut) = attributes(span.attributes);
    lose(cut);
    lose(surplus(span.events.len()));
    let events = span.events.into_iter().take(MAX_EVENTS).map(|event| {
        let (attributes, cut) = attributes(event.attributes);
        lose(cut);
        SpanEvent {
            time_ns: event.time_unix_nano,
            name: name(event.name),
            attributes,
        }
    });
    let events = events.collect();
    lose(surplus(span.links.len()));
    let links = span.links.into_iter().take(MAX_EVENTS).filter_map(|link| {
        let (attributes, cut) = attributes(link.attributes);
        lose(cut);
        Some(SpanLink {
            trace_id: self::trace_id(&link.trace_id)?,
            span_id: self::span_id(&link.span_id)?,
            attributes,
        })
    });
    let links = links.collect();
    let mut trace_state = span.trace_state;
    truncate(&mut trace_state, MAX_VALUE_BYTES);
    Ok(Span {
        trace_id,
        span_id,
        parent_id: self::span_id(&span.parent_span_id),
        trace_state: trace_state.into(),
        name: name(span.name),
        kind: kind(span.kind),
        start_ns: span.start_time_unix_nano,
        duration_ns: span.end_time_unix_nano.saturating_sub(span.start_time_unix_nano),
        status: status(span.status),
        attributes: own,
        events,
        links,
        resource: Arc::clone(sender),
        scope: Arc::clone(scope),
        dropped,
    })
}

fn surplus(n: usize) -> u32 {
    u32::try_from(n.saturating_sub(MAX_EVENTS)).unwrap_or(u32::MAX)
}

/// Reads an id of 16 bytes that is not zero.
pub(super) fn trace_id(bytes: &[u8]) -> Option<TraceId> {
    let id = u128::from_be_bytes(bytes.try_into().ok()?);
    (id != 0).then_some(TraceId(id))
}

/// Reads an id of 8 bytes that is not zero.
pub(super) fn span_id(bytes: &[u8]) -> Option<SpanId> {
    let id = u64::from_be_bytes(bytes.try_into().ok()?);
    (id != 0).then_some(SpanId(id))
}

fn kind(number: i32) -> SpanKind {
    match number {
        1 => SpanKind::Internal,
        2 => SpanKind::Server,
        3 => SpanKind::Client,
        4 => SpanKind::Producer,
        5 => SpanKind::Consumer,
        _ => SpanKind::Unspecified,
    }
}

fn status(status: Option<wire::SpanStatus>) -> SpanStatus {
    match status {
        Some(status) if status.code == 1 => SpanStatus::Ok,
        Some(status) if status.code == 2 => SpanStatus::Error(name(status.message)),
        _ => SpanStatus::Unset,
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::wire::{AnyValue, KeyValue};
    use super::*;

    fn request(span: wire::Span) -> ExportTraceRequest {
        serde_json::from_str::<ExportTraceRequest>(
            r#"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"s"}}]},
                "scopeSpans":[{"scope":{"name":"lib","version":"1.2","attributes":[{"key":"k","value":{"boolValue":true}}]},"spans":[]}]}]}"#,
        )
        .map(|mut request| {
            request.resource_spans[0].scope_spans[0].spans.push(span);
            request
        })
        .unwrap()
    }

    fn good() -> wire::Span {
        wire::Span {
            trace_id: vec![1; 16],
            span_id: vec![2; 8],
            name: "op".into(),
            kind: 2,
            start_time_unix_nano: 5,
            end_time_unix_nano: 9,
            ..wire::Span::default()
        }
    }

    #[test]
    fn keeps_every_field() {
        let mut rejected = Rejected::default();
        let mut span = good();
        span.parent_span_id = vec![3; 8];
        span.status = Some(wire::SpanStatus {
            message: "boom".into(),
            code: 2,
        });
        span.attributes = vec![KeyValue {
            key: "n".into(),
            value: Some(AnyValue {
                int_value: Some(7),
                ..AnyValue::default()
            }),
        }];
        span.dropped_events_count = 4;
        let spans = spans(request(span), &mut rejected);
        let span = &spans[0];
        assert_eq!(rejected, Rejected::default());
        assert_eq!(span.trace_id.to_string(), "01".repeat(16));
        assert_eq!(span.parent_id, SpanId::parse("0303030303030303"));
        assert_eq!((span.start_ns, span.duration_ns, span.dropped), (5, 4, 4));
        assert_eq!(span.kind, SpanKind::Server);
        assert_eq!(span.status, SpanStatus::Error("boom".into()));
        assert_eq!((&*span.resource.service, &*span.scope.name), ("s", "lib"));
        assert_eq!(&*span.scope.version, "1.2");
        assert_eq!(span.scope.attributes, [("k".into(), true.into())]);
        assert_eq!(span.attributes, [("n".into(), 7.into())]);
    }

    #[test]
    fn rejects_ids_of_the_wrong_size_and_takes_an_end_before_the_start_as_no_duration() {
        let mut rejected = Rejected::default();
        let mut bad = good();
        bad.trace_id = vec![0; 16];
        assert!(spans(request(bad), &mut rejected).is_empty());
        let mut bad = good();
        bad.span_id = vec![1; 7];
        assert!(spans(request(bad), &mut rejected).is_empty());
        assert_eq!(
            rejected.message(),
            "trace id is not 16 bytes, or is zero (1); span id is not 8 bytes, or is zero (1)"
        );
        let mut backwards = good();
        backwards.end_time_unix_nano = 1;
        assert_eq!(spans(request(backwards), &mut rejected)[0].duration_ns, 0);
    }
}
