//! A counter whose writers do not share a cache line.
//!
//! Each of the first threads has a cell of its own in every counter, which nobody else writes: adding is a plain load and a plain
//! store. Threads beyond those share the last cell and add to it with one locked instruction.
//!
//! Invariant: a cell of its own belongs to one thread at a time; it is handed on when its thread ends, with all that was written.
//! Not here: labels, names, exposition; those are instruments and live in `metrics`.

use std::cell::Cell;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Acquire, Ordering::Relaxed, Ordering::Release};

const N_CELLS: usize = 16;
/// The cell of all threads that have none of their own.
const SHARED: usize = N_CELLS - 1;
const UNKNOWN: usize = usize::MAX;

#[derive(Debug, Default)]
#[repr(align(128))]
struct Padded(AtomicU64);

/// A sum of `u64` additions, spread over cells by thread.
#[derive(Debug, Default)]
pub struct ShardedCounter([Padded; N_CELLS]);

thread_local! {
    static CELL_IDX: Cell<usize> = const { Cell::new(UNKNOWN) };
    static OWNED: Owned = Owned::claim();
}

/// Bits of the cells that no thread owns.
static FREE: AtomicU32 = AtomicU32::new((1 << SHARED) - 1);

/// A thread's hold on its cell; the end of the thread gives it up.
struct Owned(usize);

impl Owned {
    fn claim() -> Self {
        // What the cell's last owner has written is to be seen, so that adding goes on from there.
        let taken = FREE.fetch_update(Acquire, Relaxed, |free| (free != 0).then(|| free & (free - 1)));
        let idx = taken.map_or(SHARED, |free| free.trailing_zeros() as usize);
        CELL_IDX.set(idx);
        Self(idx)
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        // Whatever this thread still adds while it ends goes to the shared cell.
        CELL_IDX.set(SHARED);
        if self.0 < SHARED {
            FREE.fetch_or(1 << self.0, Release);
        }
    }
}

fn cell_idx() -> usize {
    let idx = CELL_IDX.get();
    if idx == UNKNOWN { first_cell_idx() } else { idx }
}

#[cold]
fn first_cell_idx() -> usize {
    OWNED.try_with(|owned| owned.0).unwrap_or(SHARED)
}

impl ShardedCounter {
    /// Adds `n`.
    pub fn add(&self, n: u64) {
        let idx = cell_idx() % N_CELLS;
        let cell = &self.0[idx].0;
        if idx == SHARED {
            cell.fetch_add(n, Relaxed);
        } else {
            // Nobody else writes it.
            cell.store(cell.load(Relaxed).wrapping_add(n), Relaxed);
        }
    }

    /// The sum of all additions that have been seen.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0
            .iter()
            .map(|cell| cell.0.load(Relaxed))
            .fold(0, u64::wrapping_add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adds_up_over_threads() {
        let counter = ShardedCounter::default();
        std::thread::scope(|scope| {
            for _ in 0..40 {
                scope.spawn(|| (0..1_000).for_each(|_| counter.add(1)));
            }
        });
        assert_eq!(counter.get(), 40_000);
    }

    #[test]
    fn cells_are_handed_on_by_threads_that_end() {
        let counter = ShardedCounter::default();
        for n in 1..=4 * N_CELLS as u64 {
            std::thread::scope(|scope| {
                scope.spawn(|| counter.add(n));
            });
        }
        let n = 4 * N_CELLS as u64;
        assert_eq!(counter.get(), n * (n + 1) / 2);
    }

    #[test]
    fn what_is_added_while_a_thread_ends_is_not_lost() {
        static COUNTER: ShardedCounter = ShardedCounter([const { Padded(AtomicU64::new(0)) }; N_CELLS]);
        struct Last;
        impl Drop for Last {
            fn drop(&mut self) {
                COUNTER.add(1);
            }
        }
        thread_local! {
            static LAST: Last = const { Last };
        }
        // Locals go in an order that is not ours: one is made before the cell, one after it.
        for early in [true, false] {
            let thread = std::thread::spawn(move || {
                if early {
                    LAST.with(|_| COUNTER.add(1));
                } else {
                    COUNTER.add(1);
                    LAST.with(|_| ());
                }
            });
            thread.join().unwrap();
        }
        assert_eq!(COUNTER.get(), 4);
    }
}
