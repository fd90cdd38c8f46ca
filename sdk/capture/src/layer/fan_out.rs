//! Lending records to sinks.
//!
//! Invariant: no lock is held while a sink runs, and nothing that a sink emits comes back to a sink.

use std::cell::Cell;

use smallvec::SmallVec;

use super::{Lent, Shared};
use crate::table::SlotRef;
use crate::{Scope, Sink, SpanRecord};

thread_local! {
    static IN_SINK: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread is inside of a sink.
pub(super) fn in_sink() -> bool {
    IN_SINK.try_with(Cell::get).unwrap_or(true)
}

struct InSink;

impl InSink {
    fn enter() -> Option<Self> {
        let was_in = IN_SINK.try_with(|flag| flag.replace(true)).unwrap_or(true);
        (!was_in).then_some(Self)
    }
}

impl Drop for InSink {
    fn drop(&mut self) {
        let _ = IN_SINK.try_with(|flag| flag.set(false));
    }
}

impl Shared {
    /// The span and those around it, root first. What has been lent stays as it is, whatever becomes of the spans.
    pub(super) fn lend(&self, innermost: Option<u64>) -> Lent {
        self.lend_from(innermost.and_then(|id| self.find(id)).map(|(_, slot)| slot))
    }

    /// As [`lend`](Self::lend), from a span that has been found.
    pub(super) fn lend_from(&self, innermost: Option<SlotRef<'_>>) -> Lent {
        let mut spans = Lent::new();
        let mut next = innermost;
        while let Some(slot) = next {
            spans.extend(slot.lend(|fields| self.reveal(fields)));
            next = slot.parent().and_then(|id| self.table.get(id));
        }
        spans.reverse();
        spans
    }

    /// Calls `tell` for each sink of `mask` with the spans that the sink sees; `last` is within them all.
    pub(super) fn fan_out(
        &self,
        mask: u64,
        spans: &Lent,
        last: Option<&SpanRecord>,
        tell: impl Fn(&dyn Sink, Scope<'_>),
    ) {
        let Some(_in_sink) = InSink::enter() else { return };
        let all: SmallVec<[&SpanRecord; 12]> = spans
            .iter()
            .filter_map(|cell| cell.record())
            .chain(last)
            .collect();
        let seen_by_all = all.iter().fold(u64::MAX, |mask, span| mask & span.interest);
        let mut left = mask;
        while left != 0 {
            let bit = left & left.wrapping_neg();
            left ^= bit;
            let Some(sink) = self.sinks.get(bit.trailing_zeros() as usize) else {
                continue;
            };
            if seen_by_all & bit != 0 {
                tell(&**sink, Scope::new(&all));
            } else {
                let seen: SmallVec<[&SpanRecord; 12]> = all
                    .iter()
                    .copied()
                    .filter(|span| span.interest & bit != 0)
                    .collect();
                tell(&**sink, Scope::filtered(&seen, &all));
            }
        }
    }
}
