//! Records are used again: an own small store for each thread, and a shared one through which threads that only close spans give back
//! to threads that make them.
//!
//! Invariant: bounded in number and in the memory that each idle record keeps. Not here: what is in a record.

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use tracing_core::Metadata;
use watchroom_core::SpanContext;

use crate::SpanRecord;

/// Records that a thread keeps for itself.
const PER_THREAD: usize = 64;
/// Records that move between a thread and the shared store at a time.
const BATCH: usize = 32;
/// Records in the shared store: two default export batches.
const SHARED: usize = 1024;
/// Text that an idle record keeps for each of its buffers, bytes.
const KEPT_TEXT: usize = 2048;

/// Records move as boxes: what is pooled is the allocation.
type Records = Vec<Box<SpanRecord>>;

static STORE: Mutex<Records> = Mutex::new(Vec::new());

thread_local! {
    static OWN: RefCell<Records> = const { RefCell::new(Vec::new()) };
}

/// A cleared record for a span of this callsite.
pub(crate) fn take(metadata: &'static Metadata<'static>, context: SpanContext) -> Box<SpanRecord> {
    let pooled = OWN
        .try_with(|own| {
            let mut own = own.borrow_mut();
            if own.is_empty() {
                let mut store = STORE.lock().unwrap_or_else(PoisonError::into_inner);
                let n_left = store.len().saturating_sub(BATCH);
                own.extend(store.drain(n_left..));
            }
            own.pop()
        })
        .ok()
        .flatten();
    match pooled {
        Some(mut record) => {
            record.metadata = metadata;
            record.context = context;
            record.stamp = next_stamp();
            record
        }
        None => {
            let mut record = Box::new(SpanRecord::new(metadata, context));
            record.stamp = next_stamp();
            record
        }
    }
}

/// A number that no state of a record has had in this process. Each thread takes them in blocks.
pub(crate) fn next_stamp() -> u64 {
    const BLOCK: u64 = 1 << 20;
    static NEXT: AtomicU64 = AtomicU64::new(BLOCK);
    thread_local! {
        static OWN: Cell<u64> = const { Cell::new(0) };
    }
    let mut stamp = OWN.get();
    if stamp.is_multiple_of(BLOCK) {
        stamp = NEXT.fetch_add(BLOCK, Relaxed);
    }
    OWN.set(stamp + 1);
    stamp
}

/// Gives a record back, from whatever thread. Exporters call it once they have encoded the span.
pub fn recycle(mut record: Box<SpanRecord>) {
    record.clear(KEPT_TEXT);
    // During the end of a thread its store may be gone; the record is then freed.
    let _ = OWN.try_with(|own| {
        let mut own = own.borrow_mut();
        if own.len() >= PER_THREAD {
            let mut store = STORE.lock().unwrap_or_else(PoisonError::into_inner);
            let n_room = SHARED.saturating_sub(store.len()).min(BATCH);
            store.extend(own.drain(..n_room));
        }
        if own.len() < PER_THREAD {
            own.push(record);
        }
    });
}
