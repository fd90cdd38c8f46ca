//! What a handler can know of the request it serves.

use http::Extensions;
use tracing::Span;
use watchroom::SpanContext;
use watchroom::capture::context::with_remote_parent;

use crate::RequestId;

/// Request id and trace of the caller; [`ServerLayer`](crate::ServerLayer) puts it into the request's extensions.
#[derive(Debug, Clone)]
pub struct RequestContext {
    /// The request's id.
    pub request_id: RequestId,
    /// The caller's span, if it sent one.
    pub parent: Option<SpanContext>,
}

impl RequestContext {
    /// The context of a request; a fresh one if no layer has put one there.
    #[must_use]
    pub fn of(extensions: &Extensions) -> Self {
        extensions.get().cloned().unwrap_or_else(|| Self {
            request_id: RequestId::random(),
            parent: None,
        })
    }

    /// Makes the span of the request as a child of the caller's span; inside another span it becomes that one's child.
    ///
    /// ```
    /// # let extensions = http::Extensions::new();
    /// let context = watchroom_http::RequestContext::of(&extensions);
    /// let span = context.make_span(|request_id| tracing::info_span!("rpc.get", request_id, otel.kind = "server"));
    /// ```
    pub fn make_span(&self, make: impl FnOnce(&str) -> Span) -> Span {
        match &self.parent {
            Some(parent) if watchroom::capture::context::current_context().is_none() => {
                with_remote_parent(parent.clone(), || make(self.request_id.as_str()))
            }
            _ => make(self.request_id.as_str()),
        }
    }
}
