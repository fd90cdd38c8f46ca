//! Many threads: nothing is lost, seen twice or seen late.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use watchroom_model::{Matcher, TraceId};
use watchroom_store::{Direction, Store};

use crate::fixture::{
    T0_MS, T0_NS, TestClock, bodies, config, labels, line, resource, sample, select_all, span,
};

#[test]
fn readers_see_every_append_at_once_while_heads_are_written_out() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(config(dir.path(), &TestClock::new())).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let flusher = scope.spawn(|| {
            while !done.load(Ordering::Acquire) {
                store.flush().unwrap();
            }
        });
        let writers: Vec<_> = (0..3_usize)
            .map(|writer| {
                let store = store.clone();
                scope.spawn(move || {
                    let sender = resource("w");
                    let matcher = [Matcher::equal("n", writer.to_string())];
                    for i in 0..150_i64 {
                        let batch = [(labels(writer), sample(T0_MS + i, i as f64))];
                        assert_eq!(store.append_samples(&batch).unwrap().accepted, 1);
                        let found = select_all(&store, &matcher);
                        let times: Vec<i64> = found[0].samples.iter().map(|sample| sample.t_ms).collect();
                        assert_eq!(times, (T0_MS..=T0_MS + i).collect::<Vec<_>>());

                        let trace = writer as u128 + 1;
                        let new = span(trace, i as u64, T0_NS + i as u64, &sender);
                        store.append_spans(vec![new]).unwrap();
                        assert_eq!(store.trace(TraceId(trace)).unwrap().len() as i64, i + 1);

                        let stream = format!("w{writer}");
                        store
                            .append_logs(vec![line(T0_NS + i as u64, &stream, "x")])
                            .unwrap();
                        let mut times = Vec::new();
                        let matcher = [Matcher::equal("service_name", stream)];
                        store
                            .logs(&matcher, 0, u64::MAX, Direction::Backward, &mut |line| {
                                times.push(line.time_ns - T0_NS);
                                ControlFlow::Continue(())
                            })
                            .unwrap();
                        assert_eq!(times, (0..=i as u64).rev().collect::<Vec<_>>());
                    }
                })
            })
            .collect();
        let results: Vec<_> = writers.into_iter().map(|writer| writer.join()).collect();
        done.store(true, Ordering::Release);
        flusher.join().unwrap();
        assert!(results.iter().all(|result| result.is_ok()));
    });
    assert_eq!(bodies(&store).len(), 450);
    assert_eq!(store.problems(), []);
}

#[test]
fn live_listeners_get_what_is_appended_until_the_store_closes() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(config(dir.path(), &TestClock::new())).unwrap();
    let listener = store.subscribe_logs();
    let thread = std::thread::spawn(move || {
        let mut seen = Vec::new();
        while let Some(line) = listener.recv_timeout(Duration::from_secs(60)) {
            seen.push(line.body.to_string());
        }
        (seen, listener.missed())
    });
    for i in 0..10 {
        store.append_logs(vec![line(T0_NS, "a", &i.to_string())]).unwrap();
    }
    drop(store);
    let expected: Vec<String> = (0..10).map(|i| i.to_string()).collect();
    assert_eq!(thread.join().unwrap(), (expected, 0));
}
