//! Native histograms through functions, aggregations and operators.

use watchroom_model::{NativeHistogram, ResetHint};

use super::*;

/// A histogram of schema 0 with buckets from `(0.5, 1]` on; its sum is twice its count.
fn of(counts: &[f64]) -> NativeHistogram {
    let count: f64 = counts.iter().sum();
    NativeHistogram {
        count,
        sum: count * 2.0,
        positive: (0..).zip(counts.iter().copied()).collect(),
        ..NativeHistogram::default()
    }
    .compact()
}

/// A series with a histogram every 10 s; nothing where there are no counts.
fn histograms(name: &str, counts: &[&[f64]]) -> SeriesData {
    let mut one = series(name, "");
    for (i, counts) in counts.iter().enumerate().filter(|(_, counts)| !counts.is_empty()) {
        one.histograms.push(HistogramSample {
            t_ms: i as i64 * STEP_MS,
            histogram: of(counts).into(),
        });
    }
    one
}

fn counter(name: &str) -> SeriesData {
    histograms(
        name,
        &[
            &[1.0, 1.0],
            &[2.0, 4.0],
            &[3.0, 7.0],
            &[4.0, 10.0],
            &[5.0, 13.0],
            &[6.0, 16.0],
            &[7.0, 19.0],
        ],
    )
}

fn warned(source: &[SeriesData], text: &str) -> (Vec<String>, Vec<String>, Vec<String>) {
    let output = instant(
        &parse(text).unwrap(),
        &source.to_vec(),
        60_000,
        &EvalOptions::default(),
    )
    .unwrap();
    (shown(&output.value), output.warnings, output.infos)
}

#[test]
fn a_selector_gives_the_latest_histogram() {
    let source = [counter("h")];
    check_instant(
        &source,
        "h",
        60,
        &["h {count:26, sum:52, (0.5,1]:7, (1,2]:19}@60"],
    );
    check_instant(
        &source,
        "h",
        65,
        &["h {count:26, sum:52, (0.5,1]:7, (1,2]:19}@65"],
    );
    check_range(
        &source[..],
        "h == h",
        &[
            "h {count:2, sum:4, (0.5,1]:1, (1,2]:1}@0 {count:10, sum:20, (0.5,1]:3, (1,2]:7}@20 \
           {count:18, sum:36, (0.5,1]:5, (1,2]:13}@40 {count:26, sum:52, (0.5,1]:7, (1,2]:19}@60",
        ],
    );
    check_instant(
        &source,
        "h[15s]",
        60,
        &["h {count:22, sum:44, (0.5,1]:6, (1,2]:16}@50 {count:26, sum:52, (0.5,1]:7, (1,2]:19}@60"],
    );
}

#[test]
fn a_stale_marker_ends_histograms_too() {
    let mut one = histograms("h", &[&[1.0], &[2.0]]);
    one.samples.push(Sample {
        t_ms: 20_000,
        value: watchroom_model::stale_nan(),
    });
    check_instant(&[one.clone()], "histogram_count(h)", 15, &["{} 2@15"]);
    check_instant(&[one.clone()], "h", 20, &[]);
    check_instant(&[one], "count_over_time(h[1m])", 30, &["{} 2@30"]);
}

#[test]
fn facts_of_a_histogram_are_numbers() {
    let source = [counter("h{a=1}"), series("f", "1 1 1 1 1 1 1")];
    for (text, expect) in [
        ("histogram_count(h)", "{a=\"1\"} 26@60"),
        ("histogram_sum(h)", "{a=\"1\"} 52@60"),
        ("histogram_avg(h)", "{a=\"1\"} 2@60"),
        ("histogram_fraction(1, 2, h)", "{a=\"1\"} 0.7307692307692307@60"),
        ("histogram_fraction(-Inf, +Inf, h)", "{a=\"1\"} 1@60"),
        ("histogram_quantile(1, h)", "{a=\"1\"} 2@60"),
        ("histogram_quantile(0, h)", "{a=\"1\"} 0.5@60"),
    ] {
        check_instant(&source, text, 60, &[expect]);
    }
    check_instant(
        &source,
        "histogram_quantiles(h, \"q\", 0, 1)",
        60,
        &["{a=\"1\", q=\"0\"} 0.5@60", "{a=\"1\", q=\"1\"} 2@60"],
    );
    check_instant(&source, "histogram_count(f)", 60, &[]);
}

#[test]
fn rates_count_buckets() {
    let source = [counter("h")];
    check_instant(
        &source,
        "increase(h[40s])",
        60,
        &["{} {count:16, sum:32, (0.5,1]:4, (1,2]:12}@60"],
    );
    check_instant(
        &source,
        "rate(h[40s])",
        60,
        &["{} {count:0.4, sum:0.8, (0.5,1]:0.1, (1,2]:0.3}@60"],
    );
    check_instant(
        &source,
        "irate(h[40s])",
        60,
        &["{} {count:0.4, sum:0.8, (0.5,1]:0.1, (1,2]:0.3}@60"],
    );
    check_instant(
        &source,
        "histogram_count(sum(increase(h[40s])))",
        60,
        &["{} 16@60"],
    );
    check_instant(
        &source,
        "max_over_time(histogram_count(increase(h[20s]))[40s:10s])",
        60,
        &["{} 8@60"],
    );
}

#[test]
fn a_reset_is_counted_from_zero() {
    let source = [histograms("h", &[&[5.0], &[7.0], &[1.0], &[3.0]])];
    // 7 - 5, then 1 from zero, then 2 more.
    check_instant(
        &source,
        "idelta(h[40s])",
        30,
        &["{} {count:2, sum:4, (0.5,1]:2}@30"],
    );
    check_instant(&source, "resets(h[40s])", 30, &["{} 1@30"]);
    check_instant(&source, "changes(h[40s])", 30, &["{} 3@30"]);
    let source = [histograms("h", &[&[5.0], &[7.0], &[1.0], &[3.0], &[3.0]])];
    check_instant(
        &source,
        "increase(h[50s])",
        40,
        &["{} {count:6.25, sum:12.5, (0.5,1]:6.25}@40"],
    );
}

#[test]
fn sums_and_means_are_histograms() {
    let source = [
        histograms("h{a=1}", &[&[1.0, 3.0]]),
        histograms("h{a=2}", &[&[5.0, 0.0, 7.0]]),
    ];
    let sum = "{count:16, sum:32, (0.5,1]:6, (1,2]:3, (2,4]:7}@0";
    check_instant(&source, "sum(h)", 0, &[&format!("{{}} {sum}")]);
    check_instant(
        &source,
        "avg(h)",
        0,
        &["{} {count:8, sum:16, (0.5,1]:3, (1,2]:1.5, (2,4]:3.5}@0"],
    );
    check_instant(
        &source,
        "h{a=\"1\"} + on() h{a=\"2\"}",
        0,
        &[&format!("{{}} {sum}")],
    );
    check_instant(
        &source,
        "h{a=\"1\"} - on() h{a=\"1\"}",
        0,
        &["{} {count:0, sum:0}@0"],
    );
    check_instant(
        &source,
        "h{a=\"1\"} * 2",
        0,
        &["{a=\"1\"} {count:8, sum:16, (0.5,1]:2, (1,2]:6}@0"],
    );
    check_instant(
        &source,
        "2 * h{a=\"1\"} / 4",
        0,
        &["{a=\"1\"} {count:2, sum:4, (0.5,1]:0.5, (1,2]:1.5}@0"],
    );
    check_instant(
        &source,
        "-h{a=\"1\"}",
        0,
        &["{a=\"1\"} {count:-4, sum:-8, (0.5,1]:-1, (1,2]:-3}@0"],
    );
    check_instant(&source, "count(h)", 0, &["{} 2@0"]);
    check_instant(&source, "group(h)", 0, &["{} 1@0"]);
    check_instant(
        &source,
        "sum_over_time(sum(h)[10s:5s])",
        5,
        &["{} {count:32, sum:64, (0.5,1]:12, (1,2]:6, (2,4]:14}@5"],
    );
    check_instant(
        &source,
        "avg_over_time(h{a=\"1\"}[10s])",
        5,
        &["{a=\"1\"} {count:4, sum:8, (0.5,1]:1, (1,2]:3}@5"],
    );
    check_instant(
        &source,
        "count_values(\"v\", h{a=\"1\"})",
        0,
        &["{v=\"{count:4, sum:8, (0.5,1]:1, (1,2]:3}\"} 1@0"],
    );
}

#[test]
fn what_has_no_meaning_for_histograms_passes_over_them() {
    let source = [counter("h{a=1}"), series("h{a=2}", "1 1 1 1 1 1 1"), counter("g")];
    for (text, expect) in [
        ("max(h)", "ignored histogram in max aggregation (1:5)"),
        ("topk(5, h)", "ignored histogram in topk aggregation (1:6)"),
        (
            "quantile(0.5, h)",
            "ignored histogram in quantile aggregation (1:10)",
        ),
        (
            "g ^ 2",
            "incompatible sample types encountered for binary operator \"^\": histogram ^ float (1:3)",
        ),
        (
            "1 + g",
            "incompatible sample types encountered for binary operator \"+\": float + histogram (1:3)",
        ),
        (
            "g > on() g",
            "incompatible sample types encountered for binary operator \">\": histogram > histogram (1:3)",
        ),
    ] {
        assert_eq!(
            warned(&source, text).2,
            [format!("PromQL info: {expect}")],
            "{text}"
        );
    }
    for text in [
        "abs(g)",
        "g ^ 2",
        "1 + g",
        "min(g)",
        "max_over_time(g[1m])",
        "deriv(g[1m])",
        "clamp(g, 0, 1)",
        "hour(g)",
    ] {
        check_instant(&source, text, 60, &[]);
    }
    check_instant(&source, "sort(h)", 60, &["h{a=\"2\"} 1@60"]);
    check_instant(&source, "max(h)", 60, &["{} 1@60"]);
    check_instant(&source, "scalar(g)", 60, &["NaN@60"]);
    check_instant(&source, "absent(g)", 60, &[]);
    check_instant(&source, "timestamp(g)", 61, &["{} 60@61"]);
    check_instant(&source, "timestamp(-g)", 61, &["{} 61@61"]);
    check_instant(&source, "count(limitk(5, h))", 60, &["{} 2@60"]);
}

#[test]
fn mixtures_are_warned_of_and_have_no_result() {
    let mut mixed = histograms("h", &[&[1.0], &[], &[3.0], &[]]);
    mixed.samples = series("h", "_ 5 _ 7").samples;
    let source = [mixed, counter("n{a=1}"), series("n{a=2}", "1 1 1 1 1 1 1")];
    for (text, expect) in [
        (
            "rate(h[1m] offset 20s)",
            "encountered a mix of histograms and floats for metric name \"h\" (1:6)",
        ),
        (
            "sum_over_time(h[2m])",
            "encountered a mix of histograms and floats for metric name \"h\" (1:15)",
        ),
        (
            "sum(n)",
            "encountered a mix of histograms and floats for aggregation sum (1:5)",
        ),
    ] {
        let (value, warnings, _) = warned(&source, text);
        assert_eq!(
            (value, warnings),
            (vec![], vec![format!("PromQL warning: {expect}")]),
            "{text}"
        );
    }
    check_instant(
        &source,
        "sum by (a) (n)",
        60,
        &[
            "{a=\"1\"} {count:26, sum:52, (0.5,1]:7, (1,2]:19}@60",
            "{a=\"2\"} 1@60",
        ],
    );
    let (value, _, infos) = warned(&source, "max_over_time(h[2m])");
    assert_eq!(value, ["{} 7@60"]);
    assert_eq!(
        infos,
        [
            "PromQL info: ignored histograms in a range containing both floats and histograms for metric name \"h\" (1:15)"
        ]
    );
    check_instant(&source, "count_over_time(h[2m])", 60, &["{} 4@60"]);
    check_instant(&source, "resets(h[2m])", 60, &["{} 3@60"]);
    check_instant(&source, "last_over_time(h[2m])", 60, &["h 7@60"]);
    check_instant(
        &source,
        "first_over_time(h[2m])",
        60,
        &["h {count:1, sum:2, (0.5,1]:1}@60"],
    );
}

#[test]
fn a_gauge_is_not_a_counter() {
    let mut gauge = counter("g");
    for sample in &mut gauge.histograms {
        let mut of = (*sample.histogram).clone();
        of.reset = ResetHint::Gauge;
        sample.histogram = of.into();
    }
    let source = [gauge, counter("h")];
    let not = |text: &str| warned(&source, text).1;
    assert_eq!(
        not("rate(g[1m])"),
        ["PromQL warning: this native histogram metric is not a counter: \"g\" (1:6)"]
    );
    assert_eq!(
        not("delta(h[1m])"),
        ["PromQL warning: this native histogram metric is not a gauge: \"h\" (1:7)"]
    );
    assert!(not("delta(g[1m])").is_empty() && not("rate(h[1m])").is_empty());
}

#[test]
fn both_kinds_of_histogram_with_the_same_labels_have_no_quantile() {
    let mut source = vec![
        histograms("h{a=1}", &[&[1.0]]),
        series("h{a=1,le=1}", "1"),
        series("h{a=1,le=+Inf}", "1"),
    ];
    let (value, warnings) = {
        let output = instant(
            &parse("histogram_quantile(0.5, h)").unwrap(),
            &source,
            0,
            &EvalOptions::default(),
        )
        .unwrap();
        (shown(&output.value), output.warnings)
    };
    assert_eq!(value, Vec::<String>::new());
    assert_eq!(
        warnings,
        [
            "PromQL warning: vector contains a mix of classic and native histograms for metric name \"h\" (1:25)"
        ]
    );
    source.remove(0);
    check_instant(&source, "histogram_quantile(0.5, h)", 0, &["{a=\"1\"} 0.5@0"]);
    check_instant(
        &source,
        "histogram_fraction(0, 0.25, h)",
        0,
        &["{a=\"1\"} 0.25@0"],
    );
}

#[test]
fn a_sample_that_looks_like_a_cell_is_only_not_a_number() {
    let mut one = series("m", "1");
    for (i, bits) in [
        0x7ff4_0000_0000_0000_u64,
        0x7ff0_0000_0000_0001,
        0x7ff4_0000_0000_0001,
    ]
    .iter()
    .enumerate()
    {
        one.samples.push(Sample {
            t_ms: 10_000 * (i as i64 + 1),
            value: f64::from_bits(*bits),
        });
    }
    let source = [one, histograms("h", &[&[1.0], &[1.0], &[1.0], &[1.0]])];
    for seconds in [10, 20, 30] {
        check_instant(&source, "m", seconds, &[&format!("m NaN@{seconds}")]);
        check_instant(
            &source,
            "histogram_count({__name__=~\"m|h\"})",
            seconds,
            &[&format!("{{}} 1@{seconds}")],
        );
    }
}

#[test]
fn histograms_are_held_only_while_needed() {
    let source: Vec<SeriesData> = (0..20).map(|i| counter(&format!("h{{a={i}}}"))).collect();
    let run = |text: &str, max_samples: usize| {
        let options = EvalOptions {
            max_samples,
            ..EvalOptions::default()
        };
        range(&parse(text).unwrap(), &source, 30_000, 60_000, 10_000, &options).map(|_| ())
    };
    run("sum(rate(h[30s]))", 8_000).unwrap();
    assert!(matches!(
        run("sum(rate(h[30s]))", 1_000),
        Err(EvalError::TooManySamples { .. })
    ));
    // What an operand held is given back, so a long chain needs no more than a short one.
    let chain = format!("sum(rate(h[30s])){}", " + sum(rate(h[30s]))".repeat(40));
    run(&chain, 9_000).unwrap();
}

mod robustness {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(600))]

        #[test]
        fn evaluating_what_looks_like_a_query_never_panics(
            words in proptest::collection::vec(prop::sample::select(vec![
                "sum(", "avg by (a) (", "rate(", "h", "n", "{__name__=~\"h|n\"}", ")", ")", "[30s]", "[1m:10s]", "+", "*", "/ on() group_left",
                "or", "== bool", "-", "histogram_quantile(0.5, ", "histogram_count(", "irate(", "delta(", "resets(", "max_over_time(",
                "sum_over_time(", "topk(1, ", "limitk(1, ", "limit_ratio(0.5, ", "info(", "count_values(\"v\", ", "histogram_stddev(",
                "timestamp(", "scalar(", "1", "NaN", " @ end()", " offset 10s", "sort(", "absent(", "changes(", "avg_over_time(",
            ]), 1..10),
            window in prop::sample::select(vec![WindowBounds::LeftOpen, WindowBounds::Closed]),
        ) {
            let text = words.join(" ");
            let open = text.matches('(').count().saturating_sub(text.matches(')').count());
            let Ok(query) = parse(&format!("{text}{}", ")".repeat(open))) else {
                return Ok(());
            };
            let source = vec![counter("h{a=1}"), histograms("h{a=2}", &[&[1.0], &[0.0, 2.0], &[], &[1.0]]), series("n", "1 2 NaN 4")];
            let options = EvalOptions { window, ..EvalOptions::default() };
            let _ = instant(&query, &source, 30_000, &options);
            let _ = range(&query, &source, 0, 70_000, 7_000, &options);
        }
    }
}
