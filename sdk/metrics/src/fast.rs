//! Where the fast path finds the slots of a dense family, and whether a recording there has to look for an exemplar.
//!
//! Both are one number, so that a recording asks nothing more while no exemplars are wanted: the first slot in every thread's
//! [`page`](crate::thread::page), plus [`LOOKING`] if there is a source of exemplars, which is beyond every page.
//!
//! Invariant: a bit that is clear means that its slot needs no exemplar before the next collection; one that is set means that it may
//! need one, and [`Exemplars`](crate::exemplar::Exemplars) knows.
//! Not here: the slots, the exemplars.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, LazyLock};

/// What is added to the first slot while there is a source of exemplars.
pub(crate) const LOOKING: usize = 1 << 30;
/// A first slot from which nothing leads into a page, with or without [`LOOKING`].
pub(crate) const NOWHERE: usize = 1 << 31;
/// Slots that have a bit of their own; in a larger family several share one, and then none is cleared.
const N_BITS: usize = 64;

/// What the instruments of one family have in common on their fast path.
#[derive(Debug)]
pub(crate) struct Fast {
    first: AtomicUsize,
    wanting: AtomicU64,
}

impl Default for Fast {
    /// Leads nowhere.
    fn default() -> Self {
        Self {
            first: AtomicUsize::new(NOWHERE),
            wanting: AtomicU64::new(u64::MAX),
        }
    }
}

impl Fast {
    /// For instruments that record nothing.
    pub(crate) fn none() -> Arc<Self> {
        static NONE: LazyLock<Arc<Fast>> = LazyLock::new(Arc::default);
        Arc::clone(&NONE)
    }

    /// Says where the slots are.
    pub(crate) fn lead_to(&self, first: usize) {
        let place = |now: usize| Some(first | now & LOOKING);
        let _ = self.first.fetch_update(Relaxed, Relaxed, place);
    }

    /// The first slot, plus [`LOOKING`] where exemplars are looked for.
    #[inline(always)]
    pub(crate) fn first(&self) -> usize {
        self.first.load(Relaxed)
    }

    /// Whether a slot, counted from the first, may want an exemplar.
    #[inline(always)]
    pub(crate) fn may_want(&self, slot: usize) -> bool {
        self.wanting.load(Relaxed) >> (slot % N_BITS) & 1 != 0
    }

    /// The slot has its exemplar, in a family of `n_slots`.
    pub(crate) fn has(&self, slot: usize, n_slots: usize) {
        if n_slots <= N_BITS {
            self.wanting.fetch_and(!(1 << (slot % N_BITS)), Relaxed);
        }
    }

    /// Every slot may want another exemplar.
    pub(crate) fn renew(&self) {
        self.wanting.store(u64::MAX, Relaxed);
    }

    fn look(&self) {
        self.first.fetch_or(LOOKING, Relaxed);
    }
}

/// Those of all families of a registry.
#[derive(Debug, Default)]
pub(crate) struct Paths {
    all: Vec<Arc<Fast>>,
    looking: bool,
}

impl Paths {
    /// A further family's.
    pub(crate) fn add(&mut self) -> Arc<Fast> {
        let fast = Arc::<Fast>::default();
        if self.looking {
            fast.look();
        }
        self.all.push(Arc::clone(&fast));
        fast
    }

    /// There is a source of exemplars from now on.
    pub(crate) fn look(&mut self) {
        self.looking = true;
        self.all.iter().for_each(|fast| fast.look());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leads_beyond_every_page_as_long_as_exemplars_are_looked_for() {
        let mut paths = Paths::default();
        let before = paths.add();
        assert_eq!(before.first(), NOWHERE);
        before.lead_to(40);
        assert_eq!(before.first(), 40);
        paths.look();
        let after = paths.add();
        after.lead_to(40);
        assert_eq!([before.first(), after.first()], [40 + LOOKING; 2]);
    }

    #[test]
    fn a_slot_wants_an_exemplar_until_it_has_one_and_again_after_a_collection() {
        let fast = Fast::default();
        fast.has(3, 64);
        assert!(!fast.may_want(3) && fast.may_want(4));
        fast.renew();
        assert!(fast.may_want(3));
        fast.has(3, 65);
        assert!(fast.may_want(3), "it shares its bit with another slot");
    }
}
