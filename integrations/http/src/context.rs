//! What a handler can know of the request it serves.

use http::Extensions;
use tracing::Span;
use watchroom::capture::context::with_remote_parent;
use watchroom::capture::propagation::RemoteContext;

use crate::RequestId;

/// Request id and trace of the caller; [`ServerLayer`](crate::ServerLayer) puts it into the request's extensions.
#[derive(Debug, Clone)]
pub struct RequestContext {
    /// The request's id.
    pub request_id: RequestId,
    /// The caller's span and baggage, as far as it sent them.
    pub parent: RemoteContext,
}

impl RequestContext {
    /// The context of a request; a fresh one if no layer has put one there.
    #[must_use]
    pub fn of(extensions: &Extensions) -> Self {
        extensions.get().cloned().unwrap_or_else(|| Self {
            request_id: RequestId::random(),
            parent: RemoteContext::NONE,
        })
    }

    /// Makes the span of the request as a child of the caller's span, with the caller's baggage; inside another span it becomes that one's child.
    ///
    /// ```
    /// # let extensions = http::Extensions::new();
    /// let context = watchroom_http::RequestContext::of(&extensions);
    /// let span = context.make_span(|request_id| tracing::info_span!("rpc.get", request_id, otel.kind = "server"));
    /// ```
    pub fn make_span(&self, make: impl FnOnce(&str) -> Span) -> Span {
        let inside = watchroom::capture::context::current_context().is_some();
        if inside || self.parent.is_empty() {
            return make(self.request_id.as_str());
        }
        with_remote_parent(self.parent.clone(), || make(self.request_id.as_str()))
    }
}
