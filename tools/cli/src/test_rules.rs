//! `watchroom test rules`: unit tests of rules, in promtool's file format.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use clap::{Args, Subcommand, ValueEnum};
use regex::Regex;
use watchroom_rules::{GroupSpec, UnitTestFailure, UnitTestSettings, UnitTests};
use watchroom_server::WindowBounds;

use crate::command::Failure;
use crate::files::expand;

/// What is tested.
#[derive(Debug, Subcommand)]
pub(crate) enum TestCommand {
    /// Run unit tests of rules, in promtool's file format
    Rules(TestRulesArgs),
}

/// Flags of `watchroom test rules`.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 every test passed; 1 one failed, or a file is not valid; 2 the command line is wrong; 3 a file cannot be read."
)]
pub(crate) struct TestRulesArgs {
    /// Files of unit tests; `*` and `?` stand for any text and for any character
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Run only the tests whose name matches one of these patterns
    #[arg(long, value_name = "REGEX")]
    run: Vec<Regex>,
    /// Write the results as JUnit XML
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Show differences line by line: `-` is missing, `+` is too much
    #[arg(long)]
    diff: bool,
    /// Which edges the windows of expressions include: as Prometheus 3 has it, or closed as in Prometheus 2
    #[arg(long, value_name = "WHICH", default_value = "left-open")]
    query_windows: Windows,
}

/// Values of `--query-windows`.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Windows {
    /// Without the sample at the left edge
    LeftOpen,
    /// With it
    Closed,
}

/// Results of one file.
struct FileResult {
    file: PathBuf,
    tests: Vec<TestResult>,
    took: Duration,
}

struct TestResult {
    name: String,
    failures: Vec<String>,
}

pub(crate) fn run(command: TestCommand) -> Result<(), Failure> {
    let TestCommand::Rules(args) = command;
    let mut results = Vec::new();
    for pattern in &args.files {
        let files = expand(pattern);
        if files.is_empty() {
            return Err(Failure::start(anyhow!("no file fits {}", pattern.display())));
        }
        for file in files {
            results.push(test(&file, &args)?);
        }
    }
    let mut out = String::new();
    for result in &results {
        show(&mut out, result);
    }
    let failed = results
        .iter()
        .flat_map(|result| &result.tests)
        .filter(|test| !test.failures.is_empty())
        .count();
    let n = results.iter().map(|result| result.tests.len()).sum::<usize>();
    let _ = writeln!(out, "{} of {n} tests passed", n - failed);
    std::io::stdout()
        .lock()
        .write_all(out.as_bytes())
        .context("cannot write the results")
        .map_err(Failure::run)?;
    if let Some(path) = &args.junit {
        std::fs::write(path, junit(&results))
            .with_context(|| format!("cannot write {}", path.display()))
            .map_err(Failure::start)?;
    }
    match failed {
        0 => Ok(()),
        _ => Err(Failure::run(anyhow!("{failed} of {n} tests failed"))),
    }
}

#[expect(clippy::disallowed_methods, reason = "a command that tells how long it took")]
fn now() -> std::time::Instant {
    std::time::Instant::now()
}

fn test(file: &Path, args: &TestRulesArgs) -> Result<FileResult, Failure> {
    let began = now();
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("cannot read {}", file.display()))
        .map_err(Failure::start)?;
    // A file that is not valid is one test that failed, so that the others are still run.
    let tests = reports(file, &text, args).unwrap_or_else(|failures| {
        vec![TestResult {
            name: "file".into(),
            failures,
        }]
    });
    Ok(FileResult {
        file: file.to_owned(),
        tests,
        took: began.elapsed(),
    })
}

fn reports(file: &Path, text: &str, args: &TestRulesArgs) -> Result<Vec<TestResult>, Vec<String>> {
    let tests = UnitTests::read(text).map_err(|reason| vec![reason])?;
    let folder = file.parent().unwrap_or(Path::new(""));
    let (mut groups, mut seen): (Vec<GroupSpec>, HashMap<PathBuf, ()>) = Default::default();
    let mut mistakes = Vec::new();
    for pattern in &tests.rule_files {
        let found = expand(&folder.join(pattern));
        if found.is_empty() {
            let _ = writeln!(
                std::io::stderr(),
                "warning: {}: no rule file fits {pattern:?}",
                file.display()
            );
        }
        for path in found {
            if seen.insert(path.clone(), ()).is_some() {
                continue;
            }
            match std::fs::read_to_string(&path) {
                Ok(text) => match watchroom_rules::load(&path.to_string_lossy(), &text) {
                    Ok(found) => groups.extend(found),
                    Err(errors) => mistakes.extend(errors.iter().map(ToString::to_string)),
                },
                Err(error) => mistakes.push(format!("cannot read {}: {error}", path.display())),
            }
        }
    }
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    let wanted = |name: &str| args.run.is_empty() || args.run.iter().any(|pattern| pattern.is_match(name));
    let settings = UnitTestSettings {
        windows: match args.query_windows {
            Windows::LeftOpen => WindowBounds::LeftOpen,
            Windows::Closed => WindowBounds::Closed,
        },
        wanted: &wanted,
    };
    let reports = tests.run(&groups, &settings).into_iter();
    Ok(reports
        .map(|report| TestResult {
            name: report.name,
            failures: report
                .failures
                .iter()
                .map(|failure| shown(failure, args.diff))
                .collect(),
        })
        .collect())
}

fn shown(failure: &UnitTestFailure, as_diff: bool) -> String {
    let diff = failure.diff();
    if !as_diff || diff.is_empty() {
        return failure.to_string();
    }
    let mut text = failure.headline();
    for (sign, row) in diff {
        let _ = write!(text, "\n  {sign} {row}");
    }
    text
}

fn show(out: &mut String, result: &FileResult) {
    let verdict = |ok: bool| if ok { "ok" } else { "FAILED" };
    let _ = writeln!(
        out,
        "{}: {}",
        result.file.display(),
        verdict(result.tests.iter().all(|test| test.failures.is_empty()))
    );
    for test in result.tests.iter().filter(|test| !test.failures.is_empty()) {
        let _ = writeln!(out, "  {}", test.name);
        for line in test.failures.iter().flat_map(|failure| failure.lines()) {
            let _ = writeln!(out, "    {line}");
        }
    }
}

/// The results in the form that servers of continuous integration read.
fn junit(results: &[FileResult]) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    for result in results {
        let failures = result
            .tests
            .iter()
            .filter(|test| !test.failures.is_empty())
            .count();
        let _ = writeln!(
            out,
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{failures}\" errors=\"0\" time=\"{:.3}\">",
            xml(&result.file.to_string_lossy()),
            result.tests.len(),
            result.took.as_secs_f64()
        );
        for test in &result.tests {
            let name = xml(&test.name);
            if test.failures.is_empty() {
                let _ = writeln!(out, "    <testcase name=\"{name}\"/>");
            } else {
                let text = xml(&test.failures.join("\n"));
                let _ = writeln!(
                    out,
                    "    <testcase name=\"{name}\"><failure>{text}</failure></testcase>"
                );
            }
        }
        out.push_str("  </testsuite>\n");
    }
    out + "</testsuites>\n"
}

fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(c),
            // XML has no place for these.
            c if c < ' ' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn junit_is_well_formed_whatever_stands_in_it() {
        let results = [FileResult {
            file: "a&b.yml".into(),
            took: Duration::from_millis(1500),
            tests: vec![
                TestResult {
                    name: "fine".into(),
                    failures: vec![],
                },
                TestResult {
                    name: "\"<wrong>\"".into(),
                    failures: vec!["x < 1 & \u{1}".into()],
                },
            ],
        }];
        assert_eq!(
            junit(&results),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite name=\"a&amp;b.yml\" tests=\"2\" failures=\"1\" errors=\"0\" time=\"1.500\">\n\
             \x20   <testcase name=\"fine\"/>\n    <testcase name=\"&quot;&lt;wrong&gt;&quot;\"><failure>x &lt; 1 &amp; \u{fffd}</failure></testcase>\n  </testsuite>\n</testsuites>\n"
        );
    }
}
