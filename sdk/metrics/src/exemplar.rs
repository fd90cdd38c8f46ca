//! Exemplars: for a bucket or a counter, one trace that went into it.
//!
//! Policy: after each collection every bucket (and every counter's series) keeps the first sample that was recorded inside a sampled
//! trace; it shows until the next one replaces it. So there is at most one for a bucket and a collection. Where most traces are not
//! sampled, looking for one is put off after each that was in vain: at most every 32nd sample pays for it.
//! Invariant: recording never waits; a sample that meets the lock taken goes without.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU16, Ordering::Relaxed};
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

/// The slot has its exemplar.
const TAKEN: u16 = u16::MAX;
/// Looks in vain after which the distance between two looks grows no more.
const MAX_MISSES: u16 = 6;

/// Exemplars of one family, by slot.
#[derive(Debug, Default)]
pub(crate) struct Exemplars {
    /// What the fast path asks first.
    pub(crate) fast: Arc<Fast>,
    /// [`TAKEN`], or the number of looks in vain and, in the lower byte, the samples to pass over till the next look.
    states: OnceLock<Box<[AtomicU16]>>,
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
        let states = self
            .states
            .get_or_init(|| (0..n_slots()).map(|_| AtomicU16::new(0)).collect());
        let Some(state) = states.get(slot) else {
            return false;
        };
        match state.load(Relaxed) {
            TAKEN => false,
            now if now & 0xff == 0 => true,
            now => {
                // Another thread's step may be lost: then the next look comes a sample later.
                state.store(now - 1, Relaxed);
                false
            }
        }
    }

    /// The slot was looked at in vain.
    pub(crate) fn miss(&self, slot: usize) {
        if let Some(state) = self.states.get().and_then(|states| states.get(slot)) {
            let n_misses = match state.load(Relaxed) {
                TAKEN => return,
                now => (now >> 8).saturating_add(1).min(MAX_MISSES),
            };
            state.store(n_misses << 8 | ((1 << (n_misses - 1)) - 1), Relaxed);
        }
    }

    pub(crate) fn put(&self, slot: usize, exemplar: Exemplar) {
        if let Ok(mut kept) = self.kept.try_lock() {
            kept.insert(slot, exemplar);
            if let Some(states) = self.states.get()
                && let Some(state) = states.get(slot)
            {
                state.store(TAKEN, Relaxed);
                self.fast.has(slot, states.len());
            }
        }
    }

    /// What is kept; from now on every slot looks for a new one.
    pub(crate) fn collect(&self) -> BTreeMap<usize, Exemplar> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(states) = self.states.get() {
            for slot in kept.keys() {
                if let Some(state) = states.get(*slot) {
                    state.store(0, Relaxed);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_in_vain_come_ever_more_rarely_but_go_on() {
        let exemplars = Exemplars::default();
        let mut looks = Vec::new();
        for sample in 0..200 {
            if exemplars.wants(0, || 1) {
                looks.push(sample);
                exemplars.miss(0);
            }
        }
        assert_eq!(looks, [0, 1, 3, 7, 15, 31, 63, 95, 127, 159, 191]);
        exemplars.put(
            0,
            Exemplar {
                trace_id: TraceId::random(),
                span_id: SpanId::random(),
                value: 1.0,
                time_unix_ns: 1,
            },
        );
        assert!(!(0..100).any(|_| exemplars.wants(0, || 1)));
        assert_eq!(exemplars.collect().len(), 1);
        assert!(
            exemplars.wants(0, || 1),
            "a collection makes room for the next one"
        );
    }
}
