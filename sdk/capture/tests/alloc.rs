//! The hot paths allocate nothing once warm: proved with an allocator that counts.
#![expect(
    unsafe_code,
    reason = "an allocator that counts and hands everything on to the system's"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing::{debug, debug_span, info, info_span};
use tracing_core::{LevelFilter, Metadata};
use tracing_subscriber::layer::SubscriberExt as _;
use watchroom_capture::{
    Capture, EventRecord, Filter, Sampler, Scope, Sink, SpanExporter, SpanExt as _, SpanRecord, pool,
};

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

/// Reads what a log line would.
struct Reader;

impl Sink for Reader {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        Filter::level(LevelFilter::INFO).enabled(metadata)
    }

    fn on_event(&self, event: &EventRecord<'_>, scope: Scope<'_>) {
        assert!(!event.message().is_empty());
        assert_eq!(scope.iter().map(|span| span.fields.len()).sum::<usize>(), 6);
        assert!(scope.context().is_some());
    }

    fn wants_busy(&self) -> bool {
        true
    }
}

/// Encodes nothing and gives the record back.
struct Recycler;

impl SpanExporter for Recycler {
    fn export(&self, span: Box<SpanRecord>) {
        pool::recycle(span);
    }
}

#[derive(Debug)]
struct Shown(#[expect(dead_code, reason = "shown by Debug")] u32);

fn request(n: u64) {
    let root = info_span!("root", method = "GET", n, route = %"/orders");
    let _root = root.enter();
    let child = info_span!("child", shown = ?Shown(7), ratio = 0.5, later = tracing::field::Empty);
    let _child = child.enter();
    child.record("later", "value");
    info!(n, ok = true, "a line");
    debug!(n, "a disabled event");
}

/// A layer that another test makes begins a new generation of filters, after which callsites are looked at anew: so one test at a time.
fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn check(sampler: Sampler) {
    let (layer, _handle) = Capture::builder()
        .sampler(sampler)
        .sink(Arc::new(Reader))
        .exporter(Arc::new(Recycler))
        .export_filter(Filter::level(LevelFilter::INFO))
        .build();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        (0..100).for_each(request);
        assert_eq!(allocations(|| (0..1_000).for_each(request)), 0);
    });
}

#[test]
fn a_span_that_is_not_sampled_its_lines_and_a_disabled_event_allocate_nothing() {
    let _turn = turn();
    check(Sampler::AlwaysOff);
}

#[test]
fn a_span_that_is_exported_allocates_nothing_either_once_records_come_back() {
    let _turn = turn();
    check(Sampler::AlwaysOn);
}

fn under_capture(sampler: Sampler, measured: impl Fn(u64)) -> u64 {
    let (layer, _handle) = Capture::builder()
        .sampler(sampler)
        .exporter(Arc::new(Recycler))
        .export_filter(Filter::level(LevelFilter::INFO))
        .build();
    let mut n = 0;
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        (0..100).for_each(&measured);
        n = allocations(|| (0..1_000).for_each(&measured));
    });
    n
}

#[test]
fn a_span_that_is_not_sampled_allocates_nothing_at_any_depth() {
    let _turn = turn();
    let nested = |n: u64| {
        let _a = info_span!("a", n, text = "some text").entered();
        let _b = info_span!("b", n, shown = ?Shown(7)).entered();
        let c = info_span!(parent: None, "c", n);
        let _d = info_span!(parent: &c, "d", n).entered();
        info!(n, "an event of a trace that is not sampled");
    };
    assert_eq!(under_capture(Sampler::AlwaysOff, nested), 0);
    assert_eq!(under_capture(Sampler::ratio(0.5), nested), 0);
}

#[test]
fn a_span_that_nobody_sees_allocates_nothing() {
    let _turn = turn();
    let (layer, handle) = Capture::builder()
        .sampler(Sampler::AlwaysOff)
        .sink(Arc::new(Reader))
        .exporter(Arc::new(Recycler))
        .build();
    let subscriber = handle.subscriber(tracing_subscriber::registry().with(layer));
    tracing::subscriber::with_default(subscriber, || {
        let request = |n: u64| {
            let _root = info_span!("root", request_id = "r-1", n).entered();
            let span =
                debug_span!("unseen", request_id = "r-1", shown = ?Shown(7), later = tracing::field::Empty);
            span.record("later", "value");
            let _span = span.entered();
            let _deeper = debug_span!("deeper", n).entered();
            debug!(n, "an event of a trace that is not sampled");
        };
        (0..100).for_each(request);
        assert_eq!(allocations(|| (0..1_000).for_each(request)), 0);
    });
}

#[test]
fn samplers_with_a_state_decide_without_allocation() {
    let _turn = turn();
    let root = |n: u64| drop(info_span!("root", n));
    // Both kinds of decision are among them: the burst is used up while it is measured.
    assert_eq!(under_capture(Sampler::rate_limited(500.0), root), 0);
    assert_eq!(under_capture(Sampler::adaptive(10.0, 100.0), root), 0);
    assert_eq!(under_capture(Sampler::rate_limited(1e-6), root), 0);
}

#[test]
fn baggage_is_inherited_without_allocation() {
    let _turn = turn();
    let (layer, _handle) = Capture::builder()
        .sampler(Sampler::AlwaysOff)
        .exporter(Arc::new(Recycler))
        .build();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        let outer = info_span!("outer");
        outer.set_baggage("tenant", "acme").expect("the span is captured");
        outer.in_scope(|| {
            let child = |n: u64| drop(info_span!("child", n));
            (0..100).for_each(child);
            assert_eq!(allocations(|| (0..1_000).for_each(child)), 0);
        });
    });
}

#[test]
fn a_disabled_event_and_a_disabled_span_cost_no_allocation_and_do_not_evaluate_their_fields() {
    let _turn = turn();
    let disabled = |_: u64| {
        // `String`s that would be made if anybody looked.
        debug!(text = %format!("{}", "made"), "a disabled {}", "event".to_owned());
        let span = debug_span!("disabled", text = %format!("{}", "made"));
        span.record("text", "later");
        span.in_scope(|| debug!(text = "in a disabled span".to_owned(), "disabled"));
    };
    assert_eq!(under_capture(Sampler::AlwaysOn, disabled), 0);
}

#[test]
fn the_count_counts() {
    let _turn = turn();
    assert!(allocations(|| drop(std::hint::black_box(vec![1]))) > 0);
}
