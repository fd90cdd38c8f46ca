//! Templates with every function and action, in annotations of alerts that differ in labels and value.

use std::collections::BTreeMap;

use watchroom_rules::{UnitTestFailure, UnitTestReport, UnitTestRow};

/// Annotations; what they come to is what promtool says. Whatever fails while it is filled in is worded differently and left out, and so are
/// `externalURL` and `pathPrefix`, of which promtool knows nothing.
const TEMPLATES: &[&str] = &[
    "plain text, no action",
    "{{ $labels.instance }} of {{ $labels.job }} is at {{ $value }}",
    "{{ .Labels.job }} {{ .Value }} [{{ .Labels.missing }}] {{ $labels.missing }}",
    "{{ $externalLabels.region }} {{ .ExternalLabels.region }} {{ $externalURL }} {{ .ExternalURL }}",
    "{{ $labels }}",
    "{{ $value | humanize }} {{ humanize 1234567.0 }} {{ humanize 0.0 }} {{ humanize -0.00001234 }} {{ humanize 1e30 }} {{ humanize \"12\" }}",
    "{{ $value | humanize1024 }} {{ humanize1024 1048576.0 }} {{ humanize1024 1e30 }} {{ humanize1024 0.5 }} {{ humanize1024 -2048.0 }}",
    "{{ $value | humanizeDuration }} {{ humanizeDuration 93784.0 }} {{ humanizeDuration 0.0 }} {{ humanizeDuration 0.0125 }} {{ humanizeDuration 60.5 }} {{ humanizeDuration -61.7 }} {{ humanizeDuration 899.99 }}",
    "{{ $value | humanizePercentage }} {{ humanizePercentage 0.05123 }} {{ humanizePercentage 1.0 }} {{ humanizePercentage -0.000012345 }}",
    "{{ humanizeTimestamp 1435065584.128 }} {{ humanizeTimestamp 0.0 }} {{ humanizeTimestamp 1700000000.0 }}",
    "{{ 1435065584.128 | toTime }} {{ (toTime 1435065584.0).Year }} {{ (toTime 1435065584.0).Unix }} {{ (toTime 1435065584.0).Weekday }}",
    "{{ (toTime 1435065584.5).Format \"2006-01-02T15:04:05.000Z07:00 Mon January 3:04PM 06\" }}",
    "{{ printf \"%.2f\" $value }} {{ $value | printf \"%8.3f|%-8.1f|%08.2f|%+.1f\" 1.5 2.5 3.5 }}",
    "{{ printf \"%v %g %e %G %E\" 0.000012 1234567.0 1.5 2.5e10 3.5 }}",
    "{{ printf \"%s %q %v %d %x %X %o %b %c %t\" \"a\" \"b\\n\" \"c\" 12 255 255 8 5 65 true }}",
    "{{ printf \"%d\" $value }} {{ printf \"%s\" $value }} {{ printf \"%s %s\" \"a\" }} {{ printf \"a\" 1 }} {{ printf \"%z\" 1 }} {{ printf \"%\" }} {{ printf \"%!\" }}",
    "{{ printf \"%5s|%-5s|%.2s|%05d|%5d|%-5d|%+d|%x\" \"ab\" \"cd\" \"xyz\" 42 42 42 42 \"hi\" }}",
    "{{ printf \"%5t|%v|%q|%T\" true false 'x' 1.5 }}",
    "{{ print 1 2 \"a\" \"b\" 3 }} {{ println \"x\" 1 }}{{ print }}",
    "{{ title \"ab cd\" }} {{ toUpper \"aB\" }} {{ \"AB\" | toLower }}",
    "{{ match \"a+\" \"baa\" }} {{ match \"^x\" \"ax\" }}",
    "{{ reReplaceAll \"(.*):(\\\\d+)\" \"$2-$1\" $labels.instance }} {{ reReplaceAll \"a(x*)b\" \"${1}W\" \"-ab-axxb-\" }} {{ reReplaceAll \"a\" \"$1x\" \"aa\" }}",
    "{{ stripPort \"host:80\" }} {{ stripPort \"[::1]:80\" }} {{ stripPort \"host\" }} {{ stripDomain \"a.example.org:80\" }} {{ stripDomain \"1.2.3.4:80\" }} {{ stripDomain \"host\" }}",
    "{{ parseDuration \"1h30m\" }} {{ parseDuration \"90s\" | humanizeDuration }}",
    "{{ graphLink \"up{job=\\\"a b\\\"} > 0\" }} {{ tableLink \"sum(up)\" }}",
    "{{ safeHtml \"<b>\" }} {{ html \"<a href='x'>&\" }} {{ js \"it's <x>\" }} {{ urlquery \"a b&c=d/é\" }}",
    "{{ if gt $value 2.0 }}high{{ else if gt $value 1.0 }}middle{{ else }}low{{ end }}",
    "{{ if and (eq $labels.job \"a\" \"b\") (not $labels.none) }}yes{{ else }}no{{ end }} {{ or $labels.none \"fallback\" }} {{ and 1 0 }}",
    "{{ eq 1 1 }} {{ ne \"a\" \"b\" }} {{ lt 1 2 }} {{ le 1.5 1.5 }} {{ ge 2 3 }} {{ eq \"a\" \"b\" \"a\" }} {{ not true }}",
    "{{ len $labels }} {{ len \"äb\" }} {{ index $labels \"job\" }} {{ index $labels \"none\" }} {{ slice \"abcdef\" 1 3 }}",
    "{{ range query \"x\" | sortByLabel \"instance\" }}{{ .Labels.instance }}={{ .Value }};{{ end }}",
    "{{ range $i, $s := query \"x\" | sortByLabel \"instance\" }}{{ if $i }}, {{ end }}{{ $s | label \"instance\" }}:{{ $s | value }}{{ end }}",
    "{{ range query \"none\" }}x{{ else }}nothing{{ end }}",
    "{{ with query \"sum(x)\" }}{{ . | first | value | printf \"%.1f\" }}{{ end }}{{ with query \"none\" }}x{{ else }}-{{ end }}",
    "{{ with $x := 3 }}{{ $x }}{{ end }} {{ $a := 1 }}{{ $a = 2 }}{{ $a }} {{ $b := query \"x\" | len }}{{ $b }}",
    "{{ query \"sum(x)\" | first | value | humanize }} {{ (query \"sum(x)\" | first).Value }}",
    "{{ range $k, $v := $labels }}{{ $k }}={{ $v }} {{ end }}",
    "{{ define \"t\" }}<{{ .arg0 }}:{{ .arg1 }}>{{ end }}{{ template \"t\" (args $value \"b\") }}",
    "{{ define \"u\" }}{{ range . }}{{ .Value }} {{ end }}{{ end }}{{ template \"u\" (query \"x\" | sortByLabel \"instance\") }}",
    "{{ block \"v\" $labels.job }}[{{ . }}]{{ end }}",
    "a {{- \" b \" -}}   c{{/* note */}}d {{- /* other */ -}} e",
    "{{ \"a\" | printf \"%s-%s\" \"b\" }} {{ `raw \\n {{` }} {{ \"\\u00e9\\t|\" }} {{ 'a' }}",
    "{{ 1 }} {{ -1.5 }} {{ 1e3 }} {{ 0x1F }} {{ true }} {{ 1_000 }} {{ 1.0 }}",
    "{{ $value | printf \"%.0f\" }}% {{ printf \"%3d%%\" 7 }} {{ printf \"%.3g|%.10g|%g\" 1234.5 1234.5 100000000.0 }}",
    "{{ range query \"x\" | sortByLabel \"instance\" }}{{ if eq .Labels.instance \"b:2\" }}{{ break }}{{ end }}{{ .Labels.instance }}{{ end }}",
    "{{ strvalue (query \"x\" | first) }}|{{ label \"job\" (query \"x\" | first) }}",
];

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The rules, and the file of tests that expects these texts.
pub(crate) fn files() -> (String, impl Fn(&[String]) -> String) {
    let mut rules =
        String::from("groups:\n- name: g\n  rules:\n  - alert: T\n    expr: x\n    annotations:\n");
    for (i, template) in TEMPLATES.iter().enumerate() {
        rules.push_str(&format!("      a{i:02}: {}\n", quoted(template)));
    }
    let tests = |texts: &[String]| {
        let mut tests = String::from(
            "rule_files: [rules.yml]\ntests:\n- interval: 1m\n  external_url: http://room.example/watch\n  external_labels: {region: eu}\n  input_series:\n\
             \x20 - {series: 'x{job=\"a\", instance=\"a:1\"}', values: '0.25 1'}\n  - {series: 'x{job=\"b\", instance=\"b:2\"}', values: '1234.5 1'}\n\
             \x20 - {series: 'x{job=\"c\", instance=\"c:3\"}', values: '-0.001 1'}\n  alert_rule_test:\n  - eval_time: 0m\n    alertname: T\n    exp_alerts:\n",
        );
        for (i, alert) in texts.chunks(TEMPLATES.len()).enumerate() {
            let (job, instance) = [("a", "a:1"), ("b", "b:2"), ("c", "c:3")][i];
            tests.push_str(&format!(
                "    - exp_labels: {{job: {job}, instance: '{instance}'}}\n      exp_annotations:\n"
            ));
            for (i, text) in alert.iter().enumerate() {
                tests.push_str(&format!("        a{i:02}: {}\n", json(text)));
            }
        }
        tests
    };
    (rules, tests)
}

/// A text in double quotes, as both JSON and YAML read it.
fn json(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out + "\""
}

/// What our templates gave, alert by alert.
pub(crate) fn found(report: &UnitTestReport) -> Vec<String> {
    let [UnitTestFailure::Differs { got, .. }] = &report.failures[..] else {
        panic!("{:?}", report.failures);
    };
    let mut texts = Vec::new();
    for row in got {
        let UnitTestRow::Alert { annotations, .. } = row else {
            panic!("{row}");
        };
        let annotations: BTreeMap<_, _> = annotations.iter().cloned().collect();
        for (name, text) in &annotations {
            assert!(!text.starts_with("<error"), "{name}: {text}");
            texts.push(text.clone());
        }
    }
    assert_eq!(texts.len(), 3 * TEMPLATES.len());
    texts
}
