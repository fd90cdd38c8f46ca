//! Range queries, windows and staleness.

use super::*;

#[test]
fn steps_through_a_range_and_skips_what_is_stale() {
    let source = [series("m{a=1}", "1 2 stale _ 5 6 7"), series("m{a=2}", "_ _ _ 4")];
    check_range(
        &source,
        "m",
        &["m{a=\"1\"} 1@0 5@40 7@60", "m{a=\"2\"} 4@40 4@60"],
    );
    check_range(&source, "sum(m)", &["{} 1@0 9@40 11@60"]);
    check_range(
        &source,
        "m offset 20s",
        &["m{a=\"1\"} 1@20 5@60", "m{a=\"2\"} 4@60"],
    );
    check_range(&source, "m @ 10", &["m{a=\"1\"} 2@0 2@20 2@40 2@60"]);
    check_range(
        &source,
        "m @ end()",
        &["m{a=\"1\"} 7@0 7@20 7@40 7@60", "m{a=\"2\"} 4@0 4@20 4@40 4@60"],
    );
    check_range(&source, "time()", &["{} 0@0 20@20 40@40 60@60"]);
    check_range(
        &source,
        "count_over_time(m[20s])",
        &["{a=\"1\"} 1@0 1@20 1@40 2@60", "{a=\"2\"} 1@40"],
    );
}

#[test]
fn series_of_different_steps_may_become_one() {
    // The metric changed its name on the way; without the name it is one series.
    let source = [
        series("old{a=1}", "1 1 1 stale"),
        series("new{a=1}", "_ _ _ _ 2 2 2"),
    ];
    check_range(
        &source,
        "abs({__name__=~\"old|new\"})",
        &["{a=\"1\"} 1@0 1@20 2@40 2@60"],
    );
    check_range(
        &source,
        "old or new",
        &["new{a=\"1\"} 2@40 2@60", "old{a=\"1\"} 1@0 1@20"],
    );
    check_range(
        &source,
        "new + on(a) {__name__=~\"old|new\"}",
        &["{a=\"1\"} 4@40 4@60"],
    );
}

#[test]
fn matching_is_ambiguous_only_where_there_is_something_to_match() {
    // Two partners on the right at every step, but nothing on the left until 40 s.
    let source = [
        series("l{a=1}", "_ _ _ _ 1 1 1"),
        series("r{a=1,b=1}", "1 1 1 stale"),
        series("r{a=1,b=2}", "2 2 2 2 2 2 2"),
    ];
    check_range(&source, "l + on(a) r", &["{a=\"1\"} 3@40 3@60"]);
    check_range(
        &source,
        "l * on(a) group_left(b) r",
        &["{a=\"1\", b=\"2\"} 2@40 2@60"],
    );
}

#[test]
fn each_step_has_its_own_top() {
    let source = [
        series("m{a=1}", "9 _ 1 _ 9 _ 1"),
        series("m{a=2}", "5 _ 5 _ 5 _ 5"),
    ];
    check_range(
        &source,
        "topk(1, m)",
        &["m{a=\"1\"} 9@0 9@40", "m{a=\"2\"} 5@20 5@60"],
    );
    check_range(
        &source,
        "count_values(\"v\", m)",
        &[
            "{v=\"1\"} 1@20 1@60",
            "{v=\"5\"} 1@0 1@20 1@40 1@60",
            "{v=\"9\"} 1@0 1@40",
        ],
    );
    check_range(&source, "absent(m > 8)", &["{} 1@20 1@60"]);
    check_range(&source, "m > bool 5 == 1", &["{a=\"1\"} 1@0 1@40"]);
}

#[test]
fn windows_are_open_on_the_left_unless_told() {
    let source = vec![series("m", "1 2 3 4 5 6 7")];
    let count = |text: &str, window| {
        let options = EvalOptions {
            window,
            ..EvalOptions::default()
        };
        shown(
            &instant(&parse(text).unwrap(), &source, 60_000, &options)
                .unwrap()
                .value,
        )
    };
    assert_eq!(
        count("count_over_time(m[20s])", WindowBounds::LeftOpen),
        ["{} 2@60"]
    );
    assert_eq!(
        count("count_over_time(m[20s])", WindowBounds::Closed),
        ["{} 3@60"]
    );
    assert_eq!(
        count("count_over_time(m[20s:10s])", WindowBounds::LeftOpen),
        ["{} 2@60"]
    );
    assert_eq!(
        count("count_over_time(m[20s:10s])", WindowBounds::Closed),
        ["{} 3@60"]
    );
    // A window of exactly the sampling distance holds one sample, so there is no rate.
    assert_eq!(count("rate(m[10s])", WindowBounds::LeftOpen), [""; 0]);
    assert_eq!(count("rate(m[10s])", WindowBounds::Closed), ["{} 0.1@60"]);
    let lookback = |window| {
        let options = EvalOptions {
            window,
            ..EvalOptions::default()
        };
        shown(
            &instant(&parse("m").unwrap(), &source, 360_000, &options)
                .unwrap()
                .value,
        )
        .len()
    };
    assert_eq!(
        (lookback(WindowBounds::LeftOpen), lookback(WindowBounds::Closed)),
        (0, 1)
    );
}

#[test]
fn extrapolates_as_the_major_version_does() {
    // The window begins long before the series, and the counter was not far above zero.
    let source = vec![series("m", "_ _ _ 6 16 26 36")];
    let increase = |window| {
        let options = EvalOptions {
            window,
            ..EvalOptions::default()
        };
        let output = instant(&parse("increase(m[60s])").unwrap(), &source, 60_000, &options).unwrap();
        shown(&output.value)
    };
    // 30 over 30 s; six more down to zero, of which version 3 takes five, half a distance.
    assert_eq!(increase(WindowBounds::LeftOpen), ["{} 35@60"]);
    assert_eq!(increase(WindowBounds::Closed), ["{} 36@60"]);
}

#[test]
fn subqueries_are_aligned_to_their_step() {
    let source = [series("m", "1 2 3 4 5 6 7")];
    check_instant(&source, "m[30s:20s]", 50, &["m 5@40"]);
    check_instant(&source, "max_over_time(sum(m)[40s:])", 60, &["{} 7@60"]);
    check_instant(&source, "max_over_time(m[40s:10s] offset 20s)", 60, &["{} 5@60"]);
    check_range(&source, "sum_over_time(m[20s:10s])", &["{} 1@0 5@20 9@40 13@60"]);
    // Times before the epoch are multiples of the step too.
    check_instant(&source, "count_over_time(vector(1)[25s:10s])", -5, &["{} 2@-5"]);
}

#[test]
fn agrees_with_the_instant_query_at_every_step() {
    let source = vec![
        series("c{a=1,le=1}", "0 1 3 6 2 4 8 9 stale _ 1"),
        series("c{a=1,le=+Inf}", "0 2 5 9 3 6 9 12 stale _ 2"),
        series("c{a=2,le=+Inf}", "5 5 _ 5 7 7 stale 9 10 11 12"),
        series("g{a=1}", "1 NaN 3 -4 5 Inf 7 8"),
        series("g{a=2}", "_ _ 2 2 2 2 2 2 2"),
    ];
    for text in [
        "c",
        "g * on(a) group_right c",
        "sum by (a) (rate(c[30s]))",
        "histogram_quantile(0.5, c)",
        "topk(1, g)",
        "quantile(0.5, g)",
        "g > 2 or c < 4",
        "c unless on(a) g",
        "avg_over_time(g[25s:5s])",
        "stddev(g)",
        "scalar(g{a=\"1\"}) + g",
        "deriv(g[40s])",
        "absent(c offset 1m)",
        "delta(c[30s]) and on(a) g == g",
        "label_replace(g, \"b\", \"x$1\", \"a\", \"(.)\")",
        "predict_linear(c[1m], 10)",
        "increase(c[1m] @ 50)",
        "count_values(\"v\", c)",
        "resets(c[1m])",
        "minute(g)",
        "timestamp(g)",
        "max(g) - min(g)",
        "quantile_over_time(0.3, c[1m])",
    ] {
        let query = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let options = EvalOptions::default();
        let Value::Matrix(matrix) = range(&query, &source, 0, 120_000, 15_000, &options)
            .unwrap()
            .value
        else {
            panic!()
        };
        for t_ms in (0..=120_000).step_by(15_000) {
            let mut column: Vec<String> = matrix
                .iter()
                .filter_map(|one| {
                    one.samples
                        .iter()
                        .find(|s| s.t_ms == t_ms)
                        .map(|s| format!("{} {}", one.labels, s.value))
                })
                .collect();
            let Value::Vector(vector) = instant(&query, &source, t_ms, &options).unwrap().value else {
                panic!()
            };
            let mut alone: Vec<String> = vector
                .iter()
                .map(|(labels, s)| format!("{labels} {}", s.float().unwrap()))
                .collect();
            column.sort();
            alone.sort();
            assert_eq!(column, alone, "{text} at {t_ms}");
        }
    }
}
