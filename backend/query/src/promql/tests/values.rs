//! Kinds of results, notes and errors.

use super::*;

#[test]
fn gives_scalars_strings_vectors_and_matrices() {
    let source = [series("m{a=1}", "1 2 3"), series("m{a=2}", "4 stale 6")];
    check_instant(&source, "1 + 2 * 3", 5, &["7@5"]);
    check_instant(&source, "\"text\"", 5, &["text"]);
    check_instant(&source, "m", 20, &["m{a=\"1\"} 3@20", "m{a=\"2\"} 6@20"]);
    check_instant(
        &source,
        "m[1m]",
        20,
        &["m{a=\"1\"} 1@0 2@10 3@20", "m{a=\"2\"} 4@0 6@20"],
    );
    check_instant(&source, "sum(m)[20s:10s]", 20, &["{} 2@10 9@20"]);
    let query = parse("m[1m]").unwrap();
    let error = range(&query, &source.to_vec(), 0, 1000, 1000, &EvalOptions::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "invalid expression type \"range vector\" for range query, must be scalar or instant vector"
    );
}

#[track_caller]
fn fails(text: &str, expect: &str) {
    let source = vec![
        series("m{a=1,b=1}", "1"),
        series("m{a=1,b=2}", "2"),
        series("n{a=1}", "3"),
        series("o{a=1}", "4"),
    ];
    let error = instant(&parse(text).unwrap(), &source, 0, &EvalOptions::default()).unwrap_err();
    assert_eq!(error.to_string(), expect, "{text}");
}

#[test]
fn ambiguous_matching_names_the_series() {
    fails(
        "n + on(a) m",
        "found duplicate series for the match group {a=\"1\"} on the right hand side of the operation: m{a=\"1\", b=\"1\"} and \
         m{a=\"1\", b=\"2\"}; many-to-many matching not allowed: matching labels must be unique on one side",
    );
    fails(
        "m + on(a) n",
        "multiple matches for labels {a=\"1\"}: many-to-one matching must be explicit (group_left/group_right)",
    );
    fails(
        "m + on(a) group_left(b) n",
        "multiple matches for labels {a=\"1\"}: grouping labels must ensure unique matches",
    );
    fails(
        "-{__name__=~\"n|o\"}",
        "vector cannot contain metrics with the same labelset: {a=\"1\"}",
    );
}

#[test]
fn arguments_without_meaning_are_named() {
    fails(
        "label_replace(m, \"a\", \"$1\", \"b\", \"(\")",
        "invalid argument of label_replace: invalid regular expression \"(\": unclosed group",
    );
    fails(
        "label_join(m, \"\", \"\", \"b\")",
        "invalid argument of label_join: invalid label name \"\"",
    );
    fails(
        "topk(NaN, m)",
        "invalid argument of topk: NaN is not a number of series",
    );
    fails(
        "holt_winters(m[1m], 2, 0.5)",
        "invalid argument of double_exponential_smoothing: smoothing factor must be between 0 and 1, got 2",
    );
}

#[test]
fn doubtful_quantiles_and_buckets_are_noted() {
    let source = vec![
        series("b{le=1}", "5"),
        series("b{le=+Inf}", "3"),
        series("m", "1"),
    ];
    let notes = |text: &str| {
        let output = instant(&parse(text).unwrap(), &source, 0, &EvalOptions::default()).unwrap();
        (output.warnings, output.infos)
    };
    assert_eq!(
        notes("quantile(2, m)").0,
        ["PromQL warning: quantile value should be between 0 and 1, got 2 (1:10)"]
    );
    assert_eq!(
        notes("histogram_quantile(0.5, b)").1,
        [
            "PromQL info: input to histogram_quantile needed to be fixed for monotonicity for metric name \"b\" (1:25)"
        ]
    );
    assert_eq!(notes("m"), (vec![], vec![]));
}

#[test]
fn limitk_keeps_the_first_series() {
    let source = [
        series("m{a=1}", "1"),
        series("m{a=2}", "9"),
        series("m{a=3}", "5"),
    ];
    check_instant(&source, "limitk(2, m)", 0, &["m{a=\"1\"} 1@0", "m{a=\"2\"} 9@0"]);
    check_instant(&source, "topk(0, m)", 0, &[]);
    check_instant(&source, "topk(-1, m)", 0, &[]);
}

#[test]
fn limit_ratio_splits_the_series_in_two() {
    let source: Vec<SeriesData> = (0..200).map(|i| series(&format!("m{{a={i}}}"), "1")).collect();
    let run = |text: &str| {
        let output = instant(&parse(text).unwrap(), &source, 0, &EvalOptions::default()).unwrap();
        shown(&output.value)
    };
    let (kept, rest) = (run("limit_ratio(0.3, m)"), run("limit_ratio(-0.7, m)"));
    assert!((30..=90).contains(&kept.len()), "{}", kept.len());
    assert_eq!(kept.len() + rest.len(), 200);
    assert!(kept.iter().all(|one| !rest.contains(one)));
    assert_eq!(
        (run("limit_ratio(1, m)").len(), run("limit_ratio(0, m)").len()),
        (200, 0)
    );
    assert_eq!(run("limit_ratio(-1, m)").len(), 200);
}

#[test]
fn or_between_matchers_selects_either() {
    let source = [
        series("m{a=1}", "1"),
        series("m{a=2}", "2"),
        series("m{a=3,b=1}", "3"),
        series("n{a=1}", "4"),
    ];
    check_instant(
        &source,
        "m{a=\"1\" or b=\"1\"}",
        0,
        &["m{a=\"1\"} 1@0", "m{a=\"3\", b=\"1\"} 3@0"],
    );
    check_instant(&source, "sum(m{a=\"3\" or b=\"1\"})", 0, &["{} 3@0"]);
    check_instant(&source, "count({a=\"1\" or a=\"2\"})", 0, &["{} 3@0"]);
}

#[test]
fn names_that_are_no_words_stand_in_quotes() {
    let mut one = series("m", "7");
    one.labels = Labels::from_pairs([("__name__", "http.requests"), ("service.name", "a"), ("ü", "b")]);
    let source = [one];
    let shown = "{\"http.requests\", \"service.name\"=\"a\", \"ü\"=\"b\"} 7@0";
    check_instant(
        &source,
        "{\"http.requests\", \"service.name\"=~\"a|c\"}",
        0,
        &[shown],
    );
    check_instant(
        &source,
        "sum by (\"service.name\") ({\"http.requests\"})",
        0,
        &["{\"service.name\"=\"a\"} 7@0"],
    );
    check_instant(
        &source,
        "label_replace({\"http.requests\"}, \"x.y\", \"$1\", \"service.name\", \"(.*)\")",
        0,
        &["{\"http.requests\", \"service.name\"=\"a\", \"x.y\"=\"a\", \"ü\"=\"b\"} 7@0"],
    );
}

#[test]
fn info_joins_labels_of_the_same_target() {
    let source = [
        series("m{instance=a,job=x,k=own}", "1 2 3 4 5 6 7"),
        series("m{instance=b,job=x}", "1 1 1 1 1 1 1"),
        series("target_info{instance=a,job=x,k=theirs,version=1}", "1 1 1 stale"),
        series("target_info{instance=a,job=x,version=2}", "_ _ _ 1 1 1 1"),
        series("build_info{instance=b,job=x,commit=c}", "1 1 1 1 1 1 1"),
    ];
    check_range(
        &source,
        "info(m)",
        &[
            "m{instance=\"a\", job=\"x\", k=\"own\", version=\"1\"} 1@0 3@20",
            "m{instance=\"a\", job=\"x\", k=\"own\", version=\"2\"} 5@40 7@60",
            "m{instance=\"b\", job=\"x\"} 1@0 1@20 1@40 1@60",
        ],
    );
    let m_a = "m{instance=\"a\", job=\"x\", k=\"own\", version=\"2\"} 7@60";
    check_instant(&source, "info(m, {version=~\".+\"})", 60, &[m_a]);
    check_instant(
        &source,
        "info(m, {__name__=\"build_info\", commit=~\".+\"})",
        60,
        &["m{commit=\"c\", instance=\"b\", job=\"x\"} 1@60"],
    );
    let info = "target_info{instance=\"a\", job=\"x\", version=\"2\"} 1@60";
    check_instant(&source, "info(target_info)", 60, &[info]);
}

#[test]
fn durations_may_depend_on_the_evaluation() {
    let source = [series("m", "1 2 3 4 5 6 7")];
    // Steps of 20 s from 0 to 60 s.
    check_range(&source, "count_over_time(m[step()])", &["{} 1@0 2@20 2@40 2@60"]);
    check_range(
        &source,
        "count_over_time(m[range() / 2])",
        &["{} 1@0 3@20 3@40 3@60"],
    );
    check_range(&source, "m offset step()", &["m 1@20 3@40 5@60"]);
    check_range(&source, "step() + range()", &["{} 80@0 80@20 80@40 80@60"]);
    check_range(&source, "end() - start()", &["{} 60@0 60@20 60@40 60@60"]);
    check_instant(&source, "max_of(1, scalar(m)) + min_of(1, 2)", 60, &["8@60"]);
    fails_at_60(
        "count_over_time(m[step()])",
        "1:19: parse error: duration must be greater than 0",
    );
}

#[track_caller]
fn fails_at_60(text: &str, expect: &str) {
    let source = vec![series("m", "1 2 3 4 5 6 7")];
    let error = instant(&parse(text).unwrap(), &source, 60_000, &EvalOptions::default()).unwrap_err();
    assert_eq!(error.to_string(), expect);
}

#[test]
fn newer_functions_over_time() {
    let source = [series("m", "3 1 1 7 2")];
    check_instant(&source, "first_over_time(m[1m])", 40, &["m 3@40"]);
    check_instant(&source, "mad_over_time(m[1m])", 40, &["{} 1@40"]);
    check_instant(&source, "ts_of_min_over_time(m[1m])", 40, &["{} 20@40"]);
    check_instant(&source, "ts_of_max_over_time(m[1m])", 40, &["{} 30@40"]);
    check_instant(&source, "ts_of_first_over_time(m[35s])", 40, &["{} 10@40"]);
}

#[test]
fn orders_by_labels_with_numbers_in_them() {
    let source = [series("m{a=n10}", "1"), series("m{a=n2}", "2")];
    check_instant(
        &source,
        "sort_by_label(m, \"a\")",
        0,
        &["m{a=\"n2\"} 2@0", "m{a=\"n10\"} 1@0"],
    );
    check_instant(
        &source,
        "sort_by_label_desc(m, \"a\")",
        0,
        &["m{a=\"n10\"} 1@0", "m{a=\"n2\"} 2@0"],
    );
}
