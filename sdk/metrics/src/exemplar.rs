//! Exemplars: for a bucket or a counter, one trace that went into it.
//!
//! Policy: after each collection every bucket (and every counter's series) keeps the first sample that was recorded inside a sampled
//! trace; it shows until the next one replaces it. Invariant: recording never waits; a sample that meets the lock taken goes without.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use watchroom_core::{SpanId, TraceId};

use crate::fast::Fast;

/// A sample with the trace that it was recorded in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Exemplar {
    /// The trace.
    pub trace_id: TraceId,
    /// The span.
    pub span_id: SpanId,
    /// What was observed, or added to a counter.
    pub value: f64,
    /// When, in nanoseconds since the epoch.
    pub time_unix_ns: u64,
}

/// Exemplars of one family, by slot.
#[derive(Debug, Default)]
pub(crate) struct Exemplars {
    /// What the fast path asks first.
    pub(crate) fast: Arc<Fast>,
    taken: OnceLock<Box<[AtomicU8]>>,
    kept: Mutex<BTreeMap<usize, Exemplar>>,
}

impl Exemplars {
    pub(crate) fn new(fast: Arc<Fast>) -> Self {
        Self {
            fast,
            ..Self::default()
        }
    }

    /// Whether the slot looks for one. `n_slots` is how many the family can have.
    pub(crate) fn wants(&self, slot: usize, n_slots: impl FnOnce() -> usize) -> bool {
        let taken = self
            .taken
            .get_or_init(|| (0..n_slots()).map(|_| AtomicU8::new(0)).collect());
        taken.get(slot).is_some_and(|taken| taken.load(Relaxed) == 0)
    }

    pub(crate) fn put(&self, slot: usize, exemplar: Exemplar) {
        if let Ok(mut kept) = self.kept.try_lock() {
            kept.insert(slot, exemplar);
            if let Some(states) = self.taken.get()
                && let Some(taken) = states.get(slot)
            {
                taken.store(1, Relaxed);
                self.fast.has(slot, states.len());
            }
        }
    }

    /// What is kept; from now on every slot looks for a new one.
    pub(crate) fn collect(&self) -> BTreeMap<usize, Exemplar> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(taken) = self.taken.get() {
            for slot in kept.keys() {
                if let Some(taken) = taken.get(*slot) {
                    taken.store(0, Relaxed);
                }
            }
        }
        self.fast.renew();
        kept
    }

    /// Forgets those of a series that has expired.
    pub(crate) fn forget(&self, slots: std::ops::Range<usize>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|slot, _| !slots.contains(slot));
    }
}
