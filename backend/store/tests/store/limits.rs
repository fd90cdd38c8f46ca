//! Age, size, memory, free space, and one owner.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use watchroom_model::{Labels, Matcher, MetricKind, MetricMetadata, TraceId};
use watchroom_store::{
    AppendError, Direction, EventSink, OpenError, ReadError, SelectLimit, Store, StoreEvent,
};

use crate::fixture::{
    T0_MS, T0_NS, TestClock, bodies, config, insist, labels, line, resource, sample, select_all, span,
};

const HOUR_MS: i64 = 3_600_000;

/// Bytes that do not compress.
fn noise(seed: u64, n: usize) -> String {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..n)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            char::from(b'!' + (state % 90) as u8)
        })
        .collect()
}

#[test]
fn drops_each_signal_at_its_age_and_forgets_series_without_samples() {
    let dir = tempfile::tempdir().unwrap();
    let clock = TestClock::new();
    let mut config = config(dir.path(), &clock);
    config.retention.metrics = Duration::from_secs(48 * 3_600);
    config.retention.traces = Duration::from_secs(24 * 3_600);
    config.retention.logs = Duration::from_secs(12 * 3_600);
    let store = Store::open(config.clone()).unwrap();
    let append = |series: usize, trace: u128, body: &str| {
        let now_ms = clock.now_ms();
        store
            .append_samples(&[(labels(series), sample(now_ms, 1.0))])
            .unwrap();
        store
            .append_spans(vec![span(trace, 1, now_ms as u64 * 1_000_000, &resource("a"))])
            .unwrap();
        store
            .append_logs(vec![line(now_ms as u64 * 1_000_000, "a", body)])
            .unwrap();
        store.flush().unwrap();
        store.maintain().unwrap();
    };
    let seen = |store: &Store| {
        (
            select_all(store, &[]).len(),
            (1..=3)
                .filter(|id| !store.trace(TraceId(*id)).unwrap().is_empty())
                .count(),
            bodies(store).len(),
        )
    };
    append(1, 1, "first");
    clock.advance_ms(20 * HOUR_MS);
    append(2, 2, "second");
    assert_eq!(seen(&store), (2, 2, 1), "the first line is older than 12 hours");
    clock.advance_ms(10 * HOUR_MS);
    append(3, 3, "third");
    assert_eq!(seen(&store), (3, 2, 2), "the first span is older than 24 hours");
    clock.advance_ms(20 * HOUR_MS);
    store.maintain().unwrap();
    assert_eq!(seen(&store), (2, 1, 0), "the first sample is older than 48 hours");
    assert_eq!(store.stats().series, 2);
    assert!(store.label_values("n", &[], i64::MIN, i64::MAX).unwrap() == ["2", "3"]);
    drop(store);
    let store = Store::open(config).unwrap();
    assert_eq!((seen(&store), store.problems()), ((2, 1, 0), vec![]));
    // A series that comes again starts anew.
    let again = [(labels(1), sample(clock.now_ms(), 2.0))];
    assert_eq!(store.append_samples(&again).unwrap().accepted, 1);
    assert_eq!(
        select_all(&store, &[Matcher::equal("n", "1")])[0].samples.len(),
        1
    );
}

#[test]
fn drops_the_oldest_when_the_directory_is_too_large() {
    let dir = tempfile::tempdir().unwrap();
    let clock = TestClock::new();
    let mut config = config(dir.path(), &clock);
    config.max_memory_bytes = 16 << 20;
    config.max_disk_bytes = 12 << 20;
    let events: Arc<Mutex<Vec<StoreEvent>>> = Arc::default();
    let sink = events.clone();
    config.on_event = Some(EventSink::new(move |event| sink.lock().unwrap().push(event)));
    let store = Store::open(config.clone()).unwrap();
    for round in 0..400_u64 {
        let lines: Vec<_> = (0..100)
            .map(|i| line(T0_NS + round * 1_000 + i, "a", &noise(round * 100 + i, 500)))
            .collect();
        insist(|| store.append_logs(lines.clone()));
        clock.advance_ms(1_000);
        store.flush().unwrap();
        store.maintain().unwrap();
    }
    let stats = store.stats();
    assert!(stats.dropped_partitions > 0 && stats.log_lines == 40_000);
    assert!(stats.oldest_log_ns > Some(T0_NS), "the oldest lines went first");
    let mut newest = None;
    store
        .logs(&[], 0, u64::MAX, Direction::Backward, &mut |line| {
            newest = Some(line.time_ns);
            ControlFlow::Break(())
        })
        .unwrap();
    assert_eq!(newest, Some(T0_NS + 399 * 1_000 + 99), "the newest stayed");
    let dropped = |event: &StoreEvent| {
        matches!(
            event,
            StoreEvent::Dropped {
                signal: "logs",
                reason: "size",
                ..
            }
        )
    };
    assert!(events.lock().unwrap().iter().any(dropped));
    drop(store);
    // Without the engine's log, which has a bound of its own, the data fits.
    let store = Store::open(config).unwrap();
    let keyspaces = dir.path().join("engine/keyspaces");
    assert!(
        tree_bytes(&keyspaces) < 12 << 20,
        "{} bytes",
        tree_bytes(&keyspaces)
    );
    assert!(!bodies(&store).is_empty());
}

fn tree_bytes(dir: &std::path::Path) -> u64 {
    std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                tree_bytes(&entry.path())
            } else {
                entry.metadata().unwrap().len()
            }
        })
        .sum()
}

#[test]
fn memory_stays_below_the_limit_and_what_is_too_much_is_refused_as_retryable() {
    let dir = tempfile::tempdir().unwrap();
    let clock = TestClock::new();
    let mut config = config(dir.path(), &clock);
    config.max_memory_bytes = 32 << 20;
    let store = Store::open(config).unwrap();
    let (mut accepted, mut refused) = (0, 0);
    let sender = resource("a");
    for round in 0..150_u64 {
        let spans = (0..1_000)
            .map(|id| span(u128::from(round) + 1, id, T0_NS + round, &sender))
            .collect();
        match store.append_spans(spans) {
            Ok(n) => accepted += n,
            Err(error @ AppendError::Overloaded { .. }) => {
                assert!(error.is_retryable());
                refused += 1;
                store.maintain().unwrap();
            }
            Err(error) => panic!("{error}"),
        }
        let memory_bytes = store.stats().memory_bytes;
        assert!(
            memory_bytes <= 32 << 20,
            "{memory_bytes} bytes after {round} batches"
        );
    }
    assert!(accepted >= 100_000);
    let found = (1..=150).map(|id| store.trace(TraceId(id)).unwrap().len());
    assert_eq!(found.sum::<usize>(), accepted, "all that was accepted is found");
    assert_eq!(store.stats().refused_batches, refused);
}

#[test]
fn a_flood_of_series_is_refused_and_known_series_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let clock = TestClock::new();
    let mut config = config(dir.path(), &clock);
    config.max_memory_bytes = 16 << 20;
    let store = Store::open(config).unwrap();
    let mut over_limit = 0;
    for round in 0..40 {
        let batch: Vec<_> = (0..1_000)
            .map(|i| {
                let id = format!("user-{round}-{i}");
                (
                    Labels::from_pairs([("__name__", "flood"), ("id", &id)]),
                    sample(T0_MS, 1.0),
                )
            })
            .collect();
        match store.append_samples(&batch) {
            Ok(outcome) => over_limit += outcome.over_limit,
            Err(AppendError::Overloaded { .. }) => store.maintain().unwrap(),
            Err(error) => panic!("{error}"),
        }
    }
    let stats = store.stats();
    assert!(over_limit > 0 && stats.over_limit == over_limit as u64);
    assert!(stats.memory_bytes <= 16 << 20, "{} bytes", stats.memory_bytes);
    store.maintain().unwrap();
    let known = Labels::from_pairs([("__name__", "flood"), ("id", "user-0-0")]);
    let outcome = insist(|| store.append_samples(&[(known.clone(), sample(T0_MS + 1, 2.0))]));
    assert_eq!((outcome.accepted, outcome.over_limit), (1, 0));
}

#[test]
fn refuses_before_the_disk_is_full_and_says_where() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = config(dir.path(), &TestClock::new());
    config.min_free_bytes = u64::MAX;
    let store = Store::open(config).unwrap();
    let error = store
        .append_samples(&[(labels(1), sample(T0_MS, 1.0))])
        .unwrap_err();
    assert!(matches!(&error, AppendError::DiskFull { dir: named, .. } if named == dir.path()));
    assert!(!error.is_retryable());
    assert_eq!(select_all(&store, &[]), []);
}

#[test]
fn a_directory_has_one_owner_until_the_last_clone_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let clock = TestClock::new();
    let store = Store::open(config(dir.path(), &clock)).unwrap();
    let clone = store.clone();
    drop(store);
    let error = Store::open(config(dir.path(), &clock)).unwrap_err();
    assert!(
        error.to_string().contains(&dir.path().display().to_string()),
        "{error}"
    );
    assert!(matches!(error, OpenError::Locked { .. }));
    drop(clone);
    Store::open(config(dir.path(), &clock)).unwrap();
}

#[test]
fn another_format_is_refused_by_name_and_number() {
    let dir = tempfile::tempdir().unwrap();
    let clock = TestClock::new();
    drop(Store::open(config(dir.path(), &clock)).unwrap());
    std::fs::write(dir.path().join("FORMAT"), "watchroom-store 99\n").unwrap();
    let error = Store::open(config(dir.path(), &clock)).unwrap_err();
    assert!(matches!(&error, OpenError::Format { found, supported: 2, .. } if found == "99"));
}

#[test]
fn a_read_beyond_its_limits_says_which_limit() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(config(dir.path(), &TestClock::new())).unwrap();
    let batch: Vec<_> = (0..10)
        .flat_map(|series| (0..10).map(move |i| (labels(series), sample(T0_MS + i, 1.0))))
        .collect();
    store.append_samples(&batch).unwrap();
    let select = |max_series, max_samples| {
        let limit = SelectLimit {
            max_series,
            max_samples,
        };
        store.select(&[], T0_MS, T0_MS + 9, limit)
    };
    assert_eq!(select(10, 100).unwrap().len(), 10);
    assert!(matches!(
        select(9, 100),
        Err(ReadError::TooManySeries { limit: 9 })
    ));
    assert!(matches!(
        select(10, 99),
        Err(ReadError::TooManySamples { limit: 99 })
    ));
}

#[test]
fn a_sample_far_ahead_of_the_clock_does_not_block_its_series() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(config(dir.path(), &TestClock::new())).unwrap();
    let batch = [
        (labels(1), sample(T0_MS + 2 * HOUR_MS, 1.0)),
        (labels(1), sample(T0_MS, 2.0)),
    ];
    let outcome = store.append_samples(&batch).unwrap();
    assert_eq!((outcome.accepted, outcome.too_far_ahead), (1, 1));
    assert_eq!(store.stats().too_far_ahead, 1);
}

#[test]
fn metadata_is_kept_over_restarts_and_the_newest_word_counts() {
    let dir = tempfile::tempdir().unwrap();
    let clock = TestClock::new();
    let metadata = |name: &str, help: &str| MetricMetadata {
        name: name.to_owned(),
        kind: MetricKind::Counter,
        help: help.to_owned(),
        unit: String::new(),
    };
    let store = Store::open(config(dir.path(), &clock)).unwrap();
    store
        .append_metadata(&[metadata("b", "old"), metadata("a", "about a")])
        .unwrap();
    store.append_metadata(&[metadata("b", "new")]).unwrap();
    drop(store);
    let store = Store::open(config(dir.path(), &clock)).unwrap();
    assert_eq!(
        store.metadata(None),
        [metadata("a", "about a"), metadata("b", "new")]
    );
    assert_eq!(store.metadata(Some("b")), [metadata("b", "new")]);
    assert_eq!(store.metadata(Some("c")), []);
}
