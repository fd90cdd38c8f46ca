//! The provider of tracers that libraries ask for, and the tracers.
//!
//! Invariant: a span's parent is the one in the context that it is given, as the API says; nothing else is looked at.

use std::borrow::Cow;

use opentelemetry::trace::{self, Span as _, SpanBuilder, TraceContextExt as _};
use opentelemetry::{Context, InstrumentationScope, KeyValue};
use tracing_core::metadata::Kind;
use tracing_core::{Callsite, Interest, Level, Metadata, field::FieldSet};
use watchroom_capture::CaptureHandle;

use crate::{Span, convert};

/// Target under which filters know the spans of the `opentelemetry` API; they are at INFO.
pub(crate) const TARGET: &str = "opentelemetry";

struct Site;

static SITE: Site = Site;
static METADATA: Metadata<'static> = Metadata::new(
    "opentelemetry span",
    TARGET,
    Level::INFO,
    None,
    None,
    None,
    FieldSet::new(&[], tracing_core::identify_callsite!(&SITE)),
    Kind::SPAN,
);

impl Callsite for Site {
    fn set_interest(&self, _interest: Interest) {}

    fn metadata(&self) -> &Metadata<'_> {
        &METADATA
    }
}

/// Makes tracers whose spans are this SDK's. [`install`](crate::install) makes it the process's own.
#[derive(Debug, Clone)]
pub struct Provider {
    handle: CaptureHandle,
}

impl Provider {
    /// A provider whose spans go to a capture. Alone it serves one way; [`join`](crate::join) adds the other.
    #[must_use]
    pub const fn new(handle: CaptureHandle) -> Self {
        Self { handle }
    }
}

impl trace::TracerProvider for Provider {
    type Tracer = Tracer;

    fn tracer_with_scope(&self, scope: InstrumentationScope) -> Tracer {
        Tracer {
            handle: self.handle.clone(),
            scope,
        }
    }
}

/// Begins spans for one library. Its name and version become `otel.scope.name` and `otel.scope.version`.
#[derive(Debug, Clone)]
pub struct Tracer {
    handle: CaptureHandle,
    scope: InstrumentationScope,
}

impl trace::Tracer for Tracer {
    type Span = Span;

    fn build_with_context(&self, builder: SpanBuilder, parent_cx: &Context) -> Span {
        if parent_cx.is_telemetry_suppressed() {
            return Span::suppressed(parent_cx.span().span_context().clone());
        }
        let SpanBuilder {
            span_kind,
            name,
            start_time,
            attributes,
            events,
            links,
            ..
        } = builder;
        let start = start_time.map(convert::unix_ns);
        let mut manual = self
            .handle
            .start_span(&METADATA, &name, convert::parent(parent_cx), start);
        if let Some(kind) = span_kind {
            manual.set_kind(convert::kind(&kind));
        }
        let mut span = Span::new(manual);
        if !span.is_recording() {
            return span;
        }
        let text = |text: &str| opentelemetry::Value::from(text.to_owned());
        span.set_attribute(KeyValue::new("otel.scope.name", text(self.scope.name())));
        if let Some(version) = self.scope.version() {
            span.set_attribute(KeyValue::new("otel.scope.version", text(version)));
        }
        for attribute in attributes.into_iter().flatten() {
            span.set_attribute(attribute);
        }
        for event in events.into_iter().flatten() {
            let name: Cow<'static, str> = event.name;
            span.add_event_with_timestamp(name, event.timestamp, event.attributes);
        }
        for link in links.into_iter().flatten() {
            span.add_link(link.span_context, link.attributes);
        }
        span
    }
}
