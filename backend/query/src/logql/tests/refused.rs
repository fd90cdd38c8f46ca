//! What is no query: the error, and where it is.

use super::parse;

#[track_caller]
fn refuses(query: &str, expect: &str) {
    let error = parse(query).map(|_| ()).unwrap_err();
    assert_eq!(error.to_string().replace(" parse error:", ""), expect, "{query}");
}

#[test]
fn selectors_and_filters() {
    for (query, expect) in [
        ("", "1:1: no expression found in input"),
        (
            "foo",
            "1:1: unexpected \"foo\", expected a stream selector such as {service_name=\"…\"}",
        ),
        (
            "{}",
            "1:1: stream selector must contain at least one matcher that does not match the empty string, such as a=~\".+\"",
        ),
        ("{a=\"b\"", "1:1: unclosed brace \"{\""),
        ("{a=b}", "1:4: unexpected \"b\", expected a quoted string"),
        ("{a~\"b\"}", "1:3: unexpected \"~\", expected one of = != =~ !~"),
        (
            "{a=\"b\" c=\"d\"}",
            "1:8: unexpected \"c\", expected \",\" or \"}\"",
        ),
        (
            "{a=~\"(\"}",
            "1:5: label \"a\": invalid regular expression \"(\": unclosed group",
        ),
        (
            "{a=\"b\"} |~ \"[\"",
            "1:12: invalid regular expression: unclosed character class",
        ),
        ("{a=\"b\"} |= \"x", "1:12: unterminated quoted string"),
        (
            "{a=\"b\"} |= x",
            "1:12: unexpected \"x\", expected a quoted string",
        ),
        (
            "{a=\"b\"} x",
            "1:9: unexpected \"x\", expected a filter such as |= \"…\" or a stage after \"|\"",
        ),
        (
            "{a=\"b\"} | c > \"d\"",
            "1:15: unexpected \"\\\"\", expected a number, duration or size after \">\"",
        ),
        (
            "{a=\"b\"} | (c=\"d\"",
            "1:17: unexpected end of input, expected \")\"",
        ),
        (
            "{a=\"b\"} |~ ip(\"1.2.3.4\")",
            "1:12: ip(…) goes with |= and != only",
        ),
        (
            "{a=\"b\"} |= ip(\"1.2.3\")",
            "1:15: invalid IP address \"1.2.3\", expected an address, a range a-b or a network a/bits",
        ),
        (
            "{a=\"b\"} |> \"x <y>\"",
            "1:15: a pattern filter takes only the capture <_>, not <y>",
        ),
        ("{a=\"b\"})", "1:8: unexpected \")\", no parenthesis is open"),
        ("({a=\"b\"}", "1:1: unclosed parenthesis \"(\""),
    ] {
        refuses(query, expect);
    }
}

#[test]
fn stages() {
    for (stage, expect) in [
        ("jsn", "1:11: unknown stage \"jsn\", did you mean \"json\"?"),
        (
            "regex \"x\"",
            "1:11: unknown stage \"regex\", did you mean \"regexp\"?",
        ),
        ("json a=\"b[\"", "1:20: invalid path \"b[\": expected \"]\""),
        (
            "logfmt --lax",
            "1:18: unknown flag, expected --strict or --keep-empty",
        ),
        (
            "pattern \"<a><b>\"",
            "1:23: found two captures in a row, <b> needs a text before it",
        ),
        (
            "pattern \"x\"",
            "1:20: pattern has no named capture such as <name>",
        ),
        (
            "regexp \"a\"",
            "1:18: at least one group has to have a name, such as (?P<name>…)",
        ),
        ("regexp \"(\"", "1:18: invalid regular expression: unclosed group"),
        (
            "line_format \"{{.a\"",
            "1:28: invalid template: unclosed action \"{{\"",
        ),
        (
            "line_format \"{{ uper .a }}\"",
            "1:27: invalid template: unknown function \"uper\", did you mean \"upper\"?",
        ),
        (
            "line_format \"{{ upper }}\"",
            "1:27: invalid template: expected 1 argument(s) for \"upper\", got 0",
        ),
        (
            "line_format \"{{ if .a }}x\"",
            "1:36: invalid template: {{if}} is not closed with {{end}}",
        ),
        (
            "line_format \"{{ $x }}\"",
            "1:27: invalid template: undefined variable \"$x\"",
        ),
        ("label_format a", "1:25: unexpected end of input, expected \"=\""),
        (
            "label_format __error__=\"x\"",
            "1:24: label \"__error__\" cannot be set",
        ),
        ("drop", "1:15: unexpected end of input, expected a label name"),
        (
            "unwrap x",
            "1:9: unwrap makes numbers of lines, it belongs into a function such as sum_over_time(… | unwrap x [5m])",
        ),
    ] {
        refuses(&format!("{{a=\"b\"}} | {stage}"), expect);
    }
    // A label may have the name of a stage.
    for label in ["json", "logfmt", "drop", "unwrap", "ip"] {
        parse(&format!("{{a=\"b\"}} | {label}=\"x\"")).unwrap();
    }
}

#[test]
fn ranges() {
    for (query, expect) in [
        (
            "{a=\"b\"}[5m]",
            "1:8: a range such as [5m] belongs into a function such as rate(…) or count_over_time(…)",
        ),
        (
            "ratee({a=\"b\"}[5m])",
            "1:1: unknown function \"ratee\", did you mean \"rate\"?",
        ),
        (
            "rate({a=\"b\"})",
            "1:13: unexpected \")\", expected a range such as [5m]",
        ),
        ("rate({a=\"b\"}[5m)", "1:13: unclosed bracket \"[\""),
        (
            "rate({a=\"b\"}[5])",
            "1:14: duration \"5\" has no unit, expected a form such as 5m",
        ),
        ("rate({a=\"b\"}[0s])", "1:14: range has to be longer than zero"),
        (
            "rate({a=\"b\"}[5m][1m])",
            "1:17: a range of lines has one range only",
        ),
        (
            "rate({a=\"b\"} offset 5m [5m])",
            "1:14: offset stands after a range such as [5m]",
        ),
        ("rate({a=\"b\"}[5m]", "1:5: unclosed parenthesis \"(\""),
        (
            "sum_over_time({a=\"b\"}[5m])",
            "1:15: invalid aggregation sum_over_time without unwrap; add | unwrap and the label that has the number",
        ),
        (
            "count_over_time({a=\"b\"} | unwrap x [5m])",
            "1:17: invalid aggregation count_over_time with unwrap",
        ),
        (
            "rate({a=\"b\"}[5m]) by (x)",
            "1:19: grouping not allowed for rate; put an aggregation such as sum by (…) around it",
        ),
        (
            "max_over_time({a=\"b\"} | unwrap x | json [5m])",
            "1:36: only label filters may follow unwrap",
        ),
        (
            "max_over_time({a=\"b\"} | unwrap x |= \"y\" [5m])",
            "1:34: only label filters may follow unwrap",
        ),
        (
            "max_over_time({a=\"b\"} | unwrap dur(x) [5m])",
            "1:32: unknown conversion \"dur\", expected duration, duration_seconds or bytes",
        ),
        (
            "quantile_over_time({a=\"b\"} | unwrap x [5m])",
            "1:20: unexpected \"{\", expected a number",
        ),
    ] {
        refuses(query, expect);
    }
}

#[test]
fn operators_and_aggregations() {
    for (query, expect) in [
        (
            "rate({a=\"b\"}[5m]))",
            "1:18: unexpected \")\", no parenthesis is open",
        ),
        (
            "topk(0, rate({a=\"b\"}[5m]))",
            "1:6: invalid parameter 0 of topk, expected a whole number greater than 0",
        ),
        (
            "sum(5)",
            "1:5: sum needs a vector, got a number; vector(…) makes one of it",
        ),
        (
            "sum({a=\"b\"})",
            "1:5: a metric query needs a function such as rate(…) around a stream selector",
        ),
        (
            "sort(rate({a=\"b\"}[5m])) by (x)",
            "1:25: grouping not allowed for sort",
        ),
        (
            "1 and rate({a=\"b\"}[5m])",
            "1:3: set operator \"and\" needs vectors on both sides, got a number; vector(…) makes one of it",
        ),
        (
            "1 + on(x) rate({a=\"b\"}[5m])",
            "1:3: on and ignoring are only allowed between vectors",
        ),
        (
            "vector(1) + bool vector(1)",
            "1:13: bool modifier can only be used on comparison operators",
        ),
        (
            "vector(1) * group_left vector(1)",
            "1:13: unexpected \"group_left\", expected \"on\" or \"ignoring\" before it",
        ),
        (
            "vector(1) vector(1)",
            "1:11: unexpected \"vector\", expected an operator or the end of the expression",
        ),
        ("vector(time())", "1:8: unexpected \"time\", expected a number"),
        (
            "label_replace(vector(1), \"a b\", \"\", \"\", \"\")",
            "1:26: invalid label name \"a b\"",
        ),
        (
            "label_replace(vector(1), \"a\", \"\", \"\", \"(\")",
            "1:39: invalid regular expression: unclosed group",
        ),
    ] {
        refuses(query, expect);
    }
}

#[test]
fn bounds_nesting_and_parts() {
    let bounded = |query: String, expect: &str| {
        let error = parse(&query).map(|_| ()).unwrap_err();
        assert!(error.message().contains(expect), "{error}");
    };
    let (open, close) = ("(".repeat(20_000), ")".repeat(20_000));
    bounded(format!("{{a=\"b\"}} | {open}c=\"d\"{close}"), "nested deeper");
    bounded(format!("{open}{{a=\"b\"}}{close}"), "nested deeper");
    bounded(format!("{open}vector(1){close}"), "nested deeper");
    bounded(format!("rate({open}{{a=\"b\"}}{close}[5m])"), "nested deeper");
    bounded(
        format!("{}vector(1){}", "sum(".repeat(20_000), ")".repeat(20_000)),
        "nested deeper",
    );
    bounded(
        format!("{{a=\"b\"}} | {}c=\"d\"", "c=\"d\" or ".repeat(1000)),
        "more than 200 tests",
    );
    bounded(
        format!("{{a=\"b\"}}{}", "| json".repeat(1000)),
        "more than 200 stages",
    );
    bounded(format!("1{}", " + 1".repeat(1000)), "deeper than 200 levels");
    bounded(format!("1{}", " ^ 1".repeat(1000)), "more than 200 operators");
    bounded(
        format!("{{a=\"b\"}} | line_format \"{}\"", "{{if .a}}".repeat(1000)),
        "nested deeper",
    );
    bounded(
        format!("{{a=\"b\"}} |= \"{}\"", "x".repeat(1 << 17)),
        "query is longer than",
    );
}
