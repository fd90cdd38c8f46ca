//! What the two formats are read as.

use proptest::prelude::*;

use super::*;

fn shown(text: &str, format: Format) -> Result<Vec<String>, String> {
    parse(text, format, &ParseLimits::default())
        .map(|found| {
            found
                .samples
                .iter()
                .map(|s| format!("{} {} {:?}", s.labels, s.value, s.t_ms))
                .collect()
        })
        .map_err(|error| error.to_string())
}

#[test]
fn reads_the_text_format() {
    let text = "# HELP http_requests_total The total\\nnumber of \\\\ requests.\n# TYPE http_requests_total counter\n\
        http_requests_total{method=\"post\",code=\"200\",} 1027 1395066363000\n\
        \n# a comment\n  msdos_file{path=\"C:\\\\DIR\\\\F.TXT\",error=\"a\\n\\\"b\\\"\"}   1.5e9\t\n\
        inf{a = \"\" , b=\"x\"} +Inf\r\nnan NaN -5\n{\"with.dots\",\"l.1\"=\"v\"} 0x10\na:b:c 1";
    let found = parse(text, Format::Text, &ParseLimits::default()).unwrap();
    assert_eq!(found.metadata[0].help, "The total\nnumber of \\ requests.");
    assert_eq!(found.metadata[0].kind, MetricKind::Counter);
    assert_eq!(
        shown(text, Format::Text).unwrap(),
        [
            r#"http_requests_total{code="200", method="post"} 1027 Some(1395066363000)"#,
            r#"msdos_file{error="a\n\"b\"", path="C:\\DIR\\F.TXT"} 1500000000 None"#,
            r#"inf{b="x"} inf None"#,
            "nan NaN Some(-5)",
            r#"{"with.dots", "l.1"="v"} 16 None"#,
            "a:b:c 1 None",
        ]
    );
}

#[test]
fn reads_openmetrics() {
    let text = "# TYPE foo counter\n# UNIT foo seconds\n# HELP foo Help.\nfoo_total{a=\"b\"} 17.0 1520879607.789 # {trace_id=\"KOO5S4vxi0o\"} 0.67\n\
        foo_created 5\n# EOF\n";
    let found = parse(text, Format::OpenMetrics, &ParseLimits::default()).unwrap();
    assert_eq!((&*found.metadata[0].unit, found.metadata.len()), ("seconds", 1));
    assert_eq!(
        shown(text, Format::OpenMetrics).unwrap(),
        [r#"foo_total{a="b"} 17 Some(1520879607789)"#, "foo_created 5 None"]
    );
    let exemplar = found.samples[0].exemplar.as_ref().unwrap();
    assert_eq!((exemplar.value, exemplar.t_ms), (0.67, None));
    assert_eq!(exemplar.labels.get("trace_id"), Some("KOO5S4vxi0o"));
    let timed = parse(
        "a 1 # {} 2 3.5\n# EOF\n",
        Format::OpenMetrics,
        &ParseLimits::default(),
    )
    .unwrap();
    assert_eq!(timed.samples[0].exemplar.as_ref().unwrap().t_ms, Some(3_500));
    for (exemplar, reason) in [
        ("#", "the labels of an exemplar"),
        ("# {", "a label of an exemplar"),
        ("# {a=\"b\"", "a comma or a closing brace"),
        ("# {a=\"b\"}", "the value of an exemplar"),
        ("# {a=\"b\"} x", "the value of an exemplar"),
        ("# {a=\"b\"} 1 x", "a time"),
        ("# {a=\"b\"} 1 2 3", "the end of the line"),
    ] {
        let error = shown(&format!("a 1 {exemplar}\n# EOF\n"), Format::OpenMetrics).unwrap_err();
        assert!(
            error.starts_with("line 1: expected ") && error.contains(reason),
            "{exemplar}: {error}"
        );
    }
    assert_eq!(
        shown("a 1\n", Format::OpenMetrics).unwrap_err(),
        "line 2: the text ends without # EOF; it may be cut off"
    );
}

#[test]
fn says_what_is_wrong_and_where() {
    for (text, expect) in [
        ("a 1\nb\n", "line 2: expected a value, got \"\""),
        (
            "a{b} 1",
            "line 1: expected a label or a closing brace, got \"} 1\"",
        ),
        (
            "a{b=\"c\" 1",
            "line 1: expected a comma or a closing brace, got \"1\"",
        ),
        ("a{b=c} 1", "line 1: expected a text in quotes, got \"c} 1\""),
        ("a{b=\"c} 1", "line 1: a text in quotes is not closed"),
        ("a x", "line 1: expected a value, got \"x\""),
        ("a 1 x", "line 1: expected a time, got \"x\""),
        ("a 1 2 3", "line 1: expected the end of the line, got \"3\""),
        ("1a 1", "line 1: expected a metric's name, got \"1a 1\""),
        ("{a=\"b\"} 1", "line 1: expected a metric's name, got \" 1\""),
        ("# TYPE a thing", "line 1: type \"thing\" is not known"),
        ("<html>", "line 1: expected a metric's name, got \"<html>\""),
        (
            "a{__name__=\"b\"} 1",
            "line 1: __name__ is not allowed as a label",
        ),
    ] {
        assert_eq!(shown(text, Format::Text).unwrap_err(), expect, "{text}");
    }
}

#[test]
fn keeps_to_its_limits() {
    let limits = ParseLimits {
        samples: 2,
        labels: 3,
        name_bytes: 5,
        value_bytes: 4,
    };
    for (text, expect) in [
        ("a 1\na 2\na 3", "line 3: there are more than 2 samples"),
        (
            "a{b=\"1\",c=\"2\",d=\"3\"} 1",
            "line 1: sample has more than 3 labels",
        ),
        ("abcdef 1", "line 1: a name is longer than 5 bytes"),
        (
            "a{b=\"12345\"} 1",
            "line 1: value of label \"b\" is longer than 4 bytes",
        ),
    ] {
        let error = parse(text, Format::Text, &limits).unwrap_err();
        assert_eq!(error.to_string(), expect);
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('\n', "\\n")
        .replace('"', "\\\"")
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(
        samples in prop::collection::vec(
            ("[a-zA-Z_:][a-zA-Z0-9_:]{0,9}", prop::collection::btree_map("[a-z][a-z0-9_]{0,5}", ".{1,8}", 0..4), any::<f64>(), any::<Option<i32>>()),
            0..8,
        )
    ) {
        let mut text = String::new();
        let mut expect = Vec::new();
        for (name, labels, value, time) in &samples {
            // A line ends at a line feed, so a carriage return before it would be taken for part of the end.
            let labels: Vec<(String, String)> = labels.iter().map(|(k, v)| (k.clone(), v.replace('\r', "r"))).collect();
            let inner: Vec<String> = labels.iter().map(|(k, v)| format!("{k}=\"{}\"", escaped(v))).collect();
            let shown = if value.is_nan() { "NaN".into() } else { format!("{value:e}").replace("inf", "Inf") };
            let time_text = time.map(|t| format!(" {t}")).unwrap_or_default();
            text.push_str(&format!("{name}{{{}}} {shown}{time_text}\n", inner.join(",")));
            let mut all = Labels::from_pairs(labels).to_builder();
            all.set(METRIC_NAME, name);
            expect.push((all.build(), value.is_nan(), if value.is_nan() { 0.0 } else { *value }, time.map(i64::from)));
        }
        let found = parse(&text, Format::Text, &ParseLimits::default()).unwrap();
        let found: Vec<_> = found
            .samples
            .into_iter()
            .map(|s| (s.labels, s.value.is_nan(), if s.value.is_nan() { 0.0 } else { s.value }, s.t_ms))
            .collect();
        prop_assert_eq!(found, expect);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC*", lines in prop::collection::vec("[a-z{}=\"\\\\, #0-9.\n]{0,40}", 0..6)) {
        for format in [Format::Text, Format::OpenMetrics] {
            let _ = parse(&text, format, &ParseLimits::default());
            let _ = parse(&lines.join("\n"), format, &ParseLimits::default());
        }
    }
}
