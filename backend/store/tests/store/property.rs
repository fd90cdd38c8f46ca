//! Random appends, flushes, restarts and hours that pass; then every answer is the model's.

use std::ops::ControlFlow;
use std::time::Duration;

use proptest::prelude::*;
use watchroom_model::{LogLine, MatchOp, Matcher, SeriesData, TraceId, stale_nan};
use watchroom_store::{Direction, SelectLimit, SpanFilter, Store};

use crate::fixture::{T0_MS, T0_NS, TestClock, config, labels, line, resource, sample, span};
use crate::model::Model;

#[derive(Debug, Clone)]
enum Op {
    /// Series, step of time, value.
    Samples(Vec<(usize, i64, f64)>),
    /// Many samples of one series, so that chunks fill.
    Run(usize, i64),
    /// Trace, span, start.
    Spans(Vec<(u128, u64, u64)>),
    /// Time, stream.
    Lines(Vec<(u64, usize)>),
    Flush,
    Reopen,
    Pass(i64),
}

fn op() -> impl Strategy<Value = Op> {
    let value = prop_oneof![
        Just(stale_nan()),
        Just(1.0),
        Just(2.5),
        (0..9_i32).prop_map(f64::from)
    ];
    prop_oneof![
        4 => prop::collection::vec((0..12_usize, 0..40_000_i64, value), 1..30).prop_map(Op::Samples),
        1 => (0..12_usize, 200..600_i64).prop_map(|(series, n)| Op::Run(series, n)),
        3 => prop::collection::vec((1..6_u128, 1..40_u64, 0..5_000_u64), 1..30).prop_map(Op::Spans),
        3 => prop::collection::vec((0..5_000_u64, 0..3_usize), 1..30).prop_map(Op::Lines),
        2 => Just(Op::Flush),
        1 => Just(Op::Reopen),
        2 => (1..90_i64).prop_map(|minutes| Op::Pass(minutes * 60_000)),
    ]
}

fn matcher_sets() -> Vec<Vec<Matcher>> {
    let new = |op, name: &str, value: &str| Matcher::new(op, name, value).unwrap();
    vec![
        vec![],
        vec![Matcher::equal("__name__", "even")],
        vec![
            new(MatchOp::Regex, "n", "1.*"),
            new(MatchOp::NotEqual, "tens", "1"),
        ],
        vec![
            new(MatchOp::NotRegex, "n", "[0-4]"),
            Matcher::equal("missing", ""),
        ],
        vec![Matcher::equal("n", "none")],
    ]
}

fn bits(series: &[SeriesData]) -> Vec<(String, Vec<(i64, u64)>)> {
    let samples = |series: &SeriesData| {
        let samples = series.samples.iter();
        samples
            .map(|sample| (sample.t_ms, sample.value.to_bits()))
            .collect()
    };
    series
        .iter()
        .map(|series| (series.labels.to_string(), samples(series)))
        .collect()
}

fn lines(store: &Store, matchers: &[Matcher], start: u64, end: u64, direction: Direction) -> Vec<LogLine> {
    let mut found = Vec::new();
    store
        .logs(matchers, start, end, direction, &mut |line| {
            found.push(line.clone());
            ControlFlow::Continue(())
        })
        .unwrap();
    found
}

/// Lines of one time may come in any order.
fn by_time(mut lines: Vec<LogLine>) -> Vec<(u64, String)> {
    let times: Vec<u64> = lines.iter().map(|line| line.time_ns).collect();
    lines.sort_by(|a, b| (a.time_ns, &a.body).cmp(&(b.time_ns, &b.body)));
    let mut sorted: Vec<_> = lines
        .into_iter()
        .map(|line| (line.time_ns, line.body.to_string()))
        .collect();
    if !times.is_sorted() {
        assert!(times.iter().rev().is_sorted(), "in one order or the other");
        sorted.reverse();
    }
    sorted
}

fn check(store: &Store, model: &Model, clock: &TestClock) {
    let now_ms = clock.now_ms();
    for matchers in matcher_sets() {
        for (start_ms, end_ms) in [
            (i64::MIN, i64::MAX),
            (T0_MS, T0_MS + 600_000),
            (now_ms - 60_000, now_ms + 60_000),
            (T0_MS + 1, T0_MS),
        ] {
            let found = store
                .select(&matchers, start_ms, end_ms, SelectLimit::default())
                .unwrap();
            let expected = model.select(&matchers, start_ms, end_ms);
            assert_eq!(
                bits(&found),
                bits(&expected),
                "{matchers:?} {start_ms} to {end_ms}"
            );
            // Coarse in time: at least what has samples, at most what matches at all.
            let series = store.series(&matchers, start_ms, end_ms).unwrap();
            assert!(expected.iter().all(|known| series.contains(&known.labels)));
            let all = model.select(&matchers, i64::MIN, i64::MAX);
            assert!(
                series
                    .iter()
                    .all(|labels| all.iter().any(|known| known.labels == *labels))
            );
        }
        for direction in [Direction::Forward, Direction::Backward] {
            for (start, end) in [(0, u64::MAX), (T0_NS + 1_000, T0_NS + 3_000), (5, 5)] {
                let found = lines(store, &matchers, start, end, direction);
                let expected = model.logs(&matchers, start, end, direction);
                assert_eq!(by_time(found), by_time(expected));
            }
        }
    }
    for trace in 0..7 {
        assert_eq!(store.trace(TraceId(trace)).unwrap(), model.trace(TraceId(trace)));
    }
    let some = |text: &str| Some(text.to_owned());
    for filter in [
        SpanFilter::default(),
        SpanFilter {
            limit: 2,
            ..SpanFilter::default()
        },
        SpanFilter {
            limit: 0,
            ..SpanFilter::default()
        },
        SpanFilter {
            service: some("a"),
            operation: some("get"),
            ..SpanFilter::default()
        },
        SpanFilter {
            service: some("none"),
            ..SpanFilter::default()
        },
        SpanFilter {
            min_duration_ns: Some(20_000),
            max_duration_ns: Some(30_000),
            ..SpanFilter::default()
        },
        SpanFilter {
            start_ns: T0_NS + 2_000,
            end_ns: T0_NS + 4_000,
            limit: 3,
            ..SpanFilter::default()
        },
        SpanFilter {
            tags: vec![("error".into(), "true".into()), ("size".into(), "3".into())],
            ..SpanFilter::default()
        },
        SpanFilter {
            tags: vec![("service.name".into(), "b".into())],
            limit: 1,
            ..SpanFilter::default()
        },
    ] {
        assert_eq!(
            store.find_traces(&filter).unwrap(),
            model.find_traces(&filter),
            "{filter:?}"
        );
    }
    for service in ["a", "b", "none"] {
        let found = store.operations(service);
        let n = found.len();
        let found: std::collections::BTreeSet<_> = found
            .into_iter()
            .map(|(name, kind)| (name, kind.as_str()))
            .collect();
        assert_eq!(found, model.operations(service));
        assert_eq!(found.len(), n, "each once");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20))]

    #[test]
    fn answers_as_the_model_does(ops in prop::collection::vec(op(), 1..25)) {
        let dir = tempfile::tempdir().unwrap();
        let clock = TestClock::new();
        let mut config = config(dir.path(), &clock);
        // A partition an hour; nothing gets so old that it is dropped.
        config.retention.metrics = Duration::from_secs(16 * 3_600);
        config.retention.traces = config.retention.metrics;
        config.retention.logs = config.retention.metrics;
        let mut store = Store::open(config.clone()).unwrap();
        let mut model = Model::default();
        let services = [resource("a"), resource("b")];
        let mut n_lines = 0;
        for op in ops {
            match op {
                Op::Samples(samples) => {
                    let batch: Vec<_> = samples
                        .into_iter()
                        .map(|(series, step, value)| (labels(series), sample(clock.now_ms() + step, value)))
                        .collect();
                    prop_assert_eq!(store.append_samples(&batch).unwrap(), model.append_samples(&batch));
                }
                Op::Run(series, n) => {
                    let batch: Vec<_> = (0..n)
                        .map(|i| (labels(series), sample(clock.now_ms() + i * 15, (i * i) as f64)))
                        .collect();
                    prop_assert_eq!(store.append_samples(&batch).unwrap(), model.append_samples(&batch));
                }
                Op::Spans(spans) => {
                    let spans: Vec<_> = spans
                        .into_iter()
                        .map(|(trace, id, start)| span(trace, id, T0_NS + start, &services[id as usize % 2]))
                        .collect();
                    model.spans.extend(spans.iter().cloned());
                    store.append_spans(spans).unwrap();
                }
                Op::Lines(lines) => {
                    let lines: Vec<_> = lines
                        .into_iter()
                        .map(|(time, stream)| {
                            n_lines += 1;
                            line(T0_NS + time, ["x", "y", "z"][stream], &format!("line {n_lines}"))
                        })
                        .collect();
                    model.logs.extend(lines.iter().cloned());
                    store.append_logs(lines).unwrap();
                }
                Op::Flush => store.flush().unwrap(),
                Op::Reopen => {
                    drop(store);
                    store = Store::open(config.clone()).unwrap();
                }
                Op::Pass(ms) => clock.advance_ms(ms),
            }
        }
        check(&store, &model, &clock);
        store.flush().unwrap();
        check(&store, &model, &clock);
        drop(store);
        let store = Store::open(config).unwrap();
        check(&store, &model, &clock);
        prop_assert_eq!(store.problems(), vec![]);
    }
}
