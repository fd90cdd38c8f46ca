//! Spans that nobody sees: those that only the exporter wants, inside of a trace that it does not get.
//!
//! Such a span has no record. It stands for the nearest captured span around it, whose ids, baggage and correlation fields are its own:
//! what happens inside of it, on whatever thread, happens inside of that one. It becomes a span with a record as soon as somebody gives
//! it something of its own.
//!
//! Invariant: a place is found without a lock and made without memory; the number of places is fixed, and where none is free the span
//! gets a record instead. Not here: which spans these are (`subscriber`).

use std::cell::Cell;
use std::sync::atomic::{
    AtomicU32, AtomicU64, AtomicUsize, Ordering::AcqRel, Ordering::Acquire, Ordering::Relaxed,
    Ordering::Release,
};
use std::sync::{Mutex, OnceLock};

use tracing_core::Metadata;

/// Ids with this bit of the address are beyond every page of the registry, which has fewer than 2³⁷ places for a thread.
///
/// Source: `sharded_slab`, default configuration on 64 bits: 32 pages, the first of 32 places, each further one twice as large.
const LIGHT: u64 = 1 << 37;
/// Places; most are taken by spans of tasks that wait.
const N_PLACES: usize = 4_096;
/// Places that are looked at before a span gets a record instead.
const N_TRIED: usize = 16;
/// Places between the first ones of two threads.
const STRIDE: usize = 32;
/// Where the number of the use stands in an id.
const USE_SHIFT: u32 = 38;

/// Whether an id is one of these spans'.
pub(crate) const fn is_light(id: u64) -> bool {
    id.wrapping_sub(1) & LIGHT != 0
}

#[derive(Debug, Default)]
struct Place {
    /// Id of the span; zero while the place is free.
    key: AtomicU64,
    /// Id of the nearest span around it that has a record.
    around: AtomicU64,
    /// Id of the span that it keeps open: that one, or another of these that does.
    held: AtomicU64,
    /// Address of its callsite.
    metadata: AtomicUsize,
    /// Uses of the place so far.
    uses: AtomicU32,
    /// Handles of the span.
    handles: AtomicU32,
    /// Not zero once it has been entered or asked for its ids.
    started: AtomicU32,
    /// Not zero once it has got a record.
    lit: AtomicU32,
}

/// The open ones of one layer.
#[derive(Debug, Default)]
pub(crate) struct Lights {
    places: OnceLock<Box<[Place]>>,
    /// Held while one of them gets a record, so that it gets one only.
    pub(crate) getting_record: Mutex<()>,
}

thread_local! {
    /// Where this thread looks first: what it freed last, or what follows on what it took last.
    static NEXT: Cell<usize> = const { Cell::new(usize::MAX) };
}

fn first_place() -> usize {
    static N_THREADS: AtomicUsize = AtomicUsize::new(0);
    match NEXT.try_with(Cell::get).unwrap_or(0) {
        usize::MAX => N_THREADS.fetch_add(STRIDE, Relaxed),
        next => next,
    }
}

impl Lights {
    fn place(&self, id: u64) -> Option<&Place> {
        if !is_light(id) {
            return None;
        }
        let place = self.places.get()?.get(id.wrapping_sub(1) as usize % N_PLACES)?;
        (place.key.load(Acquire) == id).then_some(place)
    }

    /// Takes a place for a span inside of `around`, which keeps `held` open. Its id; none if no place is free.
    pub(crate) fn open(&self, metadata: &'static Metadata<'static>, around: u64, held: u64) -> Option<u64> {
        let places = self
            .places
            .get_or_init(|| (0..N_PLACES).map(|_| Place::default()).collect());
        let first = first_place();
        for n in 0..N_TRIED {
            let idx = first.wrapping_add(n) % N_PLACES;
            let place = places.get(idx)?;
            if place.key.load(Relaxed) != 0 {
                continue;
            }
            let n_uses = place.uses.load(Relaxed).wrapping_add(1);
            let id = (u64::from(n_uses) << USE_SHIFT | LIGHT | idx as u64) + 1;
            if place.key.compare_exchange(0, id, AcqRel, Relaxed).is_err() {
                continue;
            }
            // Until the id is handed out, nobody else looks here.
            place.uses.store(n_uses, Relaxed);
            place.around.store(around, Relaxed);
            place.held.store(held, Relaxed);
            place.lit.store(0, Relaxed);
            place.metadata.store(std::ptr::from_ref(metadata).addr(), Relaxed);
            place.handles.store(1, Relaxed);
            place.started.store(0, Relaxed);
            let _ = NEXT.try_with(|next| next.set(idx + 1));
            return Some(id);
        }
        None
    }

    /// The nearest span around one of these that has a record.
    pub(crate) fn around(&self, id: u64) -> Option<u64> {
        Some(self.place(id)?.around.load(Relaxed))
    }

    /// As [`around`](Self::around), of one that has no record of its own.
    pub(crate) fn stands_for(&self, id: u64) -> Option<u64> {
        let place = self.place(id)?;
        (place.lit.load(Acquire) == 0).then(|| place.around.load(Relaxed))
    }

    /// It has got a record.
    pub(crate) fn light_up(&self, id: u64) {
        if let Some(place) = self.place(id) {
            place.lit.store(1, Release);
        }
    }

    /// Address of its callsite.
    pub(crate) fn callsite(&self, id: u64) -> Option<usize> {
        Some(self.place(id)?.metadata.load(Relaxed))
    }

    /// It has been entered, or somebody has been told its ids.
    pub(crate) fn start(&self, id: u64) {
        if let Some(place) = self.place(id) {
            place.started.store(1, Relaxed);
        }
    }

    pub(crate) fn has_started(&self, id: u64) -> bool {
        self.place(id)
            .is_some_and(|place| place.started.load(Relaxed) != 0)
    }

    /// One more handle.
    pub(crate) fn hold(&self, id: u64) {
        if let Some(place) = self.place(id) {
            place.handles.fetch_add(1, Relaxed);
        }
    }

    /// One handle less. With the last one the span closes; then what it kept open, and whether it had a record.
    pub(crate) fn let_go(&self, id: u64) -> Option<(u64, bool)> {
        let place = self.place(id)?;
        // Who holds the only handle shares it with nobody.
        if place.handles.load(Acquire) != 1 && place.handles.fetch_sub(1, AcqRel) != 1 {
            return None;
        }
        let held = place.held.load(Relaxed);
        let had_record = place.lit.load(Acquire) != 0;
        place.key.store(0, Release);
        let idx = id.wrapping_sub(1) as usize % N_PLACES;
        let _ = NEXT.try_with(|next| next.set(idx));
        Some((held, had_record))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::tests::metadata;

    #[test]
    fn a_span_is_found_until_its_last_handle_goes_and_its_place_is_used_again() {
        let lights = Lights::default();
        let id = lights.open(metadata(), 7, 6).unwrap();
        assert!(is_light(id) && !is_light(7));
        assert_eq!((lights.around(id), lights.stands_for(id)), (Some(7), Some(7)));
        lights.light_up(id);
        assert_eq!((lights.around(id), lights.stands_for(id)), (Some(7), None));
        assert_eq!(lights.callsite(id), Some(std::ptr::from_ref(metadata()).addr()));
        lights.hold(id);
        assert_eq!(lights.let_go(id), None);
        assert_eq!(lights.let_go(id), Some((6, true)));
        assert_eq!((lights.around(id), lights.let_go(id)), (None, None));
        let again = lights.open(metadata(), 8, 8).unwrap();
        assert_ne!(again, id, "an old id does not find a new span");
        assert_eq!((lights.around(id), lights.stands_for(again)), (None, Some(8)));
    }

    #[test]
    fn none_is_made_where_no_place_is_free() {
        let lights = Lights::default();
        let ids: HashSet<u64> = std::iter::from_fn(|| lights.open(metadata(), 1, 1)).collect();
        assert!(ids.len() >= N_TRIED && ids.len() <= N_PLACES, "{}", ids.len());
        for id in ids {
            assert_eq!(lights.let_go(id), Some((1, false)));
        }
        assert!(lights.open(metadata(), 1, 1).is_some());
    }

    #[test]
    fn only_the_first_use_has_not_started() {
        let lights = Lights::default();
        let id = lights.open(metadata(), 1, 1).unwrap();
        assert!(!lights.has_started(id));
        lights.start(id);
        assert!(lights.has_started(id));
        lights.let_go(id);
        let id = lights.open(metadata(), 1, 1).unwrap();
        assert!(!lights.has_started(id));
    }
}
