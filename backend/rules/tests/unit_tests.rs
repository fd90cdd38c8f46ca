//! Unit tests of rules: the same files through `promtool test rules` and through ours give the same verdicts.

#![expect(clippy::unwrap_used, reason = "whatever fails here is a failure of the test")]
#![expect(clippy::print_stdout, reason = "says what is not compared, and why")]

#[path = "unit_tests/cases.rs"]
mod cases;
#[path = "unit_tests/generate.rs"]
mod generate;
#[path = "unit_tests/templates.rs"]
mod templates;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use watchroom_query::promql::WindowBounds;
use watchroom_rules::{UnitTestFailure, UnitTestReport, UnitTestSettings, UnitTests, load};

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static N: AtomicU32 = AtomicU32::new(0);
        let n = N.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("watchroom-unit-tests-{}-{n}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Verdict of promtool with what it printed; `None`, said aloud, if there is no promtool.
fn promtool(folder: &Path, rules: &str, tests: &str) -> Option<(bool, String)> {
    std::fs::write(folder.join("rules.yml"), rules).unwrap();
    std::fs::write(folder.join("tests.yml"), tests).unwrap();
    match Command::new("promtool")
        .args(["test", "rules", "tests.yml"])
        .current_dir(folder)
        .output()
    {
        Ok(output) => {
            let printed = [output.stdout, output.stderr].concat();
            Some((
                output.status.success(),
                String::from_utf8_lossy(&printed).into_owned(),
            ))
        }
        Err(error) => {
            assert!(
                std::env::var_os("WATCHROOM_REQUIRE_PEERS").is_none(),
                "promtool is required: {error}"
            );
            println!("not compared with promtool: {error}");
            None
        }
    }
}

/// Our verdict: reports, or what cannot be read.
fn ours(rules: &str, tests: &str) -> Result<Vec<UnitTestReport>, String> {
    let read = UnitTests::read(tests)?;
    let groups = load("rules.yml", rules).map_err(|errors| errors[0].to_string())?;
    // The promtool of Prometheus 2 is the peer.
    let settings = UnitTestSettings {
        windows: WindowBounds::Closed,
        ..UnitTestSettings::default()
    };
    Ok(read.run(&groups, &settings))
}

fn passes(reports: &Result<Vec<UnitTestReport>, String>) -> bool {
    reports
        .as_ref()
        .is_ok_and(|reports| reports.iter().all(|r| r.failures.is_empty()))
}

/// Holds our verdict against what it should be, and against promtool's.
#[track_caller]
fn check(folder: &Folder, name: &str, rules: &str, tests: &str, expect: bool) {
    let reports = ours(rules, tests);
    let detail = || match &reports {
        Ok(reports) => reports
            .iter()
            .flat_map(|r| r.failures.iter().map(move |f| format!("{}: {f}\n", r.name)))
            .collect::<String>(),
        Err(error) => error.clone(),
    };
    if let Some((verdict, printed)) = promtool(&folder.0, rules, tests) {
        assert_eq!(
            passes(&reports),
            verdict,
            "{name}\nours: {}\npromtool: {printed}\n{rules}\n{tests}",
            detail()
        );
    }
    assert_eq!(passes(&reports), expect, "{name}: {}", detail());
}

#[test]
fn hand_written_files_get_promtools_verdicts() {
    let folder = Folder::new();
    let all = cases::all();
    let failing = all.iter().filter(|case| !case.passes).count();
    assert!(
        all.len() >= 30 && failing >= 12,
        "{} files, {failing} failing",
        all.len()
    );
    for case in &all {
        check(&folder, case.name, &case.rules, &case.tests, case.passes);
    }
}

#[test]
fn generated_files_get_promtools_verdicts() {
    let folder = Folder::new();
    let mut n = 0;
    for seed in 0..30 {
        let case = generate::case(seed);
        // What we find is what the file expects, so that promtool has to find the same.
        let found = ours(&case.rules, &case.tests(&[])).unwrap();
        let differing: Vec<&UnitTestFailure> = found.iter().flat_map(|report| &report.failures).collect();
        if found
            .iter()
            .flat_map(|r| &r.failures)
            .any(|f| matches!(f, UnitTestFailure::Fails { .. }))
        {
            check(&folder, "fails", &case.rules, &case.tests(&[]), false);
            continue;
        }
        check(&folder, "as found", &case.rules, &case.tests(&differing), true);
        if let Some(wrong) = case.wrong_tests(seed, &differing) {
            check(&folder, "one thing changed", &case.rules, &wrong, false);
            n += 1;
        }
    }
    assert!(n >= 20, "only {n} files could be made to fail");
}

#[test]
fn templates_give_what_prometheus_gives() {
    let folder = Folder::new();
    let (rules, tests) = templates::files();
    let found = ours(&rules, &tests(&[])).unwrap();
    let texts: Vec<String> = templates::found(&found[0]);
    let Some((verdict, printed)) = promtool(&folder.0, &rules, &tests(&texts)) else {
        return;
    };
    assert!(verdict, "{printed}");
}

/// What a file comes to where Debian's promtool is too old to be asked.
#[track_caller]
fn alone(rules: &str, tests: &str, expect: bool) {
    let reports = ours(rules, tests);
    assert_eq!(passes(&reports), expect, "{reports:#?}");
}

#[test]
fn native_histograms_are_given_and_expected() {
    let rules = "groups: [{name: g, rules: [{record: 'h:sum', expr: sum(h)}]}]";
    let tests = |sum: u32| {
        format!(
            "rule_files: [rules.yml]\ntests:\n- interval: 1m\n  input_series:\n  - {{series: 'h{{job=\"a\"}}', values: '{{{{schema:0 count:3 sum:4 buckets:[1 2]}}}}+{{{{schema:0 count:1 sum:1 buckets:[1]}}}}x3'}}\n  \
             - {{series: 'h{{job=\"b\"}}', values: '_ {{{{schema:0 count:2 sum:2 buckets:[2]}}}}x3'}}\n  promql_expr_test:\n  \
             - {{expr: 'h:sum', eval_time: 2m, exp_samples: [{{labels: 'h:sum', histogram: '{{{{schema:0 count:7 sum:{sum} buckets:[5 2]}}}}'}}]}}\n  \
             - {{expr: 'histogram_count(h:sum)', eval_time: 2m, exp_samples: [{{labels: '{{}}', value: 7}}]}}\n"
        )
    };
    alone(rules, &tests(8), true);
    alone(rules, &tests(9), false);
}

#[test]
fn near_numbers_are_the_same_where_the_file_says_so() {
    let tests = |head: &str| {
        format!(
            "{head}tests: [{{promql_expr_test: [{{expr: '0.1 + 0.2', eval_time: 0m, exp_samples: [{{labels: '{{}}', value: 0.3}}]}}]}}]"
        )
    };
    alone("groups: []", &tests("fuzzy_compare: true\n"), true);
    alone("groups: []", &tests("fuzzy_compare: false\n"), false);
    let far = tests("fuzzy_compare: true\n").replace("value: 0.3", "value: 0.3001");
    alone("groups: []", &far, false);
}

#[test]
fn a_test_may_begin_at_a_moment() {
    for (start, seconds) in [("2026-11-20T00:00:00Z", 1_795_132_800_u32), ("100", 100)] {
        let tests = format!(
            "tests: [{{start_timestamp: {start}, interval: 1m, input_series: [{{series: x, values: '1 2 3'}}], promql_expr_test: [{{expr: 'time() + x', eval_time: 2m, \
             exp_samples: [{{labels: '{{}}', value: {}}}]}}]}}]",
            seconds + 123
        );
        alone("groups: []", &tests, true);
    }
    alone("groups: []", "tests: [{start_timestamp: soon}]", false);
}

#[test]
fn alerts_may_be_kept_firing() {
    let rules = "groups: [{name: g, rules: [{alert: A, expr: x > 0, keep_firing_for: 2m}]}]";
    let tests = |at: &str, alerts: &str| {
        format!(
            "rule_files: [rules.yml]\ntests: [{{interval: 1m, input_series: [{{series: x, values: '1 0x9'}}], alert_rule_test: [{{eval_time: {at}, alertname: A, exp_alerts: [{alerts}]}}]}}]"
        )
    };
    alone(rules, &tests("2m", "{}"), true);
    alone(rules, &tests("3m", ""), true);
    alone(rules, &tests("3m", "{}"), false);
}

#[test]
fn what_a_file_asks_for_is_bounded() {
    for (tests, expect) in [
        (
            "tests: [{input_series: [{series: x, values: '0x99999999'}]}]",
            "more than",
        ),
        (
            "tests: [{input_series: [{series: x, values: '_x99999999999999999999'}]}]",
            "whole number",
        ),
    ] {
        let error = UnitTests::read(tests).unwrap_err();
        assert!(error.contains(expect), "{error}");
    }
    let many = ["{series: x, values: '0x999990'}"; 6].join(", ");
    let error = UnitTests::read(&format!("tests: [{{input_series: [{many}]}}]")).unwrap_err();
    assert!(error.contains("the file has more than"), "{error}");
    let far = "evaluation_interval: 1ms\ntests: [{promql_expr_test: [{expr: '1', eval_time: 1d}]}]";
    let reports = UnitTests::read(far)
        .unwrap()
        .run(&[], &UnitTestSettings::default());
    assert!(
        reports[0].failures[0]
            .to_string()
            .contains("evaluations would be needed")
    );
}
