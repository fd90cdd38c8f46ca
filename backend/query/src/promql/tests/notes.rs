//! Warnings and infos, with their places.

use super::*;

#[track_caller]
fn check(source: &[SeriesData], text: &str, warnings: &[&str], infos: &[&str]) {
    let query = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let output = instant(&query, &source.to_vec(), 60_000, &EvalOptions::default()).unwrap();
    assert_eq!(
        (&*output.warnings, &*output.infos),
        (&*strings(warnings), &*strings(infos)),
        "{text}"
    );
}

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn a_quantile_that_is_none_is_pointed_at() {
    let source = [series("m", "1 2 3 4 5 6 7")];
    check(
        &source,
        "1 +\n quantile(1.5, m)",
        &["PromQL warning: quantile value should be between 0 and 1, got 1.5 (2:11)"],
        &[],
    );
    check(
        &source,
        "quantile_over_time(-1, m[1m])",
        &["PromQL warning: quantile value should be between 0 and 1, got -1 (1:20)"],
        &[],
    );
    check(&source, "quantile(0.5, m)", &[], &[]);
}

#[test]
fn the_rate_of_what_is_no_counter_is_remarked_on() {
    let source = [series("m", "1 2 3 4 5 6 7"), series("n_total", "1 2 3 4 5 6 7")];
    check(
        &source,
        "rate(m[1m]) + rate(n_total[1m])",
        &[],
        &[
            "PromQL info: metric might not be a counter, name does not end in _total/_sum/_count/_bucket: \"m\" (1:6)",
        ],
    );
    check(&source, "rate(n_total[1m])", &[], &[]);
    check(&source, "delta(m[1m])", &[], &[]);
}

#[test]
fn buckets_that_fall_are_remarked_on() {
    let source = [
        series("h_bucket{le=1}", "_ _ _ _ _ _ 5"),
        series("h_bucket{le=2}", "_ _ _ _ _ _ 4"),
        series("h_bucket{le=+Inf}", "_ _ _ _ _ _ 9"),
    ];
    check(
        &source,
        "histogram_quantile(0.5, h_bucket)",
        &[],
        &[
            "PromQL info: input to histogram_quantile needed to be fixed for monotonicity for metric name \"h_bucket\" (1:25)",
        ],
    );
}

#[test]
fn a_ratio_beyond_one_is_capped() {
    check(
        &[series("m", "1 2 3 4 5 6 7")],
        "limit_ratio(1.5, m)",
        &["PromQL warning: ratio value should be between -1 and 1, got 1.5, capping to 1 (1:13)"],
        &[],
    );
}
