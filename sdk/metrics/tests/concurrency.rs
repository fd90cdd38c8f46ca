//! Many threads record while others collect: nothing is lost, nothing goes backwards.
#![expect(
    clippy::unwrap_used,
    reason = "what fails in a helper fails the test that calls it"
)]

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use watchroom_metrics as metrics;
use watchroom_metrics::snapshot::Value;
use watchroom_metrics::{Counter, Gauge, Histogram, Label, Metrics, Registry, UpDownCounter};

#[derive(Label, Clone, Copy)]
#[label(crate = metrics)]
enum Side {
    Left,
    Right,
}

#[derive(Label)]
#[label(crate = metrics, limit = 100)]
struct Key;

#[derive(Metrics)]
#[metrics(crate = metrics, prefix = "c")]
struct M {
    /// Closed.
    closed_total: Counter<Side>,
    /// Open.
    open_total: Counter<(Key, Side)>,
    /// Float.
    float_total: Counter<(), f64>,
    /// Up and down.
    level: UpDownCounter,
    /// Shared.
    shared: Gauge,
    /// Values.
    #[metric(buckets = [10, 100])]
    values: Histogram<Side>,
}

#[track_caller]
fn sum(registry: &Registry, name: &str) -> f64 {
    registry
        .collect()
        .get(name)
        .unwrap()
        .iter()
        .map(|series| series.value().as_f64())
        .sum()
}

fn record(m: &M, n: usize) {
    for i in 0..n {
        let side = if i % 2 == 0 { Side::Left } else { Side::Right };
        m.closed_total.inc(side);
        m.open_total.inc((["a", "b", "c"][i % 3], side));
        m.float_total.inc_by(0.5);
        m.level.add(if i % 4 == 0 { -1 } else { 1 });
        m.shared.inc();
        m.values.observe(side, i as f64);
    }
}

#[test]
fn every_increment_of_running_and_ended_threads_is_counted() {
    const N: usize = 3_000;
    const ROUNDS: usize = 5;
    const THREADS: usize = 8;
    let registry = Registry::default();
    let m = M::register(&registry).unwrap();
    for _ in 0..ROUNDS {
        std::thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| record(&m, N));
            }
        });
    }
    let total = (N * ROUNDS * THREADS) as f64;
    assert_eq!(sum(&registry, "c_closed_total"), total);
    assert_eq!(sum(&registry, "c_open_total"), total);
    assert_eq!(sum(&registry, "c_float_total"), total / 2.0);
    assert_eq!(sum(&registry, "c_level"), total / 2.0);
    assert_eq!(sum(&registry, "c_shared"), total);
    assert_eq!(
        sum(&registry, "c_values"),
        (ROUNDS * THREADS * N * (N - 1) / 2) as f64
    );
    let snapshot = registry.collect();
    let count: u64 = snapshot
        .get("c_values")
        .unwrap()
        .iter()
        .map(|series| match series.value() {
            Value::Histogram(histogram) => histogram.count,
            other => panic!("{other:?}"),
        })
        .sum();
    assert_eq!(count as f64, total);
}

#[test]
fn more_threads_than_there_are_numbers_lose_nothing() {
    const THREADS: usize = 300;
    const N: usize = 50;
    let registry = Registry::default();
    let m = M::register(&registry).unwrap();
    let barrier = Barrier::new(THREADS);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                record(&m, N);
                // All are alive at once, so some have to share slots.
                barrier.wait();
                record(&m, N);
            });
        }
    });
    let total = (2 * N * THREADS) as f64;
    assert_eq!(sum(&registry, "c_closed_total"), total);
    assert_eq!(sum(&registry, "c_float_total"), total / 2.0);
    assert_eq!(sum(&registry, "c_open_total"), total);
}

#[test]
fn collecting_meanwhile_never_sees_a_counter_go_back() {
    let registry = Registry::default();
    let m = M::register(&registry).unwrap();
    let done = AtomicBool::new(false);
    let n_collected = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..3).map(|_| scope.spawn(|| record(&m, 20_000))).collect();
        let reader = scope.spawn(|| {
            let (mut before, mut n) = (0.0, 0);
            loop {
                let last = done.load(Relaxed);
                let now = sum(&registry, "c_closed_total");
                assert!(now >= before, "{now} after {before}");
                before = now;
                n += 1;
                if last {
                    return n;
                }
            }
        });
        for writer in writers {
            writer.join().unwrap();
        }
        done.store(true, Relaxed);
        reader.join().unwrap()
    });
    assert!(n_collected > 0);
    assert_eq!(sum(&registry, "c_closed_total"), 60_000.0);
}

#[test]
fn a_thread_may_record_while_it_is_torn_down() {
    struct AtExit(M);
    impl Drop for AtExit {
        fn drop(&mut self) {
            record(&self.0, 10);
        }
    }
    thread_local! {
        static AT_EXIT: std::cell::RefCell<Option<AtExit>> = const { std::cell::RefCell::new(None) };
    }
    let registry = Registry::default();
    for first in [true, false] {
        let m = M::register(&registry).unwrap();
        std::thread::spawn(move || {
            let other = M::noop();
            if first {
                record(&m, 1);
            }
            AT_EXIT.with(|at_exit| at_exit.replace(Some(AtExit(m))));
            record(&other, 1);
        })
        .join()
        .unwrap();
    }
    assert_eq!(sum(&registry, "c_closed_total"), 21.0);
}

#[test]
fn the_same_new_series_made_by_many_threads_at_once_is_one() {
    let registry = Registry::default();
    let m = M::register(&registry).unwrap();
    let barrier = Barrier::new(8);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                barrier.wait();
                for i in 0..90 {
                    m.open_total.inc((&i.to_string(), Side::Left));
                }
            });
        }
    });
    let snapshot = registry.collect();
    let family = snapshot.get("c_open_total").unwrap();
    assert_eq!(family.len(), 90);
    assert!(family.iter().all(|series| *series.value() == Value::U64(8)));
}

#[test]
fn registries_that_come_and_go_start_from_zero_in_threads_that_stay() {
    let (to_threads, begin): (Vec<_>, Vec<_>) = (0..3)
        .map(|_| std::sync::mpsc::channel::<std::sync::Arc<M>>())
        .unzip();
    let (done, finished) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        for begin in begin {
            let done = done.clone();
            scope.spawn(move || {
                for m in begin {
                    record(&m, 100);
                    // Gone before the registry is, so that the slots are given back by the main thread.
                    drop(m);
                    done.send(()).unwrap();
                }
            });
        }
        for _ in 0..20 {
            let registry = Registry::default();
            let m = std::sync::Arc::new(M::register(&registry).unwrap());
            for thread in &to_threads {
                thread.send(std::sync::Arc::clone(&m)).unwrap();
            }
            (0..to_threads.len()).for_each(|_| finished.recv().unwrap());
            assert_eq!(sum(&registry, "c_closed_total"), 300.0);
            assert_eq!(sum(&registry, "c_float_total"), 150.0);
        }
        drop(to_threads);
    });
}

#[test]
fn metrics_beyond_the_room_of_the_fast_path_lose_nothing() {
    // Each takes 21 slots of a thread; there is room for 779 of them.
    let registries: Vec<Registry> = (0..700).map(|_| Registry::default()).collect();
    let all: Vec<M> = registries.iter().map(|r| M::register(r).unwrap()).collect();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| all.iter().for_each(|m| record(m, 12)));
        }
    });
    for registry in &registries {
        assert_eq!(sum(registry, "c_closed_total"), 24.0);
        assert_eq!(sum(registry, "c_level"), 12.0);
        assert_eq!(sum(registry, "c_values"), 132.0);
    }
}
