//! The least that a subscriber has to do: ids, references, the spans around and the current one. What the registry takes beyond it is
//! what a subscriber of our own could save.
//!
//! Not here: anything that a service could use. Ids are given by one thread, and there are only so many.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering::AcqRel, Ordering::Relaxed};

use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber};

/// Spans open at once.
const N_SLOTS: u64 = 4_096;

#[derive(Default)]
struct Slot {
    n_references: AtomicU64,
    /// Id of the span around it; zero for none.
    parent: AtomicU64,
}

/// Gives ids and counts references.
pub(crate) struct Floor {
    slots: Box<[Slot]>,
}

thread_local! {
    static FREE: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
    static CURRENT: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

impl Floor {
    pub(crate) fn new() -> Self {
        FREE.with_borrow_mut(|free| *free = (1..=N_SLOTS).collect());
        Self {
            slots: (0..N_SLOTS).map(|_| Slot::default()).collect(),
        }
    }

    fn slot(&self, id: u64) -> &Slot {
        &self.slots[(id - 1) as usize]
    }

    fn release(&self, id: u64) -> bool {
        let slot = self.slot(id);
        if slot.n_references.fetch_sub(1, AcqRel) > 1 {
            return false;
        }
        let parent = slot.parent.load(Relaxed);
        FREE.with_borrow_mut(|free| free.push(id));
        if parent != 0 {
            self.release(parent);
        }
        true
    }
}

impl Subscriber for Floor {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        Interest::always()
    }

    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let parent = if attributes.is_contextual() {
            CURRENT.with_borrow(|current| current.last().copied())
        } else {
            attributes.parent().map(Id::into_u64)
        };
        if let Some(parent) = parent {
            self.slot(parent).n_references.fetch_add(1, Relaxed);
        }
        let id = FREE.with_borrow_mut(Vec::pop).unwrap();
        let slot = self.slot(id);
        slot.parent.store(parent.unwrap_or(0), Relaxed);
        slot.n_references.store(1, Relaxed);
        Id::from_u64(id)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {}

    fn enter(&self, id: &Id) {
        CURRENT.with_borrow_mut(|current| current.push(id.into_u64()));
    }

    fn exit(&self, _: &Id) {
        CURRENT.with_borrow_mut(Vec::pop);
    }

    fn clone_span(&self, id: &Id) -> Id {
        self.slot(id.into_u64()).n_references.fetch_add(1, Relaxed);
        id.clone()
    }

    fn try_close(&self, id: Id) -> bool {
        self.release(id.into_u64())
    }
}
