//! Samples that come late, twice or under a clock that jumps.

use watchroom_model::{Matcher, Sample};
use watchroom_store::{AppendOutcome, Store};

use crate::fixture::{T0_MS, TestClock, bodies, config, labels, line, sample, select_all};

const HOUR_MS: i64 = 3_600_000;

fn append(store: &Store, samples: &[Sample]) -> AppendOutcome {
    let batch: Vec<_> = samples.iter().map(|sample| (labels(0), *sample)).collect();
    store.append_samples(&batch).unwrap()
}

fn kept(store: &Store) -> Vec<(i64, f64)> {
    let found = select_all(store, &[Matcher::equal("n", "0")]);
    let samples = found.iter().flat_map(|series| &series.samples);
    samples
        .map(|sample| (sample.t_ms - T0_MS, sample.value))
        .collect()
}

/// As Prometheus has it without an out-of-order window: the same again is silently taken, another value at the newest time is a duplicate,
/// what is older is out of order, whether it was there before or not; the rest of the batch is kept.
#[test]
fn late_and_repeated_samples_are_refused_one_by_one() {
    let at = |t: i64, value: f64| sample(T0_MS + t, value);
    for flushed in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let clock = TestClock::new();
        let mut store = Store::open(config(dir.path(), &clock)).unwrap();
        append(&store, &[at(0, 1.0), at(10, 2.0), at(20, 3.0)]);
        if flushed {
            store.flush().unwrap();
            drop(store);
            store = Store::open(config(dir.path(), &clock)).unwrap();
        }
        let outcome = append(
            &store,
            &[
                at(20, 3.0),
                at(20, 4.0),
                at(10, 2.0),
                at(5, 7.0),
                at(30, 5.0),
                at(30, 5.0),
                at(30, f64::NAN),
            ],
        );
        assert_eq!(
            outcome,
            AppendOutcome {
                accepted: 3,
                out_of_order: 2,
                duplicate: 2,
                ..AppendOutcome::default()
            },
            "flushed: {flushed}"
        );
        assert_eq!(kept(&store), [(0, 1.0), (10, 2.0), (20, 3.0), (30, 5.0)]);
        let stats = store.stats();
        assert_eq!((stats.out_of_order, stats.duplicate), (2, 2));
    }
}

#[test]
fn a_counter_that_starts_again_is_kept_as_it_came() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(config(dir.path(), &TestClock::new())).unwrap();
    let values = [10.0, 1e15, 0.0, 3.0, 2.5, 0.0, -1.0];
    let samples: Vec<_> = values
        .iter()
        .zip(0..)
        .map(|(value, i)| sample(T0_MS + i, *value))
        .collect();
    assert_eq!(append(&store, &samples).accepted, values.len());
    store.flush().unwrap();
    assert_eq!(
        kept(&store),
        values
            .iter()
            .zip(0..)
            .map(|(value, i)| (i, *value))
            .collect::<Vec<_>>()
    );
}

#[test]
fn a_clock_that_jumps_back_and_forth_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let clock = TestClock::new();
    let mut store = Store::open(config(dir.path(), &clock)).unwrap();
    let mut expect = Vec::new();
    // Within the age of every signal, so that nothing is due to go.
    for (i, jump) in [0, 50, -100, 30, 40, -20, 60].into_iter().enumerate() {
        clock.advance_ms(jump * HOUR_MS);
        let i = i as i64;
        // Senders have clocks of their own.
        assert_eq!(
            append(&store, &[sample(T0_MS - 101 * HOUR_MS + i, i as f64)]).accepted,
            1
        );
        let text = format!("line {i}");
        store
            .append_logs(vec![line(T0_MS as u64 * 1_000_000 + i as u64, "a", &text)])
            .unwrap();
        store.maintain().unwrap();
        store.flush().unwrap();
        expect.push((i - 101 * HOUR_MS, i as f64));
        assert_eq!(kept(&store), expect, "after jump {jump}");
        assert_eq!(bodies(&store).len(), expect.len());
        drop(store);
        store = Store::open(config(dir.path(), &clock)).unwrap();
        assert_eq!(kept(&store), expect, "opened after jump {jump}");
        assert_eq!(store.problems(), []);
    }
}
