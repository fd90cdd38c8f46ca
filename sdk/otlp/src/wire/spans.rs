//! `Span`, its events, links and status.
//!
//! Not here: the groups around it (`batch`).

use watchroom_capture::{SpanAttributes, SpanKind, SpanRecord, Status};
use watchroom_core::SpanContext;

use super::attributes::attribute;
use super::proto;

/// Set in `flags` where it is known whether the parent or the linked span is remote, and the bit that says that it is.
const HAS_IS_REMOTE: u32 = 1 << 8;
const IS_REMOTE: u32 = 1 << 9;

/// Encodes the content of a `Span` message. `wanted` tells which of the span's circumstances go with its fields.
pub fn encode_span(out: &mut Vec<u8>, span: &SpanRecord, wanted: SpanAttributes) {
    proto::bytes_always(out, 1, &span.context.trace_id.to_bytes());
    proto::bytes_always(out, 2, &span.context.span_id.to_bytes());
    proto::bytes(out, 3, span.context.state.as_str().as_bytes());
    if let Some(parent) = span.parent {
        proto::bytes_always(out, 4, &parent.to_bytes());
    }
    proto::bytes(out, 5, span.name().as_bytes());
    proto::uint(out, 6, kind(span.kind));
    proto::fixed64(out, 7, span.start_unix_ns);
    proto::fixed64(out, 8, span.start_unix_ns.saturating_add(span.duration_ns));
    // From within: the iterator is a chain of several, which is slow to step through from without.
    span.attributes(wanted)
        .for_each(|(key, value)| attribute(out, 9, key, value));
    proto::uint(out, 10, u64::from(span.dropped_attributes));
    for event in span.events.iter() {
        proto::message::<2>(out, 11, |out| {
            proto::fixed64(out, 1, event.time_unix_ns);
            proto::bytes(out, 2, event.name().as_bytes());
            event
                .attributes(wanted)
                .for_each(|(key, value)| attribute(out, 3, key, value));
        });
    }
    proto::uint(out, 12, u64::from(span.dropped_events));
    for link in &span.links {
        proto::message::<1>(out, 13, |out| encode_link(out, &link.context));
    }
    proto::uint(out, 14, u64::from(span.dropped_links));
    let code = match span.status {
        Status::Unset => 0,
        Status::Ok => 1,
        Status::Error => 2,
    };
    if code != 0 {
        proto::message::<1>(out, 15, |out| {
            proto::bytes(out, 2, span.status_description.as_bytes());
            proto::uint(out, 3, code);
        });
    }
    let remote = if span.parent_remote { IS_REMOTE } else { 0 };
    proto::fixed32(out, 16, u32::from(span.context.flags.0) | HAS_IS_REMOTE | remote);
}

fn encode_link(out: &mut Vec<u8>, context: &SpanContext) {
    proto::bytes_always(out, 1, &context.trace_id.to_bytes());
    proto::bytes_always(out, 2, &context.span_id.to_bytes());
    proto::bytes(out, 3, context.state.as_str().as_bytes());
    let remote = if context.remote { IS_REMOTE } else { 0 };
    proto::fixed32(out, 6, u32::from(context.flags.0) | HAS_IS_REMOTE | remote);
}

fn kind(kind: SpanKind) -> u64 {
    match kind {
        SpanKind::Internal => 1,
        SpanKind::Server => 2,
        SpanKind::Client => 3,
        SpanKind::Producer => 4,
        SpanKind::Consumer => 5,
    }
}
