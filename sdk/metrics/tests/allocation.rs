//! Recording allocates nothing once a series exists (COM-81).
#![expect(
    unsafe_code,
    reason = "a global allocator that counts can only be written with it; it passes every call on unchanged"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use watchroom_metrics as metrics;
use watchroom_metrics::{
    Counter, Declaration, DynamicCounter, DynamicHistogram, Gauge, Histogram, Label, Metrics,
    NativeHistogram, Registry, Reservoir, SampledCounter, SampledHistogram, UpDownCounter,
};

struct Counting;

thread_local! {
    static N: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call goes to the system's allocator with its arguments as they are; counting touches no heap.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        N.set(N.get() + 1);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(ptr, layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        N.set(N.get() + 1);
        // SAFETY: the caller keeps the contract of `realloc`.
        unsafe { System.realloc(ptr, layout, new_size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[derive(Label, Clone, Copy)]
#[label(crate = metrics)]
enum Method {
    Get,
    Put,
}

#[derive(Label)]
#[label(crate = metrics, limit = 10)]
struct Route;

#[derive(Metrics)]
#[metrics(crate = metrics, prefix = "a")]
struct M {
    /// Closed.
    closed_total: Counter<(Method, Method2)>,
    /// Open.
    open_total: Counter<(Route, Method)>,
    /// Gauge.
    gauge: Gauge<Method>,
    /// Open gauge.
    open_gauge: Gauge<Route>,
    /// Up and down.
    up_down: UpDownCounter<Method>,
    /// Values.
    #[metric(buckets = [1, 2])]
    values: Histogram<Method>,
    /// Open values.
    #[metric(buckets = [1, 2])]
    open_values: Histogram<Route>,
    /// Fine values.
    fine: NativeHistogram<Method>,
    /// Ends.
    #[metric(expire = "10m")]
    ending: Gauge<Route>,
    /// Quantiles.
    quantiles: Reservoir<Method>,
    /// One in so many.
    #[metric(one_in = 4)]
    one_in_total: SampledCounter<Route>,
    /// One in so many, timed.
    #[metric(buckets = [1, 2], one_in = 4)]
    sampled: SampledHistogram<Method>,
}

#[derive(Label, Clone, Copy)]
#[label(crate = metrics)]
enum Method2 {
    A,
}

fn record(m: &M) {
    m.closed_total.inc((Method::Get, Method2::A));
    m.closed_total.inc_by((Method::Put, Method2::A), 3);
    m.open_total.inc(("/users/{id}", Method::Get));
    m.gauge.set(Method::Get, 1);
    m.open_gauge.inc("/");
    m.up_down.dec(Method::Put);
    m.values.observe(Method::Get, 1.5);
    m.open_values.observe("/", 1.5);
    m.fine.observe(Method::Get, 0.5);
    drop(m.gauge.track(Method::Put));
    drop(m.open_gauge.track_owned("/"));
    m.values.start(Method::Get).observe();
    m.open_values.start_owned("/").observe();
    let _ = m.open_total.try_inc(("/users/{id}", Method::Get));
    m.ending.set("/", 1);
    for i in 0..500 {
        m.quantiles.observe(Method::Get, i);
    }
    m.quantiles.start(Method::Put).observe();
    for _ in 0..100 {
        m.one_in_total.inc("/");
        m.sampled.start(Method::Get).observe();
    }
}

fn allocations(run: impl FnOnce()) -> usize {
    let before = N.get();
    run();
    N.get() - before
}

#[test]
fn a_warm_recording_allocates_nothing() {
    let registry = Registry::default();
    let m = M::register(&registry).unwrap();
    assert!(
        allocations(|| record(&m)) > 0,
        "the counting works: a first recording makes pages and series"
    );
    let warm = allocations(|| (0..100).for_each(|_| record(&m)));
    assert_eq!(warm, 0);
}

#[test]
fn a_refused_value_allocates_nothing() {
    let registry = Registry::default();
    let m = M::register(&registry).unwrap();
    for i in 0..20 {
        m.open_gauge.inc(&i.to_string());
    }
    let values: Vec<_> = (100..200).map(|i| i.to_string()).collect();
    assert_eq!(
        allocations(|| values.iter().for_each(|value| m.open_gauge.inc(value))),
        0
    );
}

#[test]
fn a_warm_recording_with_labels_named_at_run_time_allocates_nothing() {
    let registry = Registry::default();
    let counter: DynamicCounter =
        DynamicCounter::register(&registry, Declaration::new("d_total", "D.").with_limit(10)).unwrap();
    let histogram = DynamicHistogram::register(
        &registry,
        Declaration::new("d_size", "D.").with_buckets(vec![1.0]),
    )
    .unwrap();
    let record = |tenant: i64| {
        counter.inc([("tenant", tenant)]);
        counter.inc([("queue", "mail"), ("tenant", "a")]);
        histogram.observe([("queue", "mail")], 0.5);
    };
    (0..20).for_each(record);
    assert_eq!(
        allocations(|| (0..100).for_each(record)),
        0,
        "what overflows costs nothing either"
    );
}

#[test]
fn a_no_op_allocates_nothing() {
    let m = M::noop();
    assert_eq!(allocations(|| record(&m)), 0);
}
