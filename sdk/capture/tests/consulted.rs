//! Filters are decided per callsite and cached: nobody is asked when a span is made, entered or left, or an event happens.
//! A process of its own, since callsites are known to the whole process.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use tracing::{debug, info, info_span};
use tracing_core::{LevelFilter, Metadata};
use tracing_subscriber::layer::SubscriberExt as _;
use watchroom_capture::{Capture, EventRecord, Filter, Scope, Sink};

/// Counts how often it is asked what it wants, and what it is given.
#[derive(Default)]
struct Counting {
    n_asked: AtomicU64,
    n_levels: AtomicU64,
    n_events: AtomicU64,
}

impl Sink for Counting {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.n_asked.fetch_add(1, Relaxed);
        Filter::level(LevelFilter::INFO).enabled(metadata)
    }

    fn max_level(&self) -> LevelFilter {
        self.n_levels.fetch_add(1, Relaxed);
        LevelFilter::TRACE
    }

    fn on_event(&self, _: &EventRecord<'_>, _: Scope<'_>) {
        self.n_events.fetch_add(1, Relaxed);
    }

    fn wants_enter(&self) -> bool {
        true
    }
}

fn work(n: u64) {
    let outer = info_span!("outer", n);
    for _ in 0..3 {
        let _entered = outer.enter();
        let inner = info_span!("inner", m = tracing::field::Empty);
        inner.in_scope(|| info!(n, "an event"));
        inner.record("m", n);
        debug!(n, "an event that nobody wants");
        tracing::debug_span!("a span that nobody wants").in_scope(|| ());
    }
}

#[test]
fn a_filter_is_asked_once_for_each_callsite_and_generation() {
    let sink = Arc::new(Counting::default());
    let (layer, handle) = Capture::builder().sink(Arc::clone(&sink) as _).build();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        work(0);
        let asked = || (sink.n_asked.load(Relaxed), sink.n_levels.load(Relaxed));
        let before = asked();
        assert!(before.0 >= 5, "each of the five callsites was asked about");
        (1..1_000).for_each(work);
        assert_eq!(
            asked(),
            before,
            "asked again for a callsite that it has decided on"
        );
        assert_eq!(sink.n_events.load(Relaxed), 3_000);

        // A new generation asks again, but once.
        handle.filters_changed();
        work(1_000);
        let renewed = asked();
        assert!(renewed.0 > before.0);
        (0..1_000).for_each(work);
        assert_eq!(asked(), renewed);

        // Other threads read what has been decided.
        let dispatch = tracing::dispatcher::get_default(Clone::clone);
        let thread = std::thread::spawn(move || {
            tracing::dispatcher::with_default(&dispatch, || (0..100).for_each(work));
        });
        assert!(thread.join().is_ok());
        assert_eq!(asked(), renewed);
    });
}
