//! What unit tests of this crate share.

use tracing_core::metadata::Kind;
use tracing_core::{Callsite, Interest, Metadata};
use watchroom_core::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};

struct Site;

impl Callsite for Site {
    fn set_interest(&self, _interest: Interest) {}

    fn metadata(&self) -> &Metadata<'_> {
        metadata()
    }
}

pub(crate) fn metadata() -> &'static Metadata<'static> {
    static SITE: Site = Site;
    static METADATA: Metadata<'static> = tracing_core::metadata! {
        name: "span",
        target: "tests",
        level: tracing_core::Level::INFO,
        fields: &[],
        callsite: &SITE,
        kind: Kind::SPAN,
    };
    &METADATA
}

pub(crate) fn context() -> SpanContext {
    SpanContext {
        trace_id: TraceId::random(),
        span_id: SpanId::random(),
        flags: TraceFlags::with_sampled(true),
        remote: false,
        state: TraceState::EMPTY,
    }
}
