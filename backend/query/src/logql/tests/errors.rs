//! Errors of lines in metric queries, and limits.

use super::{bare, parse};
use crate::logql::{LogError, LogOptions, Query};

#[track_caller]
fn fails(query: &str, options: &LogOptions) -> LogError {
    let lines: Vec<_> = (0..50)
        .map(|i| bare(i * 1_000_000_000, &[("s", "x")], &format!("n={i} v=bad")))
        .collect();
    let Ok(Query::Metric(query)) = parse(query) else {
        panic!("{query} is no metric query");
    };
    crate::logql::range(&query, lines.as_slice(), 0, 50_000, 1_000, options).unwrap_err()
}

#[test]
fn a_line_with_an_error_fails_the_query_and_says_how_to_skip_it() {
    let error = fails(r#"count_over_time({s="x"} | json [1m])"#, &LogOptions::default());
    let expect = "pipeline error: \"JSONParserErr\" for series {s=\"x\"}: expected an object at character 1. Use a label filter to \
        skip such lines, e.g. | __error__!=\"JSONParserErr\", or | __error__=\"\" to skip all lines with an error";
    assert_eq!(error.to_string(), expect);
    let error = fails(
        r#"sum_over_time({s="x"} | logfmt | unwrap v [1m])"#,
        &LogOptions::default(),
    );
    assert!(error.to_string().contains("SampleExtractionErr"), "{error}");
}

#[test]
fn series_samples_and_points_are_limited() {
    let few = LogOptions {
        max_series: 10,
        ..LogOptions::default()
    };
    let error = fails(r#"count_over_time({s="x"} | logfmt [1m])"#, &few);
    assert!(matches!(error, LogError::TooManySeries { limit: 10 }), "{error}");
    let few = LogOptions {
        max_samples: 20,
        ..LogOptions::default()
    };
    for query in [
        r#"count_over_time({s="x"}[1m])"#,
        r#"sum_over_time({s="x"} | logfmt | unwrap n [1m])"#,
    ] {
        let error = fails(query, &few);
        assert!(matches!(error, LogError::TooManySamples { limit: 20 }), "{error}");
    }
    let few = LogOptions {
        max_points: 10,
        ..LogOptions::default()
    };
    let error = fails(r#"count_over_time({s="x"}[1m])"#, &few);
    assert!(error.to_string().contains("51 points per series"), "{error}");
}
