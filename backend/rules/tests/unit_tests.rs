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
