//! Slots: one copy for each thread that writes, so that writers share no cache line.
//!
//! The families on the fast path have their slots in one block of the whole process: a thread reaches its page of it through one
//! thread-local slice, without asking whose instrument it is. All others have blocks of their registry.
//!
//! Invariant: a page of a [`Block`] is written only by the thread that holds its number, except the shared page, which is updated
//! with atomic read-modify-write operations; any thread reads any page. So an addition by the owner is a plain load and store, and a
//! sum over the pages misses nothing that happened before it. A run of the process' block is zero when it is handed out: whoever
//! drops it sets it to zero, at a time when no instrument is left that could write to it.
//! Not here: which slot belongs to which series.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, LazyLock, Mutex, OnceLock};

use crate::fast::{Fast, NOWHERE, Paths};
use crate::number::Number;
use crate::shared::lock;
use crate::thread::{self, SHARED};

/// Slots of the process' block. A page of it is address space until its slots are written.
const PROCESS_SLOTS: usize = 16_384;
/// A thread's page of it. That its length is known spares the fast path a look.
pub(crate) type ProcessPage = [AtomicU64; PROCESS_SLOTS];

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
}

static PROCESS: Block = Block::new(PROCESS_SLOTS);
/// Runs of the process' block that nobody has, in order.
static FREE: LazyLock<Mutex<Vec<Range<usize>>>> = LazyLock::new(|| {
    let all = PADDING..PROCESS_SLOTS - PADDING;
    Mutex::new(std::iter::once(all).collect())
});

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
    if n_slots == PROCESS_SLOTS {
        // A constant is asked for as zeroed memory, which the system gives without touching it.
        Box::new([const { AtomicU64::new(0) }; PROCESS_SLOTS])
    } else {
        (0..n_slots).map(|_| AtomicU64::new(0)).collect()
    }
}

/// The page of the process' block that belongs to this number.
pub(crate) fn process_page(number: u8) -> Option<&'static ProcessPage> {
    PROCESS.page_of(number).try_into().ok()
}

impl Block {
    const fn new(n_slots: usize) -> Self {
        Self {
            pages: [const { OnceLock::new() }; SHARED as usize + 1],
            shared: OnceLock::new(),
            n_slots,
        }
    }

    /// The page of a number; nothing for [`SHARED`], which has none.
    fn page_of(&self, number: u8) -> &[AtomicU64] {
        match number {
            SHARED => &[],
            number => self.pages[usize::from(number)].get_or_init(|| page(self.n_slots)),
        }
    }

    /// This thread's page, if it has one already.
    #[inline(always)]
    fn mine(&self) -> Option<&[AtomicU64]> {
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
            .take(thread::n_numbers())
            .chain([&self.shared])
            .filter_map(|page| page.get().map(|page| &**page))
    }
}

/// Whose block it is.
#[derive(Debug)]
enum Home {
    Process,
    Registry(Arc<Block>),
}

/// A run of slots in a block.
#[derive(Debug)]
pub(crate) struct Cells {
    home: Home,
    base: usize,
    len: usize,
}

impl Drop for Cells {
    fn drop(&mut self) {
        if matches!(self.home, Home::Process) {
            let run = self.base..self.base + self.len;
            for slots in PROCESS.filled().filter_map(|page| page.get(run.clone())) {
                slots
                    .iter()
                    .filter(|slot| slot.load(Relaxed) != 0)
                    .for_each(|slot| slot.store(0, Relaxed));
            }
            give_back(&mut lock(&FREE), run);
        }
    }
}

fn give_back(free: &mut Vec<Range<usize>>, run: Range<usize>) {
    let place = free.partition_point(|other| other.start < run.start);
    free.insert(place, run);
    free.dedup_by(|next, previous| {
        let adjoin = previous.end == next.start;
        if adjoin {
            previous.end = next.end;
        }
        adjoin
    });
}

impl Cells {
    /// A run in the process' block, if there is room.
    pub(crate) fn of_process(len: usize) -> Option<Self> {
        let mut free = lock(&FREE);
        let place = free.iter().position(|run| run.len() >= len)?;
        let run = free.get_mut(place)?;
        let base = run.start;
        run.start += len;
        if run.start == run.end {
            free.remove(place);
        }
        Some(Self {
            home: Home::Process,
            base,
            len,
        })
    }

    /// Where the run begins in the calling thread's [`page`](thread::page).
    pub(crate) fn place(&self) -> usize {
        match self.home {
            Home::Process => self.base,
            Home::Registry(_) => NOWHERE,
        }
    }

    fn block(&self) -> &Block {
        match &self.home {
            Home::Process => &PROCESS,
            Home::Registry(block) => block,
        }
    }

    /// The slot of this thread; makes its page if it has none. Nothing if `i` is out of the run.
    pub(crate) fn slot(&self, i: usize) -> Option<Slot<'_>> {
        if i >= self.len {
            return None;
        }
        let i = self.base + i;
        let block = self.block();
        if let Some(page) = block.mine() {
            return page.get(i).map(Slot::Owned);
        }
        match thread::lease() {
            SHARED => block.shared_page().get(i).map(Slot::Shared),
            number => block.page_of(number).get(i).map(Slot::Owned),
        }
    }

    /// The slot that all threads share; gauges live in these.
    #[inline]
    pub(crate) fn shared(&self, i: usize) -> Option<&AtomicU64> {
        if i >= self.len {
            return None;
        }
        self.block().shared_page().get(self.base + i)
    }

    /// Sums the run over all threads.
    pub(crate) fn sum(&self, floats: Floats) -> Vec<u64> {
        let mut sums = vec![0_u64; self.len];
        for page in self.block().filled() {
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
    common: Option<(Arc<Block>, usize)>,
    paths: Paths,
}

impl Allocator {
    /// A run of `len` slots that are zero.
    pub(crate) fn take(&mut self, len: usize) -> Cells {
        if len > COMMON_SLOTS - 2 * PADDING {
            return Cells {
                home: Home::Registry(Arc::new(Block::new(len + 2 * PADDING))),
                base: PADDING,
                len,
            };
        }
        let (block, base) = match self.common.take() {
            Some((block, used)) if used + len <= COMMON_SLOTS - PADDING => (block, used),
            _ => (Arc::new(Block::new(COMMON_SLOTS)), PADDING),
        };
        self.common = Some((Arc::clone(&block), base + len));
        Cells {
            home: Home::Registry(block),
            base,
            len,
        }
    }

    /// The fast path of a further family.
    pub(crate) fn path(&mut self) -> Arc<Fast> {
        self.paths.add()
    }

    /// From now on histograms and counters look for exemplars.
    pub(crate) fn switch_exemplars_on(&mut self) {
        self.paths.look();
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
            assert!(a.base >= PADDING && a.base + a.len + PADDING <= a.block().n_slots);
            for b in &runs[i + 1..] {
                let apart = a.base + a.len <= b.base || b.base + b.len <= a.base;
                assert!(apart || !std::ptr::eq(a.block(), b.block()));
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
    fn a_run_that_is_given_back_is_zero_when_another_has_it() {
        let mut runs = Vec::new();
        for round in 0..4 {
            let cells = Cells::of_process(5_000).unwrap();
            assert_eq!(cells.sum(Floats::None), [0; 5_000], "in round {round}");
            std::thread::scope(|scope| {
                scope.spawn(|| cells.slot(4_999).unwrap().add(7_u64));
            });
            cells.slot(0).unwrap().add(1_u64);
            f64::add_shared(cells.shared(1).unwrap(), 1.0);
            runs.push(cells.base);
        }
        assert!(runs.iter().all(|base| *base >= PADDING));
        let all = Cells::of_process(PROCESS_SLOTS);
        assert!(all.is_none(), "more than there is");
    }

    #[test]
    fn runs_that_are_given_back_join() {
        let mut free = Vec::new();
        give_back(&mut free, 0..10);
        give_back(&mut free, 20..30);
        give_back(&mut free, 40..50);
        give_back(&mut free, 10..20);
        assert_eq!(free, [0..30, 40..50]);
    }

    #[test]
    fn a_thread_without_a_number_writes_the_shared_page() {
        let cells = Allocator::default().take(1);
        assert!(PROCESS.page_of(SHARED).is_empty());
        let slot = cells.shared(0).unwrap();
        Slot::Shared(slot).add(2_u64);
        assert_eq!(cells.sum(Floats::None), [2]);
    }
}
