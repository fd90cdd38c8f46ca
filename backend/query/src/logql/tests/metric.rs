//! Metrics over lines.

use watchroom_model::{LogLine, Point};

use super::{LogOptions, bare, line, parse};
use crate::logql::{MetricQuery, Query, instant, range};
use crate::promql::{Value, format_value};

const SECOND: u64 = 1_000_000_000;

/// A line a second, from 1 s to 60 s, by turns of two hosts, with numbers in them.
fn lines() -> Vec<LogLine> {
    (1..=60)
        .map(|i| {
            let host = if i % 2 == 0 { "a" } else { "b" };
            let level = if i % 10 == 0 { "error" } else { "info" };
            let body = format!("level={level} n={i} took={}ms size={i}KB total={}", i * 10, i * 3);
            bare(i * SECOND, &[("app", "shop"), ("host", host)], &body)
        })
        .collect()
}

#[track_caller]
fn metric(query: &str) -> MetricQuery {
    match parse(query) {
        Ok(Query::Metric(query)) => query,
        other => panic!("{query}: {other:?}"),
    }
}

/// Labels and value of each series, in the order of the result.
fn shown(value: Value) -> Vec<String> {
    match value {
        Value::Vector(vector) => vector
            .into_iter()
            .map(|(labels, point)| match point {
                Point::Float(sample) => {
                    format!("{labels} {}", format_value((sample.value * 1e9).round() / 1e9))
                }
                Point::Histogram(_) => "a histogram".into(),
            })
            .collect(),
        Value::Scalar(sample) => vec![format_value(sample.value)],
        Value::Matrix(matrix) => matrix
            .into_iter()
            .map(|series| {
                let points = series
                    .samples
                    .iter()
                    .map(|s| format!("{}={}", s.t_ms / 1000, s.value));
                format!("{} {}", series.labels, points.collect::<Vec<_>>().join(" "))
            })
            .collect(),
        other => vec![format!("{other:?}")],
    }
}

/// Checks the values at 60 s.
#[track_caller]
fn check(query: &str, expect: &[&str]) {
    let output = instant(&metric(query), lines().as_slice(), 60_000, &LogOptions::default());
    let mut found = shown(output.unwrap_or_else(|error| panic!("{query}: {error}")).value);
    if !query.starts_with("sort") {
        found.sort();
    }
    assert_eq!(found, expect, "{query}");
}

#[test]
fn counts_lines_and_bytes() {
    check(
        r#"count_over_time({app="shop"}[10s])"#,
        &[r#"{app="shop", host="a"} 5"#, r#"{app="shop", host="b"} 5"#],
    );
    check(
        r#"rate({app="shop", host="a"}[10s])"#,
        &[r#"{app="shop", host="a"} 0.5"#],
    );
    check(
        r#"sum(count_over_time({app="shop"} |= "level=error" [1m]))"#,
        &["{} 6"],
    );
    check(
        r#"count_over_time({app="shop", host="b"}[10s] offset 55s)"#,
        &[r#"{app="shop", host="b"} 3"#],
    );
    check(
        r#"sum(bytes_over_time({app="shop"} | line_format "1234" [10s]))"#,
        &["{} 40"],
    );
    check(
        r#"sum(bytes_rate({app="shop"} | line_format "1234" [10s]))"#,
        &["{} 4"],
    );
    check(
        r#"sum by (level) (count_over_time({app="shop"} | logfmt [1m]))"#,
        &[r#"{level="error"} 6"#, r#"{level="info"} 54"#],
    );
    check(
        r#"sum without (host) (count_over_time({app="shop"}[1m]))"#,
        &[r#"{app="shop"} 60"#],
    );
    check(r#"count_over_time({app="none"}[1m])"#, &[]);
}

#[test]
fn a_window_is_open_on_the_left_to_the_nanosecond() {
    let lines: Vec<LogLine> = [50 * SECOND, 50 * SECOND + 1, 60 * SECOND, 60 * SECOND + 1]
        .into_iter()
        .map(|t| bare(t, &[("app", "shop")], "n=1"))
        .collect();
    for query in [
        r#"sum(count_over_time({app="shop"}[10s]))"#,
        r#"sum(sum_over_time({app="shop"} | logfmt | unwrap n [10s]))"#,
    ] {
        let output = instant(&metric(query), lines.as_slice(), 60_000, &LogOptions::default());
        assert_eq!(shown(output.unwrap().value), ["{} 2"], "{query}");
    }
}

#[test]
fn absent_is_one_where_there_is_no_line() {
    check(
        r#"absent_over_time({app="none", env="dev", host=~"x.*"}[1m])"#,
        &[r#"{app="none", env="dev"} 1"#],
    );
    check(r#"absent_over_time({app="shop"}[1m])"#, &[]);
    check(
        r#"absent_over_time({app="shop"} |= "nowhere" [1m])"#,
        &[r#"{app="shop"} 1"#],
    );
}

#[test]
fn unwraps_numbers() {
    for (query, expect) in [
        (
            "sum_over_time({app=\"shop\", host=\"a\"} | regexp `n=(?P<n>\\d+)` | unwrap n [10s])",
            "{app=\"shop\", host=\"a\"} 280",
        ),
        (
            "sum(sum_over_time({app=\"shop\"} | logfmt | unwrap n [10s]))",
            "{} 555",
        ),
        ("sum(rate({app=\"shop\"} | logfmt | unwrap n [10s]))", "{} 55.5"),
        (
            "avg_over_time({app=\"shop\"} | logfmt | unwrap n [10s]) by (app)",
            "{app=\"shop\"} 55.5",
        ),
        (
            "min_over_time({app=\"shop\"} | logfmt | unwrap n [10s]) by (app)",
            "{app=\"shop\"} 51",
        ),
        (
            "max_over_time({app=\"shop\"} | logfmt | unwrap duration(took) [10s]) by (app)",
            "{app=\"shop\"} 0.6",
        ),
        (
            "max_over_time({app=\"shop\"} | logfmt | unwrap bytes(size) [10s]) by (app)",
            "{app=\"shop\"} 60000",
        ),
        (
            "first_over_time({app=\"shop\"} | logfmt | unwrap n [10s]) by (app)",
            "{app=\"shop\"} 51",
        ),
        (
            "last_over_time({app=\"shop\"} | logfmt | unwrap n [10s]) by (app)",
            "{app=\"shop\"} 60",
        ),
        (
            "stdvar_over_time({app=\"shop\"} | logfmt | unwrap n [10s]) by (app)",
            "{app=\"shop\"} 8.25",
        ),
        (
            "stddev_over_time({app=\"shop\"} | logfmt | unwrap n [4s]) by (app)",
            "{app=\"shop\"} 1.118033989",
        ),
        (
            "quantile_over_time(0.5, {app=\"shop\"} | logfmt | unwrap n [10s]) by (app)",
            "{app=\"shop\"} 55.5",
        ),
        (
            "rate_counter({app=\"shop\"} | logfmt | keep total, app | unwrap total [20s])",
            "{app=\"shop\"} 3",
        ),
        (
            "sum(sum_over_time({app=\"shop\"} | logfmt | unwrap n | n > 58 [10s]))",
            "{} 119",
        ),
        (
            "sum(sum_over_time({app=\"shop\"} | logfmt | unwrap level | __error__=\"\" [10s])) or vector(0)",
            "{} 0",
        ),
        (
            "sum(sum_over_time({app=\"shop\"} | logfmt | unwrap missing [10s])) or vector(-1)",
            "{} -1",
        ),
    ] {
        check(query, &[expect]);
    }
}

#[test]
fn aggregates_and_combines() {
    let rate = r#"rate({app="shop"}[10s])"#;
    let levels = r#"sum by (level) (count_over_time({app="shop"} | logfmt [1m]))"#;
    let both = |value: &str| {
        ["a", "b"]
            .map(|host| format!("{{app=\"shop\", host=\"{host}\"}} {value}"))
            .to_vec()
    };
    let one = |text: &str| vec![text.to_owned()];
    for (query, expect) in [
        (format!("topk(1, {levels})"), one(r#"{level="info"} 54"#)),
        (format!("bottomk(1, {levels})"), one(r#"{level="error"} 6"#)),
        (format!("approx_topk(1, {levels})"), one(r#"{level="info"} 54"#)),
        (
            format!("sort_desc({levels})"),
            vec![r#"{level="info"} 54"#.into(), r#"{level="error"} 6"#.into()],
        ),
        (format!("avg({rate})"), one("{} 0.5")),
        (format!("max by (app) ({rate})"), one(r#"{app="shop"} 0.5"#)),
        (format!("count({rate})"), one("{} 2")),
        (format!("stddev({rate})"), one("{} 0")),
        (format!("{rate} * 2 + 1"), both("2")),
        (format!("1 / {rate} > 1"), both("2")),
        (format!("{rate} > bool 1"), both("0")),
        (format!("{rate} > 1"), vec![]),
        (
            format!("{rate} / ignoring (host) group_left sum by (app) ({rate})"),
            both("0.5"),
        ),
        (
            format!("sum by (app) ({rate}) and on (app) {rate}"),
            one(r#"{app="shop"} 1"#),
        ),
        (
            format!("{rate} unless rate({{host=\"a\"}}[10s])"),
            one(r#"{app="shop", host="b"} 0.5"#),
        ),
        (
            format!("label_replace(sum by (app) ({rate}), \"service\", \"$1-x\", \"app\", \"(.*)\")"),
            one(r#"{app="shop", service="shop-x"} 1"#),
        ),
        ("vector(1) + vector(1)".into(), one("{} 2")),
        ("1 + 2 * 3 ^ 2".into(), one("19")),
        ("2 > 1".into(), one("1")),
        ("-1 - -2".into(), one("1")),
    ] {
        let expect: Vec<&str> = expect.iter().map(String::as_str).collect();
        check(&query, &expect);
    }
}

/// A label by which a sum groups is all that is read of a line, so that its other labels make no series.
#[test]
fn a_sum_over_labels_of_each_line_makes_few_series() {
    let few = LogOptions {
        max_series: 2,
        ..LogOptions::default()
    };
    let query =
        metric(r#"sum by (level) (count_over_time({app="shop"} | logfmt | line_format "{{.n}}" [1m]))"#);
    let output = instant(&query, lines().as_slice(), 60_000, &few).unwrap();
    assert_eq!((output.visited, output.visited_bytes > 1_000), (60, true));
    assert_eq!(shown(output.value).len(), 2);
}

#[test]
fn a_range_query_gives_the_moments_that_have_lines() {
    for (query, step_ms, expect) in [
        (
            r#"sum(count_over_time({app="shop"}[10s]))"#,
            15_000,
            "{} 15=10 30=10 45=10 60=10",
        ),
        (
            r#"max_over_time({app="shop"} | logfmt | unwrap n [20s] offset 10s) by (app)"#,
            30_000,
            r#"{app="shop"} 30=20 60=50"#,
        ),
        (
            r#"absent_over_time({app="shop"}[10s])"#,
            30_000,
            r#"{app="shop"} 0=1 90=1"#,
        ),
    ] {
        let output = range(
            &metric(query),
            lines().as_slice(),
            0,
            90_000,
            step_ms,
            &LogOptions::default(),
        );
        assert_eq!(shown(output.unwrap().value), [expect], "{query}");
    }
    let query = metric(r#"rate({app="shop"}[10s])"#);
    for (start, end, step, reason) in [
        (10, 0, 1, "end must not be before start"),
        (0, 10, 0, "step must be greater"),
    ] {
        let output = range(
            &query,
            lines().as_slice(),
            start,
            end,
            step,
            &LogOptions::default(),
        );
        let error = output.unwrap_err();
        assert!(error.to_string().contains(reason), "{error}");
    }
}

#[test]
fn structured_metadata_groups_where_it_is_named() {
    let lines = [line(SECOND, "a", "x"), line(2 * SECOND, "a", "y")];
    for (query, expect) in [
        (
            r#"count_over_time({service_name="a"}[1m])"#,
            r#"{service_name="a"} 2"#,
        ),
        (
            r#"sum by (http_status_code, detected_level) (count_over_time({service_name="a"}[1m]))"#,
            r#"{detected_level="error", http_status_code="503"} 2"#,
        ),
        (
            r#"max_over_time({service_name="a"} | unwrap http_status_code [1m])"#,
            r#"{service_name="a"} 503"#,
        ),
    ] {
        let output = instant(&metric(query), &lines[..], 10_000, &LogOptions::default());
        assert_eq!(shown(output.unwrap().value), [expect], "{query}");
    }
}
