//! The span context as programs see it: of the current span, of any span, and the caller's while a span is made.
//!
//! Invariant: the caller's context is known when the local root is made. Giving a span another parent after its ids have been seen
//! is an error value, never a trace that is silently split.

use std::cell::Cell;

use tracing::Span;
use tracing_core::Dispatch;
use watchroom_core::{SpanContext, SpanId, TraceId, Value};

use crate::propagation::{Baggage, BaggageError, RemoteContext};
use crate::{CaptureLayer, Status};

thread_local! {
    static REMOTE_PARENT: Cell<Option<RemoteContext>> = const { Cell::new(None) };
    /// Whether there is one: every new span asks.
    static HAS_REMOTE_PARENT: Cell<bool> = const { Cell::new(false) };
}

/// Runs `make`, whose first span becomes a local root with `parent` as the caller's span, whatever span is current, and with the baggage
/// that came along. Without a caller's span it becomes what it would have become, with the baggage.
///
/// ```
/// # use watchroom_capture::{context, propagation::Propagators};
/// # use watchroom_core::Ledger;
/// # let headers = std::collections::HashMap::from([("traceparent".to_owned(), String::new())]);
/// # let ledger = Ledger::default();
/// let span = context::with_remote_parent(Propagators::default().extract(&headers, &ledger), || {
///     tracing::info_span!("GET /orders", otel.kind = "server")
/// });
/// ```
pub fn with_remote_parent<R>(parent: impl Into<RemoteContext>, make: impl FnOnce() -> R) -> R {
    struct Restore(Option<RemoteContext>);
    impl Drop for Restore {
        fn drop(&mut self) {
            put_remote_parent(self.0.take());
        }
    }
    let parent = parent.into();
    let _restore = Restore(put_remote_parent((!parent.is_empty()).then_some(parent)));
    make()
}

/// Puts one in place of the one that is there. During a thread's end there is no place for it.
fn put_remote_parent(parent: Option<RemoteContext>) -> Option<RemoteContext> {
    let _ = HAS_REMOTE_PARENT.try_with(|has| has.set(parent.is_some()));
    REMOTE_PARENT.try_with(|cell| cell.replace(parent)).ok().flatten()
}

/// Whether the next span has a parent of its own.
pub(crate) fn has_remote_parent() -> bool {
    HAS_REMOTE_PARENT.try_with(Cell::get).unwrap_or(false)
}

pub(crate) fn take_remote_parent() -> Option<RemoteContext> {
    if !has_remote_parent() {
        return None;
    }
    put_remote_parent(None)
}

pub(crate) fn with_current<R>(f: impl FnOnce(&CaptureLayer, u64) -> Option<R>) -> Option<R> {
    let mut f = Some(f);
    tracing::dispatcher::get_default(|dispatch| {
        let layer = dispatch.downcast_ref::<CaptureLayer>()?;
        f.take()?(layer, layer.current()?)
    })
}

/// Context of the current span, if it is captured.
#[must_use]
pub fn current_context() -> Option<SpanContext> {
    with_current(CaptureLayer::context_of)
}

/// Baggage of the current span; empty if there is none.
#[must_use]
pub fn current_baggage() -> Baggage {
    with_current(CaptureLayer::baggage_of).unwrap_or_default()
}

/// Ids of the current span, or of the nearest around it, that is exported: nothing where the trace is not sampled, where the filter of
/// exported spans leaves all of them out, or where there is no exporter. What an exemplar may lead to.
#[must_use]
pub fn current_exported() -> Option<(TraceId, SpanId)> {
    with_current(CaptureLayer::exported_of)
}

/// Text of a field, of the innermost of the current spans that has it: `request_id` and the like. Of a span that nobody sees (see
/// [`CaptureHandle::subscriber`](crate::CaptureHandle::subscriber)) only `request_id`, `user_id` and `tenant_id` are to be found.
#[must_use]
pub fn current_field(key: &str) -> Option<String> {
    with_current(|layer, id| layer.field_of(id, key))
}

/// Why a span could not be given another parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SetParentError {
    /// The span belongs to a subscriber without capture.
    #[error("the subscriber of this span has no capture layer")]
    NoCapture,
    /// Nobody wants the span, so it does not exist.
    #[error("the span is disabled")]
    Disabled,
    /// The span has been entered, has a child or an event, or its ids have been read: the trace would be split.
    #[error("the span has started, its parent has to be set before it is entered or read")]
    Started,
}

/// What a span can do beyond `tracing`. Every value goes through the redactor; on a span that is not captured nothing happens.
pub trait SpanExt {
    /// Makes a span of another process the parent. Where the span is made in the same place, [`with_remote_parent`] is the way that
    /// cannot fail.
    ///
    /// # Errors
    /// [`SetParentError`] if the span is not captured or has started.
    fn set_parent(&self, parent: impl Into<RemoteContext>) -> Result<(), SetParentError>;

    /// The span's own context. Reading it starts the span.
    fn context(&self) -> Option<SpanContext>;

    /// What travels with the span: its own baggage and what it has inherited.
    fn baggage(&self) -> Baggage;

    /// Lets a name and a value travel with the span: to spans that are made inside of it from now on, and to other services. An empty
    /// value travels too; [`Baggage::without`] and [`set_all_baggage`](Self::set_all_baggage) take a name out.
    ///
    /// # Errors
    /// [`BaggageError`] if the span is not captured, the key is no token, or a limit of the specification is passed.
    fn set_baggage(&self, key: &str, value: &str) -> Result<(), BaggageError>;

    /// Puts baggage in place of what travels with the span.
    ///
    /// # Errors
    /// [`BaggageError::NoSpan`] if the span is not captured.
    fn set_all_baggage(&self, baggage: Baggage) -> Result<(), BaggageError>;

    /// Sets an attribute whose key the callsite need not declare.
    fn set_attribute<'v>(&self, key: &str, value: impl Into<Value<'v>>);

    /// Sets the outcome. `Ok` is final; `Unset` changes nothing.
    fn set_status(&self, status: Status, description: &str);

    /// Links to another span.
    fn add_link(&self, to: SpanContext);

    /// Adds an event to the span; it does not become a log line.
    fn add_event(&self, name: &str, attributes: &[(&str, Value<'_>)]);
}

fn with_layer<R>(span: &Span, f: impl FnOnce(&CaptureLayer, u64) -> R) -> Result<R, SetParentError> {
    span.with_subscriber(|(id, dispatch): (&tracing::Id, &Dispatch)| {
        let layer = dispatch
            .downcast_ref::<CaptureLayer>()
            .ok_or(SetParentError::NoCapture)?;
        Ok(f(layer, id.into_u64()))
    })
    .unwrap_or(Err(SetParentError::Disabled))
}

impl SpanExt for Span {
    fn set_parent(&self, parent: impl Into<RemoteContext>) -> Result<(), SetParentError> {
        let parent = parent.into();
        with_layer(self, |layer, id| layer.set_parent(id, parent))?
    }

    fn context(&self) -> Option<SpanContext> {
        with_layer(self, CaptureLayer::context_of).ok().flatten()
    }

    fn baggage(&self) -> Baggage {
        let found = with_layer(self, CaptureLayer::baggage_of).ok().flatten();
        found.unwrap_or_default()
    }

    fn set_baggage(&self, key: &str, value: &str) -> Result<(), BaggageError> {
        let set = with_layer(self, |layer, id| {
            layer.change_baggage(id, |baggage| baggage.with(key, value))
        });
        set.unwrap_or(Err(BaggageError::NoSpan))
    }

    fn set_all_baggage(&self, baggage: Baggage) -> Result<(), BaggageError> {
        let set = with_layer(self, |layer, id| layer.change_baggage(id, |_| Ok(baggage)));
        set.unwrap_or(Err(BaggageError::NoSpan))
    }

    fn set_attribute<'v>(&self, key: &str, value: impl Into<Value<'v>>) {
        let value = value.into();
        // A span that is not captured has nowhere to put it.
        let _ = with_layer(self, |layer, id| layer.set_attribute(id, key, value));
    }

    fn set_status(&self, status: Status, description: &str) {
        let _ = with_layer(self, |layer, id| layer.set_status(id, status, description));
    }

    fn add_link(&self, to: SpanContext) {
        let _ = with_layer(self, |layer, id| layer.add_link(id, to));
    }

    fn add_event(&self, name: &str, attributes: &[(&str, Value<'_>)]) {
        let _ = with_layer(self, |layer, id| layer.add_event(id, name, attributes));
    }
}
