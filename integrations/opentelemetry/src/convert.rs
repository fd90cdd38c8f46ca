//! Ids, contexts, values and baggage from one API to the other.
//!
//! Invariant: what the other API holds as valid and ours does not, or the other way round, becomes nothing, never something else.

use std::borrow::Cow;
use std::time::{SystemTime, UNIX_EPOCH};

use opentelemetry::baggage::{Baggage as TheirBaggage, BaggageExt as _, KeyValueMetadata};
use opentelemetry::trace::{self, TraceContextExt as _};
use opentelemetry::{Context, Value as TheirValue};
use watchroom_capture::propagation::parse_tracestate;
use watchroom_capture::{Baggage, RemoteContext, SpanKind, Status};
use watchroom_core::{SpanContext, SpanId, TraceFlags, TraceId, TraceState, Value};

/// Our context as theirs.
pub(crate) fn theirs(context: &SpanContext) -> trace::SpanContext {
    let members = context.state.as_str().split(',');
    let state = trace::TraceState::from_key_value(members.filter_map(|member| member.split_once('=')));
    trace::SpanContext::new(
        trace::TraceId::from_bytes(context.trace_id.to_bytes()),
        trace::SpanId::from_bytes(context.span_id.to_bytes()),
        trace::TraceFlags::new(context.flags.0),
        context.remote,
        state.unwrap_or_default(),
    )
}

/// Their context as ours, if it is valid.
pub(crate) fn ours(context: &trace::SpanContext) -> Option<SpanContext> {
    Some(SpanContext {
        trace_id: TraceId::from_bytes(context.trace_id().to_bytes())?,
        span_id: SpanId::from_bytes(context.span_id().to_bytes())?,
        flags: TraceFlags(context.trace_flags().to_u8()),
        remote: context.is_remote(),
        state: parse_tracestate(&context.trace_state().header()).unwrap_or(TraceState::EMPTY),
    })
}

/// The active span of a context and its baggage.
pub(crate) fn parent(cx: &Context) -> RemoteContext {
    let span = cx
        .has_active_span()
        .then(|| ours(cx.span().span_context()))
        .flatten();
    RemoteContext::from(span).with_baggage(our_baggage(cx.baggage()))
}

pub(crate) fn our_baggage(baggage: &TheirBaggage) -> Baggage {
    baggage
        .iter()
        .fold(Baggage::EMPTY, |sum, (key, (value, metadata))| {
            let properties: Vec<_> = metadata
                .as_str()
                .split(';')
                .map(str::trim)
                .filter(|property| !property.is_empty())
                .map(|property| match property.split_once('=') {
                    Some((key, value)) => (key.trim(), Some(value.trim())),
                    None => (property, None),
                })
                .collect();
            // What passes our limits is left out, as it would be on the wire.
            sum.with_properties(key.as_str(), value.as_str(), &properties)
                .unwrap_or(sum)
        })
}

pub(crate) fn their_baggage(baggage: &Baggage) -> TheirBaggage {
    let member = |(key, value): (&str, &str)| {
        let properties = baggage.properties(key).map(|(key, value)| match value {
            Some(value) => format!("{key}={value}"),
            None => key.to_owned(),
        });
        let metadata = properties.collect::<Vec<_>>().join(";");
        KeyValueMetadata::new(key.to_owned(), value.to_owned(), metadata.as_str())
    };
    baggage.iter().map(member).collect()
}

/// A context with baggage, if there is any.
pub(crate) fn with_baggage(cx: Context, baggage: &Baggage) -> Context {
    if baggage.is_empty() {
        cx
    } else {
        cx.with_baggage(their_baggage(baggage))
    }
}

/// Gives `f` a value in our form; an array is shown as text.
pub(crate) fn with_value<R>(value: &TheirValue, f: impl FnOnce(Value<'_>) -> R) -> R {
    match value {
        TheirValue::Bool(value) => f(Value::Bool(*value)),
        TheirValue::I64(value) => f(Value::I64(*value)),
        TheirValue::F64(value) => f(Value::F64(*value)),
        TheirValue::String(text) => f(Value::Str(text.as_str())),
        other => f(Value::Str(&other.as_str())),
    }
}

/// As [`with_value`], for as long as the pair lives.
pub(crate) fn text_of(value: &TheirValue) -> Option<Cow<'_, str>> {
    match value {
        TheirValue::Bool(_) | TheirValue::I64(_) | TheirValue::F64(_) => None,
        other => Some(other.as_str()),
    }
}

pub(crate) const fn kind(kind: &trace::SpanKind) -> SpanKind {
    match kind {
        trace::SpanKind::Client => SpanKind::Client,
        trace::SpanKind::Server => SpanKind::Server,
        trace::SpanKind::Producer => SpanKind::Producer,
        trace::SpanKind::Consumer => SpanKind::Consumer,
        trace::SpanKind::Internal => SpanKind::Internal,
    }
}

pub(crate) fn status(status: &trace::Status) -> (Status, &str) {
    match status {
        trace::Status::Unset => (Status::Unset, ""),
        trace::Status::Ok => (Status::Ok, ""),
        trace::Status::Error { description } => (Status::Error, description),
    }
}

/// Nanoseconds since the epoch; a time before it is the epoch.
pub(crate) fn unix_ns(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
