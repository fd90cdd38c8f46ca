//! B3, as Zipkin's libraries propagate: one header, or one for each part.
//!
//! Invariant: what is malformed is ignored and counted. A 64-bit trace id is the lower half of ours.
//! Not here: keeping the caller's parent id and its debug flag apart from its decision; nothing in this SDK asks for them.
//!
//! Source: the B3 propagation specification of OpenZipkin.

use watchroom_core::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};

use super::remote::Decision;
use super::{Extractor, Injector, RemoteContext};

/// The single header.
pub const B3: &str = "b3";
/// Of the many: the trace.
pub const X_B3_TRACE_ID: &str = "x-b3-traceid";
/// Of the many: the span.
pub const X_B3_SPAN_ID: &str = "x-b3-spanid";
/// Of the many: the span's parent; it is never written.
pub const X_B3_PARENT_SPAN_ID: &str = "x-b3-parentspanid";
/// Of the many: the decision.
pub const X_B3_SAMPLED: &str = "x-b3-sampled";
/// Of the many: `1` for debug, which implies a sampled trace.
pub const X_B3_FLAGS: &str = "x-b3-flags";

/// It is there, and malformed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed;

/// Reads B3 headers, the single one before the many, as the specification wants it. No header is `Ok(None)`.
pub(super) fn extract(carrier: &(impl Extractor + ?Sized)) -> Result<Option<RemoteContext>, Malformed> {
    if let Some(text) = carrier.get(B3) {
        return parse_single(text.trim_matches([' ', '\t'])).map(Some);
    }
    let [trace, span, sampled, flags] =
        [X_B3_TRACE_ID, X_B3_SPAN_ID, X_B3_SAMPLED, X_B3_FLAGS].map(|key| carrier.get(key));
    let sampled = match (flags, sampled) {
        (Some("1"), _) => Some(true),
        (_, None) => None,
        (_, Some("1" | "true")) => Some(true),
        (_, Some("0" | "false")) => Some(false),
        _ => return Err(Malformed),
    };
    match (trace, span) {
        (None, None) => Ok(sampled.map(without_ids)),
        (Some(trace), Some(span)) => with_ids(trace, span, sampled).map(Some),
        _ => Err(Malformed),
    }
}

/// `trace-span`, `trace-span-decision`, `trace-span-decision-parent`, or the decision alone.
fn parse_single(text: &str) -> Result<RemoteContext, Malformed> {
    let mut parts = text.split('-');
    let (first, second, third) = (parts.next().unwrap_or_default(), parts.next(), parts.next());
    let fourth = parts.next();
    let parent_ok = fourth.is_none_or(|parent| SpanId::parse(parent).is_some());
    if !parent_ok || parts.next().is_some() {
        return Err(Malformed);
    }
    match second {
        None => decision(first).map(without_ids),
        Some(span) => with_ids(first, span, third.map(decision).transpose()?),
    }
}

fn decision(text: &str) -> Result<bool, Malformed> {
    match text {
        "1" | "d" => Ok(true),
        "0" => Ok(false),
        _ => Err(Malformed),
    }
}

fn without_ids(sampled: bool) -> RemoteContext {
    RemoteContext {
        decision: Decision::WithoutIds(sampled),
        ..RemoteContext::NONE
    }
}

fn with_ids(trace: &str, span: &str, sampled: Option<bool>) -> Result<RemoteContext, Malformed> {
    let trace_id = match trace.len() {
        // Half an id has the form of a span's.
        16 => SpanId::parse(trace).and_then(|half| TraceId::new(half.get().into())),
        _ => TraceId::parse(trace),
    };
    let (Some(trace_id), Some(span_id)) = (trace_id, SpanId::parse(span)) else {
        return Err(Malformed);
    };
    let mut remote = RemoteContext::from(SpanContext {
        trace_id,
        span_id,
        flags: TraceFlags::with_sampled(sampled.unwrap_or(false)),
        remote: true,
        state: TraceState::EMPTY,
    });
    if sampled.is_none() {
        remote.decision = Decision::Deferred;
    }
    Ok(remote)
}

const fn sampled(context: &SpanContext) -> &'static str {
    if context.is_sampled() { "1" } else { "0" }
}

/// Writes the single header.
pub(super) fn inject_single(context: &SpanContext, carrier: &mut (impl Injector + ?Sized)) {
    let (trace, span) = (context.trace_id.hex(), context.span_id.hex());
    carrier.set(B3, &[trace.as_str(), span.as_str(), sampled(context)].join("-"));
}

/// Writes the many, and takes out what an earlier hop left of them.
pub(super) fn inject_multi(context: &SpanContext, carrier: &mut (impl Injector + ?Sized)) {
    carrier.set(X_B3_TRACE_ID, context.trace_id.hex().as_str());
    carrier.set(X_B3_SPAN_ID, context.span_id.hex().as_str());
    carrier.set(X_B3_SAMPLED, sampled(context));
    carrier.remove(X_B3_PARENT_SPAN_ID);
    carrier.remove(X_B3_FLAGS);
}
