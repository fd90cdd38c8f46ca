//! Label filters, and what labels a line has.

use super::{accepts, bare, check, line, logs, run};
use crate::logql::{FieldKind, detect_fields, field, fields};

#[test]
fn filters_by_labels_metadata_and_ids() {
    for (filter, expect) in [
        (r#"trace_id="00000000000000000000000000000abc""#, true),
        (r#"span_id = "0000000000000007" | level="error""#, true),
        (r#"severity=~"warn|error" | detected_level!="info""#, true),
        ("http_status_code >= 500", true),
        ("http_status_code = 503", true),
        ("http_status_code == 503", true),
        ("http_status_code < 500", false),
        ("elapsed > 1s and elapsed <= 1500ms", true),
        ("size >= 20KB, size < 20KiB", true),
        (
            r#"host_name="b" or (host_name="a1" and http_status_code="503")"#,
            true,
        ),
        (
            r#"host_name="b" or host_name="a1" and http_status_code="504""#,
            false,
        ),
        (r#"missing="" | missing!="x""#, true),
        ("missing > 0", false),
        ("missing < 0", false),
    ] {
        accepts(&format!(r#"{{service_name="deriva"}} | {filter}"#), expect);
    }
}

#[test]
fn filters_by_addresses() {
    for (pipeline, body, expect) in [
        (r#"|= ip("192.168.0.0/16")"#, "from 192.168.1.2:80", true),
        (r#"!= ip("192.168.0.0/16")"#, "from 192.168.1.2:80", false),
        (r#"| logfmt | a = ip("10.0.0.1-10.0.0.9")"#, "a=10.0.0.5", true),
        (r#"| logfmt | a = ip("10.0.0.1-10.0.0.9")"#, "a=10.0.0.50", false),
        (r#"| logfmt | a != ip("10.0.0.1")"#, "a=10.0.0.2", true),
    ] {
        assert_eq!(run(pipeline, body).is_some(), expect, "{pipeline} on {body}");
    }
}

#[test]
fn a_label_that_cannot_be_compared_marks_the_line() {
    let error = r#"a=x __error__=LabelFilterErr __error_details__="x" is not a number a=x"#;
    check("| logfmt | a > 5", "a=x", error);
    assert_eq!(run(r#"| logfmt | a > 5 | __error__="""#, "a=x"), None);
    check(r#"| logfmt | a > 5 | __error__="""#, "a=6", "a=6 a=6");
}

#[test]
fn drops_and_keeps_labels() {
    let query = |stages: &str| {
        let query = logs(&format!(r#"{{service_name="d"}} {stages}"#));
        let found = query.find(&line(1, "d", "a=1 b=2")).unwrap();
        let labels = found.labels();
        let shown = labels.into_iter().map(|(name, value)| format!("{name}={value}"));
        shown.collect::<Vec<_>>().join(" ")
    };
    let all = "a=1 b=2 elapsed=1.5s host_name=a1 http_status_code=503 service_name=d size=20KB span_id=0000000000000007 \
        trace_id=00000000000000000000000000000abc";
    assert_eq!(query("| logfmt"), all);
    assert_eq!(
        query(r#"| logfmt | drop elapsed, host_name, size, span_id, trace_id, a="1", b="3""#),
        "b=2 http_status_code=503 service_name=d"
    );
    assert_eq!(
        query(r#"| logfmt | keep a, service_name, b=~"[^2]""#),
        "a=1 service_name=d"
    );
    assert_eq!(query("| logfmt | keep a | logfmt | drop service_name"), "a=1 b=2");
}

#[test]
fn renames_and_formats_labels() {
    check("| logfmt | label_format c=a", "a=1", "a=1 c=1");
    check("| label_format c=missing", "x", "x");
    check(
        r#"| logfmt | label_format c="{{.a}}-{{.b}}", d=c"#,
        "a=1 b=2",
        "a=1 b=2 a=1 b=2 d=1-2",
    );
    check(r#"| label_format env="prod""#, "x", "x env=prod");
}

#[test]
fn what_a_parser_finds_does_not_hide_what_was_there() {
    let expect = "env=prod a=1 a=2 a=1 env_extracted=prod";
    check("| logfmt", "env=prod a=1 a=2", expect);
    check(
        r#"| logfmt | env_extracted="prod""#,
        "env=prod",
        "env=prod env_extracted=prod",
    );
    // The severity is known by other means; a level in the text tells more.
    let found = logs(r#"{service_name="d"} | logfmt | level="debug""#).find(&line(1, "d", "level=debug"));
    assert_eq!(found.unwrap().parsed, [("level".into(), "debug".into())]);
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
    assert_eq!(field(&with_clash, "http_status_cod"), None);
}

#[test]
fn detects_fields_of_metadata_and_texts() {
    let lines = [
        line(1, "d", r#"{"a":1,"b":"x","deep":{"c":"5ms"}}"#),
        line(2, "d", r#"{"a":2.5,"b":"y"}"#),
        bare(3, &[("s", "x")], "ok=true b=7 took=3s"),
        bare(4, &[("s", "x")], "plain words = not pairs"),
    ];
    let found = detect_fields(&lines);
    let shown: Vec<String> = found
        .iter()
        .map(|field| {
            let (name, kind, n) = (&field.name, field.kind.as_str(), field.values.len());
            format!("{name} {kind} {n} {}", field.parsers.join(","))
        })
        .collect();
    assert_eq!(
        shown,
        [
            "a float 2 json",
            "b string 3 json,logfmt",
            "deep_c duration 1 json",
            "elapsed duration 1 ",
            "host_name string 1 ",
            "http_status_code int 1 ",
            "ok boolean 1 logfmt",
            "size bytes 1 ",
            "span_id int 1 ",
            "took duration 1 logfmt",
            "trace_id string 1 ",
        ]
    );
    assert_eq!(found[0].kind, FieldKind::Float);
}
