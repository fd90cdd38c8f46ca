//! Tests of reading and running queries, on lines in memory.

mod errors;
mod labels;
mod metric;
mod refused;
mod robust;
mod stages;
mod templates;

use std::sync::Arc;

use watchroom_model::{AttrValue, Labels, LogLine, Resource, Severity, SpanId, TraceId};

use super::{Direction, Entry, LogOptions, LogQuery, LogSource, LogWindow, Query, parse, parse_logs};

/// A line of a service with some structured metadata.
fn line(time_ns: u64, service: &str, body: &str) -> LogLine {
    LogLine {
        time_ns,
        stream: Labels::from_pairs([("service_name", service)]),
        severity: Severity::Error,
        body: body.into(),
        attributes: vec![
            ("http.status_code".into(), AttrValue::Int(503)),
            ("elapsed".into(), "1.5s".into()),
            ("size".into(), "20KB".into()),
        ],
        trace_id: Some(TraceId(0xabc)),
        span_id: Some(SpanId(7)),
        resource: Arc::new(Resource::new(vec![("host.name".into(), "a1".into())])),
    }
}

/// A line with nothing but its stream and its text.
fn bare(time_ns: u64, stream: &[(&str, &str)], body: &str) -> LogLine {
    LogLine {
        stream: Labels::from_pairs(stream.iter().copied()),
        severity: Severity::Unspecified,
        attributes: Vec::new(),
        trace_id: None,
        span_id: None,
        resource: Arc::new(Resource::new(Vec::new())),
        ..line(time_ns, "", body)
    }
}

#[track_caller]
fn logs(query: &str) -> LogQuery {
    parse_logs(query).unwrap_or_else(|error| panic!("{query}: {error}"))
}

/// What a pipeline makes of a text: the text, then what it extracted; nothing if it does not want it.
#[track_caller]
fn run(pipeline: &str, body: &str) -> Option<String> {
    let query = logs(&format!("{{s=\"x\"}} {pipeline}"));
    let found = query.find(&bare(1, &[("s", "x"), ("env", "dev")], body))?;
    Some(shown(&found))
}

fn shown(entry: &Entry) -> String {
    let mut parsed = entry.parsed.clone();
    parsed.sort();
    let mut out = entry.line.clone();
    for (name, value) in parsed {
        out.push_str(&format!(" {name}={value}"));
    }
    out
}

#[track_caller]
fn check(pipeline: &str, body: &str, expect: &str) {
    assert_eq!(
        run(pipeline, body).as_deref(),
        Some(expect),
        "{pipeline} on {body}"
    );
}

#[track_caller]
fn accepts(query: &str, expect: bool) {
    let found = logs(query).find(&line(1, "deriva", "connection timeout after 3 tries"));
    assert_eq!(found.is_some(), expect, "{query}");
}

#[test]
fn selects_streams_and_filters_lines() {
    accepts(r#"{service_name="deriva"}"#, true);
    accepts(r#"{service_name=~"der.+", other=""}"#, true);
    accepts(r#"{service_name!="deriva", service_name=~".+"}"#, false);
    accepts(r#"{service_name="deriva"} |= "timeout" != "retry""#, true);
    accepts(r#"{service_name="deriva"} |= "nothing" or "timeout""#, true);
    accepts(r#"{service_name="deriva"} != "nothing" or "timeout""#, false);
    accepts(r#"{service_name="deriva"} |~ "time(out|r)" !~ `\d{2}`"#, true);
    accepts(r#"{service_name="deriva"} !~ "after \\d""#, false);
    accepts(r#"{service_name="deriva"} |> "connection <_> after <_>""#, true);
    accepts(r#"{service_name="deriva"} !> "connection <_> after <_>""#, false);
    accepts(r#"({service_name="deriva"} |= "timeout")"#, true);
}

fn find(more: &str, change: impl FnOnce(&mut LogOptions)) -> (Vec<u64>, bool, u64) {
    let lines: Vec<LogLine> = (0..10)
        .map(|i| line(i, if i % 2 == 0 { "a" } else { "b" }, &format!("line {i}")))
        .collect();
    let query = logs(&format!("{{service_name=\"a\"}} {more}"));
    let mut options = LogOptions::default();
    change(&mut options);
    let output = super::evaluate(&query, lines.as_slice(), 2, 9, &options).unwrap();
    let times = output.entries.iter().map(|entry| entry.time_ns).collect();
    (times, output.limited, output.visited)
}

#[test]
fn finds_lines_in_the_window_in_either_direction() {
    let forward = |options: &mut LogOptions| options.direction = Direction::Forward;
    assert_eq!(find("!= \"line 4\"", forward), (vec![2, 6, 8], false, 4));
    let two = find("!= \"line 4\"", |options| options.limit = 2);
    assert_eq!((two.0, two.1), (vec![8, 6], true));
    assert!(find("", |options| options.limit = 0).0.is_empty());
    let apart = find("", |options| options.interval_ns = 4);
    assert_eq!(apart.0, [8, 4]);
}

#[test]
fn stops_when_told() {
    #[derive(Debug)]
    struct Now;
    impl crate::Cancel for Now {
        fn stop(&self) -> Option<crate::Stop> {
            Some(crate::Stop::TimedOut)
        }
    }
    let lines: [LogLine; 0] = [];
    let options = LogOptions {
        cancel: Arc::new(Now),
        ..LogOptions::default()
    };
    let result = super::evaluate(&logs("{service_name=\"a\"}"), &lines[..], 0, 1, &options);
    assert!(matches!(result, Err(super::LogError::TimedOut)));
    let Ok(Query::Metric(query)) = parse("rate({a=\"b\"}[1m])") else {
        panic!("not a metric query");
    };
    let result = super::instant(&query, &lines[..], 0, &options);
    assert!(matches!(result, Err(super::LogError::TimedOut)));
}

#[test]
fn tells_the_source_of_a_text_that_every_wanted_line_has() {
    struct Asked(std::cell::RefCell<Option<String>>);
    impl LogSource for Asked {
        fn visit(
            &self,
            window: &LogWindow<'_>,
            _: &mut dyn FnMut(&LogLine) -> std::ops::ControlFlow<()>,
        ) -> Result<(), crate::SourceError> {
            *self.0.borrow_mut() = window.text.map(str::to_owned);
            Ok(())
        }
    }
    for (query, expect) in [
        (r#"{a="b"}"#, None),
        (r#"{a="b"} |= "x" |= "longer" != "not this one""#, Some("longer")),
        (r#"{a="b"} | json |= "x""#, Some("x")),
        (r#"{a="b"} | line_format "x" |= "x""#, None),
        (r#"{a="b"} |= "x" or "y""#, None),
    ] {
        let source = Asked(None.into());
        super::evaluate(&logs(query), &source, 0, 1, &LogOptions::default()).unwrap();
        assert_eq!(source.0.take().as_deref(), expect, "{query}");
    }
}
