//! Templates. The cases follow Loki's documentation of its functions.

use super::{check, run};

#[track_caller]
fn shows(template: &str, expect: &str) {
    let query = format!("| logfmt | line_format `{template}` | keep nothing");
    let body = "level=error n=7 f=2.5 path=/a/b msg=\"Hello, Wörld\" took=250ms size=4KiB";
    check(&query, body, expect);
}

#[test]
fn fills_in_fields_and_control_structures() {
    for (template, expect) in [
        ("{{.level}} {{ .missing }}!", "error !"),
        (
            "{{ if eq .level \"error\" }}E{{ else if .level }}x{{ else }}-{{ end }}",
            "E",
        ),
        ("{{ if and .missing .level }}a{{ else }}b{{ end }}", "b"),
        ("{{ with .path }}<{{ . }}>{{ else }}none{{ end }}", "</a/b>"),
        ("{{ with .missing }}<{{ . }}>{{ else }}none{{ end }}", "none"),
        (
            "{{ $p := .path }}{{ range $i, $e := fromJson \"[1,2]\" }}{{ $i }}={{ $e }}{{ $p }} {{ end }}",
            "0=1/a/b 1=2/a/b ",
        ),
        (
            "{{ range $k, $v := . }}{{ if eq $k \"n\" }}{{ $v }}{{ end }}{{ end }}",
            "7",
        ),
        (
            "{{ range fromJson \"[1,2,3]\" }}{{ if eq . 2.0 }}{{ continue }}{{ end }}{{ . }}{{ else }}x{{ end }}",
            "13",
        ),
        ("{{ (fromJson \"{\\\"a\\\":{\\\"b\\\":\\\"c\\\"}}\").a.b }}", "c"),
        ("a {{- /* gone */ -}} b", "ab"),
        ("a {{- .n -}} b", "a7b"),
        ("{{ $x := 1 }}{{ if true }}{{ $x = 2 }}{{ end }}{{ $x }}", "2"),
        (
            "{{ index . \"level\" }} {{ index (fromJson \"[4,5]\") 1 }} {{ len .path }}",
            "error 5 4",
        ),
        (
            "{{ not .missing }} {{ or .missing .n }} {{ ne .n \"8\" }} {{ lt 1 2 }} {{ ge 2.5 2 }}",
            "true 7 true true true",
        ),
        (
            "{{ __line__ | trunc 5 }} {{ __timestamp__ | unixEpochNanos }}",
            "level 1",
        ),
    ] {
        shows(template, expect);
    }
}

#[test]
fn functions_of_text() {
    for (call, expect) in [
        (".level | upper", "ERROR"),
        ("ToUpper .level | ToLower", "error"),
        ("title .path", "/A/B"),
        ("Replace .path \"/\" \"-\" -1", "-a-b"),
        ("Replace .path \"/\" \"-\" 1", "-a/b"),
        (".path | replace \"/\" \"+\"", "+a+b"),
        ("Trim .path \"/b\"", "a"),
        ("TrimLeft .path \"/\"", "a/b"),
        ("TrimRight .path \"b\"", "/a/"),
        ("TrimPrefix .path \"/a\"", "/b"),
        ("TrimSuffix .path \"/b\"", "/a"),
        ("TrimSpace \" x \"", "x"),
        ("trimAll \"/\" .path", "a/b"),
        ("trimPrefix \"/a\" .path", "/b"),
        ("trimSuffix \"/b\" .path", "/a"),
        ("trunc 2 .msg", "He"),
        ("trunc -2 .msg", "ld"),
        ("substr 7 9 .msg", "Wö"),
        ("contains \"rr\" .level", "true"),
        ("hasPrefix \"/a\" .path", "true"),
        ("hasSuffix \"/a\" .path", "false"),
        ("repeat 2 .n", "77"),
        ("indent 2 .n", "  7"),
        ("nindent 1 .n", "\n 7"),
        ("alignLeft 7 .level", "error  "),
        ("alignRight 3 .level", "ror"),
        ("count \"/\" .path", "2"),
        ("regexReplaceAll \"(\\\\w)/(\\\\w)\" .path \"${2}-${1}\"", "/b-a"),
        ("regexReplaceAllLiteral \"/\" .path \"$1\"", "$1a$1b"),
        ("default \"x\" .missing", "x"),
        ("default \"x\" .n", "7"),
        ("urlencode .path", "%2Fa%2Fb"),
        ("urldecode \"%2Fa+b\"", "/a b"),
        ("b64enc .level", "ZXJyb3I="),
        ("b64dec \"ZXJyb3I=\"", "error"),
        (
            "printf \"%-6s|%5.1f|%03d|%q|%v|%x\" .level 2.5 7 .n true .n",
            "error |  2.5|007|\"7\"|true|37",
        ),
        ("printf \"%d %s\" .n 5", "%!d(string=7) %!s(int=5)"),
        ("print 1 2 \"a\" 3", "1 2a3"),
    ] {
        shows(&format!("{{{{ {call} }}}}"), expect);
    }
}

#[test]
fn functions_of_numbers_and_time() {
    for (call, expect) in [
        ("add 1 2 .n", "10"),
        ("sub .n 2", "5"),
        ("mul 2 .n", "14"),
        ("div .n 2", "3"),
        ("mod .n 4", "3"),
        ("max 1 .n 3", "7"),
        ("min 1 .n 3", "1"),
        ("addf .f 0.25", "2.75"),
        ("subf .f 1", "1.5"),
        ("mulf .f 2", "5"),
        ("divf .n 2", "3.5"),
        ("maxf 1 .f", "2.5"),
        ("minf 1 .f", "1"),
        ("ceil .f", "3"),
        ("floor .f", "2"),
        ("round 123.555555 3", "123.556"),
        ("int .f", "2"),
        ("float64 .n", "7"),
        ("bytes .size", "4096"),
        ("duration_seconds .took", "0.25"),
        (
            "toDate \"2006-01-02\" \"2021-11-02\" | date \"02 Jan 06\"",
            "02 Nov 21",
        ),
        (
            "toDateInZone \"2006-01-02 15:04\" \"+01:00\" \"2021-11-02 00:30\" | unixEpoch",
            "1635809400",
        ),
        (
            "unixToTime \"1679577215\" | date \"2006-01-02T15:04:05Z07:00\"",
            "2023-03-23T13:13:35Z",
        ),
        ("unixToTime \"1679577215123\" | unixEpochMillis", "1679577215123"),
        ("now | unixEpoch", "0"),
        ("date \"15:04\" 60", "00:01"),
    ] {
        shows(&format!("{{{{ {call} }}}}"), expect);
    }
}

#[test]
fn what_fails_marks_the_line_and_leaves_it() {
    for (template, details) in [
        ("{{ div 1 0 }}", "div: division by zero"),
        ("{{ add .level 1 }}", "add: \"error\" is not a number"),
        (
            "{{ repeat 1000000 .level }}",
            "repeat: the result is longer than 262144 bytes",
        ),
        ("{{ range .level }}{{ end }}", "cannot range over error"),
        ("{{ lt 1 .n }}", "lt: cannot compare 1 with \"7\""),
        (
            "{{ unixToTime \"12\" }}",
            "unixToTime: \"12\" is not a time of 5, 10, 13, 16 or 19 digits",
        ),
    ] {
        let query = format!("| logfmt | line_format `{template}` | drop level, n");
        let expect = format!("level=error n=7 __error__=TemplateFormatErr __error_details__={details}");
        check(&query, "level=error n=7", &expect);
    }
    let (open, end) = ("{{ range fromJson __line__ }}".repeat(4), "{{ end }}".repeat(4));
    let list = format!("[{}1]", "1,".repeat(99));
    let found = run(&format!("| line_format `{open}x{end}`"), &list).unwrap();
    assert!(found.contains("takes too long"));
}
