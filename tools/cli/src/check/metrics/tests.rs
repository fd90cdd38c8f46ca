//! The verdict of `promtool check metrics` on the same texts.

use std::io::Write as _;
use std::process::{Command, Stdio};

use super::*;

/// Verdict of promtool: whether it can be read, and whether there is no advice; `None` if there is no promtool.
fn promtool(text: &str) -> Option<(bool, bool, String)> {
    let started = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = match started {
        Ok(child) => child,
        Err(error) => {
            assert!(
                std::env::var_os("WATCHROOM_REQUIRE_PEERS").is_none(),
                "promtool is required: {error}"
            );
            println!("not compared with promtool: {error}");
            return None;
        }
    };
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    let code = output.status.code();
    Some((code != Some(1), code == Some(0), said))
}

#[test]
fn verdicts_are_those_of_promtool() {
    let texts = [
        "# HELP a_total help\n# TYPE a_total counter\na_total 1\n",
        "# HELP a help\n# TYPE a counter\na 1\n",
        "a 1\n",
        "",
        "# HELP a_seconds help\n# TYPE a_seconds gauge\na_seconds{le=\"1\"} 1\n",
        "# HELP a_total help\n# TYPE a_total gauge\na_total 1\n",
        "# HELP a_milliseconds help\n# TYPE a_milliseconds gauge\na_milliseconds 1\n",
        "# HELP a_hours help\n# TYPE a_hours gauge\na_hours 1\n",
        "# HELP a_ms help\n# TYPE a_ms gauge\na_ms 1\n",
        "# HELP aB help\n# TYPE aB gauge\naB 1\n",
        "# HELP ab help\n# TYPE ab gauge\nab{someLabel=\"x\"} 1\n",
        "# HELP a:b help\n# TYPE a:b gauge\na:b 1\n",
        "# HELP a_gauge help\n# TYPE a_gauge gauge\na_gauge 1\n",
        "# HELP gauge_a help\n# TYPE gauge_a gauge\ngauge_a 1\n",
        "# HELP a_bucket help\n# TYPE a_bucket gauge\na_bucket 1\n",
        "# HELP a_count help\n# TYPE a_count gauge\na_count 1\n",
        "# HELP a_sum help\n# TYPE a_sum counter\na_sum 1\n",
        "# HELP a help\n# TYPE a gauge\na{quantile=\"0.5\"} 1\n",
        "# HELP a_seconds help\n# TYPE a_seconds histogram\na_seconds_bucket{le=\"1\"} 1\na_seconds_bucket{le=\"+Inf\"} 1\na_seconds_sum 1\na_seconds_count 1\n",
        "# HELP a_seconds help\n# TYPE a_seconds summary\na_seconds{quantile=\"0.5\"} 1\na_seconds_sum 1\na_seconds_count 1\n",
        "# HELP a help\n# TYPE a untyped\na_count 1\na 2\n",
        "# HELP a help\n# TYPE a gauge\na 1",
        "# HELP a help\n# HELP a help\n# TYPE a gauge\na 1\n",
        "# TYPE a gauge\n# TYPE a gauge\na 1\n",
        "a 1\n# TYPE a gauge\n",
        "# TYPE a gizmo\na 1\n",
        "a{b=\"c\" 1\n",
        "a{b=c} 1\n",
        "a b\n",
        "# HELP a help\n# TYPE a gauge\na 0x1\n",
        "9a 1\n",
        "a 1 2 3\n",
        "a{b=\"c\",} 1 1700000000000\n",
        "# a comment\n\n# HELP a help \\\\ \\n text\n# TYPE a gauge\na NaN\n",
        "# HELP a help\n# TYPE a gauge\na{b=\"\\\"\\\\\\n\"} +Inf\n",
        "# HELP a_total help\n# TYPE a_total counter\na_total{x=\"1\"} 1\na_total{x=\"2\"} 2\n",
    ];
    for text in texts {
        let report = look("f", text);
        let readable = !report.findings.iter().any(|finding| finding.error);
        let clean = report.findings.is_empty();
        let Some((they_read, they_find_clean, said)) = promtool(text) else {
            return;
        };
        assert_eq!(
            (readable, clean),
            (they_read, they_find_clean),
            "{text}\n{:?}\npromtool: {said}",
            report.findings
        );
    }
}

#[test]
fn a_mistake_has_its_line() {
    let report = look("f", "# TYPE a gauge\na 1\na{ 2\n");
    assert_eq!(
        (report.findings[0].error, report.findings[0].line),
        (true, Some(3))
    );
}
