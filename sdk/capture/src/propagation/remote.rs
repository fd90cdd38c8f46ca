//! What arrives from elsewhere: the caller's span, its baggage, its decision.
//!
//! Not here: reading it out of carriers.

use watchroom_core::SpanContext;

use super::Baggage;

/// The caller as a carrier told of it. Any part may be absent.
///
/// ```
/// # use std::collections::HashMap;
/// # use watchroom_capture::{context, propagation::Propagators};
/// # use watchroom_core::Ledger;
/// let headers = HashMap::from([
///     ("traceparent".to_owned(), "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned()),
///     ("baggage".to_owned(), "tenant=acme".to_owned()),
/// ]);
/// let caller = Propagators::default().extract(&headers, &Ledger::default());
/// assert_eq!(caller.baggage.get("tenant"), Some("acme"));
/// let span = context::with_remote_parent(caller, || tracing::info_span!("take", otel.kind = "consumer"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RemoteContext {
    /// The caller's span.
    pub span: Option<SpanContext>,
    /// What the caller sent along.
    pub baggage: Baggage,
    pub(crate) decision: Decision,
}

/// How the caller has decided on sampling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Decision {
    /// As the flags of its span say.
    #[default]
    InFlags,
    /// It leaves that to us (B3 without a sampling state).
    Deferred,
    /// It has decided, though it sent no ids (B3 `0` alone).
    WithoutIds(bool),
}

impl RemoteContext {
    /// Nobody.
    pub const NONE: Self = Self {
        span: None,
        baggage: Baggage::EMPTY,
        decision: Decision::InFlags,
    };

    /// Whether the carrier told nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.span.is_none() && self.baggage.is_empty() && self.decision == Decision::InFlags
    }

    /// With other baggage.
    #[must_use]
    pub fn with_baggage(mut self, baggage: Baggage) -> Self {
        self.baggage = baggage;
        self
    }
}

impl From<SpanContext> for RemoteContext {
    fn from(span: SpanContext) -> Self {
        Some(span).into()
    }
}

impl From<Option<SpanContext>> for RemoteContext {
    fn from(span: Option<SpanContext>) -> Self {
        Self { span, ..Self::NONE }
    }
}
