//! A counter whose writers do not share a cache line.
//!
//! Not here: labels, names, exposition; those are instruments and live in `metrics`.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

const N_CELLS: usize = 16;

#[derive(Debug, Default)]
#[repr(align(128))]
struct Padded(AtomicU64);

/// A sum of `u64` additions, spread over cells by thread.
#[derive(Debug, Default)]
pub struct ShardedCounter([Padded; N_CELLS]);

thread_local! {
    static CELL_IDX: Cell<usize> = const { Cell::new(usize::MAX) };
}

fn cell_idx() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    CELL_IDX
        .try_with(|idx| {
            if idx.get() == usize::MAX {
                idx.set(NEXT.fetch_add(1, Relaxed) % N_CELLS);
            }
            idx.get()
        })
        .unwrap_or(0)
}

impl ShardedCounter {
    /// Adds `n`.
    pub fn add(&self, n: u64) {
        self.0[cell_idx() % N_CELLS].0.fetch_add(n, Relaxed);
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
}
