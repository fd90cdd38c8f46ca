//! Names, values, lines of a trace, and reads that stop early; from the head and from blocks alike.

use std::ops::ControlFlow;

use watchroom_model::{Matcher, SpanId, TraceId};
use watchroom_store::{Direction, Store};

use crate::fixture::{T0_MS, T0_NS, TestClock, config, labels, line, sample};

/// Runs a check on data in memory, and again once it is in chunks and blocks.
#[track_caller]
fn twice(fill: impl Fn(&Store), check: impl Fn(&Store)) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(config(dir.path(), &TestClock::new())).unwrap();
    fill(&store);
    check(&store);
    store.flush().unwrap();
    check(&store);
    drop(store);
    check(&Store::open(config(dir.path(), &TestClock::new())).unwrap());
}

#[test]
fn names_and_values_of_labels_follow_the_matchers() {
    let strings = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    twice(
        |store| {
            let batch: Vec<_> = [1, 2, 13]
                .map(|series| (labels(series), sample(T0_MS, 1.0)))
                .to_vec();
            store.append_samples(&batch).unwrap();
        },
        |store| {
            let names = |matchers: &[Matcher]| store.label_names(matchers, T0_MS, T0_MS).unwrap();
            assert_eq!(names(&[]), ["__name__", "n", "tens"]);
            assert_eq!(names(&[Matcher::equal("n", "2")]), ["__name__", "n"]);
            let values =
                |name, matchers: &[Matcher]| store.label_values(name, matchers, T0_MS, T0_MS).unwrap();
            assert_eq!(values("n", &[]), ["1", "13", "2"]);
            assert_eq!(values("n", &[Matcher::equal("__name__", "odd")]), ["1", "13"]);
            assert_eq!(values("missing", &[]), strings(&[]));
            // Nothing is known of other times.
            assert_eq!(store.label_values("n", &[], 0, 1).unwrap(), strings(&[]));
            assert_eq!(
                store.label_names(&[], T0_MS + 1, T0_MS + 2).unwrap(),
                strings(&[])
            );
        },
    );
}

#[test]
fn streams_and_their_labels_follow_the_matchers_and_the_time() {
    twice(
        |store| {
            let lines = vec![line(T0_NS, "a", "1"), line(T0_NS + 10, "b", "2")];
            store.append_logs(lines).unwrap();
        },
        |store| {
            let all = store.log_series(&[], 0, u64::MAX).unwrap();
            assert_eq!(all.len(), 2);
            let b = [Matcher::equal("service_name", "b")];
            assert_eq!(store.log_series(&b, 0, u64::MAX).unwrap(), all[1..]);
            assert_eq!(
                store.log_labels(&[], 0, u64::MAX).unwrap(),
                ["level", "service_name"]
            );
            assert_eq!(
                store.log_label_values("service_name", &[], 0, u64::MAX).unwrap(),
                ["a", "b"]
            );
            assert_eq!(store.log_series(&[], 0, T0_NS).unwrap(), []);
        },
    );
}

#[test]
fn lines_of_a_trace_are_found_and_others_are_not() {
    twice(
        |store| {
            let lines = (0..100)
                .map(|i| {
                    let mut line = line(T0_NS + i, ["a", "b"][i as usize % 2], &i.to_string());
                    line.trace_id = (i % 10 == 3).then_some(TraceId(7));
                    line.span_id = line.trace_id.map(|_| SpanId(i));
                    line
                })
                .collect();
            store.append_logs(lines).unwrap();
        },
        |store| {
            let of_trace = |id| {
                let mut found = Vec::new();
                store
                    .logs_of_trace(TraceId(id), 0, u64::MAX, Direction::Forward, &mut |line| {
                        assert_eq!(
                            (line.trace_id, line.span_id),
                            (Some(TraceId(id)), Some(SpanId(line.time_ns - T0_NS)))
                        );
                        found.push(line.body.to_string());
                        ControlFlow::Continue(())
                    })
                    .unwrap();
                found
            };
            assert_eq!(
                of_trace(7),
                ["3", "13", "23", "33", "43", "53", "63", "73", "83", "93"]
            );
            assert!(of_trace(8).is_empty());
        },
    );
}

#[test]
fn a_visitor_that_breaks_is_not_called_again() {
    twice(
        |store| {
            let lines = (0..50).map(|i| line(T0_NS + i, "a", &i.to_string())).collect();
            store.append_logs(lines).unwrap();
        },
        |store| {
            let mut seen = Vec::new();
            store
                .logs(&[], 0, u64::MAX, Direction::Backward, &mut |line| {
                    seen.push(line.body.to_string());
                    if seen.len() < 3 {
                        ControlFlow::Continue(())
                    } else {
                        ControlFlow::Break(())
                    }
                })
                .unwrap();
            assert_eq!(seen, ["49", "48", "47"]);
        },
    );
}
