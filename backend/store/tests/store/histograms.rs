//! Native histograms beside numbers: in memory, in the journal, in chunks, and over restarts.

use std::sync::Arc;

use watchroom_model::{HistogramSample, Labels, Matcher, NativeHistogram, SeriesData, stale_nan};
use watchroom_store::{AppendOutcome, ReadError, SelectLimit, Store};

use crate::fixture::{T0_MS, TestClock, config, labels, sample};

fn histogram(i: i64) -> HistogramSample {
    HistogramSample {
        t_ms: T0_MS + i * 15_000,
        histogram: Arc::new(NativeHistogram {
            schema: 3,
            count: (i * 20) as f64,
            sum: i as f64 * 1.7,
            zero_threshold: 1e-128,
            positive: (0..20).map(|bucket| (bucket * 2, i as f64)).collect(),
            negative: if i > 300 { vec![(-3, 0.5)] } else { Vec::new() },
            ..NativeHistogram::default()
        }),
    }
}

fn batch(range: std::ops::Range<i64>) -> Vec<(Labels, HistogramSample)> {
    range.map(|i| (labels(2), histogram(i))).collect()
}

fn read(store: &Store, from: i64, to: i64) -> Vec<SeriesData> {
    let at = |i: i64| T0_MS + i * 15_000;
    let matchers = [Matcher::equal("n", "2")];
    store
        .select(&matchers, at(from), at(to), SelectLimit::default())
        .unwrap()
}

#[track_caller]
fn holds(store: &Store, until: i64) {
    let found = read(store, 0, 10_000);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].samples.len(), 1, "the stale marker");
    assert_eq!(found[0].histograms, (1..until).map(histogram).collect::<Vec<_>>());
    let some = read(store, 100, 110);
    assert_eq!(some[0].histograms, (100..=110).map(histogram).collect::<Vec<_>>());
}

fn clock() -> TestClock {
    let clock = TestClock::new();
    clock.advance_ms(1_000 * 15_000);
    clock
}

#[test]
fn histograms_are_kept_over_flushes_and_restarts() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(config(dir.path(), &clock())).unwrap();
    store.append_histograms(&batch(1..400)).unwrap();
    let mut ended = sample(T0_MS + 400 * 15_000 - 1, 0.0);
    ended.value = stale_nan();
    store.append_samples(&[(labels(2), ended)]).unwrap();
    store.append_histograms(&batch(400..500)).unwrap();
    holds(&store, 500);
    drop(store);
    // From the journal alone.
    let store = Store::open(config(dir.path(), &clock())).unwrap();
    holds(&store, 500);
    store.flush().unwrap();
    holds(&store, 500);
    store.append_histograms(&batch(500..600)).unwrap();
    holds(&store, 600);
    drop(store);
    // From chunks and the journal.
    let store = Store::open(config(dir.path(), &clock())).unwrap();
    holds(&store, 600);
    assert_eq!(store.problems(), Vec::new());
}

#[test]
fn what_comes_again_or_late_is_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    let check = |store: &Store| {
        let other = HistogramSample {
            t_ms: histogram(5).t_ms,
            ..histogram(6)
        };
        let outcome = |sample: HistogramSample| store.append_histograms(&[(labels(2), sample)]).unwrap();
        let expect = |accepted, duplicate, out_of_order| AppendOutcome {
            accepted,
            duplicate,
            out_of_order,
            ..AppendOutcome::default()
        };
        assert_eq!(outcome(histogram(5)), expect(1, 0, 0));
        assert_eq!(outcome(other), expect(0, 1, 0));
        assert_eq!(outcome(histogram(4)), expect(0, 0, 1));
        let float = sample(histogram(5).t_ms, 1.0);
        assert_eq!(
            store.append_samples(&[(labels(2), float)]).unwrap(),
            expect(0, 1, 0)
        );
    };
    let store = Store::open(config(dir.path(), &clock())).unwrap();
    store.append_histograms(&batch(1..6)).unwrap();
    check(&store);
    store.flush().unwrap();
    drop(store);
    check(&Store::open(config(dir.path(), &clock())).unwrap());
}

#[test]
fn a_histogram_counts_as_the_numbers_whose_room_it_takes() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(config(dir.path(), &clock())).unwrap();
    store.append_histograms(&batch(1..10)).unwrap();
    let limit = SelectLimit {
        max_samples: 100,
        ..SelectLimit::default()
    };
    let refused = store.select(&[Matcher::equal("n", "2")], T0_MS, i64::MAX, limit);
    assert!(matches!(refused, Err(ReadError::TooManySamples { limit: 100 })));
}
