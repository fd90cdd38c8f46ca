//! Another tracing API in the same process: what it holds as current, and how it learns what we do.
//!
//! Invariant: without one, nothing of this runs but a look at an empty place. Not here: any such API; bridges are crates of their own.

use std::fmt;
use std::sync::Arc;

use watchroom_core::{SpanContext, Value};

use crate::layer::{CaptureLayer, Shared};
use crate::{Baggage, RemoteContext, Status};

/// The other API's idea of what is current on a thread. It is called on the paths of spans: it must not block, panic, or trace.
pub trait ForeignContext: Send + Sync + 'static {
    /// What is current there. Where that is not the current span of this capture, it becomes the parent of a span that is made.
    fn current(&self) -> RemoteContext;

    /// A span of this capture becomes current on this thread.
    fn enter(&self, span: SpanRef);

    /// A span of this capture, by the number that [`SpanRef::id`] gave, is current no more on this thread.
    fn exit(&self, id: u64);
}

/// A captured span, held by its number: it does not keep the span open, and once the span has closed nothing happens any more.
#[derive(Clone)]
pub struct SpanRef {
    layer: Arc<Shared>,
    id: u64,
}

impl fmt::Debug for SpanRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SpanRef").field(&self.id).finish()
    }
}

impl SpanRef {
    pub(crate) const fn new(layer: Arc<Shared>, id: u64) -> Self {
        Self { layer, id }
    }

    fn layer(&self) -> CaptureLayer {
        CaptureLayer::new(Arc::clone(&self.layer))
    }

    /// The span's number in its subscriber.
    #[must_use]
    pub const fn id(&self) -> u64 {
        self.id
    }

    /// Whether the span is open.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.layer.table.get(self.id).is_some()
    }

    /// Context and baggage, while the span is open.
    #[must_use]
    pub fn identity(&self) -> Option<(SpanContext, Baggage)> {
        self.layer().identity_of(self.id)
    }

    /// As [`SpanExt::set_attribute`](crate::SpanExt::set_attribute).
    pub fn set_attribute<'v>(&self, key: &str, value: impl Into<Value<'v>>) {
        self.layer().set_attribute(self.id, key, value.into());
    }

    /// As [`SpanExt::set_status`](crate::SpanExt::set_status).
    pub fn set_status(&self, status: Status, description: &str) {
        self.layer().set_status(self.id, status, description);
    }

    /// As [`SpanExt::add_link`](crate::SpanExt::add_link).
    pub fn add_link(&self, to: SpanContext) {
        self.layer().add_link(self.id, to);
    }

    /// As [`SpanExt::add_event`](crate::SpanExt::add_event).
    pub fn add_event(&self, name: &str, attributes: &[(&str, Value<'_>)]) {
        self.layer().add_event(self.id, name, attributes);
    }

    /// Gives the span another name.
    pub fn set_name(&self, name: &str) {
        self.layer().set_name(self.id, name);
    }
}
