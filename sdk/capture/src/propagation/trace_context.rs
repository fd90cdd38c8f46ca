//! A context as a parameter of a remote call.
//!
//! Invariant: it holds text only, so that it survives any encoding; what is malformed in it is ignored where it is used.

use watchroom_core::{Ledger, SpanContext};

use super::{Extractor, Injector, TRACEPARENT, TRACESTATE, extract, inject};

/// The caller's request id and trace context, for calls that have no headers. With the feature `serde` it can be serialized;
/// absent parts are left out.
///
/// ```
/// # use watchroom_capture::TraceContext;
/// let nothing = TraceContext::current();
/// assert_eq!(nothing, TraceContext::default());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct TraceContext {
    /// Id of the request that the call belongs to.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub request_id: Option<String>,
    /// As the HTTP header of that name.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub traceparent: Option<String>,
    /// As the HTTP header of that name.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub tracestate: Option<String>,
}

impl TraceContext {
    /// The context of the current span and the request id of the nearest span that has one.
    #[must_use]
    pub fn current() -> Self {
        let mut context = crate::context::current_context()
            .map(|span| Self::of(&span))
            .unwrap_or_default();
        context.request_id = crate::context::current_field("request_id");
        context
    }

    /// The context of a span, without a request id.
    #[must_use]
    pub fn of(span: &SpanContext) -> Self {
        let mut context = Self::default();
        inject(span, &mut context);
        context
    }

    /// With a request id.
    #[must_use]
    pub fn with_request_id(mut self, request_id: impl Into<String>) -> Self {
        self.request_id = Some(request_id.into());
        self
    }

    /// The caller's span. What is malformed is no context, and is counted.
    #[must_use]
    pub fn span_context(&self, ledger: &Ledger) -> Option<SpanContext> {
        extract(self, ledger)
    }
}

impl Extractor for TraceContext {
    fn get(&self, key: &str) -> Option<&str> {
        match key {
            TRACEPARENT => self.traceparent.as_deref(),
            TRACESTATE => self.tracestate.as_deref(),
            _ => None,
        }
    }
}

impl Injector for TraceContext {
    fn set(&mut self, key: &str, value: &str) {
        match key {
            TRACEPARENT => self.traceparent = Some(value.to_owned()),
            TRACESTATE => self.tracestate = Some(value.to_owned()),
            _ => {}
        }
    }

    fn remove(&mut self, key: &str) {
        match key {
            TRACEPARENT => self.traceparent = None,
            TRACESTATE => self.tracestate = None,
            _ => {}
        }
    }
}
