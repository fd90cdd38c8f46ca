//! Tests of reading and running log queries.

use std::sync::Arc;

use watchroom_model::{AttrValue, Labels, LogLine, Resource, Severity, SpanId, TraceId};

use super::*;
use crate::{Cancel, Never, Stop};

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

#[track_caller]
fn accepts(query: &str, expect: bool) {
    let parsed = parse(query).unwrap_or_else(|error| panic!("{query}: {error}"));
    assert_eq!(
        parsed.matches(&line(1, "deriva", "connection timeout after 3 tries")),
        expect,
        "{query}"
    );
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
}

#[test]
fn filters_by_labels_metadata_and_ids() {
    accepts(
        r#"{service_name="deriva"} | trace_id="00000000000000000000000000000abc""#,
        true,
    );
    accepts(
        r#"{service_name="deriva"} | span_id = "0000000000000007" | level="error""#,
        true,
    );
    accepts(
        r#"{service_name="deriva"} | severity=~"warn|error" | detected_level!="info""#,
        true,
    );
    accepts(r#"{service_name="deriva"} | http_status_code >= 500"#, true);
    accepts(r#"{service_name="deriva"} | http_status_code = 503"#, true);
    accepts(r#"{service_name="deriva"} | http_status_code < 500"#, false);
    accepts(
        r#"{service_name="deriva"} | elapsed > 1s and elapsed <= 1500ms"#,
        true,
    );
    accepts(r#"{service_name="deriva"} | size >= 20KB, size < 20KiB"#, true);
    accepts(
        r#"{service_name="deriva"} | host_name="b" or (host_name="a1" and http_status_code="503")"#,
        true,
    );
    accepts(r#"{service_name="deriva"} | missing="" | missing!="x""#, true);
    accepts(r#"{service_name="deriva"} | missing > 0"#, false);
}

#[track_caller]
fn refuses(query: &str, expect: &str) {
    assert_eq!(
        parse(query).map(|_| ()).unwrap_err().to_string(),
        expect,
        "{query}"
    );
}

#[test]
fn says_what_is_wrong_and_where() {
    refuses("", "1:1: parse error: no expression found in input");
    refuses(
        "foo",
        "1:1: parse error: unexpected \"foo\", expected a stream selector such as {service_name=\"…\"}",
    );
    refuses(
        "{}",
        "1:1: parse error: stream selector must contain at least one matcher that does not match the empty string, such \
         as a=~\".+\"",
    );
    refuses("{a=\"b\"", "1:1: parse error: unclosed brace \"{\"");
    refuses(
        "{a=b}",
        "1:4: parse error: unexpected \"b\", expected a quoted string",
    );
    refuses(
        "{a~\"b\"}",
        "1:3: parse error: unexpected \"~\", expected one of = != =~ !~",
    );
    refuses(
        "{a=\"b\" c=\"d\"}",
        "1:8: parse error: unexpected \"c\", expected \",\" or \"}\"",
    );
    refuses(
        "{a=~\"(\"}",
        "1:5: parse error: label \"a\": invalid regular expression \"(\": unclosed group",
    );
    refuses(
        "{a=\"b\"} |~ \"[\"",
        "1:12: parse error: invalid regular expression: unclosed character class",
    );
    refuses(
        "{a=\"b\"} |= \"x",
        "1:12: parse error: unterminated quoted string",
    );
    refuses(
        "{a=\"b\"} |= x",
        "1:12: parse error: unexpected \"x\", expected a quoted string",
    );
    refuses(
        "{a=\"b\"} x",
        "1:9: parse error: unexpected \"x\", expected a filter such as |= \"…\" or a stage after \"|\"",
    );
    refuses(
        "{a=\"b\"} | c > \"d\"",
        "1:15: parse error: unexpected \"\\\"\", expected a number, duration or size after \">\"",
    );
    refuses(
        "{a=\"b\"} | (c=\"d\"",
        "1:17: parse error: unexpected end of input, expected \")\"",
    );
}

#[test]
fn names_what_is_not_supported_yet() {
    refuses(
        "{a=\"b\"} | json",
        "1:11: parse error: stage \"json\" is not supported yet",
    );
    refuses(
        "{a=\"b\"} | logfmt | x=1",
        "1:11: parse error: stage \"logfmt\" is not supported yet",
    );
    refuses(
        "rate({a=\"b\"}[5m])",
        "1:1: parse error: metrics over logs are not supported yet: \"rate\"",
    );
    refuses(
        "{a=\"b\"}[5m]",
        "1:8: parse error: metrics over logs are not supported yet: range \"[\"",
    );
    refuses(
        "{a=\"b\"} |> \"<_>\"",
        "1:9: parse error: pattern filters \"|>\" and \"!>\" are not supported yet",
    );
    // A label may have the name of a stage.
    parse("{a=\"b\"} | json=\"x\"").unwrap();
}

#[test]
fn bounds_nesting_and_tests() {
    let nested = format!(
        "{{a=\"b\"}} | {}c=\"d\"{}",
        "(".repeat(20_000),
        ")".repeat(20_000)
    );
    assert!(parse(&nested).unwrap_err().message().contains("nested deeper"));
    let many = format!("{{a=\"b\"}} | {}c=\"d\"", "c=\"d\" or ".repeat(1000));
    assert!(
        parse(&many)
            .unwrap_err()
            .message()
            .contains("more than 200 tests")
    );
}

fn find(limit: usize, direction: Direction) -> LogOutput {
    let lines: Vec<LogLine> = (0..10)
        .map(|i| line(i, if i % 2 == 0 { "a" } else { "b" }, &format!("line {i}")))
        .collect();
    let query = parse("{service_name=\"a\"} != \"line 4\"").unwrap();
    evaluate(&query, lines.as_slice(), 2, 9, direction, limit, &Never).unwrap()
}

#[test]
fn finds_lines_in_the_window_in_either_direction() {
    let times = |output: &LogOutput| output.lines.iter().map(|l| l.time_ns).collect::<Vec<_>>();
    let all = find(10, Direction::Forward);
    assert_eq!((times(&all), all.limited, all.visited), (vec![2, 6, 8], false, 4));
    let some = find(2, Direction::Backward);
    assert_eq!((times(&some), some.limited), (vec![8, 6], true));
    assert_eq!(find(0, Direction::Backward).lines, []);
}

#[test]
fn stops_when_told() {
    #[derive(Debug)]
    struct Now;
    impl Cancel for Now {
        fn stop(&self) -> Option<Stop> {
            Some(Stop::TimedOut)
        }
    }
    let query = parse("{service_name=\"a\"}").unwrap();
    let lines: [LogLine; 0] = [];
    let result = evaluate(&query, &lines[..], 0, 1, Direction::Forward, 1, &Now);
    assert!(matches!(result, Err(LogError::TimedOut)));
}

#[test]
fn lists_the_fields_of_a_line_under_names_that_logql_can_write() {
    let mut with_clash = line(1, "deriva", "x");
    with_clash
        .attributes
        .push(("service.name".into(), "other".into()));
    with_clash.attributes.push(("1st".into(), true.into()));
    let names: Vec<String> = fields(&with_clash)
        .into_iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    assert_eq!(
        names,
        [
            "trace_id=00000000000000000000000000000abc",
            "span_id=0000000000000007",
            "severity=error",
            "http_status_code=503",
            "elapsed=1.5s",
            "size=20KB",
            "_1st=true",
            "host_name=a1"
        ]
    );
    assert_eq!(field(&with_clash, "_1st").as_deref(), Some("true"));
}

mod robustness {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn reading_never_panics(text in r#"[{}a-c="'`~!|<>=, ()0-9\\#\[\]éor]{0,60}"#) {
            let _ = super::parse(&text);
        }

        #[test]
        fn reading_anything_after_a_selector_never_panics(text in "\\PC{0,60}") {
            let _ = super::parse(&format!("{{a=\"b\"}} {text}"));
        }
    }
}
