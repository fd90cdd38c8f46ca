//! Whatever a record holds is read back equal by another protobuf library.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use proptest::prelude::*;
use prost::Message as _;
use watchroom_capture::{Fields, Link, SpanAttributes, SpanKind, SpanRecord, Status};
use watchroom_core::{Resource, SpanContext, SpanId, TraceFlags, TraceId, TraceState, Value};
use watchroom_otlp::wire;

use crate::support::expected;
use crate::support::records::{self, ADDED, CART, NOTED, PAY};

#[derive(Debug, Clone)]
enum Owned {
    Bool(bool),
    I64(i64),
    U64(u64),
    F64(f64),
    Str(String),
}

impl Owned {
    fn lend(&self) -> Value<'_> {
        match self {
            Self::Bool(value) => Value::Bool(*value),
            Self::I64(value) => Value::I64(*value),
            Self::U64(value) => Value::U64(*value),
            Self::F64(value) => Value::F64(*value),
            Self::Str(value) => Value::Str(value),
        }
    }
}

fn value() -> impl Strategy<Value = Owned> {
    prop_oneof![
        any::<bool>().prop_map(Owned::Bool),
        any::<i64>().prop_map(Owned::I64),
        any::<u64>().prop_map(Owned::U64),
        // NaN differs from itself; all else must come back bit by bit.
        any::<f64>()
            .prop_filter("NaN", |value| !value.is_nan())
            .prop_map(Owned::F64),
        ".{0,40}".prop_map(Owned::Str),
        "[a-z]{100,300}".prop_map(Owned::Str),
    ]
}

fn fields() -> impl Strategy<Value = Vec<(String, Owned)>> {
    prop::collection::vec((".{0,20}", value()), 0..12)
}

fn fill(into: &mut Fields, from: &[(String, Owned)]) {
    for (key, value) in from {
        into.push_named(key, value.lend());
    }
}

fn context() -> impl Strategy<Value = SpanContext> {
    (
        1..=u128::MAX,
        1..=u64::MAX,
        any::<u8>(),
        any::<bool>(),
        "[a-z0-9=,]{0,30}",
    )
        .prop_map(|(trace, span, flags, remote, state)| SpanContext {
            trace_id: TraceId::new(trace).unwrap(),
            span_id: SpanId::new(span).unwrap(),
            flags: TraceFlags(flags),
            remote,
            state: TraceState::from_validated(&state),
        })
}

prop_compose! {
    fn span()(
        context in context(),
        parent in any::<u64>(),
        parent_remote in any::<bool>(),
        which in 0_usize..5,
        texts in (".{0,200}", ".{0,30}"),
        times in (0..u64::MAX / 2, 0..u64::MAX / 2, any::<u32>()),
        attributes in fields(),
        events in prop::collection::vec((any::<u64>(), fields()), 0..4),
        links in prop::collection::vec(context(), 0..4),
        dropped in any::<[u32; 3]>(),
    ) -> SpanRecord {
        use SpanKind::{Client, Consumer, Internal, Producer, Server};
        let mut span = SpanRecord::new(if which < 2 { &CART } else { &PAY }, context);
        span.parent = SpanId::new(parent);
        span.parent_remote = parent_remote;
        span.kind = [Internal, Server, Client, Producer, Consumer][which];
        span.status = [Status::Unset, Status::Ok, Status::Error][which % 3];
        (span.name_override, span.status_description) = texts;
        if span.status == Status::Unset {
            // Without a status there is nothing to describe.
            span.status_description.clear();
        }
        (span.start_unix_ns, span.duration_ns) = (times.0, times.1);
        span.busy_ns = u64::from(times.2);
        fill(&mut span.fields, &attributes);
        for (time, attributes) in &events {
            let mut own = Fields::new();
            fill(&mut own, attributes);
            span.events.push(if time % 2 == 0 { &ADDED } else { &NOTED }, *time, &own);
        }
        span.links = links.into_iter().map(|context| Link { context }).collect();
        [span.dropped_attributes, span.dropped_events, span.dropped_links] = dropped;
        span
    }
}

proptest! {
    #[test]
    fn spans_are_read_back_equal(span in span(), stock in any::<bool>()) {
        let wanted = if stock { SpanAttributes::STOCK } else { SpanAttributes::default() };
        let mut bytes = Vec::new();
        wire::encode_span(&mut bytes, &span, wanted);
        prop_assert_eq!(Span::decode(bytes.as_slice()).unwrap(), expected::span(&span, wanted));
    }

    #[test]
    fn requests_hold_every_span_once_and_stay_below_the_limit(
        lengths in prop::collection::vec(0_usize..6_000, 0..40),
        limit in 4_096_usize..20_000,
    ) {
        let resource = wire::encode_resource(&Resource::new("shop"));
        let mut batch = wire::Batch::default();
        let fixed = 1_024;
        for (i, len) in (0_u64..).zip(&lengths) {
            let mut span = records::span(i);
            span.fields.push("text", Value::Str(&"x".repeat(*len)));
            batch.push(span.metadata.target(), "", 1, |out| {
                wire::encode_span(out, &span, SpanAttributes::default());
            });
        }
        let requests: Vec<_> = batch.finish(&resource, limit).collect();
        let n_too_large = batch.take_too_large();
        let n_surely_too_large = lengths.iter().filter(|len| **len > limit).count() as u64;
        let n_surely_fit = lengths.iter().filter(|len| **len + fixed <= limit).count() as u64;
        prop_assert!(n_too_large >= n_surely_too_large);
        prop_assert!(n_too_large + n_surely_fit <= lengths.len() as u64);
        let mut seen = Vec::new();
        for request in &requests {
            prop_assert!(request.body.len() <= limit);
            let decoded = ExportTraceServiceRequest::decode(request.body.as_slice()).unwrap();
            let spans = decoded.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
            let ids: Vec<_> = spans.flat_map(|scope| scope.spans).map(|span| span.span_id).collect();
            prop_assert_eq!(ids.len() as u64, request.n_units);
            seen.extend(ids);
        }
        prop_assert_eq!(seen.len() as u64 + n_too_large, lengths.len() as u64);
        seen.sort_unstable();
        seen.dedup();
        prop_assert_eq!(seen.len() as u64 + n_too_large, lengths.len() as u64);
    }
}
