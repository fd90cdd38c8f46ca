//! A line allocates nothing once warm: proved with an allocator that counts.
#![expect(clippy::unwrap_used, reason = "a test may fail")]
#![expect(
    unsafe_code,
    reason = "an allocator that counts and hands everything on to the system's"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tracing::{info, info_span};
use tracing_subscriber::layer::SubscriberExt as _;
use watchroom_capture::{Capture, Sampler};
use watchroom_log::{Format, LogSink, Writer};

struct Counting;

thread_local! {
    static N_ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

fn count() {
    let _ = N_ALLOCATIONS.try_with(|n| n.set(n.get() + 1));
}

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promise about `layout` is handed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: `ptr` came from `alloc` above, hence from the system's allocator.
        unsafe { System.dealloc(ptr, layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: as for `dealloc`.
        unsafe { System.realloc(ptr, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn request(n: u64) {
    let request = info_span!("request", method = "GET", request_id = "r-1", n).entered();
    info!(
        n,
        ratio = 0.25,
        third = 1.0 / 3.0,
        text = "needs \"quotes\"",
        "first"
    );
    info_span!("load", table = "orders").in_scope(|| info!(ok = true, shown = ?Some(n), "second"));
    drop(request);
}

fn check(format: Format) {
    // A layer that another test makes begins a new generation of filters, after which callsites are looked at anew: so one at a time.
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let writer = Writer::builder().spawn(std::io::sink()).unwrap();
    let sink = LogSink::builder(writer.clone()).format(format).build();
    let (layer, _handle) = Capture::builder()
        .sampler(Sampler::AlwaysOff)
        .sink(Arc::new(sink))
        .build();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        // The two buffers that the writer and those who log exchange grow to what a round needs.
        let round = || {
            let before = N_ALLOCATIONS.get();
            (0..100).for_each(request);
            let n = N_ALLOCATIONS.get() - before;
            assert!(writer.flush(Duration::from_secs(30)));
            n
        };
        (0..4).for_each(|_| {
            round();
        });
        assert_eq!(
            (0..20).map(|_| round()).min(),
            Some(0),
            "every round of 400 lines allocates"
        );
    });
}

#[test]
fn json_lines_allocate_nothing_once_warm() {
    check(Format::Json);
}

#[test]
fn text_lines_allocate_nothing_once_warm() {
    check(Format::Text);
}
