//! A line allocates nothing on the thread that logs once buffers have grown, and one that is suppressed neither: proved with an
//! allocator that counts.
#![expect(
    unsafe_code,
    reason = "an allocator that counts and hands everything on to the system's"
)]
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use tracing::{info, info_span};
use tracing_subscriber::layer::SubscriberExt as _;
use watchroom_capture::Capture;
use watchroom_core::{Clock, Count, Ledger};
use watchroom_log::{Format, LogSampler, LogSampling, LogSink, SpanLines, Writer};

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

fn allocations(f: impl FnOnce()) -> u64 {
    let before = N_ALLOCATIONS.get();
    f();
    N_ALLOCATIONS.get() - before
}

fn line(n: u64) {
    info!(target: "kept", n, user = "u-1", "a line");
    info!(target: "rated", n, "suppressed by a rate");
    info!(target: "chance", n, "suppressed by chance");
}

fn check(format: Format) {
    let ledger = Arc::new(Ledger::default());
    let writer = Writer::builder()
        .ledger(Arc::clone(&ledger))
        .spawn(std::io::sink())
        .unwrap();
    let sink = LogSink::builder(writer.clone())
        .format(format)
        .spans(SpanLines::NONE);
    let sampling = LogSampling::parse("rated=1/h,chance=0%").unwrap();
    let sampler = LogSampler::new(sampling, Arc::clone(&ledger), Clock::system());
    let (layer, _handle) = Capture::builder()
        .ledger(Arc::clone(&ledger))
        .sink(Arc::new(sink.build()))
        .event_sampler(Arc::new(sampler))
        .build();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        info_span!("request", request_id = "r-1").in_scope(|| {
            // Each of the buffers that take turns has to have held as much as comes at once; then none grows again.
            let round = || {
                let n_before = ledger.get(Count::LinesSuppressed);
                let n = allocations(|| (0..500).for_each(line));
                assert!(ledger.get(Count::LinesSuppressed) - n_before >= 999);
                assert!(writer.flush(Duration::from_secs(30)));
                n
            };
            let warm = (0..100).find(|_| (0..5).all(|_| round() == 0));
            assert!(warm.is_some(), "lines allocate however often they come");
        });
    });
}

#[test]
fn lines_written_and_lines_suppressed_allocate_nothing() {
    check(Format::Json);
    check(Format::Text);
}

#[test]
fn the_count_counts() {
    assert!(allocations(|| drop(std::hint::black_box(vec![1]))) > 0);
}
