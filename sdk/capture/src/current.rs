//! The spans that a thread is in, as the layer is told of them.
//!
//! The registry knows them too, but asking it for the current one looks the span up and holds on to it, which costs as much as the
//! rest of making a span's place.
//!
//! Invariant: the current span is the registry's: the one that was entered last and has not been left, where a span that is entered
//! again within itself does not count twice. Not here: what is known of spans.

use std::cell::{Cell, RefCell};

/// A span that was entered.
#[derive(Debug, Clone, Copy)]
struct Entered {
    layer: u32,
    id: u64,
    /// The thread was in it already.
    again: bool,
}

thread_local! {
    static OWN: RefCell<Vec<Entered>> = const { RefCell::new(Vec::new()) };
}

thread_local! {
    /// The span that the next one is made in, whatever its attributes say; zero for none.
    static MADE_IN: Cell<u64> = const { Cell::new(0) };
}

/// Runs `make`, whose first span of ours is made in the given one. It is not for spans that the registry knows.
pub(crate) fn made_in<R>(id: u64, make: impl FnOnce() -> R) -> R {
    let _ = MADE_IN.try_with(|made_in| made_in.set(id));
    let made = make();
    let _ = MADE_IN.try_with(|made_in| made_in.set(0));
    made
}

/// What [`made_in`] says; it says it once.
pub(crate) fn take_made_in() -> Option<u64> {
    let id = MADE_IN.try_with(|made_in| made_in.replace(0)).unwrap_or(0);
    (id != 0).then_some(id)
}

/// During a thread's end the list may be gone; then there is no current span.
fn with_own<R>(f: impl FnOnce(&mut Vec<Entered>) -> R) -> Option<R> {
    OWN.try_with(|own| own.try_borrow_mut().ok().map(|mut own| f(&mut own)))
        .ok()
        .flatten()
}

/// Takes note that the thread enters a span.
pub(crate) fn enter(layer: u32, id: u64) {
    with_own(|own| {
        let again = own.iter().any(|span| span.id == id && span.layer == layer);
        own.push(Entered { layer, id, again });
    });
}

/// Takes note that the thread leaves a span.
pub(crate) fn exit(layer: u32, id: u64) {
    with_own(|own| {
        let last = own.iter().rposition(|span| span.id == id && span.layer == layer);
        if let Some(idx) = last {
            own.remove(idx);
        }
    });
}

/// The current span of a layer.
pub(crate) fn current(layer: u32) -> Option<u64> {
    with_own(|own| {
        let span = own.iter().rev().find(|span| span.layer == layer && !span.again);
        span.map(|span| span.id)
    })
    .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_current_span_is_the_last_that_has_not_been_left_in_whatever_order() {
        enter(1, 10);
        enter(1, 11);
        enter(1, 10);
        assert_eq!(
            current(1),
            Some(11),
            "what is entered within itself does not count twice"
        );
        exit(1, 10);
        exit(1, 10);
        assert_eq!(current(1), Some(11));
        exit(1, 11);
        exit(1, 11);
        assert_eq!(current(1), None);
    }

    #[test]
    fn layers_do_not_see_each_others_spans() {
        enter(3, 10);
        enter(4, 20);
        assert_eq!((current(3), current(4), current(5)), (Some(10), Some(20), None));
        exit(4, 10);
        exit(3, 10);
        assert_eq!((current(3), current(4)), (None, Some(20)));
        exit(4, 20);
    }
}
