//! A global allocator that counts, as metrics: how much is allocated, how often, and how much is in use.
//!
//! Invariant: what it counts costs two additions in a line of memory of the calling thread's own shard, and it allocates nothing itself.
//! Not here: an allocator. It wraps the system's or any other.

#![expect(
    unsafe_code,
    reason = "`GlobalAlloc` is an unsafe trait; each call goes to the wrapped allocator with its arguments as they are"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

use crate::declaration::Kind;
use crate::registry::Collector;
use crate::snapshot::{Family, Value};

/// Threads are spread over so many counts.
const N_SHARDS: usize = 16;

/// Wraps the global allocator and counts what goes through it.
///
/// ```
/// use watchroom_metrics::Registry;
/// use watchroom_metrics::allocator::CountingAllocator;
///
/// #[global_allocator]
/// static ALLOCATOR: CountingAllocator = CountingAllocator::system();
///
/// let registry = Registry::default();
/// registry.register_collector(&ALLOCATOR);
/// let in_use = registry.collect().get("allocator_in_use_bytes").unwrap().iter().next().unwrap().value().as_f64();
/// assert!(in_use > 0.0);
/// ```
///
/// For another allocator it is `CountingAllocator::new(Other)`, in a static of the type `CountingAllocator<Other>`.
#[derive(Debug)]
pub struct CountingAllocator<A = System> {
    inner: A,
    shards: [Shard; N_SHARDS],
}

#[derive(Debug)]
#[repr(align(128))]
struct Shard {
    n_allocated: AtomicU64,
    n_freed: AtomicU64,
    bytes_allocated: AtomicU64,
    bytes_freed: AtomicU64,
}

impl Shard {
    const fn new() -> Self {
        Self {
            n_allocated: AtomicU64::new(0),
            n_freed: AtomicU64::new(0),
            bytes_allocated: AtomicU64::new(0),
            bytes_freed: AtomicU64::new(0),
        }
    }

    fn allocated(&self, bytes: usize) {
        self.n_allocated.fetch_add(1, Relaxed);
        self.bytes_allocated.fetch_add(bytes as u64, Relaxed);
    }

    fn freed(&self, bytes: usize) {
        self.n_freed.fetch_add(1, Relaxed);
        self.bytes_freed.fetch_add(bytes as u64, Relaxed);
    }
}

/// What has gone through an allocator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Allocated {
    /// Allocations; a reallocation is one, and a release.
    pub n_allocated: u64,
    /// Releases.
    pub n_freed: u64,
    /// Bytes allocated ever.
    pub bytes_allocated: u64,
    /// Bytes released ever.
    pub bytes_freed: u64,
}

impl Allocated {
    /// Bytes that are allocated and not yet released.
    #[must_use]
    pub const fn bytes_in_use(self) -> u64 {
        self.bytes_allocated.saturating_sub(self.bytes_freed)
    }
}

impl CountingAllocator<System> {
    /// Counts what the system's allocator is asked for.
    #[must_use]
    pub const fn system() -> Self {
        Self::new(System)
    }
}

impl<A> CountingAllocator<A> {
    /// Counts what `inner` is asked for.
    #[must_use]
    pub const fn new(inner: A) -> Self {
        Self {
            inner,
            shards: [const { Shard::new() }; N_SHARDS],
        }
    }

    /// What has been counted so far.
    #[must_use]
    pub fn allocated(&self) -> Allocated {
        // Releases are read first, so that none is seen without its allocation.
        let mut sum = Allocated::default();
        for shard in &self.shards {
            sum.n_freed += shard.n_freed.load(Relaxed);
            sum.bytes_freed += shard.bytes_freed.load(Relaxed);
        }
        for shard in &self.shards {
            sum.n_allocated += shard.n_allocated.load(Relaxed);
            sum.bytes_allocated += shard.bytes_allocated.load(Relaxed);
        }
        sum
    }

    fn shard(&self) -> &Shard {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        thread_local! {
            // Without a destructor, so that it is there until the thread's very end.
            static OWN: Cell<usize> = const { Cell::new(usize::MAX) };
        }
        let own = OWN.with(|own| {
            if own.get() == usize::MAX {
                own.set(NEXT.fetch_add(1, Relaxed) % N_SHARDS);
            }
            own.get()
        });
        &self.shards[own % N_SHARDS]
    }
}

// SAFETY: every call goes to the wrapped allocator with its arguments as they are, and what it gives is given on; counting touches
// atomics and a thread-local cell that needs no memory of its own, so it cannot call back into the allocator, and cannot panic.
unsafe impl<A: GlobalAlloc> GlobalAlloc for CountingAllocator<A> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the contract of `alloc`.
        let ptr = unsafe { self.inner.alloc(layout) };
        if !ptr.is_null() {
            self.shard().allocated(layout.size());
        }
        ptr
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the contract of `alloc_zeroed`.
        let ptr = unsafe { self.inner.alloc_zeroed(layout) };
        if !ptr.is_null() {
            self.shard().allocated(layout.size());
        }
        ptr
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        self.shard().freed(layout.size());
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { self.inner.dealloc(ptr, layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller keeps the contract of `realloc`.
        let new = unsafe { self.inner.realloc(ptr, layout, new_size) };
        if !new.is_null() {
            let shard = self.shard();
            shard.allocated(new_size);
            shard.freed(layout.size());
        }
        new
    }
}

impl<A: Send + Sync> Collector for &'static CountingAllocator<A> {
    fn collect(&self, out: &mut Vec<Family>) {
        let sum = self.allocated();
        let metrics = [
            (
                "allocator_allocations_total",
                Kind::Counter,
                "Allocations.",
                None,
                sum.n_allocated,
            ),
            (
                "allocator_frees_total",
                Kind::Counter,
                "Releases.",
                None,
                sum.n_freed,
            ),
            (
                "allocator_allocated_bytes_total",
                Kind::Counter,
                "Bytes allocated.",
                Some("bytes"),
                sum.bytes_allocated,
            ),
            (
                "allocator_freed_bytes_total",
                Kind::Counter,
                "Bytes released.",
                Some("bytes"),
                sum.bytes_freed,
            ),
            (
                "allocator_in_use_bytes",
                Kind::Gauge,
                "Bytes allocated and not yet released.",
                Some("bytes"),
                sum.bytes_in_use(),
            ),
        ];
        for (name, kind, help, unit, value) in metrics {
            let family = Family::new(name, kind, help).with(&[], Value::U64(value));
            out.push(match unit {
                Some(unit) => family.with_unit(unit),
                None => family,
            });
        }
    }
}
