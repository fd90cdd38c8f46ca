//! Parsers of texts. The cases follow Loki's documentation of each stage.

use super::{check, run};

/// A text that stays as it is, and what is extracted of it.
#[track_caller]
fn extracts(pipeline: &str, body: &str, expect: &str) {
    let gap = if expect.is_empty() { "" } else { " " };
    check(pipeline, body, &format!("{body}{gap}{expect}"));
}

#[test]
fn json_makes_labels_of_every_scalar() {
    extracts(
        "| json",
        r#"{"a":"x","b":{"c-d":1.50,"e":{"f":true}},"list":[1,2],"n":null,"empty":"","1st":"y"}"#,
        "_1st=y a=x b_c_d=1.50 b_e_f=true empty=",
    );
    extracts(
        "| json",
        r#"{"a":"\"q\"\n\u00fc\ud83d\ude00\ud800x"}"#,
        "a=\"q\"\nü😀\u{fffd}x",
    );
    extracts("| json", " { } ", "");
    extracts("| json", r#"{"a":1,"a":2}"#, "a=1");
}

#[test]
fn json_takes_what_expressions_name() {
    let body = r#"{"servers":["one","two"],"request":{"headers":{"User-Agent":"curl","n":2}}}"#;
    for (expressions, expect) in [
        (
            r#"first="servers[0]", ua="request.headers[\"User-Agent\"]""#,
            "first=one ua=curl",
        ),
        (r#"all="servers""#, r#"all=["one","two"]"#),
        (
            r#"headers="request.headers""#,
            r#"headers={"User-Agent":"curl","n":2}"#,
        ),
        (r#"none="servers[2]", n="request.headers.n""#, "n=2"),
        ("servers", r#"servers=["one","two"]"#),
    ] {
        extracts(&format!("| json {expressions}"), body, expect);
    }
}

#[test]
fn what_is_not_json_is_marked() {
    for (body, details) in [
        ("x", "expected an object at character 1"),
        ("[1]", "expected an object at character 1"),
        (r#"{"a":1"#, "unexpected end at character 7"),
        (r#"{"ü":tru}"#, "expected a value at character 6"),
        (r#"{"a":1} x"#, "unexpected text after the value at character 9"),
        (r#"{"a" 1}"#, "expected \":\" at character 6"),
        (r#"{a:1}"#, "expected a key in quotes at character 2"),
        (r#"{"a":"x"#, "text is not closed at character 6"),
        (r#"{"a":1.2.3}"#, "invalid number at character 6"),
    ] {
        let error = format!("__error__=JSONParserErr __error_details__={details}");
        extracts("| json | drop a", body, &error);
    }
    let deep = format!("{}1{}", "{\"a\":".repeat(1000), "}".repeat(1000));
    assert!(run("| json", &deep).unwrap().contains("nested too deeply"));
    extracts("| json | drop __error__, __error_details__", "x", "");
    assert_eq!(run(r#"| json | __error__!="JSONParserErr""#, "x"), None);
}

#[test]
fn logfmt_makes_labels_of_pairs() {
    extracts(
        "| logfmt",
        r#"level=info msg="two words" http.code=200 empty= flag"#,
        "http_code=200 level=info msg=two words",
    );
    extracts("| logfmt --keep-empty", "a= flag b=1", "a= b=1 flag=");
    extracts(
        r#"| logfmt code="http.code", level"#,
        "level=info http.code=200 x=y",
        "code=200 level=info",
    );
    extracts("| logfmt", "a=b=c d=1", "d=1");
    extracts(
        "| logfmt --strict",
        "a=1 b=b=c d=1",
        "__error__=LogfmtParserErr __error_details__=logfmt syntax error at character 8 a=1",
    );
}

#[test]
fn pattern_and_regexp_name_parts_of_a_text() {
    let body = r#"0.191.12.2 - - [10/Jun/2021:09:14:29 +0000] "GET /api/plugins HTTP/1.1" 200 23"#;
    let expect = "ip=0.191.12.2 method=GET size=23 status=200 uri=/api/plugins";
    extracts(
        r#"| pattern "<ip> - - <_> \"<method> <uri> <_>\" <status> <size>""#,
        body,
        expect,
    );
    extracts(
        r#"| regexp `^(?P<ip>\S+) .*"(?P<method>\w+) (?<uri>\S+) [^"]+" (?P<status>\d+) (?P<size>\d+)$`"#,
        body,
        expect,
    );
    extracts(r#"| pattern "level=<l> <_>""#, "no level", "");
    extracts(r#"| regexp "(?P<a>\\d+)""#, "none", "");
}

#[test]
fn unpack_undoes_pack() {
    check(
        "| unpack",
        r#"{"container":"app","pod":"p-1","n":1,"_entry":"the \"line\""}"#,
        r#"the "line" container=app pod=p-1"#,
    );
    let marked = run("| unpack", "x").unwrap();
    assert!(marked.contains("__error__=JSONParserErr"), "{marked}");
}

#[test]
fn stages_see_what_the_ones_before_left() {
    check("| decolorize", "\u{1b}[31mred\u{1b}[0m", "red");
    check(
        r#"| line_format "a=1 {{.s}}" | logfmt |= "a=1" | a="1""#,
        "x",
        "a=1 x a=1",
    );
    extracts("| json | logfmt", r#"{"a":"x=1"}"#, "a=x=1");
    check(
        r#"| json | line_format "{{.inner}}" | json"#,
        r#"{"inner":"{\"b\":2}"}"#,
        r#"{"b":2} b=2 inner={"b":2}"#,
    );
    assert_eq!(run(r#"| line_format "y" |= "x""#, "x"), None);
}

#[test]
fn labels_beyond_the_limit_are_passed_over() {
    let many: Vec<String> = (0..2_000).map(|i| format!("k{i}=v")).collect();
    let found = run("| logfmt | line_format \"\"", &many.join(" ")).unwrap();
    assert_eq!(found.split(' ').filter(|part| part.starts_with('k')).count(), 512);
}
