//! What holds for an OTLP request in either encoding.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use libfuzzer_sys::arbitrary::{Arbitrary as _, Unstructured};
use watchroom_server::{Decoded, Encoding, Signal};

/// Counts what is allocated, and the most of it at a time.
struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: every call goes to the system's allocator unchanged; beside it only numbers are counted.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = NOW.fetch_add(layout.size(), Relaxed) + layout.size();
        MOST.fetch_max(now, Relaxed);
        // SAFETY: the caller keeps to the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller keeps to the contract of `dealloc`.
        unsafe { System.dealloc(memory, layout) }
    }
}

/// Room for what does not grow with the request: buffers of the reader, the text of an error.
const SLACK_BYTES: usize = 8 << 10;

/// Noon of some day; nothing depends on which.
const NOW_NS: u64 = 1_800_000_000_000_000_000;

pub fn check(encoding: Encoding, data: &[u8]) {
    let mut data = Unstructured::new(data);
    let Ok(signal) = u8::arbitrary(&mut data) else { return };
    let signal = [Signal::Traces, Signal::Metrics, Signal::Logs][usize::from(signal % 3)];
    let body = data.take_rest();

    let weight = Decoded::weigh(signal, encoding, body);
    let before = NOW.load(Relaxed);
    MOST.store(before, Relaxed);
    let read = Decoded::read(signal, encoding, bytes::Bytes::copy_from_slice(body));
    let took = MOST.load(Relaxed).saturating_sub(before);
    assert!(took <= weight + SLACK_BYTES, "weighed {weight}, took {took}");
    match read {
        Ok(request) => {
            let _ = request.translate(NOW_NS);
        }
        Err(told) => assert!(!told.is_empty()),
    }
}
