//! Any text is a LogQL query or an error with a position inside it; a query is shown in one shape and read again; run over any lines it
//! ends, within its limits.
//!
//! The input is a query, then, after a zero byte, the text of a line.

#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use watchroom_model::{Labels, LogLine, Resource, Severity};
use watchroom_query::logql::{self, LogOptions, Query};

fn line(time_ns: u64, body: &str) -> LogLine {
    LogLine {
        time_ns,
        stream: Labels::from_pairs([("a", "b"), ("service_name", "deriva")]),
        severity: Severity::Info,
        body: body.into(),
        attributes: vec![("http.route".into(), "/x".into())],
        trace_id: None,
        span_id: None,
        resource: Arc::new(Resource::new(Vec::new())),
    }
}

fuzz_target!(|text: &str| {
    let (text, body) = text.split_once('\0').unwrap_or((text, r#"{"a":"1","b":{"c":2.5}} a=1 b="x""#));
    let query = match logql::parse(text) {
        Ok(query) => query,
        Err(error) => {
            assert!(error.position() <= text.len());
            return;
        }
    };
    let shown = logql::format_query(text).expect("it is a query");
    assert_eq!(logql::format_query(&shown).as_ref(), Ok(&shown));
    let lines: Vec<LogLine> = (1..5).map(|i| line(i * 1_000_000_000, body)).collect();
    let options = LogOptions {
        max_series: 3,
        max_samples: 10_000,
        max_points: 100,
        ..LogOptions::default()
    };
    match query {
        Query::Logs(query) => {
            let found = logql::evaluate(&query, lines.as_slice(), 0, u64::MAX, &options).expect("lines in memory can be read");
            assert!(found.entries.len() <= lines.len());
        }
        Query::Metric(query) => {
            let _ = logql::instant(&query, lines.as_slice(), 5_000, &options);
            let _ = logql::range(&query, lines.as_slice(), 0, 9_000, 700, &options);
        }
    }
});
