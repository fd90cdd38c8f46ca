//! What is current, kept the same on both sides.
//!
//! Invariant: for each span of ours that a thread is in there is one attached context, taken off when the span is left, in whatever order
//! spans are left. Not here: what spans can do.

use std::cell::RefCell;

use opentelemetry::trace::TraceContextExt as _;
use opentelemetry::{Context, ContextGuard};
use watchroom_capture::RemoteContext;
use watchroom_capture::foreign::{ForeignContext, SpanRef};

use crate::convert;
use crate::span::Current;

thread_local! {
    static ATTACHED: RefCell<Vec<(u64, ContextGuard)>> = const { RefCell::new(Vec::new()) };
}

/// The other API as capture sees it.
#[derive(Debug)]
pub(crate) struct Joined;

impl ForeignContext for Joined {
    fn current(&self) -> RemoteContext {
        Context::map_current(convert::parent)
    }

    fn enter(&self, span: SpanRef) {
        let id = span.id();
        let Some((context, baggage)) = span.identity() else {
            return;
        };
        let cx = Context::current().with_span(Current::new(span, &context));
        let guard = convert::with_baggage(cx, &baggage).attach();
        // During a thread's end there is no place for it, and nothing will be current for long.
        let _ = ATTACHED.try_with(|attached| attached.borrow_mut().push((id, guard)));
    }

    fn exit(&self, id: u64) {
        let guard = ATTACHED.try_with(|attached| {
            let mut attached = attached.borrow_mut();
            let idx = attached.iter().rposition(|(other, _)| *other == id)?;
            Some(attached.remove(idx))
        });
        // What the context held may end with it: after the list is free again.
        drop(guard);
    }
}
