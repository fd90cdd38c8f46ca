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
        "label_join(m, \"a-b\", \"\", \"b\")",
        "invalid argument of label_join: invalid label name \"a-b\"",
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
        ["quantile value should be between 0 and 1, got 2"]
    );
    assert_eq!(
        notes("histogram_quantile(0.5, b)").1,
        ["input to histogram_quantile needed to be fixed for monotonicity"]
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
