//! The syntax of LogQL, held against Grafana's own grammar of it.
//!
//! The peer is the npm package `@grafana/lezer-logql`, the grammar of Grafana's query editor; it is installed with
//! `npm ci --prefix backend/query/tests/logql_grammar` and run by `node`. Without it the comparison is left out, said aloud.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may fail and prints what it left out"
)]

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use watchroom_query::logql;

/// Queries that LogQL has.
fn queries() -> Vec<&'static str> {
    let lines = include_str!("logql_grammar/queries.txt").lines();
    lines
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect()
}

/// Texts that both take for none.
const NONE: [&str; 20] = [
    "{app=\"foo\"",
    "{app=foo}",
    "{app=\"foo\"} |= error",
    "{app=\"foo\"} | json |",
    "{app=\"foo\"} | pattern",
    "{app=\"foo\"} | regexp",
    "{app=\"foo\"} | line_format",
    "{app=\"foo\"} | label_format a",
    "{app=\"foo\"} | drop",
    "{app=\"foo\"} | logfmt --lax",
    "{app=\"foo\"}[5m]",
    "rate({app=\"foo\"})",
    "rate({app=\"foo\"}[5m]",
    "rate({app=\"foo\"}[])",
    "sum by level (rate({app=\"foo\"}[5m]))",
    "rate({app=\"foo\"}[5m]) +",
    "rate({app=\"foo\"}[5m]) / / 2",
    "label_replace(rate({app=\"foo\"}[5m]), \"a\", \"b\", \"c\")",
    "vector()",
    "rate({app=\"foo\"}[5m]) offset 5m",
];

/// For each query whether the grammar takes it; nothing, said aloud, if it is not installed.
fn grammar(queries: &[&str]) -> Option<Vec<String>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/logql_grammar");
    let skipped = |why: String| {
        assert!(
            std::env::var_os("WATCHROOM_REQUIRE_PEERS").is_none(),
            "Grafana's grammar of LogQL is required: {why}"
        );
        println!("not compared with Grafana's grammar of LogQL: {why}");
        None
    };
    if !folder.join("node_modules/@grafana/lezer-logql").exists() {
        return skipped("run npm ci --prefix backend/query/tests/logql_grammar".into());
    }
    let child = Command::new("node")
        .arg("parse.cjs")
        .current_dir(&folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) => return skipped(format!("node: {error}")),
    };
    let text = queries.join("\n");
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let verdicts: Vec<String> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect();
    assert_eq!(verdicts.len(), queries.len());
    Some(verdicts)
}

#[test]
fn reads_every_query_and_shows_it_in_a_shape_that_reads_alike() {
    for query in queries() {
        if let Err(error) = logql::parse(query) {
            panic!("{query}: {error}");
        }
        let shown = logql::format_query(query).unwrap();
        let again = logql::format_query(&shown).unwrap_or_else(|error| panic!("{shown}: {error}"));
        assert_eq!(again, shown, "{query}");
    }
}

#[test]
fn takes_what_grafanas_grammar_takes() {
    let shown: Vec<String> = queries()
        .into_iter()
        .map(|query| logql::format_query(query).unwrap().replace('\n', " "))
        .collect();
    let all: Vec<&str> = queries()
        .into_iter()
        .chain(shown.iter().map(String::as_str))
        .collect();
    let Some(verdicts) = grammar(&all) else {
        return;
    };
    for (query, verdict) in all.iter().zip(verdicts) {
        assert_eq!(verdict, "ok", "{query}");
    }
}

#[test]
fn refuses_what_grafanas_grammar_refuses() {
    for text in NONE {
        assert!(logql::parse(text).is_err(), "{text}");
    }
    let Some(verdicts) = grammar(&NONE) else {
        return;
    };
    for (text, verdict) in NONE.iter().zip(verdicts) {
        assert_ne!(verdict, "ok", "{text}");
    }
}
