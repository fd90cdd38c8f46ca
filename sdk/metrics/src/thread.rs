//! Small numbers for threads, used again when a thread has ended; and each thread's page of the process' slots.
//!
//! Invariant: at any moment a number below [`SHARED`] belongs to at most one thread. A number passes from a thread to the next one
//! through a lock, so whatever the former wrote into its slots is seen by the latter: slots need no folding at a thread's end.
//! Not here: the slots.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use crate::cells::{self, ProcessPage};

/// The number of all threads that have none of their own: before their first write, while they are torn down, and beyond the 255th.
pub(crate) const SHARED: u8 = u8::MAX;

thread_local! {
    static NUMBER: Cell<u8> = const { Cell::new(SHARED) };
    static PAGE: Cell<Option<&'static ProcessPage>> = const { Cell::new(None) };
    static LEASE: Lease = Lease::take();
}

struct Lease(u8);

#[derive(Default)]
struct Pool {
    /// Numbers that have been given back; a bit each.
    free: [u128; 2],
    next: u8,
}

/// Numbers that were ever given out: they are the lowest.
static N_NUMBERS: AtomicUsize = AtomicUsize::new(0);

static POOL: Mutex<Pool> = Mutex::new(Pool {
    free: [0; 2],
    next: 0,
});

impl Lease {
    fn take() -> Self {
        let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
        let number = pool.take();
        N_NUMBERS.store(usize::from(pool.next), Relaxed);
        drop(pool);
        NUMBER.set(number);
        PAGE.set(cells::process_page(number));
        Self(number)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // From here on the dying thread uses the shared slots.
        NUMBER.set(SHARED);
        PAGE.set(None);
        if self.0 != SHARED {
            let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
            pool.free[usize::from(self.0 >> 7)] |= 1 << (self.0 & 127);
        }
    }
}

impl Pool {
    fn take(&mut self) -> u8 {
        for (half, bits) in self.free.iter_mut().enumerate() {
            if *bits != 0 {
                let bit = bits.trailing_zeros();
                *bits &= *bits - 1;
                // At most 127 + 128, which fits.
                return u8::try_from(bit + 128 * half as u32).unwrap_or(SHARED);
            }
        }
        if self.next == SHARED {
            return SHARED;
        }
        self.next += 1;
        self.next - 1
    }
}

/// This thread's number, or [`SHARED`].
#[inline(always)]
pub(crate) fn number() -> u8 {
    NUMBER.get()
}

/// This thread's page of the process' slots; none if it has no number, or none yet.
#[inline(always)]
pub(crate) fn page() -> Option<&'static ProcessPage> {
    PAGE.get()
}

/// How many numbers were ever given out. A page that is written belongs to one of them.
pub(crate) fn n_numbers() -> usize {
    N_NUMBERS.load(Relaxed)
}

/// This thread's number; takes one if it has none and there is one left.
#[cold]
pub(crate) fn lease() -> u8 {
    LEASE.try_with(|lease| lease.0).unwrap_or(SHARED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_out_every_number_once_and_the_lowest_free_first() {
        let mut pool = Pool::default();
        for expect in 0..SHARED {
            assert_eq!(pool.take(), expect);
        }
        assert_eq!(pool.take(), SHARED);
        pool.free[1] = 1 << 3;
        pool.free[0] = 0b100;
        assert_eq!(pool.take(), 2);
        assert_eq!(pool.take(), 131);
        assert_eq!(pool.take(), SHARED);
    }

    #[test]
    fn threads_alive_at_the_same_time_have_different_numbers() {
        let barrier = std::sync::Barrier::new(8);
        let numbers: Vec<u8> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        let number = lease();
                        barrier.wait();
                        number
                    })
                })
                .collect();
            threads.into_iter().map(|t| t.join().unwrap()).collect()
        });
        let own: Vec<_> = numbers.iter().filter(|n| **n != SHARED).collect();
        let distinct: std::collections::HashSet<_> = own.iter().collect();
        assert_eq!(own.len(), distinct.len());
    }
}
