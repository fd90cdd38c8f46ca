//! The stock SDK decides and propagates; ours has to do the same.

use std::collections::HashMap;

use opentelemetry::baggage::BaggageExt as _;
use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry::trace::{self, SpanKind, TraceContextExt as _};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};
use opentelemetry_sdk::trace::{Sampler as StockSampler, SamplingDecision, ShouldSample as _};
use watchroom_capture::{Baggage, Propagators, RemoteContext, Sampler};
use watchroom_core::{Ledger, Moment, SpanContext, SpanId, TraceFlags, TraceId, TraceState};

const RATIOS: [f64; 12] = [
    0.0,
    1e-12,
    1e-6,
    0.001,
    0.01,
    0.1,
    1.0 / 3.0,
    0.5,
    0.75,
    0.999_999,
    0.999_999_999_999_999_9,
    1.0,
];

/// Ids near the bounds of every ratio, and many in between; the same in every run.
fn ids() -> impl Iterator<Item = TraceId> {
    let near = RATIOS.into_iter().flat_map(|ratio| {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a bound within 64 bits"
        )]
        let bound = ((ratio * (1_u64 << 63) as f64) as u64) << 1;
        (0..8).map(move |n| 1 << 64 | u128::from(bound.wrapping_sub(4).wrapping_add(n)))
    });
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let spread = std::iter::from_fn(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        Some(u128::from(state.rotate_left(23)) << 64 | u128::from(state))
    });
    near.chain(spread.take(5_000)).filter_map(TraceId::new)
}

fn stock(sampler: &StockSampler, parent: Option<&Context>, id: TraceId) -> bool {
    let id = trace::TraceId::from_bytes(id.to_bytes());
    let result = sampler.should_sample(parent, id, "span", &SpanKind::Internal, &[], &[]);
    result.decision == SamplingDecision::RecordAndSample
}

#[test]
fn ratios_decide_as_the_stock_sdk_does() {
    for ratio in RATIOS {
        let (ours, theirs) = (Sampler::ratio(ratio), StockSampler::TraceIdRatioBased(ratio));
        for id in ids() {
            assert_eq!(
                ours.decide(None, id, Moment::default()),
                stock(&theirs, None, id),
                "{ratio} {id}"
            );
        }
    }
}

#[test]
fn parents_are_followed_as_the_stock_sdk_does() {
    let ours = Sampler::parent_based(Sampler::ratio(0.5));
    let theirs = StockSampler::ParentBased(Box::new(StockSampler::TraceIdRatioBased(0.5)));
    for id in ids() {
        assert_eq!(ours.decide(None, id, Moment::default()), stock(&theirs, None, id));
        for sampled in [true, false] {
            let parent = caller(id, sampled);
            let cx = Context::new().with_remote_span_context(trace::SpanContext::new(
                trace::TraceId::from_bytes(id.to_bytes()),
                trace::SpanId::from_bytes(parent.span_id.to_bytes()),
                trace::TraceFlags::new(parent.flags.0),
                true,
                trace::TraceState::default(),
            ));
            let decided = ours.decide(Some(&parent), id, Moment::default());
            assert_eq!(decided, stock(&theirs, Some(&cx), id));
        }
    }
}

fn caller(trace_id: TraceId, sampled: bool) -> SpanContext {
    SpanContext {
        trace_id,
        span_id: SpanId::new(7).unwrap(),
        flags: TraceFlags::with_sampled(sampled),
        remote: true,
        state: TraceState::EMPTY,
    }
}

#[test]
fn what_the_stock_sdk_injects_we_extract() {
    let id = TraceId::new(0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736).unwrap();
    let cx = Context::new()
        .with_remote_span_context(trace::SpanContext::new(
            trace::TraceId::from_bytes(id.to_bytes()),
            trace::SpanId::from_bytes([0, 0, 0, 0, 0, 0, 0, 7]),
            trace::TraceFlags::SAMPLED,
            true,
            trace::TraceState::from_key_value([("a", "1"), ("b@c", "2")]).unwrap(),
        ))
        .with_baggage([KeyValue::new("city", "Köln, am Rhein"), KeyValue::new("n", "50%")]);
    let mut headers = HashMap::new();
    TraceContextPropagator::new().inject_context(&cx, &mut headers);
    BaggagePropagator::new().inject_context(&cx, &mut headers);
    let got = Propagators::default().extract(&headers, &Ledger::default());
    assert_eq!(got.baggage.get("city"), Some("Köln, am Rhein"));
    assert_eq!(got.baggage.get("n"), Some("50%"));
    let expected = SpanContext {
        state: TraceState::from_validated("a=1,b@c=2"),
        ..caller(id, true)
    };
    assert_eq!(got.span, Some(expected));
}

#[test]
fn what_we_inject_the_stock_sdk_extracts() {
    let span = SpanContext {
        state: TraceState::from_validated("a=1,b@c=2"),
        ..caller(TraceId::new(0x1234_5678).unwrap(), true)
    };
    let baggage = Baggage::EMPTY
        .with("city", "Köln, am Rhein")
        .unwrap()
        .with_properties("n", "50%", &[("p", None), ("q", Some("1"))])
        .unwrap();
    let mut headers = HashMap::new();
    let redactor = watchroom_capture::Capture::builder().build().1.redactor().clone();
    Propagators::default().inject(&span, &baggage, &redactor, &mut headers);
    let cx = TraceContextPropagator::new().extract_with_context(&Context::new(), &headers);
    let cx = BaggagePropagator::new().extract_with_context(&cx, &headers);
    let seen = cx.span().span_context().clone();
    assert_eq!(seen.trace_id().to_bytes(), span.trace_id.to_bytes());
    assert_eq!(seen.span_id().to_bytes(), span.span_id.to_bytes());
    assert_eq!(seen.trace_state().header(), "a=1,b@c=2");
    assert!(seen.is_sampled() && seen.is_remote());
    assert_eq!(
        cx.baggage().get("city").map(|value| value.as_str()),
        Some("Köln, am Rhein")
    );
    let (value, metadata) = cx.baggage().get_with_metadata("n").unwrap();
    assert_eq!((value.as_str(), metadata.as_str()), ("50%", "p;q=1"));
    assert_eq!(
        Propagators::default().extract(&headers, &Ledger::default()),
        RemoteContext::from(span).with_baggage(baggage)
    );
}
