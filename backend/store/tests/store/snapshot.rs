//! Snapshots: of one moment, made while the store is written to, and whole or not there.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use watchroom_model::{Matcher, TraceId};
use watchroom_store::{RestoreError, Store, restore};

use crate::fixture::{
    T0_MS, T0_NS, TestClock, bodies, config, insist, labels, line, resource, sample, select_all, span,
};

/// Appends step `i`: a sample of each series, a span and a line.
fn append(store: &Store, i: u64) {
    let samples: Vec<_> = (0..50)
        .map(|series| (labels(series), sample(T0_MS + i as i64, i as f64)))
        .collect();
    insist(|| store.append_samples(&samples));
    insist(|| store.append_spans(vec![span(u128::from(i) + 1, i, T0_NS + i, &resource("a"))]));
    insist(|| store.append_logs(vec![line(T0_NS + i, "a", &i.to_string())]));
}

/// Steps that a store has in full, one after the other from the first; what else it has.
fn steps(store: &Store) -> (u64, usize) {
    let series = select_all(store, &[Matcher::equal("n", "7")]);
    let n = series.first().map_or(0, |series| series.samples.len()) as u64;
    for (i, found) in series.iter().flat_map(|series| &series.samples).enumerate() {
        assert_eq!(*found, sample(T0_MS + i as i64, i as f64));
    }
    let lines = bodies(store);
    assert_eq!(lines, (0..lines.len()).map(|i| i.to_string()).collect::<Vec<_>>());
    for i in 0..lines.len() as u128 {
        assert_eq!(store.trace(TraceId(i + 1)).unwrap().len(), 1, "trace {i}");
    }
    (n, lines.len())
}

#[test]
fn a_snapshot_holds_what_was_acknowledged_before_and_nothing_torn() {
    let dir = tempfile::tempdir().unwrap();
    let clock = TestClock::new();
    let mut config = config(dir.path(), &clock);
    // Small, so that chunks and blocks are written meanwhile.
    config.max_memory_bytes = 8 << 20;
    let store = Store::open(config).unwrap();
    let (stop, done) = (AtomicBool::new(false), AtomicU64::new(0));
    let mut taken = Vec::new();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for i in 0.. {
                if stop.load(Ordering::SeqCst) {
                    break;
                }
                append(&store, i);
                done.store(i + 1, Ordering::SeqCst);
                if i % 200 == 199 {
                    store.flush().unwrap();
                }
            }
        });
        for n in 1..=4 {
            while done.load(Ordering::SeqCst) < n * 150 {
                std::thread::yield_now();
            }
            let before = done.load(Ordering::SeqCst);
            let place = store.snapshot(false).unwrap();
            taken.push((before, place, done.load(Ordering::SeqCst)));
        }
        stop.store(true, Ordering::SeqCst);
    });
    let total = done.load(Ordering::SeqCst);
    for (before, place, after) in &taken {
        assert!(place.starts_with(dir.path().join("snapshots")));
        let home = tempfile::tempdir().unwrap();
        let restored = home.path().join("restored");
        assert_eq!(restore(place, &restored).unwrap().problems, 0);
        let copy = Store::open(crate::fixture::config(&restored, &clock)).unwrap();
        let (n, n_lines) = steps(&copy);
        assert!((*before..=after + 1).contains(&n), "{before} ≤ {n} ≤ {after}");
        assert!(
            (n - 1..=n).contains(&(n_lines as u64)),
            "{n} steps, {n_lines} lines"
        );
        assert_eq!(copy.problems(), []);
        // The copy is a store like any other.
        append(&copy, n);
    }
    assert_eq!(
        steps(&store),
        (total, total as usize),
        "the store itself has gone on"
    );
    assert_eq!(store.problems(), []);
}

#[test]
fn without_the_journal_a_snapshot_has_what_was_flushed() {
    let dir = tempfile::tempdir().unwrap();
    let clock = TestClock::new();
    let store = Store::open(config(dir.path(), &clock)).unwrap();
    (0..10).for_each(|i| append(&store, i));
    store.flush().unwrap();
    (10..20).for_each(|i| append(&store, i));
    let (with, without) = (store.snapshot(false).unwrap(), store.snapshot(true).unwrap());
    assert_ne!(with, without);
    for (place, n) in [(with, 20), (without, 10)] {
        let copy = Store::open(config(&place, &clock)).unwrap();
        assert_eq!(steps(&copy), (n, n as usize));
    }
}

#[test]
fn what_a_killed_process_left_of_a_snapshot_is_removed() {
    let dir = tempfile::tempdir().unwrap();
    let clock = TestClock::new();
    let place = {
        let store = Store::open(config(dir.path(), &clock)).unwrap();
        append(&store, 0);
        store.snapshot(false).unwrap()
    };
    let torn = dir.path().join("snapshots/20250101T000000Z-0007.unfinished");
    std::fs::create_dir_all(torn.join("engine")).unwrap();
    let _store = Store::open(config(dir.path(), &clock)).unwrap();
    assert!(!torn.exists() && place.exists());
}

#[test]
fn restores_only_a_snapshot_and_only_into_an_empty_directory() {
    let dir = tempfile::tempdir().unwrap();
    let clock = TestClock::new();
    let store = Store::open(config(&dir.path().join("data"), &clock)).unwrap();
    append(&store, 0);
    let place = store.snapshot(false).unwrap();
    let other = dir.path().join("other");
    let error = restore(Path::new("/nowhere"), &other).unwrap_err();
    assert!(matches!(&error, RestoreError::NotASnapshot { path } if path == Path::new("/nowhere")));
    assert!(!other.exists(), "nothing is made for nothing");
    std::fs::create_dir(&other).unwrap();
    std::fs::write(other.join("mine"), "text").unwrap();
    let error = restore(&place, &other).unwrap_err();
    assert!(
        matches!(&error, RestoreError::NotEmpty { dir } if *dir == other),
        "{error}"
    );
    std::fs::remove_file(other.join("mine")).unwrap();
    restore(&place, &other).unwrap();
    assert_eq!(steps(&Store::open(config(&other, &clock)).unwrap()), (1, 1));
}
