//! Tests of templates, each against what Prometheus prints.

use super::*;

fn data() -> (Labels, Labels) {
    let labels = Labels::from_pairs([
        ("instance", "host-1.example.org:9090"),
        ("job", "deriva"),
        ("method", "Get"),
    ]);
    (labels, Labels::from_pairs([("region", "eu")]))
}

fn number(value: f64) -> Point {
    Point::Float(watchroom_model::Sample { t_ms: 0, value })
}

fn query(text: &str) -> QueryResult {
    match text {
        "up" => Ok(vec![
            (
                Labels::from_pairs([("__name__", "up"), ("job", "b")]),
                number(1.0),
            ),
            (
                Labels::from_pairs([("__name__", "up"), ("job", "a")]),
                number(0.0),
            ),
        ]),
        "none" => Ok(Vec::new()),
        other => Err(format!("unexpected query {other}")),
    }
}

fn render(template: &str, value: f64) -> String {
    let (labels, external_labels) = data();
    let data = Data {
        labels: &labels,
        value: &number(value),
        now_ms: 1_500,
        external_labels: &external_labels,
        external_url: "http://room.example/watch",
        query: &query,
    };
    Template::parse(template)
        .unwrap_or_else(|error| panic!("{error}"))
        .render(&data)
}

#[track_caller]
fn check(template: &str, value: f64, expect: &str) {
    assert_eq!(render(template, value), expect, "{template}");
}

#[test]
fn fills_in_labels_and_the_value() {
    check("plain", 0.0, "plain");
    check("{{ $labels.job }} at {{ $value }}", 0.25, "deriva at 0.25");
    check(
        "{{ .Labels.job }} at {{ .Value }}",
        1234567.0,
        "deriva at 1.234567e+06",
    );
    check("[{{ $labels.missing }}]", 0.0, "[]");
    check(
        "{{ $externalLabels.region }} {{ $externalURL }} {{ pathPrefix }}",
        0.0,
        "eu http://room.example/watch /watch",
    );
    check("{{ $value }} {{ $value }}", f64::INFINITY, "+Inf +Inf");
    check("a {{- \"b\" -}} c {{/* note */}}d", 0.0, "abc d");
    check(
        "{{ $labels }}",
        0.0,
        "map[instance:host-1.example.org:9090 job:deriva method:Get]",
    );
}

#[test]
fn makes_numbers_readable() {
    check("{{ $value | humanize }}", 1234567.0, "1.235M");
    check("{{ humanize $value }}", 0.0125, "12.5m");
    check("{{ humanize 0.0 }}", 0.0, "0");
    check("{{ $value | humanize1024 }}", 1536.0, "1.5ki");
    check("{{ $value | humanizePercentage }}", 0.05123, "5.123%");
    check("{{ $value | humanizeDuration }}", 93784.0, "1d 2h 3m 4s");
    check("{{ $value | humanizeDuration }}", 0.0125, "12.5ms");
    check("{{ $value | humanizeDuration }}", -61.5, "-1m 1s");
    check("{{ $value | humanizeDuration }}", 12.3456, "12.35s");
    check(
        "{{ $value | humanizeTimestamp }}",
        1435065584.128,
        "2015-06-23 13:19:44.128 +0000 UTC",
    );
    check(
        "{{ \"1.5\" | humanize }} {{ humanize \"x\" }}",
        0.0,
        "<error expanding template: error calling humanize: \"x\" is not a number>",
    );
}

#[test]
fn formats_as_go_does() {
    check("{{ printf \"%.2f\" $value }}", 2.71999, "2.72");
    check("{{ $value | printf \"%.2f%%\" }}", 2.71999, "2.72%");
    check(
        "{{ printf \"%v|%g|%e|%6.1f|%-6.1f|%06.1f\" $value $value $value $value $value $value }}",
        2.5,
        "2.5|2.5|2.500000e+00|   2.5|2.5   |0002.5",
    );
    check(
        "{{ printf \"%s/%q/%d\" $labels.job $labels.method (len $labels) }}",
        0.0,
        "deriva/\"Get\"/3",
    );
    check("{{ printf \"%d\" $value }}", 2.5, "%!d(float64=2.5)");
    check("{{ printf \"%s %s\" \"a\" }}", 0.0, "a %!s(MISSING)");
    check("{{ printf \"%.3g\" $value }}", 1234.5, "1.23e+03");
    check("{{ printf \"%5s|%.2s\" \"ab\" \"xyz\" }}", 0.0, "   ab|xy");
}

#[test]
fn works_on_text() {
    check(
        "{{ toUpper \"ab\" }} {{ \"AB\" | toLower }} {{ title \"ab cd\" }}",
        0.0,
        "AB ab Ab Cd",
    );
    check(
        "{{ reReplaceAll \"(.*):\\\\d+\" \"$1\" $labels.instance }}",
        0.0,
        "host-1.example.org",
    );
    check(
        "{{ stripPort $labels.instance }} {{ stripDomain $labels.instance }}",
        0.0,
        "host-1.example.org host-1:9090",
    );
    check(
        "{{ match \"a+\" \"baa\" }} {{ graphLink \"up > 0\" }}",
        0.0,
        "true /graph?g0.expr=up+%3E+0&g0.tab=0",
    );
    check("{{ parseDuration \"1h30m\" }}", 0.0, "5400");
}

#[test]
fn decides_and_repeats() {
    let level = "{{ if gt $value 0.9 }}high{{ else if gt $value 0.5 }}middle{{ else }}low{{ end }}";
    check(level, 0.95, "high");
    check(level, 0.6, "middle");
    check(level, 0.1, "low");
    check(
        "{{ if and (eq $labels.job \"deriva\" \"x\") (not $labels.none) }}yes{{ end }}",
        0.0,
        "yes",
    );
    check(
        "{{ range query \"up\" }}{{ .Labels.job }}={{ .Value }} {{ end }}",
        0.0,
        "b=1 a=0 ",
    );
    check(
        "{{ range $i, $s := query \"up\" | sortByLabel \"job\" }}{{ $i }}{{ $s | label \"job\" }}{{ end }}",
        0.0,
        "0a1b",
    );
    check(
        "{{ range query \"none\" }}x{{ else }}nothing{{ end }}",
        0.0,
        "nothing",
    );
    check(
        "{{ with query \"up\" }}{{ . | first | value }}{{ end }}",
        0.0,
        "1",
    );
    check("{{ $x := query \"up\" | len }}{{ $x }}", 0.0, "2");
    check(
        "{{ query \"none\" | first }}",
        0.0,
        "<error expanding template: error calling first: first() called on vector with no elements>",
    );
}

#[test]
fn calls_other_templates() {
    check(
        "{{ define \"x\" }}<{{ .arg0 }}-{{ .arg1 }}>{{ end }}{{ template \"x\" (args $value \"b\") }}",
        2.0,
        "<2-b>",
    );
    check("{{ block \"y\" .Labels.job }}[{{ . }}]{{ end }}", 0.0, "[deriva]");
    check(
        "{{ range $k, $v := .Labels }}{{ if eq $k \"job\" }}{{ continue }}{{ end }}{{ $k }} {{ if eq $k \"method\" }}{{ break }}{{ end }}{{ end }}",
        0.0,
        "instance method ",
    );
    check(
        "{{ define \"x\" }}{{ template \"x\" }}{{ end }}{{ template \"x\" }}",
        0.0,
        "<error expanding template: templates are nested deeper than 32 levels>",
    );
    check(
        "{{ template \"z\" }}",
        0.0,
        "<error expanding template: template \"z\" not defined>",
    );
}

#[test]
fn tells_times() {
    check(
        "{{ $value | toTime }}",
        1435065584.128,
        "2015-06-23 13:19:44.128 +0000 UTC",
    );
    check(
        "{{ ($value | toTime).Year }} {{ (toTime $value).Format \"Mon, 02 Jan 2006 15:04:05.000 MST\" }}",
        1435065584.128,
        "2015 Tue, 23 Jun 2015 13:19:44.128 UTC",
    );
    check("{{ toDuration 3661.5 }} {{ now }}", 0.0, "1h1m1.5s 1.5");
}

#[track_caller]
fn refuses(template: &str, expect: &str) {
    let error = Template::parse(template).map(|_| ()).unwrap_err();
    assert_eq!(
        format!("{}: {}", error.position, error.message),
        expect,
        "{template}"
    );
}

#[test]
fn says_what_is_wrong_with_a_template() {
    refuses(
        "{{ humanise $value }}",
        "3: function \"humanise\" not defined, did you mean \"humanize\"?",
    );
    refuses("{{ $valu }}", "3: undefined variable \"$valu\"");
    refuses("{{ $value ", "2: unclosed action, \"}}\" is missing");
    refuses("{{ if $value }}x", "2: {{if}} is not closed by {{end}}");
    refuses("x{{ end }}", "3: unexpected {{end}}, no block is open");
    refuses(
        "{{ humanize }}",
        "3: wrong number of arguments for \"humanize\": 0",
    );
    refuses("{{ $value | 1 }}", "12: only a function can stand after \"|\"");
    refuses("{{ (len $labels }}", "3: unclosed left parenthesis");
    refuses("{{ \"x }}", "3: unterminated quoted string");
    refuses(
        "{{ template }}",
        "2: expected a name in quotes after \"template\"",
    );
    refuses(
        "{{ define \"x\" }}{{ $labels }}{{ end }}",
        "19: undefined variable \"$labels\"",
    );
    refuses("{{ break }}", "2: {{break}} outside {{range}}");
    refuses(
        "{{ tmpl \"x\" . }}",
        "3: function \"tmpl\" not defined: only console templates have it; use {{template}}",
    );
    refuses("{{ }}", "2: missing value for command");
}

#[test]
fn is_bounded() {
    let deep = format!("{{{{ {}1{} }}}}", "(".repeat(5000), ")".repeat(5000));
    assert!(
        Template::parse(&deep)
            .unwrap_err()
            .message
            .contains("nested deeper")
    );
    let blocks = "{{ if 1 }}".repeat(5000) + &"{{ end }}".repeat(5000);
    assert!(
        Template::parse(&blocks)
            .unwrap_err()
            .message
            .contains("nested deeper")
    );
    let long = format!("{{{{ range $labels }}}}{}{{{{ end }}}}", "{{ . }}".repeat(20_000));
    assert!(render(&long, 0.0).contains("takes too long"));
}

mod robustness {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn reading_and_filling_in_never_panic(text in r#"(\{\{|\}\}|[ .$|()"`a-e0-9%:=,\\-]|if |end|else|range |\$value|\$labels|humanize |printf |é){0,25}"#) {
            if let Ok(template) = super::Template::parse(&text) {
                let (labels, external_labels) = super::data();
                let data = super::Data { labels: &labels, value: &super::number(1.5), now_ms: 0, external_labels: &external_labels, external_url: "", query: &super::query };
                let _ = template.render(&data);
            }
        }
    }
}
