//! Slots: one copy for each thread that writes, so that writers share no cache line.
//!
//! Invariant: a page of a [`Block`] is written only by the thread that holds its number, except the shared page, which is updated
//! with atomic read-modify-write operations; any thread reads any page. So an addition by the owner is a plain load and store, and a
//! sum over the pages misses nothing that happened before it.
//! Not here: which slot belongs to which series.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, LazyLock, OnceLock};

use crate::number::Number;
use crate::thread::{self, SHARED};

/// Slots of a block that small families share.
const COMMON_SLOTS: usize = 512;
/// Unused slots at both ends of a page: its neighbours in memory are other threads' pages.
const PADDING: usize = 8;

type Page = Box<[AtomicU64]>;

/// A group of slots, of which each writing thread has its own copy, made when it first writes.
#[derive(Debug)]
pub(crate) struct Block {
    pages: [OnceLock<Page>; SHARED as usize + 1],
    shared: OnceLock<Page>,
    n_slots: usize,
    /// Whether histograms and counters in this block look for exemplars.
    pub(crate) exemplars: AtomicBool,
}

/// A slot and how it must be written.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Slot<'a> {
    Owned(&'a AtomicU64),
    Shared(&'a AtomicU64),
}

impl Slot<'_> {
    pub(crate) fn add<V: Number>(self, n: V) {
        match self {
            Self::Owned(slot) => V::add_owned(slot, n),
            Self::Shared(slot) => V::add_shared(slot, n),
        }
    }
}

fn page(n_slots: usize) -> Page {
    (0..n_slots).map(|_| AtomicU64::new(0)).collect()
}

impl Block {
    fn new(n_slots: usize, exemplars: bool) -> Self {
        Self {
            pages: std::array::from_fn(|_| OnceLock::new()),
            shared: OnceLock::new(),
            n_slots,
            exemplars: AtomicBool::new(exemplars),
        }
    }

    /// A block in which no thread ever has a page: what an instrument points to that is not on the fast path.
    pub(crate) fn empty() -> Arc<Self> {
        static EMPTY: LazyLock<Arc<Block>> = LazyLock::new(|| Arc::new(Block::new(0, false)));
        Arc::clone(&EMPTY)
    }

    /// This thread's page, if it has one already.
    #[inline(always)]
    pub(crate) fn mine(&self) -> Option<&[AtomicU64]> {
        // The entry of `SHARED` is never filled.
        self.pages[usize::from(thread::number())]
            .get()
            .map(|page| &**page)
    }

    fn shared_page(&self) -> &[AtomicU64] {
        self.shared.get_or_init(|| page(self.n_slots))
    }

    /// Pages that hold something: each thread's, then the shared one.
    fn filled(&self) -> impl Iterator<Item = &[AtomicU64]> {
        self.pages
            .iter()
            .chain([&self.shared])
            .filter_map(|page| page.get().map(|page| &**page))
    }
}

/// A run of slots in a block.
#[derive(Debug, Clone)]
pub(crate) struct Cells {
    pub(crate) block: Arc<Block>,
    pub(crate) base: usize,
    len: usize,
}

impl Cells {
    /// The slot of this thread; makes its page if it has none. Nothing if `i` is out of the run.
    pub(crate) fn slot(&self, i: usize) -> Option<Slot<'_>> {
        if i >= self.len {
            return None;
        }
        let i = self.base + i;
        if let Some(page) = self.block.mine() {
            return page.get(i).map(Slot::Owned);
        }
        match thread::lease() {
            SHARED => self.block.shared_page().get(i).map(Slot::Shared),
            number => self.block.pages[usize::from(number)]
                .get_or_init(|| page(self.block.n_slots))
                .get(i)
                .map(Slot::Owned),
        }
    }

    /// The slot that all threads share; gauges live in these.
    #[inline]
    pub(crate) fn shared(&self, i: usize) -> Option<&AtomicU64> {
        if i >= self.len {
            return None;
        }
        self.block.shared_page().get(self.base + i)
    }

    /// Sums the run over all threads.
    pub(crate) fn sum(&self, floats: Floats) -> Vec<u64> {
        let mut sums = vec![0_u64; self.len];
        for page in self.block.filled() {
            let Some(run) = page.get(self.base..self.base + self.len) else {
                continue;
            };
            match floats {
                Floats::None => sums
                    .iter_mut()
                    .zip(run)
                    .for_each(|(sum, slot)| add_integer(sum, slot)),
                Floats::All => sums
                    .iter_mut()
                    .zip(run)
                    .for_each(|(sum, slot)| add_float(sum, slot)),
                Floats::LastOf(width) => {
                    for (sums, slots) in sums.chunks_exact_mut(width).zip(run.chunks_exact(width)) {
                        sums.iter_mut()
                            .zip(slots)
                            .take(width - 1)
                            .for_each(|(sum, slot)| add_integer(sum, slot));
                        if let (Some(sum), Some(slot)) = (sums.last_mut(), slots.last()) {
                            add_float(sum, slot);
                        }
                    }
                }
            }
        }
        sums
    }
}

/// Which slots of a run hold floating point numbers.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Floats {
    None,
    All,
    /// The last of each group of so many.
    LastOf(usize),
}

fn add_integer(sum: &mut u64, slot: &AtomicU64) {
    *sum = sum.wrapping_add(slot.load(Relaxed));
}

fn add_float(sum: &mut u64, slot: &AtomicU64) {
    *sum = (f64::from_bits(*sum) + f64::from_bits(slot.load(Relaxed))).to_bits();
}

/// Hands out runs of slots: small ones side by side in a common block, large ones in their own.
#[derive(Debug, Default)]
pub(crate) struct Allocator {
    blocks: Vec<Arc<Block>>,
    common: Option<(Arc<Block>, usize)>,
    exemplars: bool,
}

impl Allocator {
    /// A run of `len` slots that are zero.
    pub(crate) fn take(&mut self, len: usize) -> Cells {
        if len > COMMON_SLOTS - 2 * PADDING {
            return Cells {
                block: self.block(len + 2 * PADDING),
                base: PADDING,
                len,
            };
        }
        let (block, base) = match self.common.take() {
            Some((block, used)) if used + len <= COMMON_SLOTS - PADDING => (block, used),
            _ => (self.block(COMMON_SLOTS), PADDING),
        };
        self.common = Some((Arc::clone(&block), base + len));
        Cells { block, base, len }
    }

    fn block(&mut self, n_slots: usize) -> Arc<Block> {
        let block = Arc::new(Block::new(n_slots, self.exemplars));
        self.blocks.push(Arc::clone(&block));
        block
    }

    /// From now on histograms and counters look for exemplars.
    pub(crate) fn switch_exemplars_on(&mut self) {
        self.exemplars = true;
        for block in &self.blocks {
            block.exemplars.store(true, Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_do_not_overlap_and_keep_off_the_ends() {
        let mut allocator = Allocator::default();
        let runs: Vec<_> = [10, 400, 200, 2_000, 1, 496]
            .into_iter()
            .map(|len| allocator.take(len))
            .collect();
        for (i, a) in runs.iter().enumerate() {
            assert!(a.base >= PADDING && a.base + a.len + PADDING <= a.block.n_slots);
            for b in &runs[i + 1..] {
                let apart = a.base + a.len <= b.base || b.base + b.len <= a.base;
                assert!(apart || !Arc::ptr_eq(&a.block, &b.block));
            }
        }
    }

    #[test]
    fn a_sum_holds_what_ended_threads_and_the_shared_page_have() {
        let cells = Allocator::default().take(3);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| cells.slot(1).unwrap().add(5_u64));
            }
        });
        f64::add_shared(cells.shared(2).unwrap(), 0.5);
        cells.slot(2).unwrap().add(1.0_f64);
        let sums = cells.sum(Floats::LastOf(3));
        assert_eq!(sums[..2], [0, 20]);
        assert_eq!(f64::from_bits(sums[2]), 1.5);
        assert!(cells.slot(3).is_none());
    }

    #[test]
    fn a_thread_without_a_number_writes_the_shared_page() {
        let cells = Allocator::default().take(1);
        assert!(Block::empty().mine().is_none());
        let slot = cells.shared(0).unwrap();
        Slot::Shared(slot).add(2_u64);
        assert_eq!(cells.sum(Floats::None), [2]);
    }
}
