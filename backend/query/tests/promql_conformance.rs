//! Prometheus' own PromQL test cases, each evaluated as an instant query and within a range query.
//!
//! Cases of our own, in the same format and with the windows of Prometheus 3, stand in `promql_own.test`.
//!
//! The cases belong to Prometheus 2.42, so windows are closed here. They are read from `promql/` below `WATCHROOM_TESTDATA`, or
//! below `../shared/testdata` seen from the workspace; without them the test says which files it skips. How many cases of
//! each file pass is kept in `promql_expected.txt`: fewer is a failure, more is a reason to raise the number.

#![expect(
    clippy::unwrap_used,
    reason = "a case that cannot be read is a failure of the test"
)]

#[path = "promql_conformance/case.rs"]
mod case;
#[path = "promql_conformance/runner.rs"]
mod runner;

use std::path::{Path, PathBuf};

use watchroom_query::promql::WindowBounds;

const EXPECTED: &str = include_str!("promql_expected.txt");

fn folder() -> PathBuf {
    match std::env::var_os("WATCHROOM_TESTDATA") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/testdata"),
    }
    .join("promql")
}

/// File name, cases that pass, cases.
fn expected() -> Vec<(&'static str, usize, usize)> {
    let lines = EXPECTED
        .lines()
        .filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    lines
        .map(|line| {
            let mut words = line.split_whitespace();
            let mut next = || words.next().expect("three words a line");
            let (file, passed, total) = (next(), next(), next());
            (file, passed.parse().unwrap(), total.parse().unwrap())
        })
        .collect()
}

#[test]
fn passes_the_cases_of_prometheus_2() {
    let folder = folder();
    let mut wrong = Vec::new();
    for (file, floor, total) in expected() {
        let Ok(text) = std::fs::read_to_string(folder.join(file)) else {
            println!("skipped {file}: not in {}", folder.display());
            assert!(
                std::env::var_os("WATCHROOM_TESTDATA").is_none(),
                "WATCHROOM_TESTDATA is set but {file} is not there"
            );
            continue;
        };
        let outcome = runner::run(&text, WindowBounds::Closed);
        println!("{file}: {} of {} cases pass", outcome.passed, outcome.total);
        for failure in &outcome.failures {
            println!("{file}:{failure}");
        }
        if outcome.passed < floor || outcome.total != total {
            wrong.push(format!(
                "{file}: {} of {} pass, expected {floor} of {total}",
                outcome.passed, outcome.total
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn passes_cases_of_our_own_in_the_same_format() {
    let outcome = runner::run(include_str!("promql_own.test"), WindowBounds::LeftOpen);
    assert!(outcome.failures.is_empty(), "{}", outcome.failures.join("\n"));
    assert_eq!((outcome.passed, outcome.total), (35, 35));
}
