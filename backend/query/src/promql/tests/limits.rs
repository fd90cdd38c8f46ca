//! Limits of depth, memory, points and time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::{Cancel, SeriesSource, SourceError, Stop};

#[track_caller]
fn fails(text: &str, options: &EvalOptions, expect: &str) {
    let source: Vec<SeriesData> = (0..10)
        .map(|i| series(&format!("m{{a={i}}}"), "1 2 3 4 5 6 7"))
        .collect();
    let error = range(&parse(text).unwrap(), &source, 0, 60_000, 10_000, options).unwrap_err();
    assert_eq!(error.to_string(), expect, "{text}");
}

#[test]
fn samples_are_limited_before_they_are_held() {
    let options = EvalOptions {
        max_samples: 50,
        ..EvalOptions::default()
    };
    let message =
        "query would hold more than 50 samples in memory; narrow the selector, the range or the step";
    fails("m", &options, message);
    fails("sum_over_time(vector(1)[1m:1s])", &options, message);
    fails(
        "1 + 1",
        &EvalOptions {
            max_samples: 10,
            ..options.clone()
        },
        &message.replace("50", "10"),
    );
    let enough = EvalOptions {
        max_samples: 200,
        ..EvalOptions::default()
    };
    let source: Vec<SeriesData> = (0..10)
        .map(|i| series(&format!("m{{a={i}}}"), "1 2 3 4 5 6 7"))
        .collect();
    // What an operand held is given back, so a long chain needs no more than a short one.
    let chain = format!("sum(m){}", " + sum(m)".repeat(50));
    range(&parse(&chain).unwrap(), &source, 0, 60_000, 10_000, &enough).unwrap();
}

#[test]
fn points_are_limited() {
    let options = EvalOptions {
        max_points: 5,
        ..EvalOptions::default()
    };
    fails(
        "m",
        &options,
        "range query has 7 points per series, at most 5 are allowed; use a larger step or a shorter range",
    );
    fails(
        "sum_over_time(m[30d:1s])",
        &EvalOptions::default(),
        "subquery has 2592060 points per series, at most 1000000 are allowed; use a larger step or a shorter range",
    );
    fails(
        "sum_over_time(sum_over_time(sum_over_time(m[900d:1h])[900d:1h])[900d:1ms])",
        &EvalOptions::default(),
        "subquery has 77760060000 points per series, at most 1000000 are allowed; use a larger step or a shorter range",
    );
}

#[test]
fn ranges_without_meaning_are_refused() {
    let query = parse("1").unwrap();
    let run = |start, end, step| {
        range(&query, &Vec::new(), start, end, step, &EvalOptions::default())
            .map(|_| ())
            .unwrap_err()
            .to_string()
    };
    assert_eq!(run(0, 10, 0), "invalid range: step must be greater than 0");
    assert_eq!(run(10, 0, 1), "invalid range: end must not be before start");
    assert_eq!(
        run(i64::MIN, i64::MAX, 1),
        "invalid range: start and end are too far apart"
    );
}

#[test]
fn extreme_times_do_not_overflow() {
    let source = vec![series("m", "1 2 3")];
    for text in [
        "m",
        "rate(m[5m])",
        "m offset 900y",
        "m offset -900y",
        "rate(m[900y])",
        "m @ 8000000000000",
        "m @ -8000000000000",
        "year()",
    ] {
        for t_ms in [i64::MIN / 4, -1, 0, i64::MAX / 4] {
            let _ = instant(&parse(text).unwrap(), &source, t_ms, &EvalOptions::default());
        }
    }
}

#[test]
fn deep_queries_are_evaluated_up_to_the_limit() {
    let source = vec![series("m", "-1")];
    let nested = format!("{}m{}", "abs(".repeat(95), ")".repeat(95));
    instant(&parse(&nested).unwrap(), &source, 0, &EvalOptions::default()).unwrap();
    let chain = format!("m{}", " + m".repeat(190));
    instant(&parse(&chain).unwrap(), &source, 0, &EvalOptions::default()).unwrap();
}

#[derive(Debug)]
struct After(AtomicUsize, Stop);

impl Cancel for After {
    fn stop(&self) -> Option<Stop> {
        let left = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1));
        left.is_err().then_some(self.1)
    }
}

#[test]
fn a_query_ends_when_told() {
    for (calls, stop, message) in [
        (0, Stop::Cancelled, "query was cancelled"),
        (5, Stop::TimedOut, "query timed out"),
        (15, Stop::TimedOut, "query timed out"),
    ] {
        let cancel = Arc::new(After(AtomicUsize::new(calls), stop));
        fails(
            "sum(rate(m[30s])) / count(m)",
            &EvalOptions {
                cancel,
                ..EvalOptions::default()
            },
            message,
        );
    }
}

#[test]
fn long_windows_at_many_steps_of_one_series_end_when_told() {
    // 700 000 samples, looked at for each of 1 001 steps: the deadline passes amid the one series.
    let query = parse("max_over_time(vector(1)[700000s:1s])").unwrap();
    let cancel = Arc::new(After(AtomicUsize::new(20), Stop::TimedOut));
    let options = EvalOptions {
        cancel: Arc::clone(&cancel) as _,
        ..EvalOptions::default()
    };
    let source = vec![series("m", "1")];
    let error = range(&query, &source, 0, 1_000_000, 1_000, &options).unwrap_err();
    assert_eq!(error.to_string(), "query timed out");
}

#[test]
fn failures_of_the_source_are_told() {
    struct Broken;
    impl SeriesSource for Broken {
        fn select(
            &self,
            _: &[watchroom_model::Matcher],
            _: i64,
            _: i64,
        ) -> Result<Vec<SeriesData>, SourceError> {
            Err(SourceError::failed("disk on fire"))
        }

        fn select_within(
            &self,
            matchers: &[watchroom_model::Matcher],
            start_ms: i64,
            end_ms: i64,
            limit: usize,
        ) -> Result<Vec<SeriesData>, SourceError> {
            if matchers[0].value == "big" {
                return Err(SourceError::TooManySamples { limit });
            }
            self.select(matchers, start_ms, end_ms)
        }
    }
    let run = |text: &str| instant(&parse(text).unwrap(), &Broken, 0, &EvalOptions::default()).unwrap_err();
    assert!(matches!(run("big"), EvalError::TooManySamples { .. }));
    let error = run("m");
    let source = std::error::Error::source(&error).and_then(std::error::Error::source);
    assert_eq!(
        (error.to_string(), source.map(ToString::to_string)),
        ("cannot select series".into(), Some("disk on fire".into()))
    );
}
